from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ingest.documents.parsers import markdown
from ingest.errors import EmptyDocument, MalformedDocument, OversizedDocument
from ingest.records import BlockKind
from tests.unit.documents.parsers.checks import faults, headings, parsed, paths, pieces, shown
from tests.work import calls_of

LINES = [
    "# One",
    "## Two `x` **y**",
    "Title",
    "=====",
    "---",
    "text",
    "  text",
    "    code",
    "\tcode",
    "- item",
    "  - nested",
    "1. one",
    "> quote",
    "> # quoted heading",
    "```",
    "```python",
    "~~~",
    ":::{note}",
    ":::",
    "(label)=",
    "[a]: /url",
    "[^1]: note",
    "| a | b |",
    "|---|---|",
    "| 1 | 2 |",
    "<div>",
    "</div>",
    "<!-- c -->",
    "<!--",
    "***",
    "",
    "",
    "",
    "+++",
    "title: x",
    "{{< note >}}",
    "- # in a list",
    "\x0c",
    "\u2003",
    "日本語",
    "\x0b",
    "#",
    "\\",
    "import x",
    "```{toctree}",
]
DOCUMENTS = st.lists(st.sampled_from(LINES), min_size=1, max_size=14).flatmap(
    lambda lines: st.sampled_from(["\n", "\r\n", "\r"]).map(lambda end: end.join(lines))
)


@given(
    st.one_of(DOCUMENTS, st.text(max_size=60)).filter(lambda text: text.strip("\ufeff").strip() and "\0" not in text)
)
@settings(max_examples=150)
def test_every_character_lies_in_exactly_one_block(text):
    document = parsed(markdown, text)
    assert faults(document) == []
    assert document.text == text


@given(DOCUMENTS.filter(lambda text: text.strip()))
@settings(max_examples=100)
def test_mdx_keeps_the_promises_too(text):
    assert faults(parsed(markdown, text, "text/mdx")) == []


# pulldown-cmark takes a line of form feeds or vertical tabs for a blank one, as readers do; CommonMark does not.
_OTHERWISE = (":::", "(label", "[^1]", "+++", "---", "{{", "```{", "\x0b", "\x0c")
PLAIN = [line for line in LINES if not line.startswith(_OTHERWISE)]


@given(st.lists(st.sampled_from(PLAIN), min_size=1, max_size=12).map("\n".join).filter(lambda text: text.strip()))
@settings(max_examples=100)
def test_headings_are_those_of_a_full_commonmark_parse(text):
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open" and token.level == 0]
    titled = [
        bool("".join(child.content for child in after.children or ()).strip())
        for token, after in pairwise(tokens)
        if token.type == "heading_open" and token.level == 0
    ]
    expected = [level for level, title in zip(levels, titled, strict=True) if title]
    assert [level for level, _ in headings(parsed(markdown, text))] == expected


def test_offsets_are_those_of_the_file_whatever_its_line_ends():
    for end in ("\n", "\r\n", "\r"):
        text = end.join(["# A", "", "text\x0cmore", "", "B", "---", "", "- x", "- y"])
        document = parsed(markdown, text)
        assert [("heading", "# A"), ("paragraph", "text\x0cmore"), ("heading", f"B{end}---")] == shown(document)[:3]
        assert [f"- x{end}", "- y"] == pieces(document, document.blocks[3])


def test_a_byte_order_mark_stays_in_the_text_and_hides_no_heading():
    document = parsed(markdown, b"\xef\xbb\xbf# A\n\ntext")
    assert document.text == "\ufeff# A\n\ntext"
    assert paths(document) == {1: ["A"]}


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("# Plain", "Plain"),
        ("# Closed ##", "Closed"),
        ("# **Bold** and *it* and ~~gone~~", "Bold and it and gone"),
        ("# `code` with [a link](http://x) ![alt](y.png)", "code with a link alt"),
        ("# Using `Box<T>`", "Using Box<T>"),
        ("# A [reference][r]\n\n[r]: /url", "A reference"),
        ("# Name {#anchor}", "Name"),
        ("# `Stage`     {#audit-k8s-io-v1-Stage}", "Stage"),
        ("# Name {: #anchor .class }", "Name"),
        ("# Config {key}", "Config {key}"),
        ('# {{% heading "prerequisites" %}}', "prerequisites"),
        ('# About {{< glossary_tooltip text="Pods" term_id="pod" >}}', "About Pods"),
        ("# {ref}`text <target>` and {func}`run`", "text and run"),
        ("# AT&amp;T \\*literal\\*", "AT&T *literal*"),
        ("# Note[^1]\n\n[^1]: x", "Note"),
        ("# A [Long  Label] and [b] {#x}\n\n[long label]: /url", "A Long Label and [b]"),
        ("# <a id=x></a>Title <br> more", "Title more"),
        ("Two\nlines\n===", "Two lines"),
    ],
)
def test_titles_are_what_a_reader_sees(source, title):
    assert headings(parsed(markdown, source)) == [(1, title)]


def test_front_matter_is_metadata_and_names_the_document():
    document = parsed(markdown, '---\ntitle: "A: b"\ndate: 2024-99-99\n---\n# Heading\n')
    assert document.title == "A: b"
    assert shown(document) == [
        ("metadata", '---\ntitle: "A: b"\ndate: 2024-99-99\n---'),
        ("heading", "# Heading"),
    ]


def test_toml_front_matter_and_broken_yaml_name_the_document_too():
    assert parsed(markdown, '+++\ntitle = "T"\n+++\ntext').title == "T"
    assert parsed(markdown, "---\ntitle: A: b\n---\ntext").title == "A: b"


def test_a_thematic_break_in_the_first_line_is_no_front_matter():
    document = parsed(markdown, "---\n\n# A\n\n---\ntext")
    assert headings(document) == [(1, "A")]


def test_without_front_matter_the_first_heading_names_the_document_if_no_other_stands_beside_or_above_it():
    assert parsed(markdown, "## Small\n\n### Smaller\n").title == "Small"
    assert parsed(markdown, "## Small\n\n# Great\n").title == ""
    assert parsed(markdown, "# One\n\n# Two\n").title == ""
    assert parsed(markdown, "text").title == ""


def test_headings_in_lists_quotes_fences_and_directives_start_no_section():
    source = "- # a\n\n> # b\n\n```\n# c\n```\n\n:::{note}\n# d\n\ntext\n:::\n\n<div>\n# e\n</div>\n"
    document = parsed(markdown, source)
    assert headings(document) == []
    assert [block.kind.value for block in document.blocks] == ["list", "quote", "code", "paragraph", "paragraph"]


def test_an_unclosed_directive_swallows_nothing():
    assert headings(parsed(markdown, "::: {.box}\n::: inner\n:::{note}\n\n# A\n\ntext")) == [(1, "A")]


def test_a_table_breaks_at_its_rows_below_the_header():
    document = parsed(markdown, "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n")
    (table,) = document.blocks
    assert document.text[: table.header_end] == "| a | b |\n|---|---|\n"
    assert [document.text[cut : cut + 5] for cut in table.breaks] == ["| 1 |", "| 3 |"]


def test_a_list_breaks_at_its_items_and_nested_items():
    document = parsed(markdown, "- a\n  - b\n  - c\n\n- d\n  more\n")
    assert pieces(document, document.blocks[0]) == ["- a\n", "  - b\n", "  - c\n\n", "- d\n  more"]


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("python", "python"),
        ("rust,ignore", "rust"),
        ("{.python .numbered}", "python"),
        ('yaml title="x"', "yaml"),
        ("{code-block} Python", "python"),
        ("", ""),
        ("{literalinclude} x.py", "x.py"),
    ],
)
def test_code_keeps_its_language_and_breaks_at_lines(info, language):
    document = parsed(markdown, f"```{info}\na\nb\n```")
    (code,) = document.blocks
    assert (code.kind, code.language, len(code.breaks)) == (BlockKind.CODE, language, 3)


def test_what_nobody_reads_is_metadata():
    source = "<!-- c -->\n\n(label)=\n\n[a]: /url\n\n---\n\n```{toctree}\nx\n```\n"
    assert {kind for kind, _ in shown(parsed(markdown, source))} == {"metadata"}


def test_footnotes_and_unclosed_comments_are_text():
    assert shown(parsed(markdown, "[^1]: word\n"))[0][0] == "paragraph"
    assert shown(parsed(markdown, "<!-- open\n\n# A\n"))[0][0] == "paragraph"


def test_mdx_reads_indented_text_and_sets_imports_aside():
    document = parsed(markdown, "import X from 'y'\n\n<Steps>\n\n    Indented text\n\n</Steps>", "text/mdx")
    assert [block.kind.value for block in document.blocks] == ["metadata", "paragraph", "paragraph", "paragraph"]


def test_a_heading_without_text_or_of_absurd_length_is_a_paragraph():
    assert headings(parsed(markdown, "#\n\ntext\n\n# " + "x" * 2000)) == []


@pytest.mark.parametrize(
    "unit",
    [
        "[a]: x\n",
        ":::{a}\n",
        "- a\n",
        "$$\n",
        "!!! a\n",
        "{{< a >}}\n",
        "<h1>",
        "a\n: b\n",
        "[",
        "`",
        "[^1]: a\n",
        "|a|b|\n|-|-|\n\n",
        "x",
        "<!-- ",
        "*a_ ",
    ],
)
def test_work_grows_with_the_size_and_not_with_its_square(unit):
    def calls(times):
        return calls_of(lambda: parsed(markdown, unit * times))

    calls(100)
    small, large = calls(1_000), calls(10_000)
    assert large < 20 * small + 10_000  # 100 times when quadratic


@pytest.mark.parametrize("unit", ["> ", "- ", "1. ", "- > "])
def test_blocks_in_blocks_are_followed_to_a_limit(unit):
    depth = 100 if unit == "- > " else 190
    assert len(parsed(markdown, unit * (depth // 2) + "x").blocks) == 1
    with pytest.raises(OversizedDocument, match="nested deeper than the limit of 200"):
        parsed(markdown, unit * 10_000 + "x")


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n", b"\xef\xbb\xbf\n"])
def test_nothing_is_an_empty_document(data):
    with pytest.raises(EmptyDocument):
        parsed(markdown, data)


def test_a_nul_is_malformed():
    with pytest.raises(MalformedDocument, match="NUL at character 3"):
        parsed(markdown, b"abc\0def")


@pytest.mark.parametrize(
    "unit", ["<Tab>\n", "<Tab\n", "</Tab>\n", "export const a = {\n", "import {\n", "<h1>\n", "<a b=", "<a> ", "    "]
)
def test_work_on_mdx_grows_with_the_size(unit):
    def calls(times):
        return calls_of(lambda: parsed(markdown, unit * times + "x", "text/mdx"))

    calls(100)
    small, large = calls(500), calls(5_000)
    assert large < 20 * small + 10_000
