"""A few broken files of every format; `make fuzz` takes thousands. And the check itself sees what it should."""

import argparse
from dataclasses import replace

import pytest

from benchmarks import fuzz
from benchmarks.fuzzing.seeds import READ, generated, seeds
from ingest.documents.chunking import chunk
from ingest.errors import OversizedDocument
from ingest.records import Block, BlockKind, Document
from ingest_conformance import hashing_embedder as hashing
from tests.inline_sandbox import InlineSandbox
from tests.unit.documents.parsers.checks import raw

TEXT = "# A\n\nsome text"
SOUND = Document(TEXT, (Block(BlockKind.HEADING, 0, 3, 1, "A"), Block(BlockKind.PARAGRAPH, 5, 14)), "A", "m", "p")


def test_broken_files_of_every_format_are_chunked_or_refused():
    results = fuzz.run(seeds(None), range(100), 1, 2)
    assert [
        result for result in results if result.violations or result.outcome in ("ParserCrashed", "ParserTimeout")
    ] == []
    assert len({result.format for result in results}) == len(generated())
    assert any(result.outcome == "chunked" for result in results)


@pytest.mark.parametrize("name", generated())
def test_the_files_that_are_broken_are_sound_before(name):
    document = InlineSandbox().parse(raw(generated()[name], f"a.{name}"))
    assert (bool(document.blocks or document.children), name in READ) == (True, True)


def chunks():
    return chunk(SOUND, "d", fuzz.CHUNKING, hashing.HashingTokenizer())


def test_a_sound_document_has_no_fault():
    assert fuzz._broken_promises(SOUND, chunks()) == []


@pytest.mark.parametrize(
    ("document", "pieces", "fault"),
    [
        (SOUND, [], "in a block and in no chunk: '# A"),
        (SOUND, [replace(c, text="other") for c in chunks()], "is not its slice of the text"),
        (replace(SOUND, blocks=SOUND.blocks[:1]), chunks(), "in no block: 'sometext'"),
    ],
)
def test_each_broken_promise_is_seen(document, pieces, fault):
    assert fault in fuzz._broken_promises(document, pieces)[0]


def test_an_error_that_would_stop_a_run_is_a_violation_and_a_refusal_is_none():
    class Failing:
        """A sandbox that fails."""

        def __init__(self, error):
            self.error = error

        def parse(self, _):
            raise self.error

    results = [
        fuzz.judged(Failing(error), hashing.HashingTokenizer(), 1, "md", b"")
        for error in (OversizedDocument("a: large"), KeyError("x"))
    ]
    assert [(r.outcome, len(r.violations)) for r in results] == [("OversizedDocument", 0), ("STOPPED", 1)]


def test_what_differs_in_numbers_alone_is_one_fault_told_with_the_numbers_of_the_shortest_file(tmp_path, capsys):
    results = [
        fuzz.Result(number, "md", "ParserTimeout", f"a: not parsed within {10 * number} s", 1.0, b"x" * number)
        for number in (2, 1)
    ]
    fuzz._tell("time-outs", results, argparse.Namespace(out=tmp_path, seed=7))
    assert f"2 × md: not parsed within 10 s  [--only 1, {tmp_path / '7-1.md'}]" in capsys.readouterr().out
