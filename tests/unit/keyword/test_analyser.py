"""How text becomes terms."""

import json
import pickle
import threading

import pytest

from ingest.errors import InvalidSettings, UnknownReaderFormat
from ingest.keyword import Analyser


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Rolling back promoted indexes", ["roll", "back", "promot", "index"]),
        ("the and of", ["the", "and", "of"]),  # no stop words are dropped
        ("snake_case don't", ["snake_case", "snake", "case", "don", "t"]),
        ("foo.bar_baz() v1.2.3", ["foo.bar_baz", "foo", "bar", "baz", "v1.2.3", "v1", "2", "3"]),
        ("ERR_4031: __init__.", ["err4031", "err", "4031", "init"]),
        ("CamelCase PhD iPhone", ["camelcas", "camel", "case", "phd", "iphon"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("東京都に。京", ["東京", "京都", "都に", "京"]),  # pairs; a character alone stays alone
        ("iPhone手机", ["iphon", "手机"]),
        ("ที่นี่", ["ที่นี่"]),  # marks stay with their letter
        ("End.", ["end"]),
        ("STRASSE Straße straße", ["strass", "strass", "strass"]),
        ("ﬁne ﬁnᴇ ２０２６ H₂O", ["fine", "finᴇ", "2026", "h2o"]),  # compatibility forms
        (
            "cafe\u0301 café cafe résumé resume",
            ["cafe"] * 3 + ["resum"] * 2,
        ),  # composed or not, accents left out or not
        ("हिन्दी", ["हिन्दी"]),  # marks belong to their letter
        ("दो_हिन्दी", ["दो", "हिन्दी"]),
        ("", []),
        ("… — _ \ud800", []),  # a lone surrogate is no letter
    ],
)
def test_text_becomes_words_of_letters_and_digits_folded_and_stemmed(text, terms):
    assert Analyser().terms([text]) == [terms]


def test_stemming_can_be_switched_off():
    assert Analyser(stem=False).terms(["Running Dogs"]) == [["running", "dogs"]]
    assert Analyser(language="german").terms(["Häuser"]) == [["haus"]]


def test_a_stemmer_that_knows_accents_sees_them_before_they_are_left_out():
    assert Analyser(language="french").terms(["l'élève élevé, un café: cafe"]) == [
        ["l", "elev", "elev", "un", "caf", "caf"]
    ]


def test_a_long_word_counts_by_its_head():
    assert Analyser().terms(["0123456789abcdef" * 8, "0123456789abcdef" * 4]) == [["0123456789abcdef" * 4]] * 2


def test_a_batch_gives_what_single_texts_give():
    texts = ["One running dog", "", "dogs RUN", "one one"]
    assert Analyser().terms(texts) == [Analyser().terms([text])[0] for text in texts]


def test_a_record_gives_the_same_analyser_back():
    analyser = Analyser(language="french", stop_words=("le",))
    assert Analyser.from_record({**analyser.record(), "k1": 1.2, "b": 0.75}) == analyser
    assert Analyser.from_record({}) == Analyser()


def test_a_record_whose_stems_are_others_now_is_refused():
    with pytest.raises(UnknownReaderFormat, match="the index was built with 0000"):
        Analyser.from_record({**Analyser().record(), "probe": "0" * 64})


@pytest.mark.parametrize("format", [2, 4])
def test_a_record_of_another_format_is_refused(format):
    with pytest.raises(UnknownReaderFormat, match=f"format {format}, this version reads 3"):
        Analyser.from_record({**Analyser().record(), "format": format})


def test_a_record_survives_json_with_stop_words():
    record = Analyser(stop_words=("the", "of"), heading_weight=2).record()
    assert Analyser.from_record(json.loads(json.dumps(record))).record() == record


def test_stop_words_are_dropped_before_stemming():
    assert Analyser(stop_words=("the", "running")).terms(["The dog running the", "the"]) == [["dog"], []]


def test_an_unknown_language_is_refused_with_those_that_are_known():
    with pytest.raises(InvalidSettings, match=r"'klingon'; known: .*english"):
        Analyser(language="klingon")


def test_an_analyser_can_be_pickled_and_shared_between_threads():
    analyser = pickle.loads(pickle.dumps(Analyser()))
    texts = [f"generalisations number {i}" for i in range(2000)]
    expected, found = Analyser().terms(texts), []
    threads = [threading.Thread(target=lambda: found.append(analyser.terms(texts))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_the_default_analysers_terms_are_those_of_every_index_built_so_far():
    """When this fails after an upgrade, readers refuse older indexes: the upgrade needs a rebuild, say so."""
    assert Analyser().record()["probe"] == "ccf3e879f1204c5598fa47a80da6bbd935b66a50db7fcc61fd0ccd1ca06580b2"
