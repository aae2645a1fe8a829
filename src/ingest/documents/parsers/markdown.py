"""Markdown: CommonMark with tables, footnotes, task and definition lists, front matter; MyST, Hugo, MDX, MkDocs too.

The canonical text is the decoded file, unchanged. Only top-level blocks and tables count: a heading inside a list or a
quote starts no section, but one in an HTML block does. Every character that is not white space is in exactly one block,
except a byte order mark.

Blocks are found by pulldown-cmark (`pyromark`), whose events carry byte ranges: a parser written in Python would be far
slower.
"""

from ingest.documents.parsers._markup.markdown_blocks import markdown_blocks
from ingest.documents.parsers._reading.decoding import decode, told_charset
from ingest.documents.parsers._reading.titles import document_title
from ingest.records import Document, RawDocument

MEDIA_TYPES = ("text/markdown", "text/mdx")
VERSION = "9"
LIBRARIES = ("pyromark", "lxml", "pyyaml", "charset-normalizer", "webencodings")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument, OversizedDocument."""
    text = decode(raw.data, raw.ref.path, told_charset(raw))
    blocks, title = markdown_blocks(text, raw)
    return Document(text, tuple(blocks), document_title(blocks, title), raw.media_type, "markdown")
