"""Formats that no other parser reads (DOC, PPT, XLS, RTF, Org, AsciiDoc), by `unstructured` and external programs.

    bytes ──▶ LibreOffice: DOCX, PPTX │ pandoc: HTML, DOCX │ as they are ──▶ unstructured: elements ──▶ blocks

If a source's `parsing.parser` is `unstructured`, the formats in `ALSO` are read here too: not PDF and pictures, for
which unstructured needs gigabytes of models that it downloads at run time, and not e-mail, whose attachments it would
lose.

Headings are those that a tag or style of the document declares: titles with a `category_depth`. A title that
unstructured only guesses stays a paragraph. It tells titles from sentences with a spaCy model that it downloads and
installs into the environment; rules replace that model, so that the same bytes give the same blocks everywhere.

Programs run in their own folder (`_reading/programs.py`). pandoc reads nothing but the document; LibreOffice runs no
macros and follows no links.
"""

import importlib
import io
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from ingest.documents.parsers._markup.html_chrome import Chrome
from ingest.documents.parsers._markup.html_hidden import Hiding
from ingest.documents.parsers._markup.html_inline import Inline
from ingest.documents.parsers._markup.html_tables import grid, own_rows
from ingest.documents.parsers._markup.html_tree import declared_encoding, tree
from ingest.documents.parsers._office.file_title import file_title
from ingest.documents.parsers._reading import programs
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.decoding import decode
from ingest.documents.parsers._reading.rtf_symbols import rtf_with_symbols
from ingest.documents.parsers._reading.table_blocks import header_rows, lines
from ingest.documents.parsers._reading.titles import document_title, stated_title
from ingest.errors import (
    EmptyDocument,
    EncryptedDocument,
    MalformedDocument,
    UnsupportedFormat,
)
from ingest.records import BlockKind, Document, RawDocument


class Route(NamedTuple):
    """How a format is turned into elements."""

    reader: str  # of unstructured: partition_<reader>
    program: str = ""  # pandoc or soffice
    source: str = ""  # input format given to the program


_ROUTES = {
    "application/rtf": Route("html", "pandoc", "rtf"),
    "text/x-org": Route("html", "pandoc", "org"),
    "text/asciidoc": Route("html", "pandoc", "asciidoc"),
    "application/msword": Route("docx", "soffice", "doc"),
    "application/vnd.ms-powerpoint": Route("pptx", "soffice", "ppt"),
    "application/vnd.ms-excel": Route("xlsx"),
}
_OTHERS = {
    "text/plain": Route("text"),
    "text/markdown": Route("md"),
    "text/html": Route("html"),
    "application/xhtml+xml": Route("html"),
    "text/x-rst": Route("html", "pandoc", "rst"),
    "text/csv": Route("csv"),
    "text/tab-separated-values": Route("tsv"),
    "application/epub+zip": Route("html", "pandoc", "epub"),
    "application/vnd.oasis.opendocument.text": Route("docx", "pandoc", "odt"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": Route("docx"),
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": Route("pptx"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": Route("xlsx"),
}

MEDIA_TYPES = tuple(_ROUTES)
ALSO = {"unstructured": (*_ROUTES, *_OTHERS)}
VERSION = "3"
LIBRARIES = ("unstructured", "pypandoc-binary", "python-docx", "python-pptx", "pandas", "openpyxl", "xlrd", "olefile")
EXTRA = "ingest[legacy]"  # required only if a source asks for this parser
LAST_RESORT = True

_WRITTEN = ("org", "asciidoc", "rst")  # pandoc reads these as UTF-8 only
_OLE = ("application/msword", "application/vnd.ms-powerpoint", "application/vnd.ms-excel")
_OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_PAGED = ("pptx", "xlsx")  # slides and sheets are sections
_LEFT_OUT = ("Header", "Footer", "PageBreak")
_KINDS = {"CodeSnippet": BlockKind.CODE, "FigureCaption": BlockKind.CAPTION, "Image": BlockKind.CAPTION}
_LEVELS = 9
_NUMBERED = re.compile(r"\(?\w{1,4}[.)]\s")
_SAID = 200  # characters of a program's error message
_TITLED = b'<h1 class="title">'
_TEMPLATE = f"$if(title)${_TITLED.decode()}$title$</h1>$endif$\n$body$"
_PROFILE = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item
  oor:path="/org.openoffice.Office.Common/Security/Scripting"
  ><prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop
  ><prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop
></item></oor:items>
"""


def installed() -> bool:
    """Return whether the extra is installed."""
    return find_spec("unstructured") is not None


def starts_program(media_type: str) -> bool:
    """Return whether a program is run for a document: never for one that cannot be read."""
    return bool(_route(media_type).program) and not _missing(_route(media_type))


def variant() -> str:
    """Return the installed LibreOffice, "" without it or without the extra: nothing is read then."""
    office = _program("soffice") if installed() else None
    if office is None:
        return ""
    built = office.resolve().parent / "versionrc"
    return f"LibreOffice {built.read_text() if built.is_file() else ''}"


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: DocumentError."""
    path, route = raw.ref.path, _route(raw.media_type)
    if missing := _missing(route):
        raise UnsupportedFormat(f"{path}: {raw.media_type} is read with {missing}, which is not installed")
    _check_container(raw)
    data = _converted(raw, route) if route.program else raw.data
    out = Assembly(raw)
    nested = route.program == "pandoc" and data.startswith(_TITLED)  # sections come below the document's own title
    named, _, rest = data.removeprefix(_TITLED).partition(b"</h1>") if nested else (b"", b"", b"")
    if nested and not stated_title(named.decode()):
        data, nested = rest, False  # a placeholder
    paged = route.reader in _PAGED
    for _, page in groupby(_elements(data, route, path), key=lambda element: paged and element.metadata.page_number):
        _add_page(out, list(page), route, nested)
    if not out.blocks:
        raise EmptyDocument(f"{path}: {len(raw.data)} bytes of {raw.media_type}, but no text in them")
    blocks = tuple(out.blocks)
    title = document_title(() if route.reader == "xlsx" else blocks, properties=file_title(raw))
    return Document(out.text, blocks, title, raw.media_type, "legacy")


def _route(media_type: str) -> Route:
    return _ROUTES.get(media_type) or _OTHERS[media_type]


def _missing(route: Route) -> str:
    """Return what must be installed first, "" when everything is there."""
    if not installed():
        return "the extra ingest[legacy]"
    if not route.program or _program(route.program) is not None:
        return ""
    return {"pandoc": "the package pypandoc-binary", "soffice": "LibreOffice (soffice on the path)"}[route.program]


def _program(name: str) -> Path | None:
    """Return the path of a program; pandoc is the one in its Python package."""
    if name == "soffice":
        found = shutil.which(name)
        return Path(found) if found else None
    package = find_spec("pypandoc")
    places = package.submodule_search_locations if package else None
    return next((place for folder in places or () if (place := Path(folder, "files", name)).is_file()), None)


def _check_container(raw: RawDocument) -> None:
    """Raise EncryptedDocument for an OLE file with a password, MalformedDocument for a file that is not OLE."""
    if not raw.data.startswith(_OLE_MAGIC):
        if raw.media_type in _OLE:
            raise MalformedDocument(f"{raw.ref.path}: no OLE file, which {raw.media_type} is")
        return
    import msoffcrypto

    try:
        encrypted = msoffcrypto.OfficeFile(io.BytesIO(raw.data)).is_encrypted()
    except Exception as error:  # its own errors, olefile's and those of `struct`
        raise MalformedDocument(f"{raw.ref.path}: an OLE file that cannot be read: {_said(error)}") from error
    if encrypted:
        raise EncryptedDocument(f"{raw.ref.path}: protected by a password")


def _converted(raw: RawDocument, route: Route) -> bytes:
    """Return a document as converted by its route's program. Raises: DocumentError."""
    path, program = raw.ref.path, str(_program(route.program))
    data = decode(raw.data, path).encode() if route.source in _WRITTEN else rtf_with_symbols(raw.data)
    with tempfile.TemporaryDirectory(prefix="ingest-") as place:
        folder = Path(place)
        given, made = folder / f"given.{route.source}", folder / "made" / f"given.{route.reader}"
        given.write_bytes(data)
        made.parent.mkdir()
        if route.program == "pandoc":
            (folder / "template").write_text(_TEMPLATE)
            options = ["--sandbox", f"--from={route.source}", f"--to={route.reader}", f"--output={made}"]
            template = [f"--template={folder / 'template'}"] if route.reader == "html" else []
            arguments = [program, *options, *template, str(given)]
        else:
            profile = folder / "profile" / "user"
            profile.mkdir(parents=True)
            (profile / "registrymodifications.xcu").write_text(_PROFILE)
            options = [f"-env:UserInstallation={profile.parent.as_uri()}", "--headless", "--norestore"]
            arguments = [program, *options, "--convert-to", route.reader, "--outdir", str(made.parent), str(given)]
        code, said = programs.run_program(arguments, folder, raw)
        if code or not made.is_file():
            said = " ".join(said.replace(place, "…").split())[-_SAID:]
            raise MalformedDocument(f"{path}: {route.program} makes nothing of it (exit code {code}): {said}")
        return made.read_bytes()


def _elements(data: bytes, route: Route, path: str) -> list[Any]:
    """Return the elements that unstructured finds. Raises: MalformedDocument."""
    _stand_in()
    name = f"partition_{route.reader}"
    partition = getattr(importlib.import_module(f"unstructured.partition.{route.reader}"), name)
    given: dict[str, Any] = {"file": io.BytesIO(data)}
    if route.reader == "html":
        text = data.decode() if route.program else decode(data, path, declared_encoding(data))
        given = {"text": text}
    if not data.strip():
        return []
    try:
        return list(partition(**given, languages=[""]))  # no language detection
    except RecursionError:
        raise
    except Exception as error:  # from the libraries of many formats: whatever it is, the document was not read
        raise MalformedDocument(f"{path}: {name} cannot read it: {type(error).__name__}: {_said(error)}") from error


def _stand_in() -> None:
    """Replace the spaCy model that unstructured would download and load by rules."""
    name = "unstructured.nlp.tokenize"
    if name not in sys.modules:
        rules: Any = ModuleType(name)
        rules.sent_tokenize, rules.word_tokenize, rules.pos_tag = lambda text: [text], str.split, lambda _text: []
        sys.modules[name] = rules


def _add_page(out: Assembly, elements: Sequence[Any], route: Route, nested: bool) -> None:
    """Append a slide, a sheet, or a whole document."""
    fields = {"page": elements[0].metadata.page_number} if route.reader == "pptx" else {}
    if route.reader == "xlsx":
        out.heading(elements[0].metadata.page_name or "", 1)
    elif route.reader == "pptx" and not any(_level(element, route) for element in elements):
        out.heading(f"Slide {fields['page']}", 1, **fields)
    for listed, group in groupby(elements, key=lambda element: element.category == "ListItem"):
        if listed:
            _add_list(out, group, fields)
            continue
        for element in group:
            if level := _level(element, route):
                out.heading(element.text, min(level + (nested and bool(out.blocks)), _LEVELS), **fields)
            elif element.category == "Table":
                _add_table(out, element, fields)
            elif element.category not in _LEFT_OUT:
                kind = _KINDS.get(element.category, BlockKind.PARAGRAPH)
                out.add(kind, element.text.splitlines(), **fields)


def _level(element: Any, route: Route) -> int:
    """Return the level of a heading, 0 for anything else; on a slide only the title is a heading."""
    depth = element.metadata.category_depth
    if element.category != "Title" or depth is None or (route.reader == "pptx" and depth):
        return 0
    return int(depth) + 1


def _add_list(out: Assembly, items: Iterable[Any], fields: dict[str, Any]) -> None:
    """Append list items, each on its own lines after its number or a dash, indented by depth."""
    found, breaks, at = [], [], 0
    for item in items:
        indent = "  " * max((item.metadata.category_depth or 0) - 1, 0)
        text = f"\n{indent}  ".join(item.text.splitlines())
        text = f"{indent}{text}" if _NUMBERED.match(text) else f"{indent}- {text}"
        found += text.split("\n")
        breaks.append(at)
        at += len(text) + 1
    out.add(BlockKind.LIST, found, breaks=breaks[1:], **fields)


def _add_table(out: Assembly, element: Any, fields: dict[str, Any]) -> None:
    """Append a table from its HTML, or without HTML a paragraph."""
    root = tree(element.metadata.text_as_html or "", out.path, nesting=out.limits.nesting)
    table = None if root is None else next(root.iter("table"), None)
    if table is None:
        out.add(BlockKind.PARAGRAPH, element.text.splitlines(), **fields)
        return
    if (caption := table.find("caption")) is not None:
        out.add(BlockKind.CAPTION, [" ".join(" ".join(caption.itertext()).split())], **fields)
    rows, headers = grid(own_rows(table), Inline(Hiding(root), Chrome(root)))
    out.add(BlockKind.TABLE, lines(rows, out.path, out.limits.text_characters), headers or header_rows(rows), **fields)


def _said(words: object) -> str:
    return " ".join(str(words).split())[:_SAID]
