"""The keyword index: BM25 over postings in Parquet, built per shard, merged and searched in bounded memory.

texts ──Analyser──▶ terms ──shard_postings──▶ a shard's tables ──merge──▶ three files ──KeywordIndex──▶ hits
"""

from ingest.bm25.analysis import Analyser
from ingest.bm25.index import KeywordIndex
from ingest.bm25.merging import KeywordFiles, merge
from ingest.bm25.postings import ShardPostings, restrict, shard_postings
from ingest.bm25.schemas import LENGTHS, POSTINGS, SHARD_POSTINGS, TERMS
from ingest.bm25.verification import verify

__all__ = [
    "LENGTHS", "POSTINGS", "SHARD_POSTINGS", "TERMS", "Analyser", "KeywordFiles", "KeywordIndex", "ShardPostings",
    "merge", "restrict", "shard_postings", "verify",
]  # fmt: skip
