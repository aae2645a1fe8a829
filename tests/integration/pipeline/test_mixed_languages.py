"""An index of documents in several languages."""

from pathlib import Path

import pytest

from ingest.keyword import Analyser
from ingest.keyword.sparse_vectors import Questions
from ingest.records import EVERYTHING, Shape
from ingest.search.served_release import open_serving
from tests.pipelines import ANALYSER, CountingSource, Project, build_options

GERMAN = "Die Häuser der Stadt wurden nach dem Brand mit Ziegeln gedeckt, und die Bürger löschten gemeinsam."
TEXTS = {
    "de.md": f"# Brandschutz\n\n{GERMAN} Der Fehler ERR_4031 steht im Protokoll.\n",
    "en.md": "# Fire\n\nThe houses of the town were covered with tiles after the fire. It was the end of it.\n",
    "ru.md": "# Пожар\n\nДома города после пожара были покрыты черепицей, и горожане вместе тушили огонь.\n",
    "code.md": "# x\n\n```python\ndef parse_document(raw): return raw.decode()\n```\n",
}
BY_LANGUAGE = {**ANALYSER, **Analyser("auto").record()}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    source = CountingSource("docs", tmp_path_factory.mktemp("mixed") / "documents")
    for name, text in TEXTS.items():
        source.write(name, text)
    shape = Shape(sparse=True)
    options = build_options(analyser=BY_LANGUAGE, shape=shape, settings=shape.record())
    made = Project((source,), options=options)
    made.run()
    return made


def found(made: Project, question: str, stage: str = "bm25") -> list[str]:
    (answer,) = open_serving(made.retrieval()).search([question], EVERYTHING, top=10, stages=(stage,))
    return list(dict.fromkeys(Path(result.path).name for result in answer.results))


@pytest.mark.parametrize(
    ("question", "documents"),
    [
        ("Welches Haus brannte, und welcher Bürger löschte?", ["de.md"]),
        ("which house had a tile", ["en.md"]),
        ("дом и черепица города", ["ru.md"]),
        ("Wofür steht ERR_4031?", ["de.md"]),
        ("what does ERR_4031 mean", ["de.md"]),  # a code is found whatever language is around it
        ("Was macht parse_document?", ["code.md"]),
    ],
)
def test_a_question_in_other_forms_of_the_words_finds_the_document_in_its_language(mixed, question, documents):
    assert documents == found(mixed, question)[:1]


def test_the_manifest_and_the_conservation_count_chunks_by_language(mixed: Project):
    manifest = mixed.manifest()
    assert {"de": 1, "en": 1, "ru": 1, "und": 1} == manifest.languages
    table = mixed.check()
    assert manifest.languages == table.languages


def test_re_ranking_and_confidence_compare_words_in_the_questions_language(mixed: Project):
    searcher = open_serving(mixed.retrieval())
    asked, text = searcher.wording.terms(["welche Häuser", GERMAN])
    assert "de:haus" == asked[-1]
    assert {"de:haus"} <= set(text)
    assert searcher.wording.bound(asked[-1:]) == pytest.approx(searcher._keyword.bound(["de:haus"]))


def test_a_sparse_vector_is_of_the_same_terms_as_the_keyword_index(mixed: Project):
    manifest = mixed.manifest()
    for questions in (Questions.from_record(manifest.analyser, manifest.languages), Questions()):
        asked = questions.embed_query("Welches Haus brannte, und welcher Bürger löschte?")
        best = mixed.vectors._connection._client.query_points(
            manifest.collection, query=_sparse(asked), using="bm25", limit=1
        )
        assert ["de.md"] == [Path(point.payload["metadata"]["path"]).name for point in best.points]


def _sparse(asked):
    from qdrant_client import models

    return models.SparseVector(indices=asked.indices, values=asked.values)


def test_a_second_run_changes_nothing_and_an_edit_only_its_document(mixed: Project, tmp_path: Path):
    assert not mixed.run().built
    mixed.sources[0].write("de.md", TEXTS["de.md"].replace("Ziegeln", "Schindeln"))
    report = mixed.run()
    assert (1, ["de.md"]) == (report.embedded, found(mixed, "welche Schindel")[:1])


def test_an_index_built_in_english_is_searched_as_before_and_then_built_anew(tmp_path: Path):
    source = CountingSource("docs", tmp_path / "documents")
    for name, text in TEXTS.items():
        source.write(name, text)
    made = Project((source,))
    made.run()
    assert [] == found(made, "welches Haus")
    made.options = build_options(analyser=BY_LANGUAGE)
    report = made.run()
    assert (True, 0, ["de.md"]) == (report.built, report.embedded, found(made, "welches Haus")[:1])
