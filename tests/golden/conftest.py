"""Real documents with judged questions, from the folder that INGEST_TEST_DATA names."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def judged_data() -> Path:
    """The folder of judged sets; skips, and says why, where there is none."""
    named = os.environ.get("INGEST_TEST_DATA")
    if not named:
        pytest.skip("INGEST_TEST_DATA is not set: it names the folder that holds covidqa/ and scifact/")
    folder = Path(named)
    if not (folder / "scifact" / "queries.jsonl").exists():
        pytest.skip(f"INGEST_TEST_DATA: {folder} holds no scifact/queries.jsonl")
    return folder
