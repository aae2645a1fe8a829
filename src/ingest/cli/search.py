"""`ingest search`: one question for people, or a file of questions answered as a run that anybody can score."""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli.command import Common, command
from ingest.cli.output import Output, printable, whole_file, write_line
from ingest.cli.questions import Asked, read_questions
from ingest.cli.session import Session, opened

if TYPE_CHECKING:
    from rich.text import Text

    from ingest.records import Filter, Result
    from ingest.search import Searcher

BATCH = 64  # questions searched at once
TOP, TOP_OF_FILE, MOST = 10, 100, 1000
SNIPPET = 300  # characters
NO_RESULT = "No result that these groups may see."


class Stage(StrEnum):
    """Which ranking is wanted."""

    BM25 = "bm25"
    DENSE = "dense"
    FUSED = "fused"


@dataclass(frozen=True)
class FilterOptions:
    """What the asker may see and wants to see."""

    acl: Annotated[
        list[str] | None,
        typer.Option("--acl", metavar="GROUP", help="Group of the asker; may be repeated.", show_default="public"),
    ] = None
    tenant: Annotated[str, typer.Option("--tenant", metavar="NAME", help="Tenant of the asker.")] = "public"
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="NAME", help="Only this source; may be repeated.")
    ] = None

    def filter(self) -> "Filter":
        """Return the filter that both indexes evaluate."""
        from ingest.records import Filter

        return Filter(acl=tuple(self.acl or ("public",)), tenant=self.tenant, sources=tuple(self.source or ()))


@dataclass(frozen=True)
class FileOptions:
    """Many questions at once."""

    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            exists=True,
            dir_okay=False,
            readable=True,
            metavar="PATH",
            help='Questions, one JSON object a line: {"query_id": ..., "text": ...}.',
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option("--out", dir_okay=False, metavar="PATH", help="Where to write the run; stdout without it."),
    ] = None  # fmt: skip

    def check(self, question: Sequence[str], *, json: bool) -> None:
        """Raise BadParameter unless there is one question or one file, and one place for the answers."""
        if bool(question) == (self.file is not None):
            raise typer.BadParameter("give a question or --file, not both and not neither", param_hint="QUESTION")
        if self.out is not None and self.file is None:
            raise typer.BadParameter("needs --file", param_hint="--out")
        if self.out is not None and not self.out.absolute().parent.is_dir():
            raise typer.BadParameter(f"no folder {self.out.parent}", param_hint="--out")
        if json and self.file is not None and self.out is None:
            raise typer.BadParameter("with --file the run itself goes to stdout; give --out", param_hint="--json")


@command("Nothing was changed and no run file was written. Start it again.")
def search(
    common: Common,
    files: FileOptions,
    visible: FilterOptions,
    question: Annotated[
        list[str] | None, typer.Argument(metavar="QUESTION", help="Several words make one question.")
    ] = None,
    stage: Annotated[Stage, typer.Option("--stage", help="Ranking to show.")] = Stage.FUSED,
    top: Annotated[
        int | None,
        typer.Option("--top", min=1, max=MOST, help="Results a question.", show_default="10; 100 with --file"),
    ] = None,
) -> None:
    """Ask the release in force. With --file: write a run, one line a question, best result first.

    A line of the run is {"query_id", "results": [{"doc", "start", "end", "page", "heading_path", "text", "uri",
    "scores"}]}; `doc` is the path below the source's root, start and end are code points of the document's text.
    """
    files.check(question or (), json=common.json)
    asked = read_questions(files.file) if files.file is not None else []
    with opened(common) as session:
        from ingest.search import open_serving

        searcher = open_serving(session.services)
        filter = visible.filter()
        if files.file is None:
            _answer_one(session.output, searcher, " ".join(question or ()), filter, (stage, top or TOP))
            return
        lines = _run_lines(session, searcher, asked, filter, (stage, top or TOP_OF_FILE))
        with whole_file(files.out) if files.out else nullcontext() as file:
            for line in lines:
                write_line(line) if file is None else file.write(line + "\n")
        told = {"questions": len(asked), "out": files.out, "stage": stage, "top": top or TOP_OF_FILE,
                "release": searcher.release, "generation": searcher.manifest.generation}  # fmt: skip
        session.output.document(told)
        session.output.note(f"{len(asked):,} questions answered by generation {told['generation']}.")


def _answer_one(
    output: Output, searcher: "Searcher", question: str, filter: "Filter", wanted: tuple[Stage, int]
) -> None:
    stage, top = wanted
    answer = searcher.search([question], filter, top, (stage.value,))[0]
    results = answer.stages[stage.value]
    output.document(
        {"question": question, "release": answer.release, "generation": answer.generation, "stage": stage,
         "results": [{"rank": rank, **result_values(r)} for rank, r in enumerate(results, 1)]}
    )  # fmt: skip
    for rank, result in enumerate(results, 1):
        output.show(_drawn(rank, result, stage))
    if not results:
        output.show(NO_RESULT)


def _run_lines(
    session: Session, searcher: "Searcher", asked: Sequence[Asked], filter: "Filter", wanted: tuple[Stage, int]
) -> Iterator[str]:
    """Yield the lines of the run, batch by batch, in the order of the file."""
    stage, top = wanted
    observer = session.services.observer
    observer.step_started("search", -(-len(asked) // BATCH))
    for first in range(0, len(asked), BATCH):
        batch = asked[first : first + BATCH]
        answers = searcher.search([question.text for question in batch], filter, top, (stage.value,))
        for question, answer in zip(batch, answers, strict=True):
            results = [result_values(result) for result in answer.stages[stage.value]]
            yield json.dumps({"query_id": question.query_id, "results": results}, ensure_ascii=False)
        observer.advanced("search", {"questions": len(batch)})
    observer.step_finished("search")


def result_values(result: "Result") -> dict[str, Any]:
    """Return a result as the run file has it."""
    return {
        "doc": result.path, "start": result.start, "end": result.end, "page": result.page,
        "heading_path": list(result.heading_path), "text": result.text, "uri": result.uri,
        "scores": dict(result.scores),
    }  # fmt: skip


def _drawn(rank: int, result: "Result", stage: Stage) -> "Text":
    from rich.text import Text

    others = "  ".join(f"{name} {score:.4f}" for name, score in result.scores.items() if name != stage)
    heading = " > ".join(map(printable, result.heading_path)) or printable(result.title)
    text = Text(f"{rank:>3}  {result.scores[stage.value]:.4f}  ")
    text.append(heading, style="bold")
    text.append(f"\n     {printable(result.uri)}", style=f"cyan link {printable(result.uri)}")
    text.append(f"  page {result.page}" if result.page else "")
    text.append(f"  {others}\n" if others else "\n", style="dim")
    text.append(f"     {printable(result.text, SNIPPET)}\n")
    return text
