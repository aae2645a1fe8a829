"""Finds judged places in a generation: anchors are followed, and are stale only if the source changed them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from urllib.parse import unquote

from ingest.lake.contents import Contents
from ingest.lake.rows import BETWEEN, DocumentRow, document_rows, quarantine_rows
from ingest.quality.metrics.relevance import holds
from ingest.records import Gold, Quarantined, Question

CONTEXT = 200  # code points on each side that distinguish equal texts
OCCURRENCES = 1000  # equal texts that are compared


@dataclass(frozen=True)
class JudgedDocument:
    """What one generation holds about a judged document."""

    row: DocumentRow
    text: str


@dataclass(frozen=True)
class Side:
    """What one generation holds about all judged documents."""

    documents: dict[str, JudgedDocument]  # by path
    quarantined: frozenset[str] = frozenset()  # paths
    by_sha256: dict[str, JudgedDocument] = field(default_factory=dict)  # documents looked up by their bytes


def side_of(contents: Contents, questions: Sequence[Question], other: Side | None = None) -> Side:
    """Read what a generation holds of the judged documents, shard by shard.

    Documents that have moved are found by the judged bytes, or by those on the `other` side.
    """
    paths = frozenset(g.doc for q in questions for g in q.gold)
    bytes_ = {g.sha256 for q in questions for g in q.gold if g.sha256}
    bytes_ |= {d.row.sha256 for d in other.documents.values()} if other is not None else set()
    documents: dict[str, JudgedDocument] = {}
    by_sha256: dict[str, JudgedDocument] = {}
    quarantined: set[str] = set()
    for shard in contents.shards:
        parts = contents.parts(shard)
        rows = document_rows(contents.lake.read(parts["documents"]))
        rows = [d for d in rows if d.path in paths or d.sha256 in bytes_]
        uris = [_readable(q) for q in quarantine_rows(contents.lake.read(parts["quarantine"]))]
        # A path's way has the paths of all documents that contain it: what is in a broken archive is damaged too.
        ways = {path: [*accumulate(path.split(BETWEEN), lambda o, name: o + BETWEEN + name)] for path in paths}
        quarantined |= {path for path, way in ways.items() for p in way if any(u.endswith(f"/{p}") for u in uris)}
        if not rows:
            continue
        held = contents.lake.read(parts["texts"], ["document_id", "text"]).to_pylist()
        texts = {row["document_id"]: row["text"] for row in held}
        found = [JudgedDocument(d, texts[d.document_id]) for d in rows]
        documents |= {d.row.path: d for d in found if d.row.path in paths}
        by_sha256 |= {d.row.sha256: d for d in found}
    return Side(documents, frozenset(quarantined - documents.keys()), by_sha256)


def _readable(failure: Quarantined) -> str:
    """Return a URI that ends like the document's path, with the same separator between parent and child."""
    uri = failure.uri
    return unquote(uri.replace("!/", BETWEEN).replace("#", BETWEEN) if failure.parent else uri)


def anchored(
    questions: Sequence[Question], now: Side, before: Side | None
) -> tuple[list[Question], list[Question], list[str]]:
    """Return the questions with anchors for the candidate, for the serving release, and the ids of stale ones.

    A judgment is stale only if the source changed or deleted its bytes; a place that is merely no longer found is kept
    and scores zero, since that is the damage to be caught. A stale place is left out on both sides.
    """
    live, for_base, stale = [], [], []
    for question in questions:
        pairs = [_anchors(g, now, before) for g in question.gold]
        kept = [(a, b) for a, b in pairs if a is not None]
        if not any(a.grade > 0 for a, _ in kept):
            stale.append(question.query_id)
            continue
        live.append(replace(question, gold=tuple(a for a, _ in kept)))
        for_base.append(replace(question, gold=tuple(b for _, b in kept)))
    return live, for_base, stale


def _anchors(gold: Gold, now: Side, before: Side | None) -> tuple[Gold | None, Gold]:
    """Return the place in the candidate, None when it is stale, and in the base."""
    old = before.documents.get(gold.doc) if before is not None else None
    held = now.documents.get(gold.doc)
    if held is None and gold.doc not in now.quarantined:
        held = now.by_sha256.get(gold.sha256 or (old.row.sha256 if old is not None else ""))
    if held is None:  # in quarantine: damage; gone from the source: stale
        return (gold if gold.doc in now.quarantined else None), gold
    if old is None or (gold.sha256 and gold.sha256 == held.row.sha256 != old.row.sha256):
        place = _settled(gold, held)
        on_base = relocate(gold, held.text, old.text, old.row.sha256) if old is not None else gold
        return _at(place, held), on_base or gold
    on_base = _settled(gold, old)
    if on_base is None:  # changed before the base was built, and perhaps again since then
        same = held.row.sha256 == old.row.sha256
        return _at(None if same else _settled(gold, held), held), gold
    place = relocate(on_base, old.text, held.text, held.row.sha256) if held.text != old.text else on_base
    if place is None and held.row.sha256 == old.row.sha256:
        place = on_base  # the source did not change it: it was lost by us and scores zero
    return _at(place, held), on_base


def _settled(gold: Gold, held: JudgedDocument) -> Gold | None:
    """Return the place in the only known version, which counts as the judged one if there is no sha256."""
    if not gold.sha256 or held.row.sha256 == gold.sha256:
        return gold
    return relocate(gold, None, held.text, held.row.sha256)


def _at(gold: Gold | None, held: JudgedDocument) -> Gold | None:
    """Return the place with its document's current path."""
    return replace(gold, doc=held.row.path) if gold is not None else None


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
        if (moved := _followed(gold, wanted, judged_text or "", current_text, sha256)) is not None:
            return moved
        if known:
            return None
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
        alike = _common(before, left) + _common(after, right)
        return alike, -abs(place - start)

    found = islice(re.finditer(f"(?={re.escape(wanted)})", current), OCCURRENCES)
    return max((match.start() for match in found), key=likeness, default=None)


def _common(one: str, other: str) -> int:
    """Return the number of characters with which both begin."""
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), shorter)
