"""The rules in a page's own style sheets, and what they and an inline style say about one element.

Only what changes how text is read: whether an element is shown as a block, and how the items of a list are marked.
Selectors of tags, names and simple attributes with descendants and children are understood; others are ignored.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from ingest.documents.parsers._markup.html_inline_styles import (
    BLOCK,
    SHEETS,
    declarations,
    inline_style,
    sets_block,
    values,
)
from ingest.documents.parsers._markup.html_selectors import Compound, compounds, is_inside

_RULES = 20_000
_REMEMBERED = 10_000  # kinds of elements
_PER_KEY = 16  # rules for one name that are looked at; the last ones win anyway
_SELECTOR = 200  # characters; longer ones are ignored
_BRACE = re.compile(r"[{}]")
_COMMENT = re.compile(r"/\*[^*]*(?:\*(?!/)[^*]*)*\*/")
_READ = re.compile(
    r"(?<![\w-])(?:display|float|list-style(?:-type)?|content|counter-(?:reset|set|increment)|system)\s*:", re.I
)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))")
_SPELLED = ("content", "list-style-type", "list-style", "prefix", "suffix")  # properties with text for readers
_SHAPING = frozenset(("display", "float"))
_DISPLAY = frozenset(("display",))
_BOXES = frozenset(("flex", "inline-flex", "grid", "inline-grid"))


def present(root: Any, asked: Iterable[str]) -> set[str]:
    """Return ".class" and "#id" of the elements of a page, each kind only if names of it are asked for."""
    kinds = {name[0] for name in asked}
    found = {f".{one}" for names in values(root, "class") for one in names.lower().split()} if "." in kinds else set()
    return found | {f"#{name.lower()}" for name in values(root, "id")} if "#" in kinds else found


class _Rule(NamedTuple):
    parts: tuple[Compound, ...]
    values: dict[str, str]
    weight: tuple[int, int, int]  # specificity, then order


def sheets_of(root: Any) -> str:
    """Return a page's own style sheets, without comments, up to a limit."""
    sheets = "\n".join("".join(style.itertext()) for style in root.iter("style"))[:SHEETS]
    return _COMMENT.sub(" ", sheets) if "/*" in sheets else sheets


def rules(sheets: str) -> list[tuple[int, str, str]]:
    """Return (depth, selector, body) of the innermost rules; depth is 1 or more inside `@media` and the like."""
    found: list[tuple[int, str, str]] = []
    opened: list[str] = []
    at = 0
    for brace in _BRACE.finditer(sheets):
        text = sheets[at : brace.start()]
        at = brace.end()
        if brace.group() == "{":
            opened.append(text.rpartition(";")[2])
        elif opened:
            found.append((len(opened) - 1, opened.pop(), text))
            if len(found) >= _RULES:
                break
    return found


class PageStyles:
    """What style sheets and inline styles say about the elements of one page."""

    def __init__(self, found: Iterable[tuple[int, str, str]], styles: Iterable[str], root: Any) -> None:
        """Read the rules that count, of those `found` in the sheets of a page; `styles` are its inline styles."""
        self._rules: dict[str, list[_Rule]] = {}
        self._by_kind: dict[tuple[str, str, str], dict[str, tuple[_Rule, ...]]] = {}
        self._by_keys: dict[tuple[str, ...], dict[str, tuple[_Rule, ...]]] = {}
        self._rows: dict[Any, bool] = {}  # whether an element is a row of boxes
        self._inside: dict[tuple[int, Any], bool] = {}
        self._asked: dict[str, set[str]] = defaultdict(set)  # attribute that rules ask for → what they set
        self._set: set[str] = set()  # properties that a rule sets
        self._counters: dict[str, dict[str, str]] = {}
        for order, (depth, selectors, body) in enumerate(found):
            if depth == 0 and _READ.search(body):
                self._keep(selectors.strip().lower(), _spelled(body), order)
        self._boxes = any("flex" in style or "grid" in style for style in styles)
        self._forget_absent(root)
        for key, kept in self._rules.items():
            mark = "::" if key[:2] == "::" else ""
            told = {mark + name for rule in kept for name in rule.values}
            self._set |= told
            self._boxes = self._boxes or (not mark and any(rule.values.get("display") in _BOXES for rule in kept))
            if "[" in key:
                self._asked[key.partition("[")[2]] |= told
        self._identities = {key.removeprefix("::") for key in self._rules if "#" in key}
        self._shapes = not self._set.isdisjoint(_SHAPING)
        before = (rule.values for key, kept in self._rules.items() if key[:2] == "::" for rule in kept)
        self.counts = "::content" in self._set and any("counter" in told.get("content", "") for told in before)

    def _keep(self, selectors: str, values: dict[str, str], order: int) -> None:
        if selectors.startswith("@counter-style"):
            self._counters[selectors.removeprefix("@counter-style").strip()] = values
            return
        for selector in selectors.split(",")[:_PER_KEY]:
            parts, mark = compounds(selector.strip()) if len(selector) < _SELECTOR else ((), "")
            if not parts:
                continue
            names = [name for part in parts for name in part.names]
            if not names:  # sites reset all lists, and bring numbers back in sheets that are not in the page
                values = {name: value for name, value in values.items() if (name[:10], value) != ("list-style", "none")}
            identities = sum(name[0] == "#" for name in names)
            tags = sum(bool(part.tag.strip("*")) for part in parts)
            own = parts[-1].names
            told = parts[-1].tag or "".join(own[:1]).partition("=")[0] or "*"
            key = mark + next((name for name in own if name[0] != "["), told)
            kept = self._rules.setdefault(key.rstrip("]"), [])
            kept.append(_Rule(parts, values, (identities, len(names) - identities, tags * _RULES + order)))
            if len(kept) > _PER_KEY:
                kept.pop(0)

    def _forget_absent(self, root: Any) -> None:
        """Forget the rules that ask for a class or an id that nothing in the page has: sheets serve whole sites."""
        asked = {name for kept in self._rules.values() for rule in kept for part in rule.parts for name in part.names}
        absent = {name for name in asked if name[0] != "["} - present(root, asked)
        for key, kept in list(self._rules.items()) if absent else ():
            left = [rule for rule in kept if all(absent.isdisjoint(part.names) for part in rule.parts)]
            if left:
                self._rules[key] = left
            else:
                del self._rules[key]

    def value(self, element: Any, name: str, mark: str = "") -> str:
        """Return the value of a property, "" when nothing sets it; `mark` "::" asks for the text before an element."""
        own = "" if mark or "style" not in element.attrib else inline_style(element).get(name, "")
        if own or mark + name not in self._set:
            return own
        best, value = (-1, -1, -1), ""
        for rule in self._rules_for(element, mark + name):
            if rule.weight > best and self._selects(rule.parts, element):
                best, value = rule.weight, rule.values[name]
        return value

    def _rules_for(self, element: Any, name: str) -> tuple[_Rule, ...]:
        """Return the rules for a property whose last part has the tag, a class, the id or an attribute of one."""
        found = self._about(element).get(name, ())
        attributes = element.keys() if self._asked else ()
        if attributes and not self._asked.keys().isdisjoint(attributes):
            mark, name = ("::", name[2:]) if name[:2] == "::" else ("", name)
            more = (rule for one in attributes for rule in self._rules.get(f"{mark}[{one}", ()))
            return (*found, *(rule for rule in more if name in rule.values))
        return found

    def _about(self, element: Any) -> dict[str, tuple[_Rule, ...]]:
        """Return property → rules by the tag, the classes and the id of an element; "::" as in the rules' own keys."""
        identity = element.get("id", "")
        if identity and f"#{identity.lower()}" not in self._identities:
            identity = ""  # most are for links alone
        kind = element.tag, element.get("class", ""), identity
        known = self._by_kind.get(kind)
        if known is None:
            keys = tuple(one for one in _keys(*kind) if one in self._rules or f"::{one}" in self._rules)
            known = self._by_keys.get(keys)
            if known is None:
                known = self._gathered(keys)
                if len(self._by_keys) < _REMEMBERED:
                    self._by_keys[keys] = known
            if len(self._by_kind) < _REMEMBERED:
                self._by_kind[kind] = known
        return known

    def _gathered(self, keys: Iterable[str]) -> dict[str, tuple[_Rule, ...]]:
        found: dict[str, list[_Rule]] = defaultdict(list)
        for mark, one in ((mark, one) for one in keys for mark in ("", "::")):
            for rule in self._rules.get(mark + one, ()):
                for name in rule.values:
                    found[mark + name].append(rule)
        return {name: tuple(gathered) for name, gathered in found.items()}

    def _selects(self, parts: tuple[Compound, ...], element: Any) -> bool:
        """Return whether a selector selects an element: its last part is the element, the others are around it."""
        if not parts[-1].matches(element):
            return False
        around = element.getparent() if len(parts) > 1 else None
        if around is None:
            return len(parts) == 1
        key = id(parts), around  # the rules are kept as long as this
        known = self._inside.get(key)
        if known is None:
            known = is_inside(parts, around)
            if len(self._inside) < _REMEMBERED:
                self._inside[key] = known
        return known

    def counter_style(self, name: str) -> tuple[str, str, str] | None:
        """Return the system, prefix and suffix of a counter style that the page defines, None for other names."""
        found = self._counters.get(name)
        if found is None:
            return None
        base = found.get("system", "").lower().removeprefix("extends").strip()
        return base, unquoted(found.get("prefix", "")), unquoted(found.get("suffix", '". "'))

    def sets_any(self, element: Any, names: frozenset[str]) -> bool:
        """Return whether the style of an element, or rules that may count for it, set any of these properties."""
        if "style" in element.attrib:
            return True
        return not self._set.isdisjoint(names) and self._may_set(element, names)

    def _may_set(self, element: Any, names: frozenset[str]) -> bool:
        if not names.isdisjoint(self._about(element)):
            return True
        asked = self._asked
        return bool(asked) and any(not asked[one].isdisjoint(names) for one in element.keys() if one in asked)  # noqa: SIM118

    def is_block(self, element: Any) -> bool:
        """Return whether an element that is inline by its tag is shown as a block."""
        style = element.get("style")
        if not self._shapes or not self._may_set(element, _SHAPING):
            return style is not None and sets_block(style)
        return self.value(element, "display") in BLOCK or self.value(element, "float") in ("left", "right")

    def is_box(self, element: Any) -> bool:
        """Return whether an element stands apart from its neighbours, in a row of boxes."""
        around = element.getparent() if self._boxes else None
        if around is None:
            return False
        known = self._rows.get(around)
        if known is None:
            known = self.sets_any(around, _DISPLAY) and self.value(around, "display") in _BOXES
            if len(self._rows) < _REMEMBERED:
                self._rows[around] = known
        return known


def unquoted(value: str) -> str:
    """Return the text of a CSS string, escapes resolved."""
    return _ESCAPE.sub(_escaped, value.strip().strip("\"'"))


def _escaped(match: re.Match[str]) -> str:
    if match[1] is None:
        return match[2]
    code = int(match[1], 16)
    return chr(code) if 0x20 <= code < 0x110000 and not 0xD800 <= code < 0xE000 else " "


def _spelled(body: str) -> dict[str, str]:
    """Return property → value in lower case, but texts for readers as they are spelled."""
    values = declarations(body.lower())
    if not any(name in values for name in _SPELLED):
        return values
    exact = {name.lower(): value for name, value in declarations(body).items()}
    return {name: exact.get(name, value) if '"' in value or "'" in value else value for name, value in values.items()}


def _keys(tag: str, names: str, identity: str) -> list[str]:
    classes = names.lower().split()[:_PER_KEY] if names else ()
    return [tag, "*", *(f".{name}" for name in classes), *([f"#{identity.lower()}"] if identity else ())]
