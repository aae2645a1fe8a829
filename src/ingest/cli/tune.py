"""`ingest tune-fusion`: the weight of the dense stage, from the judged questions of the settings."""

from typing import TYPE_CHECKING

import typer

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Common, command
from ingest.cli.output import Output, plain
from ingest.cli.session import opened
from ingest.cli.tables import interval, table

if TYPE_CHECKING:
    from ingest.quality.tuning import Tuning


@command("Nothing was written. Start it again.")
def tune_fusion(common: Common) -> None:
    """Choose the weight of the dense stage on the judged questions of the settings, over the release in force.

    Shows every weight, and what choosing is worth on questions that did not choose. Writes nothing: put the weight into
    the settings, and `ingest promote` makes a release of the same generation. Exit code 3 if it does not help.
    """
    with opened(common) as session:
        from ingest.quality.tuning import tune

        tuned = tune(session.index.services)
        session.output.document({**plain(tuned), "helps": tuned.helps})
        _show(session.output, tuned)
    raise typer.Exit(ExitCode.DONE if tuned.helps else ExitCode.REFUSED)


def _show(output: Output, tuned: "Tuning") -> None:
    metrics = list(tuned.now)
    named = [("the settings", tuned.now), ("chosen, unseen questions", tuned.unseen)]
    named += [(f"dense_weight {weight:.2f}", scores) for weight, scores in tuned.by_weight.items()]
    rows = [(name, *(f"{scores[metric]:.4f}" for metric in metrics)) for name, scores in named]
    output.show(table(f"{tuned.questions:,} questions, {tuned.folds} folds", ("fusion", *metrics), rows))
    for found in tuned.against_now:
        output.show(f"chosen − the settings, {interval(found)}")
    output.show(f"Chosen without each fold: {', '.join(f'{weight:.2f}' for weight in tuned.by_fold)}.")
    if tuned.stale:
        output.show(f"{len(tuned.stale)} stale questions were left out.")
    if tuned.helps:
        output.show(
            f"In the settings, among the keys of profile: dense_weight: {tuned.weight:.2f}"
            + ("" if tuned.bounds else ", fusion: convex, normalisation: bounds")
        )
        output.note(
            "Judged by the fused order. Where the profile has a re-ranker, `ingest promote` judges its order too."
        )
        return
    least = tuned.against_now[0]
    output.show(
        f"Choosing does not help: the lower bound of {least.metric} against the settings is {least.lower:+.4f}, above "
        f"0 is needed. The best weight on all questions is {tuned.weight:.2f}."
    )
