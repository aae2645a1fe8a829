"""What documentation in Markdown writes beyond CommonMark: front matter, MyST, attribute lists, shortcodes, MDX."""

import re
import tomllib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.ruler import RuleOptionsType
    from markdown_it.rules_block import StateBlock

NEWLINE = re.compile(r"\r\n?|\n")
MAX_TITLE = 1000  # characters; a longer "heading" is a paragraph
_MAX_FRONT = 64 * 1024  # characters

_FRONT = re.compile(
    r"(?P<mark>---|\+\+\+)[ \t]*(?:\r\n?|\n)"
    rf"(?P<inside>(?:.{{0,{_MAX_FRONT}}}?(?:\r\n?|\n))??)"
    r"(?:(?P=mark)|\.\.\.)[ \t]*(?:\r\n?|\n|\Z)",
    re.S,
)
_KEY = re.compile(r"(?:\s|#[^\r\n]*[\r\n])*[\w\"'][^\r\n:=]*[:=]|\s*\Z")
_TITLE_LINE = re.compile(r"^title[ \t]*[:=][ \t]*(.+)$", re.M)

_DIRECTIVE = re.compile(r"(:{3,})\{([^}\s]+)\}")
_FENCE_DIRECTIVE = re.compile(r"\{([A-Za-z][\w:+-]*)\}\s*(.*)", re.S)

_SHORTCODE = re.compile(r"\{\{[<%-]?\s*(.*?)\s*[>%-]?\}\}")
_SHORTCODE_TEXT = re.compile(r'\btext\s*=\s*"([^"]*)"')
_SHORTCODE_FIRST = re.compile(r'^\S+\s+"([^"]*)"')
_ATTRIBUTES = re.compile(r"\s*\{:?\s*(?:[#.][^{}]*|[\w-]+=[^{}]*)\}\s*$")
_ROLE = re.compile(r"\{[A-Za-z][\w:+.-]*\}(?=`)")
_ROLE_TARGET = re.compile(r"(\{[A-Za-z][\w:+.-]*\}`+)([^`<]+?)\s*<[^`>]*>(`+)")
_FOOTNOTE = re.compile(r"\[\^[^\]\s]+\]")
_MDX_COMMENT = re.compile(r"\{/\*.*?\*/\}")


def front_matter(text: str) -> tuple[int, str]:
    """Return where the front matter at the start of `text` ends, and the title in it; (0, "") without.

    YAML between `---` or TOML between `+++`. A thematic break in the first line is no front matter: what follows must
    begin with a key.
    """
    match = _FRONT.match(text)
    if match is None or not _KEY.match(match["inside"]):
        return 0, ""
    inside = match["inside"]
    return match.end(), _title_of(_toml(inside) if match["mark"] == "+++" else _yaml(inside), inside)


def _yaml(inside: str) -> Any:
    import yaml

    try:
        return yaml.load(inside, Loader=yaml.BaseLoader)  # strings only: a date stays as it is written
    except (yaml.YAMLError, RecursionError):
        return None


def _toml(inside: str) -> Any:
    try:
        return tomllib.loads(inside)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None


def _title_of(fields: Any, inside: str) -> str:
    """Return the `title` of parsed front matter; of its line when it is broken YAML."""
    if isinstance(fields, dict):
        title = fields.get("title", "")
        return " ".join(title.split()) if isinstance(title, str) else ""
    line = _TITLE_LINE.search(inside)
    return line[1].strip().strip("\"'") if line else ""


@lru_cache(maxsize=2)
def block_parser(mdx: bool) -> "MarkdownIt":
    """Return a parser that finds blocks and leaves inline markup alone.

    CommonMark, tables, footnotes, and MyST's targets and `:::` directives. In MDX indentation makes no code block.
    """
    from markdown_it import MarkdownIt
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.myst_blocks.index import target

    parser = MarkdownIt("commonmark").enable("table").use(footnote_plugin)
    interrupts: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list", "footnote_def"]}
    parser.block.ruler.before("hr", "myst_target", target, interrupts)
    parser.block.ruler.before("hr", "myst_directive", _myst_directive, interrupts)
    parser.core.ruler.enableOnly(["normalize", "block"])
    if mdx:
        parser.disable("code")
    return parser


@lru_cache(maxsize=1)
def _inline_parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("strikethrough")


def _myst_directive(state: "StateBlock", first: int, end: int, silent: bool) -> bool:
    """Take `:::{name}` … `:::` as one block. Without a closing line it is ordinary text: nothing may swallow the rest.

    The environment keeps how many colons found no closing line before `end`: each is looked for once, not once a line.
    """
    if state.is_code_block(first):
        return False
    start = state.bMarks[first] + state.tShift[first]
    opening = _DIRECTIVE.match(state.src, start, state.eMarks[first])
    hopeless: dict[int, int] = state.env.setdefault("myst_unclosed", {})
    if opening is None or len(opening[1]) >= hopeless.get(end, MAX_TITLE):
        return False
    for line in range(first + 1, end):
        content = state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].rstrip()
        if len(content) >= len(opening[1]) and not content.strip(":"):
            if not silent:
                token = state.push("myst_directive", "", 0)
                token.info = state.src[start + len(opening[1]) : state.eMarks[first]]
                token.map = [first, line + 1]
                state.line = line + 1
            return True
    hopeless[end] = len(opening[1])
    return False


def directive(info: str) -> tuple[str, str]:
    """Return name and argument of a MyST directive from the info string of its fence, ("", info) for other fences."""
    match = _FENCE_DIRECTIVE.match(info.strip())
    return (match[1].lower(), match[2].strip()) if match else ("", info.strip())


def language(info: str) -> str:
    """Return the language of a fence from its info string: `rust,ignore` → rust, `{.python .numbered}` → python."""
    words = info.replace("{", " ").replace("}", " ").replace(",", " ").split()
    return words[0].lstrip(".").lower() if words and "=" not in words[0] else ""


def plain_title(content: str, references: dict[str, Any]) -> str:
    """Return a heading's text as a reader sees it: without emphasis, links, code marks, anchors, roles, shortcodes.

    `references` is the environment of the block parser, which knows the link reference definitions.
    """
    content = _MDX_COMMENT.sub("", _SHORTCODE.sub(_shortcode, content))
    content = _ATTRIBUTES.sub("", _FOOTNOTE.sub("", content))
    content = _ROLE.sub("", _ROLE_TARGET.sub(r"\1\2\3", content))
    tokens = _inline_parser().parseInline(content, references)
    parts: list[str] = []
    for token in tokens[0].children or ():
        if token.type in ("text", "text_special", "code_inline", "image"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak", "html_inline"):
            parts.append(" " if token.type != "html_inline" or token.content.lower().startswith("<br") else "")
    return " ".join("".join(parts).split())


def _shortcode(match: re.Match[str]) -> str:
    """Return what a shortcode most likely shows: its `text`, else its first quoted argument, else nothing."""
    inside = match[1]
    text = _SHORTCODE_TEXT.search(inside) or _SHORTCODE_FIRST.match(inside)
    return text[1] if text else ""
