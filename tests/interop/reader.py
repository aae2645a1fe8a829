"""Runs one recipe of a document in the application's own environment: `reader.py <document> <recipe>`.

Answers one JSON line a question: {"answer": [[text, uri], …]}, the first line, {"ready": …}, when the recipe has run.
"""

import contextlib
import json
import re
import sys
from pathlib import Path
from typing import Any


def recipe(document: str, name: str) -> str:
    """Return the code of the block that starts with "```python <name>"."""
    return re.findall(rf"^```python {re.escape(name)}\n(.*?)^```$", document, re.DOTALL | re.MULTILINE)[0]


def main() -> None:
    """Run the recipe, then ask it every line of standard input."""
    document, name, *changes = sys.argv[1:]
    code = recipe(Path(document).read_text(encoding="utf-8"), name)
    for old, new in (change.split("=>") for change in changes):
        assert old in code, f"the recipe does not say {old}"
        code = code.replace(old, new)
    scope: dict[str, Any] = {}
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):  # the libraries greet
        exec(compile(code, name, "exec"), scope)
        print(json.dumps({"ready": name}), file=answers, flush=True)
        for question in sys.stdin:
            print(json.dumps({"answer": scope["ask"](question.strip())}), file=answers, flush=True)


if __name__ == "__main__":
    main()
