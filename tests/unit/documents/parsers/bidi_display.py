"""The Unicode bidirectional algorithm without explicit embeddings: the order in which a line is seen.

Written from Unicode Standard Annex 9 to check its inverse; it shares no code with that.
"""

import unicodedata

PAIRS = {"(": ")", "[": "]", "{": "}"}
MIRROR = {**PAIRS, **{b: a for a, b in PAIRS.items()}, "«": "»", "»": "«", "<": ">", ">": "<"}
NEUTRAL = ("B", "S", "WS", "ON", "ES", "CS", "ET", "BN")


def displayed(text: str, rtl: bool) -> str:
    """Return a line as it is seen, from left to right, with mirrored brackets."""
    found = levels(text, rtl)
    shown = [MIRROR.get(letter, letter) if level % 2 else letter for letter, level in zip(text, found, strict=True)]
    order = list(range(len(text)))
    for level in range(max(found, default=0), 0, -1):
        at = 0
        while at < len(order):
            end = at
            while end < len(order) and found[order[end]] >= level:
                end += 1
            order[at:end] = order[at:end][::-1]
            at = max(end, at + 1)
    return "".join(shown[i] for i in order)


def levels(text: str, rtl: bool) -> list[int]:
    """Return the level of each character."""
    base, kinds = "R" if rtl else "L", [unicodedata.bidirectional(letter) for letter in text]
    _weak(kinds, base)
    _brackets(text, kinds, base)
    _neutral(kinds, base)
    found = [int(rtl)] * len(text)
    for i, kind in enumerate(kinds):
        odd = {"R": 1, "L": 2, "EN": 2, "AN": 2} if rtl else {"R": 1, "L": 0, "EN": 2, "AN": 2}
        found[i] = odd[kind]
    end = len(text)
    while end and text[end - 1].isspace():
        end -= 1
        found[end] = int(rtl)
    return found


def _weak(kinds: list[str], base: str) -> None:
    _marks(kinds, base)
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]
    for i in range(1, len(kinds) - 1):  # W4
        around = kinds[i - 1], kinds[i + 1]
        if kinds[i] in ("ES", "CS") and around == ("EN", "EN"):
            kinds[i] = "EN"
        elif kinds[i] == "CS" and around == ("AN", "AN"):
            kinds[i] = "AN"
    _signs(kinds)
    kinds[:] = ["ON" if kind in NEUTRAL else kind for kind in kinds]
    strong = base
    for i, kind in enumerate(kinds):  # W7
        strong = kind if kind in ("L", "R") else strong
        kinds[i] = "L" if kind == "EN" and strong == "L" else kind


def _marks(kinds: list[str], base: str) -> None:
    """Rules W1 and W2."""
    strong = before = base
    for i, found in enumerate(kinds):
        before = kinds[i] = before if found == "NSM" else found
        strong = before if before in ("L", "R", "AL") else strong
        if before == "EN" and strong == "AL":
            kinds[i] = "AN"


def _signs(kinds: list[str]) -> None:
    """Rule W5."""
    for i, kind in enumerate(kinds):
        for step in (-1, 1) if kind == "EN" else ():
            at = i + step
            while 0 <= at < len(kinds) and kinds[at] == "ET":
                kinds[at], at = "EN", at + step


def _brackets(text: str, kinds: list[str], base: str) -> None:
    """Rule N0."""
    waiting: list[int] = []
    pairs = []
    for i, letter in enumerate(text):
        if kinds[i] == "ON" and letter in PAIRS:
            waiting.append(i)
        elif kinds[i] == "ON" and letter in PAIRS.values():
            for k in range(len(waiting) - 1, -1, -1):
                if PAIRS[text[waiting[k]]] == letter:
                    pairs.append((waiting[k], i))
                    del waiting[k:]
                    break
    side = {"L": "L", "R": "R", "EN": "R", "AN": "R"}
    for first, last in sorted(pairs):
        inside = {side[kind] for kind in kinds[first + 1 : last] if kind in side}
        if base in inside:
            kinds[first] = kinds[last] = base
        elif inside:
            before = next((side[kind] for kind in reversed(kinds[:first]) if kind in side), base)
            kinds[first] = kinds[last] = before if before in inside else base


def _neutral(kinds: list[str], base: str) -> None:
    side = {"L": "L", "R": "R", "EN": "R", "AN": "R"}
    at = 0
    while at < len(kinds):
        end = at
        while end < len(kinds) and kinds[end] == "ON":
            end += 1
        if end > at:
            before = side[kinds[at - 1]] if at else base
            after = side[kinds[end]] if end < len(kinds) else base
            kinds[at:end] = [before if before == after else base] * (end - at)
        at = max(end, at + 1)
