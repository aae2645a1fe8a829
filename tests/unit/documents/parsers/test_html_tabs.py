"""The label of a tab stands before what it shows."""

import pytest

from ingest.documents.parsers import html
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.work import calls_of

TEXT = "The page has so much other text that the row of tabs is only a small part of what it says. " * 3


def texts(page: str) -> list[tuple[str, str]]:
    document = parsed(html, f"<p>{TEXT}</p>{page}")
    assert faults(document) == []
    return shown(document)[1:]


@pytest.mark.parametrize(
    ("row", "panels"),
    [
        (
            "<ul role=tablist><li role=tab>npm<li role=tab>yarn</ul>",
            "<div><div role=tabpanel>{}</div><div role=tabpanel hidden>{}</div></div>",
        ),
        (
            "<p role=tablist><b role=tab aria-controls=a>npm</b><button role=tab aria-controls=b>yarn</button></p>",
            "<div id=a role=tabpanel>{}</div><div id=b role=tabpanel hidden=true>{}</div>",
        ),
        (
            "<ul role=tablist><li><a role=tab href='#a'>npm</a><li><a role=tab href='#b'>yarn</a></ul>",
            "<section id=a role=tabpanel>{}</section><section id=b role=tabpanel style='display:none'>{}</section>",
        ),
        (
            "<nav><button role=tab id=a>npm</button><button role=tab id=b>yarn</button></nav>",
            "<div role=tabpanel aria-labelledby=a>{}</div><div role=tabpanel aria-labelledby=b hidden>{}</div>",
        ),
    ],
)
def test_the_label_of_a_tab_is_read_before_its_panel(row, panels):
    assert texts(row + panels.format("<pre>first</pre>", "<pre>second</pre>")) == [
        ("caption", "npm"),
        ("code", "first"),
        ("caption", "yarn"),
        ("code", "second"),
    ]


def test_labels_that_are_read_in_place_are_not_read_again():
    page = "<div role=tablist><h3 role=tab aria-controls=a>One</h3><div id=a role=tabpanel hidden><p>first</p></div>"
    assert texts(f"{page}</div>") == [("heading", "One"), ("paragraph", "first")]


def test_a_panel_that_begins_with_its_label_needs_none():
    page = "<ul role=tablist><li role=tab aria-controls=a>One</ul><div id=a role=tabpanel><h2>One</h2><p>first</p>"
    assert texts(f"{page}</div>") == [("heading", "One"), ("paragraph", "first")]


@pytest.mark.parametrize(
    "unit", ["<p role=tabpanel>x</p>", "<b role=tab>x</b>", "<b role=tab>t</b><p role=tabpanel>x</p>"]
)
def test_work_on_tabs_grows_with_their_number(unit):
    small, large = (calls_of(lambda n=n: parsed(html, f"<p>{TEXT}</p><div>{unit * n}</div>")) for n in (250, 1000))
    assert large < 6 * small
