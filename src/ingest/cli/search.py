"""`ingest search`: one question for people, or a file of questions, answered as a run that anyone can score."""

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli.invocation import Common, command
from ingest.cli.output import whole_file, write_line
from ingest.cli.printed_results import drawn, drawn_passage
from ingest.cli.questions import Asked, not_unicode, read_questions
from ingest.cli.session import Session, opened

if TYPE_CHECKING:
    from ingest.records import Filter, Result
    from ingest.search import Answer, Context, ContextOptions, Passage, Searcher

BATCH = 64  # questions searched at once
TOP, TOP_OF_CONTEXT, TOP_OF_FILE, MOST = 10, 50, 100, 1000
NO_RESULT = "No result that these groups may see."
UNSURE = " Below the threshold: the index may not hold an answer."


class Stage(StrEnum):
    """Which ranking is wanted."""

    BM25 = "bm25"
    DENSE = "dense"
    FUSED = "fused"
    RERANKED = "reranked"


@dataclass(frozen=True)
class FilterOptions:
    """What the caller may see and wants to see."""

    acl: Annotated[
        list[str] | None,
        typer.Option("--acl", metavar="GROUP", help="Group of the caller; may be repeated.", show_default="public"),
    ] = None
    tenant: Annotated[str, typer.Option("--tenant", metavar="NAME", help="Tenant of the caller.")] = "public"
    source: Annotated[
        list[str] | None, typer.Option("--source", metavar="NAME", help="Only this source; may be repeated.")
    ] = None

    def filter(self) -> "Filter":
        """Return the filter that both indexes evaluate."""
        from ingest.records import Filter

        return Filter(acl=tuple(self.acl or ("public",)), tenant=self.tenant, sources=tuple(self.source or ()))


@dataclass(frozen=True)
class RankingOptions:
    """Which ranking, and how much of it."""

    stage: Annotated[
        Stage | None,
        typer.Option("--stage", help="Ranking to show.", show_default="reranked if the profile has it, else fused"),
    ] = None
    top: Annotated[
        int | None,
        typer.Option(
            "--top", min=1, max=MOST, help="Results wanted.", show_default="10; 50 with --context, 100 with --file"
        ),
    ] = None


@dataclass(frozen=True)
class PassageOptions:
    """Passages for a language model instead of single chunks."""

    context: Annotated[
        int | None,
        typer.Option("--context", min=1, metavar="TOKENS", help="Passages of at most this many tokens in total."),
    ] = None
    neighbours: Annotated[
        int,
        typer.Option("--neighbours", min=0, max=8, metavar="N", help="Chunks on both sides, if tokens are left."),
    ] = 0
    parent: Annotated[
        bool, typer.Option("--parent", help="The enclosing section that the index names, if tokens are left.")
    ] = False
    mmr: Annotated[
        float, typer.Option("--mmr", min=0.0, max=0.99, metavar="W", help="Weight of diversity against the score.")
    ] = 0.0

    def options(self, most: int) -> "ContextOptions | None":
        """Return the options of the context, for at most `most` results; None if no context is asked for."""
        if self.context is None:
            if self.neighbours or self.parent or self.mmr:
                raise typer.BadParameter("needs --context", param_hint="--neighbours, --parent, --mmr")
            return None
        from ingest.search import ContextOptions

        return ContextOptions(self.context, self.neighbours, self.parent, self.mmr, most=most)


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
            help='Questions, one JSON object per line: {"query_id": ..., "text": ...}.',
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option("--out", dir_okay=False, metavar="PATH", help="Where to write the run; stdout without it."),
    ] = None

    def check(self, question: Sequence[str], *, json: bool) -> None:
        """Raise BadParameter unless there is one question or one file, and one place for the answers."""
        if bool(question) == (self.file is not None):
            raise typer.BadParameter("give either a question or --file", param_hint="QUESTION")
        if question and not " ".join(question).strip():
            raise typer.BadParameter("text expected, found none", param_hint="QUESTION")
        if fault := not_unicode(" ".join(question)):
            raise typer.BadParameter(fault, param_hint="QUESTION")
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
    ranking: RankingOptions,
    passages: PassageOptions,
    question: Annotated[
        list[str] | None, typer.Argument(metavar="QUESTION", help="Several words make one question.")
    ] = None,
) -> None:
    """Query the release in force. With --file: write a run, one line per question, best result first.

    A line of the run is {"query_id", "results": [{"doc", "start", "end", "page", "heading_path", "text", "uri",
    "scores"}]}; `doc` is the path below the source's root, start and end are code points of the document's text.
    """
    files.check(question or (), json=common.json)
    one = TOP if passages.context is None else TOP_OF_CONTEXT
    top = ranking.top or (one if files.file is None else TOP_OF_FILE)
    options = passages.options(top)
    asked = read_questions(files.file) if files.file is not None else []
    with opened(common) as session:
        searcher = session.index.searcher()
        stage = ranking.stage or Stage(searcher.stages[-1])
        ask = Asking(session, searcher, visible.filter(), stage, top, options)
        if files.file is None:
            _answer_one(ask, " ".join(question or ()))
            return
        _answer_file(ask, asked, files.out)


@dataclass(frozen=True)
class Asking:
    """What is asked of which release."""

    session: Session
    searcher: "Searcher"
    filter: "Filter"
    stage: Stage
    top: int
    options: "ContextOptions | None"

    def answers(self, questions: "Sequence[str]") -> "list[Answer]":
        """Return the answer to each question."""
        return self.searcher.search(questions, self.filter, self.top, (self.stage.value,))

    def context(self, ranked: "Sequence[Result]") -> "Context | None":
        """Return the context of a ranking; None if none is asked for."""
        if self.options is None:
            return None
        from ingest.search import context_of

        return context_of(self.searcher, ranked, self.stage.value, (self.options, self.filter))

    def told(self) -> dict[str, Any]:
        """Return what was asked, for programs."""
        return {
            "release": self.searcher.release,
            "generation": self.searcher.manifest.generation,
            "stage": self.stage,
            "fell_back": self.searcher.fell_back,
        }

    def fall_backs(self) -> str:
        """Return a sentence if re-ranking was given up, else nothing."""
        count, limit = self.searcher.fell_back, self.searcher.profile.rerank_milliseconds
        return f" {count:,} of them not re-ranked: over {limit} ms, so the fused order stands." if count else ""


def _answer_file(ask: Asking, asked: Sequence[Asked], out: Path | None) -> None:
    with whole_file(out) if out else nullcontext() as file:
        for line in _run_lines(ask, asked):
            write_line(line) if file is None else file.write(line + "\n")
    output, told = ask.session.output, {"questions": len(asked), "out": out, "top": ask.top, **ask.told()}
    output.document(told)
    output.note(f"{len(asked):,} questions answered by generation {told['generation']}.{ask.fall_backs()}")


def _answer_one(ask: Asking, question: str) -> None:
    (answer,) = ask.answers([question])
    results = answer.results
    context, output = ask.context(results), ask.session.output
    told: dict[str, Any] = {"question": question, **ask.told(), **_sureness(answer)}
    if context is None:
        told["results"] = [{"rank": rank, **result_values(r)} for rank, r in enumerate(results, 1)]
    else:
        told["context"] = context
    output.document(told)
    if context is None:
        for rank, result in enumerate(results, 1):
            output.show(drawn(rank, result, ask.stage.value))
    else:
        for passage in context.passages:
            output.show(drawn_passage(passage))
        output.note(f"{context.tokens} of {context.budget} tokens, {len(context.left_out)} chunks left out.")
    if ask.searcher.fell_back:
        output.note(f"Not re-ranked: over {ask.searcher.profile.rerank_milliseconds} ms, so the fused order stands.")
    if not results:
        output.show(NO_RESULT)
    elif answer.confidence is not None:
        output.show(f"Confidence {answer.confidence:.2f}.{UNSURE if answer.abstain else ''}")


def _run_lines(ask: Asking, asked: Sequence[Asked]) -> Iterator[str]:
    """Yield the lines of the run, batch by batch, in the order of the file."""
    observer = ask.session.index.services.observer
    observer.step_started("search", -(-len(asked) // BATCH))
    for first in range(0, len(asked), BATCH):
        batch = asked[first : first + BATCH]
        for question, answer in zip(batch, ask.answers([question.text for question in batch]), strict=True):
            ranked = answer.results
            context = ask.context(ranked)
            found = (
                [result_values(r) for r in ranked] if context is None else list(map(passage_values, context.passages))
            )
            line = {"query_id": question.query_id, **_sureness(answer), "results": found}
            yield json.dumps(line, ensure_ascii=False)
        observer.advanced("search", {"questions": len(batch)})
    observer.step_finished("search")


def _sureness(answer: "Answer") -> dict[str, Any]:
    """Return confidence and abstention; nothing if the release has no calibration."""
    return {} if answer.confidence is None else {"confidence": answer.confidence, "abstain": answer.abstain}


def passage_values(passage: "Passage") -> dict[str, Any]:
    """Return a passage as the run file has it."""
    return {
        "doc": passage.path,
        "start": passage.start,
        "end": passage.end,
        "heading_path": list(passage.heading_path),
        "text": passage.text,
        "uri": passage.uri,
        "tokens": passage.tokens,
        "page": passage.page,
    }


def result_values(result: "Result") -> dict[str, Any]:
    """Return a result as the run file has it."""
    return {
        "doc": result.path,
        "start": result.start,
        "end": result.end,
        "page": result.page,
        "heading_path": list(result.heading_path),
        "text": result.text,
        "uri": result.uri,
        "scores": dict(result.scores),
    }
