"""`ingest init`: a settings file to start from."""

from typing import Annotated

import typer

from ingest.cli.invocation import Common, command
from ingest.errors import InvalidSettings

TEMPLATE = """\
# What `ingest` reads. Every key can be overridden by an environment variable: INGEST_LAKE, INGEST_QDRANT__URL, ...
# Secrets never stand here: AWS credentials and QDRANT_API_KEY come from the environment or the cloud's role.
lake: ./lake                  # a folder, or s3://bucket/prefix
# s3:
#   endpoint_url: http://127.0.0.1:9000     # for an S3 that is not AWS
#   region: eu-central-1
# qdrant:
#   url: https://qdrant.example.com:6333    # or QDRANT_URL; without it the embedded engine is used

indexes:
  docs:
    sources:
      - name: docs
        uri: ./documents      # or s3://bucket/prefix
    # judged: [judged.jsonl]  # questions with the places that answer them; the gate measures with these
    gate:
      allow_unjudged: false   # true: promote without any judged question; every verdict repeats it
      floors:
        fused.ndcg@10: 0.2
"""


@command("Look whether the file is there; `ingest init` never overwrites one.")
def init(
    common: Common,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented settings file (./ingest.yaml, or the one that --settings names)."""
    path = common.settings_path
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(TEMPLATE)
    except FileExistsError as error:
        raise InvalidSettings(f"{path} exists; --force overwrites it") from error
    except OSError as error:
        raise InvalidSettings(f"{path}: {error.strerror}") from error
    common.output.document({"written": str(path)})
    common.output.show(f"Wrote {path}. Set `lake` and the sources in it, then `ingest plan` shows what a run would do.")
