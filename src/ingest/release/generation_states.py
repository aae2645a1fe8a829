"""Where an index stands by its lake: candidates, states of generations, last runs, and what people decided."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter

from ingest.errors import LeaseHeld, SchemaMismatch, UnknownReaderFormat, UnknownRelease
from ingest.lake.lake import Lake, claim_number
from ingest.lake.stored_records import name_of
from ingest.ports import Aliases
from ingest.records import Decision, Manifest, QueryProfile, RaisedLimit, Release, RunReport, RunStart
from ingest.release.alias_rules import rollback_target
from ingest.search.served_release import is_foreign
from ingest.services import Writer

ADOPTED = 5  # newest claims whose finished work a run takes over: each holds one shard's rows in memory
LOOK_BACK = 100  # newest releases, claims and runs that are read
LogEntry = Release | Decision


@dataclass(frozen=True)
class GenerationState:
    """A generation as `ingest generations` lists it; figures and digest are None until it is sealed."""

    id: str
    state: str  # building, failed, sealed, refused, serving, kept, rolled back, retired, damaged
    base: str | None
    documents: int | None
    chunks: int | None
    digest: str | None


def waiting_candidate(lake: Lake, profile: QueryProfile) -> str | None:
    """Return the newest generation that could be promoted and never was, None when there is none.

    That is a sealed one built on the generation in force, or the one in force if the settings have another query
    profile. What was already released under the same profile is left out: it was rolled back, and somebody has to name
    it to bring it back; so has what a person declined.
    """
    current = lake.decision()
    serving = current.generation if current is not None else None
    name = name_of(profile)
    released = {(r.generation, r.profile) for _, r in lake.releases.newest_first(LOOK_BACK)}
    released |= {(each, name) for made in decisions_of(lake, "decline") for each in made.about["generation"]}
    for _, claim in lake.claims.newest_first(LOOK_BACK, below=last_claim(lake) + 1):
        if claim.base != serving or (claim.id, name) in released:
            continue
        if sealed_manifest(lake, claim.id)[0] is not None and not lake.is_retired(claim.id):
            return claim.id
    return serving if serving is not None and (serving, name) not in released else None


def kept_generations(lake: Lake, keep: int, profile: QueryProfile) -> set[str]:
    """Return what stays: the `keep` newest released, what a rollback or a run takes, what waits or is pinned."""
    current, waiting, kept = lake.decision(), waiting_candidate(lake, profile), set[str]()
    for _, release in lake.releases.newest_first(lake.releases.last()):
        kept.add(release.generation)
        if len(kept) >= keep:
            break
    if current is not None:
        with suppress(UnknownRelease, SchemaMismatch):  # there is none
            kept.add(rollback_target(lake.releases, lake.index, current, None).generation)
    base, newest = current.generation if current is not None else None, last_claim(lake)
    kept |= {claim.id for _, claim in lake.claims.newest_first(ADOPTED, below=newest + 1) if claim.base == base}
    return kept | pinned_generations(lake) | ({waiting} if waiting is not None else set())


def pinned_generations(lake: Lake) -> set[str]:
    """Return the generations that a person pinned, until one lifts that. Raises: SchemaMismatch."""
    pinned = set[str]()
    for made in decisions_of(lake, "pin", "unpin"):
        pinned = pinned - {*made.about["generation"]} | {*(made.about["generation"] if made.kind == "pin" else ())}
    return pinned


def collections_held(lake: Lake, vectors: Aliases) -> dict[str, list[str]]:
    """Return the collections of this index, and of no other lake, by the generation that they hold."""
    held, ours = dict[str, list[str]](), lake.known_identity()
    for collection in vectors.collections():
        if collection.startswith(f"{lake.index}__") and not is_foreign(vectors.lake_of(collection), ours):
            held.setdefault(vectors.generation_of(collection), []).append(collection)
    return held


def sealed_manifest(lake: Lake, generation: str) -> tuple[Manifest | None, str]:
    """Return a generation's manifest, None when it is not sealed or cannot be read, and then what is wrong."""
    try:
        return lake.manifest(generation), ""
    except (SchemaMismatch, UnknownReaderFormat) as error:
        return None, str(error)


def last_claim(lake: Lake) -> int:
    """Return the number of the newest claim, 0 before the first. It is looked for after the serving one's."""
    decision = lake.decision()
    return lake.claims.last(claim_number(decision.generation) if decision is not None else 0)


def rolled_back_by(lake: Lake, generation: str, profile: str | None = None) -> Release | None:
    """Return the rollback that took a generation out of force, else None; `profile` (SHA-256): only under that one."""
    following: Release | None = None
    for _, release in lake.releases.newest_first(LOOK_BACK):
        if release.generation == generation and profile in (None, release.profile):
            return following if following is not None and following.action == "rollback" else None
        following = release
    return None


def told_rollback(lake: Lake, generation: str, profile: str | None = None) -> str:
    """Return what people are told of a generation that was rolled back, wherever it is named; "" of others."""
    if (back := rolled_back_by(lake, generation, profile)) is None or lake.is_retired(generation):
        return ""
    current = lake.decision()
    lift = " --lift-hold" if current is not None and current.hold is not None else ""
    return (
        f"Generation {generation} was rolled back by release {back.number} ({back.who}: {back.why}); "
        f"it comes back by name only: `ingest promote {generation}{lift}`."
    )


def last_rollback(lake: Lake) -> str:
    """Return what people are told of the generation that the rollback in force left; "" when there is none."""
    newest = [release.generation for _, release in lake.releases.newest_first(LOOK_BACK)]
    return next((told_rollback(lake, before) for before in newest if before != newest[0]), "")


def past_runs(lake: Lake, limit: int = LOOK_BACK) -> Iterator[RunReport]:
    """Yield the reports of the newest runs, newest first; other records are skipped."""
    for name in reversed(lake.history()[-limit:]):
        with suppress(SchemaMismatch):
            yield lake.read_history(RunReport, name)


def unfinished_run(lake: Lake) -> RunStart | None:
    """Return the start of the newest run when there is no report of it: it is at work, or was killed.

    Runs that the lease refused are passed over: they did not begin, and the one that held it may be at work.
    """
    ended = {*lake.history()}
    with suppress(SchemaMismatch):
        for name in reversed(lake.history("started/")[-LOOK_BACK:]):
            if (report := name.removeprefix("started/")) not in ended:
                return lake.read_history(RunStart, name)
            if not lake.read_history(RunReport, report).error.startswith(f"{LeaseHeld.__name__}:"):
                break
    return None


def generation_states(lake: Lake, limit: int) -> list[GenerationState]:
    """Return the newest `limit` generations, newest first."""
    current = lake.decision()
    released = {release.generation for _, release in lake.releases.newest_first(LOOK_BACK)}
    decisions = {run.generation: run.decision for run in reversed([*past_runs(lake)])}  # the newest run's counts
    newest = last_claim(lake)
    found = []
    for number, claim in lake.claims.newest_first(limit, below=newest + 1):
        manifest, damaged = sealed_manifest(lake, claim.id)
        if current is not None and claim.id == current.generation:
            state = "serving"
        elif lake.is_retired(claim.id):
            state = "retired"
        elif damaged:
            state = "damaged"
        elif manifest is None:
            state = "building" if number == newest else "failed"
        elif claim.id in released:
            state = "rolled back" if rolled_back_by(lake, claim.id) is not None else "kept"
        else:
            state = "refused" if decisions.get(claim.id) == "refused" else "sealed"
        counts, digest = ({}, None) if manifest is None else (manifest.counts, manifest.digest)
        sizes = counts.get("documents"), counts.get("chunks")
        found.append(GenerationState(claim.id, state, claim.base, *sizes, digest))
    return found


def decide(lake: Lake, writer: Writer, kind: str, why: str, about: Mapping[str, Sequence[str]]) -> Decision:
    """Append a decision and return it. Raises: StoreUnavailable; `ingest log` then tells whether it stands."""
    told = {"kind": kind, "why": why, "about": about, "identified": writer.identified}
    return lake.decisions.add(lambda n: Decision.model_validate({"number": n, **told, **writer.signed()}))


def decisions_of(lake: Lake, *kinds: str) -> list[Decision]:
    """Return the decisions of these kinds in order. Raises: SchemaMismatch when one is damaged or missing."""
    return [made for made in lake.decisions.every() if made.kind in kinds]


def keep_raised(lake: Lake, writer: Writer, raised: RaisedLimit | None, generation: str | None = None) -> None:
    """Write down that a person raised the limit of the delete guard, if one did; for a run or for a `generation`."""
    if raised is not None:
        named = {} if generation is None else {"generation": [generation]}
        decide(lake, writer, "raised", raised.why, {"max_deleted_share": [str(raised.max_deleted_share)], **named})


def decided(lake: Lake, limit: int) -> list[LogEntry]:
    """Return the newest `limit` releases and decisions, newest first by their times; not the damaged ones."""
    releases, decisions = lake.releases.newest_first(limit), lake.decisions.newest_first(limit)
    both: list[LogEntry] = [*(record for _, record in releases), *(record for _, record in decisions)]
    return sorted(both, key=attrgetter("at"), reverse=True)[:limit]
