"""Plots of a verdict and of the newest generations: SVG files in the lake, which a run's artifacts show as well.

They hold figures and names that the verdict and the history have, and no text of a document. Of the same records a plot
has the same bytes.
"""

import base64
import io
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ingest.errors import SchemaMismatch
from ingest.extras import lack
from ingest.lake.lake import Lake
from ingest.lake.stored_records import name_of
from ingest.quality.metrics import ROUNDING
from ingest.records import Verdict
from ingest.release.generation_states import LOOK_BACK, past_runs

if TYPE_CHECKING:
    import logging

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 30  # newest generations of the history
MOST_ROWS = 30  # of one half of a verdict's plot; the lake has all of them
LABEL = 36  # characters
STYLE: dict[Any, Any] = {"svg.hashsalt": "ingest", "svg.fonttype": "none", "text.parse_math": False}  # "$" is a dollar
DECISIONS = {"promoted": "green", "refused": "red", "waiting": "darkorange", "overtaken": "grey"}
Logger: TypeAlias = "logging.Logger | logging.LoggerAdapter[Any]"
Draw = Callable[["Figure"], None]


@dataclass(frozen=True)
class Difference:
    """One row of a verdict's plot: candidate minus serving. Without an interval, the mean is all that is known."""

    label: str
    mean: float
    interval: tuple[float, float] | None
    fell: bool  # as the gate sees it


def overall(verdict: Verdict) -> list[Difference]:
    """Return the differences over all questions: first that which the gate compares, then every other metric's."""
    now, before, rules = verdict.candidate_scores, verdict.serving_scores, verdict.rules
    rows = []
    if (found := verdict.difference) is not None:
        fell = found.lower < -rules.margin - ROUNDING
        rows = [Difference(f"{found.metric} ({found.questions})", found.mean, (found.lower, found.upper), fell)]
    others = (metric for metric in now if metric in before and not (rows and metric == rules.metric))
    return [*rows, *(Difference(metric, now[metric] - before[metric], None, fell=False) for metric in others)]


def of_slices(verdict: Verdict) -> list[Difference]:
    """Return the differences of the slices, those that fell first; a slice of all questions is no row of its own."""
    rows, metric = [], verdict.rules.metric
    for one in sorted(verdict.slices, key=lambda one: one.state != "fell"):
        name, fell = shown(f"{one.name}={one.value}"), one.state == "fell"
        if one.state == "all questions":
            continue
        for found in one.differences:
            told = name if found.metric == metric else f"{name} {found.metric}"
            rows.append(Difference(f"{told} ({found.questions})", found.mean, (found.lower, found.upper), fell))
        if not one.differences and metric in one.candidate_scores.keys() & one.serving_scores.keys():
            mean = one.candidate_scores[metric] - one.serving_scores[metric]
            rows.append(Difference(f"{name} ({one.questions})", mean, None, fell))
    return rows


def of_verdict(verdict: Verdict) -> Draw | None:
    """Return what draws each metric and slice against the serving release; None if there is nothing to compare."""
    halves = [
        (f"all questions: {verdict.questions}", overall(verdict), verdict.rules.margin),
        (f"slices, by {verdict.rules.metric}", of_slices(verdict), verdict.rules.slices.margin),
    ]
    halves = [half for half in halves if half[1]]
    if not halves:
        return None

    def draw(figure: "Figure") -> None:
        heights = [min(len(rows), MOST_ROWS) + 2 for _, rows, _ in halves]
        figure.set_size_inches(9, 1.2 + 0.26 * sum(heights))
        figure.suptitle(f"{verdict.candidate} − release {verdict.release} ({verdict.serving})")
        every = figure.subplots(len(halves), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (title, rows, margin) in zip(every, halves, strict=True):
            _draw_differences(axes, rows[:MOST_ROWS], margin)
            left = len(rows) - MOST_ROWS
            axes.set_title(f"{title}, and {left} more" if left > 0 else title, loc="left")
        figure.supxlabel("difference; a bar is its interval, the dashed line −margin", fontsize="medium")

    return draw


def _draw_differences(axes: "Axes", rows: list[Difference], margin: float) -> None:
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.axvline(-margin, color="red", linestyle="--", linewidth=1, gid="margin")
    for place, row in enumerate(rows):
        colour = "red" if row.fell else "black"
        if row.interval is not None:
            axes.plot(row.interval, (place, place), color=colour, linewidth=2, gid="interval")
        face = colour if row.interval is not None else "white"
        axes.plot(row.mean, place, "o", color=colour, markerfacecolor=face, gid="mean")
    axes.set_yticks(range(len(rows)), labels=[row.label for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)  # the first on top


@dataclass(frozen=True)
class Generation:
    """One generation of the history."""

    number: str
    decision: str  # one of `DECISIONS`; "promoted" also if a person did that later
    documents: int
    chunks: int
    seconds: Mapping[str, float]  # by step; while steps overlap, both count them
    metric: str = ""  # that the gate compared; "" if the verdict went with what it judged
    score: float | None = None


def newest_generations(lake: Lake) -> list[Generation]:
    """Return the generations that the newest runs built and judged, oldest first."""
    released = {release.generation for _, release in lake.releases.newest_first(LOOK_BACK)}
    built: dict[str, Generation] = {}
    for report in past_runs(lake):
        name, table = report.generation, report.conservation
        if name in built or name is None or table is None or not report.built or report.decision not in DECISIONS:
            continue  # the newest run of each counts
        built[name] = Generation(
            name.partition("-")[0],
            "promoted" if name in released else report.decision,
            table.documents.get("indexed", 0),
            table.chunks,
            {stage.step: stage.seconds for stage in report.stages},
            *_measured(lake, report.verdict),
        )
        if len(built) == SHOWN:
            break
    return [*built.values()][::-1]


def _measured(lake: Lake, verdict: str | None) -> tuple[str, float | None]:
    """Return the metric of a verdict's gate, and the candidate's score."""
    with suppress(SchemaMismatch):  # missing, damaged, or of another version
        if verdict is not None:
            found = lake.verdict(verdict)
            return found.rules.metric, found.candidate_scores.get(found.rules.metric)
    return "", None


def of_history(generations: Sequence[Generation]) -> Draw | None:
    """Return what draws quality, size and duration by generation; None without any."""
    if not generations:
        return None

    def draw(figure: "Figure") -> None:
        figure.set_size_inches(9, 8)
        quality, size, duration = figure.subplots(3, sharex=True)
        _draw_quality(quality, generations)
        for axes, name, colour in ((size, "documents", "blue"), (size.twinx(), "chunks", "darkorange")):
            axes.plot([getattr(one, name) for one in generations], marker=".", color=colour, gid=name)
            axes.set_ylim(bottom=0)
            axes.set_ylabel(name, color=colour)
        _draw_durations(duration, generations)
        crowded = len(generations) > 12
        duration.set_xticks(range(len(generations)), [one.number for one in generations], rotation=90 * crowded)
        duration.set_xlabel("generation")

    return draw


def _draw_quality(axes: "Axes", generations: Sequence[Generation]) -> None:
    """Draw a point for each generation whose verdict is kept, by the metric of the newest one."""
    metric = next((one.metric for one in reversed(generations) if one.metric), "")
    for decision, colour in DECISIONS.items():
        scores = [one.score if (one.metric, one.decision) == (metric, decision) else None for one in generations]
        if any(score is not None for score in scores):
            known = [math.nan if score is None else score for score in scores]
            axes.plot(known, "o", color=colour, label=decision, gid=decision)
    axes.set_ylabel(metric or "no verdict")
    if axes.lines:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _draw_durations(axes: "Axes", generations: Sequence[Generation]) -> None:
    """Draw the seconds of each step on those of the steps before it."""
    from matplotlib import colormaps

    below = [0.0] * len(generations)
    for number, step in enumerate(dict.fromkeys(step for one in reversed(generations) for step in one.seconds)):
        seconds = [one.seconds.get(step, 0.0) for one in generations]
        axes.bar(range(len(generations)), seconds, bottom=below, label=step, color=colormaps["tab20"](number))
        below = [low + more for low, more in zip(below, seconds, strict=True)]
    axes.set_ylabel("seconds of each step")
    if any(below):
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", reverse=True)


def shown(text: str) -> str:
    """Return text on one line, of what XML can hold, at most `LABEL` characters."""
    line = "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))
    return line if len(line) <= LABEL else f"{line[: LABEL - 1]}…"


def as_svg(draw: Draw) -> bytes:
    """Return a drawing as an SVG. It needs matplotlib."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that the font lacks: who looks at it has other fonts
        draw(figure := Figure(layout="constrained"))
        figure.savefig(drawn := io.BytesIO(), format="svg", metadata={"Date": None, "Creator": None})
    return drawn.getvalue()


def verdict_plot(lake: Lake, verdict: Verdict, logger: Logger) -> list[str]:
    """Keep the plot of a verdict beside it in the lake, and return it as Markdown."""
    return _kept(lake, name_of(verdict), "Candidate and serving release", lambda: of_verdict(verdict), logger)


def history_plot(lake: Lake, logger: Logger) -> list[str]:
    """Keep the plot of the newest generations in the place of the last one, and return it as Markdown."""
    return _kept(lake, "history", "The newest generations", lambda: of_history(newest_generations(lake)), logger)


def _kept(lake: Lake, name: str, title: str, prepare: Callable[[], Draw | None], logger: Logger) -> list[str]:
    """Keep a plot as `<index>/plots/<name>.svg`. What prevents that is logged: no plot is worth a run."""
    if fault := lack("a plot", "ingest[flows]", "matplotlib"):
        logger.warning("no plot: %s", fault)
        return []
    key = f"{lake.index}/plots/{name}.svg"
    try:
        if (draw := prepare()) is None:
            return []
        svg = as_svg(draw)
        lake.store.put(key, svg)
    except Exception as error:  # noqa: BLE001  whatever it is, the run goes on
        logger.warning("no plot %s: %s: %s", key, type(error).__name__, error)
        return []
    shown_here = f"![{title}](data:image/svg+xml;base64,{base64.b64encode(svg).decode()})"
    return ["", shown_here, "", f"As a file: `{lake.store.uri}/{key}`."]
