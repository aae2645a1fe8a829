"""Tells in words what a run was asked to touch: for the name of its flow run, and for its artifacts."""

from prefect.runtime import flow_run

from ingest_flows.parameters import BackfillParameters, ReplayParameters, Scoped

LONGEST = 120  # characters of a name


def told(parameters: Scoped) -> str:
    """Return the conditions of a scope, each with at most two of its names."""
    parts = []
    for name, value in parameters.choice().items():
        values = [*map(str, value)] if isinstance(value, (list, tuple)) else [str(value)]
        more = f" and {len(values) - 2:,} more" if len(values) > 2 else ""
        parts.append(f"{name.replace('_', ' ')} {', '.join(values[:2])}{more}")
    dry = ["dry run"] if isinstance(parameters, BackfillParameters) and parameters.dry_run else []
    return "; ".join([*dry, *parts]) or "everything"


def named() -> str:
    """Return the name of a flow run: its flow, its index, and its scope."""
    parameters = dict(flow_run.get_parameters())
    backfill = flow_run.get_flow_name() == "backfill"
    chosen = BackfillParameters(**parameters) if backfill else ReplayParameters(**parameters)
    name = f"{flow_run.get_flow_name()} of {chosen.index or 'the index'}: {told(chosen)}"
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
