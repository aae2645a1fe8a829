"""The fields of a form (AcroForm): what each one is called and holds, where its widgets are.

PDFium's form environment knows inherited entries and options. It is opened without callbacks and no page is announced
to it, so that nothing is calculated, formatted or changed.

Never read: what a password field holds. Push buttons hold nothing. A field that no viewer shows is marked hidden.
"""

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from ingest.documents.parsers.pdf.annotations import (
    MAX_NOTES,
    Box,
    Budget,
    box_of,
    cleaned,
    is_out_of_sight,
    rich_text,
    string_of,
    utf16,
)

TICKED, EMPTY = "☒", "☐"
_MAX_OPTIONS = 2_000  # of a choice that are looked at
_PASSWORD = 1 << 13  # flag of a text field
_MADE_UP = re.compile(
    r"(?i:text|check ?box|radio|button|group|combo|list|drop ?down|field|undefined|feld|champ|[fcpt])?"
    r"(?i: ?box| ?button| ?group| ?field| ?list)?[\d #-]*"
)
_NUMBERED = re.compile(r"\[\d+\]")
_OFF = ("", "Off")
_PLAIN_STATE = re.compile(r"(?i:yes|on|off|true|ja|oui|s[iíì]|choice\d*|\d*)")  # says no more than that a box is ticked
_NEEDS = re.compile(rb"/NeedAppearances\s+true")


@dataclass(slots=True)
class Field:
    """One widget of a field."""

    kind: str  # text, choice, box, signature, password, button
    name: str  # the full dotted name
    label: str  # for people: the tooltip, or else the last part of the name; "" when it says nothing
    value: str  # as it is shown; lines are separated by line breaks; of a ticked box what it stands for, if known
    state: str  # of a box or a radio button: TICKED or EMPTY; "" for other kinds
    hidden: bool
    box: Box  # left, bottom, right, top in the page's own coordinates, then x0, top, x1, bottom as those of words
    formatted: bool = False  # its appearance shows the value in another form, such as an amount with its currency


class Forms:
    """The form of a document; without one, no field is found."""

    def __init__(self, pdf: Any, data: bytes, budget: Budget) -> None:
        """Open the form environment of pypdfium2's document; `close` it before the document."""
        import pypdfium2.raw as pdfium

        self._raw, self._budget = pdfium, budget
        self._config = pdfium.FPDF_FORMFILLINFO(version=2)
        self.kind = pdfium.FPDF_GetFormType(pdf)
        self._form, self._widgets = None, 0
        if self.kind != pdfium.FORMTYPE_NONE:
            self._form = pdfium.FPDFDOC_InitFormFillEnvironment(pdf, self._config)
        self._kinds = {
            pdfium.FPDF_FORMFIELD_PUSHBUTTON: self._button,
            pdfium.FPDF_FORMFIELD_CHECKBOX: self._box,
            pdfium.FPDF_FORMFIELD_RADIOBUTTON: self._box,
            pdfium.FPDF_FORMFIELD_COMBOBOX: self._choice,
            pdfium.FPDF_FORMFIELD_LISTBOX: self._choice,
            pdfium.FPDF_FORMFIELD_TEXTFIELD: self._text,
            pdfium.FPDF_FORMFIELD_SIGNATURE: self._signature,
        }
        self._stale = self._form is not None and _NEEDS.search(data) is not None

    @property
    def is_xfa(self) -> bool:
        """Whether the form is written in XFA alone: its pages hold no more than a request to use another viewer.

        Known when all pages have been read.
        """
        return bool(self.kind == self._raw.FORMTYPE_XFA_FULL) and not self._widgets

    def close(self) -> None:
        """Close the environment."""
        if self._form:
            self._raw.FPDFDOC_ExitFormFillEnvironment(self._form)
            self._form = None

    def fields(self, page: Any) -> Iterator[Field]:
        """Yield the widgets of a page in the order of the file. Raises: OversizedDocument."""
        raw = self._raw
        for index in range(min(raw.FPDFPage_GetAnnotCount(page), MAX_NOTES)):
            if note := raw.FPDFPage_GetAnnot(page, index):
                yield from self._widget(note)
                raw.FPDFPage_CloseAnnot(note)

    def _widget(self, note: Any) -> Iterator[Field]:
        if self._raw.FPDFAnnot_GetSubtype(note) == self._raw.FPDF_ANNOT_WIDGET:
            kind = self._raw.FPDFAnnot_GetFormFieldType(self._form, note) if self._form else 0
            self._widgets += 1
            found = self._kinds[kind](note) if kind in self._kinds else self._apart(note)
            if found is not None:
                self._budget.spend(len(found.value) + len(found.label))
                yield found

    def _apart(self, note: Any) -> Field | None:
        """Read a widget that is in no form, as programs leave it that put pages together; None if it shows nothing."""
        raw = self._raw
        kind = string_of(raw, note, b"FT")
        if kind == "Btn":
            return self._box(note) if raw.FPDFAnnot_HasKey(note, b"AS") else None
        if kind not in ("Tx", "Ch"):
            return None
        flags = ctypes.c_float()
        raw.FPDFAnnot_GetNumberValue(note, b"Ff", ctypes.byref(flags))
        if kind == "Tx" and int(flags.value) & _PASSWORD:
            return self._field(note, "password")
        return self._field(note, "text" if kind == "Tx" else "choice", string_of(raw, note, b"V"))

    def _field(self, note: Any, kind: str, value: str = "", state: str = "") -> Field:
        name = self._string(self._raw.FPDFAnnot_GetFormFieldName, note) or string_of(self._raw, note, b"T")
        tooltip = self._string(self._raw.FPDFAnnot_GetFormFieldAlternateName, note) or string_of(self._raw, note, b"TU")
        tooltip = " ".join(tooltip.split())
        box = box_of(self._raw, note)
        hidden = is_out_of_sight(self._raw, note) or box[2] - box[0] < 1 or box[3] - box[1] < 1
        return Field(kind, name, tooltip or _last_part(name), cleaned(value), state, hidden, box)

    def _button(self, note: Any) -> Field:
        return self._field(note, "button")

    def _text(self, note: Any) -> Field:
        raw = self._raw
        if raw.FPDFAnnot_GetFormFieldFlags(self._form, note) & _PASSWORD:
            return self._field(note, "password")
        value = self._string(raw.FPDFAnnot_GetFormFieldValue, note)
        found = self._field(note, "text", value or rich_text(string_of(raw, note, b"RV")))
        script = raw.FPDFAnnot_GetFormAdditionalActionJavaScript
        found.formatted = not self._stale and script(self._form, note, raw.FPDF_ANNOT_AACTION_FORMAT, None, 0) > 2
        return found

    def _choice(self, note: Any) -> Field:
        raw = self._raw
        count = min(raw.FPDFAnnot_GetOptionCount(self._form, note), _MAX_OPTIONS)
        chosen = [
            utf16(partial(raw.FPDFAnnot_GetOptionLabel, self._form, note, at))
            for at in range(count)
            if raw.FPDFAnnot_IsOptionSelected(self._form, note, at)
        ]
        return self._field(note, "choice", ", ".join(chosen) or self._string(raw.FPDFAnnot_GetFormFieldValue, note))

    def _box(self, note: Any) -> Field:
        """Read a box or a radio button: its state is that of its appearance, or its value if it has none."""
        shown, held = (string_of(self._raw, note, key) for key in (b"AS", b"V"))
        if (self._stale or not shown) and held:
            shown = held
        found = self._field(note, "box", state=EMPTY if shown in _OFF else TICKED)
        found.value = "" if _PLAIN_STATE.fullmatch(shown) else shown
        return found

    def _signature(self, note: Any) -> Field:
        return self._field(note, "signature")

    def _string(self, function: Any, note: Any) -> str:
        return utf16(partial(function, self._form, note)) if self._form else ""


def _last_part(name: str) -> str:
    """Return the last part of a dotted name as words, "" when a program made it up ("Text1", "f1_01[0]")."""
    last = " ".join(_NUMBERED.sub("", name.rpartition(".")[2]).replace("_", " ").split())
    return "" if _MADE_UP.fullmatch(last) else last
