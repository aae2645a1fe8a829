"""The story of a run, told only here; each step is a module of this package."""

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from functools import partial

from ingest.errors import DamagedFile, IngestError, StaleOrigin
from ingest.lake.contents import Contents, contents_of
from ingest.pipeline.changes import Listing
from ingest.pipeline.chunk import Reads, chunk_shard
from ingest.pipeline.collections import ensure, load_shard, make_collection, mend_serving, moved, optimise, releases_of
from ingest.pipeline.embed import embed_shard
from ingest.pipeline.find_duplicates import find_duplicates
from ingest.pipeline.guard import guard_chunked
from ingest.pipeline.index_keywords import keyword_shard, merge_keyword
from ingest.pipeline.inspection import Inspection, keep_turn, measure_recall, turn
from ingest.pipeline.lease import BuilderLease
from ingest.pipeline.plan import Planner, make_plan
from ingest.pipeline.promotion import Decide, Promotion
from ingest.pipeline.retirement import retire_after
from ingest.pipeline.revoking import delete_all_revoked
from ingest.pipeline.run_report import Figures, kept_in_history
from ingest.pipeline.scope import OriginsSick, Scope
from ingest.pipeline.seal import conservation, seal
from ingest.pipeline.shard_stream import flowing
from ingest.pipeline.tasks import DOCUMENT_STEPS, Execute, Work, built_contents
from ingest.quality.evaluate import check_asking
from ingest.quality.question_slices import fallen_sources
from ingest.records import EVERYTHING, RunReport, RunStart
from ingest.release import Releases
from ingest.release.generation_states import keep_raised
from ingest.services import Services


def run(services: Services, scope: Scope, execute: Execute, decide: Decide, take_over: str | None = None) -> RunReport:
    """Build the next generation, judge it, and promote it when the verdict is positive.

    A crash at any instruction leaves serving untouched; the next run resumes where this one stopped. If nothing
    changed, no generation is built. What serves is compared with the lake before the plan, whatever changed.
    `take_over`: why a person takes over an index that follows another lake.
    Raises: FatalError (nothing is promoted), TransientError after its retries.
    """
    writer, retrieval, token = services.writer, services.retrieval, services.writer.new_token()
    releases = releases_of(retrieval, services.bench.options, writer, take_over)
    services.bench.lake.store.check(token)  # before anything is written
    started = RunStart(run=token, index=releases.index, started=writer.clock().isoformat(), who=writer.who)
    publishes = partial(replanned, scope, partial(publish, services, releases, token, execute, decide))
    return kept_in_history(services, started, releases.current, publishes)


def replanned(scope: Scope, publishes: Callable[[Scope], RunReport]) -> RunReport:
    """Return the report of a run that is planned again, and carries it, when something turns out to be sick.

    It is planned again, too, once a damaged file was met whose turn it was not: the plan then looks for all of them.
    """
    while True:
        try:
            return publishes(scope)
        except OriginsSick as error:
            (scope,) = error.args
        except DamagedFile:
            if scope.doubts:
                raise
            scope = replace(scope, doubts=True)


def publish(
    services: Services, releases: Releases, token: str, execute: Execute, decide: Decide, scope: Scope
) -> RunReport:
    """Return the report of a run whose start is in the history."""
    lake, bench, retrieval, writer = services.bench.lake, services.bench, services.retrieval, services.writer
    options, vectors, observer = bench.options, retrieval.vectors, retrieval.observer
    figures = Figures(writer.clock(), retrieval.monotonic, observer)
    lake.identity(writer.new_token)
    check_asking(options, retrieval.open_reranker, lake.store)
    lease = BuilderLease(lake, token, writer.who, options.lease_seconds, retrieval.monotonic, observer)
    scrubbed, promotion = partial(scrub, services, figures), Promotion(retrieval, options, releases)
    with lease, Listing() as listing:
        keep_raised(lake, writer, options.raised)
        serving, _ = releases.settled()  # before the plan: its base is the newest record, perhaps not applied yet
        revoked = delete_all_revoked(retrieval)  # points that were left when they were revoked
        served = mend_serving(retrieval, serving, scrubbed)
        figures.serving_mended = served.mended if served is not None else 0
        work = figures.timed("plan", make_plan, services, scope, token, listing, served)
        changed, manifest = work.healed or lake.revocations.now() != revoked, work.sealed()
        if manifest is None:
            found = scrubbed(build(services, releases, work, execute, figures), work)
        elif served is not None and served.contents.generation == manifest.generation and not changed:
            found = served  # nothing changed since it was looked at
        else:
            found = scrubbed(contents_of(lake, manifest), work)
        observer.told("conservation", table := conservation(found, work))
        found.refuse_faults()
        if manifest is None:
            figures.timed("model", services.keep_model)
        recall = figures.timed("recall", measure_recall, vectors, found.contents, found.whole)
        if manifest is None:
            manifest = figures.timed("seal", seal, bench, retrieval, found, work, table, recall)
        manifest = manifest.model_copy(update={"recall": recall})  # as it is now, not as it was at the seal
        if lake.revocations.now() != revoked:  # meanwhile: their points may have been mended back
            delete_all_revoked(retrieval)
        outcome = promotion.settle(manifest, decide, figures.timed)
        with suppress(StaleOrigin):  # then it stays refused
            work.carry({} if scope.judged else fallen_sources(outcome.verdict), judged=True)
        retire_after(retrieval, options, releases, token, outcome.decision)
    return figures.report(work, manifest, table, promotion.read_back(outcome))


def scrub(services: Services, figures: Figures, contents: Contents, work: Work | None = None) -> Inspection:
    """Return what serves, or what the work made, after it was ensured: what changed and whose turn it is, in full."""
    options, whole = services.bench.options, turn(contents, services.bench.options, figures.started)
    for step in ("chunk", "embed", "keyword"):
        whole |= {task.shard for task in work.tasks(step)} if work is not None else set()
    fresh = work is not None and work.sealed() is None
    found = ensure(services.retrieval, options, contents, whole.__contains__, figures.timed, fresh)
    keep_turn(services.writer, found)
    return found


def sync_permissions(services: Services) -> int:
    """List the sources, let take effect what they take back, and return of how many documents.

    Raises: DeleteGuardTripped, SourceUnavailable; IndexUnavailable when points of what is gone are left.
    """
    free = services.bench.options.model_copy(update={"max_gpu_minutes": 0.0})  # it embeds nothing
    with Listing() as listing:
        planner = Planner(replace(services.bench, options=free), services.writer.clock(), Scope(), listing)
        planner.list_sources()
        planner.guard(planner.plan())
        count = planner.narrowing.write(services.writer, widens=False)
    delete_all_revoked(services.retrieval)
    return count


def build(services: Services, releases: Releases, work: Work, execute: Execute, figures: Figures) -> Contents:
    """Return what the work makes: part files, vectors, postings, and a collection with all its points."""
    bench, retrieval, vectors = services.bench, services.retrieval, services.retrieval.vectors
    each_shard, shards = partial(figures.each_shard, execute, bench, work), sorted(work.summary.shards)
    try:
        with flowing(chunked(services, work, execute, figures), overlaps=execute.workers > 1) as ready:
            list(each_shard(embed_shard, ready))
    except IngestError as error:
        work.carry({error.source: str(error)})
        raise
    bench.lake.embeddings(bench.model.fingerprint).merge(services.writer.new_token())
    embedded = built_contents(bench, work.summary, *DOCUMENT_STEPS)
    step, observer = ("duplicates", embedded.rows("chunks"), "chunks"), retrieval.observer
    told = work.summary.generation, bench.options.duplicates, observer.tally("duplicates")
    figures.timed(step, find_duplicates, embedded, *told)
    list(each_shard(keyword_shard, shards))  # before the points: sparse vectors are made of postings
    contents = built_contents(bench, work.summary, *DOCUMENT_STEPS, "keyword")
    fresh, contents = contents, moved(retrieval, bench.options, releases, contents, work.run)
    if contents is fresh:
        make_collection(vectors, contents)
        list(each_shard(load_shard, shards))
    points, postings = vectors.count(contents.collection, EVERYTHING), contents.rows("keyword.postings")
    figures.timed(("optimise", points, "points"), optimise, vectors, contents, observer.tally("optimise").heard)
    base = contents_of(bench.lake, work.base) if work.base is not None and not work.healed else None
    return figures.timed(("merge", postings, "postings"), merge_keyword, contents, base, observer.tally("merge"))


def chunked(services: Services, work: Work, execute: Execute, figures: Figures) -> Generator[int | None]:
    """Yield shards that may be embedded, then stop the run if sources are ill or too much would be lost.

    Where steps overlap, some of it is embedded by then; that is kept, by its text.
    """
    bench, waits = services.bench, {task.shard for task in work.tasks("chunk")}
    yield from sorted(work.summary.shards.keys() - waits)
    yield from figures.each_shard(execute, bench, work, chunk_shard, sorted(waits))
    Reads(bench, services.writer, work.summary.generation).check(work)
    figures.timed("guard", guard_chunked, bench, work, built_contents(bench, work.summary, "chunk"))
