"""Selectors in style sheets: of tags, names and simple attributes, with descendants and children."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

_PARTS = re.compile(r"\s*([>+~])\s*|\s+")
_COMPOUND = re.compile(
    r"(?P<tag>[a-z][a-z0-9-]*|\*)?(?P<names>(?:[.#][\w-]+|\[[\w-]+(?:=\"?'?[\w-]+'?\"?)?\])*)(?P<mark>::?(?:before|marker))?\Z"
)
_NAME = re.compile(r"[.#][\w-]+|\[[^\]]+\]")


class Compound(NamedTuple):
    """A part of a selector: what one element must be."""

    tag: str
    names: tuple[str, ...]
    child: bool  # of the part before it, not only inside it

    def matches(self, element: Any) -> bool:
        """Return whether an element is of this kind."""
        if self.tag not in ("", "*", element.tag):
            return False
        return not self.names or all(_has(element, name) for name in self.names)


@lru_cache(maxsize=1024)
def compounds(selector: str) -> tuple[tuple[Compound, ...], str]:
    """Return the parts of a selector and "::" if it selects the text before an element; no part if not understood."""
    parts: list[Compound] = []
    at, child, mark = 0, False, ""
    for gap in [*_PARTS.finditer(selector), None]:
        match = _COMPOUND.match(selector[at : gap.start() if gap else len(selector)])
        if match is None or not match.group() or mark or (gap and gap[1] in ("+", "~")):
            return (), ""
        names = _NAME.findall(match["names"])
        parts.append(Compound(match["tag"] or "", tuple(names), child))
        mark = "::" if match["mark"] else ""
        at, child = (gap.end(), gap[1] == ">") if gap else (at, child)
    return tuple(parts), mark


def is_inside(parts: tuple[Compound, ...], around: Any) -> bool:
    """Return whether an element and those around it are what the parts before the last ask for."""
    child, left = parts[-1].child, len(parts) - 1
    for element in (around, *around.iterancestors()):
        if parts[left - 1].matches(element):
            left -= 1
            child = parts[left].child
            if not left:
                return True
        elif child:
            return False
    return False


@lru_cache(maxsize=1024)
def _classes(names: str) -> frozenset[str]:
    return frozenset(names.lower().split())


def _has(element: Any, name: str) -> bool:
    if name[0] == ".":
        return name[1:] in _classes(element.get("class", ""))
    if name[0] == "#":
        return bool(name[1:] == element.get("id", "").lower())
    attribute, equals, value = name[1:-1].partition("=")
    wanted = value.strip("\"'")
    return attribute in element.attrib and (not equals or element.get(attribute, "").lower() == wanted)
