"""`ingest search`: one question, or a file of questions, as a run file. `ingest why`: what keeps a text from it."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import RenderableType
from rich.text import Text
from typer import Argument, BadParameter, Option, echo

from ingest.cli import tables
from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Invocation, Opened, Repeated, Reply, SourcesOption, command, several
from ingest.cli.output import in_folder, printable, size, write_whole
from ingest.cli.tables import STAGES
from ingest.phrases import stale

if TYPE_CHECKING:
    from ingest.index import Index
    from ingest.pipeline.whereabouts import Whereabouts
    from ingest.records import Filter, Result
    from ingest.search import Answer, Context, ContextOptions, Passage, Searcher

BATCH = 64  # questions searched at once
TOP, TOP_OF_CONTEXT, TOP_OF_FILE, MOST = 10, 50, 100, 1000
SNIPPET = 300  # characters shown of a result's text
MOST_QUESTIONS = 1_000_000
QUESTIONS = 'Questions, one JSON object per line: {"query_id": ..., "text": ...}.'
PLACES = 20  # chunks of a generation that `why` shows; --json has all
Named = Annotated[str, Argument(metavar="URI|PATH|ID", help="A document, or the id of one, of a chunk or of a point.")]


@dataclass(frozen=True)
class AskingOptions:
    """Who asks, for which ranking, and whether to return passages instead of single chunks."""

    acl: Annotated[Repeated, several("--acl", "GROUP", "Group of the caller, by default public")] = None
    tenant: Annotated[str, Option(metavar="NAME", help="Tenant of the caller.")] = "public"
    sources: SourcesOption = None
    stage: Annotated[str | None, Option(metavar="|".join(STAGES), help="Ranking to show, else the last one.")] = None
    top: Annotated[int | None, Option(min=1, max=MOST, help="Results: 10, with --context 50, with --file 100.")] = None
    context: Annotated[int | None, Option(min=1, metavar="TOKENS", help="Return passages of so many tokens.")] = None
    neighbours: Annotated[int, Option(min=0, max=8, metavar="N", help="Chunks on both sides, if tokens are left.")] = 0
    parent: Annotated[bool, Option("--parent", help="Add the enclosing section, if tokens are left.")] = False

    def filter(self) -> "Filter":
        """Return the filter that both indexes evaluate."""
        from ingest.records import Filter

        return Filter(acl=tuple(self.acl or ("public",)), tenant=self.tenant, sources=tuple(self.sources or ()))

    def passages(self, most: int) -> "ContextOptions | None":
        """Return the options of the context, for at most `most` results; None without --context."""
        if self.context is None:
            if self.neighbours or self.parent:
                raise BadParameter("needs --context", param_hint="--neighbours, --parent")
            return None
        from ingest.search import ContextOptions

        return ContextOptions(self.context, self.neighbours, self.parent, most=most)


@command("Nothing was changed and no run file was written. Run it again.")
def search(
    invocation: Invocation,
    how: AskingOptions,
    file: Annotated[Path | None, Option(exists=True, dir_okay=False, metavar="PATH", help=QUESTIONS)] = None,
    out: Annotated[Path | None, Option(dir_okay=False, callback=in_folder, metavar="PATH", help="For the run.")] = None,
    words: Annotated[Repeated, Argument(metavar="QUESTION", help="Several words make one question.")] = None,
) -> Reply:
    """Query the release in force. With --file: write a run, one line per question, best result first.

    A line of the run is {"query_id", "results": [{"doc", "start", "end", "page", "heading_path", "text", "uri",
    "scores"}]}; `doc` is the path below the source's root, start and end are code points of the document's text.
    """
    question = " ".join(words) if words else None
    _check(question, file, (out, how.stage), json=invocation.json)
    top = how.top or (TOP_OF_FILE if file is not None else TOP if how.context is None else TOP_OF_CONTEXT)
    passages, filter = how.passages(top), how.filter()
    questions = _read_questions(file) if file is not None else {}
    with invocation.opened() as index:
        searcher = index.searcher()
        stage, generation = how.stage or searcher.stages[-1], searcher.manifest.generation
        ask = partial(_answers, searcher, (stage, top, filter), passages)
        told = {"release": searcher.release, "generation": generation, "stage": stage}
        if question is not None:
            ((answer, context),) = ask([question])
            return _answered(answer, context, {"question": question, **told})
        lines = _run_lines(index, ask, questions)
        if out is not None:
            write_whole(out, lines)
        else:
            for line in lines:
                echo(line.encode(), nl=False)
    said = f"{len(questions):,} questions answered by generation {generation}."
    return Reply({"questions": len(questions), "out": out, "top": top, **told}, notes=[said])


def _read_questions(path: Path) -> dict[str | int, str]:
    """Return the texts of the questions by `query_id`, in the order of the file. Empty lines are skipped.

    Raises: BadParameter, naming the line, when it is not a JSON object, lacks a key, or repeats an id.
    """
    from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

    from ingest.errors import first_fault

    class QuestionLine(BaseModel):
        model_config = ConfigDict(strict=True)  # other keys are ignored

        query_id: str | int
        text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]

    bad = partial(BadParameter, param_hint="--file")
    found: dict[str | int, str] = {}
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in ((n, one) for n, one in enumerate(lines, 1) if one.strip()):
                question = QuestionLine.model_validate_json(line)
                if question.query_id in found:
                    raise bad(f"{path}:{number}: duplicate query_id {question.query_id!r}")
                found[question.query_id] = question.text
                if len(found) > MOST_QUESTIONS:
                    raise bad(f"{path}: more than {MOST_QUESTIONS:,} questions")
    except ValidationError as error:
        raise bad(f"{path}:{number}: {first_fault(error)}") from error
    except UnicodeDecodeError as error:
        raise bad(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error
    if not found:
        raise bad(f"{path}: contains no questions")
    return found


def _check(question: str | None, file: Path | None, how: tuple[Path | None, str | None], *, json: bool) -> None:
    """Raise BadParameter unless there is one question or one file, one place for the answers, and a known stage."""
    out, stage = how
    faults = (
        ("--stage", f"{stage!r} is not one of {', '.join(STAGES)}", stage not in (None, *STAGES)),
        ("QUESTION", "give either a question or --file", (question is None) == (file is None)),
        ("QUESTION", "must not be blank", question is not None and not question.strip()),
        ("QUESTION", "not valid Unicode", any("\ud800" <= c <= "\udfff" for c in question or "")),
        ("--out", "needs --file", out is not None and file is None),
        ("--json", "with --file the run itself goes to stdout; give --out", json and file is not None and out is None),
    )
    for hint, fault, is_there in faults:
        if is_there:
            raise BadParameter(fault, param_hint=hint)


def _answers(
    searcher: "Searcher", how: "tuple[str, int, Filter]", passages: "ContextOptions | None", questions: Iterable[str]
) -> "Iterator[tuple[Answer, Context | None]]":
    """Yield the answer to each question, and its context if requested; `how`: stage, number of results, who asks."""
    from ingest.search import context_of

    stage, top, filter = how
    for answer in searcher.search([*questions], filter, top, (stage,)):
        found = None if passages is None else context_of(searcher, answer.results, stage, (passages, filter))
        yield answer, found


def _answered(answer: "Answer", context: "Context | None", told: dict[str, Any]) -> Reply:
    document, ranked = {**told, "unread": answer.unread, **_sureness(answer)}, [*enumerate(answer.results, 1)]
    notes = ["The model cannot read the question: it is answered by its words alone."] if answer.unread else []
    if answer.fell_back:
        notes.append("Re-ranking took longer than profile.rerank_milliseconds: this is the fused order.")
    if context is None:
        document["results"] = [{"rank": rank, **result_values(result)} for rank, result in ranked]
        shown: list[RenderableType] = [_drawn_result(*one, told["stage"]) for one in ranked]
    else:
        document["context"], shown = context, [*map(_drawn_passage, context.passages)]
        notes.insert(0, f"{context.tokens} of {context.budget} tokens, {len(context.left_out)} chunks left out.")
    if not ranked:
        shown.append("No results in what the filters leave.")
    elif answer.confidence is not None:
        unsure = " Below the threshold: the index may not hold an answer." if answer.abstain else ""
        shown.append(f"Confidence {answer.confidence:.2f}.{unsure}")
    return Reply(document, shown, notes=notes)


def _run_lines(index: "Index", ask: Callable[..., Any], questions: dict[str | int, str]) -> Iterator[str]:
    """Yield the lines of the run, batch by batch, in the order of the file."""
    observer, left = index.services.retrieval.observer, iter(questions.items())
    with observer.step("search", len(questions), "questions"):
        while batch := dict(islice(left, BATCH)):
            for query_id, (answer, context) in zip(batch, ask(batch.values()), strict=True):
                if context is None:
                    found = [result_values(result) for result in answer.results]
                else:
                    found = [result_values(passage, "tokens") for passage in context.passages]
                line = {"query_id": query_id, **_sureness(answer), "results": found}
                yield json.dumps(line, ensure_ascii=False) + "\n"
            observer.advanced("search", len(batch), {"questions": len(batch)})


def _sureness(answer: "Answer") -> dict[str, Any]:
    """Return confidence and abstention, if the release has a calibration, and whether re-ranking took too long."""
    sure = {} if answer.confidence is None else {"confidence": answer.confidence, "abstain": answer.abstain}
    return {**sure, "fell_back": True} if answer.fell_back else sure


def result_values(found: "Result | Passage", figure: str = "scores") -> dict[str, Any]:
    """Return a result, or with `figure` "tokens" a passage, in the form of the run file."""
    names = ("start", "end", "page", "heading_path", "text", "uri", figure)
    return {"doc": found.path, **{name: getattr(found, name) for name in names}}


def _drawn_result(rank: int, result: "Result", stage: str) -> Text:
    notes = [f"page {result.page}"] if result.page else []
    notes += [f"{name} {score:.4f}" for name, score in result.scores.items() if name != stage]
    return _drawn(result, f"{rank:>3}  {result.scores[stage]:.4f}", "  ".join(notes), [printable(result.text, SNIPPET)])


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


@command()
def why(index: Opened, named: Named) -> Reply:
    """Tell where a document, a chunk or a point is, and why it is found or not. Exit code 4: nothing is known of it."""
    found = index.why(named)
    code = ExitCode.FATAL if found.kind == "unknown" else ExitCode.DONE
    return Reply(found, map(printable, _told(found)), code)


def _told(found: "Whereabouts") -> Iterator[str]:
    """Yield the answer first, then what sources, people and generations have to do with it."""
    yield f"{found.kind.capitalize()} {found.asked}{f' of {found.uri}' if found.uri not in ('', found.asked) else ''}"
    near = f" Is {found.nearest} meant?" if found.nearest else ""
    yield f"Not found: {'; '.join(found.because)}.{near}" if found.because else "It is found."
    for ref in found.listed:
        told = f"version {ref.version}, {size(ref.size)}, modified {ref.modified or 'unknown'}"
        yield f"Source {ref.source} lists {ref.uri}: {told}, for {', '.join(ref.acl) or 'nobody'} of {ref.tenant}."
    yield from (f"Source {name} does not list it: {told or 'not there'}." for name, told in found.not_listed.items())
    yield from (str(line) for made in found.decisions for line in tables.logged(made))
    if found.access is not None:
        yield f"Who may see it: {', '.join(found.access[1]) or 'nobody'} of tenant {found.access[0]}."
        yield f"Judged questions with a place in it: {', '.join(found.questions) or 'none'}."
    for held in found.generations:
        row, facts = held.document, {"releases": held.releases, "built on": held.base, "planned as": held.planned}
        yield f"Generation {held.generation}: {held.state}, {tables.in_words(facts)}."
        yield from filter(None, (held.fault, *stale([held.carried] if held.carried else [])))
        yield from (f"In quarantine: {tables.left_out(bad, {}).strip()}" for bad in held.quarantined)
        if row is not None:
            told = f"{row.media_type}, version {row.version}, SHA-256 {row.sha256}, parser {row.parser_fingerprint}"
            yield f"It has it, {row.status}: {told}; {row.chunk_count:,} chunks, {row.dropped_count:,} kept out."
        for one in held.chunks[:PLACES]:
            place = f"characters {one.start} to {one.end}{f', page {one.page}' if one.page is not None else ''}"
            names = ["vectors", "keywords", *["unread"] * one.unread]
            halves = tables.in_words({name: getattr(one, name) for name in names})
            yield f"Chunk {one.chunk}, point {one.point}: {place}, {one.heading}: {one.instead or halves}."
