"""Ours: `ingest run` with default settings, the documents in a folder, no judged questions.

python benchmarks/frameworks/with_ingest.py DOCUMENTS STATE
"""

import json
import sys
from pathlib import Path

SETTINGS = """\
lake: lake
state: state
indexes:
  docs:
    sources: [{{name: docs, uri: {documents}}}]
    gate: {{floors: {{}}, allow_unjudged: true}}
"""


def main() -> None:
    documents, state = map(Path, sys.argv[1:])
    state.mkdir(exist_ok=True)
    settings = state / "ingest.yaml"
    settings.write_text(SETTINGS.format(documents=json.dumps(str(documents))))
    from ingest.cli.main import app

    app(["run", "-f", str(settings), "--json"])


if __name__ == "__main__":
    main()
