"""What each element of a page becomes."""

import pytest

from ingest.documents.parsers import html
from ingest.documents.parsers._markup.html_blocks import add_html
from ingest.documents.parsers._markup.html_tree import tree
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.errors import OversizedDocument
from ingest.records import BlockKind
from tests.unit.documents.parsers.checks import faults, headings, parsed, pieces, raw, shown

LONG = "A paragraph of the page that is long enough to stand for content. " * 5


def blocks(page: str) -> list[tuple[str, str]]:
    document = parsed(html, page)
    assert faults(document) == []
    return shown(document)


def hidden(page: str) -> list[str]:
    document = parsed(html, page)
    return [document.text[block.start : block.end] for block in document.blocks if block.marks == ("hidden",)]


@pytest.mark.parametrize(
    "chrome",
    [
        "<nav>Home</nav>",
        "<div role='navigation'>Home</div>",
        "<header><a href=/>Logo</a></header>",
        "<footer><a href=/>Imprint</a> © Us</footer>",
        "<div id='onetrust-banner-sdk'>We use cookies</div>",
        "<div class='cookie-banner'>We use cookies <button>OK</button></div>",
        "<ul class='breadcrumbs'><li><a>x</a></ul>",
        "<script>x</script>",
        "<style>p{}</style>",
        "<noscript>no</noscript>",
        "<template>t</template>",
        "<svg><title>t</title></svg>",
        "<iframe>f</iframe>",
        "<select><option>o</select>",
        "<button>Buy</button>",
        "<span aria-hidden='true'>→</span>",
        "<textarea>t</textarea>",
    ],
)
def test_what_belongs_to_the_site_is_left_out_and_the_text_behind_it_stays(chrome):
    assert blocks(f"<p>{LONG}</p>{chrome}behind<p>{LONG}</p>") == [
        ("paragraph", LONG.strip()),
        ("paragraph", "behind"),
        ("paragraph", LONG.strip()),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "<article><header><p>by somebody</p></header></article>",
        "<div class='cookie-recipes'>Chocolate cookies</div>",
        "<footer>Written in 1999 by a person.</footer>",
        "<header><h1>Title</h1><a href=/>x</a></header>",
        "<span class='sr-only' style='position:absolute;left:-9999px'>for speech</span>",
        "<label>Name</label>",
        "<h3><button aria-expanded='false'>Question?</button></h3>",
        "<div aria-hidden='true'>long visible words</div>",
        "<p hidden='until-found'>found by search</p>",
        "<div class='navy'>a colour</div>",
    ],
)
def test_content_that_only_looks_like_chrome_is_kept(content):
    document = parsed(html, f"<p>{LONG}</p>{content}<p>{LONG}</p>")
    assert (len(document.blocks), [block.marks for block in document.blocks if block.marks]) == (
        3 + ("<h1>" in content),
        [],
    )


def test_main_stands_for_the_page_when_it_holds_most_of_it_and_the_title_above_it_is_read():
    page = f"<div><h1>T</h1><div>side</div></div><main><p>{LONG}</p></main><div>after</div>"
    assert blocks(page) == [("heading", "T"), ("paragraph", LONG.strip())]


def test_a_main_with_little_of_the_text_hides_nothing():
    assert [text for _, text in blocks(f"<main>start</main><div>{LONG}</div>")] == ["start", LONG.strip()]


def test_all_articles_are_read():
    page = f"<body><article>one {LONG}</article><div>x</div><article>two {LONG}</article></body>"
    assert [text[:3] for _, text in blocks(page)] == ["one", "two"]


def test_headings_come_from_tags_and_roles():
    page = "<h1>A</h1><div role='heading' aria-level='4'>B <b>b</b></div><h6>C<br>c</h6><h2><a href=#x>¶</a></h2>"
    assert headings(parsed(html, page)) == [(1, "A"), (4, "B b"), (6, "C c")]


def test_lists_nest_with_numbers_and_items_of_several_paragraphs():
    page = "<ol start=3><li><p>a</p><p>more</p><ul><li>b<li>c</ul>tail<li value=9>d</ol><p>after</p>"
    document = parsed(html, page)
    assert shown(document) == [("list", "3. a\n  more\n  - b\n  - c\n  tail\n9. d"), ("paragraph", "after")]
    assert pieces(document, document.blocks[0]) == ["3. a\n  more\n", "  - b\n", "  - c\n  tail\n", "9. d"]


def test_code_and_tables_inside_items_are_blocks_of_their_own():
    page = "<ul><li>run<pre>x = 1\n  y</pre>then<li>end</ul>"
    assert blocks(page) == [("list", "- run"), ("code", "x = 1\n  y"), ("list", "  then\n- end")]


def test_definition_lists_keep_terms_and_definitions_together():
    assert blocks("<dl><dt>t<dd>d<dt>u<dd>e</dl>") == [("list", "- t\n  d\n- u\n  e")]


def test_tasks_show_whether_they_are_done():
    assert blocks("<ul><li><input type=checkbox checked> a<li><input type=checkbox> b</ul>") == [
        ("list", "- [x] a\n- [ ] b")
    ]


def test_code_keeps_its_white_space_and_line_numbers_are_left_out():
    page = (
        "<table class=highlighttable><tr><td class=linenos><pre>1\n2</pre></td><td><pre><code class='language-c'>\n"
        "int <b>a</b>;\n\n\tb<br>c</code></pre></td></tr></table>"
    )
    document = parsed(html, page)
    assert shown(document) == [("code", "int a;\n\n\tb\nc")]
    assert document.blocks[0].language == "c"


def test_inline_markup_adds_no_spaces_and_breaks_are_lines():
    assert blocks("<p>H<sub>2</sub>O, <b>bo</b>ld<br>second\n line</p>") == [("paragraph", "H2O, bold\nsecond line")]


def test_ruby_formulas_and_quotes_read_as_they_look():
    page = "<p><ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby> <math alttext='x^2'><mi>x</mi></math> <q>so</q></p>"
    assert blocks(page) == [("paragraph", "漢字(かんじ) x^2 “so”")]


def test_quotes_and_figures_have_their_kinds():
    page = "<blockquote><p>q</p></blockquote><figure><img alt='pic'><figcaption>cap</figcaption></figure>"
    assert blocks(page) == [("quote", "q"), ("caption", "pic"), ("caption", "cap")]


def test_spans_of_cells_are_filled_in():
    page = "<table><tr><th>a<th>b<th>c<tr><td rowspan=2>x<td colspan=2>y<tr><td>1<td>2</table>"
    document = parsed(html, page)
    assert shown(document) == [("table", "a | b | c\nx | y\nx | 1 | 2")]
    assert document.blocks[0].header_end == len("a | b | c\n")


def test_spans_cannot_blow_up_a_table():
    row = "<tr><td colspan=1000 rowspan=65534>x"
    document = parsed(html, f"<table><tr><th>h{row * 1000}</table>")
    assert len(document.text) < 10**6


def test_layout_tables_are_flow_and_their_headings_count():
    page = f"<table role=presentation><tr><td><h2>T</h2><p>a</p><td>b</table><table><tr><td>{LONG}</table>"
    assert [kind for kind, _ in blocks(page)] == ["heading", "paragraph", "paragraph", "paragraph"]


def test_a_table_in_a_cell_stays_in_its_row_when_it_is_short_and_follows_when_it_is_long():
    inner = "<table><tr><th>k<th>v<tr><td>{}<td>2</table>"
    page = "<table><tr><th>a<th>b<tr><td>1<td>" + inner + "</table>"
    assert blocks(page.format("s")) == [("table", "a | b\n1 | k v s 2")]
    long = "w " * 150
    assert blocks(page.format(long)) == [("table", "a | b\n1"), ("table", f"k | v\n{long}| 2")]


@pytest.mark.parametrize(
    "attribute",
    [
        "hidden",
        "style='display: none'",
        "style='visibility:hidden'",
        "style='opacity:0'",
        "style='font-size:0px'",
        "style='color:#fff;background:#FFFFFF'",
        "style='color: white'",
        "style='position:absolute; left:-9999px'",
        "style='text-indent:-9999px'",
        "style='width:0;height:0;overflow:hidden'",
        "style='color:transparent'",
    ],
)
def test_hidden_text_is_marked_where_it_stands(attribute):
    assert hidden(f"<p>seen</p><div {attribute}><p>one</p></div><p>seen</p>") == ["one"]
    assert blocks(f"<p>a <span {attribute}>one</span> b</p><p>c</p>") == [
        ("paragraph", "a b"),
        ("paragraph", "one"),
        ("paragraph", "c"),
    ]
    table = f"<table><tr><th>h<tr><td>x<td {attribute}>two</table>"
    assert hidden(f"<ul><li>a <span {attribute}>one</span></ul>{table}") == [
        "one",
        "two",
    ]


def test_rules_of_the_page_hide_unless_another_rule_shows_again():
    rules = (
        "/* .x{} */ .gone, #g {display:none} @media print{.p{display:none}} .tab{display:none} .tab.on{display:block}"
    )
    page = f"<style>{rules}</style><p class=gone>1</p><p id=g>2</p><p class=p>3</p><p class='tab'>4</p>"
    assert hidden(page) == ["1", "2"]


def test_white_text_on_an_unknown_background_is_not_called_hidden():
    assert hidden("<link rel=stylesheet href=x><p style='color:white'>hero</p>") == []
    assert (
        hidden("<div style='background:navy'><div style='background:#000080'><p style='color:white'>x</div></div>")
        == []
    )


@pytest.mark.parametrize(
    "style", ["backface-visibility:hidden", "color:#000;background:url(x)", "opacity:0.5", "left:-9999px"]
)
def test_styles_that_only_look_like_hiding_do_not_hide(style):
    assert hidden(f"<p style='{style}'>seen</p>") == []


def test_a_hidden_heading_starts_no_section():
    assert headings(parsed(html, "<h1>A</h1><div hidden><h2>B</h2></div><p>c</p>")) == [(1, "A")]


def test_headings_can_start_at_another_level_and_blocks_name_their_page():
    assembly = Assembly(raw(""))
    add_html(assembly, tree("<h1>A</h1><p>b</p>"), first_level=3, page=7)
    assert [(block.level, block.page) for block in assembly.blocks] == [(3, 7), (0, 7)]


def test_the_title_falls_back_to_open_graph():
    assert parsed(html, "<meta property='og:title' content='O G'><h1>A</h1>").title == "O G"


def test_a_page_that_says_latin_1_means_windows_1252():
    assert parsed(html, b"<meta charset=iso-8859-1><p>It\x92s \x80 5 caf\xe9</p>").text == "It’s € 5 café"


def test_xhtml_reads_named_characters_and_empty_elements():
    head = "<html xmlns='http://www.w3.org/1999/xhtml'><head><title/><script src='x'/></head>"
    page = f"{head}<body><p>a&nbsp;b</p></body></html>"
    assert parsed(html, page, "application/xhtml+xml").text == "a b"


def test_an_entity_in_xhtml_is_never_expanded():
    page = "<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><html><body><p>a &x; b</p></body></html>"
    assert "root:" not in parsed(html, page, "application/xhtml+xml").text


@pytest.mark.parametrize("nest", ["div", "ul><li", "table><tr><td", "span", "b", "blockquote"])
def test_deep_nesting_is_over_a_limit(nest):
    with pytest.raises(OversizedDocument):
        parsed(html, f"<{nest}>" * 1500 + "x")


def test_every_visible_word_of_a_soup_is_in_a_block():
    page = (
        "a<ul>b<li>c<table>d<tr>e<td>f<p>g</table>h</ul><dl>i<dt>j</dl><figure>k</figure><details>l<summary>m</details>"
    )
    document = parsed(html, page)
    assert sorted(document.text.replace("-", "").replace("|", "").split()) == list("abcdefghijklm")
    assert document.blocks[0].kind is BlockKind.PARAGRAPH


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>a:<ul><li>x</ul>tail</p><a href=#>link</a>", ["a:", "- x", "tail", "link"]),
        ("<p>a<table><tr><th>h<th>i<tr><td>1<td>2</table>tail</P><b>bold</b>", ["a", "h | i\n1 | 2", "tail", "bold"]),
        ("<p>a<pre>x</pre>tail</p >end", ["a", "x", "tail", "end"]),
        ("<div><p>a</div>b</p>c", ["a", "b", "c"]),
        ("<p>a</p>b</p><i>c</i>", ["a", "b", "c"]),
        ("a</p>b<p>c</p>d", ["a", "b", "c", "d"]),
        ("<div>a</p>b</div>", ["a", "b"]),
        ("<div>a<pre>x</pre></div><div>b</P>c</div>", ["a", "x", "b", "c"]),
        ("<p>a<b></p>b", ["a", "b"]),
        ("<p>a <section>x</section>b</p>c", ["a", "x", "b", "c"]),
        ("<p>a<b>b</b> c</p><p>d</p>", ["ab c", "d"]),
    ],
)  # fmt: skip
def test_text_behind_what_ended_a_paragraph_is_a_paragraph(page, expected):
    assert [text for _, text in blocks(page)] == expected


@pytest.mark.parametrize(
    "rule",
    [
        "span{display:block}",
        ".row{display:block}",
        "div span.row{display:flex}",
        ".row{float:left}",
        "[data-row]{display:grid}",
    ],
)
def test_inline_elements_that_are_shown_as_blocks_are_blocks(rule):
    page = "<div><span class=row data-row>one</span><span class=row data-row>two</span></div>"
    assert blocks(f"<style>{rule}</style>{page}") == [("paragraph", "one"), ("paragraph", "two")]
    inline = page.replace("class=row", f"style='{rule.partition('{')[2][:-1]}'")
    assert blocks(inline) == [("paragraph", "one"), ("paragraph", "two")]
    assert (
        blocks(f"<style>{rule}</style><table><tr><th>h<th>i<tr><td>{page}<td>x</table>")[0][1] == "h | i\none two | x"
    )


def test_inline_elements_in_a_row_of_boxes_are_words_apart():
    assert blocks("<div style='display:flex'><span>one</span><span>two</span></div>") == [("paragraph", "one two")]
    assert blocks("<p><span>one</span><span>two</span></p>") == [("paragraph", "onetwo")]


@pytest.mark.parametrize(
    "rule",
    [
        "span::before{display:block}",
        "span:hover{display:block}",
        "@media print{span{display:block}}",
        "b+span{display:block}",
    ],
)
def test_rules_for_other_occasions_separate_nothing(rule):
    assert blocks(f"<style>{rule}</style><p><span>one</span><span>two</span></p>") == [("paragraph", "onetwo")]


@pytest.mark.parametrize(
    ("line", "kind"), [("<p><b>Table 1.</b> Plans</p>", "caption"), ("<p>Table 1 shows plans</p>", "paragraph")]
)
def test_a_line_that_names_a_table_by_its_number_is_its_caption(line, kind):
    page = f"<p>text</p>{line}<table><tr><th>h<th>i<tr><td>1<td>2</table>"
    assert [kind for kind, _ in blocks(page)] == ["paragraph", kind, "table"]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("10<sup>3</sup> kg", "10³ kg"),
        ("thousand<sup><a href=#n1>1</a></sup>", "thousand¹"),
        ("thousand<a href=#n1 role=doc-noteref><sup>1</sup></a>.", "thousand¹."),
        ("<b>10</b><sup>−6</sup>", "10⁻⁶"),
        ("a<i>b</i><sup>n+1</sup>", "abⁿ⁺¹"),
        ("10<span style='vertical-align: super; font-size: 8pt'>4</span>", "10⁴"),
        ("10<span class=superscript>4</span>", "10⁴"),
        ("<span class=support>4</span>", "4"),
        ("text<sup>[2]</sup> 1<sup>st</sup> Foo<sup>TM</sup>", "text[2] 1st Foo™"),
        ("3<sup>1</sup>&frasl;<sub>2</sub> or <sup>1</sup>/<sub>2</sub>", "3 1⁄2 or 1/2"),
        ("x<sup>see <b>this</b> note</sup>", "xsee this note"),
    ],
)
def test_raised_figures_are_other_texts_than_the_same_on_the_line(inside, expected):
    assert [("paragraph", expected)] == blocks(f"<p>{inside}</p>")
