"""Which language a text is in."""

import pytest

from ingest.languages import STEMMED, UNKNOWN, foreign, language_of, ranked

TEXTS = {
    "en": "How a release is judged before the alias moves, and what to do when it is refused.",
    "de": "Wie ein Release geprüft wird, bevor der Alias wechselt, und was bei einer Ablehnung zu tun ist.",
    "fr": "Comment une version est jugée avant que l'alias ne change, et que faire quand elle est refusée.",
    "es": "Cómo se evalúa una versión antes de mover el alias y qué hacer cuando es rechazada.",
    "tr": "Bir sürüm takma ad değişmeden önce nasıl değerlendirilir ve reddedilirse ne yapılmalıdır.",
    "sk": "Ako sa posudzuje vydanie pred presunom aliasu a čo robiť, keď je zamietnuté, vysvetľuje táto stránka.",
    "vi": "Cách một bản phát hành được đánh giá trước khi bí danh thay đổi và phải làm gì khi nó bị từ chối.",
    "ru": "Как оценивается выпуск, прежде чем сменится псевдоним, и что делать, если он отклонён.",
    "el": "Πώς κρίνεται μια έκδοση πριν μετακινηθεί το ψευδώνυμο και τι γίνεται όταν απορρίπτεται.",
    "ar": "كيف يتم تقييم الإصدار قبل نقل الاسم المستعار وماذا نفعل عندما يتم رفضه.",
    "hi": "उपनाम बदलने से पहले किसी रिलीज़ का मूल्यांकन कैसे किया जाता है और अस्वीकृत होने पर क्या करें।",
    "zh": "在别名移动之前如何评判一个版本，以及当它被拒绝时应该怎么做，本页对此进行说明。",
    "ja": "エイリアスが移動する前にリリースがどのように判定され、拒否されたときに何をすべきか。",
    "th": "รุ่นจะถูกตัดสินอย่างไรก่อนที่นามแฝงจะย้าย และต้องทำอย่างไรเมื่อถูกปฏิเสธ",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_sentence_tells_its_language(language):
    assert language == language_of(TEXTS[language])


@pytest.mark.parametrize("text", ["", " \n", "OK", "4031 503 17.25", "x = {a: 1}; y[0] += x['a']", "\ud800"])
def test_what_is_no_text_has_no_language(text):
    assert UNKNOWN == language_of(text)


@pytest.mark.parametrize(
    ("declared", "text", "language"),
    [
        ("de-AT", "Kurz", "de"),  # too short to tell
        ("pt_BR", "", "pt"),
        ("deu", TEXTS["de"], "de"),  # no code of two letters: the text decides
        ("german", TEXTS["de"], "de"),
        ("klingon; DROP TABLE", "Kurz", UNKNOWN),
        ("x-default", "", UNKNOWN),
        ("nb-NO", "Kort", "no"),
        ("iw", "", "he"),
        ("en", TEXTS["de"], "de"),  # a template's
        ("de", TEXTS["en"], "en"),
        ("de", "{a: 1, b: 2} " * 20, "de"),  # nothing speaks against it
        ("no", "Hvordan en utgivelse vurderes, og hva man gjør.", "no"),  # hardly another language than Danish
    ],
)
def test_a_declared_language_counts_unless_the_text_is_surely_in_another(declared, text, language):
    assert language == language_of(text, declared)


def test_the_same_text_gives_the_same_answer_among_some_languages_and_afterwards_among_all():
    before = ranked(TEXTS["fr"])
    assert ["de", "en"] == sorted(ranked(TEXTS["fr"], ["en", "de", "unknown to it"]))
    assert before == ranked(TEXTS["fr"])


def test_every_language_with_terms_of_its_own_can_be_detected_and_stemmed():
    import Stemmer

    assert set() == STEMMED - ranked("word").keys()
    assert len(STEMMED) == len([Stemmer.Stemmer(code) for code in STEMMED])


def test_the_share_of_what_a_model_does_not_read_is_by_language_and_unknown_if_its_files_name_none():
    chunks = {"de": 1, "en": 2, "und": 1, "ru": 0}
    assert {"de": 0.25} == foreign(chunks, ("en",))
    assert {} == foreign({}, ("en",)) == foreign(chunks, ("de", "en"))
    assert foreign(chunks, ()) is None
