"""Dates, times and durations of spreadsheets: numbers of days since an epoch.

A complete date, and a time of the day, become ISO 8601, whatever the order in which a format shows them: "3/4/2024"
would not tell March from April. What is less than a date (a month, a year, a day of the week) or more than a time (a
duration) is what the cell shows.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ingest.documents.parsers._office.number_codes import CodePart, CodeToken

_LAST_DAY = 2958466  # 10000-01-01, the first day beyond the format's range
_EPOCH_1900, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # days are counted from 0
_NO_LEAP_DAY = 60  # 1900-02-29, which did not exist but is counted: earlier days are off by one
_DAY = 86_400_000  # milliseconds
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ENGLISH = 9  # the lowest bits of a language's number
_UNITS = frozenset((*"年月日时時分秒년월일시분초гр", "г.", "р."))  # behind figures
_FIGURES = frozenset("123456789")
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def is_moment(section: CodePart) -> bool:
    """Return whether a section shows dates, times or durations."""
    return any(token.kind in ("date", "minute", "elapsed") for token in section.tokens)


class Moment:
    """Shows numbers of days under a section of a format."""

    def __init__(self, section: CodePart, from_1904: bool) -> None:
        """`from_1904`: days are counted from 1904 on."""
        dates = [token.text for token in section.tokens if token.kind == "date"]
        units = {text[0] for text in dates}
        named = any(text[0] in "mda" and len(text) > 2 for text in dates)
        complete = {"y", "m", "d"} <= units or {"e", "m", "d"} <= units
        time_of_day = "h" in units and section.has("minute") and not section.has("half") and not units & set("ymd")
        self._section, self._from_1904 = section, from_1904
        self._digits = max((len(token.text) for token in section.tokens if token.kind == "fraction"), default=0)
        self._elapsed = section.has("elapsed")
        with_units = _has_units(section.tokens)  # as in `h "h" mm "min"`
        self._standard = complete or (time_of_day and not with_units) or (named and not _is_english(section.language))
        before, behind = _words(section.tokens) if self._standard else ("", "")
        self._words = before, "" if with_units else behind

    def show(self, number: float) -> str | None:
        """Return what is shown for a number of days, None when it is out of range."""
        if self._elapsed and abs(number) < _LAST_DAY:
            text = _written(self._section, timedelta(abs(number)), None, self._digits)
            return f"-{text}" if number < 0 and not set(text).isdisjoint(_FIGURES) else text
        if not 0 <= number < _LAST_DAY:
            return None
        found = _date(number, self._from_1904)
        if found is None:
            return None
        day, clock = found
        if self._standard:
            return _iso(number, day, clock).join(self._words)
        return _written(self._section, clock, day, self._digits)


def _date(number: float, from_1904: bool) -> tuple[datetime, timedelta] | None:
    """Return the day and the time of the day, None beyond the calendar's end."""
    days, share = divmod(number, 1)
    if days < _NO_LEAP_DAY and not from_1904:
        days += 1
    try:
        day = (_EPOCH_1904 if from_1904 else _EPOCH_1900) + timedelta(days)
        clock = timedelta(milliseconds=round(share * _DAY))
        return day + timedelta(clock.days), clock - timedelta(clock.days)
    except OverflowError:
        return None


def _iso(number: float, day: datetime, clock: timedelta) -> str:
    """Return a date, a time for a number below one, or both."""
    if number < 1 and day <= _EPOCH_1904 and round(number * _DAY) < _DAY:
        return (datetime.min + clock).time().isoformat()
    return (day + clock).isoformat(" ") if clock else day.date().isoformat()


def _words(tokens: Sequence[CodeToken]) -> tuple[str, str]:
    """Return the words that a section has before and behind a date."""
    shown = [place for place, token in enumerate(tokens) if token.kind not in ("text", "comma", "slash")]
    before = "".join(token.text for token in tokens[: shown[0]])
    behind = "".join(token.text for token in tokens[shown[-1] + 1 :])
    return before if _says(before) else "", behind if _says(behind) else ""


def _has_units(tokens: Sequence[CodeToken]) -> bool:
    """Return whether words stand both behind the last figures and between others."""
    shown = [place for place, token in enumerate(tokens) if token.kind not in ("text", "comma", "slash")]
    inside = "".join(token.text for token in tokens[shown[0] : shown[-1]] if token.kind == "text")
    return _says(inside) and _says(_words(tokens)[1])


def _says(words: str) -> bool:
    return any(character.isalpha() for character in words) and not set(words.split()) <= _UNITS


def _is_english(language: str) -> bool:
    try:
        return not language or int(language.rpartition(",")[2][-4:], 16) & 0x3FF == _ENGLISH
    except ValueError:
        return False


def _written(section: CodePart, clock: timedelta, day: datetime | None, digits: int) -> str:
    """Return the tokens of a section for a day and a time of the day, or for a duration; `digits` of a second."""
    milliseconds = round(clock.total_seconds() * 1000)
    step = 10 ** max(3 - digits, 0)
    seconds, rest = divmod((milliseconds + step // 2) // step * step, 1000)
    half = section.has("half")
    parts = []
    for token in section.tokens:
        if token.kind == "elapsed":
            parts.append(f"{seconds // _SECONDS[token.text[0]]:0{len(token.text)}d}")
        elif token.kind == "fraction":
            parts.append(f".{rest:03d}"[: len(token.text) + 1] if token.text else ".")
        elif token.kind == "half":
            letters = token.text.split("/")
            parts.append(letters[seconds // 3600 % 24 >= 12])
        elif token.kind == "minute" or (token.kind == "date" and token.text[0] in "hs"):
            parts.append(_of_clock(token, seconds, half))
        elif token.kind == "date":
            parts.append("" if day is None else _of_day(token.text, day))
        else:
            parts.append(token.text)
    return "".join(parts)


def _of_clock(token: CodeToken, seconds: int, half: bool) -> str:
    unit = "m" if token.kind == "minute" else token.text[0]
    number = seconds // _SECONDS[unit] % (24 if unit == "h" else 60)
    if unit == "h" and half:
        number = number % 12 or 12
    return f"{number:0{min(len(token.text), 2)}d}"


def _of_day(form: str, day: datetime) -> str:
    unit, width = form[0], len(form)
    if unit in "yeb":
        year = day.year + (543 if unit == "b" else 0)
        return f"{year % 100:02d}" if width < 3 and unit != "e" else f"{year:04d}"
    if unit == "g":
        return ""
    number, names = (day.month, _MONTHS) if unit == "m" else (day.day, _DAYS)
    if width < 3 and unit != "a":
        return f"{number:0{width}d}"
    name = names[day.month - 1 if unit == "m" else day.weekday()]
    return name[:1] if width > 4 else name if width == 4 else name[:3]
