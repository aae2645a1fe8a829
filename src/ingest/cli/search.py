"""`ingest search`: one question, or a file of questions, answered as a run file for any scoring tool."""

import json
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.text import Text
from typer import Argument, BadParameter, Option, echo

from ingest.cli.invocation import Invocation, Repeated, SourcesOption, command
from ingest.cli.output import Output, in_folder, printable, whole_file
from ingest.cli.tables import STAGES

if TYPE_CHECKING:
    from ingest.index import Index
    from ingest.records import Filter, Result
    from ingest.search import Answer, Context, ContextOptions, Passage, Searcher

BATCH = 64  # questions searched at once
TOP, TOP_OF_CONTEXT, TOP_OF_FILE, MOST = 10, 50, 100, 1000
SNIPPET = 300  # characters shown of a result's text
QUESTIONS = 'Questions, one JSON object per line: {"query_id": ..., "text": ...}.'


@dataclass(frozen=True)
class AskingOptions:
    """Who asks, for which ranking, and whether to return passages instead of single chunks."""

    acl: Annotated[
        Repeated, Option(metavar="GROUP", help="Group of the caller; may be repeated.", show_default="public")
    ] = None
    tenant: Annotated[str, Option(metavar="NAME", help="Tenant of the caller.")] = "public"
    sources: SourcesOption = None
    stage: Annotated[
        str | None,
        Option(metavar=f"[{'|'.join(STAGES)}]", help="Ranking to show.", show_default="the profile's last one"),
    ] = None
    top: Annotated[
        int | None,
        Option(min=1, max=MOST, help="Number of results.", show_default="10; 50 with --context, 100 with --file"),
    ] = None
    context: Annotated[
        int | None, Option(min=1, metavar="TOKENS", help="Return passages of at most this many tokens in total.")
    ] = None
    neighbours: Annotated[int, Option(min=0, max=8, metavar="N", help="Chunks on both sides, if tokens are left.")] = 0
    parent: Annotated[
        bool, Option("--parent", help="Add the enclosing section, if the index has it and tokens are left.")
    ] = False
    mmr: Annotated[float, Option(min=0.0, max=0.99, metavar="W", help="Weight of diversity against the score.")] = 0.0

    def filter(self) -> "Filter":
        """Return the filter that both indexes evaluate."""
        from ingest.records import Filter

        return Filter(acl=tuple(self.acl or ("public",)), tenant=self.tenant, sources=tuple(self.sources or ()))

    def passages(self, most: int) -> "ContextOptions | None":
        """Return the options of the context, for at most `most` results; None without --context."""
        if self.context is None:
            if self.neighbours or self.parent or self.mmr:
                raise BadParameter("needs --context", param_hint="--neighbours, --parent, --mmr")
            return None
        from ingest.search import ContextOptions

        return ContextOptions(self.context, self.neighbours, self.parent, self.mmr, most=most)


@command("Nothing was changed and no run file was written. Run it again.")
def search(
    invocation: Invocation,
    how: AskingOptions,
    file: Annotated[Path | None, Option(exists=True, dir_okay=False, metavar="PATH", help=QUESTIONS)] = None,
    out: Annotated[
        Path | None,
        Option(dir_okay=False, callback=in_folder, metavar="PATH", help="File to write the run to; stdout by default."),
    ] = None,
    words: Annotated[Repeated, Argument(metavar="QUESTION", help="Several words make one question.")] = None,
) -> None:
    """Query the release in force. With --file: write a run, one line per question, best result first.

    A line of the run is {"query_id", "results": [{"doc", "start", "end", "page", "heading_path", "text", "uri",
    "scores"}]}; `doc` is the path below the source's root, start and end are code points of the document's text.
    """
    question = " ".join(words) if words else None
    _check(question, file, out, json=invocation.json)
    if how.stage not in (None, *STAGES):
        raise BadParameter(f"{how.stage!r} is not one of {', '.join(STAGES)}", param_hint="--stage")
    top = how.top or (TOP_OF_FILE if file is not None else TOP if how.context is None else TOP_OF_CONTEXT)
    passages = how.passages(top)
    from ingest.cli.questions import read_question_file

    questions = read_question_file(file) if file is not None else {}
    with invocation.opened() as index:
        searcher = index.searcher()
        asking = Asking(searcher, how.filter(), how.stage or searcher.stages[-1], top, passages)
        if question is not None:
            _answer_one(invocation.output, asking, question)
            return
        with whole_file(out) if out else nullcontext() as run:
            for line in _run_lines(index, asking, questions):
                echo(line.encode()) if run is None else run.write(line + "\n")
        told = {"questions": len(questions), "out": out, "top": top, **asking.told()}
        invocation.output.result(told)
        gave_up = f" {searcher.fell_back:,} of them not re-ranked: {asking.over()}" if searcher.fell_back else ""
        invocation.output.note(f"{len(questions):,} questions answered by generation {told['generation']}.{gave_up}")


def _check(question: str | None, file: Path | None, out: Path | None, *, json: bool) -> None:
    """Raise BadParameter unless there is one question or one file, and one place for the answers."""
    if (question is None) == (file is None):
        raise BadParameter("give either a question or --file", param_hint="QUESTION")
    if question is not None and not question.strip():
        raise BadParameter("must not be blank", param_hint="QUESTION")
    if question is not None and any("\ud800" <= c <= "\udfff" for c in question):
        raise BadParameter("not valid Unicode", param_hint="QUESTION")
    if out is not None and file is None:
        raise BadParameter("needs --file", param_hint="--out")
    if json and file is not None and out is None:
        raise BadParameter("with --file the run itself goes to stdout; give --out", param_hint="--json")


@dataclass(frozen=True)
class Asking:
    """What to ask of which release."""

    searcher: "Searcher"
    filter: "Filter"
    stage: str
    top: int
    passages: "ContextOptions | None"

    def answers(self, questions: list[str]) -> "Iterator[tuple[Answer, Context | None]]":
        """Yield the answer to each question, and its context if requested."""
        from ingest.search import context_of

        for answer in self.searcher.search(questions, self.filter, self.top, (self.stage,)):
            found = (self.searcher, answer.results, self.stage)
            yield answer, None if self.passages is None else context_of(*found, (self.passages, self.filter))

    def told(self) -> dict[str, Any]:
        """Return what was asked, in machine-readable form."""
        return {
            "release": self.searcher.release,
            "generation": self.searcher.manifest.generation,
            "stage": self.stage,
            "fell_back": self.searcher.fell_back,
        }

    def over(self) -> str:
        """Return why an answer has no re-ranked order."""
        return f"over {self.searcher.profile.rerank_milliseconds} ms, so the fused order stands."


def _answer_one(output: Output, asking: Asking, question: str) -> None:
    ((answer, context),) = asking.answers([question])
    ranked = list(enumerate(answer.results, 1))
    told = {"question": question, **asking.told(), **_sureness(answer)}
    if context is None:
        told["results"] = [{"rank": rank, **result_values(result)} for rank, result in ranked]
        output.result(told, *(_drawn_result(rank, result, asking.stage) for rank, result in ranked))
    else:
        output.result({**told, "context": context}, *map(_drawn_passage, context.passages))
        output.note(f"{context.tokens} of {context.budget} tokens, {len(context.left_out)} chunks left out.")
    if asking.searcher.fell_back:
        output.note(f"Not re-ranked: {asking.over()}")
    if not answer.results:
        output.show("No results that these groups may see.")
    elif answer.confidence is not None:
        unsure = " Below the threshold: the index may not hold an answer." if answer.abstain else ""
        output.show(f"Confidence {answer.confidence:.2f}.{unsure}")


def _run_lines(index: "Index", asking: Asking, questions: dict[str | int, str]) -> Iterator[str]:
    """Yield the lines of the run, batch by batch, in the order of the file."""
    observer, left = index.services.retrieval.observer, iter(questions.items())
    with observer.step("search", len(questions), "questions"):
        while batch := dict(islice(left, BATCH)):
            for query_id, (answer, context) in zip(batch, asking.answers([*batch.values()]), strict=True):
                if context is None:
                    found = [result_values(result) for result in answer.results]
                else:
                    found = [result_values(passage, "tokens") for passage in context.passages]
                line = {"query_id": query_id, **_sureness(answer), "results": found}
                yield json.dumps(line, ensure_ascii=False)
            observer.advanced("search", len(batch), {"questions": len(batch)})


def _sureness(answer: "Answer") -> dict[str, Any]:
    """Return confidence and abstention; nothing if the release has no calibration."""
    return {} if answer.confidence is None else {"confidence": answer.confidence, "abstain": answer.abstain}


def result_values(found: "Result | Passage", figure: str = "scores") -> dict[str, Any]:
    """Return a result, or with `figure` "tokens" a passage, in the form of the run file."""
    names = ("start", "end", "page", "heading_path", "text", "uri", figure)
    return {"doc": found.path, **{name: getattr(found, name) for name in names}}


def _drawn_result(rank: int, result: "Result", stage: str) -> Text:
    page = [f"page {result.page}"] if result.page else []
    others = [f"{name} {score:.4f}" for name, score in result.scores.items() if name != stage]
    notes, text = "  ".join([*page, *others]), printable(result.text, SNIPPET)
    return _drawn(result, f"{rank:>3}  {result.scores[stage]:.4f}", notes, [text])


def _drawn_passage(passage: "Passage") -> Text:
    page = f", page {passage.page}" if passage.page else ""
    notes = f"{passage.start}-{passage.end}{page}, {passage.tokens} tokens"
    lines = [printable(line) for line in passage.text.splitlines() if line.strip()]
    return _drawn(passage, f"{passage.rank:>3}  {passage.score:.4f}", notes, lines)


def _drawn(found: "Result | Passage", rank: str, notes: str, lines: Iterable[str]) -> Text:
    text = Text(f"{rank}  ")
    text.append(" > ".join(map(printable, found.heading_path)) or printable(found.title), style="bold")
    text.append(f"\n     {printable(found.uri)}", style=f"cyan link {printable(found.uri)}")
    text.append(f"  {notes}\n" if notes else "\n", style="dim")
    return text.append("".join(f"     {line}\n" for line in lines))
