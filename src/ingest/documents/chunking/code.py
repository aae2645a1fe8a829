"""Where long code may be cut: before definitions, which each language begins otherwise, and at blank lines."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator

_FAMILIES = {
    "def|class|async def": "python py python3 pycon ipython starlark bzl sage",
    "def|class|module": "ruby rb crystal cr",
    "function|class|const|let|var|export|async|interface|type|enum|namespace|describe|abstract": (
        "javascript js jsx typescript ts tsx mjs coffeescript"
    ),
    "func|type|var|const": "go golang",
    "fn|pub|impl|struct|enum|trait|mod|macro_rules!|unsafe|async|const|static|type|use": "rust rs",
    "fun|func|class|struct|enum|protocol|extension|object|interface|data|sealed|open|public|private|internal": (
        "kotlin kt swift"
    ),
    "def|class|object|trait|case|sealed|abstract|given|package": "scala",
    "public|private|protected|internal|class|interface|enum|record|abstract|final|static|namespace|using|@": (
        "java csharp cs c# groovy"
    ),
    "function|class|interface|trait|namespace|abstract|final|public": "php",
    "defmodule|def|defp|defmacro": "elixir ex",
    "create|alter|drop|insert|update|delete|select|with|grant|begin": "sql postgresql mysql sqlite plsql tsql",
    "resource|data|variable|output|module|provider|locals|terraform": "terraform hcl tf",
    "function": "bash sh shell zsh fish lua julia powershell",
    "FROM|RUN|COPY|CMD|ENTRYPOINT|WORKDIR": "dockerfile docker",
}
_WORDS = {name: words for words, names in _FAMILIES.items() for name in names.split()}
_LEADING = re.compile(r"(?:@|#\[|//|#|--|/\*|\*| \*|;)[^\n]*\n\Z")  # decorators and comments belong to what follows
_BLANK = re.compile(r"\n[ \t\r]*\n")
MOST_LEADING = 20  # lines of decorators and comments that go with a definition
SAMPLE = 4096  # code points that are examined
LEAST_SHARE = 0.2  # of the letters; a script with a smaller share is a foreign word or two
LONGEST_CLUSTER = 64  # code points to look back; a longer cluster may be split

_TABLE = (  # first and last code point, language whose sentence rules suit the script; ascending
    "0370-03ff el, 0400-04ff ru, 0530-058f hy, 0590-05ff he, 0600-06ff ar, 0900-097f hi, 0980-09ff bn, "
    "0a80-0aff gu, 0b80-0bff ta, 0c00-0c7f te, 0c80-0cff kn, 0d00-0d7f ml, 0e00-0e7f th, 1000-109f my, "
    "3040-30ff ja, 3400-9fff zh, ac00-d7af ko"
)
_SCRIPTS = _TABLE.split(", ")
_FIRSTS, _LASTS = ([chr(int(script[i : i + 4], 16)) for script in _SCRIPTS] for i in (0, 5))


def definitions(text: str, language: str, start: int, end: int) -> list[int]:
    """Return where outermost definitions start inside (start, end): by their words, else where indentation ends."""
    words = _WORDS.get((language.split() or [""])[0].strip("{}.").lower(), "")
    first_of = re.compile(rf"^(?:{words})(?![\w-])", re.MULTILINE | re.IGNORECASE)
    firsts = (m.start() for m in first_of.finditer(text, start, end)) if words else _outermost(text, start, end)
    positions = (_with_leading(text, first, start) for first in firsts)
    return list(dict.fromkeys(position for position in positions if start < position < end))


def blank_lines(text: str, start: int, end: int) -> list[int]:
    """Return where lines after blank lines start inside (start, end)."""
    return [match.end() for match in _BLANK.finditer(text, start, end) if start < match.end() < end]


def _outermost(text: str, start: int, end: int) -> Iterator[int]:
    line, inside = start, False  # inside: the previous line is indented or blank
    while 0 < (after := text.find("\n", line, end) + 1) < end:
        inside = text[line] in " \t\r\n"
        if inside and (text[after].isalnum() or text[after] in "_@$\"'"):
            yield after
        line = after


def _with_leading(text: str, position: int, least: int) -> int:
    for _ in range(MOST_LEADING):
        line = text.rfind("\n", least, position - 1) + 1
        if line <= least or not _LEADING.match(text[line:position][:200] if position - line <= 200 else ""):
            break
        position = line
    return position


def guessed(text: str) -> str:
    """Return an ISO 639-1 code by the script at the text's beginning; "en" for Latin letters or none."""
    sample = text[:SAMPLE]
    if sample.isascii():
        return "en"
    found: Counter[str] = Counter()
    for character, times in Counter(sample).items():
        if character.isalpha():
            at = bisect_right(_FIRSTS, character) - 1
            found[_SCRIPTS[at][-2:] if at >= 0 and character <= _LASTS[at] else "en"] += times
    letters = found.total()
    if found["ja"] > LEAST_SHARE * letters / 2 and found["ja"] + found["zh"] > letters / 2:
        return "ja"  # kana among ideographs
    language, times = min(found.items(), key=lambda item: (-item[1], item[0]), default=("en", 0))
    return language if times > LEAST_SHARE * letters else "en"


def cluster_start(text: str, position: int) -> int:
    """Return where the grapheme cluster around `position` starts: `position` itself if it lies between two."""
    if position >= len(text) or position == 0 or text[position - 1 : position + 1].isascii():
        return position
    import regex

    least = max(0, position - LONGEST_CLUSTER)
    *_, last = regex.finditer(r"\X", text[least : position + 1])
    start = least + last.start()
    return start if start > least or least == 0 else position
