"""Every state that a document can be in is told, with its cause, by URI, path and every id."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ingest.adapters.sources.file import open_source
from ingest.errors import DeleteGuardTripped, IndexUnavailable, SourceUnavailable
from ingest.ids import child_uri, document_id, point_id
from ingest.pipeline.document_acts import DocumentActs
from ingest.pipeline.revoking import revoke
from ingest.pipeline.whereabouts import HeldBy, Inquiry, Whereabouts
from ingest.records import DocumentRef, DuplicateOptions, RetireOptions, S3Options
from tests.pipelines import CountingSource, Project, build_options, document, project

SECRET = f"# Keys\n\nThe access key is {'AKIA' + 'QWERTYUIOPASDFGH'} for all of us.\n"
SAME = "# Notice\n\n" + " ".join(f"legal{n}" for n in range(20)) + "\n"
EXCLUDED = {"exclude": ["drafts/*"]}


class LookingSource(CountingSource):
    """A folder without drafts, in which one document can be looked up."""

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name, folder)
        self.inner = open_source(name, str(folder), EXCLUDED, ("public",), "public", S3Options())

    @property
    def left_out(self) -> Mapping[str, int]:
        found: Mapping[str, int] = self.inner.left_out  # type: ignore[attr-defined]
        return found

    def look(self, uri: str) -> DocumentRef | None:
        found: DocumentRef | None = self.inner.look(uri)  # type: ignore[attr-defined]
        return found


@pytest.fixture
def p(tmp_path: Path) -> Project:
    """A project whose first release serves a document in every state that one run can bring it into."""
    source = LookingSource("docs", tmp_path / "documents")
    made = Project(
        (source,), options=build_options(duplicates=DuplicateOptions(collapse="exact")), monotonic=lambda: 0.0
    )
    for n in range(5):
        made.source.write(f"d{n:02d}.md", document(n))
    made.source.write("empty.md", "")
    made.source.write("keys.md", SECRET)
    made.source.write("drafts/plan.md", document(20))
    for name in ("first.md", "second.md"):
        made.source.write(name, SAME)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner.md", document(30))
        archive.writestr("photo.xyz", bytes(range(256)))
    made.source.write("bundle.zip", packed.getvalue())
    made.run()
    return made


def uri_of(p: Project, path: str) -> str:
    return f"{p.source.uri}/{path}"


def why(p: Project, named: str) -> Whereabouts:
    return Inquiry(p.services()).ask(named)


def serving(found: Whereabouts) -> HeldBy:
    (held,) = (one for one in found.generations if one.state == "serving")
    return held


def test_a_document_that_is_found_is_told_with_its_lineage_in_both_halves(p: Project) -> None:
    found = why(p, uri_of(p, "d00.md"))
    held, row = serving(found), found.listed[0]
    assert ("document", [], ("public", ["public"])) == (found.kind, found.because, found.access)
    assert held.document is not None
    assert ("markdown", "added", [1], row.version) == (
        held.document.parser,
        held.planned,
        held.releases,
        held.document.version,
    )
    assert held.document.chunk_count == len(held.chunks) > 1
    assert [(point_id(one.chunk), True, True, "") for one in held.chunks] == [
        (one.point, one.vectors, one.keywords, one.instead) for one in held.chunks
    ]
    assert "Document 0" == held.chunks[0].heading.partition(" › ")[0]


def test_a_document_is_known_by_its_path_its_id_and_the_ids_of_its_chunks_and_points(p: Project) -> None:
    uri = uri_of(p, "d01.md")
    chunk = serving(why(p, uri)).chunks[-1]
    for named in ("d01.md", str(p.source.folder / "d01.md"), document_id(uri)):
        assert ("document", uri) == (why(p, named).kind, why(p, named).uri)
    for kind, named in (("chunk", chunk.chunk), ("point", chunk.point)):
        found = why(p, named)
        assert (kind, uri, [chunk]) == (found.kind, found.uri, serving(found).chunks)


def test_what_no_source_lists_is_unknown_with_the_nearest_name_and_the_places(p: Project) -> None:
    found = why(p, "d0l.md")
    places = f"docs ({p.source.uri}), {p.manifest().generation}"
    told = f"no source lists it, and no generation holds it: looked in {places}"
    assert ("unknown", [told]) == (found.kind, found.because)
    assert found.nearest is not None
    assert found.nearest.startswith(uri_of(p, "d0"))
    chunk = serving(why(p, "d01.md")).chunks[0].chunk
    assert chunk == why(p, chunk[:12]).nearest
    assert None is why(p, "0" * 32).nearest
    assert "unknown" == why(p, point_id("0" * 32)).kind


def test_the_beginning_of_a_name_leads_to_the_first_that_begins_so(p: Project) -> None:
    assert uri_of(p, "second.md") == why(p, uri_of(p, "sec")).nearest


def test_a_rule_that_excludes_a_document_is_named(p: Project) -> None:
    found = why(p, "drafts/plan.md")
    assert ({"docs": "exclude drafts/*"}, "document") == (found.not_listed, found.kind)
    assert "source docs does not list it: exclude drafts/*" in found.because


def test_a_document_in_quarantine_is_told_with_class_and_message(p: Project) -> None:
    found = why(p, "empty.md")
    (row,) = serving(found).quarantined
    assert ("EmptyDocument", p.now.isoformat()) == (row.error, row.first_seen)
    assert f"{row.uri} is in quarantine: EmptyDocument in {row.stage}: {row.message}" == found.because[0]


def test_a_chunk_that_a_policy_keeps_out_is_told_with_the_mark(p: Project) -> None:
    found = why(p, "keys.md")
    assert ["kept out: secret"] == found.because == [one.instead for one in serving(found).chunks]


def test_a_collapsed_duplicate_names_the_document_that_stands_for_it(p: Project) -> None:
    uris = [uri_of(p, name) for name in ("first.md", "second.md")]
    (twin,) = (uri for uri in uris if why(p, uri).because)
    (other,) = {*uris} - {twin}
    found = why(p, twin)
    (place,) = serving(found).chunks
    assert ([f"{other} has the same text"], False, False) == (found.because, place.vectors, place.keywords)
    assert ("chunk", twin) == (why(p, place.chunk).kind, why(p, place.chunk).uri)  # it has no point
    assert [] == why(p, other).because


def test_a_document_inside_an_archive_is_told_and_so_is_what_failed_there(p: Project) -> None:
    archive = uri_of(p, "bundle.zip")
    inner, broken = (child_uri(archive, name) for name in ("inner.md", "photo.xyz"))
    found = why(p, inner)
    assert ([], [archive]) == (found.because, [ref.uri for ref in found.listed])
    assert inner == why(p, document_id(inner)).uri
    assert [broken] == [row.uri for row in serving(why(p, archive)).quarantined]
    assert f"{broken} is in quarantine" in why(p, broken).because[0]
    assert "unknown" == why(p, f"{archive}#nothing.md").kind


def test_a_revoked_document_is_told_with_who_and_why_though_its_points_are_gone(p: Project) -> None:
    chunk = serving(why(p, "d02.md")).chunks[0].chunk
    services = p.services()
    made = revoke(services.retrieval, services.writer, "erasure", {"uri": [uri_of(p, "d02.md")]}).decision
    found = why(p, "d02.md")
    assert [made] == found.decisions
    assert f"decision {made.number} of {made.at} revokes it (tester@here: erasure)" == found.because[0]
    assert {False} == {one.vectors for one in serving(found).chunks}
    assert uri_of(p, "d02.md") == why(p, chunk).uri


def test_a_narrowed_document_is_told_with_who_still_may_see_it(p: Project) -> None:
    p.change(revokes={"docs": ("deleted",)})
    p.source.delete("d03.md")
    p.run(decide=lambda _: False)
    found = why(p, "d03.md")
    assert (["narrow"], ("", [])) == ([made.kind for made in found.decisions], found.access)
    assert "no group may see it" in found.because
    assert ["deleted", "added"] == [held.planned for held in found.generations]


def test_what_only_a_candidate_holds_is_told_with_the_candidate(p: Project) -> None:
    p.source.write("late.md", document(40))
    p.run(decide=lambda _: False)
    found = why(p, "late.md")
    candidate, before = found.generations
    assert (("sealed", True), ("serving", False)) == (
        (candidate.state, candidate.document is not None),
        (before.state, before.document is not None),
    )
    told = f"generation {before.generation}, which serves, does not hold it; {candidate.generation} (sealed) does"
    assert [told] == found.because


def test_a_build_that_stopped_tells_what_failed_in_it(p: Project) -> None:
    for n in range(5):
        p.source.write(f"d{n:02d}.md", "")
    p.change(keep_last_good_days=0)
    with pytest.raises(DeleteGuardTripped):
        p.run()
    found = why(p, "d00.md")
    assert [("building", ["EmptyDocument"]), ("serving", [])] == [
        (held.state, [row.error for row in held.quarantined]) for held in found.generations
    ]
    assert [] == found.because  # what serves has the text of before


def test_what_was_written_since_the_last_run_is_listed_and_held_by_nothing(p: Project) -> None:
    p.source.write("newer.md", document(41))
    found = why(p, "newer.md")
    assert (1, [f"generation {serving(found).generation}, which serves, does not hold it"]) == (
        len(found.listed),
        found.because,
    )


def test_an_older_generation_that_is_retired_says_so(p: Project) -> None:
    for edition in range(2, 5):
        p.later(hours=2)
        p.change(retire=RetireOptions(keep=1, minimum_age_hours=1, soak_hours=100))
        p.source.write("d04.md", document(4, edition))
        p.run()
    found = why(p, "d04.md")
    assert ["serving", "kept", "retired"] == [held.state for held in found.generations]
    assert 3 == len({held.document.sha256 for held in found.generations if held.document is not None})


def test_what_is_carried_is_told_with_its_origin_since_when_and_why(tmp_path: Path) -> None:
    sources = tuple(CountingSource(name, tmp_path / name) for name in "ab")
    for n, source in enumerate(sources):
        for m in range(4):
            source.write(f"{source.name}{m}.md", document(10 * n + m))
    p = Project(sources, options=build_options(documents_per_shard=100))
    p.run()
    p.sources[1].listing_breaks_after = 1
    p.sources[0].write("a0.md", document(0, 2))
    p.run()
    p.sources[1].listing_breaks_after = None
    held = serving(why(p, f"{p.sources[1].uri}/b3.md"))
    assert held.carried is not None
    assert ("carried", "b", p.now.isoformat()) == (held.planned, held.carried.name, held.carried.since)
    assert held.base is not None
    assert None is serving(why(p, f"{p.sources[0].uri}/a1.md")).carried


def test_what_a_source_cannot_tell_is_told_and_the_rest_too(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(self: Any, uri: str) -> DocumentRef | None:
        raise SourceUnavailable("no answer")

    monkeypatch.setattr(LookingSource, "look", away)
    found = why(p, uri_of(p, "d00.md"))
    assert ({"docs": "SourceUnavailable: no answer"}, []) == (found.not_listed, found.because)


def test_without_the_vector_index_the_lake_still_answers(p: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = serving(why(p, "d00.md")).chunks[0].chunk

    def away(*_: object) -> list[str]:
        raise IndexUnavailable("no answer")

    monkeypatch.setattr(p.vectors, "collections", away)
    found = why(p, chunk)
    (place,) = serving(found).chunks
    assert (uri_of(p, "d00.md"), None, True) == (found.uri, place.vectors, place.keywords)


def test_a_lost_point_is_told(p: Project) -> None:
    held = serving(why(p, "d00.md"))
    p.vectors.delete(p.contents().collection, [one.point for one in held.chunks])
    assert ["it is not among the vectors"] == why(p, "d00.md").because


def test_before_the_first_run_only_the_sources_know(tmp_path: Path) -> None:
    p = project(tmp_path, documents=1)
    found = DocumentActs(p.services()).why("d00.md")
    assert (["nothing serves"], [uri_of(p, "d00.md")]) == (found.because, [ref.uri for ref in found.listed])
