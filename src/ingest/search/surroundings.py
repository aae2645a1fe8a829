"""Texts around the chunks of an answer, from the lake, limited to what the caller may see.

Whatever a policy keeps out of the index is not shown around a chunk either, nor is anything that the filter hides.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ingest.ports import Tokenizer
from ingest.records import Filter, Result
from ingest.search.context import Context, ContextOptions, Span, build_context
from ingest.search.indexed_documents import IndexedDocument, IndexedDocuments
from ingest.search.searcher import Searcher
from ingest.search.visibility import matches


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
    """Texts around chunks, for one caller."""

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
