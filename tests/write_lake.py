"""Writes a lake as test data for later versions: `python -m tests.write_lake tests/data/lake-<version> <commit>`.

The folder holds what a person brings: `ingest.yaml`, `judged.jsonl`, `documents/`, and `first-edition/` with earlier
editions of some documents and with those that were deleted since. Added are `lake/`, with one release of each edition,
and `written-by.json`, which names the version, the commit and what results depend on. Names, times and tokens are made
up, so that nothing tells of the machine.

This script follows the code: it writes a lake of the version that it runs on. A lake that is there is never written
again, for no later code makes the same bytes, and that is the point of it.
"""

import argparse
import hashlib
import itertools
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from ingest.records import RunReport
from ingest.services import Services, Writer
from tests import earlier_lakes
from tests.s3_server import serve

WHO = "builder@lower-wick"
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


class Calendar:
    """Moments a second apart, from START on."""

    def __init__(self) -> None:
        self._seconds = itertools.count()

    def now(self) -> datetime:
        """Return the next moment."""
        return START + timedelta(seconds=next(self._seconds))

    def monotonic(self) -> float:
        """Return it as seconds."""
        return float(next(self._seconds))


def anonymous(services: Services, calendar: Calendar, tokens: "itertools.count[int]") -> Services:
    """Return services whose records name nobody."""
    writer = Writer(
        who=WHO,
        clock=calendar.now,
        new_token=lambda: hashlib.sha256(f"token {next(tokens)}".encode()).hexdigest()[:32],
    )
    return replace(services, writer=writer, retrieval=replace(services.retrieval, monotonic=calendar.monotonic))


def write(folder: Path) -> list[RunReport]:
    """Write both releases and return their reports."""
    calendar, tokens = Calendar(), itertools.count(1)
    first, documents = folder / "first-edition", folder / "documents"
    with ExitStack() as stack:
        server = stack.enter_context(serve())
        stack.enter_context(earlier_lakes.in_memory_vectors())
        state = stack.enter_context(tempfile.TemporaryDirectory())
        os.environ |= {"INGEST_S3__ENDPOINT_URL": server.url, "INGEST_STATE": state}
        bucket = stack.enter_context(earlier_lakes.open_bucket(server))
        bucket.fill(documents)
        bucket.fill(first)
        services = anonymous(stack.enter_context(earlier_lakes.opened(folder)), calendar, tokens)
        reports = [earlier_lakes.run(services)]
        for path in (path for path in first.rglob("*") if path.is_file()):
            bucket.delete(path.relative_to(first).as_posix())
        bucket.fill(documents)
        return [*reports, earlier_lakes.run(services)]


def main() -> None:
    """Write the lake of a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("commit", help="of the code that writes it")
    arguments = parser.parse_args()
    if (arguments.folder / "lake").exists():
        parser.error(f"{arguments.folder}/lake is there: a lake that was written is never written again")
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}
    for report in write(arguments.folder):
        sys.stdout.write(f"{report.generation}: {report.decision}, release {report.release}, digest {report.digest}\n")
    written = {"version": version("ingest"), "commit": arguments.commit, "code": earlier_lakes.code_versions()}
    (arguments.folder / "written-by.json").write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
