"""The title that a PDF's properties state: its Info dictionary, or its XMP packet."""

import html
import re
from itertools import islice
from typing import Any

from ingest.documents.parsers._reading.titles import stated_title

_SHORTEST, _LONGEST = 3, 300  # characters
_LETTERS = 1 / 3  # of a title; with fewer it is a number of a program
_CATALOG = re.compile(rb"/Type\s*/Catalog\b")
_CATALOGS = 8  # one for each time that the file was added to
_NEAR = 4096  # bytes around the catalog's type in which the rest of its dictionary stands
_METADATA = re.compile(rb"/Metadata\s+(\d{1,9})\s+(\d{1,5})\s+R\b")
_XMP_TITLE = re.compile(rb"<dc:title>\s*<rdf:Alt>\s*<rdf:li[^<>]*>([^<]{1,2000})</rdf:li>")
_PACKET = 2**20  # bytes of a packet that are searched


def written_title(pdf: Any, data: bytes) -> str:
    """Return the title in the properties of a PDF, "" without one. `pdf` is pypdfium2's document of `data`."""
    info = " ".join(str(pdf.get_metadata_value("Title") or "").replace("\0", "").split())
    return stated_title(*(title for title in (info, _in_packet(data)) if _is_text(title)))


def _is_text(title: str) -> bool:
    return _SHORTEST <= len(title) <= _LONGEST and sum(map(str.isalpha, title)) >= len(title) * _LETTERS


def _in_packet(data: bytes) -> str:
    """Return the title in the XMP packet that the catalog names; compressed catalogs and packets are not read."""
    for catalog in islice(_CATALOG.finditer(data), _CATALOGS):
        start = data.rfind(b"obj", max(0, catalog.start() - _NEAR), catalog.start())
        end = data.find(b"endobj", catalog.end(), catalog.end() + _NEAR)
        named = _METADATA.search(data, max(start, 0), end if end >= 0 else catalog.end())
        if named:
            at = data.rfind(b"\n%s %s obj" % named.groups())
            packet = data[at : at + _PACKET].partition(b"endstream")[0] if at >= 0 else b""
            if found := _XMP_TITLE.search(packet):
                return html.unescape(found[1].decode("utf-8", "replace")).replace("\0", "")
    return ""
