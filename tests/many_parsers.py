"""A project whose documents are read by several parsers, good ones and broken ones, on their own and in archives."""

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ingest.documents import parsers
from tests.pipelines import Project, project

PAGE = "<h1>Opening hours</h1><p>The reading room opens at nine in the morning.</p>"
NOTE = "# Notes\n\nThe key hangs behind the door of the kitchen.\n"
BROKEN_PAGE = "<html></html>"
BROKEN_NOTE = NOTE * 4 + "\0"
HTML = {"page.html", "broken.html", "pages.zip", "broken-page.zip", "deep.zip"}  # of which html has read a part
OTHERS = {"note.md", "broken.md", "notes.zip", "broken-note.zip", "unknown.org"}


def archive(**entries: str | bytes) -> bytes:
    """Return a ZIP archive; the first "_" of a name is its dot."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name, content in entries.items():
            file.writestr(zipfile.ZipInfo(name.replace("_", ".", 1)), content)
    return data.getvalue()


def new_project(folder: Path) -> Project:
    """Return the project before its first run."""
    p = project(folder, documents=0)
    for path, content in {
        "page.html": PAGE,
        "broken.html": BROKEN_PAGE,
        "pages.zip": archive(page_html=PAGE, note_md=NOTE),
        "broken-page.zip": archive(broken_html=BROKEN_PAGE, note_md=NOTE),
        "deep.zip": archive(inner_zip=archive(page_html=PAGE)),
        "note.md": NOTE,
        "broken.md": BROKEN_NOTE,
        "notes.zip": archive(note_md=NOTE),
        "broken-note.zip": archive(broken_md=BROKEN_NOTE, note_md=NOTE),
        "unknown.org": "* Nobody reads this",
    }.items():
        p.source.write(path, content)
    return p


def built_project(folder: Path) -> Project:
    """Return the project after one run."""
    p = new_project(folder)
    assert HTML | OTHERS == reread(p)
    return p


def reread(p: Project) -> set[str]:
    """Run and return the documents that were read."""
    report = p.run()
    assert report.conservation is not None
    assert () == report.conservation.faults
    return set(p.gets())


@contextmanager
def registering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ModuleType]]:
    """Yield what registers a third-party parser: a name, and the module's attributes."""

    def clear() -> None:
        parsers._modules.cache_clear()
        parsers.media_types.cache_clear()

    def register(name: str, **attributes: Any) -> ModuleType:
        module = ModuleType(name)
        module.__dict__.update(attributes)
        entry = SimpleNamespace(name=name, value=f"third.{name}", load=lambda: module)
        monkeypatch.setattr(parsers, "entry_points", lambda group: [entry] if group == "ingest.parsers" else [])
        clear()
        return module

    yield register
    monkeypatch.undo()
    clear()
