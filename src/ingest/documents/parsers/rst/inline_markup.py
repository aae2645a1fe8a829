"""The visible text of a reStructuredText title."""

import re
from collections.abc import Mapping

_INLINE = re.compile(
    r"\\(?P<escaped>.)"
    r"|(?<!\w)``(?P<literal>\S(?:.*?\S)?)``(?!\w)"
    r"|(?<![\w:])(?::(?P<role>[\w:.+-]+):)?`(?P<text>(?:\\.|[^`\\])+)`(?::(?P<suffix>[\w:.+-]+):|(?P<link>__?)(?!\w))?"
    r"|(?<![\w*])\*\*(?P<strong>\S(?:.*?\S)?)\*\*(?!\w)"
    r"|(?<![\w*])\*(?P<emphasis>[^\s*](?:.*?[^\s*\\])?)\*(?!\w)"
    r"|(?<!\w)\|(?P<name>[^|\s](?:[^|]*[^|\s])?)\|(?:__?(?!\w))?"
    r"|(?<!\w)\[(?P<note>#?[\w.-]*|\*)\]_(?!\w)"
    r"|(?<![\w.-])(?P<reference>[^\W_]+(?:[-._+:][^\W_]+)*)__?(?!\w)"
)
_TARGET = re.compile(r"\s*<[^<>]*>$")


def plain_title(source: str, substitutions: Mapping[str, str]) -> str:
    """Return a title without inline markup.

    A role becomes its title or its target (`~a.b.C` becomes C); `|name|` becomes its replacement, or its name if the
    document does not define it; footnote references are dropped.
    """

    def shown(match: re.Match[str]) -> str:
        if match["text"] is not None:
            return _interpreted(match)
        if match["name"] is not None:
            return substitutions.get(match["name"].lower(), match["name"])
        if match["note"] is not None:
            return ""
        plain = match["literal"] or match["reference"]
        return plain if plain is not None else _unescaped(match["escaped"] or match["strong"] or match["emphasis"])

    return " ".join(_INLINE.sub(shown, source).split())


def _interpreted(match: re.Match[str]) -> str:
    """Return what interpreted text or a phrase reference shows."""
    text = match["text"]
    role = match["role"] or match["suffix"]
    if role or match["link"]:
        text = _TARGET.sub("", text) or text.strip(" <>")
    if role and text.startswith("~"):
        text = text.rpartition(".")[2].lstrip("~")
    return _unescaped(text.lstrip("!") if role else text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
