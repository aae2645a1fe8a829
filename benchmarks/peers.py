"""Other chunkers on files of Markdown, run by benchmarks/parse.py in the environment of benchmarks/peers.txt.

    python benchmarks/peers.py <tokenizer.json> <list of files> <name>

Prints one JSON object: {"seconds": CPU seconds, "chunks": n, "version": …} or {"missing": why}.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

LIMIT = 220  # tokens of a chunk
CHARACTERS = 900  # of a chunk, for those that count no tokens
Chunker = Callable[[str], Iterable[object]]


def main() -> None:
    """Measure one peer."""
    tokenizer_file, files, name = sys.argv[1:]
    texts = [Path(path).read_text(encoding="utf-8") for path in Path(files).read_text().split("\n")]
    try:
        chunk, library = PEERS[name](tokenizer_file)
    except ImportError as error:  # not installed, or for another version of Python
        print(json.dumps({"missing": str(error)}))
        return
    for text in texts[:5]:
        list(chunk(text))
    started, chunks = time.process_time(), 0
    for text in texts:
        chunks += len(list(chunk(text)))
    print(json.dumps({"seconds": time.process_time() - started, "chunks": chunks, "version": version(library)}))


def _tokenizer(path: str):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _count(path: str) -> Callable[[str], int]:
    tokenizer = _tokenizer(path)
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def _langchain(path: str, *, tokens: bool) -> tuple[Chunker, str]:
    from langchain_text_splitters import MarkdownHeaderTextSplitter, RecursiveCharacterTextSplitter

    headers = MarkdownHeaderTextSplitter([("#" * n, str(n)) for n in range(1, 7)], strip_headers=False)
    sizes = {"chunk_size": LIMIT, "length_function": _count(path)} if tokens else {"chunk_size": CHARACTERS}
    recursive = RecursiveCharacterTextSplitter(chunk_overlap=0, **sizes)
    return lambda text: recursive.split_documents(headers.split_text(text)), "langchain-text-splitters"


def _llama_index(path: str, *, tokens: bool) -> tuple[Chunker, str]:
    from llama_index.core import Document
    from llama_index.core.node_parser import MarkdownNodeParser, SentenceSplitter

    encode = _tokenizer(path).encode
    parser = MarkdownNodeParser()
    sentences = SentenceSplitter(
        chunk_size=LIMIT,
        chunk_overlap=0,
        tokenizer=lambda text: encode(text, add_special_tokens=False).ids,
        include_metadata=False,
    )

    def chunk(text: str) -> Iterable[object]:
        nodes = parser.get_nodes_from_documents([Document(text=text)])
        return sentences.get_nodes_from_documents(nodes) if tokens else nodes

    return chunk, "llama-index-core"


def _chonkie(path: str) -> tuple[Chunker, str]:
    from chonkie import RecursiveChunker

    return RecursiveChunker(tokenizer=_tokenizer(path), chunk_size=LIMIT).chunk, "chonkie"


def _semantic(path: str) -> tuple[Chunker, str]:
    from semantic_text_splitter import MarkdownSplitter

    return MarkdownSplitter.from_huggingface_tokenizer(_tokenizer(path), LIMIT).chunks, "semantic-text-splitter"


def _unstructured(path: str) -> tuple[Chunker, str]:
    from unstructured.chunking.title import chunk_by_title
    from unstructured.nlp import tokenize
    from unstructured.partition.md import partition_md

    os.environ["UNSTRUCTURED_DISABLE_NOTICE"] = "1"
    tokenize._get_nlp = _sentences_only  # its own way downloads a model that tags parts of speech too, and takes longer

    return lambda text: chunk_by_title(partition_md(text=text), max_characters=CHARACTERS), "unstructured"


@lru_cache(maxsize=1)
def _sentences_only():
    import spacy

    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    return pipeline


PEERS: dict[str, Callable[[str], tuple[Chunker, str]]] = {
    "LangChain headers + recursive, characters": lambda path: _langchain(path, tokens=False),
    "LangChain headers + recursive, tokens": lambda path: _langchain(path, tokens=True),
    "LlamaIndex Markdown nodes, no limit": lambda path: _llama_index(path, tokens=False),
    "LlamaIndex Markdown nodes + sentences, tokens": lambda path: _llama_index(path, tokens=True),
    "chonkie recursive, tokens, no headings": _chonkie,
    "semantic-text-splitter Markdown, tokens": _semantic,
    "unstructured chunk_by_title, characters, no model": _unstructured,
}

if __name__ == "__main__":
    main()
