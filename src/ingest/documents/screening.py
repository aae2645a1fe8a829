"""What is suspicious about a chunk: hidden text, invisible characters, instructions to a model, secrets.

A mark is a hint for policies, filters and people, not proof. Everything here takes time linear in the text.
`docs/suspicious-content.md` describes what is detected and what is not.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.resources import files
from itertools import chain
from typing import Any

from ingest.errors import SuspiciousDocument
from ingest.extras import version
from ingest.ids import digest_of
from ingest.records import Chunk, Document, ScreeningPolicy

VERSION = 3  # raised when the same text gets different marks
DEFAULT = ScreeningPolicy()
LINE = 1000  # characters that a secret detector sees at once
OVERLAP = 200  # characters by which its windows over longer lines overlap; no known secret is longer
LEAST_ENTROPY = 3.0  # bits per character of a value after a word like "password"
BASE64_ENTROPY = 4.5
HEX_ENTROPY = 3.0

# Scripts in which joiners shape letters (Arabic … Georgian, Khmer, Mongolian, presentation forms), and emoji.
JOINING = "\u0600-\u10ff\u1780-\u18af\u1900-\u1cff\ua800-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff"
EMOJI = "\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
SHAPELESS = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff"
)
_CANDIDATE = re.compile(f"[{SHAPELESS}]")
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{2,6}\U000e007f")  # England, Wales, Texas
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_ISOLATES = re.compile("[\u202a-\u202c\u2066-\u2069]")
_INVISIBLE = re.compile(
    f"[\u200b\u2060\u202d\u202e\ufeff\U000e0000-\U000e007f]|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{{2}}|[{SHAPELESS}]{{4}}"
    "|[A-Za-z ][\ufe00-\ufe0f\U000e0100-\U000e01ef]"
    f"|(?:^|[^{JOINING}{EMOJI}\u200b-\u200f])[\u200c\u200d](?![{JOINING}{EMOJI}])"
)

# Letters of other scripts that look like Latin ones, after NFKC and lower-casing.
_CONFUSABLE = str.maketrans("аеорсухіјѕԁһԛԝвкмнтзοαερτυικνχ", "aeopcyxijsdhqwbkmht3oaeptuikvx")
_TAGS = re.compile("[\U000e0020-\U000e007e]+")  # invisible ASCII
_BARE = re.compile("[\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]")
_NOT_LATIN = re.compile("[\u0370-\u052f]")


def _lines_of(name: str) -> list[str]:
    lines = (files(__package__) / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("# ")]


_BETWEEN = r"[\s,:;*_\"'’“”()~`\-]{1,8}"  # two words
_hints = cache(lambda: [line.split(", ") for line in _lines_of("instructions.txt")[:2]])  # any alphabet's; others'
_patterns = cache(lambda: [re.compile(line.replace("~", _BETWEEN)) for line in _lines_of("instructions.txt")[2:]])


def fingerprint(policies: Mapping[str, ScreeningPolicy]) -> str:
    """Return the digest of what determines marks and their consequences; policies equal to the default do not count."""
    special = {name: policy.model_dump() for name, policy in policies.items() if policy != DEFAULT}
    return digest_of([VERSION, version("detect-secrets"), unicodedata.unidata_version, special, DEFAULT.model_dump()])


def screen(document: Document, chunks: Sequence[Chunk]) -> list[Chunk]:
    """Return the chunks with their marks, in order. Text and context both count, since both are embedded."""
    told = [block for block in document.blocks if block.marks]  # by the parser: hidden, comment
    of_context = cache(lambda context: tuple(marks_of(context)))
    marked = []
    for chunk in chunks:
        marks = {*chunk.marks, *of_context(chunk.context), *marks_of(chunk.text, first=chunk.start == 0)}
        at = bisect_right(told, chunk.start, key=lambda block: block.end)  # the first that ends after the chunk's start
        marks.update(*(b.marks for b in told[at : bisect_left(told, chunk.end, key=lambda block: block.start)]))
        found = tuple(sorted(marks))
        marked.append(chunk if found == chunk.marks else replace(chunk, marks=found))
    return marked


def sort_out(uri: str, chunks: Iterable[Chunk], policy: ScreeningPolicy) -> tuple[list[Chunk], list[tuple[Chunk, str]]]:
    """Return the chunks to index, and those to drop with their marks. Raises: SuspiciousDocument, without its text."""
    wanted = dict(policy)
    kept: list[Chunk] = []
    dropped: list[tuple[Chunk, str]] = []
    for chunk in chunks:
        by = {wanted.get(mark, "index"): mark for mark in reversed(chunk.marks)}
        if "quarantine" in by:
            raise SuspiciousDocument(
                f"{uri}: {by['quarantine']} content in characters {chunk.start} to {chunk.end}; the source's policy "
                f"screening.{by['quarantine']} is quarantine"
            )
        if "drop" in by:
            dropped.append((chunk, by["drop"]))
        else:
            kept.append(chunk)
    return kept, dropped


def marks_of(text: str, *, first: bool = False) -> Iterator[str]:
    """Yield the marks of a text by itself. `first`: it starts a document, where a byte order mark is allowed."""
    plain = text.isascii()
    candidate = not plain and _CANDIDATE.search(text) is not None
    if candidate:
        seen = _FLAG.sub("", text.removeprefix("\ufeff") if first else text)
        if _INVISIBLE.search(seen) or (_ISOLATES.search(seen) and not _RIGHT_TO_LEFT.search(seen)):
            yield "invisible"
    if _has_instruction(text, plain, candidate):
        yield "instruction"
    if _has_secret(text):
        yield "secret"


def _has_instruction(text: str, plain: bool, candidate: bool) -> bool:
    if candidate:
        smuggled = " ".join(_TAGS.findall(text))
        text = f"{_BARE.sub('', text)} {''.join(chr(ord(c) % 0x80) for c in smuggled)}"
    low = text.lower() if plain else unicodedata.normalize("NFKC", text).lower()
    return _ordered(low) or (not plain and bool(_NOT_LATIN.search(low)) and _ordered(low.translate(_CONFUSABLE)))


def _ordered(low: str) -> bool:
    words = chain.from_iterable(_hints()[: 1 if low.isascii() else 2])
    return any(word in low for word in words) and any(pattern.search(low) for pattern in _patterns())


_told = cache(lambda: [line.split(", ") for line in _lines_of("detectors.txt")])  # module, class, literals
_NAMES = re.compile(
    "pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|auth[_-]?key|private[_-]?key|access[_-]?key|credential", re.I
)
_literals = cache(lambda: [*dict.fromkeys(literal for _, _, *literals in _told() for literal in literals)])
_NAMED = ("ass", "ASS", "pwd", "PWD", "ecret", "ECRET", "oken", "OKEN", "key", "Key", "KEY", "redential", "REDENTIAL")
_TWILIO = re.compile(r"\b(?:AC|SK)[a-f0-9]{32}\b")
# Of a URI with a password in it: words that stand for one. A name that is its own password is an example too.
_PLACEHOLDERS = frozenset(
    ("password", "passwd", "pass", "pwd", "secret", "token", "user", "username", "guest", "personal_access_token")
)
_EXAMPLE = re.compile(r"example|placeholder|changeme|change_me|your|dummy|sample|xxx|\*\*\*|\.\.\.|[<>{}$%]", re.I)


def _has_secret(text: str) -> bool:
    present = [literal for literal in _literals() if literal in text]
    if present == ["@"] and "://" not in text:
        present = []
    named = ("'" in text or '"' in text) and any(name in text for name in _NAMED)
    told = (present or named) and any(_line_has_secret(line, present, named) for line in _lines(text))
    return bool(told) or (("AC" in text or "SK" in text) and _TWILIO.search(text) is not None)


def _lines(text: str) -> Iterator[str]:
    """Yield the lines, long ones in overlapping windows."""
    for line in text.splitlines():
        yield from (line[at : at + LINE] for at in range(0, max(len(line) - OVERLAP, 1), LINE - OVERLAP))


def _line_has_secret(line: str, present: Sequence[str], named: bool) -> bool:
    here = {literal for literal in present if literal in line}
    if here:
        for detector, literals in _detectors():
            values = detector.analyze_string(line) if not here.isdisjoint(literals) else ()
            if any(_is_real(value) and not _stands_for_one(value, line) for value in values):
                return True
    if not named or not ("'" in line or '"' in line) or not any(name in line for name in _NAMED):
        return False
    return _NAMES.search(line) is not None and _is_named_secret(line)


def _is_named_secret(line: str) -> bool:
    """Return whether a quoted value beside a word like "password" is too random to be a word or an example."""
    keyword, base64, hexadecimal = _named_detectors()
    for value in keyword.analyze_string(line):
        if len(value) >= 10 and _is_real(value) and base64.calculate_shannon_entropy(value) >= LEAST_ENTROPY:
            return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    for plugin in (base64, hexadecimal):
        for value in plugin.analyze_string(line):
            long = len(value) >= 20 and plugin.calculate_shannon_entropy(value) > plugin.entropy_limit
            if long and any(c.isdigit() for c in value) and _is_real(value):
                return True
    return False


def _is_real(value: str) -> bool:
    return _EXAMPLE.search(value) is None


def _stands_for_one(value: str, line: str) -> bool:
    """Tell whether the password of a URI is none: `user:password@`, or `guest:guest@`."""
    return f":{value}@" in line and (value.lower() in _PLACEHOLDERS or f"/{value}:{value}@" in line)


@cache
def _detectors() -> list[tuple[Any, list[str]]]:
    found = [(import_module(f"detect_secrets.plugins.{module}"), name, marks) for module, name, *marks in _told()]
    return [(getattr(module, name)(), marks) for module, name, marks in found]


@cache
def _named_detectors() -> tuple[Any, Any, Any]:
    from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString, HexHighEntropyString
    from detect_secrets.plugins.keyword import KeywordDetector

    return KeywordDetector(), Base64HighEntropyString(BASE64_ENTROPY), HexHighEntropyString(HEX_ENTROPY)
