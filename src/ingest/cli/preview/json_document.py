"""A view as values for one JSON document."""

from dataclasses import asdict
from typing import Any

from ingest.cli.exit_codes import ExitCode
from ingest.cli.preview.comparison import Comparison
from ingest.cli.preview.cut import Cut, sections
from ingest.cli.preview.view import View
from ingest.cli.preview.visible_text import Mask
from ingest.records import Chunk


def values(view: View) -> dict[str, Any]:
    """Return everything about a document: figures, sections, chunks, what is in none, children and comparison."""
    cut, mask = view.here, view.mask
    document = cut.document
    return {
        "uri": cut.raw.ref.uri,
        "path": cut.raw.ref.path,
        "source": cut.raw.ref.source,
        "origin": view.origin,
        "version": cut.raw.ref.version,
        "bytes": len(cut.raw.data),
        "media_type": document.media_type if document else "",
        "parser": document.parser if document else "",
        "title": mask.words(cut.raw.ref.title or (document.title if document else "")),
        "language": document.language if document else "",
        **_figures(cut),
        "sections": [_section(asdict(section), mask) for section in sections(cut)],
        "chunks": [
            {"number": number, **chunk_values(chunk, mask), "context_tokens": context}
            for number, (chunk, context) in enumerate(zip(cut.chunks, cut.context_tokens, strict=True), 1)
        ],
        "dropped": [{"reason": reason, **chunk_values(chunk, mask)} for chunk, reason in cut.dropped],
        "left_out": [asdict(part) for part in cut.left_out],
        "children": [
            {"path": mask.words(child.path), "bytes": len(child.data), "media_type": child.media_type}
            for child in (document.children if document else ())
        ],
        **_refused(cut),
        **({"against": _against(view, view.compared)} if view.compared else {}),
    }


def chunk_values(chunk: Chunk, mask: Mask) -> dict[str, Any]:
    """Return a chunk with its secrets masked."""
    return {
        "start": chunk.start,
        "end": chunk.end,
        "tokens": chunk.tokens,
        "page": chunk.page,
        "marks": chunk.marks,
        "parent": chunk.parent,
        "heading_path": [mask.words(title) for title in chunk.heading_path],
        "context": mask.words(chunk.context),
        "text": mask.slice(chunk.start, chunk.end),
        "chunk_id": chunk.chunk_id,
        "embedding_key": chunk.embedding_key,
    }


def _figures(cut: Cut) -> dict[str, Any]:
    return {
        "characters": len(cut.text),
        "blocks": cut.kinds,
        "chunk_count": len(cut.chunks),
        "tokens": asdict(cut.tokens),
        "marks": cut.marks,
        "model": cut.model,
        "chunking": cut.options.model_dump(),
        "seconds": {"parse": round(cut.parse_seconds, 4), "chunk": round(cut.chunk_seconds, 4)},
    }


def _refused(cut: Cut) -> dict[str, Any]:
    """Return the reason for a quarantine, in the form of other commands' errors, and its stage."""
    if cut.refusal is None:
        return {}
    told = {"class": cut.refusal.error, "message": cut.refusal.message, "exit_code": int(ExitCode.REFUSED)}
    return {"quarantined": {"stage": cut.refusal.stage}, "error": told}


def _section(section: dict[str, Any], mask: Mask) -> dict[str, Any]:
    return {**section, "title": mask.words(section["title"]), "chunks": [number + 1 for number in section["chunks"]]}


def _against(view: View, compared: Comparison) -> dict[str, Any]:
    assert view.there is not None
    numbered = [(j + 1, view.there.chunks[j]) for j in compared.only_there]
    return {
        **_figures(view.there),
        "same_text": compared.same_text,
        "same_model": compared.same_model,
        "equal": [[i + 1, j + 1] for i, j in compared.equal],
        "only_here": [i + 1 for i in compared.only_here],
        "only_there": [{"number": number, **chunk_values(chunk, view.mask_there)} for number, chunk in numbered],
        "other_context": compared.other_context,
        "texts_there": compared.texts_there,
        "embedded_anew": compared.embedded_anew,
        **_refused(view.there),
    }
