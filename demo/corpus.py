"""The demo's documents: what the pinned distributions say about themselves, and this project's guides.

Nothing is fetched: an installed distribution carries its README as the long description in its metadata. Only
distributions that `requirements.lock` pins count, in exactly that version, so the corpus is the same everywhere.
"""

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent

AS_HTML = ("chunking", "embedded-qdrant", "prefect", "security")
"""Guides that are uploaded as HTML instead of Markdown, so that the demo parses HTML and holds nothing twice."""

MAX_CHARACTERS = 50_000
"""A longer description is left out as a whole: it is a changelog more than a README."""

MIN_CHARACTERS = 200
"""A shorter one answers nothing."""

EXTENSIONS = {"text/markdown": "md", "text/x-rst": "rst", "text/plain": "txt"}
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==(\S+)$", re.MULTILINE)


def documents(root: Path = ROOT) -> Iterator[tuple[str, bytes]]:
    """Yield (key, bytes) of every document, sorted by key; equal installations give equal bytes.

    Raises: RuntimeError when a pinned distribution is missing or has another version than the lock says.
    """
    yield from sorted([*guides(root / "docs"), *readmes((root / "requirements.lock").read_text("utf-8"))])


def guides(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield this project's guides, four of them rendered to HTML."""
    for path in sorted(folder.glob("*.md")):
        text = path.read_text("utf-8")
        if path.stem in AS_HTML:
            yield f"docs/{path.stem}.html", rendered(text).encode()
        else:
            yield f"docs/{path.name}", text.encode()


def rendered(markdown: str) -> str:
    """Return a whole HTML page; its title is the first heading."""
    title = markdown.split("\n", 1)[0].removeprefix("# ")
    body = MarkdownIt("commonmark").enable("table").render(markdown)
    head = f'<meta charset="utf-8">\n<title>{title}</title>'
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}</body>\n</html>\n'


def readmes(lock: str) -> Iterator[tuple[str, bytes]]:
    """Yield the long description of each pinned distribution that has one of a reasonable length."""
    for name, version in PINNED.findall(lock):
        text, extension = description(name, version)
        if MIN_CHARACTERS <= len(text) <= MAX_CHARACTERS:
            yield f"packages/{canonical(name)}.{extension}", text.encode()


def description(name: str, version: str) -> tuple[str, str]:
    """Return the long description and its file extension; a missing content type means reStructuredText."""
    try:
        fields = metadata.distribution(name).metadata
    except metadata.PackageNotFoundError as error:
        raise RuntimeError(f"{name} is pinned by requirements.lock and not installed: run `make env`") from error
    installed = fields["Version"].partition("+")[0]  # "+cpu" and the like name the same README
    if installed != version:
        raise RuntimeError(f"{name}: requirements.lock pins {version}, {installed} is installed: run `make env`")
    media_type = (fields["Description-Content-Type"] or "text/x-rst").partition(";")[0].strip().lower()
    return fields["Description"] or "", EXTENSIONS.get(media_type, "txt")


def canonical(name: str) -> str:
    """Return the normalised name of a distribution: lower case, runs of `-`, `_` and `.` become one `-`."""
    return re.sub(r"[-_.]+", "-", name).lower()
