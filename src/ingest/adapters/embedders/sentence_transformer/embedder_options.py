"""What the settings may say about a sentence-transformers model."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

RESULT_OPTIONS = {"question_prompt", "text_prompt", "max_seq_length"}


class Options(BaseModel):
    """What the settings may say about such a model. The first three change results and are part of the fingerprint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question_prompt: str | None = None  # None: what the model brings
    text_prompt: str | None = None
    max_seq_length: int | None = Field(default=None, gt=2)  # tokens, special ones included
    device: str = ""  # "": a GPU if there is one, else the CPU
    dtype: Literal["", "float32", "bfloat16"] = ""  # "": bfloat16 where the processor has it
    token_budget: int = Field(default=0, ge=0)  # padded tokens of a forward pass; 0: by device
    max_texts: int = Field(default=0, ge=0)  # texts of a forward pass; 0: by device
    questions: Literal["", "onnx", "torch"] = ""  # "": ONNX Runtime on a CPU, where installed; "onnx": it must be
    question_cache: Path | None = None  # folder for the exported model; the settings' state folder where it is not said
