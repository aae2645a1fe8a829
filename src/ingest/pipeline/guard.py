"""The delete guard, and the other limits on what a generation may lack: sentences with numbers, by cause and source."""

from math import ceil

from ingest.errors import DeleteGuardTripped, SchemaMismatch
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake
from ingest.pipeline.changes import FETCHED, QUIET
from ingest.pipeline.losses import Balance, Causes, compare
from ingest.pipeline.tasks import Work
from ingest.records import BuildOptions, Manifest, PlanSummary, RaisedLimit, Release
from ingest.services import Workbench

FEW = 1  # documents that are no share yet, however small the index is
RUN = "ingest run"


def check_losses(options: BuildOptions, balance: Balance) -> None:
    """Do nothing if no more documents would disappear than the limits allow. Raises: DeleteGuardTripped."""
    if told := _too_many_lost(options, balance, options.raised, RUN):
        raise DeleteGuardTripped(f"index {options.index}: {told}")


def guard_chunked(bench: Workbench, work: Work, chunked: Contents) -> dict[str, int]:
    """Compare what was read and chunked with the base, before anything is embedded, and return the counts.

    What is finished stays: the next run goes on from there. Raises: DeleteGuardTripped.
    """
    balance = _balance(work.base, work.summary.base, chunked)
    check_losses(bench.options, balance)
    unsupported = {f"unsupported.{kind}": n for kind, n in balance.unsupported.items()}
    return {"documents": balance.documents, "lost": balance.lost_listed, **unsupported}


def objections(lake: Lake, options: BuildOptions, candidate: Manifest, serving: Release | None) -> tuple[str, ...]:
    """Return what a sealed generation lacks too much of to be put into force, one sentence each.

    Counted in the part files of candidate and serving generation, and in the candidate's markers.
    """
    if serving is not None and serving.generation == candidate.generation:
        return ()
    base, served = (lake.base(), serving.generation) if serving is not None else (None, None)
    balance = _balance(base, served, contents_of(lake, candidate))
    raised, way_out = options.raised or candidate.raised, f"ingest promote {candidate.generation}"
    plan = lake.plan(candidate.generation)
    found = [_too_many_lost(options, balance, raised, way_out)]
    failed, readable = balance.failed.total(), balance.readable
    if above := _above(failed, readable, "max_quarantined_share", options.max_quarantined_share):
        found.append(
            f"{failed} of {readable} documents are in quarantine {above}: {_by_source(balance.failed)}. Repair or "
            f"exclude them; or `ingest quarantine accept` those that may stay out, or raise max_quarantined_share, and "
            f"`{way_out}`."
        )
    found.append(changed_too_much(lake, options, plan) if plan is not None else "")
    if not balance.documents and not options.allow_empty:
        found.append("There is not a single document that anybody could find, and allow_empty is not set.")
    return tuple(filter(None, found))


def is_unknown(lake: Lake, base: Manifest | None, serving: str | None) -> bool:
    """Return whether a generation that serves has lost both its manifest and its plan."""
    if serving is None or (base is not None and base.generation == serving):
        return False
    try:
        return lake.plan(serving) is None
    except SchemaMismatch:
        return True


def _balance(base: Manifest | None, serving: str | None, after: Contents) -> Balance:
    """Compare with the base; of a generation that serves without a manifest, the number is still in its plan."""
    balance = compare(contents_of(after.lake, base) if base is not None else None, after)
    if serving is None or (base is not None and base.generation == serving):
        return balance
    if is_unknown(after.lake, base, serving):
        balance.unknown = serving
    elif (plan := after.lake.plan(serving)) is not None:
        known = sum(plan.counts.get(change, 0) for change in (*FETCHED, *QUIET, "attributes_changed"))
        lost = known - balance.documents - balance.failed.total() - balance.unsupported.total() - balance.lost_listed
        balance.add_unnamed(max(known - balance.serving, 0), lost, "since a generation whose manifest is lost")
    return balance


def _too_many_lost(options: BuildOptions, balance: Balance, raised: RaisedLimit | None, way_out: str) -> str:
    if balance.unknown and raised is None:
        return (
            f"Generation {balance.unknown} serves, and its manifest and its plan are lost: there is nothing to compare "
            f"with. Check the sources; if they are whole, `{way_out} --max-deleted-share 1 --why REASON` allows it."
        )
    share, most = options.max_deleted_share, options.max_deleted_count
    if raised is not None:
        share, most = max(share, raised.max_deleted_share), None
    numbers = (
        (balance.lost_listed, balance.serving, "documents"),
        (balance.lost.total(), balance.serving + balance.inside, "documents, with those inside others,"),
    )
    for lost, serving, what in numbers:
        above = _above(lost, serving, "max_deleted_share", share)
        if not above and most is not None and lost > most:
            above = f"({lost / serving:.1%}), more than max_deleted_count ({most}) allows"
        if above:
            return (
                f"{lost} of {serving} {what} would disappear {above}: {_by_source(balance.lost)}. Check the sources; "
                f"if it is intended, `{way_out} --max-deleted-share {max(ceil(100 * lost / serving) / 100, 0.01)} "
                "--why REASON` allows it."
            )
    return ""


def changed_too_much(lake: Lake, options: BuildOptions, plan: PlanSummary) -> str:
    """Return why a generation lacks too much of what changed while it was built, and is not resumed, else ""."""
    markers = (lake.marker(plan.generation, "chunk", shard, name) for shard, name in plan.shards.items())
    changed, listed = sum(len(marker.gone) for marker in markers if marker is not None), plan.counts["listed"]
    above = _above(changed, listed, "max_changed_during_run_share", options.max_changed_during_run_share)
    return above and (
        f"{changed} of {listed} listed documents changed or vanished during the run {above}. Check that the sources "
        f"are whole; the next `{RUN}` reads these documents again."
    )


def _above(count: int, of: int, limit: str, share: float) -> str:
    """Return in words by how much a share is above its limit, "" if it is not, or of a few documents."""
    if count <= FEW or count / of <= share:
        return ""
    return f"({count / of:.1%}), more than {limit} ({share:.1%}) allows"


def _by_source(causes: Causes) -> str:
    by_source: dict[str, list[str]] = {}
    for (source, cause), count in sorted(causes.items()):
        by_source.setdefault(source, []).append(f"{count} {cause}")
    return "; ".join(f"{source}: {', '.join(told)}" for source, told in by_source.items())
