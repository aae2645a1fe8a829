"""Writes `judged.jsonl` from `questions.yaml`: finds each section again and notes its offsets and the file's hash.

A question names its place by document and heading, as a person does; a judged set names it by code-point offsets in the
file with a certain SHA-256. Run `python -m demo.anchor` after a guide or the lock has changed.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt

from demo.corpus import documents

HERE = Path(__file__).resolve().parent
QUESTIONS = HERE / "questions.yaml"
JUDGED = HERE / "judged.jsonl"
ADORNMENT = re.compile(r"^([=\-~^\"'`#*+.:_])\1{2,}\s*$")


@dataclass(frozen=True)
class Section:
    """A section of a text: its headings from the title down, and its half-open span in code points."""

    path: tuple[str, ...]
    start: int
    end: int


def sections(key: str, text: str) -> list[Section]:
    """Return every section of a document in order; a subsection lies inside its parent's span."""
    if key.endswith(".md"):
        headings = list(markdown_headings(text))
    elif key.endswith(".rst"):
        headings = list(rst_headings(text))
    else:
        headings = []
    starts = line_starts(text)
    found: list[Section] = []
    stack: list[tuple[int, str]] = []
    for position, (line, level, title) in enumerate(headings):
        stack = [*((above, name) for above, name in stack if above < level), (level, title)]
        below = (other for other, its_level, _ in headings[position + 1 :] if its_level <= level)
        end = starts[next(below, len(starts) - 1)]
        found.append(Section(tuple(name for _, name in stack), starts[line], end))
    return found


def line_starts(text: str) -> list[int]:
    """Return the offset at which each line begins, and the length of the text as the last one."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    return starts if starts[-1] == len(text) else [*starts, len(text)]


def markdown_headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (line, level, title without markup) of each heading that is not inside a list or quotation."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.level == 0 and token.map:
            kept = (child.content for child in inline.children or () if child.type in ("text", "code_inline"))
            yield token.map[0], int(token.tag[1:]), " ".join("".join(kept).split())


def rst_headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (line, level, title) of each heading; levels follow the order in which adornments first appear."""
    lines = text.split("\n")
    styles: list[tuple[str, bool]] = []
    for number in range(1, len(lines)):
        title, under = lines[number - 1].rstrip(), ADORNMENT.match(lines[number])
        if not under or not title.strip() or ADORNMENT.match(title) or len(lines[number].rstrip()) < len(title.strip()):
            continue
        over = ADORNMENT.match(lines[number - 2]) if number > 1 else None
        overlined = bool(over and over[1] == under[1])
        before = number - 2 - overlined
        if (title[0].isspace() and not overlined) or (before >= 0 and lines[before].strip()):
            continue
        if (style := (under[1], overlined)) not in styles:
            styles.append(style)
        yield number - 1 - overlined, styles.index(style) + 1, title.strip()


def anchored(doc: str, headings: tuple[str, ...], data: bytes) -> dict[str, Any]:
    """Return the gold place: the one section whose path ends with `headings`, the whole document when there are none.

    Raises: ValueError when no section or more than one fits, or the document has no text of its own in the file.
    """
    if doc.endswith(".html"):
        raise ValueError(f"{doc}: offsets into HTML name no place in its text; judge a Markdown document")
    text = data.decode()
    place = Section((), 0, len(text))
    if headings:
        fits = [section for section in sections(doc, text) if section.path[-len(headings) :] == headings]
        if len(fits) != 1:
            raise ValueError(f"{doc}: {len(fits)} sections end with {' > '.join(headings)}, wanted 1")
        place = fits[0]
    return {
        "doc": doc,
        "grade": 1,
        "headings": list(place.path),
        "start": place.start,
        "end": place.end,
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def judged(questions: list[dict[str, Any]], corpus: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    """Yield the judged questions in the order of their file. Raises: ValueError naming question and document."""
    for question in questions:
        gold = []
        for place in question.get("gold", []):
            doc, headings = place["doc"], tuple(place.get("headings", ()))
            if doc not in corpus:
                raise ValueError(f"{question['id']}: {doc} is not in the corpus")
            gold.append(anchored(doc, headings, corpus[doc]) | {"grade": place.get("grade", 1)})
        yield {
            "query_id": question["id"],
            "text": question["text"],
            "answerable": bool(gold),
            "answers": [],
            "gold": gold,
        }


def written() -> str:
    """Return the content that `judged.jsonl` should have now."""
    questions = yaml.safe_load(QUESTIONS.read_text("utf-8"))
    lines = (json.dumps(entry, ensure_ascii=False) for entry in judged(questions, dict(documents())))
    return "".join(f"{line}\n" for line in lines)


def main() -> int:
    """Write the judged set; with `--check` only compare, and return 1 when it is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when judged.jsonl is out of date")
    if parser.parse_args().check:
        return int(JUDGED.read_text("utf-8") != written())
    JUDGED.write_text(written(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
