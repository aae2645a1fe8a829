"""The language of a document, and the sizes of its chunks."""

from dataclasses import replace

import pytest

from ingest.documents.chunking.amounts import SAMPLE, sample_of, sized
from ingest.records import Block, BlockKind, ChunkingOptions, Document
from ingest_conformance.hashing_embedder import HashingTokenizer

GERMAN = "Die Donaudampfschifffahrtsgesellschaft veröffentlichte ihre Jahresabschlussunterlagen verspätet. "
CHINESE = "在别名移动之前如何评判一个版本，以及当它被拒绝时应该怎么做。"
OPTIONS = ChunkingOptions(overlap_tokens=20, parent_tokens=400)


def document(*blocks: tuple[str, str]) -> Document:
    text, made = "", []
    for kind, part in blocks:
        made.append(Block(BlockKind(kind), len(text), len(text) + len(part)))
        text += part + "\n"
    return Document(text, tuple(made), "", "text/plain", "plain")


class Letters(HashingTokenizer):
    """One token per character, as a model does with a script that it hardly knows."""

    def offsets(self, texts):
        import numpy as np

        return [np.array([(i, i + 1) for i in range(len(t))], np.int32).reshape(-1, 2) for t in texts]


class Pieces(HashingTokenizer):
    """English words are tokens, other letters are one each."""

    def offsets(self, texts):
        import re

        import numpy as np

        found = (re.finditer(r"[ -~]{4}|[^ -~]|[ -~]{1,3}", text) for text in texts)
        return [np.array([m.span() for m in some], np.int32).reshape(-1, 2) for some in found]


@pytest.mark.parametrize(
    "text", ["The release is judged before the alias is moved to it. " * 9, "x = 1; y[0] += 2", ""]
)
def test_sizes_for_english_and_for_what_has_no_language_are_those_of_the_settings(text):
    assert OPTIONS == sized(document(("paragraph", text)), OPTIONS, Pieces(), 512)[1]


def test_a_language_of_more_tokens_gets_larger_chunks_up_to_the_models_limit():
    found = [sized(document(("paragraph", CHINESE * 20)), OPTIONS, Pieces(), most)[1] for most in (0, 254, 8192)]
    sizes = [(o.max_tokens, o.target_tokens, o.min_tokens, o.overlap_tokens, o.parent_tokens) for o in found]
    assert [(220, 198, 90, 30, 600), (254, 229, 90, 30, 600), (330, 240, 90, 30, 600)] == sizes


def test_no_language_gets_smaller_chunks_than_the_settings_say():
    assert ("zh", OPTIONS) == sized(document(("paragraph", CHINESE * 20)), OPTIONS, Letters(), 512)


def test_a_small_edit_changes_no_size():
    texts = [CHINESE * 40, CHINESE * 40 + "完", "新" + CHINESE * 40]
    assert 1 == len({sized(document(("paragraph", text)), OPTIONS, Pieces(), 512)[1].target_tokens for text in texts})


def test_code_and_hidden_text_tell_no_language():
    code = "for each of the rows that are in the table, it is to be read from the file as it was\n" * 9
    assert "de" == sized(document(("code", code), ("paragraph", GERMAN)), OPTIONS, Pieces(), 512)[0]
    assert ("", OPTIONS) == sized(document(("code", code)), OPTIONS, Pieces(), 512)


def test_a_document_that_only_says_its_language_has_it_and_the_sizes_of_the_settings():
    told = replace(document(("code", "x = 1")), language="de")
    assert ("de", OPTIONS) == sized(told, OPTIONS, Pieces(), 512)


def test_a_bounded_part_from_all_over_the_document_is_looked_at():
    found = sample_of(document(*[("paragraph", f"{i:04d} " + GERMAN * 9) for i in range(1000)]))
    assert len(found) <= SAMPLE + 16
    assert ["0000", "0063", "0945"] == [found.splitlines()[i][:4] for i in (0, 1, -1)]


def test_what_most_of_a_mixed_document_is_in_decides():
    english = "The release is judged before the alias is moved to it, and that is all there is to it."
    german = "Das Release wird geprüft, bevor der Alias darauf zeigt, und mehr gibt es dazu nicht zu sagen."
    mixed = [("paragraph", german)] * 6 + [("paragraph", english)] * 3
    assert "de" == sized(document(*mixed), OPTIONS, Pieces(), 512)[0]
