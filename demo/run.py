"""The main job on this machine, start to end: S3 → parse → chunk → embed → index → judge → promote → roll back.

python demo/run.py [--keep]      `make demo`, `make demo KEEP=1`
"""

import argparse
import json
import os
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

import ingest  # noqa: E402
from demo import corpus, servers  # noqa: E402

FOLDER = ROOT / ".demo"
BUCKET, PREFIX = "ingest-demo", "corpus"
QUESTIONS = (
    "customers see wrong answers since this morning, how do I get yesterday's index back",
    "my source is not S3, what do I have to write to read it",
    "how do I make http calls in python without waiting for each one",
)
console = Console(width=120 if not sys.stdout.isatty() else None, highlight=False)


def main() -> int:
    """Run the demo; the exit status is 0 when everything went as it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the servers running and print their addresses")
    keep = parser.parse_args().keep
    started = time.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    s3_port, prefect_port = servers.free_port(), servers.free_port()
    configure(s3_port, prefect_port)
    with ExitStack() as stack:
        say("Starting a local S3 endpoint and a Prefect server")
        s3_url = f"http://127.0.0.1:{s3_port}"
        ui = f"http://127.0.0.1:{prefect_port}"
        s3 = servers.server("s3", servers.s3_command(s3_port), f"{s3_url}/moto-api/", FOLDER, {}, keep)
        s3_pid = stack.enter_context(s3)
        prefect = servers.server("prefect", servers.prefect_command(prefect_port), f"{ui}/api/health", FOLDER, {}, keep)
        prefect_pid = stack.enter_context(prefect)
        story = Story(s3_url)
        story.tell()
        if keep:
            say(f"Left running: S3 at {s3_url} (process {s3_pid}), Prefect's UI at {ui} (process {prefect_pid})")
            console.print(f"  stop them with: kill -- -{s3_pid} -{prefect_pid}")
    say(f"Done in {time.monotonic() - started:.0f} s")
    command = f"{bin_folder()}/ingest"
    console.print("  Try next:")
    for line in (
        "status",
        'search "how does the gate decide"',
        "generations",
        'promote --lift-hold --why "seen enough"',
    ):
        console.print(f"    {command} -f {FOLDER.name}/ingest.yaml {line}", markup=False)
    console.print(f"    {command} init         # writes a settings file for your own documents", markup=False)
    return 0


def configure(s3_port: int, prefect_port: int) -> None:
    """Write the settings, and set what the libraries read from the environment, before they are imported."""
    (FOLDER / "ingest.yaml").write_text(f"""\
lake: ./lake
state: ./state
qdrant: {{open_collections: 2}}
s3: {{endpoint_url: "http://127.0.0.1:{s3_port}", region: us-east-1}}
indexes:
  docs:
    sources:
      - {{name: demo, uri: "s3://{BUCKET}/{PREFIX}"}}
    judged: [{json.dumps(str(ROOT / "demo" / "judged.jsonl"))}]
    documents_per_shard: 30
    lease_seconds: 20
    gate:
      floors: {{fused.ndcg@10: 0.3, fused.recall@10: 0.5}}
""")
    os.environ.update(
        AWS_ACCESS_KEY_ID="demo",
        AWS_SECRET_ACCESS_KEY="demo",
        AWS_DEFAULT_REGION="us-east-1",
        PREFECT_HOME=str(FOLDER / "prefect"),
        PREFECT_API_URL=f"http://127.0.0.1:{prefect_port}/api",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        PREFECT_LOGGING_LEVEL="WARNING",
        PREFECT_LOGGING_LOGGERS_PREFECT_FLOW_RUNS_LEVEL="INFO",  # the progress of a run, not of each task
        PREFECT_CLI_PROMPT="false",
    )
    for name in [n for n in os.environ if n == "QDRANT_URL" or n.startswith("INGEST_")]:
        del os.environ[name]  # the demo is about its own settings


class Story:
    """The steps of the demo, in order."""

    def __init__(self, s3_url: str) -> None:
        import boto3

        self.s3 = boto3.client("s3", endpoint_url=s3_url)
        self.settings = FOLDER / "ingest.yaml"

    def tell(self) -> None:
        """Run every step; an assertion fails when one does not go as the demo says."""
        documents = self.upload()
        first = self.nightly("First run: everything is new")
        expect(first.decision == "promoted", f"the first run is promoted, it was {first.decision}")
        self.ask()
        second = self.nightly("Second run: nothing changed")
        expect(
            (second.built, second.embedded, second.decision) == (False, 0, "unchanged"), "the second run does nothing"
        )
        self.edit_and_delete(documents)
        third = self.nightly("Third run: one document edited, one deleted")
        expect(third.decision == "promoted", f"the edited index is promoted, it was {third.decision}")
        expect(third.plan.counts["changed"] == 1 and third.plan.counts["deleted"] == 1, "only those two change")
        self.damage()
        self.rollback()

    def upload(self) -> dict[str, bytes]:
        """Put the corpus into the bucket and return it."""
        documents = dict(corpus.documents())
        say(f"Uploading {len(documents)} real documents to s3://{BUCKET}/{PREFIX}")
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        for key, data in documents.items():
            self.s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{key}", Body=data)
        return documents

    def nightly(self, title: str) -> Any:
        """Run the nightly flow on the Prefect server and show what it reports."""
        from ingest.records import RunReport
        from ingest_flows.nightly import nightly

        say(title)
        report = RunReport.model_validate(nightly(settings=self.settings))
        show_report(report)
        self.show_verdict(report.verdict)
        return report

    def show_verdict(self, name: str | None) -> None:
        """Print a verdict of the lake."""
        if name is not None:
            with ingest.open(self.settings) as index:
                show_verdict(index.services.bench.lake.verdict(name))

    def ask(self) -> None:
        """Answer three questions from the alias."""
        say("Three questions, answered from the promoted alias")
        with ingest.open(self.settings) as index:
            stage = index.searcher().stages[-1]
            for question in QUESTIONS:
                answer = index.search(question, top=2)
                console.print(f"  [bold]{question}[/bold]")
                for result in answer.results:
                    path = " › ".join(result.heading_path)
                    console.print(f"    {result.scores[stage]:.3f}  {path}\n           {result.uri}", markup=False)

    def edit_and_delete(self, documents: dict[str, bytes]) -> None:
        """Change one document in the bucket and delete another."""
        edited = "docs/concepts.md"
        text = documents[edited].decode() + "\n## A note of tonight\n\nThe demo added this section to see it appear.\n"
        self.s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{edited}", Body=text.encode())
        judged = (ROOT / "demo" / "judged.jsonl").read_text()
        deleted = next(key for key in sorted(documents, reverse=True) if f'"{key}"' not in judged)
        self.s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{deleted}")
        console.print(f"\n  edited {edited}, deleted {deleted}")

    def damage(self) -> None:
        """Build a candidate with a parser that loses most of each document: complete, and worse."""
        from demo.damage import ForgetfulSandbox

        say("A damaged candidate: a parser that loses every section but the first, under the same settings")
        with ingest.open(self.settings) as index:
            index.services.bench.sandbox = ForgetfulSandbox(index.services.bench.sandbox)
            report = index.run()
            show_report(report)
            verdict = index.services.bench.lake.verdict(report.verdict or "")
        show_verdict(verdict)
        expect(report.decision == "refused", f"the damaged candidate is refused, it was {report.decision}")
        expect(any("lower bound" in reason for reason in verdict.reasons), "the paired bound is among the reasons")

    def rollback(self) -> None:
        """Bring the first release back, and see the hold."""
        say("Rollback: the release before comes back, and automatic promotion is held")
        with ingest.open(self.settings) as index:
            started = time.monotonic()
            release = index.rollback(why="shown by the demo")
            seconds = time.monotonic() - started
            console.print(
                f"  release {release.number}: generation {release.generation} in {seconds:.2f} s", markup=False
            )
            console.print(f"  hold by {release.hold.who}: {release.hold.why}" if release.hold else "  no hold")
            expect(index.status().release == release and release.hold is not None, "the release before serves, held")


def show_report(report: Any) -> None:
    """Print plan, conservation and figures of a run."""
    plan = report.plan
    console.print(f"  plan: {plan.counts}, {plan.bytes_to_fetch:,} bytes to fetch", markup=False)
    console.print(f"  embedded {report.embedded} chunks in {report.forward_passes} forward passes", markup=False)
    c = report.conservation
    table = Table("listed", "documents", "chunks", "points", "keyword rows", "vectors", "mended", title="Conservation")
    pairs = [" ".join(f"{k} {v}" for k, v in side.items()) for side in (c.listed, c.documents)]
    table.add_row(*pairs, *map(str, (c.chunks, c.points, c.keyword_rows, c.vectors, c.mended)))
    console.print(table)
    figures = Table("step", "seconds", "documents/s", "chunks/s", "peak MB", title="Figures")
    for s in report.stages:
        rates = (s.seconds, s.documents_per_second, s.chunks_per_second, s.peak_memory_mb)
        figures.add_row(s.step, *(f"{value:,.1f}" for value in rates))
    console.print(figures)
    if report.quarantined:
        console.print(f"  quarantined: {report.quarantined}", markup=False)
    console.print(f"  {report.decision}: generation {report.generation}, release {report.release}", markup=False)


def show_verdict(verdict: Any) -> None:
    """Print a verdict with its reasons."""
    table = Table("metric", "candidate", "serving", title=f"Verdict: {'positive' if verdict.positive else 'refused'}")
    for metric in ("bm25.ndcg@10", "dense.ndcg@10", "fused.ndcg@10", "fused.recall@10", "reranked.ndcg@10"):
        serving = verdict.serving_scores.get(metric)
        table.add_row(metric, f"{verdict.candidate_scores[metric]:.3f}", "-" if serving is None else f"{serving:.3f}")
    console.print(table)
    for line in (*verdict.reasons, *(f"warning: {w}" for w in verdict.warnings)):
        console.print(f"  {line}", markup=False)


def bin_folder() -> str:
    """Return the folder of this environment's commands, relative to the checkout where it lies inside."""
    folder = Path(sys.executable).parent
    return str(folder.relative_to(ROOT)) if folder.is_relative_to(ROOT) else str(folder)


def say(title: str) -> None:
    """Print the title of a step."""
    console.rule(title, align="left")


def expect(holds: bool, promise: str) -> None:
    """Stop the demo when a promise does not hold."""
    if not holds:
        console.print(f"[red]The demo promises that {promise}.[/red]")
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(main())
