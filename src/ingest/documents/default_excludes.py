"""What no source lists unless its settings say `default_excludes: false`. `docs/security.md` has the list.

Files that people keep beside documents and do not mean to publish: hidden ones, keys, what tools leave behind. It is
told by the path alone, so it holds for folders, for keys under an S3 prefix and for entries of archives alike.
"""

import re
from fnmatch import translate
from functools import cache
from importlib.resources import files

_names = cache(lambda: (files(__package__) / "default_excludes.txt").read_text("utf-8").split())  # "/" ends folders
_folder = cache(lambda: re.compile("|".join(translate(name[:-1]) for name in _names() if name.endswith("/"))))
_file = cache(lambda: re.compile("|".join(translate(name) for name in _names() if not name.endswith("/"))))


def excluded_by_default(path: str) -> bool:
    """Tell whether a path below a source's root is left out: a hidden name or one listed here, whatever its case."""
    *folders, name = path.lower().split("/")
    inside = any(part.startswith(".") or _folder().match(part) for part in folders)
    return inside or name.startswith(".") or _file().match(name) is not None
