"""The characters of symbol fonts, whose codes mean nothing without the font: 0xFC of Wingdings is a tick.

Programs store such a character as a letter in that font, as its code from 0x20 to 0xFF, or as that code in the private
use area (U+F020 to U+F0FF). The tables follow the encodings that Adobe published for Symbol and ZapfDingbats, and the
code points that Unicode has for the glyphs of Microsoft's fonts. Where Unicode has a weight or size of its own for a
glyph (a bold box with a tick, an arrow of medium weight), the older character with the same meaning is used: it is
what people type, and what fonts and language models know.

Why not a library: fontTools has Adobe's glyph names but no codes of Microsoft's fonts; mammoth has a table of these,
but not as a part of its interface.
"""

import re
from functools import lru_cache

# Codes from 0x21 to 0xFF, 31 in the first row and 32 in the others.
_SYMBOL = """
! ∀ # ∃ % & ∋ ( ) * + , − . / 0 1 2 3 4 5 6 7 8 9 : ; < = > ?
≅ Α Β Χ Δ Ε Φ Γ Η Ι ϑ Κ Λ Μ Ν Ο Π Θ Ρ Σ Τ Υ ς Ω Ξ Ψ Ζ [ ∴ ] ⊥ _
‾ α β χ δ ε φ γ η ι ϕ κ λ μ ν ο π θ ρ σ τ υ ϖ ω ξ ψ ζ { | } ~ ␀
␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀
€ ϒ ′ ≤ ⁄ ∞ ƒ ♣ ♦ ♥ ♠ ↔ ← ↑ → ↓ ° ± ″ ≥ × ∝ ∂ • ÷ ≠ ≡ ≈ … ⏐ ⎯ ↵
ℵ ℑ ℜ ℘ ⊗ ⊕ ∅ ∩ ∪ ⊃ ⊇ ⊄ ⊂ ⊆ ∈ ∉ ∠ ∇ ® © ™ ∏ √ ⋅ ¬ ∧ ∨ ⇔ ⇐ ⇑ ⇒ ⇓
◊ ⟨ ® © ™ ∑ ⎛ ⎜ ⎝ ⎡ ⎢ ⎣ ⎧ ⎨ ⎩ ⎪ ␀ ⟩ ∫ ⌠ ⎮ ⌡ ⎞ ⎟ ⎠ ⎤ ⎥ ⎦ ⎫ ⎬ ⎭ ␀
"""
_WINGDINGS = """
✏ ✂ ✁ 👓 🔔 📖 🕯 ☎ ✆ ✉ 🖃 📪 📫 📬 📭 📁 📂 📄 🗏 🗐 🗄 ⌛ 🖮 🖱 🖲 💻 🖴 💾 🖬 ✇ ✍
🖎 ✌ 🖏 👍 👎 ☜ ☞ ☝ ☟ 🖐 ☺ 😐 ☹ 💣 ☠ ⚐ 🏱 ✈ ☼ 💧 ❄ ✝ ✞ 🕈 ✠ ✡ ☪ ☯ 🕉 ☸ ♈ ♉
♊ ♋ ♌ ♍ ♎ ♏ ♐ ♑ ♒ ♓ 🙰 🙵 ● ❍ ■ □ □ ❑ ❒ ⬧ ⧫ ◆ ❖ ⬥ ☒ ⮹ ⌘ ❀ ✿ ❝ ❞ ▯
⓪ ① ② ③ ④ ⑤ ⑥ ⑦ ⑧ ⑨ ⑩ ⓿ ❶ ❷ ❸ ❹ ❺ ❻ ❼ ❽ ❾ ❿ 🙢 🙠 🙡 🙣 🙞 🙜 🙝 🙟 · •
▪ ○ ○ ○ ◉ ◎ ○ ▪ ☐ 🟁 ✦ ★ ✶ ✴ ✹ ✵ ⯐ ⌖ ⯎ ⯏ ⯑ ✪ ✰ 🕐 🕑 🕒 🕓 🕔 🕕 🕖 🕗 🕘
🕙 🕚 🕛 ⮰ ⮱ ⮲ ⮳ ⮴ ⮵ ⮶ ⮷ 🙪 🙫 🙕 🙔 🙗 🙖 🙐 🙑 🙒 🙓 ⌫ ⌦ ⮘ ➢ ⮙ ⮛ ⮈ ➲ ⮉ ⮋ ←
→ ↑ ↓ ↖ ↗ ↙ ↘ ⬅ ➔ ⬆ ⬇ ⬉ ⬈ ⬋ ⬊ ⇦ ⇨ ⇧ ⇩ ⬄ ⇳ ⬁ ⬀ ⬃ ⬂ ▭ ▫ ✗ ✓ ☒ ☑ ␀
"""
_WINGDINGS_2 = """
🖊 🖋 🖌 🖍 ✄ ✀ ☎ 🕽 🗅 🗆 🗇 🗈 🗉 🗊 🗋 🗌 🗍 📋 🗑 🗔 🖵 🖶 🖷 🖸 🖭 🖯 🖱 🖒 🖓 🖘 🖙
🖚 🖛 👈 👉 🖜 🖝 🖞 🖟 🖠 🖡 👆 👇 🖢 🖣 🖑 ✗ ✓ ☒ ☑ ☒ ☒ ⮾ ⮿ 🛇 ⦸ 🙱 🙴 🙲 🙳 ‽ 🙹 🙺
🙻 🙦 🙤 🙥 🙧 🙚 🙘 🙙 🙛 ⓪ ① ② ③ ④ ⑤ ⑥ ⑦ ⑧ ⑨ ⑩ ⓿ ❶ ❷ ❸ ❹ ❺ ❻ ❼ ❽ ❾ ❿ ␀
☉ 🌕 ☽ ☾ ⸿ ✝ 🕇 🕜 🕝 🕞 🕟 🕠 🕡 🕢 🕣 🕤 🕥 🕦 🕧 🙨 🙩 · • • ● ○ 🞅 🞇 🞉 ⊙ ⦿ 🞌
🞍 ◾ ■ ☐ 🞑 🞒 🞓 🞔 ▣ 🞕 🞖 🞗 🞘 ⬩ ⬥ ◇ 🞚 ◈ 🞛 🞜 🞝 🞞 ⬪ ⬧ ◊ 🞠 ◖ ◗ ⯊ ⯋ ⯀ ⯁
⬟ ⯂ ⬣ ⬢ ⯃ ⯄ 🞡 🞢 🞣 🞤 🞥 🞦 🞧 🞨 🞩 🞪 🞫 🞬 🞭 🞮 🞯 🞰 🞱 🞲 🞳 🞴 🞵 🞶 🞷 🞸 🞹 🞺
🞻 🞼 🞽 🞾 🞿 🟀 🟂 🟄 🟆 🟉 🟊 ✶ 🟌 🟎 🟐 🟒 ✹ 🟃 🟇 ✯ 🟍 🟔 ⯌ ⯍ ※ ⁂ ␀ ␀ ␀ ␀ ␀ ␀
"""
_WINGDINGS_3 = """
← → ↑ ↓ ↖ ↗ ↙ ↘ ⇤ ⇥ ⭱ ⭳ ⭶ ⭸ ⭻ ⭽ ⭤ ⭥ ⭪ ⭬ ⭫ ⭭ ⭍ ⮠ ⮡ ⮢ ⮣ ⮤ ⮥ ⮦ ⮧
⮐ ⮑ ⮒ ⮓ ⮀ ⮃ ⭾ ⭿ ⮄ ⮆ ⮅ ⮇ ⮏ ⮍ ⮎ ⮌ ⭮ ⭯ ⎋ ⌤ ⌃ ⌥ ␣ ⍽ ⇪ ⮸ 🢠 🢡 🢢 🢣 🢤 🢥
🢦 🢧 🢨 🢩 🢪 🢫 ← → ↑ ↓ ↖ ↗ ↙ ↘ ↔ ↕ ▲ ▼ △ ▽ ◀ ▶ ◁ ▷ ◣ ◢ ◤ ◥ ◂ ▸ ▴ ␀
▾ ▲ ▼ ◀ ▶ ⮜ ⮞ ⮝ ⮟ 🠐 🠒 🠑 🠓 🠔 🠖 🠕 🠗 🠘 🠚 🠙 🠛 🠜 🠞 🠝 🠟 🠀 🠂 🠁 🠃 🠄 🠆 🠅
🠇 🠈 🠊 🠉 🠋 🠠 🠢 🠤 🠦 🠨 🠪 🠬 🢜 🢝 🢞 🢟 🠮 🠰 🠲 🠴 🠶 🠸 🠺 🠹 🠻 🢘 🢚 🢙 🢛 🠼 🠾 🠽
🠿 🡀 🡂 🡁 🡃 🡄 🡆 🡅 🡇 ⮨ ⮩ ⮪ ⮫ ⮬ ⮭ ⮮ ⮯ 🡠 🡢 🡡 🡣 🡤 🡥 🡧 🡦 🡰 🡲 🡱 🡳 🡴 🡵 🡷
🡶 🢀 🢂 🢁 🢃 🢄 🢅 🢇 🢆 🢐 🢒 🢑 🢓 🢔 🢖 🢕 🢗 ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀
"""
_WEBDINGS = """
🕷 🕸 🕲 🕶 🏆 🎖 🖇 🗨 🗩 🗰 🗱 🌶 🎗 🙾 🙼 🗕 🗖 🗗 ◀ ▶ ▲ ▼ ⏪ ⏩ ⏮ ⏭ ⏸ ⏹ ⏺ 🗚 🗳
🛠 🏗 🏘 🏙 🏚 🏜 🏭 🏛 🏠 🏖 🏝 🛣 🔍 🏔 👁 👂 🏞 🏕 🛤 🏟 🛳 🕬 🕫 🕨 🔈 🎔 🎕 🗬 🙽 🗭 🗪 🗫
⮔ ✔ 🚲 ☐ 🛡 📦 🛱 ■ 🚑 🛈 🛩 🛰 🟈 🕴 ● 🛥 🚔 🗘 ✖ ❓ 🛲 🚇 🚍 ⛳ ⦸ ⊖ 🚭 🗮 ⏐ 🗯 🗲 ␀
🚹 🚺 🛉 🛊 🚼 👽 🏋 ⛷ 🏂 🏌 🏊 🏄 🏍 🏎 🚘 🗠 🛢 💰 🏷 💳 👪 🗡 🗢 🗣 ✯ 🖄 🖅 🖃 🖆 🖹 🖺 🖻
🕵 🕰 🖽 🖾 📋 🗒 🗓 🕮 📚 🗞 🗟 🗃 🗂 🖼 🎭 🎜 🎘 🎙 🎧 💿 🎞 📷 🎟 🎬 📽 📹 📾 📻 🎚 🎛 📺 💻
🖥 🖦 🖧 🕹 🎮 🕻 🕼 📟 🖁 🖀 🖨 🖩 🖿 🖪 🗜 🔒 🔓 🗝 📥 📤 🕳 🌣 🌤 🌥 🌦 ☁ 🌨 🌧 🌩 🌪 🌬 🌫
🌜 🌡 🛋 🛏 🍽 🍸 🛎 🛍 Ⓟ ♿ 🛆 🖈 🎓 🗤 🗥 🗦 🗧 🛪 🐿 🐦 🐟 🐕 🐈 🙬 🙮 🙭 🙯 🗺 🌍 🌏 🌎 🕊
"""
_ZAPF_DINGBATS = """
✁ ✂ ✃ ✄ ☎ ✆ ✇ ✈ ✉ ☛ ☞ ✌ ✍ ✎ ✏ ✐ ✑ ✒ ✓ ✔ ✕ ✖ ✗ ✘ ✙ ✚ ✛ ✜ ✝ ✞ ✟
✠ ✡ ✢ ✣ ✤ ✥ ✦ ✧ ★ ✩ ✪ ✫ ✬ ✭ ✮ ✯ ✰ ✱ ✲ ✳ ✴ ✵ ✶ ✷ ✸ ✹ ✺ ✻ ✼ ✽ ✾ ✿
❀ ❁ ❂ ❃ ❄ ❅ ❆ ❇ ❈ ❉ ❊ ❋ ● ❍ ■ ❏ ❐ ❑ ❒ ▲ ▼ ◆ ❖ ◗ ❘ ❙ ❚ ❛ ❜ ❝ ❞ ␀
❨ ❩ ❪ ❫ ❬ ❭ ❮ ❯ ❰ ❱ ❲ ❳ ❴ ❵ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀ ␀
␀ ❡ ❢ ❣ ❤ ❥ ❦ ❧ ♣ ♦ ♥ ♠ ① ② ③ ④ ⑤ ⑥ ⑦ ⑧ ⑨ ⑩ ❶ ❷ ❸ ❹ ❺ ❻ ❼ ❽ ❾ ❿
➀ ➁ ➂ ➃ ➄ ➅ ➆ ➇ ➈ ➉ ➊ ➋ ➌ ➍ ➎ ➏ ➐ ➑ ➒ ➓ ➔ → ↔ ↕ ➘ ➙ ➚ ➛ ➜ ➝ ➞ ➟
➠ ➡ ➢ ➣ ➤ ➥ ➦ ➧ ➨ ➩ ➪ ➫ ➬ ➭ ➮ ➯ ␀ ➱ ➲ ➳ ➴ ➵ ➶ ➷ ➸ ➹ ➺ ➻ ➼ ➽ ➾ ␀
"""

_NONE = "␀"  # no character has this code
_FIRST, _LAST = 0x20, 0xFF
_PRIVATE = 0xF000  # added to codes by programs that store text as Unicode
UNKNOWN = "\ufffd"  # for a character of a symbol font that no table has

_FONTS = {
    "symbol": _SYMBOL,
    "standardsymbols": _SYMBOL,
    "wingdings": _WINGDINGS,
    "wingdings2": _WINGDINGS_2,
    "wingdings3": _WINGDINGS_3,
    "webdings": _WEBDINGS,
    "zapfdingbats": _ZAPF_DINGBATS,
    "itczapfdingbats": _ZAPF_DINGBATS,
    "dingbats": _ZAPF_DINGBATS,
    "monotypesorts": _ZAPF_DINGBATS,
}
_SUBSET = re.compile(r"[A-Z]{6}\+")  # in front of the name of a font that a PDF contains in part
_WEIGHT = re.compile(
    r"(?:regular|normal|bold|italic|oblique|medium|roman|(?<=symbol)(?:mt|ps|set)|(?<=symbols)(?:l|ps))+\Z"
)
_LONGEST = 100  # characters of a font's name
_WITHOUT_FONT = {
    0x76: "❖",
    0xA3: "≤",
    0xA7: "▪",
    0xA8: "☐",
    0xB0: "°",
    0xB1: "±",
    0xB3: "≥",
    0xB4: "×",
    0xB7: "•",
    0xD8: "➢",
    0xE0: "→",
    0xF0: "⇨",
    0xFC: "✓",
    0xFD: "☒",
    0xFE: "☑",
}
_PRIVATE_USE = re.compile("[\uf020-\uf0ff]")


def is_symbol_font(name: str) -> bool:
    """Return whether a font is one of those below, under any of the names that it has in documents."""
    return bool(_characters(name))


def symbol(code: int, font: str) -> str:
    """Return the character that a symbol font shows for a code, from 0x20 or from U+F020; "" when no table has it."""
    return _characters(font).get(code - _PRIVATE if code >= _PRIVATE else code, "")


def with_symbols(text: str, font: str) -> str:
    """Return a text as a font shows it.

    In a symbol font, codes become what they show, and codes in the private use area that no table has become U+FFFD.
    Characters outside both ranges are shown by another font, and stay. In other fonts only characters of the private
    use area are replaced whose meaning hardly depends on the font: the usual bullets, ticks and signs of mathematics.
    """
    table = _characters(font)
    if not table:
        return _PRIVATE_USE.sub(_guessed, text) if not text.isascii() else text
    return "".join([_shown(character, table) for character in text])


def _shown(character: str, table: dict[int, str]) -> str:
    code = ord(character)
    if _PRIVATE + _FIRST <= code <= _PRIVATE + _LAST:
        return table.get(code - _PRIVATE, UNKNOWN)
    return table.get(code, character)


def _guessed(match: re.Match[str]) -> str:
    return _WITHOUT_FONT.get(ord(match[0]) - _PRIVATE, match[0])


@lru_cache(maxsize=1000)
def _characters(font: str) -> dict[int, str]:
    """Return code → character of a font, {} for a font that shows letters as they are."""
    plain = _SUBSET.sub("", font[:_LONGEST]).lower()
    plain = "".join(filter(str.isalnum, plain))
    return _table(plain) or _table(_WEIGHT.sub("", plain))


@lru_cache(maxsize=50)
def _table(name: str) -> dict[int, str]:
    rows = _FONTS.get(name, "").split()
    found = {code: sign for code, sign in enumerate(rows, _FIRST + 1) if sign != _NONE}
    return {_FIRST: " ", **found} if found else {}
