"""Two previews of one document: which chunks are equal, and what a change of settings would cost to embed."""

from collections import defaultdict, deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.cli.preview.document_preview import FIGURES, DocumentPreview
from ingest.records import Chunk


@dataclass(frozen=True)
class Comparison:
    """What is equal under the present settings ("here") and the others ("there"). Positions count from 0."""

    same_text: bool  # of the canonical text: spans can be compared
    same_model: bool
    equal: tuple[tuple[int, int], ...]  # positions here and there
    only_here: tuple[int, ...]
    only_there: tuple[int, ...]
    other_context: int  # equal ones whose context, and therefore vector, differs
    texts_there: int  # distinct inputs of the model under the other settings
    embedded_anew: int  # of these, not embedded under the present settings


def compare(here: DocumentPreview, there: DocumentPreview) -> Comparison:
    """Return how two previews of one document differ.

    Chunks are equal if their spans are, so that a text that occurs twice is told apart. If the canonical texts differ
    (other options of the parser), spans say nothing: then equal texts are paired in order.
    """
    same_text, same_model = here.text == there.text, here.model_fingerprint == there.model_fingerprint

    def key(chunk: Chunk) -> Hashable:
        return (chunk.start, chunk.end) if same_text else chunk.text

    waiting: dict[Hashable, deque[int]] = defaultdict(deque)
    for position, chunk in enumerate(there.chunks):
        waiting[key(chunk)].append(position)
    pairs = [(i, waiting[key(chunk)].popleft() if waiting[key(chunk)] else None) for i, chunk in enumerate(here.chunks)]
    equal = tuple((i, j) for i, j in pairs if j is not None)
    keys = {c.embedding_key for c in there.chunks}
    known = {c.embedding_key for c in here.chunks} if same_model else set()
    return Comparison(
        same_text,
        same_model,
        equal,
        tuple(i for i, j in pairs if j is None),
        tuple(sorted(j for places in waiting.values() for j in places)),
        sum(here.chunks[i].embedding_key != there.chunks[j].embedding_key for i, j in equal),
        len(keys),
        len(keys - known),
    )


def stretches(here: DocumentPreview, there: DocumentPreview, found: Comparison) -> Iterator[tuple[range, range]]:
    """Yield the chunks here and there that are next to each other, in order of the text.

    A stretch ends where both sides have a border. Texts that differ cannot be aligned: then all chunks are one stretch.
    """
    if not found.same_text:
        yield range(len(here.chunks)), range(len(there.chunks))
        return
    left, right = own_parts(here.chunks), own_parts(there.chunks)
    i = j = 0
    while i < len(left) or j < len(right):
        first, second = i, j
        end = min(side[at][0] for side, at in ((left, i), (right, j)) if at < len(side)) + 1
        grows = True
        while grows:
            grows = False
            while i < len(left) and left[i][0] < end:
                end, i, grows = max(end, left[i][1]), i + 1, True
            while j < len(right) and right[j][0] < end:
                end, j, grows = max(end, right[j][1]), j + 1, True
        yield range(first, i), range(second, j)


def own_parts(chunks: Sequence[Chunk]) -> list[tuple[int, int]]:
    """Return the spans of chunks without the overlap that each shares with earlier ones."""
    parts, reached = [], 0
    for chunk in chunks:
        parts.append((min(max(chunk.start, reached), chunk.end), chunk.end))
        reached = max(reached, chunk.end)
    return parts


def comparison_rows(here: DocumentPreview, there: DocumentPreview, found: Comparison) -> list[tuple[str, Any, Any]]:
    """Return the figures of both sides, row by row; None where there is none."""
    ours, theirs = here.tokens, there.tokens
    left, right = (sum(part.end - part.start for part in side.left_out) for side in (here, there))
    return [
        ("chunks", len(here.chunks), len(there.chunks)),
        ("equal", len(found.equal), len(found.equal)),
        ("equal, but in another context", found.other_context, found.other_context),
        ("only on this side", len(found.only_here), len(found.only_there)),
        *((f"tokens, {name}", ours[name], theirs[name]) for name in FIGURES),
        ("characters in no chunk", left, right),
        ("texts to embed anew", None, f"{found.embedded_anew:,} of {found.texts_there:,}"),
    ]
