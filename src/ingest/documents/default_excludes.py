"""What no source lists unless its settings say `default_excludes: false`. `docs/security.md` has the list.

Files that people keep beside documents and do not mean to publish: hidden ones, keys, what tools leave behind. It is
told by the path alone, so it holds for folders, for keys under an S3 prefix and for entries of archives alike.
"""

import re
from fnmatch import translate

FOLDERS = ("node_modules", "bower_components", "__pycache__", "site-packages", "cvs", "__macosx", "$recycle.bin")
KEYS = (
    *("*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.ppk", "*.kdbx", "*.gpg", "*.pgp", "*.age"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.env", "*.tfstate", "*.tfstate.backup", "*.tfvars"),
    *("kubeconfig", "_netrc", "credentials"),
)
LEFTOVERS = ("*~", "~$*", "#*#", "*.swp", "*.swo", "*.pyc", "thumbs.db", "desktop.ini")
_FOLDER = re.compile("|".join(map(translate, FOLDERS)))
_FILE = re.compile("|".join(map(translate, (*KEYS, *LEFTOVERS))))


def excluded_by_default(path: str) -> bool:
    """Tell whether a path below a source's root is left out: a hidden name or one listed here, whatever its case."""
    *folders, name = path.lower().split("/")
    inside = any(part.startswith(".") or _FOLDER.match(part) for part in folders)
    return inside or name.startswith(".") or _FILE.match(name) is not None
