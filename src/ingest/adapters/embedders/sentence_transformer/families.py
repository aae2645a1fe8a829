"""What families of models expect before questions and before texts, for models whose files do not name it."""

import json
import re
from functools import cache
from importlib.resources import files

# Those that want an instruction before questions, another one for each task.
INSTRUCTED = re.compile(r"(?<!no-)(?<!no)instruct|qwen3-embedding|e5-mistral|gritlm|linq-embed|nv-embed|sfr-embedding")
# By the end of a model's name: what its authors put before each question and before each text. BGE-M3, GTE and the
# models of sentence-transformers itself need nothing.
families = cache(lambda: json.loads((files(__package__) / "families.json").read_text("utf-8")))


def family_prompts(name: str) -> dict[str, str]:
    """Return the options with the prompts of a model's family, none if it needs none or is not known."""
    how = r"(^|-){}(-(?!.*instruct)|$)"  # others follow the name: -onnx, -finetuned
    found = ((question, text) for pattern, question, text in families() if re.search(how.format(pattern), _last(name)))
    return {"question_prompt": told[0], "text_prompt": told[1]} if (told := next(found, None)) else {}


def takes_instruction(name: str) -> bool:
    """Tell whether a model's family wants questions to follow an instruction that depends on the task."""
    return INSTRUCTED.search(_last(name)) is not None


def _last(name: str) -> str:
    parts = re.split(r"[\\/]", name.lower().rstrip("\\/"))
    return parts[-3] if parts[-2:-1] == ["snapshots"] and parts[3:] else parts[-1]  # a folder in Hugging Face's cache
