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


@pytest.mark.parametrize("format", [3, 5])
def test_a_record_of_another_format_is_refused(format):
    with pytest.raises(UnknownReaderFormat, match=f"format {format}, this version reads 4"):
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
    assert Analyser().record()["probe"] == "cc023ef4da1ca140f52622c3025e95642893a54a12c48a33c68b0f66482d4a3a"


AUTO = Analyser("auto")
HELD = {"en": 60, "de": 20, "ru": 2, "zh": 5, "und": 3}


@pytest.mark.parametrize(
    ("language", "terms"),
    [
        ("de", ["de:die", "de:haus", "err4031", "de:err", "4031", "de:caf"]),
        ("en", ["die", "hauser", "err4031", "err", "4031", "cafe"]),
        ("", ["die", "hauser", "err4031", "err", "4031", "cafe"]),  # it could not be told
        ("zh", ["die", "hauser", "err4031", "err", "4031", "cafe"]),  # there is no stemmer
    ],
)
def test_a_chunk_is_analysed_in_its_language_and_numbers_and_identifiers_are_alike_in_all(language, terms):
    assert [terms] == AUTO.terms(["Die Häuser ERR_4031 Cafés"[:-1]], [language])


@pytest.mark.parametrize("language", ["da", "de", "fi", "no", "sv"])
def test_borrowed_words_are_found_without_the_accents_that_the_language_itself_lacks(language):
    words = ["Café", "Cafés", "Résumé", "Crème"]
    assert AUTO.terms(words, [language] * 4) == AUTO.terms(["Cafe", "Cafes", "Resume", "Creme"], [language] * 4)


def test_texts_of_several_languages_are_analysed_at_once_as_each_alone():
    texts, languages = ["Die Häuser", "the houses", "", "дома"], ["de", "en", "de", "ru"]
    alone = [AUTO.terms([text], [code])[0] for text, code in zip(texts, languages, strict=True)]
    assert alone == AUTO.terms(texts, languages)
    assert ["hous", "the", "дом"] == sorted(t.rpartition(":")[2] for t in alone[1] + alone[3])


def test_english_terms_are_those_without_languages():
    texts = ["Rolling back promoted indexes", "ERR_4031 v1.2.3 HTTPServer 東京都", "naïve café"]
    assert Analyser().terms(texts) == AUTO.terms(texts, ["en", "", "zh"]) == AUTO.asked(texts, {"en": 9})


@pytest.mark.parametrize(
    ("question", "held", "terms"),
    [
        ("Wie viele Häuser gab es 1999?", {"de": 9}, ["de:wie", "de:viel", "de:haus", "de:gab", "de:es", "1999"]),
        (
            "Wie viele Häuser gab es 1999?",
            HELD,
            [*("wie", "viel", "hauser", "gab", "es", "1999"), *("de:wie", "de:viel", "de:haus", "de:gab", "de:es")],
        ),
        ("How many houses were there?", HELD, ["how", "mani", "hous", "were", "there"]),
        ("How many houses were there?", {}, ["how", "mani", "hous", "were", "there"]),
        ("Сколько домов", None, ["сколько", "домов", "ru:скольк", "ru:дом"]),
        ("", HELD, []),
    ],
)
def test_a_question_is_looked_for_in_its_language_and_among_plain_terms(question, held, terms):
    assert [terms] == AUTO.asked([question], held)


def test_a_question_of_one_ambiguous_word_is_looked_for_in_several_languages():
    assert {"", "de"} <= {term.rpartition(":")[0] for term in AUTO.asked(["Panthers"], {"en": 5, "de": 5, "fr": 5})[0]}


@pytest.mark.parametrize("question", ["회귀 Häuser", "как настроить Häuser", "ต้องการ Häuser"])
def test_a_question_in_two_scripts_is_looked_for_in_the_language_of_its_latin_words_too(question):
    assert "de:haus" in AUTO.asked([question], {"de": 9, "ko": 9, "ru": 9, "th": 9})[0]
    assert "ru" not in {term.partition(":")[0] for term in AUTO.asked(["Häuser"], {"de": 9, "ru": 9})[0]}


def test_question_and_candidates_are_compared_in_the_questions_language():
    texts = ["Wie viele Häuser?", "Das Haus", "the house"]
    assert [["de:haus"], ["de:haus"], ["de:hous"]] == [found[-1:] for found in AUTO.compared(texts, HELD)]
    assert [] == AUTO.compared([], HELD)


@pytest.mark.parametrize("fixed", [Analyser("german"), Analyser("auto", stem=False)])
def test_an_analyser_without_languages_of_documents_ignores_them(fixed):
    assert fixed.terms(["Die Häuser"]) == fixed.terms(["Die Häuser"], ["fr"]) == fixed.asked(["Die Häuser"], HELD)
    assert {""} == {fixed.space("de"), fixed.space("ru")}


def test_the_record_of_all_languages_gives_the_same_analyser_back_and_tells_other_stems():
    assert AUTO == Analyser.from_record(json.loads(json.dumps(AUTO.record())))
    assert AUTO.record()["probe"] != Analyser().record()["probe"]
    assert ["de", "ru"] == [code for code in HELD if AUTO.space(code)]
