"""The example of the guide to parsers is a parser."""

import re
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.documents import parsers
from ingest.documents.media_types import extensions
from tests.unit.documents.parsers.checks import faults, headings, parsed, pieces, shown

PAGE = Path(__file__).parents[4] / "docs" / "add-a-parser.md"
GEMTEXT = """# Guide

Text.
=> a.gmi A link
## List
* one
* two
> quoted
```sh
a = 1

b = 2
```
```
c
```
"""


def example() -> ModuleType:
    """Return the module that the page shows."""
    (source,) = re.findall(
        r"^```python gemtext\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    module = ModuleType("gemtext")
    exec(compile(source, str(PAGE), "exec"), module.__dict__)
    return module


@pytest.fixture(scope="module")
def gemtext() -> ModuleType:
    return example()


def test_the_example_has_what_the_contract_asks_for(gemtext):
    documented = set(re.findall(r"^    (\w+)(?:: |\()", parsers.__doc__, re.MULTILINE))
    told = set(re.findall(r"^\| `(\w+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert documented == told
    assert {"MEDIA_TYPES", "VERSION", "LIBRARIES", "parse"} <= set(vars(gemtext))
    assert not set(gemtext.MEDIA_TYPES) & {*extensions().values(), *parsers.media_types()}


def test_the_example_reads_its_format(gemtext):
    document = parsed(gemtext, GEMTEXT)
    assert faults(document) == []
    assert (document.text, document.title) == (GEMTEXT, "Guide")
    assert headings(document) == [(1, "Guide"), (2, "List")]
    kinds = ["heading", "paragraph", "paragraph", "heading", "list", "quote", "code", "code"]
    assert kinds == [kind for kind, _ in shown(document)]
    assert ["* one\n", "* two"] == pieces(document, document.blocks[4])
    assert ["```sh\n", "a = 1\n\n", "b = 2\n", "```"] == pieces(document, document.blocks[6])


@given(
    st.text(alphabet=st.sampled_from("a#*>` \t\r\n\x0b\x85\u2028\ufeff"), max_size=60).filter(
        lambda text: text.strip("\ufeff \t\r\n\x0b\x85\u2028")
    )
)
def test_every_character_lies_in_exactly_one_block(text):
    document = parsed(example(), text)
    assert faults(document) == []
    assert document.text == text
