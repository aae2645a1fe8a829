"""Masks the secrets in a preview once, so that no view has to deal with them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ingest.cli.preview.document_preview import MASK, DocumentPreview
from ingest.documents.screening import marks_of
from ingest.records import Chunk

KEYS = ("PRIVATE KEY", "PuTTY-User-Key-File")


def masked(preview: DocumentPreview) -> DocumentPreview:
    """Return a preview without its secrets: in text, titles, contexts and paths, also outside chunks."""
    text, every = preview.document.text, (*preview.chunks, *(chunk for chunk, _ in preview.dropped))
    pieces = {(chunk.start, chunk.end) for chunk in every if "secret" in chunk.marks}
    pieces |= {(part.start, part.end) for part in preview.left_out if _is_secret(text[part.start : part.end])}
    hiding = replace(preview, hidden=tuple(secret_spans(text, sorted(pieces))))

    def without(chunk: Chunk) -> Chunk:
        path, shown = tuple(map(masked_words, chunk.heading_path)), hiding.slice(chunk.start, chunk.end)
        return replace(chunk, heading_path=path, context=masked_words(chunk.context), text=shown)

    ref, document = preview.raw.ref, preview.document
    return replace(
        hiding,
        raw=replace(preview.raw, ref=replace(ref, title=masked_words(ref.title))),
        document=replace(
            document,
            title=masked_words(document.title),
            blocks=tuple(replace(b, title=masked_words(b.title)) if b.title else b for b in document.blocks),
            children=tuple(replace(child, path=masked_words(child.path)) for child in document.children),
        ),
        chunks=tuple(map(without, preview.chunks)),
        dropped=tuple((without(chunk), mark) for chunk, mark in preview.dropped),
    )


def masked_words(text: str) -> str:
    """Return a title, a context or a path, or `MASK` if there is a secret in it."""
    return MASK if _is_secret(text) else text


def _is_secret(text: str) -> bool:
    return "secret" in marks_of(text)


def secret_spans(text: str, pieces: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the lines that hold secrets, in order; a whole piece if no single line shows its secret.

    Only the first line of a private key can be recognised: the rest of its piece is taken as part of it. `pieces` are
    spans with a secret, sorted; they may overlap.
    """
    reached = 0
    for begin, until in pieces:
        for first, last in list(_secret_lines(text[begin:until])) or [(0, until - begin)]:
            start, end = max(begin + first, reached), begin + last
            if start < end:
                yield start, end
                reached = end


def _secret_lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for line in text.splitlines(keepends=True):
        if any(key in line for key in KEYS):
            yield at, len(text)
            return
        if _is_secret(line):
            yield at, at + len(line.rstrip())
        at += len(line)
