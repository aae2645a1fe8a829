"""What reaches a language model: ranked chunks → passages within a token budget, each an exact slice of a document.

    ranked chunks → no near-duplicates → filled in order while they fit → surroundings in what is left

Chunks that overlap or follow each other in one section become one passage. Only `VisibleSurroundings` reads the lake.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from ingest.documents.chunking.sections import common_path
from ingest.documents.duplicates import normalised, shingles
from ingest.errors import InvalidSettings
from ingest.ports import Tokenizer
from ingest.records import Filter, Result
from ingest.search.indexed_documents import IndexedDocument, IndexedDocuments, matches
from ingest.search.searcher import Searcher

SIMILARITY = 0.9  # Jaccard of word shingles at which two texts are the same
MOST_GAP = 64  # code points of white space between two chunks that become one passage
LIMITS = {"budget": (1, 10**7), "neighbours": (0, 8), "most": (1, 1000)}
Span = tuple[int, int]
Count = Callable[[Sequence[str]], Sequence[int]]  # number of tokens per text


@dataclass(frozen=True, slots=True)
class ContextOptions:
    """How a context is made."""

    budget: int  # most tokens of all passages together
    neighbours: int = 0  # chunks before and after each chunk found, if tokens are left
    parent: bool = False  # the enclosing text that the index names, if tokens are left
    most: int = 50  # ranked chunks that are considered

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            if not least <= (value := getattr(self, name)) <= most:
                raise InvalidSettings(f"context: {name} must be within {least} and {most}, not {value}")


@dataclass(frozen=True, slots=True)
class Passage:
    """One stretch of a document, and how to cite it."""

    rank: int  # of its best chunk among those given, from 1
    score: float  # of that chunk, in the requested stage
    document_id: str
    uri: str
    path: str
    title: str
    heading_path: tuple[str, ...]  # shared by the chunks in it
    page: int | None  # of the first chunk
    start: int
    end: int
    text: str  # of the document, [start, end)
    tokens: int
    chunks: tuple[str, ...]  # ids of the chunks found in it, by position
    spans: tuple[Span, ...]  # of these chunks


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A chunk that was found but is in no passage."""

    chunk_id: str
    uri: str
    span: Span
    reason: Literal["budget", "duplicate"]
    of: str = ""  # the chunk that it repeats


@dataclass(frozen=True, slots=True)
class Context:
    """Passages in the order of their best chunks."""

    passages: tuple[Passage, ...]
    tokens: int  # of their texts, at most the budget
    budget: int
    left_out: tuple[LeftOut, ...]


def build_context(
    ranked: Sequence[Result], stage: str, options: ContextOptions, count: Count, around: "VisibleSurroundings"
) -> Context:
    """Return the passages that fit into the budget.

    Chunks are taken in order, and one that does not fit is skipped: this answers more questions than taking the highest
    score per token first, which prefers short chunks (docs/search.md). The rest of the budget goes to the surroundings
    of what was taken, in the same order.

    The scores of `stage` are shown. Tokens are counted only for chunks without a stored number.
    """
    looked_at = [replace(r, tokens=r.tokens or next(iter(count([r.text])))) for r in ranked[: options.most]]
    packer = _Packer(options.budget, count, around)
    seen, left_out, taken = dict[str, frozenset[int | str]](), [], []
    for rank, result in enumerate(looked_at, start=1):
        out, hashes = partial(LeftOut, result.chunk_id, result.uri, (result.start, result.end)), _hashes(result.text)
        if repeated := _repeated(hashes, seen):
            left_out.append((result, out("duplicate", repeated)))
        elif packer.take(_Piece(result.start, result.end, result.text, result.tokens, {rank: result})):
            seen[result.chunk_id] = hashes
            taken.append(result)
        else:
            left_out.append((result, out("budget")))
    if options.neighbours or options.parent:
        for result in taken:
            packer.widen(result, options.neighbours, options.parent)
    passages = sorted((_passage(piece, stage) for piece in packer.pieces), key=lambda passage: passage.rank)
    missing = tuple(told for result, told in left_out if not any(piece.holds(result) for piece in packer.pieces))
    return Context(tuple(passages), sum(p.tokens for p in passages), options.budget, missing)


@dataclass(frozen=True)
class _Piece:
    """A passage that may still grow."""

    start: int
    end: int
    text: str
    tokens: int
    found: Mapping[int, Result]  # the chunks in it, by rank

    @property
    def document_id(self) -> str:
        return next(iter(self.found.values())).document_id

    def holds(self, chunk: Result) -> bool:
        return self.document_id == chunk.document_id and self.start <= chunk.start and chunk.end <= self.end


class _Packer:
    """Disjoint pieces of documents whose tokens together are at most the budget."""

    def __init__(self, budget: int, count: Count, around: "VisibleSurroundings") -> None:
        self._budget, self._count, self._around = budget, count, around
        self.pieces: list[_Piece] = []  # by document id and position

    def widen(self, result: Result, neighbours: int, parent: bool) -> None:
        """Let the piece with a chunk grow as far as its surroundings fit."""
        piece = next(p for p in self.pieces if p.holds(result))
        for start, end in self._around.spans(result, neighbours, parent):
            if piece.start <= start and end <= piece.end:
                return
            text = self._around.text(result, start, end)
            if text is not None and self.take(replace(piece, start=start, end=end, text=text)):
                return

    def take(self, new: _Piece) -> bool:
        """Add a piece, joined with those that it overlaps or adjoins; False if it does not fit."""
        joined, apart = new, []
        for piece in self.pieces:
            first, second = sorted((joined, piece), key=lambda p: (p.start, -p.end))
            if (gap := self._gap(first, second)) is None:
                apart.append(piece)
            else:
                text = first.text + gap + second.text[max(0, first.end - second.start) :]
                joined = _Piece(first.start, max(first.end, second.end), text, 0, {**first.found, **second.found})
        if joined is not new:
            joined = replace(joined, tokens=next(iter(self._count([joined.text]))))
        if sum(piece.tokens for piece in (joined, *apart)) > self._budget:
            return False
        self.pieces = sorted([joined, *apart], key=lambda p: (p.document_id, p.start))
        return True

    def _gap(self, first: _Piece, second: _Piece) -> str | None:
        """Return the text between two pieces that become one ("" if they overlap); None if they stay apart."""
        if first.document_id != second.document_id:
            return None
        if (apart := second.start - first.end) < 0:
            return ""
        sections = {member.heading_path for member in (*first.found.values(), *second.found.values())}
        if apart > MOST_GAP or len(sections) > 1:
            return None
        gap = self._around.text(next(iter(first.found.values())), first.end, second.start) if apart else ""
        return None if gap is None or gap.strip() else gap


def _passage(piece: _Piece, stage: str) -> Passage:
    best, members = min(piece.found), sorted(piece.found.values(), key=lambda m: (m.start, m.end))
    return Passage(
        rank=best,
        score=piece.found[best].scores.get(stage, 0.0),
        **{name: getattr(piece.found[best], name) for name in ("document_id", "uri", "path", "title")},
        heading_path=common_path([member.heading_path for member in members]),
        page=members[0].page,
        **{name: getattr(piece, name) for name in ("start", "end", "text", "tokens")},
        chunks=tuple(m.chunk_id for m in members),
        spans=tuple((m.start, m.end) for m in members),
    )


def _repeated(hashes: frozenset[int | str], kept: Mapping[str, frozenset[int | str]]) -> str:
    """Return the id of the text that one with these shingles repeats most; "" if it repeats none."""
    shared = ((len(hashes & other), len(hashes) + len(other), name) for name, other in kept.items())
    alike = {name: common / (both - common) for common, both, name in shared}
    best = max(alike, key=alike.__getitem__, default="")
    return best if best and alike[best] >= SIMILARITY else ""


def _hashes(text: str) -> frozenset[int | str]:
    """Return a text's shingles, or the text itself if it is too short: it repeats another only if both are equal."""
    found = shingles(plain := normalised(text))
    return frozenset([plain] if found is None else found.tolist())


def context_of(
    searcher: Searcher, ranked: Sequence[Result], stage: str, wanted: tuple[ContextOptions, Filter]
) -> Context:
    """Return the context of one ranking of a release.

    The settings' model counts tokens. If it is also the generation's, as usual, the chunks' stored counts are used.
    Raises: SchemaMismatch, StoreUnavailable.
    """
    options, filter = wanted
    retrieval = searcher.retrieval
    same_tokens = retrieval.model.fingerprint == searcher.manifest.model.fingerprint
    chunks = list(ranked) if same_tokens else [replace(result, tokens=0) for result in ranked]
    around = VisibleSurroundings(searcher.documents, searcher.unrevoked(filter))
    return build_context(chunks, stage, options, counter(retrieval.tokenizer), around)


def counter(tokenizer: Tokenizer) -> Callable[[Sequence[str]], list[int]]:
    """Return what counts the tokens of texts."""
    return lambda texts: [len(offsets) for offsets in tokenizer.offsets(texts)]


@dataclass(frozen=True)
class VisibleSurroundings:
    """Texts around chunks, for one caller.

    What a policy keeps out of the index is not shown around a chunk either, nor anything that the filter hides.
    """

    documents: IndexedDocuments
    filter: Filter

    def text(self, of: Result, start: int, end: int) -> str | None:
        """Return a slice of the chunk's document; None if any of it may not be shown."""
        held = self.documents.of(of)
        if held is None or not 0 <= start <= end <= len(held.text):
            return None
        return None if any(a < end and start < b for a, b in self._hidden(held)) else held.text[start:end]

    def spans(self, of: Result, neighbours: int, parent: bool) -> list[Span]:
        """Return the parent, then the chunk with fewer and fewer neighbours, each without text that may not be seen."""
        held = self.documents.of(of)
        if held is None or of.chunk_id not in held.chunks:
            return []
        hidden = self._hidden(held)
        low = max((b for a, b in hidden if b <= of.start), default=0)
        high = min((a for a, b in hidden if a >= of.end), default=len(held.text))
        wanted = [of.parent] if parent and of.parent else []
        row = held.chunks[of.chunk_id]
        sides = [(n, n) for n in range(neighbours, 0, -1)]
        sides += [(0, 1), (1, 0)] if neighbours else []
        for before, after in sides:
            first, last = max(0, row - before), min(len(held.spans) - 1, row + after)
            starts, ends = (s for s, _ in held.spans[first : row + 1]), (e for _, e in held.spans[row : last + 1])
            wanted.append((min(starts), max(ends)))
        clipped = [(max(start, low), min(end, high)) for start, end in wanted]
        return list(dict.fromkeys(span for span in clipped if span != (of.start, of.end)))

    def _hidden(self, held: IndexedDocument) -> list[Span]:
        visible = matches(held.attributes, self.filter)
        return [*held.dropped, *(span for span, shown in zip(held.spans, visible, strict=True) if not shown)]
