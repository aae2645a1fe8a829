"""An lxml tree of HTML to blocks, for pages, books, e-mails and notebooks.

One walk over the events of the tree, without recursion. Text is collected until an element begins or ends a block; a
list becomes one block of lines, indented by depth; hidden text becomes blocks with the mark "hidden", in place or, if
it is inside a paragraph, list or table, after it.
"""

from collections.abc import Callable
from typing import Any

from ingest.documents.parsers._markup.html_chrome import Chrome, scope
from ingest.documents.parsers._markup.html_code import CODE, code_language, code_lines, is_code_table, is_editor
from ingest.documents.parsers._markup.html_inline import BLOCKS, BREAK, SPECIAL, Inline, closing, is_apart, opening
from ingest.documents.parsers._markup.html_kept_lines import break_lines, is_styled_as_code, keeps_lines
from ingest.documents.parsers._markup.html_lists import LISTS, OpenLists, number_in
from ingest.documents.parsers._markup.html_readable import made_readable
from ingest.documents.parsers._markup.html_tables import cells, grid, is_layout, own_rows
from ingest.documents.parsers._markup.html_tabs import TabLabels, label_of
from ingest.documents.parsers._reading.assembly import MAX_TITLE, Assembly
from ingest.documents.parsers._reading.table_blocks import lines as table_lines
from ingest.records import BlockKind

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_ROWS = frozenset(("body", "table", "tr", "td", "th", "li"))  # of which none is code as a whole
_HIDDEN = ("hidden",)


def add_html(assembly: Assembly, root: Any, *, first_level: int = 1, page: int | None = None) -> None:
    """Append the blocks of a page's main content.

    Args:
        assembly: Receives the blocks.
        root: lxml element without namespaces, as `html_tree.tree` returns it; comments in it are removed.
        first_level: The level of `<h1>`.
        page: The page on which all blocks are.

    Raises: OversizedDocument.
    """
    hiding = made_readable(root, assembly.path, assembly.limits.nesting)
    chrome = Chrome(root, hiding.disclosure.opens, hiding.disclosure.is_opened)
    inline = Inline(hiding, chrome, TabLabels(root))
    for part in scope(root):
        flow = _Flow(assembly, inline, first_level, {} if page is None else {"page": page})
        flow.read(part, hidden=any(hiding(around) for around in part.iterancestors()))


class _Flow:
    """The state of one walk."""

    def __init__(self, assembly: Assembly, inline: Inline, first_level: int, fields: dict[str, Any]) -> None:
        self.assembly, self.inline, self.first_level, self.fields = assembly, inline, first_level, fields
        self.hiding, self.styles = inline.hiding, inline.styles
        self.parts: list[str] = []  # text of the open block
        self.lists = OpenLists(self.styles)
        self.quotes = self.captions = self.hidden = 0
        self.depth = 0
        self.closers: list[tuple[int, Callable[[], None]]] = []  # by depth

    def read(self, root: Any, *, hidden: bool) -> None:
        """Add the blocks of an element."""
        from lxml import etree

        self.hidden = int(hidden)
        walker = etree.iterwalk(root, events=("start", "end"))
        parts, is_box = self.parts, self.styles.is_box
        for event, element in walker:
            tag = element.tag
            if event == "start":
                self.depth += 1
                if self._start(element, tag):
                    walker.skip_subtree()
                elif element.text:
                    parts.append(element.text)
                continue
            if self.closers and self.closers[-1][0] == self.depth:
                self.flush()
                self.closers.pop()[1]()
            elif tag in BLOCKS:
                self.flush()
            elif tag in SPECIAL:
                parts.append(closing(tag))
            elif is_apart(tag) or is_box(element):
                parts.append(" ")
            self.depth -= 1
            if element.tail and element is not root:
                parts.append(element.tail)
        self.flush()
        self.close_list()
        self._laid_aside()

    def _start(self, element: Any, tag: str) -> bool:
        """Begin an element; return whether its content is skipped or was already read here."""
        if tag in SPECIAL:
            return self._special(element, tag)
        if not self.inline.is_plain(element, tag) and self._start_unusual(element, tag):
            return True
        if tag in BLOCKS or self.styles.is_block(element):
            return self._block(element, tag)
        if is_apart(tag) or self.styles.is_box(element):
            self.parts.append(" ")
        return False

    def _start_unusual(self, element: Any, tag: str) -> bool:
        """Judge an element by its attributes; return whether it is left out, set aside or read."""
        if self._is_left_out(element, tag) or (self.hiding(element) and self._hide(element, tag)):
            return True
        role = element.get("role")
        if role == "heading" and tag not in _HEADINGS:
            self.flush()
            return self._heading(element, tag)
        if role == "tabpanel":
            self._name_panel(element)
        return False

    def _block(self, element: Any, tag: str) -> bool:
        """Begin a block, or an inline element that is shown as one; see `_start`."""
        self.flush()
        if keeps_lines(element):
            if is_styled_as_code(element) and tag not in _ROWS:
                return self._code(element, tag)
            break_lines(element)
        if tag not in BLOCKS:
            self._open(lambda: None)  # its text ends there
            return False
        handler = _Flow._code if is_editor(element) else _BLOCKS.get(tag)
        return handler is not None and handler(self, element, tag)

    def _is_left_out(self, element: Any, tag: str) -> bool:
        if tag == "script" and element.get("type", "").startswith("math/tex"):
            self.parts.append(f" {element.text or ''} ")
            return True
        return self.inline.is_left_out(element, tag)

    def _name_panel(self, panel: Any) -> None:
        """Read the label of a panel's tab before it, if the row of tabs is left out."""
        self.flush()
        tab = self.inline.tabs.tab_of(panel) if self.inline.tabs else None
        around = () if tab is None else (tab, *tab.iterancestors())
        if any(self.inline.is_left_out(element, element.tag) for element in around):
            label = label_of(self.inline.text(tab), panel)
            if self.lists.items:
                self.parts.append(label)
                self.flush()
            else:
                self.add(BlockKind.CAPTION, [label])

    def _open(self, close: Callable[[], None]) -> None:
        """Call `close` when the current element ends."""
        self.closers.append((self.depth, close))

    def _special(self, element: Any, tag: str) -> bool:
        if tag == "img" and not self.lists.items and not any(part.strip() for part in self.parts):
            self.parts.clear()
            if not (self.hidden or self.hiding(element)):
                self.add(BlockKind.CAPTION, [" ".join((element.get("alt") or "").split())])
            return True
        text, read = opening(element, tag)
        self.parts.append(text)
        return not read

    def _hide(self, element: Any, tag: str) -> bool:
        """Hide an element; return whether it was set aside as a whole, as inside text and lists."""
        if self.lists.items or tag not in BLOCKS or tag in ("li", "dt", "dd"):
            self.inline.aside(element)
            return True
        self.flush()
        self.close_list()
        self.hidden += 1
        self._open(self._show)
        return tag in _BLOCKS and tag not in LISTS and _BLOCKS[tag](self, element, tag)

    def _show(self) -> None:
        self.close_list()
        self.hidden -= 1

    def flush(self) -> None:
        """End the open block of text."""
        if not self.parts:
            return
        text = "".join(self.parts).replace("\u00ad", "")  # soft hyphens
        self.parts.clear()
        pieces = text.split(BREAK) if BREAK in text else (text,)
        lines = [" ".join(words) for piece in pieces if (words := piece.split())]
        if lines and self.lists.items:
            self.lists.add(lines)
        elif lines:
            kind = BlockKind.CAPTION if self.captions else BlockKind.QUOTE if self.quotes else BlockKind.PARAGRAPH
            self.add(kind, lines, **({"level": self.quotes} if kind is BlockKind.QUOTE else {}))
        if self.inline.hidden and not self.lists.items:
            self._laid_aside()

    def add(self, kind: BlockKind, lines: list[str], header_lines: int = 0, **fields: Any) -> None:
        """Add a block after the open list."""
        self.close_list()
        if self.hidden:
            fields["marks"] = _HIDDEN
        self.assembly.add(kind, lines, header_lines, **self.fields, **fields)

    def close_list(self) -> None:
        """End the open list, and add what was set aside in it."""
        if self.lists.lines:
            lines, breaks = self.lists.take()
            marks = _HIDDEN if self.hidden else ()
            self.assembly.add(BlockKind.LIST, lines, breaks=breaks, marks=marks, **self.fields)
            self._laid_aside()

    def _laid_aside(self) -> None:
        """Add the hidden text that was set aside."""
        hidden, self.inline.hidden = self.inline.hidden, []
        for text in hidden:
            self.assembly.add(BlockKind.PARAGRAPH, [text], marks=_HIDDEN, **self.fields)

    def _heading(self, element: Any, tag: str) -> bool:
        level = _HEADINGS.get(tag) or number_in(element.get("aria-level"), 2)
        title = self.inline.text(element).replace("\u00ad", "")
        if title and not (self.lists.items or self.quotes or self.captions or self.hidden) and len(title) <= MAX_TITLE:
            self.close_list()
            self.assembly.heading(title, level + self.first_level - 1, **self.fields)
        else:
            self.parts.append(title)
        self.flush()
        if self.inline.hidden and not self.lists.items:
            self._laid_aside()
        return True

    def _list(self, element: Any, tag: str) -> bool:
        self.lists.begin(element, tag)
        self._open(self._end_list)
        return False

    def _end_list(self) -> None:
        self.lists.end()
        if not self.lists:
            self.close_list()

    def _item(self, element: Any, tag: str) -> bool:
        self.lists.begin_item(element, tag)
        self._open(self.lists.end_item)
        return False

    def _within(self, element: Any, tag: str) -> bool:
        """Count a quote or a caption as open until its element ends."""
        what = "quotes" if tag == "blockquote" else "captions"
        self._count(what, 1)
        self._open(lambda: self._count(what, -1))
        return False

    def _count(self, what: str, by: int) -> None:
        setattr(self, what, getattr(self, what) + by)

    def _code(self, element: Any, tag: str) -> bool:
        lines = code_lines(element, self.inline)
        while lines and not lines[0].strip():
            del lines[0]
        self.add(BlockKind.CODE, lines, language=code_language(element))
        self._laid_aside()
        return True

    def _table(self, element: Any, tag: str) -> bool:
        """Read a data table here, and leave a layout table to the walk."""
        rows = own_rows(element)
        if is_code_table(parts := [cells(row) for row in rows]):
            return self._code(element, tag)
        if is_layout(element, parts):
            return False
        caption = element.find("caption")
        if caption is not None:
            self.add(BlockKind.CAPTION, [self.inline.text(caption)])
        elif not self.lists.lines:
            self.assembly.name_table()
        found, headers = grid(rows, self.inline)
        limit = self.assembly.limits.text_characters
        self.add(BlockKind.TABLE, table_lines(found, self.assembly.path, limit), headers)
        self._laid_aside()
        inner, self.inline.tables = self.inline.tables, []
        for table in inner:
            _Flow(self.assembly, self.inline, self.first_level, self.fields).read(table, hidden=bool(self.hidden))
        return True


_BLOCKS: dict[str, Callable[[_Flow, Any, str], bool]] = {
    **dict.fromkeys(_HEADINGS, _Flow._heading),
    **dict.fromkeys(LISTS, _Flow._list),
    **dict.fromkeys(("li", "dt", "dd"), _Flow._item),
    **dict.fromkeys(CODE, _Flow._code),
    **dict.fromkeys(("blockquote", "figcaption", "caption"), _Flow._within),
    "table": _Flow._table,
}
