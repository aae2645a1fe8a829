import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents.parsers import rst
from ingest.errors import EmptyDocument
from ingest.records import BlockKind
from tests.unit.documents.parsers.checks import faults, headings, parsed, paths, pieces, shown
from tests.unit.documents.parsers.docutils_tree import sections
from tests.work import calls_of

LINES = [
    "Title",
    "=====",
    "-----",
    "~~~",
    "==",
    "~~~~~~~~~",
    "A longer title here",
    "  indented",
    "    deep",
    "",
    "",
    "",
    "- item",
    "* it",
    "1. one",
    "2. two",
    "A. x",
    "i. x",
    "(a) b",
    "#. c",
    ".. note::",
    ".. code-block:: py",
    ".. _t:",
    ".. _t: http://x",
    ".. comment",
    "..",
    ":f: v",
    ":option: x y",
    "-a  opt",
    "--long",
    "-v",
    "| line",
    "|",
    ">>> x",
    "+---+---+",
    "| a | b |",
    "+===+===+",
    "=== ===",
    "a   b",
    "text::",
    "::",
    "> quoted",
    "> more",
    "__ anon",
    "__",
    "....",
    ".. [1] foot",
    ".. |s| replace:: x",
    "::::",
    "a",
    "日本語",
    "====",
    "term",
    "  def",
    "\ttab",
    "x\u0301y",
    "'''",
    '"""""',
    "* * *",
    "text ends\\::",
    "mix. a",
    "(1. b",
    "1) a",
    "2) b",
    "===========",
    " ====",
    "Title  ",
    "-----\x0c",
    "\x0b",
    "ab\x85cd",
    " \u2003 x",
]
DOCUMENTS = st.lists(st.sampled_from(LINES), min_size=1, max_size=14).map("\n".join).filter(lambda text: text.strip())


@given(DOCUMENTS)
@settings(max_examples=300)
def test_sections_and_levels_are_those_of_docutils(text):
    assert [level for level, _ in headings(parsed(rst, text))] == [level for level, _ in sections(text)]


@given(
    st.one_of(DOCUMENTS, st.text(max_size=60)).filter(lambda text: text.strip("\ufeff").strip() and "\0" not in text)
)
@settings(max_examples=200)
def test_every_character_lies_in_exactly_one_block(text):
    document = parsed(rst, text)
    assert faults(document) == []
    assert document.text == text


REAL = """:orphan:

.. _guide:

=================
 The Guide: 日本語
=================

.. note::

   Not a title
   -----------

   More.

Install ``ray``
---------------

Use this::

    Literal
    =======

Then run:

.. code-block:: bash
   :caption: x

   # comment
   -------
   pip install ray

1. Step one
~~~~~~~~~~~

- item

  Nested title
  ~~~~~~~~~~~~

+-----+-----+
| a   | b   |
+=====+=====+
| 1   | 2   |
+-----+-----+

Back
----

Short
~~~~
"""


def test_a_file_of_real_shape_has_the_sections_that_docutils_finds():
    expected = [(1, "The Guide: 日本語"), (2, "Install ray"), (3, "1. Step one"), (2, "Back"), (3, "Short")]
    assert headings(parsed(rst, REAL)) == expected == sections(REAL)


def test_a_heading_starts_at_its_overline_and_in_the_bytes_of_the_file():
    for end in ("\n", "\r\n"):
        text = end.join([".. _a:", "", "=====", " One", "=====", "", "Two\tx", "-------", "text"])
        document = parsed(rst, text)
        assert paths(document) == {text.index("====="): ["One"], text.index("Two"): ["One", "Two x"]}
        assert document.text == text


def test_a_style_that_skips_a_level_is_no_section_as_in_docutils():
    text = "A\n=\n\nB\n-\n\nC\n~\n\nD\n=\n\nE\n~\n\nF\n-\n"
    assert headings(parsed(rst, text)) == [(1, "A"), (2, "B"), (3, "C"), (1, "D"), (2, "F")] == sections(text)


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("Plain", "Plain"),
        ("``--flag`` **b** *e*", "--flag b e"),
        (":class:`Dataset <ray.data.Dataset>` API", "Dataset API"),
        (":meth:`~ray.data.Dataset.map` and :func:`run`", "map and run"),
        ("`Link <http://x>`_ and word_ and `phrase ref`_", "Link and word and phrase ref"),
        ("|python| and |unknown|", "Python 3 and unknown"),
        ("Note [1]_", "Note"),
        (r"A \*star\* and snake_case and __init__", "A *star* and snake_case and __init__"),
        ("2 * 3 * 4 ``a * b``", "2 * 3 * 4 a * b"),
        ('"SPREAD"', '"SPREAD"'),
    ],
)
def test_titles_are_what_a_reader_sees(source, title):
    text = f"{source}\n{'=' * 80}\n\n.. |python| replace:: Python 3\n"
    assert headings(parsed(rst, text)) == [(1, title)]


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        (".. code-block:: python\n\n   x = 1\n", ["code"]),
        (".. testcode::\n\n    x = 1\n\n    y = 2\n", ["code"]),
        ("Text::\n\n    code\n\nmore", ["paragraph", "code", "paragraph"]),
        ("::\n\n    code\n", ["code"]),
        ("Quoted::\n\n> a\n> b\n", ["paragraph", "code"]),
        (">>> 1\n1\n", ["code"]),
        (".. comment\n   more\n\n.. _target:\n\n----\n\n.. |x| replace:: y\n\ntext", ["metadata"] * 4 + ["paragraph"]),
        (".. _target:\n\n   an indented quote", ["metadata", "quote"]),
        (".. toctree::\n   :hidden:\n\n   a\n   b\n", ["metadata"]),
        (".. include:: /etc/passwd\n", ["metadata"]),
        (".. raw:: html\n   :file: /etc/passwd\n", ["code"]),
        (":orphan:\n\ntext\n\n:field: x\n", ["metadata", "paragraph", "list"]),
        (".. [1] A footnote\n", ["paragraph"]),
        (".. image:: x.png\n   :alt: A picture\n", ["caption"]),
        ("term\n  definition\n\nother\n  definition\n", ["list"]),
        (".. unknown:: x\n\n   body\n", ["paragraph"]),
    ],
)
def test_each_construct_becomes_one_block_of_its_kind(source, kinds):
    assert [kind for kind, _ in shown(parsed(rst, source))] == kinds


def test_code_has_its_language_and_breaks_at_lines():
    (code,) = parsed(rst, ".. code-block:: YAML\n\n   a: 1\n   b: 2\n").blocks
    assert (code.language, len(code.breaks)) == ("yaml", 3)


@pytest.mark.parametrize(
    ("source", "header", "rows"),
    [
        (
            "+---+\n| a |\n+===+\n| 1 |\n+---+\n| 2 |\n+---+\n",
            "+---+\n| a |\n+===+\n",
            ["| 1 |\n+---+\n", "| 2 |\n+---+"],
        ),
        ("== ==\na  b\n== ==\n1  2\n   x\n3  4\n== ==\n", "== ==\na  b\n== ==\n", ["1  2\n   x\n", "3  4\n== =="]),
        (
            ".. list-table:: T\n   :header-rows: 1\n\n   * - a\n     - * b\n   * - 1\n   * - 2\n",
            ".. list-table:: T\n   :header-rows: 1\n\n   * - a\n     - * b\n",
            ["   * - 1\n", "   * - 2"],
        ),
        (
            ".. csv-table::\n   :header-rows: 1\n\n   a, b\n   1, 2\n   3, 4\n",
            ".. csv-table::\n   :header-rows: 1\n\n   a, b\n",
            ["   1, 2\n", "   3, 4"],
        ),
        (
            ".. csv-table:: Ports\n   :header: a, b\n\n   1, 2\n   3, 4\n",
            ".. csv-table:: Ports\n   :header: a, b\n\n",
            ["   1, 2\n", "   3, 4"],
        ),
    ],
)
def test_tables_break_at_rows_below_the_header(source, header, rows):
    document = parsed(rst, source)
    (table,) = document.blocks
    assert (table.kind, document.text[: table.header_end]) == (BlockKind.TABLE, header)
    assert pieces(document, table)[-len(rows) :] == rows


def test_a_list_breaks_at_its_items_and_nested_items():
    document = parsed(rst, "- a\n\n  - b\n\n- c\n")
    assert pieces(document, document.blocks[0]) == ["- a\n\n", "  - b\n\n", "- c"]


def test_the_first_heading_names_the_document():
    assert parsed(rst, "A\n=\n\nB\n-\n").title == "A"


def test_white_space_is_an_empty_document():
    with pytest.raises(EmptyDocument):
        parsed(rst, "\n \n")


@pytest.mark.parametrize(
    "unit",
    [
        "= ",
        "=",
        "a\n",
        "a\n=\n",
        "- a\n",
        "::\n\n",
        ".. a::\n\n",
        ":",
        ":a",
        "== ==\n",
        "+--+\n",
        "1. ",
        "-a, ",
        "\\",
        "x::\n\n\n\n",
        " ",
        "*a `b ``c ",
        "|a| ",
    ],
)
def test_work_grows_with_the_size_and_not_with_its_square(unit):
    def calls(times):
        return calls_of(lambda: parsed(rst, f"x{unit * times}\n\n{unit * times}x\n====\n"))

    calls(100)
    small, large = calls(1_000), calls(10_000)
    assert large < 20 * small + 10_000  # 100 times when quadratic
