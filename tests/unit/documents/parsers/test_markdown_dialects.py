"""What documentation writes in Markdown beyond CommonMark."""

import pytest

from ingest.documents.parsers import markdown
from ingest.records import BlockKind
from tests.unit.documents.parsers.checks import faults, headings, parsed, pieces, shown

MDX = "text/mdx"


def kinds(document):
    return [block.kind.value for block in document.blocks]


def test_text_and_code_inside_jsx_are_blocks_of_their_own():
    source = (
        '<Tabs>\n  <Tab title="Python">\n    Install it:\n    ```bash\n    # no heading\n    pip install x\n    ```\n'
        "    1. first\n    2. second\n  </Tab>\n</Tabs>\n\n## After\n"
    )
    document = parsed(markdown, source, MDX)
    assert faults(document) == []
    assert kinds(document) == ["paragraph", "paragraph", "code", "list", "paragraph", "heading"]
    assert shown(document)[1] == ("paragraph", "    Install it:")
    assert document.blocks[2].language == "bash"
    assert headings(document) == [(2, "After")]


def test_a_heading_directly_below_a_tag_is_one():
    assert headings(parsed(markdown, "<Note>\n## Inside\ntext\n</Note>\n", MDX)) == [(2, "Inside")]


def test_an_opening_tag_over_several_lines_is_one_block():
    document = parsed(markdown, '<Card\n  title="A"\n  href="/b"\n>\n  # Text\n</Card>\n', MDX)
    assert shown(document)[0] == ("paragraph", '<Card\n  title="A"\n  href="/b"\n>')
    assert headings(document) == [(1, "Text")]


def test_tags_inside_a_list_item_do_not_end_the_list():
    document = parsed(markdown, "1. one\n\n   <Note>\n   careful\n   </Note>\n\n2. two\n", MDX)
    assert kinds(document) == ["list"]


def test_modules_are_metadata_and_prose_that_begins_alike_is_not():
    source = "import A from 'a'\nexport const b = {\n  c: 1,\n\n  d: 2,\n}\n\nimport the data first\n\nexport it"
    document = parsed(markdown, source, MDX)
    assert kinds(document) == ["metadata", "paragraph", "paragraph"]


def test_comments_in_a_page_of_code_are_no_headings():
    assert headings(parsed(markdown, "<CodeGroup>\n```bash\n\n# not this\n```\n</CodeGroup>\n", MDX)) == []


@pytest.mark.parametrize("fence", [":::note", "::: warning Careful", ":::tip[Title]", "::: {.callout-note}"])
def test_containers_keep_the_structure_inside(fence):
    document = parsed(markdown, f"{fence}\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n:::\nafter\n")
    assert faults(document) == []
    assert kinds(document) == ["paragraph", "table", "list", "paragraph", "paragraph"]
    assert shown(document)[-1] == ("paragraph", "after")


def test_colons_in_code_are_code():
    document = parsed(markdown, "```\n:::note\n!!! x\n$$\n{{< a >}}\n```\n\n# A\n")
    assert kinds(document) == ["code", "heading"]


@pytest.mark.parametrize("opening", ['!!! note "Title"', "??? tip", "???+ example", '=== "Python"'])
def test_the_indented_body_of_an_admonition_is_text_and_not_code(opening):
    source = f"{opening}\n    First.\n\n    - a\n    - b\n\n    ```py\n    # x\n    ```\n\n# After\n"
    document = parsed(markdown, source)
    assert faults(document) == []
    assert kinds(document) == ["paragraph", "paragraph", "list", "code", "heading"]


def test_admonitions_nest():
    document = parsed(markdown, "!!! a\n    !!! b\n        deep\n\n    shallow\n\n    code of none\n")
    assert "code" not in kinds(document)


def test_an_alert_is_a_quote():
    assert shown(parsed(markdown, "> [!NOTE]\n> Text.\n")) == [("quote", "> [!NOTE]\n> Text.")]


def test_a_table_directly_below_a_shortcode_is_a_table():
    document = parsed(markdown, '{{< table caption="c" >}}\nA | B\n:--|:--\n1 | 2\n{{< /table >}}\n')
    assert kinds(document) == ["paragraph", "table", "paragraph"]


def test_a_shortcode_between_items_does_not_end_the_list():
    assert kinds(parsed(markdown, "- a\n{{< note >}}\n- b\n")) == ["list"]


def test_what_follows_a_blank_line_without_indentation_ends_a_list():
    assert kinds(parsed(markdown, "- a\n\n{{< tabs >}}\n{{% tab %}}\n    # code\n\n- b\n"))[:2] == ["list", "paragraph"]
    assert kinds(parsed(markdown, "- a\n\n:::note\ntext\n:::\n")) == ["list", "paragraph", "paragraph", "paragraph"]


def test_tabs_in_the_line_below_a_header_make_a_table_too():
    assert kinds(parsed(markdown, "| a\t| b |\n| ---\t| --- |\n| 1 | 2 |\n")) == ["table"]


def test_a_shortcode_inside_a_paragraph_is_one_of_its_words():
    assert kinds(parsed(markdown, "- Have the\n{{< glossary >}}\ntool ready.\n\nUse\n{{< x >}}\nthen.")) == [
        "list",
        "paragraph",
    ]


def test_a_target_above_a_heading_is_metadata():
    assert shown(parsed(markdown, "(my-label)=\nTitle\n=====\n")) == [
        ("metadata", "(my-label)="),
        ("heading", "Title\n====="),
    ]


def test_headings_in_html_blocks_are_headings():
    source = (
        '<h1 align="center">\n  <img src="x.png"> The <b>Name</b> &amp; more\n</h1>\n\n'
        "<details>\n<summary>Open</summary>\n<h3>Inside</h3>\ntext\n</details>\n\n<p>not <h2>this</h2></p>\n"
    )
    document = parsed(markdown, source)
    assert faults(document) == []
    assert headings(document) == [(1, "The Name & more"), (3, "Inside")]
    assert document.title == "The Name & more"


def test_a_heading_below_an_opened_details_is_one():
    assert headings(parsed(markdown, "<details>\n\n## Inside\n\ntext\n</details>\n")) == [(2, "Inside")]


def test_scripts_and_styles_are_metadata():
    source = "<style>\np {color: red}\n</style>\n\n<script>\nlet a = 1;\n\nlet b;\n</script>\n\ntext"
    assert kinds(parsed(markdown, source)) == ["metadata", "metadata", "paragraph"]


def test_definition_lists_are_lists_that_break_at_terms():
    document = parsed(markdown, "Term\n: What it is.\n\nOther\n: Another.\n")
    assert kinds(document) == ["list"]
    assert pieces(document, document.blocks[0]) == ["Term\n: What it is.\n\n", "Other\n: Another."]


def test_task_lists_break_at_their_items():
    document = parsed(markdown, "- [x] done\n- [ ] open\n")
    assert pieces(document, document.blocks[0]) == ["- [x] done\n", "- [ ] open"]


def test_a_formula_hides_no_structure():
    document = parsed(markdown, "$$\na\n===\n\n# b\n$$\n\n# After\n")
    assert headings(document) == [(1, "After")]
    assert kinds(document) == ["paragraph", "heading"]


def test_a_footnote_holds_its_paragraphs():
    document = parsed(markdown, "Word[^1].\n\n[^1]: First.\n\n    Second.\n\n# A\n")
    assert kinds(document) == ["paragraph", "paragraph", "heading"]


@pytest.mark.parametrize("title", ['"title": "A: b"', '"x": {"title": "no"}, "title": "A: b"'])
def test_json_front_matter_is_metadata(title):
    document = parsed(markdown, f"{{\n{title}\n}}\n\n# Heading\n")
    assert (document.title, kinds(document)) == ("A: b", ["metadata", "heading"])


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ("title: A b", "A b"),
        ('title: "A: b"', "A: b"),
        ("title: 'it''s'", "it's"),
        ("title: A\n  b", "A b"),
        ("title: >\n  folded\n  text", "folded text"),
        ("title: A # comment", "A"),
        ("other: 1", ""),
        ("x: |\n  title: no\ntitle: yes", "yes"),
        ("title: a\ntitle: b", "b"),
    ],
)
def test_titles_of_front_matter_are_those_of_yaml(front, title):
    assert parsed(markdown, f"---\n{front}\n---\ntext").title == title


def test_kinds_of_blocks_are_the_same_whatever_the_line_ends():
    source = ":::note\n# A\n\n- x\n:::\n\n!!! a\n    b\n\n<h2>C</h2>\n\n| a |\n|---|\n| é |\n"
    expected = kinds(parsed(markdown, source))
    for end in ("\r\n", "\r"):
        document = parsed(markdown, source.replace("\n", end))
        assert (kinds(document), faults(document)) == (expected, [])
        assert BlockKind.HEADING in {block.kind for block in document.blocks}
