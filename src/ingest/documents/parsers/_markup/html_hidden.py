"""Finds what readers of an HTML page do not see, by attributes, inline styles and simple rules in its style sheets."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from ingest.documents.parsers._markup.html_styles import SHEETS, PageStyles, declarations, rules, sheets_of

_CACHED = 2000  # characters; longer styles are not cached
_SIMPLE = re.compile(r"\s*([.#])([\w-]+)\s*\Z")
_NAMES = re.compile(r"[.#][\w-]+")
_GONE = re.compile(r"(?<![\w-])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))")
_SHOWN = re.compile(r"display\s*:\s*(?!none)\w|visibility\s*:\s*visible")
_ZERO = re.compile(r"0*\.?0+(?:px|pt|em|rem|%|ex|vh|vw)?\Z")
_FAR = re.compile(r"-\s*\d{3,}(?:\.\d*)?(?:px|pt|em|rem|%)?\Z|-\d{2,}(?:em|rem)\Z")
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})\s*(?:[,/]\s*([\d.]+)%?\s*)?\)")
_COLOURS = {
    "white": "#ffffff",
    "black": "#000000",
    "red": "#ff0000",
    "blue": "#0000ff",
    "green": "#008000",
    "gray": "#808080",
    "grey": "#808080",
    "yellow": "#ffff00",
    "silver": "#c0c0c0",
    "whitesmoke": "#f5f5f5",
    "snow": "#fffafa",
}
_FOR_SPEECH = ("sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screenreader", "sr_only")


class Hiding:
    """What hides elements of one page. A call returns whether an element itself is hidden, not its ancestors."""

    def __init__(self, root: Any) -> None:
        """Read the page's own style sheets, up to a limit; names that another rule shows again are ignored."""
        sheets = sheets_of(root)
        self.styles = PageStyles(sheets, root)
        self._names = _hidden_names(sheets.lower()) if _GONE.search(sheets.lower()) else frozenset()
        self._white = not sheets and next(root.iter("link"), None) is None

    def __call__(self, element: Any) -> bool:
        """Return whether an element is hidden."""
        attributes = element.attrib
        if not len(attributes):
            return False
        if attributes.get("hidden", "until-found").lower() != "until-found":
            return True
        style = attributes.get("style")
        if style and self._by_style(element, style.lower()[:SHEETS]):
            return True
        if self._names and self._by_sheet(attributes):
            return True
        return element.tag == "font" and "color" in attributes and self._like_background(element, attributes["color"])

    def _by_sheet(self, attributes: Any) -> bool:
        names = attributes.get("class", "").lower().split()
        return any(f".{name}" in self._names for name in names) or f"#{attributes.get('id', '').lower()}" in self._names

    def _by_style(self, element: Any, style: str) -> bool:
        seen = _judged(style) if len(style) < _CACHED else _judge(style)
        if seen.gone:
            return True
        if seen.away and not any(name in element.get("class", "").lower() for name in _FOR_SPEECH):
            return True
        return bool(seen.colour) and self._like_background(element, seen.colour)

    def _like_background(self, element: Any, colour: str) -> bool:
        """Return whether text has the colour of the nearest background set in the markup itself."""
        wanted = _colour(colour.lower())
        if wanted in ("", "transparent"):
            return wanted == "transparent"
        for around in (element, *element.iterancestors()):
            found = _colour((around.get("bgcolor") or "").lower())
            if not found and (style := around.get("style")):
                style = style.lower()[:SHEETS]
                found = (_judged(style) if len(style) < _CACHED else _judge(style)).background
            if found and found != "transparent":
                return found == wanted
        return self._white and wanted == "#ffffff"


class _Style(NamedTuple):
    """What an inline style does to the text of its element."""

    gone: bool  # not rendered
    away: bool  # rendered where nobody looks; also used to address screen readers
    colour: str
    background: str  # as `_colour` returns it; "?" when it cannot be parsed


def _judge(style: str) -> _Style:
    rules = declarations(style)
    gone = (
        rules.get("display") == "none"
        or rules.get("visibility") in ("hidden", "collapse")
        or rules.get("mso-hide") == "all"
        or any(_ZERO.match(rules.get(name, "1")) for name in ("opacity", "font-size"))
    )
    background = rules.get("background-color") or rules.get("background", "")
    return _Style(gone, _is_away(rules), rules.get("color", ""), _colour(background) or ("?" if background else ""))


_judged = lru_cache(maxsize=1024)(_judge)  # pages repeat their styles


def _is_away(rules: dict[str, str]) -> bool:
    """Return whether a style moves text off the screen or leaves it no room."""
    if _FAR.match(rules.get("text-indent", "")):
        return True
    moved = rules.get("position") in ("absolute", "fixed")
    if moved and any(_FAR.match(rules.get(side, "")) for side in ("left", "top", "right", "bottom")):
        return True
    return rules.get("overflow") == "hidden" and any(_ZERO.match(rules.get(side, "1")) for side in ("width", "height"))


def _colour(value: str) -> str:
    """Return a colour as "#rrggbb", "transparent", or "" when it cannot be parsed."""
    value = value.strip()
    if value == "transparent":
        return value
    if match := _RGB.match(value):
        if match[4] and float(match[4].rstrip(".") or 0) == 0:
            return "transparent"
        return "#" + "".join(f"{min(int(part), 255):02x}" for part in match.groups()[:3])
    if re.match(r"#[0-9a-f]{3}\Z", value):
        return "#" + "".join(digit * 2 for digit in value[1:])
    return value if re.match(r"#[0-9a-f]{6}\Z", value) else _COLOURS.get(value, "")


def _hidden_names(sheets: str) -> frozenset[str]:
    """Return ".class" and "#id" of top-level rules that hide, except what a rule also shows: scripts toggle it."""
    hidden: set[str] = set()
    shown: set[str] = set()
    for depth, selector, body in rules(sheets):
        if _SHOWN.search(body):
            shown.update(_NAMES.findall(selector))
        elif depth == 0 and _GONE.search(body):
            parts = selector.split(",")
            hidden.update(match[1] + match[2] for part in parts if (match := _SIMPLE.match(part)))
    return frozenset(hidden - shown)
