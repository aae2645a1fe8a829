"""JSON and JSON Lines: the text of their fields.

The canonical text is built: strings are decoded, with keys before them (`address.city: Berlin`). Objects with a title
or a name are sections, and so is each line of JSON Lines. With `text_fields`, only those fields are text, in that
order.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ingest.documents.parsers._reading.assembly import MAX_TITLE, Assembly
from ingest.documents.parsers._reading.decoding import BOM, decode
from ingest.documents.parsers._reading.json_values import EXTRA, load
from ingest.documents.parsers._reading.lines import NEWLINE
from ingest.errors import EmptyDocument, MalformedDocument
from ingest.records import BlockKind, Document, RawDocument

MEDIA_TYPES = ("application/json", "application/x-ndjson")
VERSION = "2"
LIBRARIES = ("charset-normalizer",)

_TITLES = ("title", "name", "heading", "headline", "subject", "label")
_SHORT = 200  # characters; a longer value is a paragraph of its own
_LEVELS = 6
_BLANK = re.compile(r"\n[ \t]*\n")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument, OversizedDocument."""
    path, nesting = raw.ref.path, raw.options.limits.nesting
    text = decode(raw.data, path).removeprefix(BOM)
    walk = _Walk(raw)
    if raw.media_type == "application/x-ndjson":
        walk.lines(text)
    else:
        try:
            walk.whole(load(text, path, nesting))
        except MalformedDocument as error:
            if EXTRA not in str(error):
                raise
            walk.lines(text)  # JSON Lines labelled as JSON
    if not walk.assembly.blocks:
        fields = ", ".join(raw.options.text_fields)
        raise EmptyDocument(f"{path}: no text in {f'the fields {fields}' if fields else 'any field'}")
    return Document(walk.assembly.text, tuple(walk.assembly.blocks), walk.title, raw.media_type, "json_text")


class _Walk:
    """Walks through values and writes their text."""

    def __init__(self, raw: RawDocument) -> None:
        self.assembly = Assembly(raw)
        self.title = ""
        self._raw = raw
        self._fields = [field.split(".") for field in raw.options.text_fields]
        self._title_field = raw.options.title_field.split(".") if raw.options.title_field else []

    def whole(self, value: Any) -> None:
        """Write a JSON document; in a list of records, the named fields are those of each record."""
        records = value if isinstance(value, list) and not any(path[0] == "*" for path in self._all_paths()) else None
        if records is None or not (self._fields or self._title_field):
            self.title = self._title_of(value)
            self._record(value, self.title)
            return
        for record in records:
            self._record(record, self._title_of(record))

    def lines(self, text: str) -> None:
        """Write JSON Lines: each line is a section."""
        limits = self._raw.options.limits
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                record = load(line, f"{self._raw.ref.path}: record in line {number}", limits.nesting)
                self._record(record, self._title_of(record) or f"Line {number}")

    def _all_paths(self) -> list[list[str]]:
        return [*self._fields, *([self._title_field] if self._title_field else [])]

    def _title_of(self, value: Any) -> str:
        """Return the title in the field set by the options; without that, the object's own title."""
        if self._title_field:
            found = next((item for item in _resolve(value, self._title_field) if isinstance(item, str)), "")
        else:
            found = _own_title(value)[1]
        title = " ".join(found.split())
        return title if len(title) <= MAX_TITLE else ""

    def _record(self, value: Any, title: str) -> None:
        """Write a record below its title; a record without text writes no title."""
        texts = [text for path in self._fields for text in _resolve(value, path)]
        if self._fields and not any(text for text in texts if text not in (None, "", [], {})):
            return
        if title:
            self.assembly.heading(title, 1)
        if self._fields:
            for text in texts:
                self._value(text, "", 1)
        else:
            self._fields_of(value, "", 1, titled=title)

    def _value(self, value: Any, label: str, level: int) -> None:
        if isinstance(value, dict):
            _, title = _own_title(value)
            if title and len(value) > 1:
                level = min(level + 1, _LEVELS)
                self.assembly.heading(title, level)
                self._fields_of(value, "", level, titled=title)
            else:
                self._fields_of(value, label, level, titled="")
        elif isinstance(value, list):
            self._list(value, label, level)
        else:
            self._text(label, _scalar(value))

    def _fields_of(self, value: Any, label: str, level: int, titled: str) -> None:
        """Write the fields of an object, short ones together, one per line; the title above is not repeated."""
        if not isinstance(value, dict):
            self._value(value, label, level)
            return
        key_of_title, own = _own_title(value)
        short: list[str] = []
        for key, item in value.items():
            if titled and key == key_of_title and own == titled:
                continue
            name = f"{label}.{key}" if label else key
            text = _scalar(item)
            if not isinstance(item, (dict, list)) and len(text) <= _SHORT and "\n" not in text:
                short += [_line(name, text)] if text.strip() else []
            else:
                self._together(short)
                short = []
                self._value(item, name, level)
        self._together(short)

    def _list(self, values: Sequence[Any], label: str, level: int) -> None:
        if any(isinstance(value, (dict, list)) for value in values):
            for value in values:
                self._value(value, label, level)
            return
        texts = [" ".join(_scalar(value).split()) for value in values]
        items = [f"- {text}" for text in texts if text]
        if sum(map(len, texts)) <= _SHORT:
            self._text(label, ", ".join(text for text in texts if text))
        elif items:
            self.assembly.add(BlockKind.LIST, [f"{label}:", *items] if label else items)

    def _together(self, lines: list[str]) -> None:
        """Write short fields as one block that may be cut between them."""
        flat = [" ".join(line.split()) for line in lines]
        breaks, at = [], 0
        for line in flat[:-1]:
            at += len(line) + 1
            breaks.append(at)
        self.assembly.add(BlockKind.PARAGRAPH, flat, breaks=breaks)

    def _text(self, label: str, text: str) -> None:
        """Write a text as paragraphs, with its key before the first."""
        for paragraph in _paragraphs(text):
            lines = paragraph.split("\n")
            lines[0] = _line(label, lines[0]) if label else lines[0]
            label = ""
            self.assembly.add(BlockKind.PARAGRAPH, lines)


def _line(key: str, text: str) -> str:
    return f"{' '.join(key.split())}: {text.strip()}"


def _scalar(value: Any) -> str:
    """Return a value as text: strings with line feeds and without NUL; null is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return NEWLINE.sub("\n", value).replace("\0", "\ufffd") if isinstance(value, str) else ""


def _paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs between blank lines."""
    for part in _BLANK.split(text):
        if part.strip():
            yield part.strip("\n")


def _own_title(value: Any) -> tuple[str, str]:
    """Return key and text of the field that names an object, or empty strings."""
    if isinstance(value, dict):
        for key in _TITLES:
            text = value.get(key)
            if isinstance(text, str) and 0 < len(text.strip()) <= _SHORT:
                return key, " ".join(text.split())
    return "", ""


def _resolve(value: Any, path: Sequence[str]) -> list[Any]:
    """Return the values at a dotted path; `*` stands for each item of a list or an object."""
    found = [value]
    for step in path:
        following: list[Any] = []
        for item in found:
            if step == "*":
                following += item.values() if isinstance(item, dict) else item if isinstance(item, list) else []
            elif isinstance(item, dict) and step in item:
                following.append(item[step])
            elif isinstance(item, list) and step.isdecimal() and len(step) < 10 and int(step) < len(item):
                following.append(item[int(step)])
        found = following
    return found
