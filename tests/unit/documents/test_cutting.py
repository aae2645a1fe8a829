"""What a run and the preview make of a parsed document's text."""

import pytest

from ingest.documents.cutting import CutDocument, cut_document
from ingest.errors import EmptyDocument, SuspiciousDocument
from ingest.records import Block, BlockKind, BuildOptions, Document, QueryProfile, ScreeningPolicy
from ingest_conformance.hashing_embedder import HashingTokenizer

SECRET = "AKIA" + "Q3EGRR7MZ5PVN2KD"


def cut(text: str, *, container: bool = False, **policy: str) -> CutDocument:
    options = BuildOptions(
        index="docs",
        settings={},
        analyser={},
        profile=QueryProfile(),
        chunking={"target_tokens": 16, "max_tokens": 40, "min_tokens": 0},
        screening={"notes": ScreeningPolicy.model_validate(policy)},
    )
    blocks, start = [], 0
    for part in text.split("\n\n") if text else []:
        kind = BlockKind.HEADING if part.startswith("#") else BlockKind.PARAGRAPH
        blocks.append(Block(kind, start, start + len(part), int(kind is BlockKind.HEADING), part.lstrip("# ")))
        start += len(part) + 2
    document = Document(text, tuple(blocks), "", "text/plain", "plain")
    return cut_document(document, "file:///a", "notes", options, HashingTokenizer(), container=container)


TEXT = f"# One\n\nWords.\n\n# Two\n\nkey {SECRET} here."


def test_chunks_come_with_their_marks() -> None:
    found = cut(TEXT, secret="index")
    assert [(), ("secret",)] == [chunk.marks for chunk in found.chunks]
    assert ([], None) == (found.dropped, found.refusal)


def test_what_the_policy_drops_is_told_with_its_mark() -> None:
    found = cut(TEXT, secret="drop")
    assert ["# One\n\nWords."] == [chunk.text for chunk in found.chunks]
    assert [(f"# Two\n\nkey {SECRET} here.", "secret")] == [(chunk.text, mark) for chunk, mark in found.dropped]


def test_a_document_that_the_policy_quarantines_keeps_its_chunks_beside_the_reason() -> None:
    found = cut(TEXT, secret="quarantine")
    assert isinstance(found.refusal, SuspiciousDocument)
    assert SECRET not in str(found.refusal)
    assert 2 == len(found.chunks)


@pytest.mark.parametrize("container", [False, True])
def test_only_a_container_may_be_without_text(container: bool) -> None:
    found = cut("", container=container)
    assert ([], not container) == (found.chunks, isinstance(found.refusal, EmptyDocument))
