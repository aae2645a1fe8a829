"""Letters are read in batches, and nothing is seen of where one ends."""

from ingest.documents.parsers import pdf
from ingest.documents.parsers.pdf import letters
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.pdf_files import build, lines


def test_a_word_goes_on_where_a_batch_of_letters_ends():
    rows = [f"row {i} " + " ".join(["understandable"] * 7) for i in range(60)]
    assert sum(map(len, rows)) > letters._BATCH
    document = parsed(pdf, build([lines(72, 72, rows, 4)]))
    assert [("paragraph", " ".join(rows))] == shown(document)
    assert faults(document) == []


def test_the_size_of_a_batch_changes_nothing(monkeypatch):
    data = build([lines(72, 72, ["The pump draws water from", "the lower basin and lifts it."])])
    whole = parsed(pdf, data)
    monkeypatch.setattr(letters, "_BATCH", 3)
    assert whole == parsed(pdf, data)
