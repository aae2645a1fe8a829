"""Who hears how a run goes on."""

from typing import Any, Protocol


class Observer(Protocol):
    """Hears how a run goes on. For people and tests; nothing is decided from it."""

    def step_started(self, step: str, total: int) -> None: ...
    def advanced(self, step: str, counts: dict[str, int]) -> None: ...
    def step_finished(self, step: str) -> None: ...

    def told(self, kind: str, value: Any) -> None:
        """Hear of a plan, a conservation table, a verdict or a release, as a record."""
        ...
