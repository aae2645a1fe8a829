"""`ingest quarantine list | show | replay | accept`."""

from collections.abc import Iterator

import pytest

from ingest.ids import document_id
from tests.integration.cli.conftest import Lab, opened_lab


@pytest.fixture(scope="module")
def quarantined(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A lab in which release 1 serves without two documents; for tests that change nothing."""
    with opened_lab(tmp_path_factory.mktemp("quarantined")) as lab:
        spoil(lab)
        assert lab("run").code == 0
        yield lab


def spoil(lab: Lab) -> None:
    (lab.folder / "documents" / "empty.md").write_text("")
    (lab.folder / "documents" / "photo.xyz").write_bytes(bytes(range(256)))


def uri_of(lab: Lab, name: str) -> str:
    return f"{(lab.folder / 'documents').as_uri()}/{name}"


def test_a_run_names_what_is_left_out_and_why_also_if_nothing_changed(lab: Lab) -> None:
    spoil(lab)
    for decision in ("Promoted", "Nothing changed"):
        out = lab("run").out
        assert decision in out
        assert "In quarantine, generation 0001" in out
        assert "EmptyDocument 1, UnsupportedFormat 1" in out
        assert f"{uri_of(lab, 'empty.md')}: EmptyDocument in " in out


def test_list_counts_by_class_and_source_and_names_each(quarantined: Lab) -> None:
    document = quarantined("quarantine", "list", "--json").document
    (state,) = document["quarantine"]
    assert ("docs", True) == (document["index"], state["serves"])
    groups = [{"error": error, "source": "notes", "count": 1} for error in ("EmptyDocument", "UnsupportedFormat")]
    assert groups == sorted(state["groups"], key=lambda group: group["error"])
    assert ["empty.md", "photo.xyz"] == [row["uri"].rpartition("/")[2] for row in state["documents"]]
    out = quarantined("quarantine", "list").out
    assert [1, 1] == [out.count(f"{uri_of(quarantined, name)}: ") for name in ("empty.md", "photo.xyz")]


def test_list_groups_by_place_and_by_age(quarantined: Lab) -> None:
    answer = quarantined("quarantine", "list", "--by", "prefix", "--by", "age", "--limit", "0", "--json")
    (group,) = answer.document["quarantine"][0]["groups"]
    since = answer.document["quarantine"][0]["documents"][0]["first_seen"]
    assert {"prefix": uri_of(quarantined, ""), "age": since[:10], "count": 2} == group
    assert 2 == quarantined("quarantine", "list", "--by", "colour").code


def test_list_shows_what_meets_the_conditions(quarantined: Lab) -> None:
    for option, value, count in (
        ("--error", "EmptyDocument", 1),
        ("--source", "notes", 2),
        ("--prefix", uri_of(quarantined, "p"), 1),
        ("--uri", uri_of(quarantined, "empty.md"), 1),
        ("--since", "2020-01-01", 2),
        ("--until", "2020-01-01", 0),
    ):
        answer = quarantined("quarantine", "list", option, value, "--json")
        assert (0, count) == (answer.code, len(answer.document["quarantine"][0]["documents"])), option
    assert 4 == quarantined("quarantine", "list", "--error", "NoSuchError").code


def test_show_tells_what_is_known_of_one_document_by_uri_or_id_as_why_does(quarantined: Lab) -> None:
    uri = uri_of(quarantined, "empty.md")
    for name in (uri, document_id(uri)):
        (row,) = quarantined("quarantine", "show", name, "--json").document["generations"][0]["quarantined"]
        assert (uri, "EmptyDocument", 1) == (row["uri"], row["error"], row["attempts"])
    assert quarantined("why", uri).out == quarantined("quarantine", "show", uri).out
    assert f"In quarantine: {uri}: EmptyDocument in {row['stage']}, 0 B, 1 try" in quarantined("why", uri).out


def test_show_of_an_unknown_name_gives_4_with_the_nearest(quarantined: Lab) -> None:
    answer = quarantined("quarantine", "show", uri_of(quarantined, "emtpy.md"))
    assert (4, True) == (answer.code, f"Is {uri_of(quarantined, 'empty.md')} meant?" in answer.out)


def test_replay_tries_again_and_ends_as_a_run_does(lab: Lab) -> None:
    spoil(lab)
    lab("run")
    lab.write("empty")
    answer = lab("quarantine", "replay", "--error", "EmptyDocument", "--json")
    assert (0, "promoted") == (answer.code, answer.document["decision"])
    assert {"UnsupportedFormat": 1} == answer.document["in_quarantine"][0]["counts"]
    nothing = lab("quarantine", "replay", "--error", "EmptyDocument")
    assert (4, True) == (nothing.code, "nothing in quarantine meets these conditions" in nothing.err)
    waits = lab("quarantine", "replay", "--no-promote")
    assert 6 == waits.code


def test_accept_records_who_and_why_and_the_lists_say_so(lab: Lab) -> None:
    spoil(lab)
    lab("run")
    assert 2 == lab("quarantine", "accept").code
    made = lab("quarantine", "accept", "--error", "EmptyDocument", "--why", "a draft", "--json").document
    uri = uri_of(lab, "empty.md")
    assert ("accept", [uri], "night@shift", "a draft") == (made["kind"], made["about"]["uri"], made["who"], made["why"])
    assert 1 == lab("quarantine", "list").out.count("(accepted by night@shift: a draft)")
    shown = lab("quarantine", "show", uri).out
    assert "Decision 1: accept " in shown, shown
    assert "a draft" in shown
    assert "a draft" == lab("log", "--json").document["log"][0]["why"]
