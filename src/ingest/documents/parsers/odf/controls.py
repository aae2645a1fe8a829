"""Controls of forms in an OpenDocument file: what was typed in, ticked or chosen."""

from collections.abc import Callable
from typing import Any

from ingest.documents.parsers.odf.text import TEXT

_FORM = "{urn:oasis:names:tc:opendocument:xmlns:form:1.0}"
_ID = ("{http://www.w3.org/XML/1998/namespace}id", _FORM + "id")
_TICKED, _EMPTY = "☒", "☐"


def control_texts(root: Any) -> dict[str, str]:
    """Return id → what a control shows; a tick or an empty box in front of the label of a check box or button."""
    found: dict[str, str] = {}
    if next(root.iter(*(_FORM + name for name in _SHOWS)), None) is None:
        return found
    for name, shows in _SHOWS.items():
        for element in root.iter(_FORM + name):
            text = " ".join(shows(element).split())
            found |= {key: text for key in map(element.get, _ID) if key and text}
    return found


def _ticked(element: Any) -> str:
    state = element.get(_FORM + "current-state") or element.get(_FORM + "state") or ""
    selected = element.get(_FORM + "current-selected") or element.get(_FORM + "selected") or ""
    return f"{_TICKED if 'checked' in (state, selected) or selected == 'true' else _EMPTY} {_label(element)}"


def _value(element: Any) -> str:
    return element.get(_FORM + "current-value") or element.get(_FORM + "value") or ""


def _label(element: Any) -> str:
    return element.get(_FORM + "label") or ""


def _lines(element: Any) -> str:
    return " ".join("".join(p.itertext()) for p in element.iter(TEXT + "p")) or _value(element)


def _chosen(element: Any) -> str:
    options = list(element.iterfind(_FORM + "option"))
    now = [option for option in options if option.get(_FORM + "current-selected") == "true"]
    return ", ".join(map(_label, now or [option for option in options if option.get(_FORM + "selected") == "true"]))


_SHOWS: dict[str, Callable[[Any], str]] = {
    "checkbox": _ticked,
    "radio": _ticked,
    "text": _value,
    "textarea": _lines,
    "formatted-text": _value,
    "number": _value,
    "date": _value,
    "time": _value,
    "combobox": _value,
    "listbox": _chosen,
    "fixed-text": _label,
}
