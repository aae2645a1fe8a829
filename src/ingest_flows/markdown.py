"""What people read in Prefect's UI, as Markdown: a run, a plan, a verdict, lists and tables."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ingest.phrases import scored, stale
from ingest.records import CarriedOrigin, Conservation, PlanSummary, RunReport, Verdict
from ingest_flows.report import told_counts

SLICES = 50  # of a verdict that are shown; the lake has all of them
LISTED = 200  # entries of a list that are shown


def as_markdown(report: RunReport, verdict: Verdict | None) -> str:
    """Return the run's report as Markdown: decision, reasons, and tables of conservation and duration."""
    lines = [f"# Run of `{report.index}`: {report.decision}", ""]
    lines += [f"Generation `{report.generation}`, release {report.release}, digest `{report.digest}`.", ""]
    known = [("base", report.base), ("verdict in the lake", report.verdict and f"verdicts/{report.verdict}.json")]
    lines += [*(f"- {name}: `{value}`" for name, value in known if value), ""]
    lines += [f"- ended by: {code(report.error)}", ""] if report.error else []
    lines += reasons(verdict) if verdict is not None else []
    lines += _stale(report.carried)
    if report.conservation is not None:
        lines += conservation_lines(report.conservation, report.unsupported)
    for state in report.in_quarantine:
        lines += [f"In quarantine, generation `{state.generation}`: {told_counts(state.counts)}."]
        told = (f"{row.uri}: {row.error}: {row.message}" for row in state.documents)
        lines += [*(f"- {code(one)}" for one in told), ""]
    lines += table(("cost", ""), cost(report))
    lines += ["| step | seconds | documents/s | chunks/s | peak MB |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {s.step} | {s.seconds} | {s.documents_per_second} | {s.chunks_per_second} | {s.peak_memory_mb} |"
        for s in report.stages
    ]
    return "\n".join(lines)


def cost(report: RunReport) -> Iterator[tuple[str, Any]]:
    """Yield what a run cost, and what its plan said of that."""
    yield "texts through the model", report.embedded
    yield "forward passes", report.forward_passes
    if (plan := report.plan) is not None:
        yield "bytes to fetch, by the plan", plan.bytes_to_fetch
        yield "tokens to embed, by the plan", plan.tokens_to_embed
        yield "GPU-minutes, by the plan", f"{plan.gpu_minutes:,.1f}"
    yield "seconds of all steps", f"{sum(stage.seconds for stage in report.stages):,.1f}"


def verdict_lines(verdict: Verdict) -> list[str]:
    """Return a verdict: on what, whether for it, and `reasons`."""
    return [f"# {'For' if verdict.positive else 'Against'} generation `{verdict.candidate}`", "", *reasons(verdict)]


def reasons(verdict: Verdict) -> list[str]:
    """Return what speaks against a candidate, warnings, and the slices that differ from the whole."""
    lines = [f"- against: {reason}" for reason in verdict.reasons]
    lines += [f"- warning: {warning}" for warning in verdict.warnings]
    told = scored(verdict.questions, verdict.unscored | {"are stale": len(verdict.stale)})
    return [*lines, f"- {told}", "", *_slices(verdict)]


def conservation_lines(table: Conservation, unsupported: dict[str, int]) -> list[str]:
    """Return what was listed and what became of it, as a table."""
    rows = [("listed: " + k, v) for k, v in table.listed.items()]
    rows += [("generation: " + k, v) for k, v in table.documents.items()]
    rows += [(k, getattr(table, k)) for k in ("chunks", "points", "keyword_rows", "vectors", "mended")]
    rows += [(f"no parser reads: {k}", v) for k, v in unsupported.items()]
    return ["| conservation | count |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in rows), ""]


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return rows as a table, nothing without any; a cell stays a cell whatever stands in it."""
    lines = [
        f"| {' | '.join(cell(f'{value:,}' if isinstance(value, int) else str(value)) for value in row)} |"
        for row in rows
    ]
    return [f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *lines, ""] if lines else []


def listed(title: str, names: Sequence[str]) -> list[str]:
    """Return names as a list with a title, at most `LISTED`; nothing without any."""
    if not names:
        return []
    more = [f"- and {len(names) - LISTED:,} more"] if len(names) > LISTED else []
    return [f"{title}: {len(names):,}", "", *(f"- {code(name)}" for name in names[:LISTED]), *more, ""]


def _slices(verdict: Verdict) -> list[str]:
    """Return the slices that differ from the whole as a table, those that fell first; at most `SLICES`."""
    shown = sorted((s for s in verdict.slices if s.state != "all questions"), key=lambda s: s.state != "fell")
    metric = verdict.rules.metric
    rows = [
        f"| {cell(f'{s.name}={s.value}')} | {s.state} | {s.questions} | {_score(s.candidate_scores, metric)} "
        f"| {_score(s.serving_scores, metric)} | {_score(s.candidate_scores, 'fused.recall@10')} |"
        for s in shown[:SLICES]
    ]
    head = [f"| slice | | questions | {metric} | serving | recall@10 |", "| --- | --- | --- | --- | --- | --- |"]
    return [*head, *rows, ""] if rows else []


def cell(text: str) -> str:
    """Return text that stays within its cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _score(scores: dict[str, float], metric: str) -> str:
    return f"{scores[metric]:.4f}" if metric in scores else "–"


def plan_as_markdown(index: str, summary: PlanSummary, built: bool = False) -> str:
    """Return a plan as Markdown: documents by class, and what they would cost; `built` tells a run's from a dry one."""
    lines = [
        f"# Plan of a run of `{index}`",
        "",
        f"On base `{summary.base}`.{'' if built else ' Nothing was built.'}",
        "",
    ]
    lines += [f"- a run would be refused: {summary.refused}", ""] if summary.refused else []
    lines += _stale(summary.carried)
    costs = ("bytes_to_fetch", "chunks_to_embed", "tokens_to_embed", "gpu_minutes")
    rows = [*summary.counts.items(), *((name, getattr(summary, name)) for name in costs)]
    lines += ["| documents, cost | |", "| --- | --- |", *(f"| {name.replace('_', ' ')} | {n} |" for name, n in rows)]
    return "\n".join(lines)


def _stale(carried: Iterable[CarriedOrigin]) -> list[str]:
    """Return what is carried because it is sick, as a list; as code, for its reason may be hostile."""
    lines = [f"- {code(one)}" for one in stale(carried)]
    return [*lines, ""] if lines else []


def code(text: str) -> str:
    """Return text as code on one line, for it may be hostile."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"
