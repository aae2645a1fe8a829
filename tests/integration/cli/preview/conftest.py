"""A lab whose documents are parsed in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inline_sandbox import parse_inline
from tests.integration.cli.conftest import Lab, opened_lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab of this test alone, without a sandbox of processes."""
    parse_inline(monkeypatch)
    with opened_lab(tmp_path) as lab:
        lab.settings()
        yield lab
