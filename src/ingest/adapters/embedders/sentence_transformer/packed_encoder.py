"""Models of BERT's architecture without padding and without sentence-transformers, whose import takes seconds.

All texts of a batch are one sequence of tokens; only attention keeps them apart: on a GPU in PyTorch's kernel for texts
of any length, on a CPU together with those of the same length. On a CPU, oneDNN has the weights in its own layout and
computes a layer's activation in the same pass. Norms and embeddings stay in float32, or bfloat16 would lose too much.
"""

import importlib
import os
from collections.abc import Sequence
from itertools import chain, groupby
from typing import Any

from ingest.adapters.embedders.sentence_transformer.model_folder import ModelFolder

LANES = 32  # numbers that a processor computes at once, or a multiple of that
LONGEST_PLAIN = 512  # tokens; all scores of longer texts at once would take too much memory


class PackedEncoder:
    """The layers of a model, from token ids to vectors that are not normalised."""

    def __init__(self, folder: ModelFolder, tokenizer: Any, device: str, dtype: str) -> None:
        """Load the weights. Raises: LookupError for another architecture, and whatever the libraries raise."""
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads of torch that spin take time from all others
        import torch
        from safetensors.torch import load_file

        config, self._tokenizer, self._pooling = folder.config, tokenizer, folder.pooling
        if config["hidden_act"] != "gelu" or self._pooling not in ("mean", "cls"):
            raise LookupError(f"activation {config['hidden_act']}, pooling {self._pooling!r}")
        self._torch: Any = torch
        self._device, self._dtype = device, getattr(torch, dtype)
        self._heads, self._epsilon = int(config["num_attention_heads"]), float(config["layer_norm_eps"])
        self._dense = device == "cpu" and self._torch.backends.mkldnn.is_available()
        found = load_file(folder.transformer / "model.safetensors")
        prefix = next((name.partition("embeddings.")[0] for name in found if ".word_embeddings." in name), "")
        parts = ("weight", "bias")

        def tensor(name: str, part: str = "weight", dtype: Any = torch.float32) -> Any:
            return found[f"{prefix}{name}.{part}"].to(device, dtype)

        def linear(name: str, *others: str) -> Any:
            scale = (config["hidden_size"] // self._heads) ** -0.5 if others else 1.0  # of attention, in the queries
            both = (torch.cat([tensor(name, part) * scale, *(tensor(n, part) for n in others)]) for part in parts)
            weight, bias = (one.to(self._dtype) for one in both)
            return torch.ops.mkldnn._reorder_linear_weight(weight, None) if self._dense else weight, bias

        def norm(name: str) -> list[Any]:  # a GPU's kernel takes the format of its input only
            dtype = torch.float32 if device == "cpu" else self._dtype
            return [tensor(f"{name}.LayerNorm", part, dtype) for part in parts]

        first = 0 if config["model_type"] == "bert" else int(config["pad_token_id"]) + 1
        self._words, self._norm_words = tensor("embeddings.word_embeddings"), norm("embeddings")
        self._places = tensor("embeddings.position_embeddings")[first:] + tensor("embeddings.token_type_embeddings")[0]
        self._layers = []
        for at in (f"encoder.layer.{number}" for number in range(config["num_hidden_layers"])):
            inputs = linear(*(f"{at}.attention.self.{name}" for name in ("query", "key", "value")))
            inner = linear(f"{at}.attention.output.dense"), norm(f"{at}.attention.output")
            outer = linear(f"{at}.intermediate.dense"), linear(f"{at}.output.dense"), norm(f"{at}.output")
            self._layers.append((inputs, *inner, *outer))

    def prepared(self, texts: Sequence[str], prompt: str) -> list[list[int]]:
        """Return token ids, with special ones."""
        return [found.ids for found in self._tokenizer.encoded([prompt + text for text in texts], special=True)]

    def run(self, texts: Sequence[list[int]], _: str) -> Any:
        """Return (n, dimension) float32, not normalised. Fastest if texts of the same length are side by side."""
        torch, device = self._torch, self._device
        sizes = torch.tensor([*map(len, texts)], device=device)
        starts = sizes.cumsum(0) - sizes
        owner = torch.repeat_interleave(torch.arange(len(texts), device=device), sizes)
        places = torch.arange(len(owner), device=device) - starts[owner]
        ids = torch.tensor([*chain.from_iterable(texts)], device=device)
        x = self._norm((self._words[ids] + self._places[places]).to(self._dtype), self._norm_words)
        for inputs, output, norm, up, down, last in self._layers:
            x = self._norm(x.add_(self._linear(self._attention(self._linear(x, inputs), texts), output)), norm)
            x = self._norm(x.add_(self._linear(self._linear(x, up, "gelu"), down)), last)
        if self._pooling == "cls":
            return x[starts].float()
        return torch.zeros(len(texts), x.shape[1], device=device).index_add_(0, owner, x.float()) / sizes[:, None]

    def _norm(self, x: Any, parts: Sequence[Any]) -> Any:
        return self._torch.nn.functional.layer_norm(x, x.shape[-1:], *parts, self._epsilon)

    def _linear(self, x: Any, layer: tuple[Any, Any], activation: str = "none") -> Any:
        gelu, torch = activation == "gelu", self._torch
        if self._dense:
            return torch.ops.mkldnn._linear_pointwise(x, *layer, activation, [], "none" if gelu else "")
        made = torch.nn.functional.linear(x, *layer)
        return torch.nn.functional.gelu(made) if gelu else made

    def _attention(self, found: Any, texts: Sequence[list[int]]) -> Any:
        """Return (tokens, width) of queries, keys and values beside each other, (tokens, 3 × width)."""
        torch, split, start = self._torch, found.view(len(found), 3, self._heads, -1), 0
        if found.is_cuda and found.dtype == torch.bfloat16 and torch.cuda.get_device_capability(found.device) >= (8, 0):
            sizes = [*map(len, texts)]
            edges = torch.tensor([0, *sizes], device=self._device).cumsum(0).int()
            varlen = importlib.import_module("torch.nn.attention.varlen").varlen_attn
            return varlen(*split.unbind(1), edges, edges, max(sizes), max(sizes), scale=1.0).flatten(1)
        made = torch.empty_like(split[:, 0])
        for length, same in groupby(map(len, texts)):
            stop = start + length * len([*same])
            whole = split[start:stop].unflatten(0, (-1, length)).permute(2, 0, 3, 1, 4)
            if found.is_cuda or self._dtype == torch.float32 or length > LONGEST_PLAIN:
                mixed = torch.nn.functional.scaled_dot_product_attention(*whole, scale=1.0)
            else:  # in bfloat16 on a CPU, this takes a third less than that kernel; softmax is slow on a row's odd end
                k, v = torch.nn.functional.pad(whole[1:], (0, 0, 0, -length % LANES))
                scores = whole[0] @ k.transpose(2, 3)
                scores[..., length:] = -torch.inf
                mixed = torch.softmax(scores, -1, out=scores) @ v
            made[start:stop].unflatten(0, (-1, length)).copy_(mixed.transpose(1, 2))
            start = stop
        return made.flatten(1)
