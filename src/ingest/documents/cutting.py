"""Parsed document → chunks with marks, sorted by the source's policy; used by runs and `ingest preview`."""

from dataclasses import replace
from typing import NamedTuple

from ingest.documents import screening
from ingest.documents.chunking import chunk
from ingest.documents.chunking.amounts import sized
from ingest.errors import DocumentError, EmptyDocument, SuspiciousDocument
from ingest.ids import document_id
from ingest.ports import Tokenizer
from ingest.records import BuildOptions, Chunk, Document, ScreeningPolicy


class CutDocument(NamedTuple):
    """What becomes of a document's text."""

    chunks: list[Chunk]  # to index
    dropped: list[tuple[Chunk, str]]  # by the policy, each with the mark that caused it
    language: str  # of the text
    refusal: DocumentError | None = None  # why a run quarantines the document; its chunks are for display only


def cut_document(
    document: Document, uri: str, source: str, options: BuildOptions, tokenizer: Tokenizer, *, container: bool
) -> CutDocument:
    """Return a document's chunks, or its refusal; a container may have no text. Raises: what the chunker raises."""
    language, sizes = sized(document, options.chunking, tokenizer, options.model_tokens)
    document = replace(document, language=language or document.language)
    chunks = screening.screen(document, chunk(document, document_id(uri), sizes, tokenizer))
    if not chunks and not container:
        refusal = EmptyDocument(f"{uri}: no text left after parsing as {document.media_type}")
        return CutDocument([], [], language, refusal)
    try:
        return CutDocument(*screening.sort_out(uri, chunks, options.screening.get(source, ScreeningPolicy())), language)
    except SuspiciousDocument as error:
        return CutDocument(chunks, [], language, error)
