"""Finds what readers of an HTML page do not see, by attributes, inline styles and simple rules in its style sheets."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from ingest.documents.parsers._markup.html_disclosure import Disclosure
from ingest.documents.parsers._markup.html_inline_styles import SHEETS, declarations, values
from ingest.documents.parsers._markup.html_styles import PageStyles, present, rules, sheets_of

_REMEMBERED = 10_000  # pairs of classes and id
_CACHED = 2000  # characters; longer styles are not cached
_SIMPLE = re.compile(r"\s*([.#])([\w-]+)\s*\Z")
_NAMES = re.compile(r"[.#](?:[\w-]|\\.)+")  # with escaped signs
_GONE = re.compile(r"(?<![\w-])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))")
_SHOWN = re.compile(r"display\s*:\s*(?!none)\w|visibility\s*:\s*visible")
_STATE = re.compile(r":(?:checked|target|hover|focus|active|has\()|\[open|[+~]")
_LAST = re.compile(r"[\s>+~]+")
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
_DIALOGS = ("dialog", "alertdialog")
_LOWER = "translate(@style, 'ACDEHILNOPSTY', 'acdehilnopsty')"
_MAY_CLOSE = " or ".join(f"contains({_LOWER}, '{word}')" for word in ("none", "hidden", "collapse", "opacity"))
_MAY_HIDE = f"@hidden or @popover or (@style and ({_MAY_CLOSE})) or self::dialog or contains(@role, 'dialog')"
_CANDIDATES = f"//*[{_MAY_HIDE}]"
_NAMED_CANDIDATES = f"//*[{_MAY_HIDE} or @class or @id]"
_FOR_SPEECH = ("sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screenreader", "sr_only")


class Hiding:
    """What hides elements of one page. A call returns whether an element itself is hidden, not its ancestors."""

    def __init__(self, root: Any, styles: frozenset[str] | None = None) -> None:
        """Read the page's own style sheets, up to a limit; names that another rule shows again are ignored.

        `styles` are its inline styles, if they are known.
        """
        sheets = sheets_of(root)
        self._styles = values(root, "style") if styles is None else styles
        found = rules(sheets)
        self.styles = PageStyles(found if sheets else (), self._styles, root)
        hides = _GONE.search(sheets.lower())
        self._names, self._shown = _hidden_names(found) if hides else (frozenset(), frozenset())
        if self._names or self._shown:
            there = present(root, self._names | self._shown)
            self._names, self._shown = self._names & there, self._shown & there
        self._told = self._names | self._shown
        self._by_names: dict[tuple[str, str], bool] = {}
        self._root = root
        self.disclosure = Disclosure(root, self._closed, self._is_gone)
        self._backgrounds: frozenset[str] | None = None
        self._white = not sheets and next(root.iter("link"), None) is None

    def __call__(self, element: Any) -> bool:
        """Return whether an element is hidden, and no click opens it."""
        if not len(element.attrib):
            return False
        closed, gone = self._judge(element)
        return gone or (closed and not self.disclosure.is_opened(element))

    def surely_shown(self, attributes: dict[str, str]) -> bool:
        """Return whether attributes alone tell that an element is not hidden."""
        if "hidden" in attributes or "popover" in attributes or (self._names and self._by_sheet(attributes)):
            return False
        colours = [attributes["color"]] if "color" in attributes else []
        if style := attributes.get("style"):
            seen = _seen(style)
            if seen.closed or seen.gone or seen.squeezed or seen.away:
                return False
            colours += [seen.colour] if seen.colour else []
        return not any(self._may_be_background(_colour(colour.lower())) for colour in colours)

    def _may_be_background(self, colour: str) -> bool:
        """Return whether a colour, as `_colour` returns it, is that of any background of the page."""
        if self._backgrounds is None:
            painted = {_colour(colour.lower()) for colour in values(self._root, "bgcolor")}
            painted |= {_seen(style).background for style in self._styles if "background" in style.lower()}
            painted |= {"transparent", "#ffffff" if self._white else ""}
            self._backgrounds = frozenset(painted) - {""}
        return colour in self._backgrounds

    def _judge(self, element: Any) -> tuple[bool, bool]:
        """Return whether an element is closed, as a script may open it, and whether it is hidden for good."""
        attributes = element.attrib
        closed = attributes.get("hidden", "until-found").strip().lower() != "until-found" or "popover" in attributes
        gone = False
        if style := attributes.get("style"):
            seen = _seen(style)
            silent = (seen.squeezed or seen.away) and not self._is_for_speech(element)
            closed = closed or seen.closed or (silent and seen.squeezed)
            gone = seen.gone or (silent and seen.away)
            gone = gone or (bool(seen.colour) and self._like_background(element, seen.colour))
        closed = closed or (bool(self._names) and self._by_sheet(attributes))
        if element.tag == "font" and "color" in attributes:
            gone = gone or self._like_background(element, attributes["color"])
        return closed, gone

    def _closed(self) -> list[Any]:
        """Return the elements that are closed, dialogs among them, in order."""
        found = []
        for element in self._root.xpath(_NAMED_CANDIDATES if self._names else _CANDIDATES):
            attributes = element.attrib
            if element.tag == "dialog" or attributes.get("role") in _DIALOGS:
                found.append(element)
                continue
            if "style" in attributes or "hidden" in attributes or "popover" in attributes:
                closed, gone = self._judge(element)
            else:
                closed, gone = self._by_sheet(attributes), False
            found += [element] if closed and not gone else []
        return found

    def _is_gone(self, element: Any) -> bool:
        """Return whether an element is hidden for good."""
        return len(element.attrib) > 0 and self._judge(element)[1]

    @staticmethod
    def _is_for_speech(element: Any) -> bool:
        return any(name in element.get("class", "").lower() for name in _FOR_SPEECH)

    def _by_sheet(self, attributes: Any) -> bool:
        identity = attributes.get("id", "").lower()
        key = attributes.get("class", ""), identity if f"#{identity}" in self._told else ""
        if key == ("", ""):
            return False
        known = self._by_names.get(key)
        if known is None:
            names = {f".{name}" for name in key[0].lower().split()} | {f"#{key[1]}"}
            known = not self._names.isdisjoint(names) and self._shown.isdisjoint(names)
            if len(self._by_names) < _REMEMBERED:
                self._by_names[key] = known
        return known

    def _like_background(self, element: Any, colour: str) -> bool:
        """Return whether text has the colour of the nearest background set in the markup itself."""
        wanted = _colour(colour.lower())
        if wanted in ("", "transparent"):
            return wanted == "transparent"
        for around in (element, *element.iterancestors()):
            painted = around.get("bgcolor")
            found = _colour(painted.lower()) if painted else ""
            if not found and (style := around.get("style")):
                found = _seen(style).background
            if found and found != "transparent":
                return found == wanted
        return self._white and wanted == "#ffffff"


class _Style(NamedTuple):
    """What an inline style does to the text of its element."""

    closed: bool  # not rendered, as what a click shows
    gone: bool  # not rendered, or of no size
    squeezed: bool  # rendered without room; this and the next are also used to address screen readers
    away: bool  # rendered where nobody looks
    colour: str
    background: str  # as `_colour` returns it; "?" when it cannot be parsed


def _judge(style: str) -> _Style:
    rules = declarations(style)
    closed = (
        rules.get("display") == "none"
        or rules.get("visibility") in ("hidden", "collapse")
        or bool(_ZERO.match(rules.get("opacity", "1")))
    )
    gone = rules.get("mso-hide") == "all" or bool(_ZERO.match(rules.get("font-size", "1")))
    background = rules.get("background-color") or rules.get("background", "")
    squeezed = rules.get("overflow") == "hidden"
    squeezed = squeezed and any(_ZERO.match(rules.get(side, "1")) for side in ("width", "height"))
    known = _colour(background) or ("?" if background else "")
    return _Style(closed, gone, squeezed, _is_away(rules), rules.get("color", ""), known)


_judged = lru_cache(maxsize=1024)(_judge)  # pages repeat their styles


def _seen(style: str) -> _Style:
    """Return what an inline style does, as it is spelled."""
    return _judged(style.lower()) if len(style) < _CACHED else _judge(style.lower()[:SHEETS])


def _is_away(rules: dict[str, str]) -> bool:
    """Return whether a style moves text off the screen."""
    if _FAR.match(rules.get("text-indent", "")):
        return True
    moved = rules.get("position") in ("absolute", "fixed")
    return moved and any(_FAR.match(rules.get(side, "")) for side in ("left", "top", "right", "bottom"))


@lru_cache(maxsize=1024)
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


def _hidden_names(found: Iterable[tuple[int, str, str]]) -> tuple[frozenset[str], frozenset[str]]:
    """Return ".class" and "#id" of top-level rules that hide, and of what rules show in some state or size of the page.

    Without those of the first kind that a rule also shows: scripts toggle them.
    """
    hidden: set[str] = set()
    shown: set[str] = set()
    at_times: set[str] = set()
    for depth, selector, body in ((depth, selector.lower(), body.lower()) for depth, selector, body in found):
        if _SHOWN.search(body):
            shown.update(_names(selector))
            for part in selector.split(",") if depth or _STATE.search(selector) else ():
                if depth or _STATE.search(part):
                    at_times.update(_names(_LAST.split(part.strip())[-1]))
        elif depth == 0 and _GONE.search(body):
            parts = selector.split(",")
            hidden.update(match[1] + match[2] for part in parts if (match := _SIMPLE.match(part)))
    return frozenset(hidden - shown), frozenset(at_times)


def _names(selector: str) -> list[str]:
    """Return the classes and ids in a selector, escapes resolved."""
    return [name.replace("\\", "") for name in _NAMES.findall(selector)]
