"""The language of a document, and chunk sizes by which a chunk holds about as much text in each language."""

import re

from ingest.documents.chunking.sections import HIDDEN
from ingest.languages import ENGLISH, UNKNOWN, language_of
from ingest.ports import Tokenizer
from ingest.records import BlockKind, ChunkingOptions, Document

SIZES = ("max_tokens", "target_tokens", "min_tokens", "overlap_tokens", "parent_tokens")
SAMPLE, PIECES = 2048, 16  # code points that are looked at, and in how many places of the document
WIDE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")  # a character says as much as three letters
SYLLABLES = re.compile("[\u3041-\u30ff\uac00-\ud7af]")  # as two: kana, Hangul
STEPS, MOST = 4, 4.0  # sizes grow in quarters, so that a small edit rarely moves every cut, and to so many times
FULL = 0.9  # of `max_tokens` that the target may be where the model's limit keeps that from growing, too
PASSAGE = (  # about as many characters per token as in English articles
    "The canal between Rotterdam and Dordrecht was dredged in 1874, when steamers of 2,400 tonnes had replaced barges. "
    "Engineers measured salinity at eleven locks: chloride never exceeded 0.3 g per litre upstream, and fishermen "
    "reported sturgeon again."
)


def sample_of(document: Document) -> str:
    """Return the beginnings of blocks all over a document, without code and hidden text; "" if it has nothing else."""
    left_out = BlockKind.CODE, BlockKind.METADATA
    prose = [b for b in document.blocks if b.kind not in left_out and HIDDEN not in b.marks]
    some = prose[:: -(-len(prose) // PIECES) or 1]
    return "\n".join(document.text[b.start : min(b.end, b.start + SAMPLE // len(some))] for b in some)


def sized(document: Document, options: ChunkingOptions, tokenizer: Tokenizer, most: int) -> tuple[str, ChunkingOptions]:
    """Return a document's language, UNKNOWN if it cannot be told, and the options with the sizes for it.

    Sizes are for English: in a language of more tokens they grow in proportion, up to the model's limit, `most`.
    """
    sample = sample_of(document)
    language = language_of(sample, document.language)
    if language in (UNKNOWN, ENGLISH):
        return language, options
    texts = sample, PASSAGE
    letters = (len(text) + 2 * len(WIDE.findall(text)) + len(SYLLABLES.findall(text)) for text in texts)
    here, english = (len(spans) / max(n, 1) for spans, n in zip(tokenizer.offsets(texts), letters, strict=True))
    times = min(max(round(STEPS * here / english) / STEPS, 1.0), MOST)
    grown = {name: round(getattr(options, name) * times) for name in SIZES}
    grown["max_tokens"] = longest = max(options.max_tokens, min(grown["max_tokens"], most))
    grown["target_tokens"] = target = max(options.target_tokens, min(grown["target_tokens"], round(FULL * longest)))
    limits = {"min_tokens": target, "overlap_tokens": target // 2}
    return language, options.model_copy(update=grown | {name: min(grown[name], n) for name, n in limits.items()})
