"""The story: lease, plan, chunk, duplicates, embed, keyword, load, seal, evaluate, release, in order, only here."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ingest.errors import Held
from ingest.lake.contents import contents_of
from ingest.lake.lake import Lake
from ingest.pipeline.built_contents import built_contents
from ingest.pipeline.changes import Listing, Scope
from ingest.pipeline.chunk import chunk_shard
from ingest.pipeline.collections import ensure_collection, releases_of
from ingest.pipeline.embed import embed_shard
from ingest.pipeline.figures import Figures
from ingest.pipeline.find_duplicates import find_duplicates
from ingest.pipeline.keyword import keyword_shard, merge_keyword
from ingest.pipeline.lease import BuilderLease
from ingest.pipeline.load import load_shard
from ingest.pipeline.plan import Work, make_plan
from ingest.pipeline.seal import check, seal
from ingest.ports import Execute, Services
from ingest.quality.evaluate import check_asking, evaluate
from ingest.records import EVERYTHING, Conservation, Manifest, Release, RunReport, Verdict
from ingest.release import Candidate, Releases

Decide = Callable[[Verdict], bool]  # True: promote; False: leave it to a person


def run(services: Services, scope: Scope, execute: Execute, decide: Decide) -> RunReport:
    """Build the next generation, judge it, and promote it when the verdict is positive.

    A crash at any instruction leaves serving untouched; the next run goes on where this one stopped. Nothing changed:
    no generation, but the conservation check runs on the one that serves.

    Raises: FatalError (nothing is promoted), TransientError after its retries.
    """
    lake = Lake(services.store, services.options.index)
    token = services.new_token()
    figures = Figures(services)
    started = services.clock()
    releases = releases_of(services)
    services.store.check(token)
    check_asking(services)
    with BuilderLease(services, lake, token), Listing() as listing:
        releases.heal()  # before the plan: its base is the newest record, which a crash may have left unapplied
        with figures.step("plan") as counted:
            work = make_plan(services, lake, scope, token, listing)
            counted["documents"] = listing.listed
        services.observer.told("plan", work.summary)
        manifest, table = build(services, lake, work, execute, figures)
        serving = releases.heal()  # hours may have passed
        verdict, decision = _judge(services, lake, manifest, serving, decide, figures)
        if decision == "promoted":
            with figures.step("release"):
                serving, decision = _promote(services, lake, releases, manifest, verdict)
    report = RunReport(
        run=token,
        index=lake.index,
        started=started.isoformat(),
        generation=manifest.generation,
        base=work.summary.base,
        built=work.summary.needs_generation,
        resumed=work.resumed,
        plan=work.summary,
        conservation=table,
        verdict=verdict,
        decision=decision,
        release=serving.number if serving else None,
        embedded=figures.counts["embedded"],
        forward_passes=figures.counts["forward_passes"],
        marked=table.marks,
        quarantined=_named(figures, "quarantined"),
        quarantined_children=_named(figures, "quarantined_children"),
        dropped=_named(figures, "dropped"),
        duplicates=_named(figures, "duplicates"),
        stages=tuple(figures.stages),
        digest=manifest.digest,
        recall=manifest.recall,
    )
    lake.write_history(f"{started:%Y%m%dT%H%M%S.%f}-{token[:8]}", report)
    services.observer.told("report", report)
    return report


def build(
    services: Services, lake: Lake, work: Work, execute: Execute, figures: Figures
) -> tuple[Manifest, Conservation]:
    """Return the sealed generation of a plan and its conservation table; the base's, when nothing changed."""
    sealed = lake.manifest(work.summary.generation) if work.summary.needs_generation else work.base
    if sealed is not None:
        with figures.step("seal") as counted:
            ensure_collection(services, lake, sealed)
            table = check(services, contents_of(lake, sealed), work)
            counted.update(documents=sum(table.documents.values()), chunks=table.chunks)
        return sealed, table
    _execute(execute, chunk_shard, "chunk", work, figures)
    with figures.step("duplicates") as counted:
        found = find_duplicates(services, work.summary.generation, built_contents(services, lake, work.summary))
        counted.update({f"duplicates.{name}": count for name, count in found.counts.items()})
    _execute(execute, embed_shard, "embed", work, figures)
    _execute(execute, keyword_shard, "keyword", work, figures)  # before the points: sparse vectors are made of postings
    contents = built_contents(services, lake, work.summary)
    services.vectors.create_collection(contents.collection, contents.dimension, contents.shape)
    _execute(execute, load_shard, "load", work, figures)
    with figures.step("optimise") as counted:
        services.vectors.optimise(contents.collection)
        counted["chunks"] = services.vectors.count(contents.collection, EVERYTHING)
    with figures.step("seal") as counted:
        contents = replace(contents, keyword=merge_keyword(services, lake, contents))
        table = check(services, contents, work)
        manifest = seal(services, contents, work, table)
        counted.update(documents=sum(table.documents.values()), chunks=table.chunks)
    return manifest, table


def _execute(execute: Execute, step: Any, name: str, work: Work, figures: Figures) -> None:
    tasks = work.tasks(name)
    with figures.step(name, len(tasks)) as counted:
        for marker in execute.map(step, tasks):
            counted.update(marker.counts)
            figures.services.observer.advanced(name, marker.counts)


def _judge(
    services: Services, lake: Lake, manifest: Manifest, serving: Release | None, decide: Decide, figures: Figures
) -> tuple[str | None, str]:
    """Return the verdict's name, if there is something to judge, and the decision."""
    profile = lake.write_profile(services.options.profile)
    if serving is not None and (serving.generation, serving.profile) == (manifest.generation, profile):
        return None, "unchanged"
    with figures.step("evaluate") as counted:
        verdict = evaluate(services, manifest, services.options.profile, serving)
        counted["questions"] = verdict.questions
    name = lake.write_verdict(verdict)
    services.observer.told("verdict", verdict)
    if not verdict.positive:
        return name, "refused"
    return name, "promoted" if decide(verdict) else "waiting"


def _promote(
    services: Services, lake: Lake, releases: Releases, manifest: Manifest, verdict: str | None
) -> tuple[Release | None, str]:
    """Return the release in force and the decision; under a hold the candidate waits for a person."""
    profile = lake.write_profile(services.options.profile)
    candidate = Candidate(manifest.generation, manifest.collection, profile, verdict, manifest.base)
    try:
        release = releases.promote(candidate, "positive verdict", automatic=True)
    except Held as held:
        services.observer.told("held", str(held))
        return releases.current(), "waiting"
    services.observer.told("release", release)
    return release, "promoted"


def _named(figures: Figures, group: str) -> dict[str, int]:
    """Return the counts called `<group>.<name>`, by name."""
    prefix = f"{group}."
    return {k.removeprefix(prefix): v for k, v in sorted(figures.counts.items()) if k.startswith(prefix)}
