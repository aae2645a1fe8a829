"""Two previews of one document: which chunks are equal, and what a change of settings would cost to embed."""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any

from ingest.cli.preview.document_preview import DocumentPreview
from ingest.records import Chunk


@dataclass(frozen=True)
class Comparison:
    """What is equal under the current settings ("here") and the others ("there"). Positions count from 0."""

    there: DocumentPreview
    same_text: bool  # of the canonical text: spans can be compared
    same_model: bool
    equal: tuple[tuple[int, int], ...]  # positions here and there
    only_here: tuple[int, ...]
    only_there: tuple[int, ...]
    other_context: int  # equal chunks whose contexts, and therefore vectors, differ
    texts_there: int  # distinct inputs of the model under the other settings
    embedded_anew: int  # of these, not embedded under the current settings


def compare(here: DocumentPreview, there: DocumentPreview) -> Comparison:
    """Return how two previews of one document differ.

    Chunks are equal if their spans are, which distinguishes repeated texts. If the canonical texts differ (other parser
    options), spans cannot be compared: equal texts are then paired in order.
    """
    same_text, same_model = here.document.text == there.document.text, here.model_fingerprint == there.model_fingerprint
    key = attrgetter("start", "end") if same_text else attrgetter("text")
    waiting: dict[Any, deque[int]] = defaultdict(deque)
    for position, chunk in enumerate(there.chunks):
        waiting[key(chunk)].append(position)
    pairs = [(i, waiting[key(chunk)].popleft() if waiting[key(chunk)] else None) for i, chunk in enumerate(here.chunks)]
    equal = tuple((i, j) for i, j in pairs if j is not None)
    only_here, only_there = tuple(i for i, j in pairs if j is None), tuple(sorted(chain(*waiting.values())))
    other_context = sum(here.chunks[i].embedding_key != there.chunks[j].embedding_key for i, j in equal)
    keys = {c.embedding_key for c in there.chunks}
    anew = len(keys - {c.embedding_key for c in here.chunks} if same_model else keys)
    return Comparison(there, same_text, same_model, equal, only_here, only_there, other_context, len(keys), anew)


def differing(here: DocumentPreview, found: Comparison) -> list[tuple[int, bool, Chunk]]:
    """Return position, side (whether it is here) and chunk of those on one side only, in text order, here first."""
    sides = ((here.chunks, found.only_here), (found.there.chunks, found.only_there))
    every = [(at, not n, chunks[at]) for n, (chunks, only) in enumerate(sides) for at in only]
    return sorted(every, key=lambda one: one[2].start)


def own_parts(chunks: Sequence[Chunk]) -> list[tuple[int, int]]:
    """Return the spans of chunks without the overlap that each shares with earlier ones."""
    reached = accumulate((chunk.end for chunk in chunks), max, initial=0)  # before each chunk
    return [(min(max(c.start, before), c.end), c.end) for c, before in zip(chunks, reached, strict=False)]


def comparison_rows(here: DocumentPreview, found: Comparison) -> list[tuple[str, Any, Any]]:
    """Return the figures of both sides, row by row; None where a side has none."""
    ours, theirs = here.figures["tokens"], found.there.figures["tokens"]
    left, right = (sum(part.end - part.start for part in side.left_out) for side in (here, found.there))
    return [
        ("chunks", len(here.chunks), len(found.there.chunks)),
        ("equal", len(found.equal), len(found.equal)),
        ("equal, but in another context", found.other_context, found.other_context),
        ("only on this side", len(found.only_here), len(found.only_there)),
        *((f"tokens, {name}", ours[name], theirs[name]) for name in ours),
        ("characters in no chunk", left, right),
        ("texts to embed anew", None, f"{found.embedded_anew:,} of {found.texts_there:,}"),
    ]
