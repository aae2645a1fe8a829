"""XML of known and unknown vocabularies, and documents that try to do harm."""

import pytest

from ingest.documents.parsers import xml
from ingest.errors import EmptyDocument, MalformedDocument, OversizedDocument
from tests.unit.documents.parsers.checks import faults, headings, parsed, shown

JATS = """<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS//EN" "http://127.0.0.1:9/JATS.dtd">
<article xml:lang="en"><front><journal-meta><journal-title>Noise</journal-title></journal-meta><article-meta>
<article-id>1</article-id><title-group><article-title>The <italic>title</italic></article-title></title-group>
<contrib-group><contrib><name><surname>Doe</surname><given-names>Jo</given-names></name></contrib></contrib-group>
<abstract><p>Short&nbsp;text.</p></abstract></article-meta></front>
<body><sec><label>1</label><title>First</title><p>A <xref>[1]</xref> b<sub>2</sub>.</p><sec><title>Inner</title>
<list list-type="order"><list-item><p>one</p></list-item><list-item><p>two</p></list-item></list>
<table-wrap><label>Table 1.</label><caption><title>Cap</title></caption><table><thead><tr><th>h</th></tr></thead>
<tbody><tr><td>v</td></tr></tbody></table></table-wrap></sec></sec></body>
<back><ref-list><ref><mixed-citation>Someone, 1999.</mixed-citation></ref></ref-list></back></article>"""


def blocks(source: str) -> list[tuple[str, str]]:
    document = parsed(xml, source)
    assert faults(document) == []
    return shown(document)


def test_an_article_keeps_title_sections_lists_tables_and_references():
    document = parsed(xml, JATS)
    assert (document.title, document.language) == ("The title", "en")
    assert shown(document) == [
        ("heading", "The title"),
        ("paragraph", "Doe Jo ,"),
        ("heading", "Abstract"),
        ("paragraph", "Short text."),
        ("heading", "1 First"),
        ("paragraph", "A [1] b2."),
        ("heading", "Inner"),
        ("list", "1. one\n2. two"),
        ("caption", "Table 1. Cap"),
        ("table", "h\nv"),
        ("heading", "References"),
        ("list", "- Someone, 1999."),
    ]
    assert headings(document)[2:4] == [(2, "1 First"), (3, "Inner")]


def test_a_docbook_book_has_nested_sections():
    source = (
        "<book xmlns='http://docbook.org/ns/docbook'><title>B</title><chapter><title>C</title><para>p</para>"
        "<section><title>S</title><programlisting>a\n b</programlisting><itemizedlist><listitem><para>i</para>"
        "</listitem></itemizedlist></section></chapter></book>"
    )
    assert headings(parsed(xml, source)) == [(1, "B"), (2, "C"), (3, "S")]
    assert blocks(source)[-2:] == [("code", "a\n b"), ("list", "- i")]


def test_cells_of_cals_tables_become_a_table():
    source = (
        "<article><title>T</title><table><title>Cap</title><tgroup cols='2'><thead><row><entry>a</entry>"
        "<entry>b</entry></row></thead><tbody><row><entry morerows='1'>1</entry><entry>2</entry></row>"
        "<row><entry>3</entry></row></tbody></tgroup></table></article>"
    )
    assert ("table", "a | b\n1 | 2\n1 | 3") in blocks(source)


def test_a_patent_keeps_its_headings_and_claims():
    source = (
        "<us-patent-grant><us-bibliographic-data-grant><doc>1</doc><invention-title>Lamp</invention-title>"
        "</us-bibliographic-data-grant><abstract><p>A lamp.</p></abstract><description>"
        "<heading level='1'>FIELD</heading><p>Light.</p><heading level='2'>More</heading><p>x</p></description>"
        "<claims><claim><claim-text>1. A lamp.</claim-text></claim></claims></us-patent-grant>"
    )
    assert headings(parsed(xml, source)) == [(1, "Lamp"), (2, "Abstract"), (2, "FIELD"), (3, "More"), (2, "Claims")]


def test_fields_of_records_keep_their_names_and_records_their_titles():
    source = "<all><c><name>Peru</name><capital>Lima</capital></c><c><id>7</id><note>n</note></c></all>"
    assert blocks(source) == [("heading", "Peru"), ("list", "- capital: Lima"), ("list", "- id: 7\n- note: n")]


def test_an_unknown_document_keeps_its_mixed_text_together():
    assert blocks("<doc><t>One <em>two</em> three.</t><t>Four.</t></doc>") == [
        ("paragraph", "One two three."),
        ("paragraph", "Four."),
    ]


def test_entries_of_feeds_are_sections_with_their_html():
    rss = (
        "<rss><channel><title>News</title><description>All</description><item><title>One</title>"
        "<description><![CDATA[<p>a <b>b</b></p><ul><li>c</ul>]]></description></item></channel></rss>"
    )
    atom = (
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>News</title><entry><title>One</title>"
        "<content type='html'>&lt;p&gt;a b&lt;/p&gt;</content></entry></feed>"
    )
    assert blocks(rss) == [
        ("heading", "News"),
        ("paragraph", "All"),
        ("heading", "One"),
        ("paragraph", "a b"),
        ("list", "- c"),
    ]
    assert blocks(atom) == [("heading", "News"), ("heading", "One"), ("paragraph", "a b")]


def bomb(reference: str) -> str:
    entities = "".join(f"<!ENTITY l{i} '{f'&l{i - 1};' * 10}'>" for i in range(1, 12))
    return f"<!DOCTYPE a [<!ENTITY l0 'lol'>{entities}]>{reference}"


@pytest.mark.parametrize(
    "source",
    [
        bomb("<a>&l11;</a>"),
        bomb("<a b='&l11;'/>"),
        bomb("<!-- <a> --><a>&l11;</a>"),
        "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/'> %p;]><a>b</a>",
    ],
)
def test_declared_entities_are_refused_before_they_are_expanded(source):
    with pytest.raises(MalformedDocument, match="declares entities"):
        parsed(xml, source)


def test_pictures_declared_as_entities_are_harmless():
    source = "<!DOCTYPE a [<!NOTATION t SYSTEM 't'><!ENTITY p SYSTEM 'p.tif' NDATA t>]><a><b>text</b></a>"
    assert parsed(xml, source).text == "text"


def test_text_about_entities_is_text():
    assert parsed(xml, "<a><![CDATA[<!ENTITY x 'y'>]]></a>").text == "<!ENTITY x 'y'>"


@pytest.mark.parametrize("source", ["<a><b></a>", "<a>", "<a>&</a>", "<a/><b/>", "no markup", "<?xml version='1.0'?>"])
def test_what_is_not_well_formed_is_malformed(source):
    with pytest.raises(MalformedDocument, match="not well-formed"):
        parsed(xml, source)


@pytest.mark.parametrize("depth", [202, 10_000])
def test_deep_nesting_is_over_a_limit(depth):
    with pytest.raises(OversizedDocument):
        parsed(xml, "<a>" * depth + "x" + "</a>" * depth)


def test_elements_and_attributes_without_text_are_an_empty_document():
    with pytest.raises(EmptyDocument):
        parsed(xml, "<a><b c=' '/></a>")


def test_the_declared_encoding_is_used():
    source = "<?xml version='1.0' encoding='iso-8859-2'?><a><p>Łódź</p></a>".encode("iso-8859-2")
    assert parsed(xml, source.replace(b"'", b'"')).text == "Łódź"
    assert parsed(xml, "<?xml version='1.0' encoding='UTF-16'?><a>Łódź</a>".encode("utf-16")).text == "Łódź"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<list list-type='alpha-lower'><list-item><p>x</p></list-item></list>", "a. x"),
        ("<list list-type='roman-upper'><list-item><p>x</p></list-item></list>", "I. x"),
        ("<list list-type='order'><list-item><label>(a)</label><p>x</p></list-item></list>", "- (a) x"),
        ("<list list-type='bullet'><list-item><p>x</p></list-item></list>", "- x"),
        ("<orderedlist numeration='upperalpha'><listitem><para>x</para></listitem></orderedlist>", "A. x"),
        ("<orderedlist startingnumber='3'><listitem><para>x</para></listitem></orderedlist>", "3. x"),
        ("<list rend='numbered'><item>x</item><item>y</item></list>", "1. x\n2. y"),
    ],
)  # fmt: skip
def test_items_are_numbered_as_the_list_says(source, expected):
    root = "article" if "para" not in source else "chapter"
    assert parsed(xml, f"<{root}><body><p>t</p>{source}</body></{root}>").text.split("\n\n")[-1] == expected


def test_text_that_is_in_attributes_alone_is_kept_as_fields():
    source = (
        '<?xml version="1.0"?><inventory place="Delft" xmlns:x="urn:x" xml:lang="en">'
        '<part no="7" label="bolt &amp; nut" x:unit="piece"/><group label="engine"><part no="8" label="" d="---"/>'
        "</group></inventory>"
    )
    assert blocks(source) == [
        ("list", "- inventory place: Delft"),
        ("list", "- part no: 7\n- label: bolt & nut\n- unit: piece"),
        ("list", "- group label: engine"),
        ("list", "- part no: 8"),
    ]


def test_attributes_are_kept_where_few_elements_have_text():
    source = "<opml><head><title>Feeds</title></head><body>{}</body></opml>".format(
        '<outline text="News" hidden="true"><outline text="Local" xmlUrl="http://a.example/f"/></outline>' * 2
    )
    assert [text for _, text in blocks(source)][1:3] == [
        "- outline text: News\n- hidden: true",
        "- outline text: Local\n- xmlUrl: http://a.example/f",
    ]


def test_attributes_beside_text_are_left_out_as_they_set_the_text():
    source = '<doc rend="x"><p id="1">one <br clear="all"/> two</p><p id="2">three</p><img href="a.png"/></doc>'
    assert [text for _, text in blocks(source)] == ["one two", "three"]
    with pytest.raises(EmptyDocument):
        parsed(xml, '<svg viewBox="0 0 9 9"><path d="M0 0L9 9"/></svg>')
    with pytest.raises(EmptyDocument):
        parsed(xml, f'<a b="{"x" * 6000}" c="--"/>')


@pytest.mark.parametrize(
    ("page", "raised"),
    [
        ("<article><body><p>{}</p></body></article>", "<xref><sup>3</sup></xref>"),
        ("<article><para>{}</para></article>", "<superscript>3</superscript>"),
        ("<TEI><text><body><p>{}</p></body></text></TEI>", "<hi rend='superscript'>3</hi>"),
        ("<notes><note>{}</note></notes>", "<sup>3</sup>"),
    ],
)
def test_raised_figures_are_other_texts_than_the_same_on_the_line(page, raised):
    assert "about 10³" == parsed(xml, page.format(f"about 10{raised}")).text
