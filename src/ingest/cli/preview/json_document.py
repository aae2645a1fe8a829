"""A view as values for one JSON document."""

from dataclasses import asdict
from typing import Any

from ingest.cli.exit_codes import ExitCode
from ingest.cli.preview.document_preview import DocumentPreview, sections
from ingest.cli.preview.view import View
from ingest.records import Chunk

INNER = ("document_id", "heading_paths")  # of a chunk: nothing to look at


def values(view: View) -> dict[str, Any]:
    """Return everything about a document: figures, sections, chunks, what is in none, children and comparison."""
    here, ref, document = view.here, view.here.raw.ref, view.here.document
    return {
        **{name: getattr(ref, name) for name in ("uri", "path", "source", "version")},
        **{name: getattr(document, name, "") for name in ("media_type", "parser", "language")},
        "origin": view.origin,
        "bytes": len(here.raw.data),
        "title": here.title,
        **_figures(here),
        "sections": [asdict(section) for section in sections(here)],
        "chunks": [
            {"number": number, **_chunk(chunk), "context_tokens": context}
            for number, (chunk, context) in enumerate(zip(here.chunks, here.context_tokens, strict=True), 1)
        ],
        "dropped": [{"reason": reason, **_chunk(chunk)} for chunk, reason in here.dropped],
        "left_out": [asdict(part) for part in here.left_out],
        "children": [
            {"path": child.path, "bytes": len(child.data), "media_type": child.media_type}
            for child in (document.children if document else ())
        ],
        **_refused(here),
        **_against(view),
    }


def _chunk(chunk: Chunk) -> dict[str, Any]:
    return {name: value for name, value in asdict(chunk).items() if name not in INNER}


def _figures(preview: DocumentPreview) -> dict[str, Any]:
    return {
        "characters": len(preview.text),
        "blocks": preview.kinds,
        "chunk_count": len(preview.chunks),
        "tokens": preview.tokens,
        "marks": preview.marks,
        "model": preview.model,
        "chunking": preview.options,
        "seconds": {stage: round(seconds, 4) for stage, seconds in preview.seconds.items()},
    }


def _refused(preview: DocumentPreview) -> dict[str, Any]:
    """Return the reason for a quarantine, in the form of other commands' errors, and its stage."""
    if preview.refusal is None:
        return {}
    error = preview.refusal.error
    told = {"class": type(error).__name__, "message": str(error), "exit_code": ExitCode.REFUSED}
    return {"quarantined": {"stage": preview.refusal.stage}, "error": told}


def _against(view: View) -> dict[str, Any]:
    there, compared = view.there, view.compared
    if there is None or compared is None:
        return {}
    found = {
        **_figures(there),
        **vars(compared),
        "equal": [(i + 1, j + 1) for i, j in compared.equal],
        "only_here": [i + 1 for i in compared.only_here],
        "only_there": [{"number": j + 1, **_chunk(there.chunks[j])} for j in compared.only_there],
        **_refused(there),
    }
    return {"against": found}
