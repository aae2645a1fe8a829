"""What a number looks like under a number format: digits, thousands, units, fractions, exponents, signs.

Separators, currencies without a country and names of months are those of the United States, as in Excel there: a file
does not say where its reader is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from ingest.documents.parsers._office.moments import Moment, is_moment
from ingest.documents.parsers._office.number_codes import CodeToken, code_parts

BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    5: "$#,##0_);($#,##0)",
    6: "$#,##0_);($#,##0)",
    7: "$#,##0.00_);($#,##0.00)",
    8: "$#,##0.00_);($#,##0.00)",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    37: "#,##0_);(#,##0)",
    38: "#,##0_);(#,##0)",
    39: "#,##0.00_);(#,##0.00)",
    40: "#,##0.00_);(#,##0.00)",
    41: '_(* #,##0_);_(* (#,##0);_(* "-"_);_(@_)',
    42: '_($* #,##0_);_($* (#,##0);_($* "-"_);_(@_)',
    43: '_(* #,##0.00_);_(* (#,##0.00);_(* "-"??_);_(@_)',
    44: '_($* #,##0.00_);_($* (#,##0.00);_($* "-"??_);_(@_)',
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    48: "##0.0E+0",
    49: "@",
}
"""Codes that files name by number; other numbers of dates are complete dates."""
_BUILT_IN_DATES = frozenset((14, 15, 22, *range(27, 37), *range(50, 59)))
_EXACT = Context(prec=5000, rounding=ROUND_HALF_UP)  # above what a code of the greatest length can ask for
_USUAL = re.compile(r"([x%]*)(#,##0|#*(0+))(?:\.(0+))?([x%]*)\Z")  # signs of tokens: see below
_SIGN = {"text": "x", "percent": "%", "point": ".", "comma": ","}
_SPACE = re.compile(r"\s+")
_FIGURES = frozenset("123456789")
_REMEMBERED = 1000  # values of a format
_DENOMINATOR = 7  # digits, at most


def built_in(number: int) -> str:
    """Return the code of a built-in format."""
    return "yyyy-mm-dd" if number in _BUILT_IN_DATES else BUILT_IN.get(number, "General")


def plain_number(number: float) -> str:
    """Return a number with at most 15 significant digits, as Excel does; integers without a point."""
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else f"{number:.15g}".upper()


@dataclass(frozen=True, slots=True)
class _Places:
    """What most sections are: text, digits with or without thousands, a number of decimals, text."""

    before: str
    grouped: bool
    width: int  # digits before the point, at least
    decimals: Decimal  # 1, 0.1, 0.01 …
    percents: int
    behind: str

    @classmethod
    def of(cls, tokens: Sequence[CodeToken]) -> "_Places | None":
        """Return the places of a section, None when it has others."""
        signs = "".join(_SIGN.get(token.kind, "!") if token.kind != "digit" else token.text for token in tokens)
        match = _USUAL.match(signs)
        if match is None:
            return None
        texts = ("".join(token.text for token in tokens[slice(*match.span(part))]) for part in (1, 5))
        before, behind = (_SPACE.sub(" ", text) for text in texts)
        zeros, decimals = match[3] or "0", len(match[4] or "")
        step = Decimal(1).scaleb(-decimals)
        return cls(before.lstrip(), "," in match[2], len(zeros), step, signs.count("%"), behind.rstrip())

    def show(self, value: float, signed: bool) -> str:
        """Return a number, with its sign if `signed`."""
        exact = Decimal(f"{abs(value):.15g}")
        if self.percents:
            exact = _EXACT.scaleb(exact, 2 * self.percents)
        exact = _EXACT.quantize(exact, self.decimals)
        digits = f"{exact:,f}" if self.grouped else f"{exact:f}"
        if self.width > 1:
            whole, point, rest = digits.partition(".")
            digits = whole.zfill(self.width) + point + rest
        return f"{'-' if signed and exact else ''}{self.before}{digits}{self.behind}"


class NumberFormat:
    """A number format code; shows values."""

    def __init__(self, code: str, from_1904: bool = False) -> None:
        """`from_1904`: days are counted from 1904 on."""
        self._sections = code_parts(code)
        self._shows = [
            Moment(section, from_1904) if is_moment(section) else _Places.of(section.tokens)
            for section in self._sections
        ]
        self._known: dict[float, str] = {}  # the first values: dates and amounts are repeated
        self._changes_text = len(self._sections) > 3 or self._sections[-1].has("at")
        self.has_moments = is_moment(self._sections[0])  # dates, times, durations
        self.is_plain = len(self._sections) == 1 and [token.kind for token in self._sections[0].tokens] == ["general"]

    def number(self, value: float) -> str:
        """Return what a finite number looks like, "" when the format does not show it."""
        if self.is_plain:
            return plain_number(value)
        found = self._known.get(value)
        if found is None:
            found = self._shown(value)
            if len(self._known) < _REMEMBERED:
                self._known[value] = found
        return found

    def _shown(self, value: float) -> str:
        place, unsigned = self._chosen(value) if len(self._sections) > 1 else (0, False)
        shows = self._shows[place]
        if isinstance(shows, _Places):
            return shows.show(value, value < 0 and not unsigned)
        if shows is not None:
            text = shows.show(value)
            return plain_number(value) if text is None else _collapsed(text)
        text = _amount(self._sections[place].tokens, abs(value))
        signed = value < 0 and not unsigned and not set(text).isdisjoint(_FIGURES)
        return _collapsed(f"-{text.lstrip()}" if signed else text)

    def text(self, value: str) -> str:
        """Return what a text looks like, "" when the format does not show it."""
        if not self._changes_text:
            return value
        return "".join(value if token.kind == "at" else token.text for token in self._sections[-1].tokens)

    def _chosen(self, value: float) -> tuple[int, bool]:
        """Return the place of the section for a value, and whether it shows the value without its sign."""
        found = self._sections[:3]
        if len(self._sections) == len(found) and found[-1].has("at"):
            found = found[:-1]  # for text
        for place, section in enumerate(found):
            if section.condition is not None:
                sign, limit = section.condition
                if _holds(value, sign, limit):
                    return place, sign in ("<", "<=") and limit <= 0
            elif place == 1 and value < 0 and (len(found) == 3 or found[0].condition is None):
                return place, True
            elif place == 0 and len(found) > 1 and (value > 0 or (value == 0 and len(found) == 2)):
                return place, False
        return len(found) - 1, False


def _holds(value: float, sign: str, limit: float) -> bool:
    less, equal = value < limit, value == limit
    return {"<": less, "<=": less or equal, "=": equal, "<>": not equal, ">": not less and not equal}.get(
        sign, not less
    )


def _collapsed(text: str) -> str:
    return " ".join(text.split())


def _amount(tokens: Sequence[CodeToken], number: float) -> str:
    """Return a number that is not negative."""
    kinds = [token.kind for token in tokens]
    if "general" in kinds or "at" in kinds:
        plain = plain_number(number)
        return "".join(plain if token.kind in ("general", "at") else token.text for token in tokens)
    value = _EXACT.scaleb(Decimal(f"{number:.15g}"), 2 * kinds.count("percent"))
    if "exponent" in kinds:
        return _scientific(tokens, value, kinds.index("exponent"))
    if "slash" in kinds and "digit" in kinds[: kinds.index("slash")]:
        return _fraction(tokens, value, kinds.index("slash"))
    return _decimal(tokens, value)


def _decimal(tokens: Sequence[CodeToken], value: Decimal) -> str:
    """Return digits in the places that tokens give them."""
    point = next((place for place, token in enumerate(tokens) if token.kind == "point"), len(tokens))
    whole, rest = tokens[:point], tokens[point + 1 :]
    for part in (whole, rest):
        digits = [place for place, token in enumerate(part) if token.kind == "digit"]
        commas = [token.kind for token in part[digits[-1] + 1 :]] if digits else []
        scaled = next((place for place, kind in enumerate(commas) if kind != "comma"), len(commas))
        value = _EXACT.scaleb(value, -3 * scaled)
    places = sum(token.kind == "digit" for token in rest)
    before, _, behind = f"{_EXACT.quantize(value, Decimal(1).scaleb(-places)):f}".partition(".")
    text = _whole(whole, before.lstrip("0") if "digit" in [token.kind for token in tokens] else "")
    return text + ("." + _decimals(rest, behind.rstrip("0")) if point < len(tokens) else "")


def _whole(tokens: Sequence[CodeToken], digits: str) -> str:
    """Return the part before the point, filled from the right; its first place takes all digits that are left."""
    places = [place for place, token in enumerate(tokens) if token.kind == "digit"]
    if not places:
        return "".join(token.text for token in tokens if token.kind != "comma") + digits
    grouped = any(token.kind == "comma" for token in tokens[places[0] : places[-1]])
    parts: list[str] = []
    shown = 0
    for place in range(len(tokens) - 1, -1, -1):
        token = tokens[place]
        if token.kind != "digit":
            parts.append("" if token.kind == "comma" else token.text[::-1])
            continue
        taken = digits if place == places[0] else digits[-1:]
        digits = digits[: len(digits) - len(taken)]
        for digit in reversed(taken) if taken else {"0": "0", "?": " "}.get(token.text, ""):
            parts.append("," if grouped and shown and shown % 3 == 0 and digit != " " else "")
            parts.append(digit)
            shown += 1
    return "".join(parts)[::-1]


def _decimals(tokens: Sequence[CodeToken], digits: str) -> str:
    parts, at = [], 0
    for token in tokens:
        if token.kind == "digit":
            parts.append(digits[at] if at < len(digits) else {"0": "0", "?": " "}.get(token.text, ""))
            at += 1
        else:
            parts.append("" if token.kind == "comma" else token.text)
    return "".join(parts)


def _scientific(tokens: Sequence[CodeToken], value: Decimal, at: int) -> str:
    """Return a mantissa and an exponent that is a multiple of the number of places before the point."""
    mantissa = tokens[:at]
    point = next((place for place, token in enumerate(mantissa) if token.kind == "point"), at)
    step = max(sum(token.kind == "digit" for token in mantissa[:point]), 1)
    places = sum(token.kind == "digit" for token in mantissa[point:])
    power = value.adjusted() // step * step if value else 0
    rounded = _EXACT.quantize(_EXACT.scaleb(value, -power), Decimal(1).scaleb(-places))
    if rounded >= 10**step:
        power += step
        rounded = _EXACT.quantize(_EXACT.scaleb(value, -power), Decimal(1).scaleb(-places))
    sign = "-" if power < 0 else "+" if tokens[at].text.endswith("+") else ""
    return f"{_decimal(mantissa, rounded)}E{sign}{_whole(tokens[at + 1 :], str(abs(power)).lstrip('0'))}"


def _fraction(tokens: Sequence[CodeToken], value: Decimal, slash: int) -> str:
    """Return a number as a whole and a fraction, or as a fraction alone; the denominator may be given."""
    first = slash
    while first and tokens[first - 1].kind == "digit":
        first -= 1
    end = slash + 1
    while end < len(tokens) and tokens[end].text in tuple("0123456789?#"):
        end += 1
    form = "".join(token.text for token in tokens[slash + 1 : end])[:_DENOMINATOR]
    exact = Fraction(value)
    whole = int(exact) if any(token.kind == "digit" for token in tokens[:first]) else 0
    if form.isdigit() and int(form):
        below = int(form)
        above = int((exact - whole) * below + Fraction(1, 2))
    else:
        near = (exact - whole).limit_denominator(10 ** max(len(form), 1) - 1)
        above, below = near.numerator, near.denominator
    if above >= below and any(token.kind == "digit" for token in tokens[:first]):
        whole, above = whole + 1, above - below
    front = _whole(tokens[:first], str(whole) if whole or not above else "") if first else ""
    text = f"{above}/{below}" if above or not front.strip() else ""
    behind = "".join(token.text for token in tokens[end:] if token.kind != "digit")
    return front + text + behind
