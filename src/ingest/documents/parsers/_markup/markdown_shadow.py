"""Markdown beyond CommonMark, line by line: containers, admonitions, shortcodes, JSX, targets, math.

CommonMark would treat such lines as text and join them with their neighbours. The shadow of a file has as many lines as
the file, but such lines are blank or a comment, and the bodies of admonitions and JSX elements are not indented. The
constructs themselves are listed separately, by line.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

MAX_TAG_LINES = 100  # per opening tag or `export`
_ADMONITION_INDENT = 4

TRIGGER = re.compile(r"^[ \t]*(?::::|!!!|\?\?\?|=== |\$\$|\([\w|@<>*./+:-]|\{\{[<%])", re.M)

_MARKS = "`~:!?=$({"  # first characters of special lines and fences outside MDX
_SPECIAL = ":!?=$({<ie"  # and those of special lines in it

_FENCE = re.compile(r"[ \t]*(?:(?P<ticks>`{3,})[^`]*|(?P<tildes>~{3,}).*)$")
_DIRECTIVE = re.compile(r" {0,3}(?P<colons>:{3,})(?P<info>\{[^}\s]+\}.*)$")
_COLONS = re.compile(r"[ \t]*:{3,}[ \t]*(?:[\w{\[-].*)?$")
_SHORTCODE = re.compile(r"[ \t]*(?:\{\{[<%][^{}]*[%>]\}\}[ \t]*)+$")
_CLOSING = re.compile(r"[ \t]*\{\{[<%][ \t]*/")
_TARGET = re.compile(r" {0,3}\([a-zA-Z0-9|@<>*./_+:-]{1,100}\)=[ \t]*$")
_ADMONITION = re.compile(r"[ ]*(?:!!!|\?\?\?\+?)[ \t]+[\w\"-].*$|[ ]*===[!+]?[ \t]+\".*\"[ \t]*$")
_MATH = re.compile(r" {0,3}\$\$[ \t]*$")
_MODULE = re.compile(
    r"import\s+(?:[\w{*][^\n]*\sfrom\s|[\w{*][^\n]*,\s*$|\{\s*$|[\"'])|export\s+(?:default|const|let|var|function|async|class|\{|\*)"
)
_TAGS = re.compile(r"[ \t]*(?:</?[A-Za-z][\w.:-]*(?:\s[^<>]*)?>[ \t]*|</?>[ \t]*)+$")
_OPEN_TAG = re.compile(r"[ \t]*<[A-Za-z][\w.:-]*(?:\s[^<>]*)?$")
_TAG = re.compile(r"<(?P<end>/?)[^<>]*?(?P<alone>/?)>")


@dataclass(frozen=True, slots=True)
class Special:
    """Lines [first, end) that form one special construct."""

    kind: str  # text, silent (without text for readers), directive, math
    first: int
    end: int
    info: str = ""


@dataclass
class Shadow:
    """The lines as a CommonMark parser should see them, and the constructs that were removed, in order."""

    lines: list[str]
    specials: list[Special] = field(default_factory=list)


def shadow(lines: Sequence[str], mdx: bool) -> Shadow:
    """Return the shadow of a file's lines (without line ends); with `mdx`, JSX and modules are recognised too."""
    return _Scan(lines, mdx).run()


class _Scan:
    """One pass over the lines. Inside code fences nothing is special."""

    def __init__(self, lines: Sequence[str], mdx: bool) -> None:
        self.lines, self.mdx = lines, mdx
        self.result = Shadow(list(lines))
        self.fence = ""
        self.admonitions: list[int] = []  # indentation of the open bodies
        self.elements: list[tuple[int, int]] = []  # of open tags: indentation, and how much more their content has
        self.fresh = False  # the innermost element has no content yet
        self.hopeless: dict[str, int] = {}  # by kind: the shortest marker that is never closed

    def run(self) -> Shadow:
        """Return the shadow."""
        line = 0
        while line < len(self.lines):
            text = self.lines[line]
            mark = text.lstrip()[:1]
            end = line
            if mark and (self.mdx or self.admonitions or mark in _MARKS):
                self._leave(text)
                if not self._in_fence(text, mark) and mark in _SPECIAL:
                    end = self._special(line, text)
                if end == line:
                    self._dedent(line, text)
            line = max(end, line + 1)
        return self.result

    def _in_fence(self, text: str, mark: str) -> bool:
        """Track code fences; return whether the line, which begins with `mark`, belongs to one."""
        if mark not in "`~":
            return self.fence != ""
        match = _FENCE.match(text)
        if self.fence:
            if match and text.strip().strip(self.fence[0]) == "" and len(text.strip()) >= len(self.fence):
                self.fence = ""
            return True
        if match:
            self.fence = match["ticks"] or match["tildes"]
        return match is not None

    def _special(self, line: int, text: str) -> int:
        """Take the construct that begins on a line; return where it ends, or `line` for ordinary text."""
        if self.mdx and (end := self._jsx(line, text)) > line:
            return end
        if directive := _DIRECTIVE.match(text):
            end = self._closing(line, "colons", len(directive["colons"]))
            if end > line:
                return self._take("directive", line, end, directive["info"])
        if _MATH.match(text) and (end := self._closing(line, "math", 2)) > line:
            return self._take("math", line, end)
        kind = "silent" if _TARGET.match(text) else self._fence_or_shortcode(line, text)
        return self._take(kind, line, line + 1) if kind else line

    def _fence_or_shortcode(self, line: int, text: str) -> str:
        if self._is_admonition(text):
            self.admonitions.append(_indent(text) + _ADMONITION_INDENT)
            return "text"
        if _SHORTCODE.match(text):  # within a paragraph it stands for words
            taken = self.result.specials and self.result.specials[-1].end == line
            alone = not line or taken or not self.lines[line - 1].strip() or _CLOSING.match(text)
            return "text" if alone else ""
        return "text" if _COLONS.match(text) else ""

    def _take(self, kind: str, first: int, end: int, info: str = "") -> int:
        self.result.specials.append(Special(kind, first, end, info))
        self.result.lines[first:end] = [""] * (end - first)
        if first and not self.lines[first - 1].strip():  # it ends a list above it, like any block with its indentation
            text = self.lines[first]
            self.result.lines[first] = " " * max(_indent(text) - self._depth(), 0) + "<!-- -->"
        return end

    def _closing(self, line: int, kind: str, length: int) -> int:
        """Return the line after the closing line of a directive or a formula, `line` if it is not closed.

        Each search fails only once: `hopeless` remembers the markers that have no closing line any more.
        """
        if length >= self.hopeless.get(kind, length + 1):
            return line
        for at in range(line + 1, len(self.lines)):
            content = self.lines[at].strip()
            if kind == "math":
                if content.endswith("$$"):
                    return at + 1
            elif len(content) >= length and not content.strip(":"):
                return at + 1
        self.hopeless[kind] = length
        return line

    def _is_admonition(self, text: str) -> bool:
        if not _ADMONITION.match(text):
            return False
        return _indent(text) <= (self.admonitions[-1] if self.admonitions else 0) + 3

    def _leave(self, text: str) -> None:
        """Close the admonitions for which a line is not indented enough."""
        while self.admonitions and _indent(text) < self.admonitions[-1]:
            self.admonitions.pop()

    def _jsx(self, line: int, text: str) -> int:
        """Take a module statement, a line of nothing but tags, or an opening tag across several lines."""
        if _MODULE.match(text):
            return self._take("silent", line, self._module_end(line))
        if _TAGS.match(text):
            self._follow_tags(text)
            return self._take("text", line, line + 1)
        if _OPEN_TAG.match(text):
            for at in range(line + 1, min(line + MAX_TAG_LINES, len(self.lines))):
                content = self.lines[at].rstrip()
                if not content:
                    break
                if content.endswith(">"):
                    if not content.endswith("/>") and "</" not in content:
                        self._open(text)
                    return self._take("text", line, at + 1)
        return line

    def _module_end(self, line: int) -> int:
        """Return the line after a statement: at a blank line, or after it while brackets are still open."""
        depth, blank = 0, line
        for at in range(line, min(line + MAX_TAG_LINES, len(self.lines))):
            content = self.lines[at]
            depth += sum(content.count(mark) for mark in "{([") - sum(content.count(mark) for mark in "})]")
            if not content.strip():
                blank = blank if blank > line else at
                if depth <= 0:
                    return at
            elif depth <= 0 and (at + 1 == len(self.lines) or not self.lines[at + 1].strip()):
                return at + 1
        return blank if blank > line else line + 1

    def _follow_tags(self, text: str) -> None:
        for tag in _TAG.finditer(text):
            if tag["end"]:
                if self.elements:
                    self.elements.pop()
                self.fresh = False
            elif not tag["alone"]:
                self._open(text)

    def _open(self, text: str) -> None:
        self._deepen(text)
        self.elements.append((_indent(text), 0))
        self.fresh = True

    def _deepen(self, text: str) -> None:
        """Take the indentation of an element's first content as that of all its content."""
        if self.fresh:
            outer, _ = self.elements[-1]
            self.elements[-1] = (outer, max(_indent(text) - outer, 0))
            self.fresh = False

    def _dedent(self, line: int, text: str) -> None:
        """Remove the indentation due to admonitions and elements."""
        self._deepen(text)
        if by := self._depth():
            self.result.lines[line] = text[min(by, len(text) - len(text.lstrip())) :]

    def _depth(self) -> int:
        """Return the total indentation of the open admonitions and elements."""
        return _ADMONITION_INDENT * len(self.admonitions) + sum(depth for _, depth in self.elements[-MAX_TAG_LINES:])


def _indent(text: str) -> int:
    """Return the number of columns of leading white space."""
    inside = text.lstrip(" ")
    spaces = len(text) - len(inside)
    return spaces if not inside.startswith("\t") else spaces + 4 * (len(inside) - len(inside.lstrip("\t")))
