"""XML: JATS articles, DocBook, DITA, TEI, patents, feeds, and other vocabularies by simple rules.

The tree is renamed to HTML and read by the same walk. `unstructured` would flatten XML to lines of text without
structure. Entities are refused before anything is parsed, and nothing is fetched.
"""

from typing import Any

from ingest.documents.parsers._markup.html_blocks import add_html
from ingest.documents.parsers._markup.html_raised import write_scripts
from ingest.documents.parsers._markup.html_tree import declared_encoding, tree
from ingest.documents.parsers._markup.xml_tree import xml_tree
from ingest.documents.parsers._reading.assembly import Assembly
from ingest.documents.parsers._reading.decoding import decode, told_charset
from ingest.documents.parsers._reading.titles import document_title
from ingest.documents.parsers.xml.dialects import to_html
from ingest.errors import EmptyDocument
from ingest.records import BlockKind, Document, RawDocument

_FEEDS = ("rss", "feed", "rdf")
_STATED = (  # where vocabularies keep the title of a whole document, besides in its first heading
    "title",
    "info/title",
    "bookinfo/title",
    "articleinfo/title",
    "teiheader/filedesc/titlestmt/title",
    "head/title",
    "metadata/title",
    "front/article-meta/title-group/article-title",
    "*/invention-title",
    "*/technical-information/title-of-invention",
)
_BODIES = ("encoded", "content", "description", "summary")  # in a feed's entry, best first


def parse(raw: RawDocument) -> Document:
    """Return the document. Raises: EmptyDocument, MalformedDocument, OversizedDocument."""
    path = raw.ref.path
    source = decode(raw.data, path, told_charset(raw) or declared_encoding(raw.data))
    root = xml_tree(source, path, nesting=raw.options.limits.nesting)
    write_scripts(root)
    language = (root.get("{http://www.w3.org/XML/1998/namespace}lang") or root.get("lang") or "").partition("-")[0]
    stated = next((text for place in _STATED if (text := _text(root.find(place)))), "")
    assembly = Assembly(raw)
    if root.tag in _FEEDS:
        _add_feed(assembly, root)
    else:
        to_html(root)
        add_html(assembly, root)
    if not assembly.blocks:
        raise EmptyDocument(f"{path}: {len(raw.data)} bytes of XML, but no text in its elements and attributes")
    blocks = tuple(assembly.blocks)
    return Document(assembly.text, blocks, document_title(blocks, stated), raw.media_type, "xml", language.lower())


def _text(element: Any) -> str:
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _add_feed(assembly: Assembly, root: Any) -> None:
    """Append a feed: its title, then each entry as a section; bodies are HTML."""
    channel = root.find("channel")
    head = root if channel is None else channel
    for element in head:
        if element.tag == "title":
            assembly.heading("".join(element.itertext()), 1)
        elif element.tag in ("description", "subtitle"):
            _add_markup(assembly, element)
    for entry in root.iter("item", "entry"):
        title = entry.find("title")
        if title is not None:
            assembly.heading("".join(title.itertext()), 2)
        facts = [" ".join("".join(part.itertext()).split()) for part in entry.iter("pubdate", "published", "creator")]
        facts += [" ".join(" ".join(part.itertext()).split()) for part in entry.iter("author")]
        assembly.add(BlockKind.PARAGRAPH, [", ".join(fact for fact in facts if fact)])
        body = next((found for name in _BODIES if (found := entry.find(name)) is not None), None)
        if body is not None:
            _add_markup(assembly, body)


def _add_markup(assembly: Assembly, element: Any) -> None:
    """Append HTML: escaped as text, or as elements."""
    if len(element):
        element.tag = "div"
        add_html(assembly, element, first_level=3)
        return
    root = tree(element.text or "", assembly.path, nesting=assembly.limits.nesting) if element.text else None
    if root is not None:
        add_html(assembly, root, first_level=3)
