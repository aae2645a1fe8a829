"""Documents that somebody made to do harm, built when they are asked for. No text of anybody else is in them."""

import io
import struct
import tarfile
import zipfile
import zlib

from benchmarks.fuzzing.binary_seeds import pdf_of

CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)
WORD = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
EPUB_CONTAINER = (
    '<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="c.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
EPUB_PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Book</dc:title></metadata><manifest>'
    '<item id="a" href="{0}" media-type="application/xhtml+xml"/></manifest>'
    '<spine><itemref idref="a"/></spine></package>'
)
_LINES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11))
LAUGHS = f'<!DOCTYPE l [<!ENTITY a0 "ha">{_LINES}]>'


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, method)
    return buffer.getvalue()


def docx(document: str, **more: bytes) -> bytes:
    """Return a Word file whose main part is `document`."""
    parts = {"[Content_Types].xml": CONTENT_TYPES, "_rels/.rels": RELATIONS, "word/document.xml": document}
    return zipped({**{name: part.encode() for name, part in parts.items()}, **more})


def word_body(paragraphs: str, prologue: str = "") -> str:
    """Return a main part."""
    return f'<?xml version="1.0"?>{prologue}<w:document {WORD}><w:body>{paragraphs}</w:body></w:document>'


def word_paragraph(text: str) -> str:
    """Return a paragraph of a main part."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def epub(page: str, href: str = "a.xhtml") -> bytes:
    """Return a book of one page."""
    return zipped(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": EPUB_CONTAINER.encode(),
            "c.opf": EPUB_PACKAGE.format(href).encode(),
            "a.xhtml": page.encode(),
        }
    )


def zip_bomb(megabytes: int = 300) -> bytes:
    """Return an archive of one entry that unpacks to a thousand times its size."""
    return zipped({"a.txt": bytes(megabytes * 2**20)})


def nested_bomb() -> bytes:
    """Return an archive of archives, each harmless by its own size."""
    inner = zip_bomb(64)
    for level in range(5):
        inner = zipped({f"{level}{n}.zip": inner for n in range(10)})
    return inner


def overlapped_bomb(entries: int = 5000) -> bytes:
    """Return an archive in which all entries share the same packed bytes."""
    kernel = bytes(2**20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(kernel) + packer.flush()
    sizes = struct.pack("<LLL", zlib.crc32(kernel), len(packed), len(kernel))
    local = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 8, 0, 33) + sizes + struct.pack("<HH", 4, 0) + b"0000"
    directory = b"".join(
        b"PK\1\2"
        + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 33)
        + sizes
        + struct.pack("<HHHHHLL", 4, 0, 0, 0, 0, 0, 0)
        + f"{n:04}".encode()
        for n in range(entries)
    )
    data = local + packed
    return data + directory + b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, entries, entries, len(directory), len(data), 0)


def lying_zip() -> bytes:
    """Return an archive whose entry is larger than it says."""
    data = bytearray(zipped({"a.txt": b"text " * 10**6}))
    for signature, at in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        place = data.index(signature)
        data[place + at : place + at + 4] = struct.pack("<L", 100)
    return bytes(data)


def linked_zip(target: str) -> bytes:
    """Return an archive with a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("a.txt")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, target)
    return buffer.getvalue()


def tar(*members: tuple[str, bytes, str]) -> bytes:
    """Return an archive of (name, content, link's target) members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content, target in members:
            member = tarfile.TarInfo(name)
            member.size, member.linkname = len(content), target
            member.type = tarfile.SYMTYPE if target else tarfile.REGTYPE
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


PAGE = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> %s >> >>"
)
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def stream(content: bytes, keys: bytes = b"") -> bytes:
    """Return a stream object."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), keys, content)


TEXT = stream(b"BT /F 12 Tf 72 700 Td (Some text on a page.) Tj ET")
CATALOGUE, PAGES = b"<< /Type /Catalog /Pages 2 0 R %s >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"

PDF_LOOPS = {
    "page tree": pdf_of([CATALOGUE % b"", b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>", PAGE % b"", TEXT, FONT]),
    "two page trees": pdf_of(
        [
            CATALOGUE % b"",
            b"<< /Type /Pages /Kids [3 0 R 3 0 R] /Count 9 >>",
            b"<< /Type /Pages /Parent 2 0 R /Kids [2 0 R 2 0 R] /Count 9 >>",
            TEXT,
            FONT,
        ]
    ),
    "outline": pdf_of(
        [
            CATALOGUE % b"/Outlines 6 0 R",
            PAGES,
            PAGE % b"",
            TEXT,
            FONT,
            b"<< /First 7 0 R /Last 7 0 R >>",
            b"<< /Title (A) /Next 7 0 R /First 7 0 R /Parent 6 0 R /Dest [3 0 R /Fit] >>",
        ]
    ),
    "cross references": pdf_of([CATALOGUE % b"", PAGES, PAGE % b"", TEXT, FONT], b"/Prev START"),
    "form": pdf_of(
        [
            CATALOGUE % b"",
            PAGES,
            PAGE % b"/XObject << /X 6 0 R >>",
            stream(b"/X Do BT /F 12 Tf (Text) Tj ET"),
            FONT,
            stream(b"/X Do /X Do", b"/Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>"),
        ]
    ),
    "references": pdf_of([CATALOGUE % b"", PAGES, b"3 0 R", b"4 0 R", FONT]),
    "length": pdf_of(
        [CATALOGUE % b"", PAGES, PAGE % b"", b"<< /Length 4 0 R >>\nstream\nBT (x) Tj ET\nendstream", FONT]
    ),
    "names": pdf_of(
        [
            CATALOGUE % b"/Names << /Dests 6 0 R >>",
            PAGES,
            PAGE % b"",
            TEXT,
            FONT,
            b"<< /Kids [6 0 R 6 0 R] >>",
        ]
    ),
}


def pdf_bomb() -> bytes:
    """Return a PDF whose page unpacks to 300 MB."""
    packed = zlib.compress(b"BT /F 12 Tf (x) Tj ET\n" * 14_000_000, 9)
    return pdf_of([CATALOGUE % b"", PAGES, PAGE % b"", stream(packed, b"/Filter /FlateDecode"), FONT])
