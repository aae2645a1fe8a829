"""The delete guard and other limits on what a generation may lack, and what is carried because it is above one."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil

from ingest.errors import DeleteGuardTripped, SchemaMismatch, StaleOrigin
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake
from ingest.lake.shard_rows import ShardRows
from ingest.phrases import stale
from ingest.pipeline.changes import FETCHED, OUT, QUIET
from ingest.pipeline.losses import ALIKE, INSIDE, SHRUNK, Balance, Causes, Plans, compare
from ingest.pipeline.scope import By, OriginsSick, Scope, Sick, origin_of, within
from ingest.pipeline.tasks import Work
from ingest.records import BuildOptions, CarriedOrigin, Manifest, PlanSummary, RaisedLimit, Release, ShardPlan
from ingest.services import Workbench, Writer

RUN = "ingest run"
LOOK_BACK = 20  # newest records of what is carried
FEW = 1  # documents that are no share yet, however small the index is
FEW_OF_ORIGIN = 10  # nor of an origin alone, unless they are half of it


@dataclass(frozen=True)
class Limit:
    """How many documents may be lost, or fail; by the name of the setting."""

    name: str
    share: float
    count: int | None = None  # of deletions, whatever their share

    def above(self, count: int, of: int) -> str:
        """Return in words by how much so many of all documents are too many, else ""; a few never are a share."""
        share = count / max(of, 1)
        if count > FEW and share > self.share:
            return f"({share:.1%}), more than {self.name} ({self.share:.1%}) allows"
        if self.count is not None and count > self.count:
            return f"({share:.1%}), more than max_deleted_count ({self.count}) allows"
        return ""

    def culprits(self, found: Counter[str], of: Counter[str], rest: int = 0) -> Iterator[str]:
        """Yield the origins that are above the limit, and the worst while all are, with the `rest` that is no fault."""
        left, share = found.total() + (0 if self.above(rest, of.total()) else rest), replace(self, count=None)
        for origin, count in sorted(found.items(), key=lambda item: (-item[1] / max(of[item[0]], 1), item[0])):
            alone = share.above(count, of[origin]) and (count > FEW_OF_ORIGIN or 2 * count >= of[origin])
            if count and (alone or self.above(left, of.total())):
                yield origin
                left -= count


def check_losses(options: BuildOptions, balance: Balance) -> None:
    """Do nothing if no more documents would disappear than the limits allow. Raises: DeleteGuardTripped."""
    if told := _too_many_lost(options, balance, options.raised, RUN):
        raise DeleteGuardTripped(f"index {options.index}: {told}")


def sick_origins(options: BuildOptions, balance: Balance) -> Sick:
    """Return the origins because of which more is lost, fails, or is gone than the limits allow, each with why."""
    deletions, new, found = _deletions(options, options.raised), balance.newly_failed, Sick()
    failures = Limit("max_quarantined_share", options.max_quarantined_share)
    changes = Limit("max_changed_during_run_share", options.max_changed_during_run_share)
    known, allowed = balance.failed.total() - new.total(), f"`{RUN} --max-deleted-share 1 --why REASON` allows it"
    limits: list[tuple[Limit, Counter[str], Counter[str], str, int]] = [
        *((deletions, lost, of, f"{what} would disappear; {allowed}", 0) for lost, of, what in _losses(balance)),
        (failures, new, balance.readable, f"documents are newly in quarantine ({failures.name})", known),
        (changes, balance.gone, balance.listed, f"documents changed or vanished ({changes.name})", 0),
    ]
    for limit, counts, of, told, rest in limits:
        for origin in limit.culprits(counts, of, rest):
            causes = _by_origin(balance.lost + balance.failed, origin)
            found.setdefault(origin, f"{counts[origin]} of {of[origin]} {told}" + (f"; {causes}" if causes else ""))
    return found


def guard_chunked(bench: Workbench, work: Work, chunked: Contents) -> dict[str, int]:
    """Compare what was read and chunked with the base, before anything is embedded, and return the counts.

    What is finished stays: the next run goes on from there. Raises: OriginsSick, DeleteGuardTripped.
    """
    balance = _balance(work.base, work.summary.base, chunked, bench.options.carry_by, work.shard_plan)
    for shard in work.summary.shards:
        planned = {d.uri: origin_of(d, bench.options.carry_by) for d in work.shard_plan(shard).documents}
        balance.listed.update(planned.values())
        balance.gone.update(planned[uri] for uri in work.gone(shard))
    work.carry(sick_origins(bench.options, balance))
    check_losses(bench.options, balance)
    unsupported = {f"unsupported.{kind}": n for kind, n in balance.unsupported.items()}
    return {"documents": balance.documents, "lost": balance.lost_of(INSIDE).total(), **unsupported}


def objections(lake: Lake, options: BuildOptions, candidate: Manifest, serving: Release | None) -> tuple[str, ...]:
    """Return what a sealed generation lacks too much of to be put into force, one sentence each."""
    if serving is not None and serving.generation == candidate.generation:
        return ()
    base, served = (lake.base(), serving.generation) if serving is not None else (None, None)
    balance = _balance(base, served, contents_of(lake, candidate), options.carry_by)
    raised, way_out = options.raised or candidate.raised, f"ingest promote {candidate.generation}"
    plan = lake.plan(candidate.generation)
    found = [_too_many_lost(options, balance, raised, way_out)]
    failed, readable = balance.failed.total(), balance.readable.total()
    if above := Limit("max_quarantined_share", options.max_quarantined_share).above(failed, readable):
        told = f"{failed} of {readable} documents are in quarantine {above}: {_by_origin(balance.failed)}"
        ways = "Repair or exclude them, or `ingest quarantine accept` those that may stay out, or raise"
        found.append(f"{told}. {ways} max_quarantined_share, and `{way_out}`.")
    found.append(changed_too_much(lake, options, plan) if plan is not None else "")
    if not balance.documents and not options.allow_empty:
        found.append("There is not a single document that anybody could find, and allow_empty is not set.")
    return tuple(filter(None, found))


def unknown(lake: Lake, base: Manifest | None, serving: str | None) -> str:
    """Return the generation that serves if both its manifest and its plan are lost, else ""."""
    with suppress(SchemaMismatch):
        if serving is None or (base is not None and base.generation == serving) or lake.plan(serving) is not None:
            return ""
    return serving or ""


def _balance(base: Manifest | None, serving: str | None, after: Contents, by: By, plan: Plans | None = None) -> Balance:
    """Compare with the base; of a generation that serves without a manifest, the number is still in its plan."""
    balance = compare(contents_of(after.lake, base) if base is not None else None, after, by, plan)
    balance.unknown = unknown(after.lake, base, serving)
    is_compared = serving is None or (base is not None and base.generation == serving)
    if not is_compared and not balance.unknown and (told := after.lake.plan(str(serving))) is not None:
        known = sum(told.counts.get(change, 0) for change in (*FETCHED, *QUIET, "attributes_changed"))
        lost = known - balance.documents - balance.failed.total() - balance.unsupported.total()
        lost -= balance.lost_of(INSIDE, SHRUNK, ALIKE).total()
        balance.add_unnamed(max(known - balance.serving.total(), 0), lost, "since a generation whose manifest is lost")
    return balance


def _too_many_lost(options: BuildOptions, balance: Balance, raised: RaisedLimit | None, way_out: str) -> str:
    if balance.unknown and raised is None:
        told = f"Generation {balance.unknown} serves, and its manifest and its plan are lost"
        told += ": there is nothing to compare with"
        return f"{told}. If the sources are whole, `{way_out} --max-deleted-share 1 --why REASON` allows it."
    limit = _deletions(options, raised)
    for by_origin, all_, what in _losses(balance):
        lost, serving = by_origin.total(), all_.total()
        if above := limit.above(lost, serving):
            told = f"{lost} of {serving} {what} would disappear {above}: {_by_origin(balance.lost)}. Check the sources"
            raising = f"--max-deleted-share {max(ceil(100 * lost / serving) / 100, 0.01)} --why REASON"
            return f"{told}; if it is intended, `{way_out} {raising}` allows it."
    return ""


def _deletions(options: BuildOptions, raised: RaisedLimit | None) -> Limit:
    share, most = (
        (options.max_deleted_share, options.max_deleted_count) if raised is None else (raised.max_deleted_share, None)
    )
    return Limit("max_deleted_share", max(share, options.max_deleted_share), most)


def _losses(balance: Balance) -> list[tuple[Counter[str], Counter[str], str]]:
    """Return what would disappear of what serves, by origin, and what is counted: listed documents, then all."""
    inside = balance.lost_of(), balance.serving + balance.inside, "documents, with those inside others,"
    return [(balance.lost_of(INSIDE), balance.serving, "documents"), inside]


def changed_too_much(lake: Lake, options: BuildOptions, plan: PlanSummary) -> str:
    """Return why a generation lacks too much of what changed during its build, and so is not resumed, else ""."""
    markers = (lake.marker(plan.generation, "chunk", shard, name) for shard, name in plan.shards.items())
    changed, listed = sum(len(marker.gone) for marker in markers if marker is not None), plan.counts["listed"]
    above = Limit("max_changed_during_run_share", options.max_changed_during_run_share).above(changed, listed)
    told = f"{changed} of {listed} listed documents changed or vanished during the run {above}"
    return above and f"{told}. Check that the sources are whole; the next `{RUN}` reads these documents again."


def _by_origin(causes: Causes, *only: str) -> str:
    found = defaultdict[str, list[str]](list)
    for (origin, cause), count in sorted(causes.items()):
        if origin in only or not only:
            found[origin].append(f"{count} {cause}")
    return "; ".join(f"{origin}: {', '.join(told)}" for origin, told in found.items())


def carried_in(lake: Lake, manifest: Manifest) -> dict[str, CarriedOrigin]:
    """Return what is stale in a sealed generation, by name: what a later run found, or else its manifest."""
    newest = (one.carried for _, one in lake.carried.newest_first(LOOK_BACK) if one.generation == manifest.generation)
    return {origin.name: origin for origin in next(newest, manifest.carried)}


@dataclass
class Carrying:
    """The origins that are carried, as part of the scope, and those that are at work."""

    bench: Workbench
    scope: Scope
    now: datetime
    base: Manifest | None
    at_work: set[tuple[str, str]] = field(default_factory=set)  # source and origin of what the plan touches

    def __post_init__(self) -> None:
        base, bench = self.base, self.bench
        self.possible = base is not None and bench.options.max_stale_days > 0
        self._names = {source.name for source in bench.sources}
        self.outside = frozenset(self._names.difference(self.scope.sources or self._names))
        self._stale = carried_in(bench.lake, base) if base is not None else {}

    def see_work(self, rows: ShardRows, plan: ShardPlan) -> None:
        """Add what a shard's plan touches; `rows` are the base's. What has left the settings is never carried."""
        gone, by = set(plan.deleted), self.bench.options.carry_by
        found = {(d.source, origin_of(d, by)) for d in plan.documents if d.change not in OUT}
        found |= {(d.source, origin_of(d, by)) for d in rows.documents.values() if d.document_id in gone}
        self.at_work |= {pair for pair in found if pair[0] in self._names}

    def newly(self, sick: Sick) -> Sick:
        """Return what of this is at work, and could be carried if there was more than that."""
        names = {name for pair in self.at_work for name in pair} - self.scope.sick.keys()
        return {name: why for name, why in sick.items() if name in names and self.possible}

    def carries(self, sick: Sick) -> bool:
        """Take what is sick out of the scope, and return whether that leaves other work. Raises: StaleOrigin."""
        new = self.newly(sick)
        if not new or all(new.keys() & set(pair) for pair in self.at_work):
            return False
        self.add(new)
        return True

    def carry(self, sick: Sick, *, judged: bool = False) -> None:
        """Do nothing if this cannot be carried. Raises: OriginsSick with the scope of the next plan, StaleOrigin."""
        if self.carries(sick):
            raise OriginsSick(replace(self.scope, judged=judged or self.scope.judged))

    def add(self, sick: Sick) -> None:
        """Take this out of the scope. Raises: StaleOrigin when something has been carried for too long."""
        days = self.bench.options.max_stale_days
        known = (self._stale[name] for name in sorted(sick.keys() & self._stale.keys() - self.outside))
        old = (one for one in known if self.now - datetime.fromisoformat(one.since) >= timedelta(days=days))
        for told in stale(old):
            raise StaleOrigin(f"index {self.bench.lake.index}: {told}. max_stale_days ({days}) are over")
        places = (f"{source.uri.rstrip('/')}/" for source in self.bench.sources if source.name in sick)
        both, by = {**self.scope.sick, **sick}, self.bench.options.carry_by
        self.scope = replace(self.scope, by=by, sick=both, places=(*self.scope.places, *places))

    def carried(self) -> Iterator[CarriedOrigin]:
        """Yield by name what is sick or in its place, and what was carried before and is not looked at as a whole."""
        sick, before, scope = self.scope.sick, self._stale, self.scope
        left = before.keys() if any(within(scope)) else before.keys() - set(scope.sources or before)
        inside = (s.name for s in self.bench.sources if f"{s.uri.rstrip('/')}/".startswith(scope.places))
        why = {**dict.fromkeys(inside, "it lies in the place of a source that is sick"), **sick}
        for name in sorted({*why, *left}):
            known = before.get(name) or CarriedOrigin(name=name, since=self.now.isoformat(), why="")
            yield known.model_copy(update={"why": why.get(name, known.why)})

    def keep(self, writer: Writer, summary: PlanSummary) -> None:
        """Write down what is stale in the base from now on, so that it is known since when."""
        found = {origin.name: origin for origin in summary.carried}
        kept = found | self._stale if summary.needs_generation else found  # healed once another generation serves
        if self.base is not None and kept.keys() != self._stale.keys():
            told = {"generation": self.base.generation, "carried": tuple(kept[name] for name in sorted(kept))}
            made, journal = {**told, "token": writer.new_token()}, self.bench.lake.carried
            journal.add(lambda _: journal.model.model_validate(made))
