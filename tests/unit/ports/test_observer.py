"""Spans leave through the observer: ids and counts, and nothing at all without an SDK."""

import sys
from collections.abc import Mapping

import pytest

from ingest.ports import Observer
from ingest.ports.observer import MOST_PARTS

trace = pytest.importorskip("opentelemetry.trace")


class Tracer:
    """A tracer that keeps its spans, as an SDK's would, in the order in which they end."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, dict[str, object]]] = []

    def start_as_current_span(self, name: str, attributes: dict[str, object]) -> "Span":
        return Span(self, name, attributes)


class Span:
    def __init__(self, tracer: Tracer, name: str, attributes: dict[str, object]) -> None:
        self.tracer, self.entry = tracer, (name, attributes)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self.tracer.spans.append(self.entry)


class Heard(Observer):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def step_started(self, step: str, total: int, unit: str) -> None:
        self.heard.append(f"{step} of {total} {unit}".strip())

    def advanced(self, step: str, done: int, counts: Mapping[str, int]) -> None:
        self.heard.append(f"{step} {done} {dict(counts)}")

    def step_finished(self, step: str) -> None:
        self.heard.append(f"{step} finished")


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Tracer:
    found = Tracer()
    monkeypatch.setattr(trace, "get_tracer", lambda name: found)
    return found


def test_a_step_is_a_span_with_its_name_and_size(tracer: Tracer) -> None:
    observer = Heard()
    with observer.step("chunk", 4, "documents"):
        assert ["chunk of 4 documents"] == observer.heard
    assert ["chunk of 4 documents", "chunk finished"] == observer.heard
    assert [("ingest.step", {"step": "chunk", "total": 4})] == tracer.spans


def test_a_step_that_fails_is_not_finished_and_its_span_ends(tracer: Tracer) -> None:
    observer = Heard()
    with pytest.raises(RuntimeError), observer.step("embed"):
        raise RuntimeError
    assert (["embed of 0"], 1) == (observer.heard, len(tracer.spans))


def test_without_the_api_of_opentelemetry_everything_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    observer = Heard()
    with observer.step("load"), observer.span("ingest.shard", shard=3):
        observer.heard.append("inside")
    assert ["load of 0", "inside", "load finished"] == observer.heard


def test_only_what_is_new_about_a_part_is_heard() -> None:
    observer = Heard()
    with observer.step("embed", 9, "chunks"):
        for part, done in (("0", 2), ("1", 1), ("0", 2), ("0", 3)):
            observer.reached("embed", part, done)
        observer.reached("embed", "0", 5, {"chunks": 5})
        observer.reached("embed", "1", 4, {"chunks": 4})
    assert ["2 {}", "1 {}", "1 {}", "2 {'chunks': 5}", "3 {'chunks': 4}"] == [
        one.removeprefix("embed ") for one in observer.heard[1:-1]
    ]


def test_steps_that_overlap_are_counted_apart() -> None:
    observer = Heard()
    with observer.step("embed", 5, "chunks"):
        observer.reached("embed", "0", 2)
        with observer.step("chunk", 4, "documents"):
            observer.reached("chunk", "0", 3)
        observer.reached("embed", "0", 5, {"chunks": 5})
    heard = ["embed of 5 chunks", "embed 2 {}", "chunk of 4 documents", "chunk 3 {}", "chunk finished"]
    assert [*heard, "embed 3 {'chunks': 5}", "embed finished"] == observer.heard


def test_a_bounded_number_of_parts_is_remembered_where_nobody_hears_of_their_ends() -> None:
    observer = Observer()
    for part in range(2 * MOST_PARTS):
        observer.reached("chunk", f"{part}", 1)
    assert MOST_PARTS == len(observer._reached["chunk"])


def test_a_part_that_is_tried_again_is_not_counted_twice() -> None:
    observer = Heard()
    with observer.step("embed", 3, "chunks"):
        for done in (1, 2, 1, 2, 3):  # from the third on, the second attempt
            observer.reached("embed", "0", done)
        observer.reached("embed", "0", 3, {"chunks": 3})
    assert ["1 {}", "1 {}", "1 {}", "0 {'chunks': 3}"] == [one.removeprefix("embed ") for one in observer.heard[1:-1]]
