"""What evaluation would refuse is found before anything is built."""

import pytest

from ingest.errors import InvalidSettings
from ingest.quality.evaluate import check_asking
from ingest.records import GateRules
from tests.fakes import InMemoryStore
from tests.pipelines import build_options


def check(**rules: object) -> None:
    options = build_options(gate=GateRules.model_validate(rules))
    check_asking(options, lambda profile, wording: None, InMemoryStore())


@pytest.mark.parametrize("name", ["fused.ndcg@10", "bm25.recall@50", "dense.answered@1000"])
def test_what_is_measured_is_taken(name: str) -> None:
    check(metric=name, must_pass_metric=name, floors={name: 0.1})


@pytest.mark.parametrize("key", ["metric", "must_pass_metric", "floors"])
@pytest.mark.parametrize("name", ["ndcg@10", "fused.ndcg", "fussed.ndcg@10", "reranked.ndcg@10", "zebra"])
def test_what_is_not_measured_is_refused_by_name(key: str, name: str) -> None:
    with pytest.raises(
        InvalidSettings, match=f"gate.{key}.*: nothing is measured as '{name}' under this query profile; "
    ):
        check(**{key: {name: 0.1} if key == "floors" else name})
