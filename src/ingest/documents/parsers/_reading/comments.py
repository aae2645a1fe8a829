"""Comments as blocks: what people wrote about a text, told apart from it by brackets, a name and a mark."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

MARK = "comment"
_NAME = 200  # characters
_COPIED = "go.microsoft.com/fwlink/?linkid=870924"  # in the note in which Excel repeats a thread for older programs
_REPLY = "Reply:"

Key = TypeVar("Key", bound=Hashable)


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


def in_threads(parents: Mapping[Key, Key | None]) -> Iterator[Key]:
    """Yield comments in order, each followed by its replies.

    Args:
        parents: Comment → what it answers.
    """
    below: dict[Key | None, list[Key]] = {}
    for key, parent in parents.items():
        below.setdefault(parent, []).append(key)
    done: set[Key] = set()
    roots = [key for key, parent in parents.items() if parent not in parents]
    for root in (*roots, *parents):  # the rest answer each other in a circle
        waiting = [root]
        while waiting:
            key = waiting.pop()
            if key not in done:
                done.add(key)
                yield key
                waiting += reversed(below.get(key, ()))


def copied_thread(lines: Sequence[str]) -> list[list[str]]:
    """Return the comments of a thread that Excel repeats in a note, [] for another note.

    The note says, in the user's language, that a program is too old; then it has a label per comment, such as "Reply:",
    each above indented lines. Programs that know no threads keep the note alone, some without its indentation.
    """
    told = next((at for at, line in enumerate(lines) if _COPIED in line), None)
    if told is None or not lines[0].lstrip().startswith("["):
        return []
    left = [line for line in lines[told + 1 :] if line.strip()]
    indented = any(line[:1].isspace() for line in left)
    found: list[list[str]] = []
    for line in left:
        if not found or (not line[:1].isspace() if indented else line.strip() == _REPLY):
            found.append([])
        else:
            found[-1].append(line)
    return [comment for comment in found if comment]
