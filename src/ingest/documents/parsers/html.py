"""HTML: our own walk over the tree of lxml, which is well maintained, fast, and reads every page.

The canonical text is built here: one paragraph per block, blank lines between blocks, one line per list item and table
row. Spans are offsets into that text. Navigation, scripts, styles, consent banners and the site's own header and footer
are left out; hidden text is kept in blocks marked as hidden. Nothing is ever fetched.

Why not `unstructured`: its `partition_html` reads only `<main>`, drops paragraphs of one character, guesses titles in
bare text with a spaCy model, flattens cell spans, does not detect hidden text, and loses text on real pages.
"""

from ingest.documents.parsers._markup.html_blocks import add_html
from ingest.documents.parsers._markup.html_tree import declared_encoding, page_language, page_title, tree, xhtml_tree
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.decoding import decode, told_charset
from ingest.documents.parsers._reading.titles import document_title
from ingest.errors import EmptyDocument
from ingest.records import Document, RawDocument

MEDIA_TYPES = ("text/html", "application/xhtml+xml")
VERSION = "9"
LIBRARIES = ("lxml", "charset-normalizer", "webencodings")


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument, OversizedDocument."""
    path = raw.ref.path
    source = decode(raw.data, path, told_charset(raw) or declared_encoding(raw.data))
    read = xhtml_tree if raw.media_type == "application/xhtml+xml" else tree
    root = read(source, path, nesting=raw.options.limits.nesting)
    if root is None:
        raise EmptyDocument(f"{path}: {len(raw.data)} bytes of markup without an element")
    title, language = page_title(root), page_language(root)
    assembly = Assembly(raw)
    add_html(assembly, root)
    if not assembly.blocks:
        raise EmptyDocument(f"{path}: {len(raw.data)} bytes of HTML, but no text for a reader in it")
    blocks = tuple(assembly.blocks)
    return Document(assembly.text, blocks, document_title(blocks, title), raw.media_type, "html", language)
