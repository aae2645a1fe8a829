"""Spans leave through the observer: ids and counts, and nothing at all without an SDK."""

import sys

import pytest

from ingest.ports import Observer

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

    def step_started(self, step: str, total: int) -> None:
        self.heard.append(f"{step} of {total} started")

    def step_finished(self, step: str) -> None:
        self.heard.append(f"{step} finished")


@pytest.fixture
def tracer(monkeypatch: pytest.MonkeyPatch) -> Tracer:
    found = Tracer()
    monkeypatch.setattr(trace, "get_tracer", lambda name: found)
    return found


def test_a_step_is_a_span_with_its_name_and_parts(tracer: Tracer) -> None:
    observer = Heard()
    with observer.step("chunk", 4):
        assert ["chunk of 4 started"] == observer.heard
    assert ["chunk of 4 started", "chunk finished"] == observer.heard
    assert [("ingest.step", {"step": "chunk", "parts": 4})] == tracer.spans


def test_a_step_that_fails_is_not_finished_and_its_span_ends(tracer: Tracer) -> None:
    observer = Heard()
    with pytest.raises(RuntimeError), observer.step("embed"):
        raise RuntimeError
    assert (["embed of 1 started"], 1) == (observer.heard, len(tracer.spans))


def test_without_the_api_of_opentelemetry_everything_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    observer = Heard()
    with observer.step("load"), observer.span("ingest.shard", shard=3):
        observer.heard.append("inside")
    assert ["load of 1 started", "inside", "load finished"] == observer.heard
