"""Records as tables and lines for people."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ingest.cli.output import printable, size
from ingest.errors import IngestError
from ingest.phrases import scored, stale

if TYPE_CHECKING:
    from ingest import records
    from ingest.index import Index

CHANGES = ("added", "changed", "repeated", "attributes_changed", "unchanged", "deleted")
CLASSES = ("listed", "listed_twice", *CHANGES, "known_bad", "carried", "revoked", "out_of_scope", "may_have_moved")
STAGES = ("bm25", "dense", "fused", "reranked")  # the last only if the profile has a re-ranker
ABOUT = 400  # characters shown of what a decision is about
OF_RUN = (  # what people read of a report
    *("stages", "embedded", "forward_passes", "quarantined_children", "dropped", "duplicates", "serving_mended"),
    *("recall", "unsupported", "foreign"),
)
FAULTS = 20  # lines shown of a list of faults, reasons or warnings; the record has all of them


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[Any]], left: int = 1) -> Table:
    """Return a table whose first `left` columns are text and whose other columns are numbers."""
    drawn = Table(
        title=Text(f"\n{title}", style="bold"), title_justify="left", box=SIMPLE_HEAD, show_edge=False, pad_edge=False
    )
    for number, name in enumerate(columns):
        drawn.add_column(name, justify="left" if number < left else "right", no_wrap=True)
    for row in rows:
        drawn.add_row(*(Text(printable(cell(value))) for value in row))
    return drawn


def record(told: Any) -> Iterator[RenderableType]:
    """Yield a record as a line per field; records in a field, a list of them or by name, are the rows of a table."""
    from pydantic_core import to_jsonable_python

    for name, value in to_jsonable_python(told).items():
        if isinstance(value, dict) and value and all(isinstance(one, dict) for one in value.values()):
            value = [{"": key, **one} for key, one in value.items()]  # noqa: PLW2901
        match value:
            case [dict() as first, *_]:
                yield table(words(name), map(words, first), (row.values() for row in value))
            case [str(), *_]:
                yield from _listed(words(name), value)
            case _:
                yield f"{words(name)}: {printable(in_words(value))}"


def in_words(value: Any) -> str:
    """Return a value, names with their values or a list on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{words(name)} {in_words(one)}" for name, one in value.items()) or "none"
    return (", ".join(map(in_words, value)) or "none") if isinstance(value, list | tuple) else cell(value)


def words(name: str) -> str:
    """Return the name of a field for people."""
    return name.replace("_", " ")


def cell(value: Any) -> str:
    """Return the text of a value, of a number that is not whole with four digits that count, or without a fraction."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"  # large ones have no exponent
    return "–" if value is None else str(value)


def plan(summary: "records.PlanSummary") -> Iterator[RenderableType]:
    """Yield what a run would do, and what it would cost."""
    counts = summary.counts
    names = [name for name in CLASSES if counts.get(name)] + sorted(set(counts) - set(CLASSES))
    title = f"Plan on base {summary.base}" if summary.base else "Plan of the first generation"
    embedded = {name: getattr(summary, name) for name in ("chunks_to_embed", "tokens_to_embed")}
    costs = [("bytes to fetch", size(summary.bytes_to_fetch))]
    costs += [(f"{words(name)} (estimate)", cell(count)) for name, count in embedded.items()]
    costs += [("GPU-minutes (estimate)", f"{summary.gpu_minutes:,.2f}")]
    yield table(title, ("documents", ""), [*((words(name), counts[name]) for name in names), *costs])
    if summary.left_out:
        told = in_words([f"{reason} {count:,}" for reason, count in summary.left_out.items()])
        yield f"Left out by the sources (a folder counts once): {printable(told)}."
    if summary.divides:
        told = f"hold too many documents: there will be {len(summary.shards)}, which fetches and embeds nothing"
        yield f"The {summary.divides} shards of the base {told}, but writes all part files again."
    if summary.base and summary.foreign != {}:
        yield f"Share of the base's chunks in languages that the model does not read: {in_words(summary.foreign)}."
    yield from map(printable, (*unread(summary.unread), *stale(summary.carried)))
    if summary.refused:
        yield f"A run would be refused: {summary.refused}"
    elif not summary.needs_generation:
        yield "Nothing changed: no new generation is needed."


def conservation(found: "records.Conservation") -> Iterator[RenderableType]:
    """Yield what was listed, compared with what the stores hold."""
    yield Text("\nConservation", style="bold")
    yield from record(found)


def verdict(judged: "records.Verdict") -> Iterator[RenderableType]:
    """Yield scores, difference, reasons and warnings."""
    ours, theirs = judged.candidate_scores, judged.serving_scores
    metrics = list(dict.fromkeys(name.partition(".")[2] for name in ours))
    stages = [s for s in STAGES if any(name.startswith(f"{s}.") for name in (*ours, *theirs))]
    if metrics:
        rows = [(metric, *(_pair(f"{stage}.{metric}", ours, theirs) for stage in stages)) for metric in metrics]
        yield table(f"Scores of {judged.candidate}{' (serving)' if theirs else ''}", ("", *stages), rows)
    if (d := judged.difference) is not None:
        than = f"{d.questions} questions, detectable {d.detectable:.4f}, margin {judged.rules.margin:.4f}"
        yield f"{d.metric}: difference {d.mean:+.4f} [{d.lower:+.4f}, {d.upper:+.4f}]   {than}"
    yield from _slices(judged)
    against = f", compared with {judged.serving} of release {judged.release}" if judged.serving else ""
    head = f"Verdict on {judged.candidate}: {'positive' if judged.positive else 'NEGATIVE'}{against}"
    yield f"{head}. {scored(judged.questions, judged.unscored | {'are stale': len(judged.stale)})}."
    if (raised := judged.raised) is not None:
        share, who, why = raised.max_deleted_share, printable(raised.who), printable(raised.why)
        yield f"max_deleted_share was raised to {share:.1%} by {who}: {why}"
    yield from _listed("against", judged.reasons)
    yield from _listed("warning", judged.warnings)


def _slices(judged: "records.Verdict") -> Iterator[RenderableType]:
    """Yield the slices that differ from the whole, those that fell first."""
    shown = [found for found in judged.slices if found.state != "all questions"]
    shown.sort(key=lambda found: (found.state != "fell", found.state == "too small"))
    metrics = list(dict.fromkeys((judged.rules.metric, "fused.recall@10")))
    rows = [
        (
            f"{found.name}={found.value}",
            found.state,
            found.questions,
            *(_pair(metric, found.candidate_scores, found.serving_scores) for metric in metrics),
            next((f"{d.mean:+.4f} [{d.lower:+.4f}, {d.upper:+.4f}]" for d in found.differences), None),
        )
        for found in shown[:FAULTS]
    ]
    if rows:
        serving = " (serving)" if judged.serving_scores else ""
        yield table(f"Slices{serving}", ("slice", "", "questions", *metrics, "difference"), rows, left=2)
    yield from more(shown, FAULTS, "more slices")


def release(made: "records.Release") -> Iterator[RenderableType]:
    """Yield the release in one line, and its hold in another."""
    who, why, hold = printable(made.who), printable(made.why), made.hold
    yield f"Release {made.number}: {made.action} of generation {made.generation} by {who} at {made.at}: {why}"
    if hold is not None:
        off = "Automatic promotion is off until `ingest promote --lift-hold`."
        yield f"Held by {printable(hold.who)}: {printable(hold.why)}. {off}"


def logged(made: "records.Release | records.Decision") -> Iterator[RenderableType]:
    """Yield an entry of the log as lines."""
    from ingest.records import Release

    if isinstance(made, Release):
        return (yield from release(made))
    about = printable(", ".join(f"{name} {value}" for name, values in made.about.items() for value in values), ABOUT)
    who = f"{printable(made.who)}{'' if made.identified else ', user of the machine'}"
    until = f", until {made.until}" if made.until else ""
    yield f"Decision {made.number}: {made.kind} {about}{until} by {who} at {made.at}: {printable(made.why)}"


def read_back(index: "Index") -> "tuple[records.Release | None, str]":
    """Return the release that serves now, and that in one sentence, also where it cannot be told."""
    try:
        found = index.serving()
    except IngestError as error:
        why = f"{type(error).__name__}: {printable(str(error))}"
        return None, f"What serves now could not be read ({why}); `ingest status` tells it."
    return found, served(found)


def served(found: "records.Release | None") -> str:
    """Return which release serves, and since when and why, in one sentence."""
    if found is None:
        return "Nothing serves."
    what = f"{found.action} by {printable(found.who)} at {found.at}: {printable(found.why)}"
    return f"Release {found.number} serves generation {found.generation} ({what})."


def report(run: "records.RunReport") -> Iterator[RenderableType]:
    """Yield where the time of a run went, and its results."""
    yield from record({name: value for name in OF_RUN if (value := getattr(run, name))})
    yield from map(printable, (*unread(run.conservation.unread if run.conservation else {}), *stale(run.carried)))
    for held in run.in_quarantine:
        if held.counts:
            yield f"{in_quarantine(held)}: {in_words(held.counts)}. The newest:"
            yield from (left_out(row, held.accepted) for row in held.documents)


def unread(shares: Mapping[str, float]) -> list[str]:
    """Return a sentence about each source with text that the embedding model cannot read."""
    return [f"The model has no tokens for {share:.1%} of the text of source {name}." for name, share in shares.items()]


def in_quarantine(held: "records.QuarantineState") -> str:
    """Return the beginning of a sentence about what a generation leaves out."""
    return f"In quarantine, generation {held.generation}{'' if held.serves else ', which was never released'}"


def left_out(row: "records.Quarantined", accepted: Mapping[str, str]) -> str:
    """Return a document in quarantine in one line."""
    tries = f"{row.attempts} tries" if row.attempts > 1 else "1 try"
    since = f"since {row.first_seen}" if row.first_seen else "since before that was kept"
    told = f"{row.uri}: {row.error} in {row.stage}, {size(row.size)}, {tries}, {since}: {row.message}"
    return f"  {printable(told)}{f' (accepted by {printable(accepted[row.uri])})' if row.uri in accepted else ''}"


def _listed(what: str, lines: Iterable[str]) -> Iterator[str]:
    every = list(lines)
    yield from (f"  {what}: {printable(line)}" for line in every[:FAULTS])
    yield from more(every, FAULTS)


def more(every: Sequence[Any], shown: int, what: str = "more") -> Iterator[str]:
    """Yield how many are not shown, if some are not."""
    if len(every) > shown:
        yield f"  … and {len(every) - shown:,} {what}; --json shows all"


def _pair(name: str, ours: Mapping[str, float], theirs: Mapping[str, float]) -> str:
    own = f"{ours[name]:.4f}" if name in ours else "–"
    return f"{own} ({theirs[name]:.4f})" if name in theirs else own
