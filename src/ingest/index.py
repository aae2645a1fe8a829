"""The library's main interface: one open index, with everything people do with it as methods."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Unpack

from pydantic import Field, SkipValidation

from ingest import pipeline, records
from ingest.errors import InvalidSettings, UnknownRelease
from ingest.ids import containers
from ingest.pipeline.collections import reconcile, releases_of, sealed
from ingest.pipeline.document_acts import DocumentActs
from ingest.pipeline.plan import preview
from ingest.pipeline.promotion import Outcome, Promotion
from ingest.pipeline.retirement import Retirement, retire
from ingest.pipeline.scope import NO_REASON, Choice, Scope, checked
from ingest.pipeline.status import IndexStatus, status_of
from ingest.pipeline.tasks import Execute
from ingest.ports import Observer
from ingest.quality.evaluate import check_asking
from ingest.records import BuildOptions, Filter, PlanSummary, RaisedLimit, Reconciliation, Release, RunReport, Verdict
from ingest.release import Releases
from ingest.release import generation_states as states
from ingest.scratch import sweep
from ingest.search import Answer, Context, ContextOptions, Searcher, context_of, open_release, serving_release
from ingest.services import Retrieval, Services
from ingest.settings import Settings, load_settings, make_settings
from ingest.wiring.service_opening import open_executor, open_services

PUBLIC = ("public",)
CANDIDATES = 50  # ranked chunks from which a context is built

Count = Annotated[int, Field(ge=1, le=10**7)]
Share = Annotated[float, Field(ge=0, le=1)]
Executing = Annotated[Execute | None, SkipValidation]


def open(
    settings: str | PathLike[str] | Mapping[str, Any] | Settings = "ingest.yaml",
    index: str | None = None,
    *,
    observer: Observer | None = None,
    caller: str | None = None,
) -> "Index":
    """Return an open index; as a context manager it closes everything on exit, whatever happens.

    Args:
        settings: A settings file, its content as plain values (paths are relative to the working directory),
            or loaded settings.
        index: Name of an index in the settings; may be omitted if there is only one.
        observer: Receives the progress of runs; none by default.
        caller: Who is signed in, for the records of what people decide; by default, this machine's user.

    Raises: InvalidSettings, UnknownSource, IndexUnavailable.
    """
    if isinstance(settings, Mapping):
        settings = make_settings(dict(settings), Path.cwd())
    elif not isinstance(settings, Settings):
        settings = load_settings(Path(settings))
    return Index(settings, open_services(settings, index, observer, caller))


class Index(DocumentActs, AbstractContextManager["Index"]):
    """One index. Each call uses the release in force at that moment. Many threads may search, one may build."""

    def __init__(self, settings: Settings, services: Services) -> None:
        super().__init__(services)
        self.settings = settings
        self._searcher: Searcher | None = None

    @property
    def name(self) -> str:
        """The index's name: the alias that readers use."""
        return self.services.bench.lake.index

    @checked
    def search(
        self,
        question: str,
        *,
        groups: Sequence[str] = PUBLIC,
        tenant: str = "public",
        sources: Sequence[str] = (),
        top: Count = 10,
        stage: str | None = None,
    ) -> Answer:
        """Return the `top` best chunks for a question among those that these groups of a tenant may see, best first.

        Groups are enforced inside both indexes; the library trusts its caller about them. `sources`: only these; all
        if empty. `stage`: bm25, dense, fused or reranked; by default the last one in the release's profile.

        Raises: UnknownRelease if nothing serves, InvalidSettings for an unknown stage, TransientError.
        """
        filter, searcher = Filter(tuple(groups), tenant, tuple(sources)), self.searcher()
        return searcher.search([question], filter, top, (stage or searcher.stages[-1],))[0]

    @checked
    def context(
        self,
        question: str,
        *,
        tokens: Count = 1000,
        groups: Sequence[str] = PUBLIC,
        tenant: str = "public",
        sources: Sequence[str] = (),
        neighbours: int = 0,
    ) -> Context:
        """Return passages of at most `tokens` tokens in total for a language model, each an exact slice of a document.

        If tokens are left, up to `neighbours` chunks before and after each one are added. Surrounding text, too, is
        limited to what the groups may see.
        """
        wanted = ContextOptions(tokens, neighbours, most=CANDIDATES)
        filter, searcher = Filter(tuple(groups), tenant, tuple(sources)), self.searcher()
        stage = searcher.stages[-1]
        (answer,) = searcher.search([question], filter, wanted.most, (stage,))
        return context_of(searcher, answer.results, stage, (wanted, filter))

    def searcher(self) -> Searcher:
        """Return a searcher on the release in force, opened anew when that is another one. Raises: UnknownRelease."""
        release = serving_release(self.services.bench.lake, self.services.retrieval.vectors)
        known = self._searcher
        if known is None or known.release != release.number:
            known = self._searcher = open_release(self.services.retrieval, release)
        return known

    @checked
    def plan(
        self, *, max_deleted_share: Share | None = None, why: str | None = None, **choice: Unpack[Choice]
    ) -> PlanSummary:
        """Return what a run would do and cost. Lists the sources; fetches, embeds and writes nothing.

        The arguments are those of `run`. Raises: InvalidSettings.
        """
        bench = replace(self.services.bench, options=self._options(max_deleted_share, why))
        check_asking(bench.options, self.services.retrieval.open_reranker, bench.lake.store)
        return preview(bench, self.services.writer, Scope.of(choice))

    @checked
    def run(
        self,
        *,
        promote: bool = True,
        max_deleted_share: Share | None = None,
        why: str | None = None,
        execute: Executing = None,
        take_over: str | None = None,
        **choice: Unpack[Choice],
    ) -> RunReport:
        """Build the next generation, judge it, and promote it if the verdict is positive.

        `Choice` says which documents are touched (without it, all) and what is done again; the others are carried over
        unchanged. `promote=False` leaves a positive candidate to a person, as `decide: manual` does. With a reason
        (`why`), `max_deleted_share` raises the limit of the delete guard for this run. `execute` runs the steps; by
        default `workers` processes do. `take_over`: why the index, which follows another lake, is taken over for this.

        Raises: FatalError (nothing is promoted), TransientError after its retries. Run it again to resume.
        """
        scope, options = Scope.of(choice), self._options(max_deleted_share, why)
        sweep()
        execute = execute or open_executor(self.settings, self.name, self.services)
        automatic = promote and options.decide == "automatic"
        services = replace(self.services, bench=replace(self.services.bench, options=options))
        with self.services.retrieval.observer.span("ingest.run", index=self.name):
            return pipeline.run(services, scope, execute, lambda _: automatic, take_over)

    @checked
    def replay(self, *, promote: bool = True, execute: Executing = None, **choice: Unpack[Choice]) -> RunReport:
        """Try again what is in quarantine: a run that touches nothing else. Raises: UnknownDocument, and as `run`."""
        uris = {containers(row.uri)[0] for row in self._chosen(choice)}
        return self.run(promote=promote, execute=execute, uris=sorted(uris), force=["parse"])

    @checked
    def evaluate(self, generation: str | None = None) -> Verdict:
        """Judge a sealed generation and keep the verdict: the named one, else the one that waits, else what serves."""
        return Promotion(*self._judging()).evaluate(generation)

    @checked
    def promote(
        self,
        generation: str | None = None,
        *,
        why: str | None = None,
        lift_hold: bool = False,
        max_deleted_share: Share | None = None,
        take_over: str | None = None,
    ) -> Outcome:
        """Judge a sealed generation (named, else the waiting one) and promote it if the verdict is positive.

        `max_deleted_share` raises the limit of the delete guard for this candidate; it needs `why`. `take_over` as for
        `run`.

        Raises: Overtaken, Held, UnknownRelease, ForeignIndex.
        """
        options = self._options(max_deleted_share, why)
        retrieval, _, releases = self._judging(take_over)
        states.keep_raised(retrieval.lake, self.services.writer, options.raised, generation)
        return Promotion(retrieval, options, releases).promote(generation, why, lift_hold)

    @checked
    def decline(self, generation: str, *, why: str) -> records.Decision:
        """Let a sealed generation wait no longer: it is promoted only by name. Raises: UnknownRelease."""
        sealed(lake := self.services.bench.lake, generation)
        return states.decide(lake, self.services.writer, "decline", why, {"generation": [generation]})

    @checked
    def rollback(self, to: Count | None = None, *, why: str, take_over: bool = False) -> Release:
        """Bring back an earlier release, once it opens, and hold automatic promotion. Returns the new release.

        `to` is its number; by default the newest one with another generation or query profile. `take_over`: also
        where the index follows another lake, for the same reason.

        Raises: UnknownRelease; UnknownReaderFormat, InvalidSettings or SchemaMismatch if the target does not open.
        """
        return Promotion(*self._judging(why if take_over else None)).roll_back(to, why)

    def serving(self) -> Release | None:
        """Return the release that readers see now, None when nothing serves. Raises: SchemaMismatch, TransientError."""
        return self._judging()[2].current()

    def reconcile(self) -> Reconciliation:
        """Compare all of what serves with the lake, and the lake with itself, at once; mend points that do not match.

        Raises: UnknownRelease when nothing serves; SchemaMismatch when files of the lake cannot be read.
        """
        return reconcile(*self._judging())

    @checked
    def pin(self, generation: str, *, why: str, lift: bool = False) -> records.Decision:
        """Keep a sealed generation from being retired, or `lift` that. Raises: UnknownRelease, InvalidSettings."""
        lake = self.services.bench.lake
        if not lift:
            sealed(lake, generation)
        elif generation not in (pinned := states.pinned_generations(lake)):
            known = ", ".join(sorted(pinned)) or "none"
            raise UnknownRelease(f"index {lake.index}: generation {generation} is not pinned; pinned are: {known}")
        return states.decide(lake, self.services.writer, "unpin" if lift else "pin", why, {"generation": [generation]})

    @checked
    def retire(self, *, dry_run: bool = False) -> Retirement:
        """Mark the generations that the settings do not keep, and remove what was marked before and has soaked.

        A run does so at its end. `dry_run`: only return what would go. Raises: InvalidSettings, LeaseHeld, DamagedFile.
        """
        return retire(self.services, self._judging()[2], dry_run)

    def status(self) -> IndexStatus:
        """Return what serves, what waits, and what was refused and why; also while the vector index is away."""
        retrieval, options, releases = self._judging()
        return status_of(retrieval.lake, retrieval.vectors, releases, options.profile)

    @checked
    def generations(self, limit: Count = 20) -> list[states.GenerationState]:
        """Return the newest generations with their states, newest first."""
        return states.generation_states(self.services.bench.lake, limit)

    @checked
    def log(self, limit: Count = 20) -> list[states.LogEntry]:
        """Return the newest releases and other decisions of people, newest first."""
        return states.decided(self.services.bench.lake, limit)

    def _options(self, max_deleted_share: float | None, why: str | None) -> BuildOptions:
        """Return the options, with a limit that a person raises. Raises: InvalidSettings without a reason."""
        options = self.services.bench.options
        if max_deleted_share is None:
            return options
        if why is None:
            raise InvalidSettings(f"max_deleted_share: {NO_REASON}")
        raised = RaisedLimit(max_deleted_share=max_deleted_share, who=self.services.writer.who, why=why)
        return options.model_copy(update={"raised": raised})

    def _judging(self, take_over: str | None = None) -> tuple[Retrieval, BuildOptions, Releases]:
        retrieval, options = self.services.retrieval, self.services.bench.options
        return retrieval, options, releases_of(retrieval, options, self.services.writer, take_over)

    def close(self) -> None:
        """Close everything that this index opened."""
        if not self._closed:
            self._searcher, self._closed = None, True
            self._services.bench.close()

    def __exit__(self, *_: object) -> None:
        self.close()
