"""Markdown: CommonMark with tables, footnotes, task and definition lists, front matter; MyST, Hugo, MDX, MkDocs too.

The canonical text is the decoded file, unchanged. Top-level blocks only: a heading inside a list or a quote starts no
section, one in an HTML block does. Every character that is no white space lies in exactly one block, except a byte
order mark.

Blocks are found by pulldown-cmark (`pyromark`): its events with byte ranges come at over 20 MB/s, where a parser in
Python needed longer for the blocks than the embedder's tokenizer for the text.
"""

from ingest.documents.parsers._markup.markdown_blocks import markdown_blocks
from ingest.documents.parsers._reading.decoding import decode
from ingest.documents.parsers._reading.lines import document_title
from ingest.records import Document, RawDocument

MEDIA_TYPES = ("text/markdown", "text/mdx")
VERSION = "3"
LIBRARIES = ("pyromark", "lxml", "pyyaml", "charset-normalizer")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument, OversizedDocument."""
    text = decode(raw.data, raw.ref.path)
    blocks, title = markdown_blocks(text, raw)
    return Document(text, tuple(blocks), title or document_title(blocks), raw.media_type, "markdown")
