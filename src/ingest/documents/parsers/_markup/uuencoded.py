"""Files in the text of a message, as old programs write them: `begin 644 notes.txt`, lines of uuencode, `end`."""

import binascii
import re
from collections.abc import Iterator

_BEGIN = re.compile(r"begin(?P<base64>-base64)? [0-7]{3,4} (?P<name>\S.{0,200})")
_FULL = "M"  # the first character of a line of 45 bytes


def without_files(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return a text without the files in it, and the name and the content of each.

    What only looks like a file stays text. One that is cut off counts if it has whole lines.
    """
    if "begin" not in text:
        return text, []
    left: list[str] = []
    files: list[tuple[str, bytes]] = []
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        match = _BEGIN.fullmatch(lines[at].rstrip("\r"))
        found = _content(lines, at + 1, base64=bool(match["base64"])) if match else None
        if match and found:
            content, at = found
            files.append((match["name"].strip(), content))
            left.append("")
        else:
            left.append(lines[at])
            at += 1
    return "\n".join(left), files


def _content(lines: list[str], first: int, *, base64: bool) -> tuple[bytes, int] | None:
    """Return the content of a file and the line behind it, None if its lines are none of a file."""
    parts: list[bytes] = []
    at = first
    for part in _parts(lines, first, base64=base64):
        parts.append(part)
        at += 1
    end = at
    while end < min(at + 3, len(lines)) and lines[end].strip() in ("", "`"):
        end += 1
    whole = end < len(lines) and lines[end].rstrip() == ("====" if base64 else "end")
    if not parts or not (whole or (len(parts) > 1 and lines[first].startswith(_FULL))):
        return None
    return b"".join(parts), end + 1 if whole else at


def _parts(lines: list[str], first: int, *, base64: bool) -> Iterator[bytes]:
    """Yield what each line of a file holds, up to one that holds nothing."""
    for at in range(first, len(lines)):
        line = lines[at].rstrip("\r")
        try:
            part = binascii.a2b_base64(line, strict_mode=True) if base64 else _decoded(line)
        except ValueError:
            return
        if not part:
            return
        yield part


def _decoded(line: str) -> bytes:
    """Return what a line of uuencode holds; spaces at its end may be lost, or a sign of checking follows.

    Raises: ValueError.
    """
    size = (ord(line[0]) - 32) & 63 if line else 0
    need = 1 + (size + 2) // 3 * 4
    if len(line) > need + 1 or len(line) < need - 3 * (line[-1:] not in ("`", "")) - need * (not size):
        raise ValueError("no line of uuencode")
    return binascii.a2b_uu(line[:need].ljust(need).encode("ascii"))
