"""Raised and lowered text: "10³" and "thousand¹" are other texts than "103" and "thousand1".

Figures and signs become Unicode's superscripts and subscripts. Letters are written "x^a" and "V_max", since Unicode has
few of them, and nobody would search for those. What is only raised by custom stays as it is: "1st", "M^me", "[1]", "*".
"""

import re

_LONGEST = 12  # characters
_UP = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_DOWN = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_WRITTEN = frozenset("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
FIGURES = re.compile(r"[-–−+]?[0-9n]+(?:[-–−+,.;:=][0-9n]+)*[-–−+,.;]?|[-–−+]|\(?[0-9]+\)")
_OPERATOR = re.compile(r"\s[-–−+]\s")
_CUSTOM = frozenset({"st", "nd", "rd", "th", "er", "ère", "re", "e", "ème", "me", "o", "a", "os", "as", "lle", "mes"})
_CENTURY = re.compile(r"(?:^|\W)[IVXLCDM]{2,}\Z")
_SIGNS = {"TM": "™", "tm": "™", "SM": "℠", "sm": "℠", "R": "®"}


def script(text: str, before: str, behind: str, *, raised: bool) -> str:
    """Return raised or lowered text as it is written.

    Args:
        text: Without white space.
        before: What touches it on the left, "" if nothing does.
        behind: What touches it on the right.
        raised: Whether it is raised.
    """
    figures = bool(FIGURES.fullmatch(text))
    if not figures and not any(map(str.isalnum, text)):
        return text
    if raised and before[-1:].isalnum() and _by_custom(text, before):
        return _SIGNS.get(text, text)
    if text[0] == "[":
        return text
    if figures:
        sign = text[:1].replace("–", "-")
        return f"{sign}{text[1:]}".translate(_UP if raised else _DOWN)
    if raised and before[-1:].isalpha() and behind[:1].isalpha():
        return text  # inside a word
    plain = text.isalnum() and not behind[:1].isalnum()
    return f"{'^' if raised else '_'}{text if plain or (text[0] == '(' and text[-1] == ')') else f'({text})'}"


def marked_script(text: str, before: str, behind: str, *, raised: bool) -> str:
    """Return text that its document marks as raised or lowered; white space around it stays.

    Lowered text is written as such only where it would be read as a part of a number: "H2O" is how people write that.
    """
    inner = text.strip()
    if not inner or len(inner) > _LONGEST or not _WRITTEN.isdisjoint(inner):
        return text
    if raised and inner.isdecimal() and (behind[:1] == "⁄" or behind.strip() == "/"):  # a fraction
        return f" {inner}" if before[-1:].isdecimal() else inner
    if before[-1:] == "(" and inner[-1] == ")" and "(" not in inner:
        return text
    words = inner.split()
    if len(words) > 1 and _OPERATOR.search(inner):
        words = ["".join(words)]  # an exponent
    figures = all(map(FIGURES.fullmatch, words))
    if not raised and not (figures and (before[-1:].isdecimal() or behind[:1].isdecimal())):
        return text
    if not figures and (len(words) > 1 or not before or before[-1].isspace()):
        return text
    return text.replace(inner, " ".join(script(word, before, behind, raised=raised) for word in words))


def _by_custom(text: str, before: str) -> bool:
    """Return whether letters are only raised by custom: ordinals, abbreviations, trade marks."""
    if text in _SIGNS:
        return before[-1:].isalpha()
    if text.lower() not in _CUSTOM:
        return False
    return len(text) > 1 or before[-1:].isdigit() or bool(_CENTURY.search(before))
