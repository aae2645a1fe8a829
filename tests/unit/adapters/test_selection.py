import pytest

from ingest.adapters.selection import ListedDocument, Selection
from ingest.errors import SourceUnavailable


def test_refs_come_one_by_one_as_they_are_found_and_an_error_is_passed_on():
    def found():
        yield ListedDocument("s3://b/b", "b", "1", 0, "")
        yield ListedDocument("s3://b/a", "a", "1", 0, "")
        raise SourceUnavailable("broke off")

    refs = Selection().refs("docs", found())
    assert ["s3://b/b", "s3://b/a"] == [next(refs).uri, next(refs).uri]
    with pytest.raises(SourceUnavailable, match="broke off"):
        next(refs)


def test_patterns_tell_case_and_cover_slashes():
    chosen = Selection(include=("*.md", "notes/?.txt"), exclude=("*/drafts/*",))
    paths = ["a.md", "a/b/c.md", "a.MD", "notes/1.txt", "notes/12.txt", "x/drafts/a.md"]
    assert [path for path in paths if chosen.wants(path)] == ["a.md", "a/b/c.md", "notes/1.txt"]
