import os
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def corpora() -> Path:
    """The folder of real files that INGEST_TEST_DATA names."""
    place = os.environ.get("INGEST_TEST_DATA")
    if not place:
        pytest.skip("INGEST_TEST_DATA is not set: no real files to parse")
    return Path(place) / "corpora"
