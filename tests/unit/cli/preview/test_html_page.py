"""The page: whole text in colours, nothing loaded, nothing run, whatever the document holds."""

import base64
import hashlib
import re
import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from ingest.cli.preview.comparison import compare
from ingest.cli.preview.html_page import rendered
from tests.unit.cli.preview.conftest import Previewer

SMALL = {"target_tokens": 16, "max_tokens": 40, "min_tokens": 0}
VOID = {"meta", "link", "br", "img", "input"}
TEXT = "---\ntitle: x\n---\n# One\n\nFirst words. And more.\n\n## Two\n\n" + "Seven words are in this sentence. " * 9
HOSTILE = (
    "# <script>alert(1)</script> \"onmouseover='x'\n\n</div></main><img src=x onerror=alert(1)>\n\n"
    "{{ 7*7 }} {% raw %} <!-- \u202eevil\u200b \x9b31m\n\n```html\n</style><link rel=stylesheet href=//evil>\n```\n"
)


class Page(HTMLParser):
    """Collects tags with their attributes and the text of every element with the class `text`; checks nesting."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[tuple[str, bool]] = []
        self.texts: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag not in VOID:
            is_text = "text" in (given.get("class") or "").split()
            self.open.append((tag, is_text))
            if is_text:
                self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if any(is_text for _, is_text in self.open):
            self.texts[-1] += data


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_the_whole_text_is_on_the_page_once_in_order(preview: Previewer) -> None:
    for overlap in (0, 6):
        made = preview(TEXT, chunking={**SMALL, "overlap_tokens": overlap})
        page = Page(rendered(made))
        assert squeezed(made.document.text) == squeezed("".join(page.texts))
        assert page.open == []


def test_every_chunk_can_be_reached_from_its_heading(preview: Previewer) -> None:
    made = preview(TEXT)
    page = Page(rendered(made))
    ids = {given["id"] for _, given in page.tags if "id" in given}
    assert {f"c{n}" for n in range(1, len(made.chunks) + 1)} == ids
    links = [given["href"] for tag, given in page.tags if tag == "a" and "href" in given]
    assert len(links) == 2
    assert {link for link in links if link is None or link[1:] not in ids or link[0] != "#"} == set()


@pytest.mark.parametrize("against", [False, True])
def test_nothing_of_a_hostile_document_becomes_markup(preview: Previewer, against: bool) -> None:
    made = preview(HOSTILE, "a.md")
    ref = replace(made.raw.ref, uri="file:///<script>x</script>.md", title="</title><script>")
    made = replace(made, raw=replace(made.raw, ref=ref))
    other = preview(HOSTILE, "a.md", chunking={"target_tokens": 200, "max_tokens": 200, "min_tokens": 200})
    source = rendered(made, compare(made, other) if against else None)
    page = Page(source)
    assert {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe", "object", "svg", "form", "base"} == set()
    attributes = {name for _, given in page.tags for name in given}
    assert attributes <= {"class", "id", "href", "dir", "lang", "charset", "name", "content", "http-equiv"}
    assert [given["href"] for _, given in page.tags if not (given.get("href") or "#").startswith("#")] == []
    assert [c for c in source if not c.isprintable() and c != "\n"] == []
    assert "{{ 7*7 }}" in source
    assert page.open == []


def test_the_policy_allows_the_one_style_and_nothing_else(preview: Previewer) -> None:
    source = rendered(preview(TEXT))
    policy = next(given["content"] for _, given in Page(source).tags if given.get("http-equiv"))
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'" == policy
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert "prefers-color-scheme: dark" in style[1]


def test_a_comparison_has_the_chunks_of_one_side_in_its_colour(preview: Previewer) -> None:
    here, there = preview(TEXT), preview(TEXT, chunking={"target_tokens": 50, "max_tokens": 60, "min_tokens": 0})
    found = compare(here, there)
    page = Page(rendered(here, found))
    kinds = [given["class"] for _, given in page.tags if "text" in (given.get("class") or "").split()]
    assert len(kinds) == len(found.only_here) + len(found.only_there)
    assert kinds.count("text here") == len(found.only_here) > 0
    assert kinds.count("text there") == len(found.only_there) > 0


def test_texts_that_differ_are_compared_by_text(preview: Previewer) -> None:
    here, there = preview("# A\n\nSame.\n\n# B\n\nSame.\n"), preview("# A\n\nOther.\n\n# B\n\nSame.\n")
    source = rendered(here, compare(here, there))
    assert source.count('class="only"') == 2
    assert "The canonical texts differ" in source


def test_a_page_over_its_limit_says_what_it_leaves_out(preview: Previewer) -> None:
    made = preview(TEXT)
    source = rendered(made, characters=made.chunks[1].end)
    left = len(made.chunks) - 2
    assert f"{left} of {len(made.chunks)} chunks are left out" in source
    assert len(re.findall('class="row (?:one|two)" id=', source)) == 2
    other = preview(TEXT, chunking={"target_tokens": 50, "max_tokens": 60, "min_tokens": 0})
    two = rendered(made, compare(made, other), characters=made.chunks[1].end)
    assert two.count('class="only"') < rendered(made, compare(made, other)).count('class="only"')
    assert f"{left} of {len(made.chunks)} chunks are left out" in two
    assert "left out" not in rendered(made)


def test_a_megabyte_is_a_page_in_time(preview: Previewer) -> None:
    body = "".join(f"## Part {n}\n\n{'Seven words are in this sentence. ' * 30}\n\n" for n in range(1000))
    made = preview(f"# All\n\n{body}", chunking={})
    assert len(made.document.text) > 10**6
    began = time.perf_counter()
    source = rendered(made)
    assert time.perf_counter() - began < 30  # a stop for what is not linear, no measurement
    assert len(re.findall('class="row (?:one|two)" id=', source)) == len(made.chunks)


def test_a_refused_document_has_a_page_with_its_reason(preview: Previewer) -> None:
    source = rendered(preview(b"\0\1\2" * 50, "a.bin"))
    assert "UnsupportedFormat" in source
    assert Page(source).open == []
