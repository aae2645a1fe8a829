"""Syntax of Markdown documentation beyond CommonMark: front matter, MyST, attribute lists, shortcodes, MDX."""

import json
import re
import tomllib
from collections.abc import Container
from typing import Any

from ingest.documents.parsers._markup.markdown_events import inline_text

_MAX_FRONT = 64 * 1024  # characters

_FRONT = re.compile(
    r"(?P<mark>---|\+\+\+)[ \t]*(?:\r\n?|\n)"
    rf"(?P<inside>(?:.{{0,{_MAX_FRONT}}}?(?:\r\n?|\n))??)"
    r"(?:(?P=mark)|\.\.\.)[ \t]*(?:\r\n?|\n|\Z)",
    re.S,
)
_JSON_OPEN = re.compile(r"\{[ \t]*[\r\n]")
_KEY = re.compile(r"(?:\s|#[^\r\n]*[\r\n])*[\w\"'][^\r\n:=]*[:=]|\s*\Z")
_TITLE_LINE = re.compile(r"^title[ \t]*[:=][ \t]*(.+)$", re.M)

# A title that is one plain or quoted scalar on its line; parsing YAML in Python is slow.
_SIMPLE_TITLE = re.compile(
    r"^title:[ \t]+(?:(?P<bare>[A-Za-z](?:[^\s:#]|[ \t](?!#)|:(?=\S)){0,300})"
    r"|\"(?P<quoted>[^\"\\\r\n]+)\"|'(?P<single>[^'\r\n]+)')"
    r"[ \t]*(?=\r?\n(?![ \t])|\Z)",
    re.M,
)

_FENCE_DIRECTIVE = re.compile(r"\{([A-Za-z][\w:+-]*)\}\s*(.*)", re.S)

_SHORTCODE = re.compile(r"\{\{[<%-]?\s*(.*?)\s*[>%-]?\}\}")
_SHORTCODE_TEXT = re.compile(r'\btext\s*=\s*"([^"]*)"')
_SHORTCODE_FIRST = re.compile(r'^\S+\s+"([^"]*)"')
_ATTRIBUTES = re.compile(r"\s*\{:?\s*(?:[#.][^{}]*|[\w-]+=[^{}]*)\}\s*$")
_ROLE = re.compile(r"\{[A-Za-z][\w:+.-]*\}(?=`)")
_ROLE_TARGET = re.compile(r"(\{[A-Za-z][\w:+.-]*\}`+)([^`<]+?)\s*<[^`>]*>(`+)")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]")
_EXTENDED = re.compile(r"[{]|\[\^")
_ATX = re.compile(r"[ \t]*#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_MDX_COMMENT = re.compile(r"\{/\*.*?\*/\}")


def front_matter(text: str) -> tuple[int, str]:
    """Return where the front matter at the start of `text` ends, and its title; (0, "") without front matter.

    YAML between `---`, TOML between `+++`, or a JSON object whose opening brace is alone on its line. A thematic break
    on the first line is not front matter: a key must follow.
    """
    if _JSON_OPEN.match(text):
        return _json(text)
    match = _FRONT.match(text)
    if match is None or not _KEY.match(match["inside"]):
        return 0, ""
    inside = match["inside"]
    lines = _TITLE_LINE.findall(inside)
    if match["mark"] == "---" and len(lines) == 1 and (simple := _SIMPLE_TITLE.search(inside)):
        return match.end(), " ".join((simple["bare"] or simple["quoted"] or simple["single"]).split())
    return match.end(), _title_of(_toml(inside) if match["mark"] == "+++" else _yaml(inside), inside)


def _json(text: str) -> tuple[int, str]:
    try:
        fields, end = json.JSONDecoder().raw_decode(text[:_MAX_FRONT])
    except (ValueError, RecursionError):
        return 0, ""
    return (end, _title_of(fields, "")) if text[end : end + 1] in ("", "\n", "\r") else (0, "")


def _yaml(inside: str) -> Any:
    import yaml

    try:
        return yaml.load(inside, Loader=yaml.BaseLoader)  # strings only: a date stays as written
    except (yaml.YAMLError, RecursionError):
        return None


def _toml(inside: str) -> Any:
    try:
        return tomllib.loads(inside)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _title_of(fields: Any, inside: str) -> str:
    """Return the `title` of parsed front matter, or of its own line if the YAML is broken."""
    if isinstance(fields, dict):
        title = fields.get("title", "")
        return " ".join(title.split()) if isinstance(title, str) else ""
    line = _TITLE_LINE.search(inside)
    return line[1].strip().strip("\"'") if line else ""


def directive(info: str) -> tuple[str, str]:
    """Return the name and argument of a MyST directive from its fence's info string, ("", info) for other fences."""
    match = _FENCE_DIRECTIVE.match(info.strip())
    return (match[1].lower(), match[2].strip()) if match else ("", info.strip())


def fence_language(info: str) -> str:
    """Return the language of a fence from its info string: `rust,ignore` → rust, `{.python .numbered}` → python."""
    words = info.replace("{", " ").replace("}", " ").replace(",", " ").split()
    return words[0].lstrip(".").lower() if words and "=" not in words[0] else ""


def is_plain(source: str) -> bool:
    """Return whether a heading's lines contain nothing but CommonMark."""
    return _EXTENDED.search(source) is None


def heading_content(source: str) -> str:
    """Return the content of a heading's lines without the heading markers."""
    if match := _ATX.match(source):
        return match[1]
    return " ".join(source.splitlines()[:-1])


def plain_title(content: str, references: Container[str] = ()) -> str:
    """Return a heading's visible text: without emphasis, links, code marks, anchors, roles, shortcodes.

    `references` holds the normalised labels of the document's link reference definitions.
    """
    content = _MDX_COMMENT.sub("", _SHORTCODE.sub(_shortcode, " ".join(content.split())))
    content = _ATTRIBUTES.sub("", _FOOTNOTE.sub("", content))
    content = _ROLE.sub("", _ROLE_TARGET.sub(r"\1\2\3", content))
    return inline_text(content, references)


def _shortcode(match: re.Match[str]) -> str:
    """Return what a shortcode probably shows: its `text`, else its first quoted argument, else nothing."""
    inside = match[1]
    text = _SHORTCODE_TEXT.search(inside) or _SHORTCODE_FIRST.match(inside)
    return text[1] if text else ""
