"""Equations of Office documents (OMML) as one line of text: x^2, a/b, √(x)."""

from collections.abc import Callable
from typing import Any

from ingest.documents.parsers._office.ooxml import M, W

_TEXTS = (M + "t", W + "t")
_PROPERTIES = "Pr"  # ctrlPr, fPr, rPr: no text


def equation(element: Any) -> str:
    """Return the text of an equation, with signs for superscripts, subscripts and roots."""
    tag = element.tag if isinstance(element.tag, str) else ""
    if tag in _TEXTS:
        return element.text or ""
    name = tag.rpartition("}")[2]
    if name.endswith(_PROPERTIES):
        return ""
    shape = _SHAPES.get(name) if tag.startswith(M) else None
    if shape is None:
        return "".join(map(equation, element))
    parts: dict[str, list[str]] = {}
    for child in element:
        if isinstance(child.tag, str):
            parts.setdefault(child.tag.rpartition("}")[2], []).append(equation(child))
    return shape(element, {part: " ".join(texts) for part, texts in parts.items()})


def _group(text: str) -> str:
    return text if len(text) < 2 or text.isalnum() else f"({text})"


def _scripts(element: Any, parts: dict[str, str]) -> str:
    text = parts.get("e", "")
    if low := parts.get("sub", "") or parts.get("lim", ""):
        text += f"_{_group(low)}"
    if high := parts.get("sup", ""):
        text += f"^{_group(high)}"
    return text


def _operator(element: Any, parts: dict[str, str]) -> str:
    sign = element.find(f"{M}naryPr/{M}chr")
    name = "∫" if sign is None else sign.get(M + "val") or ""
    low, high = parts.get("sub", ""), parts.get("sup", "")
    return name + (f"_{_group(low)}" if low else "") + (f"^{_group(high)}" if high else "") + " " + parts.get("e", "")


def _brackets(element: Any, parts: dict[str, str]) -> str:
    signs = []
    for name, usual in (("begChr", "("), ("endChr", ")")):
        sign = element.find(f"{M}dPr/{M}{name}")
        signs.append(usual if sign is None else sign.get(M + "val") or "")
    return signs[0] + parts.get("e", "") + signs[1]


def _root(element: Any, parts: dict[str, str]) -> str:
    degree = parts.get("deg", "")
    return (f"{degree}√" if degree else "√") + f"({parts.get('e', '')})"


_SHAPES: dict[str, Callable[[Any, dict[str, str]], str]] = {
    "f": lambda _, parts: f"{_group(parts.get('num', ''))}/{_group(parts.get('den', ''))}",
    "sSup": _scripts,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "limLow": _scripts,
    "limUpp": lambda _, parts: f"{parts.get('e', '')}^{_group(parts.get('lim', ''))}",
    "nary": _operator,
    "d": _brackets,
    "rad": _root,
    "func": lambda _, parts: f"{parts.get('fName', '')} {parts.get('e', '')}",
    "mr": lambda _, parts: parts.get("e", "") + "; ",
}
