"""The archive of a book: its entries under the names that references give them."""

import posixpath
import re
import unicodedata
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from ingest.documents.parsers._markup.html_tree import declared_encoding, xhtml_tree
from ingest.documents.parsers._markup.xml_tree import xml_tree
from ingest.documents.parsers._reading.archives import BadEntries, read_entry
from ingest.documents.parsers._reading.decoding import decode
from ingest.errors import EncryptedDocument, MalformedDocument, UnsupportedFormat

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}:|//")  # of an address that is not in the book


@dataclass(frozen=True)
class Book:
    """An opened book."""

    archive: zipfile.ZipFile
    path: str
    limit: int  # bytes per entry
    nesting: int
    bad: BadEntries  # what is left out

    @cached_property
    def _entries(self) -> dict[str, str]:
        return {_folded(name): name for name in reversed(self.archive.namelist())}

    def place(self, folder: str, target: str) -> str:
        """Return the entry to which a reference in a folder points, without its fragment; "" if it leads elsewhere.

        Case, percent signs, slashes and forms of letters that differ from the entry's name do not matter. The name of
        one that is not there is returned as it is written.
        """
        bare = target.partition("#")[0].strip()
        if not bare or _SCHEME.match(bare):
            return ""
        found = ""
        for written in (bare, unquote(bare), unquote(bare.partition("?")[0])):
            joined = posixpath.join("/", folder, written.replace("\\", "/"))
            found = posixpath.normpath(joined).lstrip("/")
            if (entry := self._entries.get(_folded(found))) is not None:
                return found if found in self.archive.NameToInfo else entry
        return found

    def has(self, name: str) -> bool:
        """Return whether there is an entry of that name."""
        return name in self.archive.NameToInfo

    def read(self, name: str) -> bytes | None:
        """Return an entry, None when there is none."""
        return read_entry(self.archive, self.archive.getinfo(name), self.limit) if self.has(name) else None

    def xml(self, name: str) -> Any:
        """Return the root of an XML entry, None when there is none."""
        data = self.read(name)
        if data is None:
            return None
        where = f"{self.path}: {name}"
        return xml_tree(decode(data, where, declared_encoding(data)), where, nesting=self.nesting)

    def page(self, name: str) -> Any:
        """Return the root of a page; None for an empty one, and for one that cannot be read, which is left out."""
        where = f"{self.path}: {name}"
        try:
            data = self.read(name)
            if data is None:
                self.bad.add(MalformedDocument(f"{where} is not in the archive"))
            if data is None or not data.strip():
                return None
            return xhtml_tree(decode(data, where, declared_encoding(data)), where, nesting=self.nesting)
        except (EncryptedDocument, MalformedDocument, UnsupportedFormat) as error:
            self.bad.add(error)
            return None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.replace("\\", "/").lstrip("/")).casefold()
