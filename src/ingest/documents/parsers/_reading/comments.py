"""Comments as blocks: what people wrote about a text, told apart from it by brackets, a name and a mark."""

from collections.abc import Sequence
from typing import NamedTuple

MARK = "comment"
_NAME = 200  # characters


class Comment(NamedTuple):
    """A comment, or a reply to one."""

    author: str  # "" when nobody is named
    lines: Sequence[str]
    resolved: bool = False
    place: str = ""  # such as the cell of a sheet


def comment_lines(comment: Comment) -> list[str]:
    """Return `[Comment by Ann: …]` in the lines that the comment has, [] when it says nothing."""
    lines = [line for text in comment.lines if (line := " ".join(text.split()))]
    if not lines:
        return []
    author = " ".join(comment.author.split())[:_NAME]
    name = f" by {author}" if author else ""
    place = f"{comment.place}: " if comment.place else ""
    lines[0] = f"{place}[Comment{name}{' (resolved)' if comment.resolved else ''}: {lines[0]}"
    lines[-1] += "]"
    return lines
