"""The delete guard, and the other limits on what a generation may lack: sentences with numbers, by cause and source."""

from math import ceil

from ingest.errors import DeleteGuardTripped
from ingest.lake.contents import Contents, contents_of
from ingest.lake.lake import Lake
from ingest.pipeline.losses import Causes, Losses, compare
from ingest.pipeline.work import Work
from ingest.records import BuildOptions, Manifest, RaisedLimit, Release

FEW = 1  # documents that are no share yet, however small the index is
RUN = "ingest run"


def check_losses(options: BuildOptions, losses: Losses) -> None:
    """Do nothing if no more documents would disappear than the limits allow. Raises: DeleteGuardTripped."""
    if told := _too_many_lost(options, losses, options.raised, RUN):
        raise DeleteGuardTripped(f"index {options.index}: {told}")


def guard_chunked(options: BuildOptions, work: Work, chunked: Contents) -> dict[str, int]:
    """Compare what was read and chunked with the base, before anything is embedded, and return the counts.

    What is finished stays: the next run goes on from there. Raises: DeleteGuardTripped.
    """
    before = contents_of(chunked.lake, work.base) if work.base is not None else None
    balance = compare(before, chunked)
    check_losses(options, balance.losses)
    unsupported = {f"unsupported.{kind}": n for kind, n in balance.unsupported.items()}
    return {"documents": balance.documents, "lost": balance.losses.lost_listed, **unsupported}


def objections(lake: Lake, options: BuildOptions, candidate: Manifest, serving: Release | None) -> tuple[str, ...]:
    """Return what a sealed generation lacks too much of to be put into force, one sentence each.

    Counted in the part files of candidate and serving generation; what changed during the run is in the manifest.
    """
    if serving is not None and serving.generation == candidate.generation:
        return ()
    base = lake.manifest(serving.generation) if serving is not None else None
    balance = compare(contents_of(lake, base) if base is not None else None, contents_of(lake, candidate))
    raised, counts = options.raised or candidate.raised, candidate.counts
    way_out = f"ingest promote {candidate.generation}"
    changed, listed = counts.get("changed_during_run", 0), counts.get("listed", 0)
    found = [
        _too_many_lost(options, balance.losses, raised, way_out),
        _too_many_failed(options, balance.failed, balance.readable, way_out),
        _too_many_changed(options, changed, listed),
    ]
    if not balance.documents and not options.allow_empty:
        found.append("There is not a single document that anybody could find, and allow_empty is not set.")
    return tuple(filter(None, found))


def _too_many_lost(options: BuildOptions, losses: Losses, raised: RaisedLimit | None, way_out: str) -> str:
    share, count = options.max_deleted_share, options.max_deleted_count
    if raised is not None:
        share = max(share, raised.max_deleted_share)
    listed, inside = losses.lost_listed, losses.lost_inside
    numbers = (
        (listed, losses.serving, "documents"),
        (listed + inside, losses.serving + losses.inside, "documents, with those inside others,"),
    )
    for lost, serving, what in numbers:
        if lost > count and lost > share * serving and lost / serving > share:
            allowed = ceil(100 * lost / serving) / 100
            return (
                f"{lost} of {serving} {what} would disappear ({lost / serving:.1%}), more than max_deleted_share "
                f"({share:.1%}) and max_deleted_count ({count}) allow: {_by_source(losses.lost)}. Check the sources; "
                f"if it is intended, `{way_out} --max-deleted-share {allowed} --why REASON` allows it."
            )
    return ""


def _too_many_failed(options: BuildOptions, failed: Causes, readable: int, way_out: str) -> str:
    count, share = failed.total(), options.max_quarantined_share
    if count <= FEW or count / readable <= share:
        return ""
    return (
        f"{count} of {readable} documents are in quarantine ({count / readable:.1%}), more than max_quarantined_share "
        f"({share:.1%}) allows: {_by_source(failed)}. Repair or exclude them; or accept them with a higher "
        f"max_quarantined_share in the settings, and `{way_out}`."
    )


def _too_many_changed(options: BuildOptions, changed: int, listed: int) -> str:
    share = options.max_changed_during_run_share
    if changed <= FEW or changed / listed <= share:
        return ""
    return (
        f"{changed} of {listed} listed documents changed or vanished during the run ({changed / listed:.1%}), more "
        f"than max_changed_during_run_share ({share:.1%}) allows. Check that the sources are whole; `{RUN}` reads "
        "these documents again."
    )


def _by_source(causes: Causes) -> str:
    by_source: dict[str, list[str]] = {}
    for (source, cause), count in sorted(causes.items()):
        by_source.setdefault(source, []).append(f"{count} {cause}")
    return "; ".join(f"{source}: {', '.join(told)}" for source, told in by_source.items())
