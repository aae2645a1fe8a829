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


def test_an_order_that_names_nothing_is_told(caplog):
    assert len(parsed(epub, book("zab")).blocks) == 4
    assert ["a: left out: the book's order names 'z', which is nothing in it"] == caplog.messages


@pytest.mark.parametrize("href", ["p.svg", "https://x.org/a.xhtml"])
def test_what_the_order_names_and_is_no_page_is_told(href, caplog):
    item = f'<item id="s" href="{href}" media-type="image/svg+xml"/></manifest>'
    opf = package("sn").replace("</manifest>", item).replace("</spine>", '<itemref idref="a"/></spine>')
    assert parsed(epub, book(**{"OPS__book.opf": opf})).text == "A\n\none two"
    assert f"a: left out: the book's order names '{href}', which is no page of it" in caplog.messages[0]


def test_a_page_that_is_in_the_archive_alone_is_told(caplog):
    lost = {"OPS__lost.xhtml": PAGE.format("<p>x</p>"), "__MACOSX/._lost.xhtml": "x", "OPS__e.html": PAGE.format("")}
    assert "x" not in parsed(epub, book("ab", **lost)).text
    assert ["a: left out: OPS/lost.xhtml is not in the order of the book, and nothing links to it"] == caplog.messages


def archived(pages: dict[str, str | None], spine: str, guide: str = "", nav: str = "") -> bytes:
    """Return a book of pages by their names, which its manifest writes as given; None: not in the archive."""
    ids = {name: f"i{number}" for number, name in enumerate(pages)}
    items = "".join(
        f'<item id="{ids[name]}" href="{name}" media-type="application/xhtml+xml"{nav if name == "nav.xhtml" else ""}/>'
        for name in pages
    )
    order = "".join(f'<itemref idref="{ids[name]}"/>' for name in spine.split())
    opf = f"<package><manifest>{items}</manifest><spine>{order}</spine><guide>{guide}</guide></package>"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OPS/book.opf", opf)
        for name, text in pages.items():
            if text is not None:
                archive.writestr(f"OPS/{name}", PAGE.format(text))
    return data.getvalue()


def renamed(data: bytes, **names: str) -> bytes:
    """Return the archive with entries under other names."""
    found = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(found, "w") as new:
        for entry in old.namelist():
            page = entry.removeprefix("OPS/").partition(".")[0]
            new.writestr(names.get(page, entry), old.read(entry))
    return found.getvalue()


def test_a_chapter_that_is_missing_is_named_and_the_others_are_read(caplog):
    data = archived(
        {"c1.xhtml": "<p>one</p>", "c2.xhtml": None, "c3.xhtml": "<p>three</p>"}, "c1.xhtml c2.xhtml c3.xhtml"
    )
    assert parsed(epub, data).text == "one\n\nthree"
    assert ["a: left out: OPS/c2.xhtml is not in the archive"] == caplog.messages


def test_a_book_without_any_of_its_chapters_is_malformed():
    with pytest.raises(MalformedDocument, match=r"OPS/c1.xhtml is not in the archive"):
        parsed(epub, archived({"c1.xhtml": None, "c2.xhtml": None}, "c1.xhtml c2.xhtml"))


@pytest.mark.parametrize("break_", [lambda d: d.replace(b"two", b"owt"), lambda d: d.replace(b"<p>two", b"\xff" * 6)])
def test_a_damaged_chapter_is_named_and_the_others_are_read(break_, caplog):
    data = break_(archived({"c1.xhtml": "<p>one</p>", "c2.xhtml": "<p>two</p>"}, "c1.xhtml c2.xhtml"))
    assert parsed(epub, data).text == "one"
    assert "entry 'OPS/c2.xhtml' is damaged" in caplog.messages[0]


@pytest.mark.parametrize("entry", ["OPS/C2.XHTML", "ops/c2.xhtml", "OPS\\c2.xhtml"])
def test_names_of_entries_may_differ_in_case_and_slashes(entry, caplog):
    data = archived({"c1.xhtml": "<p>one</p>", "c2.xhtml": "<p>two</p>"}, "c1.xhtml c2.xhtml")
    assert parsed(epub, renamed(data, c2=entry)).text == "one\n\ntwo"
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("href", "entry"),
    [
        ("./c%202.xhtml#a", "OPS/c 2.xhtml"),
        ("/OPS/c2.xhtml", "OPS/c2.xhtml"),
        ("../OPS/c2.xhtml", "OPS/c2.xhtml"),
        ("../../../OPS/c2.xhtml", "OPS/c2.xhtml"),
        ("c%25.xhtml", "OPS/c%.xhtml"),
        ("c%25.xhtml", "OPS/c%25.xhtml"),
        ("%C3%BCber.xhtml", "OPS/u\u0308ber.xhtml"),
    ],
)
def test_references_are_resolved_as_readers_do(href, entry):
    data = archived({"c1.xhtml": "<p>one</p>", href: None}, f"c1.xhtml {href}")
    found = io.BytesIO(data)
    with zipfile.ZipFile(found, "a") as archive:
        archive.writestr(entry, PAGE.format("<p>two</p>"))
    assert parsed(epub, found.getvalue()).text == "one\n\ntwo"


def test_notes_outside_of_the_order_are_read_after_it_if_the_text_links_to_them(caplog):
    notes = "<aside id='n1' epub:type='footnote' xmlns:epub='http://www.idpf.org/2007/ops'><p>1. A note.</p></aside>"
    pages = {
        "c1.xhtml": "<p>one<a href='notes.xhtml#n1'>1</a></p>",
        "c2.xhtml": "<p>two<a href='NOTES.xhtml#n2'>2</a><a href='http://x.org/a.html'>web</a></p>",
        "notes.xhtml": f"<h2>Notes</h2>{notes}<p><a href='more.xhtml'>more</a></p>",
        "more.xhtml": "<p>More of it.</p>",
        "lost.xhtml": "<p>Nobody links here.</p>",
        "cover.xhtml": "<img src='c.png'/>",
    }
    text = parsed(epub, archived(pages, "c1.xhtml c2.xhtml")).text
    assert [text.count(piece) for piece in ("Notes", "1. A note.", "More of it.", "Nobody")] == [1, 1, 1, 0]
    assert text.index("two") < text.index("Notes") < text.index("More of it.")
    assert ["a: left out: OPS/lost.xhtml is not in the order of the book, and nothing links to it"] == caplog.messages


@pytest.mark.parametrize("hiding", ["hidden='hidden'", "style='display: none'"])
def test_a_note_that_a_tap_opens_is_no_hidden_text(hiding):
    page = f"<p>one</p><aside xmlns:e='http://www.idpf.org/2007/ops' e:type='footnote' {hiding}><p>A note.</p></aside>"
    document = parsed(epub, archived({"c1.xhtml": f"{page}<p {hiding}>secret</p>"}, "c1.xhtml"))
    assert [document.text[block.start : block.end] for block in document.blocks if not block.marks] == [
        "one",
        "A note.",
    ]


def test_no_table_of_contents_is_read(caplog):
    links = (
        "<p><a href='c1.xhtml'>The first</a></p><p><a href='c2.xhtml'>The second</a></p><p><a href='c1.xhtml'>End</a>"
    )
    pages = {
        "c1.xhtml": "<p>one <a href='toc.xhtml'>contents</a> <a href='guide.xhtml'>x</a></p>",
        "c2.xhtml": "<p>two</p>",
        "toc.xhtml": links,
        "guide.xhtml": "<p>Contents: one, two</p>",
        "nav.xhtml": links,
    }
    data = archived(pages, "c1.xhtml c2.xhtml", '<reference type="toc" href="guide.xhtml"/>', ' properties="nav"')
    assert parsed(epub, data).text == "one contents x\n\ntwo"
    assert caplog.messages == []


def test_a_page_that_another_kind_of_item_falls_back_to_is_read():
    data = archived({"c1.xhtml": "<p>one</p>", "c2.xhtml": "<p>two</p>"}, "c1.xhtml c2.xhtml")
    opf = (
        '<package><manifest><item id="s" href="s.pdf" media-type="application/pdf" fallback="c"/>'
        '<item id="c" href="c1.xhtml" media-type="application/octet-stream"/></manifest>'
        '<spine><itemref idref="s" linear="no"/></spine></package>'
    )
    found = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(found, "w") as new:
        for name in old.namelist():
            new.writestr(name, opf if name == "OPS/book.opf" else old.read(name))
    assert parsed(epub, found.getvalue()).text == "one"


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
