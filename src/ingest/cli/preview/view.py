"""What is shown of one document, its secrets masked: facts for people, values for programs."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

from ingest.cli.exit_codes import ExitCode
from ingest.cli.output import size
from ingest.cli.preview.comparison import Comparison
from ingest.cli.preview.document_preview import COVER, MASK, DocumentPreview, sections
from ingest.cli.preview.visible_text import one_line
from ingest.cli.tables import in_words, words
from ingest.documents.screening import marks_of
from ingest.records import Chunk

TITLE, VALUE = 80, 1000  # characters shown
NEITHER = "–"
BEFORE_ALL = "(before the first heading)"
KEYS = ("PRIVATE KEY", "PuTTY-User-Key-File")
INNER = ("document_id", "heading_paths", "sketch")  # fields of a chunk that are neither masked nor shown


def facts(here: DocumentPreview) -> list[tuple[str, str]]:
    """Return the header: names and values."""
    ref, document = here.raw.ref, here.document
    told: dict[str, Any] = {"uri": ref.uri, "read_from": here.origin, "size": size(max(len(here.raw.data), ref.size))}
    if document.parser:
        told |= {name: getattr(document, name) for name in ("media_type", "parser", "language")}
        told |= {"title": ref.title or document.title, **here.figures, "dropped_chunks": len(here.dropped)}
        told |= {"documents_inside": len(document.children)}
    return [(words(name), one_line(in_words(value), VALUE) or NEITHER) for name, value in told.items()]


def values(here: DocumentPreview, compared: Comparison | None = None) -> dict[str, Any]:
    """Return everything about a document: figures, sections, chunks, text in no chunk, children and comparison."""
    ref, document = here.raw.ref, here.document
    return {
        **{name: getattr(ref, name) for name in ("uri", "path", "source", "version")},
        **{name: getattr(document, name) for name in ("media_type", "parser", "language")},
        "origin": here.origin,
        "bytes": len(here.raw.data),
        "title": ref.title or document.title,
        **here.figures,
        "sections": [asdict(section) for section in sections(here)],
        "chunks": [
            {"number": number, **_chunk(chunk), "context_tokens": context}
            for number, (chunk, context) in enumerate(zip(here.chunks, here.context_tokens, strict=True), 1)
        ],
        "dropped": [{"reason": reason, **_chunk(chunk)} for chunk, reason in here.dropped],
        "left_out": [asdict(part) for part in here.left_out],
        "children": [{"path": c.path, "bytes": len(c.data), "media_type": c.media_type} for c in document.children],
        **_refused(here),
        **({"against": _against(compared)} if compared is not None else {}),
    }


def _chunk(chunk: Chunk) -> dict[str, Any]:
    return {name: value for name, value in asdict(chunk).items() if name not in INNER}


def _refused(preview: DocumentPreview) -> dict[str, Any]:
    """Return the reason for a quarantine, in the form of other commands' errors, and its stage."""
    if preview.refusal is None:
        return {}
    error = preview.refusal.error
    told = {"class": type(error).__name__, "message": str(error), "exit_code": ExitCode.REFUSED}
    return {"quarantined": {"stage": preview.refusal.stage}, "error": told}


def _against(found: Comparison) -> dict[str, Any]:
    there = found.there
    return {
        **there.figures,
        **{name: value for name, value in vars(found).items() if name != "there"},
        "equal": [(i + 1, j + 1) for i, j in found.equal],
        "only_here": [i + 1 for i in found.only_here],
        "only_there": [{"number": j + 1, **_chunk(there.chunks[j])} for j in found.only_there],
        **_refused(there),
    }


def masked(preview: DocumentPreview) -> DocumentPreview:
    """Return a preview without its secrets: in text, titles, contexts and paths, also outside chunks."""
    text, every = preview.document.text, (*preview.chunks, *(chunk for chunk, _ in preview.dropped))
    pieces = {(chunk.start, chunk.end) for chunk in every if "secret" in chunk.marks}
    pieces |= {(part.start, part.end) for part in preview.left_out if _is_secret(text[part.start : part.end])}
    covered = [*text]
    for start, end in secret_spans(text, pieces):
        covered[start:end] = re.sub(".", COVER, text[start:end])
    hiding = replace(preview, document=replace(preview.document, text="".join(covered)))

    def without(chunk: Chunk) -> Chunk:
        path, shown = tuple(map(masked_words, chunk.heading_path)), hiding.slice(chunk.start, chunk.end)
        return replace(chunk, heading_path=path, context=masked_words(chunk.context), text=shown)

    ref, document = preview.raw.ref, hiding.document
    blocks = tuple(replace(block, title=masked_words(block.title)) for block in document.blocks)
    children = tuple(replace(child, path=masked_words(child.path)) for child in document.children)
    return replace(
        hiding,
        raw=replace(preview.raw, ref=replace(ref, title=masked_words(ref.title))),
        document=replace(document, title=masked_words(document.title), blocks=blocks, children=children),
        chunks=tuple(map(without, preview.chunks)),
        dropped=tuple((without(chunk), mark) for chunk, mark in preview.dropped),
    )


def masked_words(text: str) -> str:
    """Return a title, a context or a path, or `MASK` if there is a secret in it."""
    return MASK if text and _is_secret(text) else text


def _is_secret(text: str) -> bool:
    return "secret" in marks_of(text)


def secret_spans(text: str, pieces: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the lines that hold secrets; a whole piece if no single line shows its secret.

    Only the first line of a private key can be recognised: the rest of its piece is taken as part of it. `pieces` are
    spans with a secret; they may overlap.
    """
    for begin, until in pieces:
        for first, last in list(_secret_lines(text[begin:until])) or [(0, until - begin)]:
            yield begin + first, begin + last


def _secret_lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for line in text.splitlines(keepends=True):
        if any(key in line for key in KEYS):
            yield at, len(text)
            return
        if _is_secret(line):
            yield at, at + len(line.rstrip())
        at += len(line)
