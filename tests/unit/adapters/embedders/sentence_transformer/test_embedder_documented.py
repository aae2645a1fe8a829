"""Every option of an embedding model, and every family of models, is on the page about models."""

import re
from pathlib import Path

import pytest

from ingest.adapters.embedders.sentence_transformer.embedder import SentenceTransformerOptions
from ingest.adapters.embedders.sentence_transformer.families import families
from ingest.records import Options
from ingest.records.options import UNREAD_SHARE
from ingest_conformance.hashing_embedder import HashingOptions

PAGE = (Path(__file__).parents[5] / "docs" / "models.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [SentenceTransformerOptions, HashingOptions])
def test_every_option_is_documented(options: type[Options]) -> None:
    section = PAGE.partition("## `model.options`")[2].partition("\n## ")[0]
    assert [] == [name for name in options.model_fields if f"`{name}`" not in section]


def test_the_page_names_no_option_that_is_not_there() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.partition("## `model.options`")[2], re.MULTILINE)
    assert [*SentenceTransformerOptions.model_fields] == rows


def test_every_prompt_of_a_family_is_documented() -> None:
    prompts = {prompt for _, *both in families() for prompt in both if prompt}
    assert [] == sorted(prompt for prompt in prompts if f"`{prompt}`" not in PAGE)


def test_the_page_tells_the_limit() -> None:
    assert f"`chunking.max_unread_share`\n({UNREAD_SHARE})" in PAGE
