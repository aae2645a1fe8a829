"""Books: order, titles, rights, and archives that are broken."""

import io
import zipfile

import pytest

from ingest.documents.parsers import epub
from ingest.errors import DocumentError, EmptyDocument, EncryptedDocument, MalformedDocument, ScannedDocument
from tests.unit.documents.parsers.checks import faults, headings, parsed, shown

CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
PAGE = "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>t</title></head><body>{}</body></html>"
NCX = """<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>From the list</text>
</navLabel><content src="b%20c.xhtml#x"/></navPoint></navMap></ncx>"""


def package(spine: str) -> str:
    return f"""<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>The Book</dc:title><dc:language>en-GB</dc:language></metadata><manifest>
<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>
<item id="b" href="b%20c.xhtml" media-type="application/xhtml+xml"/>
<item id="n" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="t" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
</manifest><spine>{"".join(f'<itemref idref="{one}"/>' for one in spine)}</spine></package>"""


def book(spine: str = "ba", **entries: str) -> bytes:
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OPS/book.opf": package(spine),
        "OPS/a.xhtml": PAGE.format("<h1>A</h1><p>one&nbsp;two</p>"),
        "OPS/b c.xhtml": PAGE.format("<p>three</p>"),
        "OPS/nav.xhtml": PAGE.format("<nav><ol><li>x</li></ol></nav>"),
        "OPS/toc.ncx": NCX,
        **{name.replace("__", "/"): text for name, text in entries.items()},
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return data.getvalue()


def test_chapters_come_in_the_order_of_the_spine_with_titles_from_the_table_of_contents():
    document = parsed(epub, book("nbab"))
    assert faults(document) == []
    assert (document.title, document.language) == ("The Book", "en")
    assert shown(document) == [
        ("heading", "From the list"),
        ("paragraph", "three"),
        ("heading", "A"),
        ("paragraph", "one two"),
    ]
    assert headings(document) == [(1, "From the list"), (1, "A")]


def test_a_missing_chapter_is_passed_over():
    assert len(parsed(epub, book("zab")).blocks) == 4


@pytest.mark.parametrize(
    ("algorithm", "refused"),
    [("http://www.w3.org/2001/04/xmlenc#aes256-cbc", True), ("http://www.idpf.org/2008/embedding", False)],
)
def test_rights_management_is_encryption_but_obscured_fonts_are_not(algorithm, refused):
    encryption = (
        '<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#"><e:EncryptedData>'
        f'<e:EncryptionMethod Algorithm="{algorithm}"/></e:EncryptedData></encryption>'
    )
    data = book(**{"META-INF__encryption.xml": encryption})
    if refused:
        with pytest.raises(EncryptedDocument):
            parsed(epub, data)
    else:
        assert len(parsed(epub, data).blocks) == 4


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"PK\x03\x04 no zip", MalformedDocument),
        (book("", **{"META-INF__container.xml": "<container/>"}), EmptyDocument),
        (book(**{"OPS__book.opf": "<package>"}), MalformedDocument),
        (book(""), EmptyDocument),
        (book("a", **{"OPS__a.xhtml": PAGE.format("<img src='p.png'/>")}), ScannedDocument),
        (book(**{"OPS__book.opf": "<!DOCTYPE p [<!ENTITY x 'y'>]><package>&x;</package>"}), MalformedDocument),
    ],
)
def test_a_book_that_cannot_be_read_is_refused_for_a_reason(data, error):
    with pytest.raises(error):
        parsed(epub, data)


def test_every_cut_of_a_book_is_read_or_refused():
    data = book()
    for end in range(0, len(data), 97):
        with pytest.raises(DocumentError):
            parsed(epub, data[:end])
