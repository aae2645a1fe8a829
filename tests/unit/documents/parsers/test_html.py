import socket
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents.parsers import html
from ingest.errors import EmptyDocument, MalformedDocument, OversizedDocument
from ingest.records import BlockKind
from tests.unit.documents.parsers.checks import faults, headings, parsed, paths, pieces, raw, shown

PAGE = """<!DOCTYPE html><html lang="en-GB"><head><title> The  page </title><style>p{}</style></head><body>
<nav><a href="/">Home</a></nav><div role="navigation">Menu</div><script>alert(1)</script><p hidden>secret</p>
<h1>Top <code>x</code><a class="headerlink" href="#top">¶</a></h1><p>Some <b>bold</b>
 text.</p><div>bare text</div>
<h3>Deep</h3><details><summary>More</summary>inside</details>
<h2>Sub</h2><ul><li>one</li><li>two<ul><li><h3>inner</h3></li></ul></li></ul>
<div class="highlight-python"><pre>def f():
    return 1
</pre></div>
<table><caption>Cap</caption><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr>
<tr><td>3</td><td>4</td></tr></tbody></table>
<blockquote><h2>quoted</h2></blockquote><img alt="A picture" src="http://127.0.0.1:9/x.png"></body></html>"""


PARTS = [
    "<h1>A b</h1>",
    "<h2>C</h2>",
    "<p>some text</p>",
    "bare",
    "<ul><li>x y</li></ul>",
    "<ol><li>",
    "</ol>",
    "<pre>a\n\n b\n</pre>",
    "<pre class='language-sh'>ls",
    "</pre>",
    "<table><tr><th>h</th></tr><tr><td>1</td><td>2</td></tr></table>",
    "<table>",
    "<tr><td>cell",
    "</table>",
    "<div>",
    "</div>",
    "<blockquote>q r<h3>z</h3></blockquote>",
    "<br>",
    "<!-- c -->",
    "&nbsp;",
    "&lt;",
    "<img alt='pic ture'>",
    "<a href=x>link text</a>",
    "<h3><p>odd</h3>",
    "<dl><dt>t t<dd>d d</dl>",
    "<main>",
    "</main>",
    "\u2003",
    "<details>",
    "</details>",
    "<nav>menu</nav>tail text",
    "<h4></h4>",
    "• bullet point",
    "<p>a@b.org</p>",
    "<summary>s</summary>",
]


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=10).map("".join))
@settings(max_examples=150)
def test_any_tag_soup_gives_blocks_that_cover_the_text(soup):
    try:
        document = parsed(html, soup)
    except EmptyDocument:
        return
    assert faults(document) == []


def test_a_heading_of_absurd_length_is_a_paragraph():
    assert headings(parsed(html, f"<h1>{'x ' * 900}</h1>")) == []


@pytest.fixture
def no_network(monkeypatch):
    """Fail every attempt to connect, and start as a fresh process would."""

    def refuse(*_):
        raise AssertionError("a parser used the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
def test_a_page_becomes_text_with_exact_spans_and_no_connection_is_made():
    document = parsed(html, PAGE)
    assert faults(document) == []
    assert document.blocks[0].marks == ("hidden",)
    assert (document.title, document.language) == ("The page", "en")
    assert shown(document) == [
        ("paragraph", "secret"),
        ("heading", "Top x"),
        ("paragraph", "Some bold text."),
        ("paragraph", "bare text"),
        ("heading", "Deep"),
        ("paragraph", "More"),
        ("paragraph", "inside"),
        ("heading", "Sub"),
        ("list", "- one\n- two\n  - inner"),
        ("code", "def f():\n    return 1"),
        ("caption", "Cap"),
        ("table", "a | b\n1 | 2\n3 | 4"),
        ("quote", "quoted"),
        ("caption", "A picture"),
    ]
    assert document.text == "\n\n".join(text for _, text in shown(document))


def test_headings_keep_their_levels_and_paths():
    document = parsed(html, PAGE)
    assert headings(document) == [(1, "Top x"), (3, "Deep"), (2, "Sub")]
    assert list(paths(document).values()) == [["Top x"], ["Top x", "Deep"], ["Top x", "Sub"]]


def test_tables_break_at_rows_and_know_their_header():
    document = parsed(html, PAGE)
    (table,) = [block for block in document.blocks if block.kind is BlockKind.TABLE]
    assert document.text[table.start : table.header_end] == "a | b\n"
    assert pieces(document, table) == ["a | b\n", "1 | 2\n", "3 | 4"]


def test_code_keeps_its_lines_and_language():
    document = parsed(html, PAGE)
    (code,) = [block for block in document.blocks if block.kind is BlockKind.CODE]
    assert (code.language, pieces(document, code)) == ("python", ["def f():\n", "    return 1"])


@pytest.mark.parametrize(
    "tag", ["form", "details", "figure", "section", "label", "summary", "figcaption", "unknown-tag"]
)
def test_text_in_any_element_is_kept(tag):
    assert parsed(html, f"<p>before it</p><{tag}>inner words</{tag}><p>after it</p>").text.split() == [
        "before",
        "it",
        "inner",
        "words",
        "after",
        "it",
    ]


def test_without_a_title_the_first_heading_names_the_page_if_no_other_stands_beside_or_above_it():
    assert parsed(html, "<h1>A</h1><h2>B</h2>").title == "A"
    assert parsed(html, "<h2>B</h2><h1>A</h1>").title == ""


def test_the_declared_encoding_is_used():
    page = '<meta charset="iso-8859-2"><p>Łódź jest miastem</p>'.encode("iso-8859-2")
    assert parsed(html, page).text == "Łódź jest miastem"


@pytest.mark.parametrize("page", ["<html></html>", "<script>x</script>", "<!-- only a comment -->", "<nav>menu</nav>"])
def test_a_page_without_text_for_readers_is_an_empty_document(page):
    with pytest.raises(EmptyDocument):
        parsed(html, page)


@pytest.mark.parametrize("depth", [200, 3000])
def test_a_page_nested_too_deep_is_over_a_limit_and_not_cut_silently(depth):
    with pytest.raises(OversizedDocument, match=r"depth|limit of 200"):
        parsed(html, "<div>" * depth + "<p>text</p>")


def test_xhtml_with_an_encoding_declaration_is_read():
    page = '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body><p>text</p></body></html>'
    assert parsed(html, page, "application/xhtml+xml").text == "text"


@pytest.mark.parametrize(
    ("label", "encoding", "text"),
    [
        ("windows-874", "cp874", "เครือข่ายขัดข้อง"),
        ("TIS-620", "cp874", "เครือข่าย “ขัดข้อง”"),
        ("windows-949", "cp949", "네트워크 똠방각하"),
        ("ks_c_5601-1987", "cp949", "네트워크"),
        ("x-mac-cyrillic", "mac_cyrillic", "Сеть недоступна"),
        ("iso-8859-8-i", "iso8859-8", "הרשת אינה"),
        ("shift_jis", "cp932", "①髙橋 ～"),
        ("x-sjis", "cp932", "㈱ネット"),
        ("gb2312", "gbk", "朱镕基"),
        ("big5-hkscs", "big5hkscs", "網路連線中斷"),
        ("ascii", "cp1252", "“quoted” – €"),
        ("iso-8859-1", "cp1252", "“quoted” – €"),
        ("iso-8859-9", "cp1254", "Türkçe €"),
        ("iso-2022-jp", "iso2022_jp", "ネットワーク"),
        ("utf-16", "utf-8", "Straße 網路"),
        ("x-user-defined", "cp1252", "Café €"),
        ("unicode-1-1-utf-8", "utf-8", "Straße"),
    ],
)
@pytest.mark.parametrize(
    "head",
    [
        "<meta charset={}>",
        "<meta http-equiv=Content-Type content='text/html; charset={}'>",
        "<!-- <meta charset=koi8-r> --><META CHARSET = ' {} ' />",
    ],
)
def test_the_charset_of_a_page_means_what_it_means_to_browsers(head, label, encoding, text):
    page = f"<html><head>{head.format(label)}</head><body><p>{text}</p></body></html>"
    assert parsed(html, page.encode(encoding)).text == text


def test_a_page_whose_charset_nobody_knows_is_marked_and_read_by_its_content(caplog):
    text = "Сеть недоступна с самого утра, инженеры уже работают"
    assert parsed(html, f"<meta charset=x-secret><p>{text}</p>".encode("koi8-r")).text == text
    assert ["a: charset 'x-secret' is unknown; read as koi8_r by its content"] == caplog.messages


def test_what_the_source_tells_counts_before_the_page():
    page = raw("<meta charset=koi8-r><p>Сеть</p>".encode("cp1251"), "a.html", "text/html")
    told = replace(page, ref=replace(page.ref, media_type='text/html; charset="windows-1251"'))
    assert html.parse(told).text == "Сеть"


def test_escapes_that_browsers_do_not_decode_are_refused_or_stay():
    with pytest.raises(MalformedDocument, match="no browser shows"):
        parsed(html, "<meta charset=iso-2022-kr><p>" + "네트워크".encode("iso2022_kr").decode())
    assert parsed(html, "<meta charset=utf-7><p>+ADw-script+AD4-").text == "+ADw-script+AD4-"
