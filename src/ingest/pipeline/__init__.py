"""The story of a run, told once and only here; each step is a module of this package."""

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
from ingest.pipeline.tasks import built_contents
from ingest.pipeline.work import Work
from ingest.quality.evaluate import check_asking
from ingest.records import RunReport
from ingest.services import Execute, Services


def run(services: Services, scope: Scope, execute: Execute, decide: Decide) -> RunReport:
    """Build the next generation, judge it, and promote it when the verdict is positive.

    A crash at any instruction leaves serving untouched; the next run goes on where this one stopped. Nothing changed:
    no generation, but the conservation check runs on the one that serves.

    Raises: FatalError (nothing is promoted), TransientError after its retries.
    """
    figures, releases, token = Figures(services), releases_of(services), services.new_token()
    services.lake.store.check(token)
    check_asking(services)
    with BuilderLease(services, token), Listing() as listing:
        releases.heal()  # before the plan: its base is the newest record, which a crash may have left unapplied
        work = figures.timed("plan", make_plan, services, scope, token, listing)
        manifest = work.sealed()
        if manifest is None:
            contents = build(services, work, execute, figures)
        else:
            contents = ensure_collection(services, manifest)
        found = figures.timed("check", check, services.vectors, contents, work)
        if found.mendable:
            mended = figures.timed("mend", mend, services.vectors, found, services.options.load_batch)
            found = figures.timed("check again", check, services.vectors, contents, work, mended)
        services.observer.told("conservation", found.table)
        table = found.conserved()
        if manifest is None:
            figures.timed("model", services.keep_model)
            recall = figures.timed("recall", measure_recall, services.vectors, contents)
            manifest = figures.timed("seal", seal, services, contents, work, table, recall)
        serving = releases.heal()  # hours may have passed
        in_force = is_in_force(services.options.profile, manifest, serving)
        verdict = None if in_force else figures.timed("evaluate", verdict_on, services, manifest, serving)
        outcome = Outcome(decided(verdict, decide), verdict, serving)
        if verdict is not None and outcome.decision == "promoted":
            outcome = figures.timed("release", promote_automatically, services, manifest, verdict)
    return figures.report(work, manifest, table, outcome)


def build(services: Services, work: Work, execute: Execute, figures: Figures) -> Contents:
    """Return what the work makes: part files, vectors, postings, and a collection with all its points."""
    each_shard = partial(figures.each_shard, execute)
    each_shard(chunk_shard, work)
    chunked = built_contents(services, work.summary, "chunk")
    figures.timed("duplicates", find_duplicates, chunked, work.summary.generation, services.options.duplicates)
    each_shard(embed_shard, work)
    each_shard(keyword_shard, work)  # before the points: sparse vectors are made of postings
    contents = built_contents(services, work.summary, "chunk", "keyword")
    services.vectors.create_collection(contents.collection, contents.dimension, contents.shape)
    each_shard(load_shard, work)
    figures.timed("optimise", optimise, services.vectors, contents)
    return figures.timed("merge", merge_keyword, contents)
