"""The classes of Qdrant's client are built when they are used; everybody else's at once, as ever."""

import subprocess
import sys

import pytest
from pydantic import BaseModel

from ingest.adapters.vectors import client_models

IMPORTED = """
from ingest.adapters.vectors import client_models as models
found = models.Filter.__pydantic_complete__, models.QueryRequest.__pydantic_complete__
models.Filter(must=[models.FieldCondition(key="a", match=models.MatchValue(value="b"))])
print(*found, models.Filter.__pydantic_complete__, models.QueryRequest.__pydantic_complete__)
"""


def test_a_class_is_built_at_its_first_use() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True)
    assert "False False True False" == done.stdout.strip()


def test_models_that_are_defined_later_are_built_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(client_models.importlib, "import_module", fails)
    with pytest.raises(ImportError):
        client_models.client.__wrapped__()

    class Later(BaseModel):
        number: int

    assert ({}, True) == (BaseModel.model_config, Later.__pydantic_complete__)
    assert Later.model_rebuild(force=True)
