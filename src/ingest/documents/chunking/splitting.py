"""Where a group of sections is cut: between blocks, at rows and items, at sentences, and only then at tokens."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ingest.documents.chunking.code import blank_lines, cluster_start, definitions
from ingest.documents.chunking.contexts import Contexts, introduces
from ingest.documents.chunking.ruler import Ruler
from ingest.documents.chunking.sections import Group
from ingest.languages import ENGLISH
from ingest.records import Block, BlockKind, ChunkingOptions

BORDER, BREAK, SENTENCE, LINE, TOKEN, GLUED = 0.0, 0.1, 0.15, 0.3, 1.0, 3.0  # penalties of a cut, see `pack`
SPLIT_LEAD_IN = 0.3  # between a list and its introductory sentence
OVERSIZE = 1e6  # cost of a piece that does not fit: taken only if no cut can prevent it
OVER_TARGET = 0.5  # weight of exceeding the target, relative to falling short of it
SENTENCE_WINDOW = 2**11  # code points per call of the sentence splitter, which takes quadratic time outside ASCII

_NEWLINE = re.compile("\n")
# In scripts without spaces, what parts words, clauses or syllables.
_PAUSE = re.compile("[।॥ฯ๚๛་-༔၊။፡-፨។-៚\u200b、。\uff0c\uff1b]")
Rung = tuple[float, Callable[[int, int], Sequence[int]]]


@dataclass(frozen=True, slots=True)
class Cut:
    """A possible border between two pieces: one ends at `end`, the next starts at `start`."""

    end: int
    start: int
    penalty: float  # 0: a border between blocks; 1: as bad as an empty piece


class Cutter:
    """Finds the possible cuts of the groups of one document."""

    def __init__(self, ruler: Ruler, contexts: Contexts, language: str, options: ChunkingOptions) -> None:
        self._ruler = ruler
        self._contexts = contexts
        self._language = language or ENGLISH
        self._target = options.target_tokens
        self._options = options

    def cuts(self, group: Group) -> list[Cut]:
        """Return the possible cuts of a group in order, with its ends. What lies between two fits into a chunk."""
        found = [Cut(group.start, group.start, BORDER)]
        bodies = [i for i, block in enumerate(group.blocks) if block.kind is not BlockKind.HEADING]
        last_body = bodies[-1] if bodies else len(group.blocks)
        tail = self._ruler.size(group.blocks[last_body].end, group.end) if bodies else 0  # bare headings at the end
        for i, block in enumerate(group.blocks):
            previous = group.blocks[i - 1] if i else None
            room = self._contexts.room(group.paths, self._contexts.extra(block, previous, block.end))
            if previous is not None:
                penalty = GLUED if i > last_body else self._between(previous, block)
                glued_size = tail if i > last_body else self._ruler.size(found[-1].start, block.start)
                if penalty < GLUED or glued_size > room // (4 if i > last_body else 2):
                    found.append(Cut(previous.end, block.start, penalty))
                elif i > last_body:
                    continue  # kept whole: its end would stand alone after a cut
            room -= self._ruler.size(found[-1].start, block.start)
            if i == last_body and tail <= room // 2:
                room -= tail
            found += self._inside(block, max(1, room))
        found.append(Cut(group.end, group.end, BORDER))
        return self._thinned(found, self._contexts.room(group.paths))

    def middle(self, start: int, end: int) -> int:
        """Return a cut near the middle of a span of at least two code points, at a token's start if there is one."""
        starts = self._ruler.unit_starts(start, end)
        middle = int(starts[len(starts) // 2] if len(starts) else (start + end) // 2)
        whole = cluster_start(self._ruler.text, middle)
        return whole if whole > start else middle

    def earlier(self, group: Group, least: int, start: int) -> int:
        """Return the first start of a block, row, line or sentence in [least, start); `start` if there is none."""
        block, _ = group.at(start)
        if block.start >= start:
            block, _ = group.at(start - 1)
        while block.start > least:  # a block that starts inside fits as a whole: look for an earlier one
            first, _ = group.at(block.start - 1)
            if first.end <= least or first.start <= least:
                break
            block = first
        if block.start < least or block.start >= start:
            inside = self._starts(block, least, min(start, block.end))
            return inside[0] if inside else start
        before, _ = group.at(block.start - 1) if block.start > group.start else (block, None)
        inside = self._starts(before, least, before.end) if before.start < least < before.end else []
        return inside[0] if inside else block.start

    def _starts(self, block: Block, least: int, end: int) -> list[int]:
        """Return where rows, lines or sentences of a block start inside [least, end), but not in its header."""
        if end <= least:
            return []
        text = self._ruler.text
        found = [p for p in block.breaks if least <= p < end]
        if not found and block.kind in (BlockKind.CODE, BlockKind.TABLE):
            found = [p for p in _line_ends(text, max(0, least - 1), end) if p >= least]
        elif not found:
            found = self._sentence_ends(least, end)
        return [p for p in found if p >= block.header_end and p < end and not text[p:end].isspace()]

    def _between(self, first: Block, second: Block) -> float:
        if first.kind is BlockKind.HEADING:
            return GLUED
        if BlockKind.CAPTION in (first.kind, second.kind):
            return SPLIT_LEAD_IN
        return SPLIT_LEAD_IN if introduces(first, self._ruler.text[first.start : first.end]) else BORDER

    def _inside(self, block: Block, room: int) -> list[Cut]:
        """Return the cuts inside a block: the good ones and, if the block does not fit, as many as are needed."""
        start, end = block.start, block.end
        size = self._ruler.size(start, end)
        lines, tokens = partial(_line_ends, self._ruler.text), partial(self._token_starts, room=room)
        rungs: list[Rung] = [(LINE, lines), (TOKEN, tokens)]
        if block.kind is BlockKind.CODE:
            least = self._target if self._options.code == "lines" else room
            if size <= least:
                return []
            kinder: list[Rung] = [
                (BREAK, partial(_between, definitions(self._ruler.text, block.language, start, end))),
                (SENTENCE, partial(blank_lines, self._ruler.text)),
            ]
            return self._refined(start, end, min(least, room), [*kinder, *rungs] if size > room else kinder)
        if block.kind is not BlockKind.TABLE:
            rungs.insert(0, (SENTENCE, self._sentence_ends))
        breaks = [p for p in block.breaks if max(start, block.header_end) < p < end]
        if breaks:
            rungs.insert(0, (BREAK, partial(_between, breaks)))
        if size > room:
            return self._refined(start, end, room, rungs)
        rows = block.kind is BlockKind.TABLE and size > self._target and self._options.tables == "rows"
        if rows or block.kind in (BlockKind.LIST, BlockKind.QUOTE):
            return [Cut(p, p, BREAK) for p in breaks]
        if block.kind is BlockKind.PARAGRAPH and 2 * size > self._target:
            return [Cut(p, p, SENTENCE) for p in self._sentence_ends(start, end)]
        return []

    def _refined(self, start: int, end: int, room: int, rungs: Sequence[Rung]) -> list[Cut]:
        """Return the cuts of the first rung and, inside whatever is still larger than `room`, of the next rungs."""
        if not rungs:
            return []
        penalty, positions = rungs[0]
        edges = [start, *positions(start, end), end]
        sizes = self._ruler.before_end(edges[1:]) - self._ruler.before_start(edges[:-1])
        too_large = set(np.flatnonzero(sizes > room).tolist())
        found: list[Cut] = []
        for i, position in enumerate(edges[:-1]):
            if i:
                found.append(Cut(position, position, penalty))
            if i in too_large:
                found += self._refined(position, edges[i + 1], room, rungs[1:])
        return found

    def _sentence_ends(self, start: int, end: int) -> list[int]:
        """Return where sentences end inside [start, end), trailing white space included."""
        from sentencex import segment

        found: list[int] = []
        while start < end:
            stop = min(end, start + SENTENCE_WINDOW)
            sentences = segment(self._language, self._ruler.text[start:stop])
            ends: list[int] = (start + np.cumsum([len(sentence) for sentence in sentences])).tolist()
            if not ends or ends[-1] != stop:  # the splitter changed the text: no cut is better than a wrong one
                return found
            if stop == end:
                return found + ends[:-1]
            found += ends[:-1]  # the last sentence may continue beyond the window: go on from its start
            start = found[-1] if len(ends) > 1 else stop
        return found

    def _token_starts(self, start: int, end: int, room: int) -> list[int]:
        """Return cuts into equal parts of at most the target size, each moved to the start of a nearby word."""
        starts, text = self._ruler.unit_starts(start, end), self._ruler.text
        aim = max(1, min(self._target, room))
        parts = -(-(len(starts) + 1) // aim)
        slack = max(0, min(aim, len(starts) // parts) // 4)
        found: list[int] = []
        for k in range(1, parts):
            middle = min(len(starts) - 1, k * (len(starts) + 1) // parts - 1)
            near = starts[max(0, middle - slack) : middle + 1].tolist()
            pauses = [pause.end() for pause in _PAUSE.finditer(text, near[0], near[-1])] or near
            word = cluster_start(text, next((p for p in reversed(near) if text[p - 1].isspace()), pauses[-1]))
            if word > (found[-1] if found else start):
                found.append(word)
        return found

    def _thinned(self, cuts: list[Cut], room: int) -> list[Cut]:
        """Return fewer cuts where they are so close (rows of one token) that choosing among them would be slow."""
        closest = max(1, self._target // 20)
        starts = self._ruler.before_start([cut.start for cut in cuts]).tolist()
        ends = self._ruler.before_end([cut.end for cut in cuts]).tolist()
        if len(cuts) * closest <= ends[-1] - starts[0]:
            return cuts
        kept = [0]
        for i in range(1, len(cuts) - 1):
            needed = ends[i + 1] - starts[kept[-1]] > room // 2
            if needed or ends[i] - starts[kept[-1]] >= closest:
                kept.append(i)
        return [cuts[i] for i in (*kept, len(cuts) - 1)]


def pack(
    cuts: Sequence[Cut], before: tuple[NDArray[np.int64], NDArray[np.int64]], rooms: Sequence[int], target: int
) -> list[tuple[int, int]]:
    """Return the pieces with the lowest total cost, as (first cut, last cut), in order.

        cost = penalty + ((target - size) / target)^2  or  OVER_TARGET * ((size - target) / (room - target))^2

    Solved exactly by dynamic programming over the cuts. Each considers only earlier cuts within the largest room, so
    time is linear in the number of cuts. An edit leaves distant cuts where they were.

    Args:
        cuts: In order; the first and the last are the two ends.
        before: Number of size units before each cut's `start`, and before each cut's `end`, both (cuts,).
        rooms: For each cut, the room for a piece that starts there.
        target: Target size, in the same unit.
    """
    starts, ends = before[0].tolist(), before[1].tolist()
    widest = max(rooms)
    best, origin = [0.0], [0]
    for j in range(1, len(cuts)):
        least, source = float("inf"), j - 1
        for i in range(j - 1, -1, -1):
            size, room = ends[j] - starts[i], rooms[i]
            if i < j - 1 and size > widest:
                break
            if size > room:
                cost = OVERSIZE * (size - room)
            elif size > target:
                cost = OVER_TARGET * ((size - target) / (room - target)) ** 2
            else:
                cost = ((target - size) / target) ** 2
            if best[i] + cost < least:
                least, source = best[i] + cost, i
        best.append(least + cuts[j].penalty)
        origin.append(source)
    pieces, j = list[tuple[int, int]](), len(cuts) - 1
    while j > 0:
        pieces.append((origin[j], j))
        j = origin[j]
    return pieces[::-1]


def _between(positions: Sequence[int], start: int, end: int) -> Sequence[int]:
    """Return those of the sorted positions that are inside (start, end)."""
    return positions[bisect_right(positions, start) : bisect_left(positions, end)]


def _line_ends(text: str, start: int, end: int) -> list[int]:
    return [match.end() for match in _NEWLINE.finditer(text, start, end - 1)]
