"""The folder of the default model without its weights, which need not be the real ones to be described and kept."""

import shutil
from pathlib import Path

from ingest.adapters.embedders.sentence_transformer.model_folder import locate

SMALL_FILES = (
    "config.json",
    "tokenizer.json",
    "sentence_bert_config.json",
    "modules.json",
    "1_Pooling/config.json",
    "config_sentence_transformers.json",
)


def copy_without_weights(folder: Path) -> Path:
    """Copy the small files of the default model into a folder, with a few bytes for weights; return the folder."""
    for file in SMALL_FILES:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(locate("default").path / file, folder / file)
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder
