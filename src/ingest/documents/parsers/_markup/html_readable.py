"""The tree of a page with what else its readers see as text: pages in frames, words in drawings, signs, numbers."""

from typing import Any

from ingest.documents.parsers._markup.html_counters import write_numbers
from ingest.documents.parsers._markup.html_drawn import show_drawn
from ingest.documents.parsers._markup.html_hidden import Hiding
from ingest.documents.parsers._markup.html_inline_styles import values
from ingest.documents.parsers._markup.html_raised import write_scripts
from ingest.documents.parsers._markup.html_symbols import show_symbols
from ingest.documents.parsers._markup.html_tree import check_depth


def made_readable(root: Any, path: str, nesting: int) -> Hiding:
    """Write into the tree what readers see as text, without comments; return what of it is hidden.

    Raises: OversizedDocument when elements are nested deeper than `nesting`.
    """
    from lxml import etree

    check_depth(root, nesting, path)
    etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction)
    show_drawn(root, path, nesting)
    styles = values(root, "style")
    show_symbols(root, styles)
    write_scripts(root)
    hiding = Hiding(root, styles)
    write_numbers(root, hiding.styles)
    return hiding
