"""`ingest train-reranker`: trees for the re-ranker of the settings, from the judged questions of the settings."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Common, command
from ingest.cli.output import Output
from ingest.cli.session import opened
from ingest.cli.tables import interval, table

if TYPE_CHECKING:
    from ingest.quality.training import Training


@command("Nothing was written. Start it again.")
def train_reranker(
    common: Common,
    force: Annotated[bool, typer.Option("--force", help="Keep the trees even if they do not help.")] = False,
) -> None:
    """Train trees for the re-ranker on the judged questions of the settings, over the release in force.

    Shows what they are worth on questions that they were not trained on, writes them to the lake and prints their name
    for `profile.reranker_model` in the settings. Exit code 3, and nothing is written, if they do not help.
    """
    with opened(common) as session:
        from ingest.quality.training import train
        from ingest.wiring.reranker_opening import keep_learned

        trained = train(session.index.services)
        kept = trained.helps or force
        if kept:
            keep_learned(session.index.services.lake.store, trained.model)
        session.output.document(_told(trained, kept))
        _show(session.output, trained, kept)
    raise typer.Exit(ExitCode.DONE if kept else ExitCode.REFUSED)


def _told(trained: "Training", kept: bool) -> dict[str, Any]:
    """Return the training for programs: everything but the trees."""
    return {
        "release": trained.release,
        "generation": trained.generation,
        "questions": trained.questions,
        "taught": trained.taught,
        "stale": list(trained.stale),
        "folds": trained.folds,
        "scores": trained.scores,
        "against_blend": list(trained.against_blend),
        "against_fused": list(trained.against_fused),
        "helps": trained.helps,
        "kept": kept,
        "reranker_model": trained.sha256 if kept else None,
    }


def _show(output: Output, trained: "Training", kept: bool) -> None:
    metrics = [found.metric for found in trained.against_blend]
    rows = [(name, *(f"{row[metric]:.4f}" for metric in metrics)) for name, row in trained.scores.items()]
    output.show(table(f"{trained.questions:,} questions, {trained.folds} folds", ("ranking", *metrics), rows))
    for name, differences in (("blend", trained.against_blend), ("fused", trained.against_fused)):
        for found in differences:
            output.show(f"trained − {name}, {interval(found)}")
    if trained.stale:
        output.show(f"{len(trained.stale)} stale questions were left out.")
    if not trained.helps:
        least = trained.against_blend[0]
        output.show(
            f"The trees do not help: the lower bound of {least.metric} against the blend is {least.lower:+.4f}, above "
            f"0 is needed.{' Kept all the same, by --force.' if kept else ' Nothing was written.'}"
        )
    if kept:
        output.show(f'In the settings: profile: {{reranker: learned, reranker_model: "{trained.sha256}"}}')
