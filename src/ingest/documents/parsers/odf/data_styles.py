"""Data styles of OpenDocument (numbers, percentages, currencies) as number format codes.

A cell has text as the program showed it that wrote the file, but libraries write the plain number, or no text at all,
and leave it to the reader's program to apply the style.
"""

import re
from typing import Any

from ingest.documents.parsers._office.number_formats import NumberFormat
from ingest.documents.parsers.odf.text import NUMBER, STYLE, OdfStyles

_OF_TEXT = NUMBER + "text-style"  # the last section of a code, which applies the others
_KINDS = frozenset((*(NUMBER + kind for kind in ("number-style", "percentage-style", "currency-style")), _OF_TEXT))
_CONDITION = re.compile(r"value\(\)(<=|>=|<>|!=|<|>|=)(-?\d{1,15}(?:\.\d{1,15})?)\Z")
_MOST = 100  # digits that a style may ask for
_SECTIONS = 3
_STANDARD = ([">=0"], [">0", "<0"], [">=0", "<0"], [">0", "<0", "=0"])  # conditions of codes that have none


def number_format(name: str, styles: OdfStyles) -> NumberFormat | None:
    """Return the number format of a cell's style, None when it has none that says more than the number."""
    if name not in styles.formats:
        style = styles.data_style(name)
        code = _code(style, styles) if style is not None and style.tag in _KINDS else ""
        form = NumberFormat(code)
        styles.formats[name] = None if form.is_plain else form
    return styles.formats[name]


def _code(style: Any, styles: OdfStyles) -> str:
    """Return the code of a style with those that it applies under conditions, "" when it cannot be written as one."""
    maps = style.findall(STYLE + "map")[:_SECTIONS]
    conditions = [_condition(each.get(STYLE + "condition") or "") for each in maps]
    others = [styles.data.get(each.get(STYLE + "apply-style-name") or "") for each in maps]
    if not all(conditions) or any(other is None for other in others) or _lacks_currency(style):
        return ""
    codes = [_section(other) for other in others]
    if conditions not in _STANDARD:
        codes = [f"[{condition}]{code}" for condition, code in zip(conditions, codes, strict=True)]
    own = [] if style.tag == _OF_TEXT else [_section(style)]
    return ";".join([*codes, *own][:_SECTIONS])


def _lacks_currency(style: Any) -> bool:
    """Return whether a style shows the currency of the reader's country, which the cell may name."""
    return any(not (element.text or "").strip() for element in style.iterfind(NUMBER + "currency-symbol"))


def _condition(text: str) -> str:
    """Return the condition of a code for one such as `value()>=0`."""
    match = _CONDITION.match("".join(text.split()))
    return match[1].replace("!=", "<>") + match[2] if match else ""


def _section(style: Any) -> str:
    parts = []
    for element in style:
        if element.tag in (NUMBER + "text", NUMBER + "currency-symbol"):
            parts.append(_quoted(element.text or ""))
        elif element.tag == NUMBER + "number":
            parts.append(_digits(element))
        elif element.tag == NUMBER + "scientific-number":
            parts.append(f"{_digits(element)}E+{'0' * _count(element, 'min-exponent-digits', 1)}")
        elif element.tag == NUMBER + "fraction":
            parts.append(_fraction(element))
    code = "".join(parts)
    return code.replace('"%"', "%", 1) if style.tag == NUMBER + "percentage-style" else code


def _quoted(text: str) -> str:
    """Return text as a part of a code; a sign of percent is apart, since it multiplies."""
    return '"%"'.join('\\"'.join(f'"{each}"' for each in part.split('"')) if part else "" for part in text.split("%"))


def _digits(element: Any) -> str:
    """Return the places of a number's digits."""
    if element.get(NUMBER + "decimal-places") is None and _count(element, "min-integer-digits", 1) < 2:
        return "General"
    whole = list("0" * _count(element, "min-integer-digits", 0) or "#")
    if element.get(NUMBER + "grouping") == "true":
        whole = [*"#,", *["#"] * (3 - len(whole)), *whole] if len(whole) < 4 else [*whole[:-3], ",", *whole[-3:]]
    texts = {_count(each, "position", 0): each.text or "" for each in element.iter(NUMBER + "embedded-text")}
    for place in sorted(texts, reverse=True):  # counted from the point to the left
        whole = ["#"] * (place + 1 - len(whole)) + whole
        whole.insert(len(whole) - place, _quoted(texts[place]))
    decimals = _count(element, "decimal-places", 0)
    least = min(_count(element, "min-decimal-places", decimals), decimals)
    behind = "0" * least + "#" * (decimals - least)
    factor = element.get(NUMBER + "display-factor") or "1"
    scale = "," * ((len(factor) - 1) // 3) if factor.strip("0") == "1" and len(factor) < 20 else ""
    return "".join(whole) + (f".{behind}" if behind else "") + scale


def _fraction(element: Any) -> str:
    own = element.get(NUMBER + "min-integer-digits")
    whole = "" if own is None else "0" * _count(element, "min-integer-digits", 0) or "#"
    above = "?" * max(_count(element, "min-numerator-digits", 1), 1)
    given = element.get(NUMBER + "denominator-value") or ""
    below = (
        given if given.isdecimal() and len(given) < 8 else "?" * max(_count(element, "min-denominator-digits", 1), 1)
    )
    return f"{whole} {above}/{below}".strip()


def _count(element: Any, name: str, default: int) -> int:
    text = element.get(NUMBER + name) or ""
    return min(int(text), _MOST) if text.isdecimal() and len(text) < 9 else default
