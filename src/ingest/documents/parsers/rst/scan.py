"""Top-level constructs of reStructuredText, line by line, by the rules of docutils.

docutils keeps no offsets for sections and expands tabs before it parses, so its tree does not show where a section is
in the file. This scanner follows the rules of the reStructuredText specification in the same order of precedence; tests
compare it with the docutils tree.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

_MARKS = r"[!-/:-@\[-`{-~]"
_BULLET = re.compile(r"[-+*\u2022\u2023\u2043]( +|$)")
_ROMAN = re.compile(r"m{0,4}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})", re.I)
_ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_MAX_DIGITS = 18  # of an enumerator; docutils fails on numbers too long for int()
_ENUMERATOR = re.compile(r"(?P<before>\(?)(?P<text>[0-9]+|[a-zA-Z]|[ivxlcdm]+|[IVXLCDM]+|#)(?P<after>[.)])( +|$)")
_FIELD = re.compile(r":(?![: ])(?:[^:\\]|\\.|:(?![ `]|$))*+(?<! ):( +|$)")
_ARGUMENT = r"(?:[a-zA-Z][a-zA-Z0-9_-]*|<[^<>]+>)"
_OPTION = rf"(?:[-+][a-zA-Z0-9](?: ?{_ARGUMENT})?|(?:--|/)[a-zA-Z0-9][a-zA-Z0-9_-]*(?:[ =]{_ARGUMENT})?)"
_OPTIONS = re.compile(rf"{_OPTION}(?:, {_OPTION})*(?:  +| ?$)")
_GRID_BORDER = re.compile(r"\+-[-+]+-\+ *$")
_SIMPLE_TOP = re.compile(r"=+( +=+)+ *$")
_SIMPLE_BORDER = re.compile(r"=[ =]*$")
_EXPLICIT = re.compile(r"\.\.( +|$)")
_ANONYMOUS = re.compile(r"__( +|$)")
_NAME = r"(?:(?!_)\w)+(?:[-._+:](?:(?!_)\w)+)*"
_DIRECTIVE = re.compile(rf"\.\. +(?P<name>{_NAME}) ?::(?: +(?P<argument>.*)|$)")
_SUBSTITUTION = re.compile(r"\.\. +\|(?! |\|$)[^|]+\| +\S")
_FOOTNOTE = re.compile(rf"\.\. +\[(?:[0-9]+|#|#{_NAME}|\*|{_NAME})\]( +|$)")
_TARGET = re.compile(r"\.\. +_(?![ ]|$)")
_LITERAL_MARK = re.compile(r"(?<!\\)(?:\\\\)*::$")
_SHORT = 4  # a line of punctuation shorter than this is text when it does not fit


@dataclass(frozen=True, slots=True)
class Construct:
    """One top-level construct: the lines [first, end)."""

    kind: str
    first: int
    end: int
    name: str = ""  # directive: its name; title: its text as written
    argument: str = ""  # directive: the rest of its first line; title: its style, overline mark included
    body: int = 0  # literal block: its first line; table: the first line below the header, 0 without


def scan(lines: Sequence[str]) -> Iterator[Construct]:
    """Yield the constructs of a document in order. Every line that is not blank is in exactly one.

    Args:
        lines: Without line ends and trailing white space, with tabs expanded.
    """
    return _Scanner(lines).constructs()


class _Scanner:
    """Reads line by line; each method takes the index of a construct's first line."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.rules: tuple[Callable[[int], Construct | None], ...] = (
            self._indented,
            self._bullets,
            self._enumerated,
            self._fields,
            self._options,
            self._doctest,
            self._line_block,
            self._grid_table,
            self._simple_table,
            self._explicit,
            self._anonymous,
            self._marks,
        )

    def constructs(self) -> Iterator[Construct]:
        """Yield constructs; a paragraph that ends in `::` is followed by its literal block."""
        line = 0
        while line < len(self.lines):
            if not self.lines[line]:
                line += 1
                continue
            found = next((c for rule in self.rules if (c := rule(line))), None) or self._text(line)
            literal = self._literal(found) if found.kind == "paragraph" else None
            if literal is None:
                yield found
            elif literal.first == found.first:
                yield literal
            else:
                yield from (found, literal)
            line = (literal or found).end

    def _at(self, line: int) -> str:
        return self.lines[line] if line < len(self.lines) else ""

    def _is_indented(self, line: int) -> bool:
        return self._at(line)[:1] == " "

    def _body_end(self, line: int) -> int:
        """Return the end of the indented lines that follow `line`, including blank ones between them."""
        end = line = line + 1
        while line < len(self.lines) and (not self.lines[line] or self.lines[line][0] == " "):
            line += 1
            end = line if self.lines[line - 1] else end
        return end

    def _body_to_blank(self, line: int) -> int:
        """Return the end of the indented lines that follow `line` without a blank line."""
        line += 1
        while self._is_indented(line):
            line += 1
        return line

    def _text_end(self, line: int) -> int:
        """Return the end of the unindented lines from `line` on."""
        while line < len(self.lines) and self.lines[line] and self.lines[line][0] != " ":
            line += 1
        return line

    def _indented(self, line: int) -> Construct | None:
        return Construct("quote", line, self._body_end(line)) if self._is_indented(line) else None

    def _bullets(self, line: int) -> Construct | None:
        return Construct("list", line, self._body_end(line)) if _BULLET.match(self.lines[line]) else None

    def _enumerated(self, line: int) -> Construct | None:
        """Take an enumerated item. Unless the next line is blank, indented or the next item, it is a sentence."""
        match = _ENUMERATOR.match(self.lines[line])
        if match is None or (match["before"] and match["after"] == ".") or not _is_ordinal(match["text"]):
            return None
        following = self._at(line + 1)
        if following[:1] not in ("", " ") and not _is_next(match, following):
            return None
        return Construct("list", line, self._body_end(line))

    def _fields(self, line: int) -> Construct | None:
        return Construct("field", line, self._body_end(line)) if _FIELD.match(self.lines[line]) else None

    def _options(self, line: int) -> Construct | None:
        """Take an item of an option list; without a description it is text."""
        match = _OPTIONS.match(self.lines[line])
        if match is None:
            return None
        end = self._body_end(line)
        described = match.end() < len(self.lines[line]) or end > line + 1
        return Construct("list", line, end) if described else None

    def _doctest(self, line: int) -> Construct | None:
        if not (self.lines[line] == ">>>" or self.lines[line].startswith(">>> ")):
            return None
        end = line
        while self._at(end):
            end += 1
        return Construct("doctest", line, end)

    def _line_block(self, line: int) -> Construct | None:
        if not (self.lines[line] == "|" or self.lines[line].startswith("| ")):
            return None
        return Construct("lines", line, self._body_to_blank(line))

    def _grid_table(self, line: int) -> Construct | None:
        """Take a grid table: lines with a left edge, up to the last border."""
        if not _GRID_BORDER.match(self.lines[line]):
            return None
        end = line
        while self._at(end)[:1] in ("+", "|"):
            end += 1
        rows = self.lines[line:end]
        if not _GRID_BORDER.match(rows[-1]):
            bottom = next((i for i in range(len(rows) - 2, 1, -1) if _GRID_BORDER.match(rows[i])), len(rows) - 1)
            end = line + bottom + 1
        header = next((line + i + 1 for i, row in enumerate(rows) if "=" in row and not row.strip("+=")), 0)
        return Construct("table", line, end, body=header if header < end else 0)

    def _simple_table(self, line: int) -> Construct | None:
        """Take a simple table: up to the second border below the top, or to one before a blank line."""
        if not _SIMPLE_TOP.match(self.lines[line]):
            return None
        width, borders = len(self.lines[line]), []
        for at in range(line + 1, len(self.lines)):
            if not _SIMPLE_BORDER.match(self.lines[at]):
                continue
            borders.append(at)
            if len(self.lines[at]) != width or len(borders) == 2 or not self._at(at + 1):
                return Construct("table", line, at + 1, body=borders[0] + 1 if len(borders) == 2 else 0)
        return Construct("table", line, borders[-1] + 1 if borders else len(self.lines))

    def _explicit(self, line: int) -> Construct | None:
        """Take what begins with two dots: a directive, footnote, target or substitution, or else a comment."""
        text = self.lines[line]
        if not _EXPLICIT.match(text):
            return None
        if directive := _DIRECTIVE.match(text):
            return Construct(
                "directive", line, self._body_end(line), directive["name"].lower(), directive["argument"] or ""
            )
        if _FOOTNOTE.match(text):
            return Construct("footnote", line, self._body_end(line))
        if _TARGET.match(text):
            return Construct("target", line, self._body_to_blank(line))
        if text == ".." and not self._at(line + 1):  # an empty comment ends other constructs and has no body
            return Construct("comment", line, line + 1)
        kind = "substitution" if _SUBSTITUTION.match(text) else "comment"
        return Construct(kind, line, self._body_end(line))

    def _anonymous(self, line: int) -> Construct | None:
        return Construct("target", line, self._body_to_blank(line)) if _ANONYMOUS.match(self.lines[line]) else None

    def _marks(self, line: int) -> Construct | None:
        """Take a line of punctuation: a transition, the overline of a title, or the start of a broken title."""
        over = self.lines[line]
        if not is_marks(over):
            return None
        short = len(over) < _SHORT
        title, under = self._at(line + 1), self._at(line + 2)
        if not title:
            return None if short else Construct("transition", line, line + 1)
        if is_marks(title):
            return None if short else Construct("broken", line, line + 2)
        if under == over and (not short or fits(title, over)):
            return Construct("title", line, line + 3, title.strip(), over[0] + under[0])
        return None if short else Construct("broken", line, min(line + 3, len(self.lines)))

    def _text(self, line: int) -> Construct:
        """Take a title, a definition or a paragraph."""
        title, under = self.lines[line], self._at(line + 1)
        if is_marks(under) and (len(under) >= _SHORT or fits(title, under)):
            return Construct("title", line, line + 2, title.strip(), under[0])
        if under[:1] == " ":
            return Construct("definition", line, self._body_end(line))
        return Construct("paragraph", line, self._text_end(line))

    def _literal(self, paragraph: Construct) -> Construct | None:
        """Return the literal block introduced by a paragraph that ends in `::`.

        Its lines are indented, or begin with the same punctuation. A paragraph of only `::` becomes part of it.
        """
        last = self.lines[paragraph.end - 1]
        if not _LITERAL_MARK.search(last):
            return None
        begin = paragraph.end
        while begin < len(self.lines) and not self.lines[begin]:
            begin += 1
        text = self._at(begin)
        if not text:
            return None
        end = self._body_end(begin - 1) if text[0] == " " else begin
        if re.match(_MARKS, text):
            while self._at(end)[:1] == text[0]:
                end += 1
        alone = last == "::" and paragraph.end == paragraph.first + 1
        first = paragraph.first if alone else begin
        return Construct("literal", first, end, body=begin) if end > begin else None


def is_marks(line: str) -> bool:
    """Return whether a line is one punctuation character, repeated."""
    return bool(re.match(_MARKS, line)) and line == line[0] * len(line)


def fits(title: str, marks: str) -> bool:
    """Return whether a title is at most as wide as its line; East Asian characters count twice, combining ones zero."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in title)
    combining = sum(unicodedata.combining(character) > 0 for character in title)
    return len(title) + wide - combining <= len(marks)


def _is_ordinal(text: str) -> bool:
    """Return whether an enumerator is valid: several letters must be a Roman numeral."""
    if text.isdigit():
        return len(text) <= _MAX_DIGITS
    return text == "#" or len(text) == 1 or bool(_ROMAN.fullmatch(text))


def _is_next(match: re.Match[str], line: str) -> bool:
    """Return whether a line begins with the enumerator that follows the one in `match`, or with `#`."""
    following = _ENUMERATOR.match(line)
    if following is None or (following["before"], following["after"]) != (match["before"], match["after"]):
        return False
    text, successor = match["text"], following["text"]
    if successor == "#" or text == "#":
        return successor == "#"
    if text.isdigit():
        return successor == str(int(text) + 1)
    if len(text) == 1 and text not in "iI":
        return successor == chr(ord(text) + 1)
    same_case = text.isupper() == successor.isupper()
    return same_case and bool(_ROMAN.fullmatch(successor)) and _roman(successor) == _roman(text) + 1


def _roman(numeral: str) -> int:
    """Return the value of a Roman numeral; a digit before a greater one is subtracted."""
    digits = [_ROMAN_DIGITS[letter] for letter in numeral.lower()]
    return sum(-d if d < max(digits[i:]) else d for i, d in enumerate(digits))
