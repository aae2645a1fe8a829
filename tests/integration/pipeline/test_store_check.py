"""A run asks its store first whether two writers could both win."""

from pathlib import Path

import pytest

from ingest.errors import InvalidSettings
from tests.fakes import InMemoryStore
from tests.pipelines import project


class ForgetfulStore(InMemoryStore):
    """A store whose endpoint ignores conditional writes."""

    def check(self, token: str) -> None:
        raise InvalidSettings("memory: ignores If-None-Match, which a lake needs")


def test_a_store_without_conditional_writes_stops_the_run_before_anything_is_written(tmp_path: Path) -> None:
    p = project(tmp_path, documents=2)
    p.store = ForgetfulStore()
    with pytest.raises(InvalidSettings, match="If-None-Match"):
        p.run()
    assert p.store.values == {}
