"""The keyword index: BM25 over postings in Parquet, built per shard, merged and searched in bounded memory.

texts ──Analyser──▶ terms ──shard_postings──▶ a shard's tables ──merge──▶ three files ──KeywordIndex──▶ hits
"""

from ingest.keyword.analyser import Analyser
from ingest.keyword.keyword_index import Formula, KeywordIndex
from ingest.keyword.merging import KeywordFiles, ShardPostings, merge, read_shard, shard_postings
from ingest.keyword.parquet_files import LENGTHS, POSTINGS, SHARD_POSTINGS, TERMS
from ingest.keyword.verification import verify
