"""The `style` attributes of a page: what they declare, worked out once for each that is spelled alike."""

from functools import lru_cache
from typing import Any

SHEETS = 2**18  # characters of style sheets that are read
BLOCK = frozenset(("block", "flex", "grid", "table", "list-item", "table-row", "flow-root", "table-cell"))
_CACHED = 2000  # characters; longer inline styles are not cached


@lru_cache(maxsize=8)
def _attribute(name: str) -> tuple[Any, Any]:
    """Return functions from an element to the values of all attributes of a name, in its document and inside it."""
    from lxml import etree

    paths = f"//*/@{name}", f"descendant-or-self::*/@{name}"  # the first takes less time
    return etree.XPath(paths[0], smart_strings=False), etree.XPath(paths[1], smart_strings=False)


def values(root: Any, name: str) -> frozenset[str]:
    """Return the values of all attributes of a name in and around an element, each once: most pages repeat them."""
    whole, inside = _attribute(name)
    if root.getroottree().getroot() is root:
        return frozenset(whole(root))
    return frozenset(inside(root)).union(value for one in root.iterancestors() if (value := one.get(name)) is not None)


def declarations(style: str) -> dict[str, str]:
    """Return property → value of an inline style, in lower case, without `!important`."""
    found = {}
    for part in style.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            found[name.strip()] = value.replace("!important", "").strip()
    return found


_known = lru_cache(maxsize=1024)(declarations)  # pages repeat their styles


def inline_style(element: Any) -> dict[str, str]:
    """Return property → value of an element's own style."""
    return _declared_in(element.get("style") or "")


def _declared_in(style: str) -> dict[str, str]:
    style = style[:SHEETS].lower()
    return _known(style) if len(style) < _CACHED else declarations(style)


def _set_block(style: str) -> bool:
    values = _declared_in(style)
    return values.get("display") in BLOCK or values.get("float") in ("left", "right")


_set_block_known = lru_cache(maxsize=1024)(_set_block)


def sets_block(style: str) -> bool:
    """Return whether an inline style shows its element as a block."""
    return _set_block_known(style) if len(style) < _CACHED else _set_block(style)
