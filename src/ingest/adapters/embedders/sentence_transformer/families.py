"""What families of models expect before questions and before texts, for models whose files do not name it."""

import re

SEARCHING = "Represent this sentence for searching relevant passages: "
# By the end of a model's name: what its authors put before each question and before each text. BGE-M3, GTE and the
# models of sentence-transformers itself need nothing; those that take instructions need other ones for each task.
FAMILIES = (
    (r"e5-(small|base|large)(-v2|-unsupervised)?", "query: ", "passage: "),
    (r"nomic-embed-text-v[\w.-]+", "search_query: ", "search_document: "),
    (r"arctic-embed-[ml]-v2\.0", "query: ", ""),
    (r"arctic-embed-(xs|s|m|l|m-long|m-v1\.5)|mxbai-embed-(xsmall|large)-v1", SEARCHING, ""),
    (r"bge-(small|base|large)-en(-v1\.5)?", SEARCHING, ""),
    (r"bge-(small|base|large)-zh(-v1\.5)?", "为这个句子生成表示以用于检索相关文章：", ""),
)


def family_prompts(name: str) -> dict[str, str]:
    """Return the options with the prompts of a model's family, none if it needs none or is not known."""
    last = name.lower().rstrip("/").rpartition("/")[2]
    found = ((question, text) for pattern, question, text in FAMILIES if re.search(rf"(^|-){pattern}$", last))
    return {"question_prompt": told[0], "text_prompt": told[1]} if (told := next(found, None)) else {}
