"""Finds judged places in a generation: anchors are followed, and are stale only if the source changed them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby, islice, takewhile
from urllib.parse import unquote

from ingest.errors import StoreUnavailable
from ingest.lake.contents import Contents
from ingest.lake.lake import Lake
from ingest.lake.rows import BETWEEN, DocumentRow, document_rows, quarantine_rows
from ingest.quality.judged_sets import asker_of, may_see
from ingest.quality.metrics import holds
from ingest.records import Gold, Move, Moves, Question

CONTEXT = 200  # code points on each side that distinguish equal texts
OCCURRENCES = 1000  # equal texts that are compared

Named = tuple[str, str, str]  # source, path and SHA-256, as a judged place names its document


@dataclass(frozen=True)
class JudgedDocument:
    """What one generation holds about a judged document."""

    row: DocumentRow
    text: str


@dataclass(frozen=True)
class Side:
    """What one generation holds about all judged documents."""

    documents: dict[str, tuple[JudgedDocument, ...]]  # by path, in order of their sources
    quarantined: frozenset[str] = frozenset()  # paths
    by_sha256: dict[str, JudgedDocument] = field(default_factory=dict)  # documents looked up by their bytes
    moves: Mapping[Named, Move] = field(default_factory=dict)  # followed before
    askers: frozenset[tuple[str, str]] = frozenset()  # tenant and group of all documents, judged or not

    def find(self, gold: Gold) -> JudgedDocument | None:
        """Return the document of a place: at its path if its bytes are there, else where it moved, else at its path."""
        here = self._at(gold)
        if here is not None and here.row.sha256 == gold.sha256:
            return here
        if (after := after_move(gold, self.moves)) is None:
            return here
        return None if self._is_lost(after) else self._at(after) or here

    def is_damaged(self, gold: Gold) -> bool:
        """Return whether the document of a place is in quarantine, and no version of it is held."""
        after = after_move(gold, self.moves) or gold
        return self.find(gold) is None and (self._is_lost(after) or self._is_lost(gold))

    def _is_lost(self, gold: Gold) -> bool:
        return gold.doc in self.quarantined and self._at(gold) is None

    def _at(self, gold: Gold) -> JudgedDocument | None:
        return next((d for d in self.documents.get(gold.doc, ()) if gold.source in ("", d.row.source)), None)


@dataclass(frozen=True)
class Anchored:
    """Judged questions with their places as two generations hold them."""

    live: list[Question]  # in the candidate
    for_base: list[Question]  # the same ones in the base
    stale: list[str]  # ids of the others
    moves: list[Move]  # that were followed to find places
    rows: dict[str, list[DocumentRow]]  # query id → gold documents, as the base knows them, else as the candidate does
    held: dict[str, list[DocumentRow]]  # query id → gold documents of the candidate


@dataclass(frozen=True)
class _Pair:
    """One judged place on both sides."""

    gold: Gold  # as it was judged
    now: Gold
    before: Gold
    held: JudgedDocument | None = None  # has it now; None: in quarantine
    old: JudgedDocument | None = None  # had it before


def side_of(contents: Contents, questions: Sequence[Question], other: Side | None = None) -> Side:
    """Read, by shard, what a generation holds of judged documents; moved ones by the bytes of either side."""
    moves = known_moves(contents.lake)
    places = [g for q in questions for g in q.gold]
    paths = frozenset(g.doc for gold in places for g in (gold, after_move(gold, moves)) if g is not None)
    bytes_ = {g.sha256 for g in places if g.sha256}
    bytes_ |= {d.row.sha256 for same in other.documents.values() for d in same} if other is not None else set()
    held, quarantined, askers = list[JudgedDocument](), set[str](), set[tuple[str, str]]()
    told = contents.lake.revocations.now()
    for shard in contents.shards:
        parts = contents.parts(shard)
        every = document_rows(contents.lake.read(parts["documents"]))
        askers |= {(d.tenant, group) for d in every for group in d.acl}
        revoked = told.ids(every)  # their places are stale, and their texts are not read
        rows = [d for d in every if (d.path in paths or d.sha256 in bytes_) and d.document_id not in revoked]
        failures = quarantine_rows(contents.lake.read(parts["quarantine"]))
        # Made to end like a document's path, with the same separator between parent and child.
        uris = [unquote(q.uri.replace("!/", BETWEEN).replace("#", BETWEEN) if q.parent else q.uri) for q in failures]
        # A path's way has the paths of all documents that contain it: what is in a broken archive is damaged too.
        ways = {path: [*accumulate(path.split(BETWEEN), lambda o, name: o + BETWEEN + name)] for path in paths}
        quarantined |= {path for path, way in ways.items() for p in way if any(u.endswith(f"/{p}") for u in uris)}
        if rows:
            table = contents.lake.read(parts["texts"], ["document_id", "text"]).to_pylist()
            texts = {row["document_id"]: row["text"] for row in table}
            held += [JudgedDocument(d, texts[d.document_id]) for d in rows]
    held.sort(key=lambda d: (d.row.path, d.row.source))
    documents = {path: tuple(same) for path, same in groupby(held, lambda d: d.row.path) if path in paths}
    by_sha256 = {d.row.sha256: d for d in reversed(held)}  # of several with the same bytes, the first
    return Side(documents, frozenset(quarantined), by_sha256, moves, frozenset(askers))


def anchored(questions: Sequence[Question], now: Side, before: Side | None) -> Anchored:
    """Return the questions with anchors for the candidate and for the serving release, and with who asks them.

    A judgment is stale only if the source changed or deleted its bytes, or its asker may not see them any more; a place
    that is merely no longer found scores zero: that is the damage to be caught. Stale ones are left out on both sides.
    """
    found = Anchored([], [], [], [], {}, {})
    for question in questions:
        pairs = [pair for pair in (_anchors(g, now, before) for g in question.gold) if pair is not None]
        rows = [d.row for p in pairs if (d := p.old or p.held)]
        asker = asker_of(question.asker, [p.held.row for p in pairs if p.held is not None] or rows)
        pairs = [p for p in pairs if p.held is None or may_see(asker, p.held.row)]
        if not any(p.before.grade > 0 for p in pairs):
            found.stale.append(question.query_id)
            continue
        found.rows[question.query_id] = [d.row for p in pairs if (d := p.old or p.held)]
        found.held[question.query_id] = [p.held.row for p in pairs if p.held is not None]
        found.live.append(replace(question, gold=tuple(p.now for p in pairs), asker=asker))
        base_asker = asker_of(question.asker, rows)
        found.for_base.append(replace(question, gold=tuple(p.before for p in pairs), asker=base_asker))
        found.moves.extend(move_of(p.gold, p.held.row) for p in pairs if p.held and p.held.row.path != p.gold.doc)
    return found


def _anchors(gold: Gold, now: Side, before: Side | None) -> _Pair | None:
    """Return the place in both, None when stale; sought by path and known moves, then by the base's or judged bytes."""
    old = (before.find(gold) or before.by_sha256.get(gold.sha256)) if before is not None else None
    if now.is_damaged(gold):
        return _Pair(gold, gold, _at(gold, old), None, old)
    by_bytes = [now.by_sha256.get(sha256) for sha256 in (old.row.sha256 if old is not None else "", gold.sha256)]
    for held in filter(None, (now.find(gold), *by_bytes)):
        place, on_base = _followed_to(gold, held, old)
        if place is not None:
            return _Pair(gold, _at(place, held), _at(on_base, old), held, old)
    return None


def _followed_to(gold: Gold, held: JudgedDocument, old: JudgedDocument | None) -> tuple[Gold | None, Gold]:
    """Return the place in a document of the candidate, None when it is stale, and in the one of the base."""
    if old is None or (gold.sha256 and gold.sha256 == held.row.sha256 != old.row.sha256):
        on_base = relocate(gold, held.text, old.text, old.row.sha256) if old is not None else None
        return _settled(gold, held), on_base or gold
    if (on_base := _settled(gold, old)) is None:  # changed before the base was built, and perhaps again since then
        return (None if held.row.sha256 == old.row.sha256 else _settled(gold, held)), gold
    place = relocate(on_base, old.text, held.text, held.row.sha256)
    if place is None and held.row.sha256 == old.row.sha256:
        place = on_base  # the source did not change it: it was lost by us and scores zero
    return place, on_base


def _settled(gold: Gold, held: JudgedDocument) -> Gold | None:
    """Return the place in the only known version. Without sha256, the text there must hold a quoted span."""
    there, anywhere = held.text[gold.start or 0 : gold.end], gold.end is None or not gold.spans
    same = held.row.sha256 == gold.sha256
    same |= not gold.sha256 and (anywhere or any(holds(there, span) for span in gold.spans))
    return gold if same else relocate(gold, None, held.text, held.row.sha256)


def _at(gold: Gold, document: JudgedDocument | None) -> Gold:
    return gold if document is None else at_path(gold, document.row.source, document.row.path)


def relocate(gold: Gold, judged_text: str | None, current_text: str, sha256: str = "") -> Gold | None:
    """Return the gold place in the current text, None if it is stale, that is, its own text was changed or deleted.

    With offsets, the exact slice judged_text[start:end] is followed; if it occurs several times, the occurrence with
    the most similar surroundings is taken, then the nearest. If the slice is gone but a quoted span is not, the longest
    span that is left is the place. Without offsets, one of the spans must still be there, or else the last heading; a
    place that is a whole document is never stale while the document is there.
    Both texts are canonical. If `judged_text` is None because it is lost, offsets mean nothing, and a place is searched
    for by its quoted spans, or else its last heading. `sha256`, the document's now, is recorded with new offsets.
    """
    if judged_text == current_text:
        return gold
    known = judged_text is not None and gold.end is not None and gold.end <= len(judged_text)
    if gold.start is not None and gold.end is not None:
        wanted = judged_text[gold.start : gold.end] if judged_text is not None and known else ""
        if (moved := _followed(gold, wanted, judged_text or "", current_text, sha256)) is not None or known:
            return moved
        gold = replace(gold, start=None, end=None, sha256=sha256)
        if not (gold.spans or gold.headings):
            return None
    sought = gold.spans or gold.headings[-1:]
    return gold if not sought or any(holds(current_text, text) for text in sought) else None


def _followed(gold: Gold, wanted: str, judged: str, current: str, sha256: str) -> Gold | None:
    """Look for the slice, then for the quoted spans, longest first; an empty one is nowhere."""
    start = gold.start or 0
    for text in (wanted, *sorted(gold.spans, key=len, reverse=True)):
        near = start + max(wanted.find(text), 0)
        if text.strip() and (place := _best(text, judged, near, current)) is not None:
            return replace(gold, start=place, end=place + len(text), sha256=sha256)
    return None


def _best(wanted: str, judged: str, start: int, current: str) -> int | None:
    """Return the start of the occurrence of `wanted` that is most likely the judged one."""
    before, after = judged[max(start - CONTEXT, 0) : start][::-1], judged[start + len(wanted) :][:CONTEXT]

    def likeness(place: int) -> tuple[int, int]:
        left, right = current[max(place - CONTEXT, 0) : place][::-1], current[place + len(wanted) :][:CONTEXT]
        return _common(before, left) + _common(after, right), -abs(place - start)

    found = islice(re.finditer(f"(?={re.escape(wanted)})", current), OCCURRENCES)
    return max((match.start() for match in found), key=likeness, default=None)


def _common(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def known_moves(lake: Lake) -> dict[Named, Move]:
    """Return the moves that were followed so far. One listing and one record, however many nights there were."""
    return _by_name(next((one.moves for _, one in lake.moves.newest_first(2)), ()))  # the one before if it is damaged


def keep_moves(lake: Lake, generation: str, found: Iterable[Move]) -> None:
    """Add moves to the known ones. Whoever loses too many races loses nothing: the next night finds them again."""

    def made(_: int) -> Moves:
        every = known_moves(lake) | new
        return Moves(generation=generation, moves=tuple(every[name] for name in sorted(every)))

    new = _by_name(found)
    if not new.items() <= known_moves(lake).items():
        with suppress(StoreUnavailable):
            lake.moves.add(made)


def _by_name(moves: Iterable[Move]) -> dict[Named, Move]:
    return {(move.source, move.doc, move.sha256): move for move in moves}


def move_of(gold: Gold, found: DocumentRow) -> Move:
    """Return the move of a judged place's document to where it was found."""
    return Move(doc=gold.doc, source=gold.source, sha256=gold.sha256, to=found.path, to_source=found.source)


def after_move(gold: Gold, moves: Mapping[Named, Move]) -> Gold | None:
    """Return the place at its document's path after a known move; None if none is known."""
    move = moves.get((gold.source, gold.doc, gold.sha256))
    return None if move is None else at_path(gold, move.to_source, move.to)


def at_path(gold: Gold, source: str, path: str) -> Gold:
    """Return the place in the document at a path; a place without a source stays without one."""
    return replace(gold, doc=path, source=source if gold.source else "")
