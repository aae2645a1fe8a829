"""Plots hold the figures of the verdict and the history, of the same records the same bytes, and end no run.

Artifacts show what the lake has.
"""

import base64
import logging
import re
from typing import Any
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from ingest.errors import StoreUnavailable
from ingest.lake.lake import Lake
from ingest.lake.stored_records import name_of
from ingest.records import (
    Conservation,
    GateRules,
    PairedDifference,
    RunReport,
    SliceScore,
    StageFigure,
    Verdict,
)
from ingest_flows import plots
from ingest_flows.release import evaluate
from tests.fakes import InMemoryStore
from tests.integration.ingest_flows.conftest import Site, eventually, flow_run_of
from tests.records import release

LOG = logging.getLogger("tests.plots")
NOW = {"bm25.ndcg@10": 0.4, "fused.ndcg@10": 0.5, "fused.recall@10": 0.75}
BEFORE = {"bm25.ndcg@10": 0.4, "fused.ndcg@10": 0.53125, "fused.recall@10": 0.5}
METRIC = "fused.ndcg@10"


def paired(mean: float, lower: float, upper: float, questions: int = 96) -> PairedDifference:
    return PairedDifference(metric=METRIC, questions=questions, mean=mean, lower=lower, upper=upper, detectable=0.1)


def slice_score(value: str, state: Any, *differences: PairedDifference, name: str = "source") -> SliceScore:
    means = {"candidate_scores": NOW, "serving_scores": BEFORE}
    return SliceScore(name=name, value=value, questions=7, state=state, differences=differences, **means)


def verdict(candidate: str = "0002-b", **changes: Any) -> Verdict:
    told: dict[str, Any] = {
        "index": "docs",
        "candidate": candidate,
        "serving": "0001-a",
        "release": 1,
        "positive": False,
        "reasons": ("worse",),
        "warnings": (),
        "questions": 96,
        "stale": (),
        "candidate_scores": NOW,
        "serving_scores": BEFORE,
        "difference": paired(-0.03125, -0.05, -0.01),
        "rules": GateRules(margin=0.02),
    }
    return Verdict(**told | changes)


SLICES = (
    slice_score("wiki", "held", paired(0.25, 0.1, 0.4, 40)),
    slice_score("handbook", "fell", paired(-0.5, -0.6, -0.4, 30)),
    slice_score("notes", "too small"),
    slice_score("everything", "all questions", paired(-0.03125, -0.05, -0.01)),
)


def report(number: int, decision: str, **changes: Any) -> RunReport:
    counts = dict.fromkeys(("points", "keyword_rows", "vectors", "mended"), 0)
    documents = {"indexed": number, "quarantined": 1}
    table = Conservation(listed={}, documents=documents, chunks=10 * number, faults=(), **counts)
    rates = {"documents": 0, "chunks": 0, "documents_per_second": 0, "chunks_per_second": 0, "peak_memory_mb": 0}
    stages = tuple(StageFigure(step=step, seconds=number + n, **rates) for n, step in enumerate(("chunk", "embed")))
    told: dict[str, Any] = {
        "run": str(number),
        "index": "docs",
        "started": "",
        "generation": f"{number:04d}-g",
        "built": True,
        "conservation": table,
        "decision": decision,
        "release": 1,
        "stages": stages,
    }
    return RunReport(**told | changes)


def drawn(draw: plots.Draw | None) -> Figure:
    assert draw is not None
    figure = Figure()
    draw(figure)
    return figure


def of_gid(figure: Figure, gid: str) -> list[tuple[list[float], list[float]]]:
    """Return the coordinates of the lines with an id."""
    lines = (line for axes in figure.axes for line in axes.lines if line.get_gid() == gid)
    return [([*map(float, line.get_xdata())], [*map(float, line.get_ydata())]) for line in lines]


def test_all_questions_differ_by_the_metric_of_the_gate_with_its_interval_and_by_every_other_one_without() -> None:
    assert [
        plots.Difference("fused.ndcg@10 (96)", -0.03125, (-0.05, -0.01), fell=True),
        plots.Difference("bm25.ndcg@10", 0.0, None, fell=False),
        plots.Difference("fused.recall@10", 0.25, None, fell=False),
    ] == plots.overall(verdict())


def test_a_metric_whose_interval_ends_at_the_margin_has_not_fallen() -> None:
    (first, *_) = plots.overall(verdict(difference=paired(0.0, -0.02, 0.02)))
    assert not first.fell


def test_slices_that_fell_come_first_and_one_of_all_questions_is_left_out() -> None:
    assert [
        plots.Difference("source=handbook (30)", -0.5, (-0.6, -0.4), fell=True),
        plots.Difference("source=wiki (40)", 0.25, (0.1, 0.4), fell=False),
        plots.Difference("source=notes (7)", -0.03125, None, fell=False),
    ] == plots.of_slices(verdict(slices=SLICES))


def test_each_difference_is_drawn_at_its_place_beside_the_margin_of_its_half() -> None:
    figure = drawn(plots.of_verdict(verdict(slices=SLICES)))
    assert [-0.02, -0.1] == [x[0] for x, _ in of_gid(figure, "margin")]
    of_all, of_slices = ([label.get_text() for label in axes.get_yticklabels()] for axes in figure.axes)
    assert ["fused.ndcg@10 (96)", "bm25.ndcg@10", "fused.recall@10"] == of_all
    assert ["source=handbook (30)", "source=wiki (40)", "source=notes (7)"] == of_slices
    assert [([-0.05, -0.01], [0.0, 0.0])] == of_gid(figure, "interval")[:1]
    assert [-0.03125, 0.0, 0.25, -0.5, 0.25, -0.03125] == [x[0] for x, _ in of_gid(figure, "mean")]
    assert ["0002-b − release 1 (0001-a)"] == [figure.get_suptitle()]


def test_of_many_slices_the_first_are_drawn_and_the_others_counted() -> None:
    many = tuple(slice_score(f"s{n:03d}", "held", paired(0.0, 0.0, 0.0)) for n in range(plots.MOST_ROWS + 5))
    figure = drawn(plots.of_verdict(verdict(slices=many)))
    assert plots.MOST_ROWS == len(figure.axes[1].get_yticks())
    assert "slices, by fused.ndcg@10, and 5 more" == figure.axes[1].get_title(loc="left")


def test_a_first_generation_has_nothing_to_be_compared_with() -> None:
    alone = verdict(difference=None, serving=None, release=None, serving_scores={})
    assert None is plots.of_verdict(alone)
    assert [] == plots.verdict_plot(Lake(InMemoryStore(), "docs"), alone, LOG)


def test_the_history_has_quality_by_decision_size_and_the_seconds_of_each_step() -> None:
    generations = [
        plots.Generation("0001", "promoted", 5, 50, {"chunk": 1.0, "embed": 4.0}),
        plots.Generation("0002", "refused", 6, 60, {"chunk": 2.0, "embed": 3.0}, METRIC, 0.25),
        plots.Generation("0003", "promoted", 7, 70, {"chunk": 3.0}, METRIC, 0.5),
    ]
    figure = drawn(plots.of_history(generations))
    seen = {gid: of_gid(figure, gid)[0][1] for gid in ("promoted", "refused", "documents", "chunks")}
    assert [5.0, 6.0, 7.0] == seen["documents"]
    assert [50.0, 60.0, 70.0] == seen["chunks"]
    assert ["nan", "nan", "0.5"] == [*map(str, seen["promoted"])]
    assert ["nan", "0.25", "nan"] == [*map(str, seen["refused"])]
    bars = {bar.get_label(): [patch.get_height() for patch in bar] for bar in figure.axes[2].containers}
    assert {"chunk": [1.0, 2.0, 3.0], "embed": [4.0, 3.0, 0.0]} == bars
    assert ["0001", "0002", "0003"] == [label.get_text() for label in figure.axes[2].get_xticklabels()]


def test_the_history_is_that_of_the_newest_generations_that_were_judged() -> None:
    lake = Lake(InMemoryStore(), "docs")
    sha256 = lake.write_named(verdict("0003-g"))
    reports = [
        report(1, "promoted"),
        report(2, "failed", conservation=None),
        report(3, "waiting", verdict=sha256),
        report(3, "unchanged", built=False),
        report(4, "refused", verdict="0" * 64),  # that verdict went with what it judged
        report(4, "refused", verdict="1" * 64),
    ]
    for number, one in enumerate(reports):
        lake.write_history(f"{number:04d}", one)
    lake.releases.append(1, release(generation="0003-g"))
    first, second, third = plots.newest_generations(lake)
    assert ("0001", "promoted", 1, 10, {"chunk": 1.0, "embed": 2.0}, "", None) == tuple(vars(first).values())
    assert ("0003", "promoted", 3, 30, {"chunk": 3.0, "embed": 4.0}, METRIC, 0.5) == tuple(vars(second).values())
    assert ("0004", "refused", "") == (third.number, third.decision, third.metric)


def test_of_many_generations_the_newest_are_shown() -> None:
    lake = Lake(InMemoryStore(), "docs")
    for number in range(1, plots.SHOWN + 10):
        lake.write_history(f"{number:04d}", report(number, "promoted"))
    assert [f"{n:04d}" for n in range(10, plots.SHOWN + 10)] == [g.number for g in plots.newest_generations(lake)]


def test_a_lake_without_generations_has_no_plot() -> None:
    lake = Lake(InMemoryStore(), "docs")
    assert [] == plots.history_plot(lake, LOG)
    assert [] == [*lake.store.walk()]


def test_the_file_in_the_lake_is_what_the_artifact_shows_and_is_named_after_the_verdict() -> None:
    store, one = InMemoryStore(), verdict(slices=SLICES)
    lines = plots.verdict_plot(Lake(store, "docs"), one, LOG)
    key = f"docs/plots/{name_of(one)}.svg"
    assert [key] == [*store.values]
    encoded = base64.b64encode(store.values[key]).decode()
    assert f"![Candidate and serving release](data:image/svg+xml;base64,{encoded})" == lines[1]
    assert f"As a file: `memory://lake/{key}`." == lines[-1]


def test_the_history_has_one_file_however_many_nights_there_are() -> None:
    lake = Lake(store := InMemoryStore(), "docs")
    for number in range(1, 4):
        lake.write_history(f"{number:04d}", report(number, "promoted"))
        assert plots.history_plot(lake, LOG)
    assert ["docs/plots/history.svg"] == [key for key in store.values if "/plots/" in key]


def test_the_same_verdict_has_the_same_bytes_without_a_date() -> None:
    draw = plots.of_verdict(verdict(slices=SLICES))
    assert draw is not None
    first = plots.as_svg(draw)
    assert first == plots.as_svg(draw)
    assert b"<dc:date>" not in first


def test_a_slice_of_any_name_is_text_that_xml_can_hold() -> None:
    names = ("a$b$\\frac{", "<b>&amp;", "日本", "\x00\x1b[31m", "x" * 300)
    draw = plots.of_verdict(verdict(slices=tuple(slice_score(name, "held", paired(0, 0, 0)) for name in names)))
    assert draw is not None
    texts = {text.text for text in ElementTree.fromstring(plots.as_svg(draw)).iter("{http://www.w3.org/2000/svg}text")}
    shown = ("source=a$b$\\frac{", "source=<b>&amp;", "source=日本", "source=��[31m", f"source={'x' * 28}…")
    assert {f"{name} (96)" for name in shown} <= texts


def test_without_matplotlib_a_run_says_so_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ingest.extras.installed_version", lambda name: "")
    store = InMemoryStore()
    assert [] == plots.verdict_plot(Lake(store, "docs"), verdict(), LOG)
    assert {} == store.values
    told = "no plot: a plot needs matplotlib, not installed here: pip install 'ingest[flows]'"
    assert [told] == [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("fault", [StoreUnavailable("away"), ValueError("away"), MemoryError("away")])
def test_a_plot_that_cannot_be_made_or_kept_ends_no_run(fault: Exception, caplog: pytest.LogCaptureFixture) -> None:
    one = verdict()
    assert [] == plots.verdict_plot(Lake(Failing(fault), "docs"), one, LOG)
    told = f"no plot docs/plots/{name_of(one)}.svg: {type(fault).__name__}: away"
    assert [told] == [record.getMessage() for record in caplog.records]


class Failing(InMemoryStore):
    """A store that takes nothing."""

    def __init__(self, fault: Exception) -> None:
        super().__init__()
        self.fault = fault

    def put(self, key: str, data: bytes) -> None:
        raise self.fault


def test_the_artifact_of_a_verdict_shows_the_plot_that_the_lake_has(site: Site) -> None:
    site.run_inline()
    state = evaluate(settings=site.settings_path, return_state=True)  # what serves, against itself
    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_of(state)]))
    (found,) = eventually(lambda: site.client.read_artifacts(artifact_filter=only))
    with site.opened() as services:
        lake = services.bench.lake
        (name,) = lake.store.list(f"{site.index}/plots/")
        (drawn,) = re.findall(r"!\[[^]]*\]\(data:image/svg\+xml;base64,([^)]+)\)", str(found.data))
        assert lake.store.get(f"{site.index}/plots/{name}") == base64.b64decode(drawn)
        assert lake.verdict(name.removesuffix(".svg")).model_dump(mode="json") == state.result()
        assert f"`{lake.store.uri}/{site.index}/plots/{name}`" in str(found.data)
