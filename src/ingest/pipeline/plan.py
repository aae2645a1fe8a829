"""Plan: list the sources, join with the base generation, claim a generation, freeze the work. Nothing is spent yet."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property

from ingest import errors
from ingest.documents import media_types, parsers
from ingest.ids import containers, digest_of, document_id
from ingest.lake.contents import contents_of
from ingest.lake.lake import PLAN_HASH, claim_number
from ingest.lake.shard_rows import ShardRows, read_rows, unread_shares
from ingest.lake.stored_records import name_of
from ingest.languages import foreign
from ingest.pipeline import changes
from ingest.pipeline.changes import FETCHED, Listing, ShardChanges, Upgrades, shard_count
from ingest.pipeline.claiming import carried_instead, claim_generation
from ingest.pipeline.damage import Damage, check_carried, damage_of, find_damage
from ingest.pipeline.fingerprints import changed_marks, code_version, fingerprints, unscreened
from ingest.pipeline.guard import Carrying, check_losses, sick_origins, unknown
from ingest.pipeline.inspection import Inspection
from ingest.pipeline.losses import Balance, LossComparison
from ingest.pipeline.quarantine import accepted, in_quarantine
from ingest.pipeline.revoking import narrowing_of
from ingest.pipeline.scope import Scope
from ingest.pipeline.tasks import Work
from ingest.records import DocumentRef, ParserOptions, PartFile, PlannedDocument, PlanSummary, ShardPlan
from ingest.services import Services, Workbench, Writer

CHARACTERS_PER_TOKEN = 4  # for estimates only
OUTGROWN = 2  # times `documents_per_shard`: with more on average, a generation has twice as many shards as its base


def make_plan(services: Services, scope: Scope, run: str, listing: Listing, served: Inspection | None = None) -> Work:
    """Return the frozen work of this run, and claim a generation for it unless nothing changed.

    The next run with the same base, settings and plan resumes it. Damaged or lost files of the base are made again;
    hashed are those of the shards that were looked at in what is `served`, or all.
    Raises: OriginsSick, InvalidSettings, DeleteGuardTripped, BudgetExceeded, StaleOrigin, what sources raise;
        DamagedFile if what is lost can only be made again by a run without scope.
    """
    bench, writer, resumed = services.bench, services.writer, False
    planner, lake = Planner(bench, writer.clock(), scope, listing), bench.lake
    in_turn = served.was_looked_at if served is not None and not scope.doubts else lambda shard: True
    planner.damage = find_damage(services, planner.base, planner.follows, in_turn)
    planner.list_sources()
    summary, carrying = planner.plan(), planner.carrying
    told = planner.settings_hash, claim_number(planner.base.generation) if planner.base is not None else 0, summary
    if not scope.instead_of and (found := carried_instead(lake, *told)) is not None:
        carrying.scope = replace(carrying.scope, instead_of=found.instead_of)
        carrying.carry({origin.name: origin.why for origin in found.carried})
    planner.guard(summary)
    carrying.keep(writer, summary)
    planner.narrowing.write(writer, widens=True)
    if summary.needs_generation:
        claim, resumed = claim_generation(bench, writer, *told, repeats=bool(scope.force or scope.errors))
        summary = summary.model_copy(update={"generation": claim.id})
        if not resumed:
            for shard in summary.shards:
                lake.write_shard_plan(claim.id, planner.join(shard)[0])
            lake.freeze_plan(summary)
        summary = (lake.plan(claim.id) or summary).model_copy(update={"raised": summary.raised})
        carrying.scope = replace(carrying.scope, instead_of=scope.instead_of or claim.id)

    def shard_plan(shard: int) -> ShardPlan:
        frozen = summary.needs_generation
        return lake.shard_plan(summary.generation, shard, summary.shards[shard]) if frozen else planner.join(shard)[0]

    services.retrieval.observer.told("plan", summary)
    healed, version = planner.damage.told, code_version(planner.prints)
    return Work(lake, run, summary, planner.base, resumed, shard_plan, carrying.carry, healed, version)


def preview(bench: Workbench, writer: Writer, scope: Scope) -> PlanSummary:
    """Return what a run would do. Lists the sources, claims and writes nothing."""
    with Listing() as listing:
        if (planner := Planner(bench, writer.clock(), scope, listing)).base is not None:
            planner.damage = damage_of(planner.lake, planner.base, writes=False)
        planner.list_sources()
        summary = None
        try:
            planner.guard(summary := planner.plan())
        except (errors.DeleteGuardTripped, errors.BudgetExceeded, errors.StaleOrigin) as error:
            return (summary or planner.summarise()).model_copy(update={"refused": str(error)})
    return summary


class Planner:
    """Plans one run against one base: the generation of the newest release, which is the decision in force."""

    def __init__(self, bench: Workbench, now: datetime, scope: Scope, listing: Listing) -> None:
        """Read the base. `now` is the same for the whole plan."""
        changes.check_sources(scope, bench.sources)
        self.bench, self.lake, self.options = bench, bench.lake, bench.options
        self.now, self.listing = now, listing
        self.prints = fingerprints(bench)
        told = bench.options.settings, bench.options.analyser
        # It covers all parsers: one version of the code does not finish what another began.
        self.settings_hash = digest_of([*told, self.prints.record(), self.prints.parsing()])
        # The base is of an earlier release than the newest one if that has lost its manifest.
        self.base, self.follows = self.lake.base(), self.lake.decision()
        self.upgrades = Upgrades(self.base, self.options, self.prints)
        self.base_shards = self.base.shards if self.base is not None else 1
        self.shards, self.divides, self.failed = 0, 0, dict[str, errors.IngestError]()  # by source
        failed = (row for state in in_quarantine(self.lake) for row in state.documents) if scope.errors else ()
        chosen = frozenset(containers(row.uri)[0] for row in failed if row.error in scope.errors)
        self.carrying = Carrying(bench, replace(scope, failed=chosen), now, self.base)  # its scope is without the sick
        self.revocations = self.lake.revocations.now()
        self.narrowing = narrowing_of(bench, self.revocations, scope)
        self.balance, self.damage = Balance(), Damage()  # as far as the plan knows it; of the base

    def list_sources(self) -> None:
        """Spill every source's listing and give each document its shard."""
        for source in self.bench.sources:
            try:
                self.listing.add(source.list())
            except (errors.AccessDenied, errors.SourceUnavailable, errors.UnknownSource) as error:
                if self.options.on_listing_failure != "carry" or not self.carrying.possible:
                    raise
                self.failed[source.name] = error  # outside the scope, too: others may list what is there
                self.listing.drop(source.name)
        planned = self.base or self.lake.claims.get(1)
        self.shards = planned.shards if planned else shard_count(len(self.listing), self.options.documents_per_shard)
        self.listing.partition(self.shards)
        changes.check_places(self.carrying.scope, self.bench.sources, self.listing, self._base_uris())
        if self.base is None and not self.listing.listed and not self.options.allow_empty:
            raise changes.nothing_listed(self.bench.sources)

    def _base_uris(self) -> Iterator[str]:
        for held in map(self._base_parts, range(self.base.shards if self.base is not None else 0)):
            yield from self.lake.read(held["documents"], ["uri"])["uri"].to_pylist() if "documents" in held else ()
        # What is to be tried again may be gone.
        with suppress(errors.SchemaMismatch):  # damaged: it is made again
            yield from (containers(row.uri)[0] for state in in_quarantine(self.lake) for row in state.documents)

    def plan(self) -> PlanSummary:
        """Return the plan. If there is a generation to build and its shards became too large, they are divided."""
        summary, before = self._settled(), self.shards
        most = OUTGROWN * self.options.documents_per_shard
        while summary.needs_generation and len(self.listing) > most * self.shards:
            self.shards *= 2
        if self.shards == before:
            return summary
        self.listing.partition(self.shards)
        self.divides = self.shards if self.base is not None else 0
        return self.summarise().model_copy(update={"divides": before if self.divides else 0})

    def _settled(self) -> PlanSummary:
        """Return the plan with what is sick carried. Raises: what a source raised if there is nothing else to do."""
        self.carrying.add({name: str(error) for name, error in self.failed.items()})
        summary = self.summarise()
        if self.failed and not self.carrying.at_work:
            raise next(iter(self.failed.values()))
        while self.carrying.carries(sick_origins(self.options, self.balance)):
            summary = self.summarise()
        return summary

    def summarise(self) -> PlanSummary:
        """Return the plan for all shards: documents per class, bytes, estimates. Raises: InvalidSettings."""
        counts = Counter(listed=(listed := self.listing.listed), listed_twice=listed - len(self.listing))
        hashes, steps, kinds, fetch, embed = dict[int, str](), set[str](), set[tuple[str, str]](), 0, 0
        self.carrying.at_work.clear()
        with LossComparison(self.revocations, accepted(self.lake), self.options.carry_by) as comparison:
            for shard in range(self.shards):
                plan, found, rows, refs = self.join(shard)
                self.narrowing.look(plan, self.shards, rows.documents.values(), self.carrying.scope, refs)
                comparison.foresee(rows, plan)
                self.carrying.see_work(rows, plan)
                hashes[shard] = name_of(plan)[:PLAN_HASH]
                counts.update(found)
                fetched = [d for d in plan.documents if d.change in FETCHED]
                fetch += sum(d.size for d in fetched)
                kinds.update(map(self._kind, fetched))
                steps, embed = steps | {*plan.steps}, embed + self._embedded_again(plan, fetched)
            self.balance = comparison.settled()
        counts.update({"may_have_moved": self.balance.moved} if self.balance.moved else {})
        for wanted in ("own", "unstructured"):
            parsers.check_installed((kind for parser, kind in kinds if parser == wanted), "", wanted)
        size, follows = self.options.chunking.target_tokens, self.follows.generation if self.follows else None
        tokens = fetch // CHARACTERS_PER_TOKEN + embed * size
        return PlanSummary(
            generation="",
            base=follows,
            shards=hashes,
            counts=dict(sorted(counts.items())),
            bytes_to_fetch=fetch,
            chunks_to_embed=-(-tokens // size),
            tokens_to_embed=tokens,
            gpu_minutes=round(tokens / self.options.tokens_per_second / 60, 3),
            needs_generation=self._differs(follows) or bool(steps - {"load"}) or None in self.damage.parts,
            raised=self.options.raised,
            left_out=changes.left_out(self.bench.sources),
            unread=unread_shares(self.base.holds.values()) if self.base is not None else {},
            carried=tuple(self.carrying.carried()),
            foreign=foreign(self.base.languages, self.base.model.languages) if self.base else None,
            instead_of=self.carrying.scope.instead_of,
        )

    def _differs(self, follows: str | None) -> bool:
        now, base = unscreened(self.options.settings), self.base
        return base is None or base.generation != follows or unscreened(base.settings) != now

    def _kind(self, document: PlannedDocument) -> tuple[str, str]:
        told = self.bench.sandbox.options.get(document.source, ParserOptions())
        return told.parser, media_types.expected(document.path, document.media_type, told.media_types)

    def guard(self, summary: PlanSummary) -> None:
        """Raise before anything is spent when too much would disappear or the budget is too small."""
        options, left = self.options, self.carrying.newly(sick_origins(self.options, self.balance))
        self.balance.unknown = unknown(self.lake, self.base, summary.base)
        check_losses(options, self.balance)
        for origin, why in left.items():  # there is nothing else at work
            raise errors.DeleteGuardTripped(f"index {self.lake.index}: {origin}: {why}")
        if options.max_gpu_minutes and summary.gpu_minutes > options.max_gpu_minutes:
            told = f"the plan needs about {summary.gpu_minutes} GPU-minutes, the budget is {options.max_gpu_minutes}"
            raise errors.BudgetExceeded(f"index {self.lake.index}: {told} (max_gpu_minutes)")

    def _embedded_again(self, plan: ShardPlan, fetched: Sequence[PlannedDocument]) -> int:
        again = set(plan.embed_again) - {document_id(d.uri) for d in fetched}
        share = 1 if {"chunk", "embed"} & self._needed else len(again) / max(len(plan.documents), 1)
        chunks = sum(p.rows for p in plan.base_parts if p.kind == "chunks") * self.base_shards / self.shards
        return round(chunks * share)

    def join(self, shard: int) -> tuple[ShardPlan, Counter[str], ShardRows, dict[str, DocumentRef]]:
        """Return the work of one shard, its documents by change, its rows in the base, and what is listed, by URI."""
        parts, whole, scope = self._base_parts(shard), shard % self.base_shards, self.carrying.scope
        listed = {ref.uri: ref for ref in self.listing.shard(shard)}
        of = (shard, self.divides) if self.divides else None
        rows = read_rows(self.lake, parts, "documents", "quarantine", of=of) if "documents" in parts else ShardRows()
        keep = timedelta(days=self.options.keep_last_good_days)
        held, bad = changes.base_documents(rows, self.prints, listed, self.now, keep, texts="texts" in parts)
        known = held if "texts" in parts else {}  # else all are read again
        kept, upgraded = self.upgrades.kept(shard, rows, known, listed)
        held |= {row.uri: replace(held[row.uri], outdated=False) for row in kept}
        found = changes.classify(listed.values(), held, bad, scope, self.carrying.outside, self.revocations)
        if replace(scope, force=frozenset()) != Scope():
            check_carried(self.lake.index, self.damage, whole, found.documents)
        plan = ShardPlan(
            shard=shard,
            **{name: getattr(found, name) for name in ("documents", "deleted", "embed_again")},
            steps=self._steps(shard, found, parts),
            base_parts=tuple(parts.values()),
            base_segments=self.base.segments.get(whole, ()) if self.base is not None else (),
            reads_again=scope.reads_again,
            divides=self.divides,
            keeps=tuple(sorted(m.document_id for row in kept for m in rows.family(row))) if self._keeps_chunks else (),
        )
        stay = {row.uri for row in kept} & {d.uri for d in found.documents if d.change not in FETCHED}
        found.counts.update({n: of for n, of in (("upgraded", upgraded), ("not_upgraded", len(stay))) if of})
        return plan, found.counts, rows, listed

    def _steps(self, shard: int, found: ShardChanges, parts: dict[str, PartFile]) -> tuple[str, ...]:
        held = self.base.holds.get(shard % self.base_shards) if self.base is not None else None
        marked = self._marks is not None and (held is None or not self._marks.isdisjoint(held.marks))
        touched = found.touched or bool(self.upgrades.chosen.get(shard)) or marked
        steps = {"load", *self._needed, *(["chunk"] if touched or not parts or self.divides else [])}
        steps |= self.damage.steps(shard % self.base_shards) | ({"embed"} if found.embed_again else set())
        steps |= {"embed"} if "chunk" in steps else set()
        steps |= {"keyword"} if "embed" in steps else set()  # the model may refuse chunks, which then go
        return tuple(step for step in ("chunk", "embed", "load", "keyword") if step in steps)

    @cached_property
    def _needed(self) -> set[str]:
        """The steps that every shard needs because the code, its options or the model have changed."""
        if (base := self.base) is None:
            return set()
        fresh = base.fingerprints["chunker"] != self.prints.chunker and self._marks is None and not self._keeps_chunks
        steps = {"chunk"} if fresh else set[str]()
        steps |= {"embed"} if base.fingerprints["model"] != self.prints.model else set()
        return steps | ({"keyword"} if base.analyser != self.options.analyser else set())

    @property
    def _keeps_chunks(self) -> bool:
        return self.upgrades.newer_chunker and self._marks is None and self.options.on_upgrade != "now"

    @cached_property
    def _marks(self) -> frozenset[str] | None:
        return changed_marks(self.base, self.bench) if self.base is not None else None

    @cached_property
    def _base_parts(self) -> Callable[[int], dict[str, PartFile]]:
        parts = contents_of(self.lake, self.base).parts if self.base is not None else lambda _: {}
        return lambda shard: self.damage.left(shard % self.base_shards, parts(shard % self.base_shards))
