"""What a person names is found in its source, as the listing writes it or as people do."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import typer

from ingest.adapters.selection import Selection
from ingest.adapters.sources.file import FileSource
from ingest.cli.preview.find_document import find_document, preview_found
from ingest.errors import SourceUnavailable
from ingest.records import DocumentRef, RawDocument
from tests.unit.cli.preview.conftest import bench_of

URI = "s3://bucket/guide/a%20b.md"


@dataclass
class Shelf:
    """A `ports.Source` of another scheme, over a dict of URIs; it cannot look at one document."""

    name: str = "shelf"
    uri: str = "s3://bucket/guide"
    held: dict[str, bytes] = field(default_factory=lambda: {URI: b"# A\n\nWords.\n", f"{URI}x": b"other"})

    def list(self) -> Iterator[DocumentRef]:
        for uri, data in sorted(self.held.items()):
            yield DocumentRef(uri, self.name, uri.removeprefix(f"{self.uri}/"), "7", len(data))

    def read(self, ref: DocumentRef) -> RawDocument | None:
        data = self.held.get(ref.uri)
        return None if data is None else RawDocument(ref, data)


class Looking(Shelf):
    """The same, and it can; its listing must not be gone through."""

    def look(self, uri: str) -> DocumentRef | None:
        return next((ref for ref in super().list() if ref.uri == uri), None)

    def list(self) -> Iterator[DocumentRef]:
        raise AssertionError("listed")


@pytest.mark.parametrize("shelf", [Shelf(), Looking(name="shelf")])
@pytest.mark.parametrize(
    ("named", "source"),
    [(URI, None), ("s3://bucket/guide/a b.md", None), ("a b.md", "shelf"), ("/a b.md", "shelf"), (URI, "shelf")],
)
def test_a_document_is_found_by_its_uri_and_by_its_path(
    tmp_path: Path, shelf: Shelf, named: str, source: str | None
) -> None:
    reads, ref, origin = find_document(replace(bench_of(tmp_path), sources=(shelf,)), named, source)
    assert (shelf, URI, "source shelf") == (reads, ref.uri, origin)


@pytest.mark.parametrize("named", ["a b.md", "s3://bucket/guide", "s3://bucket/guide/", "s3://other/guide/a%20b.md"])
def test_what_no_source_has_is_named_with_the_places_that_were_asked(tmp_path: Path, named: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"not in shelf \(s3://bucket/guide\)"):
        find_document(replace(bench_of(tmp_path), sources=(Shelf(),)), named, None)


def test_a_document_that_goes_while_it_is_read_may_be_tried_again(tmp_path: Path) -> None:
    shelf = Shelf()
    bench = replace(bench_of(tmp_path), sources=(shelf,))
    found = find_document(bench, URI, None)
    assert "# A\n\nWords." == preview_found(bench, found, ()).chunks[0].text
    shelf.held.clear()
    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        preview_found(bench, found, ())


def test_what_a_source_leaves_out_is_shown_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PASSWORD=hunter2")
    (tmp_path / "link.md").symlink_to(".env")
    bench = bench_of(tmp_path)
    found = [find_document(bench, str(tmp_path / name), None)[2] for name in (".env", "link.md")]
    reasons = ("default excludes", "symbolic links")
    assert [f"local file, in no source; left out of source notes: {reason}" for reason in reasons] == found


def test_a_file_that_is_in_no_source_is_read_by_what_it_leads_to_and_at_the_root_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "far.md").write_text("# Far\n\nWords.\n")
    (tmp_path / "link.md").symlink_to("far.md")
    bench = replace(bench_of(tmp_path), sources=())
    _, ref, _ = find_document(bench, str(tmp_path / "link.md"), None)
    assert (f"file://{tmp_path}/far.md", "far.md") == (ref.uri, ref.path)
    assert "file://" == FileSource("", "file:///", Selection()).uri
