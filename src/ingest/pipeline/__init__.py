"""The story of a run, told only here; each step is a module of this package."""

from functools import partial

from ingest.lake.contents import Contents
from ingest.pipeline.changes import Listing, Scope
from ingest.pipeline.chunk import chunk_shard
from ingest.pipeline.collections import ensure_collection, optimise, releases_of
from ingest.pipeline.conservation import check, mend
from ingest.pipeline.embed import embed_shard
from ingest.pipeline.figures import Figures
from ingest.pipeline.find_duplicates import find_duplicates
from ingest.pipeline.index_keywords import keyword_shard, merge_keyword
from ingest.pipeline.lease import BuilderLease
from ingest.pipeline.load import load_shard
from ingest.pipeline.plan import make_plan
from ingest.pipeline.promotion import Decide, Outcome, decided, is_in_force, promote_automatically, verdict_on
from ingest.pipeline.recall import measure_recall
from ingest.pipeline.seal import seal
from ingest.pipeline.tasks import Execute, built_contents
from ingest.pipeline.work import Work
from ingest.quality.evaluate import check_asking
from ingest.records import RunReport
from ingest.services import Services


def run(services: Services, scope: Scope, execute: Execute, decide: Decide) -> RunReport:
    """Build the next generation, judge it, and promote it when the verdict is positive.

    A crash at any instruction leaves serving untouched; the next run resumes where this one stopped. If nothing
    changed, no generation is built, but the conservation check runs on the serving one.

    Raises: FatalError (nothing is promoted), TransientError after its retries.
    """
    lake, bench, retrieval, writer = services.bench.lake, services.bench, services.retrieval, services.writer
    options, vectors, observer, token = bench.options, retrieval.vectors, retrieval.observer, writer.new_token()
    figures, releases = Figures(writer.clock(), retrieval.monotonic, observer), releases_of(retrieval, options, writer)
    lake.store.check(token)
    check_asking(options, retrieval.open_reranker, lake.store)
    lease = BuilderLease(lake, token, writer.who, options.lease_seconds, retrieval.monotonic, observer)
    with lease, Listing() as listing:
        releases.heal()  # before the plan: its base is the newest record, which a crash may have left unapplied
        work = figures.timed("plan", make_plan, bench, writer, observer, scope, token, listing)
        manifest = work.sealed()
        if manifest is None:
            contents = build(services, work, execute, figures)
        else:
            contents = ensure_collection(lake, vectors, observer, options.load_batch, manifest)
        found = figures.timed("check", check, vectors, contents, work)
        if found.mendable:
            mended = figures.timed("mend", mend, vectors, found, options.load_batch)
            found = figures.timed("check again", check, vectors, contents, work, mended)
        observer.told("conservation", found.table)
        table = found.conserved()
        if manifest is None:
            figures.timed("model", services.keep_model)
            recall = figures.timed("recall", measure_recall, vectors, contents)
            manifest = figures.timed("seal", seal, bench, retrieval, contents, work, table, recall)
        serving = releases.heal()  # hours may have passed
        in_force = is_in_force(options.profile, manifest, serving)
        verdict = None if in_force else figures.timed("evaluate", verdict_on, retrieval, options, manifest, serving)
        outcome = Outcome(decided(verdict, decide), verdict, serving)
        if verdict is not None and outcome.decision == "promoted":
            chosen = retrieval, options, releases, manifest, verdict
            outcome = figures.timed("release", promote_automatically, *chosen)
    return figures.report(work, manifest, table, outcome)


def build(services: Services, work: Work, execute: Execute, figures: Figures) -> Contents:
    """Return what the work makes: part files, vectors, postings, and a collection with all its points."""
    bench, vectors = services.bench, services.retrieval.vectors
    each_shard = partial(figures.each_shard, execute)
    each_shard(chunk_shard, work)
    chunked = built_contents(bench, work.summary, "chunk")
    figures.timed("duplicates", find_duplicates, chunked, work.summary.generation, bench.options.duplicates)
    each_shard(embed_shard, work)
    each_shard(keyword_shard, work)  # before the points: sparse vectors are made of postings
    contents = built_contents(bench, work.summary, "chunk", "keyword")
    vectors.create_collection(contents.collection, contents.dimension, contents.shape)
    each_shard(load_shard, work)
    figures.timed("optimise", optimise, vectors, contents)
    return figures.timed("merge", merge_keyword, contents)
