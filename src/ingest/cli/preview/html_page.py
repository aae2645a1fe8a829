"""A preview as one HTML page that loads nothing and runs no scripts.

The only style that a browser applies is the one whose hash is in the page's content security policy, so markup that
slipped through the escaping would still do nothing.
"""

import base64
import hashlib
from dataclasses import replace
from importlib.resources import files
from operator import itemgetter
from typing import Any

from jinja2 import Environment, StrictUndefined

from ingest.cli.preview.comparison import Comparison, comparison_rows, differing, own_parts
from ingest.cli.preview.document_preview import DocumentPreview, sections
from ingest.cli.preview.view import BEFORE_ALL, facts
from ingest.cli.preview.visible_text import one_line, runs, sign_of, visible
from ingest.cli.tables import cell

CHARACTERS = 2_000_000  # of canonical text on one page
SECTIONS = 2_000  # headings in the navigation


def rendered(whole: DocumentPreview, compared: Comparison | None = None, characters: int = CHARACTERS) -> str:
    """Return the page. Text beyond the first `characters` is left out, and the page says so."""
    folder = files("ingest.cli.preview")
    style, page = (folder.joinpath(name).read_text("utf-8") for name in ("page.css", "page.html.j2"))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"visible": visible, "one_line": one_line, "cell": cell, "runs": runs, "sign_of": sign_of}
    here = _within(whole, characters)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.from_string(page).render(
        style=style,
        style_hash=f"sha256-{digest}",
        whole=whole,
        compared=compared,
        facts=facts(whole),
        figures=comparison_rows,
        rows=_rows(here),
        differing=[one for one in differing(whole, compared) if one[2].end <= characters] if compared else [],
        sections=[section for section in sections(here) if section.chunks_below][:SECTIONS],
        before_all=BEFORE_ALL,
        beyond=len(whole.chunks) - len(here.chunks),
        characters=characters,
    )


def _within(preview: DocumentPreview, characters: int) -> DocumentPreview:
    """Return a preview without the chunks that end beyond a limit."""
    kept = tuple(chunk for chunk in preview.chunks if chunk.end <= characters)
    return replace(preview, chunks=kept, left_out=tuple(part for part in preview.left_out if part.end <= characters))


def _rows(preview: DocumentPreview) -> list[dict[str, Any]]:
    """Return chunks, each with its own part of the text, and text in no chunk, in text order."""
    parts = own_parts(preview.chunks)
    overlaps = [start - chunk.start for chunk, (start, _) in zip(preview.chunks, parts, strict=True)]
    rows: list[dict[str, Any]] = []
    for at, (chunk, (start, end)) in enumerate(zip(preview.chunks, parts, strict=True)):
        split = max(start, end - sum(overlaps[at + 1 : at + 2]))  # the next chunk begins with the rest
        own, repeated = preview.slice(start, split), preview.slice(split, end)
        of_chunk = {"chunk": chunk, "context_tokens": preview.context_tokens[at], "overlap": overlaps[at]}
        rows.append({"start": start, "own": own, "repeated": repeated, "number": at + 1, **of_chunk})
    for part in preview.left_out:
        why, text = f"{part.kind.value}: {part.why}", preview.slice(part.start, part.end)
        rows.append({"start": part.start, "own": text, "repeated": "", "chunk": None, "why": why})
    return sorted(rows, key=itemgetter("start"))
