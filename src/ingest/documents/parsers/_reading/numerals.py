"""Numbers of list items in the systems of CSS counter styles: letters, Roman numerals, digits of other scripts."""

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
_ALPHABETS = {
    "lower-alpha": _LATIN,
    "lower-latin": _LATIN,
    "upper-alpha": _LATIN.upper(),
    "upper-latin": _LATIN.upper(),
    "lower-greek": _GREEK,
    "upper-greek": _GREEK.upper(),
    "lower-russian": "абвгдежзиклмнопрстуфхцчшщэюя",
    "hiragana": "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわゐゑをん",
    "katakana": "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヰヱヲン",
    "cjk-earthly-branch": "子丑寅卯辰巳午未申酉戌亥",
    "cjk-heavenly-stem": "甲乙丙丁戊己庚辛壬癸",
}
_ZEROS = {
    "arabic-indic": 0x660,
    "persian": 0x6F0,
    "devanagari": 0x966,
    "bengali": 0x9E6,
    "gurmukhi": 0xA66,
    "gujarati": 0xAE6,
    "oriya": 0xB66,
    "tamil": 0xBE6,
    "telugu": 0xC66,
    "kannada": 0xCE6,
    "malayalam": 0xD66,
    "thai": 0xE50,
    "lao": 0xED0,
    "tibetan": 0xF20,
    "myanmar": 0x1040,
    "khmer": 0x17E0,
    "cambodian": 0x17E0,
    "mongolian": 0x1810,
}
_ROMAN_SIGNS = {1000: "M", 900: "CM", 500: "D", 400: "CD", 100: "C", 90: "XC", 50: "L", 40: "XL", 10: "X", 9: "IX"}
_ROMAN_SIGNS |= {5: "V", 4: "IV", 1: "I"}
_CJK = "〇一二三四五六七八九"
_OTHERS = ("decimal", "decimal-leading-zero", "lower-roman", "upper-roman", "cjk-decimal")
SYSTEMS = frozenset((*_ALPHABETS, *_ZEROS, *_OTHERS))
"""The systems that `numeral` knows."""


def numeral(number: int, system: str) -> str:
    """Return a number in a system; in decimal digits if the system is unknown or has no such number."""
    if system in ("lower-roman", "upper-roman") and 0 < number < 4000:
        written = _roman(number)
        return written if system == "upper-roman" else written.lower()
    if (letters := _ALPHABETS.get(system)) and number > 0:
        return _lettered(number, letters)
    if system == "decimal-leading-zero":
        return f"{number:03d}" if number < 0 else f"{number:02d}"
    if system == "cjk-decimal" and number >= 0:
        return "".join(_CJK[int(digit)] for digit in str(number))
    if zero := _ZEROS.get(system):
        return str(number).translate({ord("0") + digit: zero + digit for digit in range(10)})
    return str(number)


def _roman(number: int) -> str:
    written = ""
    for value, sign in _ROMAN_SIGNS.items():
        count, number = divmod(number, value)
        written += sign * count
    return written


def _lettered(number: int, letters: str) -> str:
    """Return a, b, …, z, aa, ab, and so on."""
    written = ""
    while number > 0:
        number, place = divmod(number - 1, len(letters))
        written = letters[place] + written
    return written
