"""`ingest why`."""

from ingest.ids import document_id, point_id
from tests.integration.cli.conftest import Lab


def uri_of(lab: Lab, name: str) -> str:
    return f"{(lab.folder / 'documents').as_uri()}/{name}"


def test_a_document_that_is_found_is_told_in_sentences_and_with_its_chunks(served: Lab) -> None:
    uri = uri_of(served, "copper.md")
    answer = served("why", uri)
    lines = answer.out.splitlines()
    assert (0, [f"Document {uri}", "It is found."]) == (answer.code, lines[:2])
    for told in (
        f"Source notes lists {uri}: version ",
        "Who may see it: public of tenant public.",
        "Judged questions with a place in it: copper.",
        "serving, releases 1, built on –, planned as added.",
        "parser markdown:",
        ": characters 0 to ",
        "About copper: vectors yes, keywords yes.",
    ):
        assert told in answer.out, told


def test_the_document_of_a_path_an_id_a_chunk_and_a_point_is_the_same(served: Lab) -> None:
    uri = uri_of(served, "granite.md")
    found = served("why", uri, "--json").document
    (chunk, *_) = found["generations"][0]["chunks"]
    assert (point_id(chunk["chunk"]), True, True) == (chunk["point"], chunk["vectors"], chunk["keywords"])
    for name in ("granite.md", "documents/granite.md", document_id(uri), chunk["chunk"], chunk["point"]):
        assert uri == served("why", name, "--json").document["uri"]
    assert f"Chunk {chunk['chunk']} of {uri}" == served("why", chunk["chunk"]).out.splitlines()[0]


def test_an_unknown_name_gives_4_with_the_nearest_and_the_places(served: Lab) -> None:
    answer = served("why", "coper.md")
    assert 4 == answer.code
    root = uri_of(served, "").rstrip("/")
    told = "Not found: no source lists it, and no generation holds it: looked in notes"
    assert f"{told} ({root}), 0001-" in answer.out
    assert f"Is {uri_of(served, 'copper.md')} meant?" in answer.out


def test_what_is_new_at_the_source_is_listed_and_not_found(lab: Lab) -> None:
    lab("run")
    lab.write("basalt")
    answer = lab("why", "basalt.md")
    assert (0, True) == (answer.code, "Not found: generation 0001-" in answer.out)


def test_a_revoked_document_says_who_revoked_it_and_how_that_is_lifted(lab: Lab) -> None:
    lab("run")
    lab("revoke", uri_of(lab, "amber.md"), "--why", "erasure")
    out = lab("why", "amber.md").out
    assert "Not found: decision 1 of " in out
    assert " revokes it (night@shift: erasure)" in out
