"""A bench over a small index: the hashing tokenizer, parsers in this process, small chunks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.cli.preview.document_preview import DocumentPreview, preview_document
from ingest.records import DocumentRef, RawDocument
from ingest.services import Workbench
from ingest.settings import make_settings
from ingest.wiring import service_opening as wiring
from tests.inline_sandbox import parse_inline

SMALL = {"target_tokens": 16, "max_tokens": 40, "min_tokens": 0}
Previewer = Callable[..., DocumentPreview]


def bench_of(folder: Path, **index: Any) -> Workbench:
    """Return the workbench of an index with one source `notes`."""
    values = {
        "sources": [{"name": "notes", "uri": "."}],
        "model": {"kind": "hashing", "name": "hashing"},
        "chunking": SMALL,
        **index,
    }
    return wiring.open_workbench(make_settings({"lake": "lake", "indexes": {"docs": values}}, folder))


@pytest.fixture(autouse=True)
def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse in this process."""
    parse_inline(monkeypatch)


@pytest.fixture
def preview(tmp_path: Path) -> Previewer:
    """Return what previews a text under settings of the test's own."""

    def preview(text: str | bytes, path: str = "a.md", **index: Any) -> DocumentPreview:
        data = text.encode() if isinstance(text, str) else text
        ref = DocumentRef(f"file:///{path}", "notes", path, "1", len(data))
        return preview_document(bench_of(tmp_path, **index), RawDocument(ref, data), 1)

    return preview
