"""The media type of a file: by its content, then by its name, then by what the source claims.

bytes ──▶ formats that identify themselves (PDF, zip, HTML, …) ──▶ binary? ──▶ extension ──▶ claim ──▶ text/plain
"""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from itertools import chain

from ingest.extras import version
from ingest.ids import digest_of

VERSION = "2"
TEXT_RULE = "3"  # of documents whose names do not tell, and of XML; raised, it concerns these alone
Patterns = Sequence[tuple[str, str]]
OCTETS = "application/octet-stream"
PLAIN = "text/plain"
NOTEBOOK = "application/x-ipynb+json"

_rows = cache(lambda: (files(__package__) / "extensions.txt").read_text("utf-8").splitlines()[1:])
_words = cache(lambda: [(kind, *word.partition(":")) for kind, *names in map(str.split, _rows()) for word in names])
extensions = cache(lambda: {extension: kind.format(name or extension) for kind, extension, _, name in _words()})
"""Extension without dot → media type. Text whose name has no extension, or one that is not listed, is text/plain."""

# Claims without information: defaults of object stores and web servers.
_EMPTY_CLAIMS = ("", OCTETS, "binary/octet-stream", "application/x-www-form-urlencoded")
_UNTOLD = ("", OCTETS, PLAIN, "application/xml")  # by a name
_COMPRESSED = ("application/gzip", "application/x-bzip2", "application/x-xz")
_BOMS = (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff", b"\xff\xfe", b"\xfe\xff")
_OOXML = (
    (b"word/document", "docx"),
    (b"ppt/presentation", "pptx"),
    (b"xl/workbook", "xlsx"),
    (b"META-INF/container.xml", "epub"),  # repacked by a tool that did not store `mimetype` first and uncompressed
)
_SELF_NAMED = ("epub", "odt", "ods", "odp")  # formats whose first file, `mimetype`, holds the type
_CFB = bytes.fromhex("d0cf11e0a1b11ae1")
_PASSWORD = "EncryptedPackage".encode("utf-16-le")  # stream of an OLE file that holds an encrypted OOXML file
_OUTLOOK = "__substg1.0_".encode("utf-16-le")  # prefix of the names of a message's properties
_TNEF = b"\x78\x9f\x3e\x22"  # of a `winmail.dat`
MAILBOX = re.compile(rb"From [^\r\n]{0,300}?[A-Z][a-z]{2},? [^\r\n]{0,20}\d:\d\d[^\r\n]{0,40}\r?\n(?=[!-9;-~]{1,99}:)")
"""The line before a message in a mailbox, with a header behind it."""
_HTML = re.compile(rb"<(?:!doctype\s+html|html)\b", re.I)
_FLAT = re.compile(rb"<office:document\s[^<>]*:mimetype=.([\w./-]+\.opendocument\.(?:text|spreadsheet|presentation))\b")
_NOTEBOOK = re.compile(rb'"nbformat(?:_minor)?"\s*:')
_HEAD = 8192  # bytes examined to tell text from binary
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x08\x0e\x0f\x1b"))  # rare in text
_WIDE = ([False, True] * 2, [True, False] * 2, [False, True, True, True], [True, True, True, False])
_ZEROS = 0.5  # least share of zero bytes at positions that are zero in Latin text in UTF-16 and UTF-32
_CONTROL_SHARE = 0.02  # of the head; with more the bytes are not text


def sniff(data: bytes, path: str, claimed: str = "", patterns: Patterns = ()) -> str:
    """Return the media type of a document, without parameters, in lower case, from its whole content.

    Of text that does not name its own format, the first of `patterns` (pattern, type) that matches the path decides,
    then the extension, then what the source claims (`Content-Type`). Patterns win over the format it names too.
    """
    head, named = data[:_HEAD], _by_extension(path)
    if found := _encrypted(data, named) or _by_magic(data, head):
        return found
    if named in _COMPRESSED:  # and yet text: it was unpacked on the way
        named = _by_extension(path.rpartition(".")[0])
    kind = by_pattern(path, patterns) or _by_markup(data, head, named) or _by_name(named, claimed)
    return PLAIN if kind == OCTETS else kind  # text is text, whatever it is called


def expected(path: str, claimed: str = "", patterns: Patterns = ()) -> str:
    """Return the media type of a document that nobody has read yet; its content may tell another one."""
    return by_pattern(path, patterns) or _by_name(_by_extension(path), claimed)


def by_pattern(path: str, patterns: Patterns) -> str:
    """Return the type of the first pattern that matches the path or its last name, "" if none does."""
    name = path.rpartition("/")[2]
    return next((kind for one, kind in patterns if fnmatchcase(path, one) or fnmatchcase(name, one)), "")


def claim(content_type: str) -> str:
    """Return what a source says that a document is, without parameters, in lower case; "" if that says nothing."""
    told = content_type.partition(";")[0].strip().lower()
    return "" if told in _EMPTY_CLAIMS else told


def looks_like_text(head: bytes) -> bool:
    """Return whether the first bytes of a file are text: a byte order mark, or hardly any control characters.

    In UTF-16 and UTF-32 without a mark, zero bytes are always at the same positions of four.
    """
    if head.startswith(_BOMS):
        return True
    if b"\0" in head[:4]:
        zero = [head[i::4].count(0) * 4 > _ZEROS * len(head) for i in range(4)]
        if zero in _WIDE:
            head = b"".join(head[i::4] for i in range(4) if not zero[i])
    return len(head) - len(head.translate(None, _CONTROLS)) <= _CONTROL_SHARE * len(head)


def fingerprint(name: str | None = None) -> str:
    """Return the digest of the rules here: of what determines a type besides the bytes and the source's claim.

    With a document's path or URI, only its own extension counts, so that adding an extension affects only documents
    that have it. Any other change raises VERSION and affects all.
    """
    if name is None:
        return digest_of([VERSION, TEXT_RULE, extensions(), version("filetype")])
    kind = _by_extension(name)
    return digest_of([VERSION, kind, version("filetype"), *([TEXT_RULE] if kind in _UNTOLD else [])])


def _by_magic(data: bytes, head: bytes) -> str:
    """Return the type of a binary format, "" for text, which is told first: magic numbers may be as short as "BM"."""
    text = looks_like_text(head)
    if head.lstrip().startswith(b"%PDF-") or (b"%PDF-" in head[:1024] and not text):
        return extensions()["pdf"]
    if head.startswith((b"{\\rtf", _TNEF)):
        return extensions()["tnef" if head.startswith(_TNEF) else "rtf"]
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        # By its first bytes, then by the names in its directory.
        told = (e for e in _SELF_NAMED if f"mimetype{extensions()[e]}".encode() in data[:_HEAD])
        held = (e for name in _zipped_names(data) for prefix, e in _OOXML if name.startswith(prefix))
        return extensions()[next(chain(told, held), "zip")]
    if head.startswith(_CFB) and _OUTLOOK in data:
        return extensions()["msg"]
    if text:
        return ""
    import filetype

    return filetype.guess_mime(head) or OCTETS


def _encrypted(data: bytes, by_name: str) -> str:
    """Return the type of an encrypted OOXML file by its name, since nothing else shows it; "" for other files."""
    if not data.startswith(_CFB) or _PASSWORD not in data:
        return ""
    return by_name if "openxmlformats" in by_name or ".macroenabled." in by_name else extensions()["docx"]


def _zipped_names(data: bytes) -> Iterator[bytes]:
    """Yield the names in a zip archive's central directory, as far as it is readable, but not in nested archives."""
    end = data.rfind(b"PK\x05\x06")
    at = end - int.from_bytes(data[end + 12 : end + 16], "little")
    while 0 <= at < end and data.startswith(b"PK\x01\x02", at):
        name, extra, comment = (int.from_bytes(data[at + i : at + i + 2], "little") for i in (28, 30, 32))
        yield data[at + 46 : at + 46 + name].lstrip(b"/").replace(b"\\", b"/")
        at += 46 + name + extra + comment


def _by_markup(data: bytes, head: bytes, by_name: str) -> str:
    """Return the type of text that identifies its own format, or ""."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    page = start
    for opening, closing in ((b"<?xml", b"?>"), (b"<!--", b"-->")):  # a loop: a pattern would take exponential time
        while page.startswith(opening) and closing in page:
            page = page.partition(closing)[2].lstrip()
    if _HTML.match(page):
        return by_name if by_name == "application/xhtml+xml" else "text/html"
    if flat := _FLAT.match(page):
        return f"{flat[1].decode()}-flat-xml"
    if start.startswith(b"<?xml"):
        return by_name if by_name.endswith("+xml") else "application/xml"
    if by_name in ("", OCTETS, PLAIN) and MAILBOX.match(start):
        return extensions()["mbox"]
    return NOTEBOOK if start[:1] == b"{" and b'"cells"' in data and _NOTEBOOK.search(data) else ""


def _by_extension(path: str) -> str:
    """Return the type by extension, "" without one, OCTETS for one that is not listed."""
    stem, _, extension = path.replace("\\", "/").rsplit("/", 1)[-1].lower().rpartition(".")
    if not stem:
        return ""
    if extension == "txt" and stem.rpartition(".")[1]:  # Sphinx publishes its sources as index.rst.txt
        inner = extensions().get(stem.rpartition(".")[2], PLAIN)
        return inner if inner in ("text/x-rst", "text/markdown") else PLAIN
    return extensions().get(extension, OCTETS)


def _by_name(by_name: str, claimed: str) -> str:
    """Return the type by extension, else by claim, else text/plain for a name without an extension."""
    return by_name if by_name not in ("", OCTETS) else claim(claimed) or by_name or PLAIN
