"""What the scripts inside a page open: they name a control whose click they await, and what it shows.

Scripts are only searched for names; nothing is executed. As `$("#more").click(() => $("#rest").show())` is written in
many ways, a script that awaits clicks and shows something opens all closed parts that it names, and those that a named
control names in its own attributes, or precedes where the script asks for what is next to it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any

_LONGEST = 2**17  # characters of all scripts of a page; longer ones are programs
_SCRIPTS = 8  # of a page
_BESIDE = 4  # elements behind a control
_MOST = 64  # controls that are looked at
_QUOTED = re.compile(r"[\"'`]([#.]?[A-Za-z_][\w-]{0,100})[\"'`]")
_CLICKS = re.compile(r"click", re.I)
_SHOWS = re.compile(
    r"\.(?:show|toggle|slideDown|slideToggle|fadeIn|fadeToggle|showModal|showPopover|open|css|style|classList|hidden"
    r"|removeAttr(?:ibute)?|removeClass|toggleClass|toggleAttribute|setAttribute|prop|attr)\b"
)
_NEXT = re.compile(r"\.(?:next|nextElementSibling|nextSibling|nextAll|siblings|nextUntil)\b")


def awaits_clicks(root: Any) -> bool:
    """Return whether a script inside a page awaits clicks and shows something."""
    return next(_scripts(root), None) is not None


def scripted(root: Any, closed: list[Any]) -> dict[Any, list[Any]]:
    """Return the closed parts that scripts open, each with the controls of which one opens it."""
    found: dict[Any, list[Any]] = defaultdict(list)
    shut, known = set(closed), {part.get("id"): part for part in closed if part.get("id")}
    for script in islice(_scripts(root), _SCRIPTS) if closed else ():
        names = set(_QUOTED.findall(script))
        named = list(islice((element for element in root.iter("*") if _is_named(element, names)), 2 * _MOST))
        controls = [element for element in named if element not in shut and element.tag not in ("html", "body")][:_MOST]
        if not controls:
            continue
        for part in named:
            if part in shut:
                found[part] += controls
        following = _NEXT.search(script) is not None
        for control in controls:
            values = (value.lstrip("#") for name, value in control.items() if name[:5] == "data-" or name == "href")
            parts = [known[value] for value in values if value in known]
            parts += [beside for beside in islice(control.itersiblings(), _BESIDE) if beside in shut][:1] * following
            for part in parts:
                found[part].append(control)
    return found


def _scripts(root: Any) -> Iterator[str]:
    """Yield the scripts that await clicks and show something."""
    left = _LONGEST
    for element in root.iter("script"):
        text = element.text or ""
        left -= len(text)
        if left < 0:
            return
        if _CLICKS.search(text) and _SHOWS.search(text):
            yield text


def _is_named(element: Any, names: set[str]) -> bool:
    identity, classes = element.get("id"), element.get("class")
    if identity and (identity in names or f"#{identity}" in names):
        return True
    return bool(classes) and any(f".{name}" in names for name in classes.split())
