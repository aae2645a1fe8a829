"""What people read of a run in Prefect: in the log while a step goes on, and of the verdict at its end."""

import logging

import pytest

pytest.importorskip("prefect")

from ingest.quality.gate import Facts, judge
from ingest.records import GateRules, Quarantined, QuarantineState, Release, RunReport
from ingest_flows.markdown import as_markdown
from ingest_flows.report import LOG_SECONDS, LoggingObserver

METRIC = "fused.ndcg@10"


def test_a_long_step_is_told_once_a_minute_in_units_with_rate_and_what_is_left(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "flow")
    now = [0.0]
    observer = LoggingObserver(logging.getLogger("flow"), lambda: now[0])
    with observer.step("embed", 600, "chunks"):
        for done in range(2, int(2.5 * LOG_SECONDS), 2):
            now[0] += 2
            observer.reached("embed", "0", done)
        observer.reached("embed", "0", 600, {"chunks": 600, "embedded": 600})
    assert [
        "embed: 600 chunks to do",
        "embed: 60/600 chunks, 1.0/s, 0:09:00 left",
        "embed: 120/600 chunks, 1.0/s, 0:08:00 left",
        "embed: done chunks 600, embedded 600",
    ] == caplog.messages


def test_steps_that_overlap_are_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flow")
    now = [0.0]
    observer = LoggingObserver(logging.getLogger("flow"), lambda: now[0])
    with observer.step("embed", 0, "chunks"):
        with observer.step("chunk", 40, "documents"):
            now[0] = LOG_SECONDS
            observer.reached("embed", "0", 30)
            observer.reached("chunk", "0", 40, {"documents": 40, "chunks": 90})
        observer.reached("embed", "0", 90, {"chunks": 90, "embedded": 80})
    assert [
        "embed: started",
        "chunk: 40 documents to do",
        "embed: 30 chunks",
        "chunk: 40/40 documents, 0.7/s",
        "chunk: done documents 40, chunks 90",
        "embed: done chunks 90, embedded 80",
    ] == caplog.messages


def test_a_step_without_a_size_tells_its_start_and_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flow")
    with LoggingObserver(logging.getLogger("flow"), lambda: 0.0).step("sweep"):
        pass
    assert ["sweep: started", "sweep: done"] == caplog.messages


def test_steps_that_are_one_piece_of_work_say_what_they_did(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flow")
    now = [0.0]
    observer = LoggingObserver(logging.getLogger("flow"), lambda: now[0])
    observer.limits = {"max_deleted_share": 0.2}
    release = Release.model_construct(number=7, action="promote", generation="0007-aa")
    counted = {"guard": {"documents": 1200, "lost": 3}, "seal": {"documents": 1200, "chunks": 4033}, "recall": {}}
    for step, counts in counted.items():
        with observer.step(step):
            now[0] += 2 * LOG_SECONDS  # a step without a size has no progress to tell
            observer.advanced(step, 0, counts)
    with observer.step("release"):
        observer.told("release", release)
    with observer.step("release"):
        observer.told("held", "by night@shift: answers got worse")
    ends = [line for line in caplog.messages if not line.endswith(": started")]
    assert [
        "guard: 1,200 documents would serve, 3 of the base would not any more; within the limits: "
        "20% gone (max_deleted_share)",
        "seal: 4,033 chunks compared, of 1,200 documents",
        "recall: too few chunks to measure it",
        "release 7 (promote) serves generation 0007-aa",
        "release: release 7 serves generation 0007-aa",
        "held: by night@shift: answers got worse",
        "release: none, by night@shift: answers got worse",
    ] == ends


def test_what_is_in_quarantine_is_named_and_hostile_words_stay_words() -> None:
    row = Quarantined("s3://b/a.md", "docs", "1", "parse", "MalformedDocument", "`![x](http://evil/)`\n# no", "print")
    state = QuarantineState(generation="g1", serves=True, counts={"MalformedDocument": 7}, documents=(row,))
    report = RunReport.model_construct(index="docs", decision="unchanged", conservation=None, stages=())
    report = report.model_copy(update={"generation": "g1", "release": 1, "digest": None, "in_quarantine": (state,)})
    lines = as_markdown(report, None).splitlines()
    start = lines.index("In quarantine, generation `g1`: MalformedDocument 7.")
    assert ["- `s3://b/a.md: MalformedDocument: '![x](http://evil/)' # no`", ""] == lines[start + 1 : start + 3]


def test_slices_are_a_table_whose_cells_hold_whatever_they_are_called() -> None:
    now, before = ({f"q{i:03}": {METRIC: float(i >= n)} for i in range(100)} for n in (4, 0))
    slices = {q: [("source", "docs"), ("topic", "a | b\nc" if q < "q004" else "other")] for q in now}
    verdict = judge(now, before, GateRules(), Facts("docs", "g2", "g1", 7, judged=100, slices=slices))
    report = RunReport.model_construct(index="docs", decision="refused", generation="g2", conservation=None, stages=())
    report = report.model_copy(update={"release": None, "digest": None})
    lines = as_markdown(report, verdict).splitlines()
    start = lines.index("| slice | | questions | fused.ndcg@10 | serving | recall@10 |")
    assert [
        r"| topic=a \| b c | fell | 4 | 0.0000 | 1.0000 | – |",
        "| topic=other | held | 96 | 1.0000 | 1.0000 | – |",
        "",
    ] == lines[start + 2 : start + 5]
