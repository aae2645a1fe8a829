"""What every `ports.Source` promises: a folder, a bucket with versions, a bucket without."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters.s3_client import open_client
from ingest.adapters.sources import find
from ingest.errors import InvalidSettings, OversizedDocument, UnknownSource
from ingest.ports import Source
from ingest.records import RawDocument
from tests.s3_server import aws_environment, make_bucket, s3_server

__all__ = ["aws_environment", "make_bucket", "s3_server"]

# No two of them may share a URI or a name on a file system that tells upper and lower case apart.
STRANGE = [
    "a b.md",
    "a!b.md",
    "a#b.md",
    "a%20b.md",
    "a%b.md",
    "a+b.md",
    "a&b.md",
    "a?b.md",
    "a=b.md",
    "a;b.md",
    "a:b.md",
    "A b.md",
    "a\\b.md",
    "a'b\".md",
    "ä.md",
    "a\u0308.md",
    "😀/ключ.md",
    "a\tb.md",
    "~.md",
    ".hidden/.x.md",
    "-.md",
    "a/b.md",
    "a.md",
    "aa.md",
    "a-b.md",
    "index",
    "[x]*.md",
]


@dataclass
class Place:
    """Somewhere a source can look, and how a test changes what is there."""

    uri: str
    open: Callable[..., Source]
    put: Callable[[str, bytes], None]
    delete: Callable[[str], None]
    keeps_versions: bool = False


def opener(s3: Any) -> Callable[..., Source]:
    def open_(uri: str, **options: Any) -> Source:
        options = {"default_excludes": False, **options}
        return find(uri).open_source("docs", uri, options, ("staff", "public"), "acme", s3)

    return open_


@pytest.fixture(params=["file", "s3", "s3-versioned"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "file":
        root = tmp_path / "docs"
        root.mkdir()

        def put(path: str, data: bytes) -> None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)

        yield Place(root.as_uri(), opener(None), put, lambda path: (root / path).unlink())
        return
    server = request.getfixturevalue("s3_server")
    bucket = request.getfixturevalue("make_bucket")(versioned=request.param == "s3-versioned")
    client = open_client(server.options())
    server.page_size = 3
    yield Place(
        f"s3://{bucket}/docs",
        opener(server.options()),
        lambda path, data: client.put_object(Bucket=bucket, Key=f"docs/{path}", Body=data) and None,
        lambda path: client.delete_object(Bucket=bucket, Key=f"docs/{path}") and None,
        keeps_versions=request.param == "s3-versioned",
    )
    client.close()


def test_every_document_is_listed_once(place):
    for path in STRANGE:
        place.put(path, path.encode())
    refs = list(place.open(place.uri).list())
    assert sorted(STRANGE) == sorted(ref.path for ref in refs)
    assert sorted({ref.uri for ref in refs}) == sorted(ref.uri for ref in refs)
    assert all(ref.uri.isascii() and not set(ref.uri) & set(' #?"<>\\^`{|}') for ref in refs)


def test_every_listed_document_can_be_read(place):
    for path in STRANGE:
        place.put(path, path.encode())
    source = place.open(place.uri)
    assert {path: path.encode() for path in STRANGE} == {ref.path: source.read(ref).data for ref in source.list()}


def test_a_ref_tells_source_size_rights_and_time(place):
    place.put("sub/a.md", b"content")
    source = place.open(place.uri)
    (ref,) = source.list()
    assert (source.name, source.uri) == ("docs", place.uri)
    assert (ref.source, ref.uri, ref.path) == ("docs", f"{place.uri}/sub/a.md", "sub/a.md")
    assert (ref.size, ref.acl, ref.tenant) == (7, ("staff", "public"), "acme")
    assert ref.modified.endswith("+00:00")
    assert source.read(ref) == RawDocument(ref, b"content")


def test_an_empty_place_lists_nothing(place):
    assert list(place.open(place.uri).list()) == []


def test_an_empty_document_is_a_document(place):
    place.put("empty.md", b"")
    source = place.open(place.uri)
    (ref,) = source.list()
    assert (ref.size, source.read(ref).data) == (0, b"")


def test_a_neighbour_whose_name_begins_alike_is_not_listed(place):
    place.put("a/x.md", b"in")
    place.put("ab/y.md", b"out")
    place.put("a.md", b"out")
    assert [ref.path for ref in place.open(f"{place.uri}/a").list()] == ["x.md"]
    assert [ref.path for ref in place.open(f"{place.uri}/a/").list()] == ["x.md"]


def test_a_second_listing_without_change_gives_the_same_refs(place):
    for path in ("b.md", "a.md", "c/d.md"):
        place.put(path, b"content")
    assert set(place.open(place.uri).list()) == set(place.open(place.uri).list())


def test_a_changed_document_has_another_version(place):
    place.put("a.md", b"one")
    (before,) = place.open(place.uri).list()
    place.put("a.md", b"other")
    (after,) = place.open(place.uri).list()
    assert (before.uri, before.version != after.version) == (after.uri, True)


def test_a_deleted_document_is_not_listed(place):
    place.put("a.md", b"")
    place.put("b.md", b"")
    place.delete("a.md")
    assert [ref.path for ref in place.open(place.uri).list()] == ["b.md"]


def test_what_changed_after_the_listing_is_not_read_as_what_was_listed(place):
    place.put("a.md", b"one")
    source = place.open(place.uri)
    (ref,) = source.list()
    place.put("a.md", b"other")
    expected = RawDocument(ref, b"one") if place.keeps_versions else None
    assert source.read(ref) == expected


def test_what_was_deleted_after_the_listing_is_none_or_the_version_kept(place):
    place.put("a.md", b"one")
    source = place.open(place.uri)
    (ref,) = source.list()
    place.delete("a.md")
    expected = RawDocument(ref, b"one") if place.keeps_versions else None
    assert source.read(ref) == expected


def test_patterns_choose_documents(place):
    for path in ("a.md", "a.txt", "drafts/b.md", "sub/c.md", "sub/C.MD"):
        place.put(path, b"")
    source = place.open(place.uri, include=["*.md"], exclude=["drafts/*"])
    assert [ref.path for ref in source.list()] == ["a.md", "sub/c.md"]


def test_what_is_left_out_is_counted_anew_by_each_listing(place):
    for path in ("a.md", ".env", ".git/config", "id_rsa", "b.txt", "lake/docs/x.md"):
        place.put(path, b"")
    source = place.open(place.uri, include=["*.md"], default_excludes=True, own=["lake/"])
    for _ in range(2):
        assert ["a.md"] == [ref.path for ref in source.list()]
        reasons = {"default excludes": 3, "not in include": 1, "the lake and the state folder": 1}
        assert reasons == source.left_out
    assert (None, {"default excludes": 1}) == (source.look(f"{source.uri}/id_rsa"), source.left_out)


def test_a_document_over_the_limit_is_listed_and_not_read(place):
    place.put("a.md", b"12345678")
    place.put("b.md", b"1234567")
    source = place.open(place.uri, max_document_bytes=7)
    large, small = sorted(source.list(), key=lambda ref: ref.uri)
    assert source.read(small).data == b"1234567"
    with pytest.raises(OversizedDocument, match=f"{large.uri}: 8 bytes, over the limit of 7"):
        source.read(large)


def test_a_missing_place_is_an_unknown_source(place, s3_server):
    uri = f"{place.uri}/missing" if place.uri.startswith("file") else "s3://missing-bucket/docs"
    with pytest.raises(UnknownSource, match="missing"):
        list(place.open(uri).list())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"included": ["*"]},
            "unknown option included; known are include, exclude, default_excludes, max_document_bytes, acl_from, own",
        ),
        ({"acl": ["staff"]}, "unknown option acl"),
        ({"include": "*.md"}, "include: Input should be a valid tuple"),
        ({"exclude": [1]}, "exclude.0: Input should be a valid string"),
        ({"max_document_bytes": 0}, "max_document_bytes: Input should be greater than or equal to 1"),
    ],
)
def test_options_that_nobody_knows_are_refused(place, options, message):
    with pytest.raises(InvalidSettings, match=f"source docs: {message}"):
        place.open(place.uri, **options)


@pytest.mark.parametrize(("acl", "tenant", "empty"), [((), "acme", "acl"), (("public",), "", "tenant")])
def test_rights_must_be_given(place, acl, tenant, empty):
    with pytest.raises(InvalidSettings, match=f"source docs: {empty}: "):
        find(place.uri).open_source("docs", place.uri, {}, acl, tenant, None)


@pytest.mark.parametrize("end", ["/../x.md", "/x.md"])
def test_a_ref_of_another_place_is_refused(place, end):
    place.put("a.md", b"")
    source = place.open(place.uri)
    (ref,) = source.list()
    stranger = type(ref)(place.uri.replace("/docs", "/other") + end, "docs", "x.md", ref.version, 0)
    with pytest.raises(InvalidSettings, match="is not under"):
        source.read(stranger)


def test_a_look_at_one_document_finds_what_the_listing_has(place: Place) -> None:
    for path in STRANGE:
        place.put(path, path.encode())
    source = place.open(place.uri, exclude=["a/*"])
    listed = list(source.list())
    assert [source.look(ref.uri) for ref in listed] == listed
    assert [source.look(f"{source.uri}/{path}") for path in ("a/b.md", "a", "a.m", "a.md/b", "none.md")] == [None] * 5
    with pytest.raises(InvalidSettings, match="is not under"):
        source.look("s3://elsewhere/a.md")
