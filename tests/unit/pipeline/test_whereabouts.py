"""Why a document is not found, from what is known of it."""

from dataclasses import replace
from typing import Any

import pytest

from ingest.ids import uris_meant
from ingest.pipeline.whereabouts import ChunkPlace, HeldBy, Whereabouts, why_not_found
from tests.records import document_row

FOUND = ChunkPlace("c", "p", None, 0, 10, "Title", True, True, "", False)


def reasons(*chunks: ChunkPlace, access: tuple[str, list[str]] = ("public", ["public"]), **held: Any) -> list[str]:
    serving: dict[str, Any] = {"generation": "g1", "state": "serving", "releases": [1], "document": document_row()}
    generation = HeldBy(**{**serving, "chunks": [*chunks], **held})
    return [*why_not_found(Whereabouts(asked="u", kind="document", uri="u", access=access, generations=[generation]))]


@pytest.mark.parametrize(
    ("chunk", "told"),
    [
        (FOUND, []),
        (replace(FOUND, vectors=None), []),
        (replace(FOUND, vectors=False), ["it is not among the vectors"]),
        (replace(FOUND, keywords=False), ["it is not among the keywords"]),
        (replace(FOUND, vectors=False, keywords=False, instead="kept out: secret"), ["kept out: secret"]),
    ],
    ids=["found", "unknown-points", "no-point", "no-row", "kept-out"],
)
def test_a_chunk_in_neither_half_is_a_reason_and_so_is_what_keeps_it_out(chunk: ChunkPlace, told: list[str]) -> None:
    assert told == reasons(chunk)


def test_one_chunk_that_is_found_is_enough() -> None:
    assert [] == reasons(FOUND, replace(FOUND, vectors=False, keywords=False, instead="kept out: secret"))


def test_a_document_that_no_group_may_see_is_not_found() -> None:
    assert ["no group may see it"] == reasons(FOUND, access=("public", []))


def test_what_could_not_be_read_is_a_reason() -> None:
    told = reasons(document=None, fault="DamagedFile: gone")
    assert ["generation g1, which serves, does not hold it", "DamagedFile: gone"] == told


def test_without_a_release_nothing_serves() -> None:
    assert ["nothing serves"] == [*why_not_found(Whereabouts(asked="u", kind="document", uri="u"))]


@pytest.mark.parametrize(
    ("root", "named", "meant"),
    [
        ("s3://b/docs", "s3://b/docs/a b.md", ["s3://b/docs/a b.md", "s3://b/docs/a%20b.md"]),
        ("s3://b/docs", "s3://other/a.md", []),
        ("s3://b/docs", "/sub/ä.md", ["s3://b/docs/sub/%C3%A4.md"]),
        ("file:///srv/docs", "/srv/docs/a.md", ["file:///srv/docs/a.md", "file:///srv/docs/srv/docs/a.md"]),
    ],
)
def test_a_name_means_what_lies_below_the_root(root: str, named: str, meant: list[str]) -> None:
    assert meant == [*uris_meant(root, named, inside=True)]
