"""Number format codes of spreadsheets (`#,##0.00" kg"`), taken apart into sections and tokens (ECMA-376, 18.8.31).

Why not a library: the only one for Python, a port of SheetJS's SSF, has had no release since 2020 and needs seven
others, among them calendars that are not kept any more.
"""

import re
from dataclasses import dataclass

_LONGEST = 1000  # characters of a code; Excel allows 255
_TOKEN = re.compile(
    r"""
    "(?P<quoted>[^"]*)"? | \\(?P<escaped>.?) | _(?P<width>.?) | \*(?P<fill>.?) | \[(?P<bracket>[^\]]*)\]
    | (?P<general>General|Standard) | (?P<half>AM/PM|A/P) | (?P<exponent>E[+-]) | (?P<at>@)
    | (?P<date>y+|m+|d+|h+|s+|b+|e+|g+|a{3,4}) | (?P<digit>[0\#?]) | (?P<point>\.) | (?P<comma>,) | (?P<slash>/)
    | (?P<percent>%) | (?P<other>.)
    """,
    re.X | re.I | re.S,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d{1,15}(?:\.\d{1,15})?(?:E[+-]?\d{1,2})?)\s*\Z", re.I)
_CURRENCY = re.compile(r"\$(.*?)(?:-([0-9A-Za-z,-]*))?\Z", re.S)
_ELAPSED = re.compile(r"(h{1,4}|m{1,4}|s{1,4})\Z", re.I)
_LITERAL = ("quoted", "escaped", "other")
_CLOCK = "hs"


@dataclass(frozen=True, slots=True)
class CodeToken:
    """A part of a section: text, digit, point, comma, percent, exponent, slash, general, at, date, elapsed, half."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class CodePart:
    """What a format shows for some of the values."""

    tokens: tuple[CodeToken, ...]
    condition: tuple[str, float] | None = None
    language: str = ""  # LCID in hexadecimal, for names of months and days

    def has(self, kind: str) -> bool:
        """Return whether it has a token of a kind."""
        return any(token.kind == kind for token in self.tokens)


def code_parts(code: str) -> list[CodePart]:
    """Return the sections of a code; an empty code has one that shows numbers as they are."""
    if not code.strip() or len(code) > _LONGEST:
        code = "General"
    parts: list[list[re.Match[str]]] = [[]]
    for match in _TOKEN.finditer(code):
        if match["other"] == ";":
            parts.append([])
        else:
            parts[-1].append(match)
    return [_section(part) for part in parts]


def _section(matches: list[re.Match[str]]) -> CodePart:
    tokens: list[CodeToken] = []
    condition, language = None, ""
    for match in matches:
        kind = str(match.lastgroup)
        text = match[kind]
        if kind == "bracket":
            if found := _CONDITION.match(text):
                condition = found[1], float(found[2])
            elif _ELAPSED.match(text):
                tokens.append(CodeToken("elapsed", text.lower()))
            elif money := _CURRENCY.match(text):
                tokens.append(CodeToken("text", money[1]))
                language = money[2] or language
        elif kind in _LITERAL:
            tokens.append(CodeToken("text", text))
        elif kind == "width":
            tokens.append(CodeToken("text", " "))
        elif kind != "fill":
            tokens.append(CodeToken(kind, text))
    return CodePart(tuple(_minutes(_plain(tokens))), condition, language)


def _plain(tokens: list[CodeToken]) -> list[CodeToken]:
    """Turn letters into text where digits make the section one of numbers, and signs of seconds into parts of dates."""
    found: list[CodeToken] = []
    for token in tokens:
        before = found[-1] if found else None
        if token.kind == "digit" and before and before.kind == "fraction":
            found[-1] = CodeToken("fraction", before.text + "0")
        elif token.kind == "point" and before and before.kind in ("date", "elapsed") and before.text[0] == "s":
            found.append(CodeToken("fraction", ""))
        else:
            found.append(token)
    numeric = any(token.kind in ("digit", "general", "at") for token in found)
    kinds = ("date", "half") if numeric else ()
    return [
        CodeToken("text", token.text)
        if token.kind in kinds
        else CodeToken("date", token.text.lower())
        if token.kind == "date"
        else token
        for token in found
    ]


def _minutes(tokens: list[CodeToken]) -> list[CodeToken]:
    """Tell minutes from months: `m` and `mm` next to hours or seconds are minutes."""
    places = [place for place, token in enumerate(tokens) if token.kind in ("date", "elapsed")]
    found = list(tokens)
    for index, place in enumerate(places):
        if tokens[place].kind != "date" or tokens[place].text not in ("m", "mm"):
            continue
        before = tokens[places[index - 1]].text[0] if index else ""
        after = tokens[places[index + 1]].text[0] if index + 1 < len(places) else ""
        if before == "h" or after == "s":
            found[place] = CodeToken("minute", tokens[place].text)
    return found
