"""`ingest calibrate` and `tune-fusion`: fit parameters to the judged questions in the settings."""

from typing import Annotated

from typer import Exit, Option

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Invocation, command
from ingest.cli.tables import record

FITTED = {"features", "means", "scales", "weights", "intercept", "slope", "offset"}  # not for people


@command("Serving was not touched and no calibration was written. Run it again.")
def calibrate(
    invocation: Invocation,
    precision: Annotated[
        float, Option(min=0.5, max=1.0, help="Target share of answerable among answered questions.")
    ] = 0.9,
    leave_out: Annotated[
        bool,
        Option("--leave-out", help="Make unanswerable questions from answerable ones by leaving out their documents."),
    ] = False,
) -> None:
    """Fit answer confidence and the threshold below which search abstains, and store both in the lake.

    The judged sets also need questions with "answerable": false; at least 20 of each kind, preferably hundreds.
    Serving is unchanged: name the calibration in the settings (`profile: {calibration: ...}`), and `ingest promote`
    makes a release with it.
    """
    from ingest.quality.calibrate import calibrate as fitted

    with invocation.opened() as index:
        name, found = fitted(index.services.retrieval, index.services.bench.options, precision, leave_out=leave_out)
        told = {"calibration": name, **found.model_dump(exclude=FITTED)}
        note, use = invocation.output.note, f"write `profile: {{calibration: {name}}}` into the settings"
        measured = "Measured on held-out questions (10 folds), with 95 % intervals."
        invocation.output.result(told, *record(told), measured, f"To use it, {use}, then run `ingest promote`.")
        if found.left_out:
            note("Real unanswerable questions are harder: expect less precision at this threshold than shown.")
        if found.precision < found.target:
            note(f"The target precision of {found.target} was not reached: {found.precision:.3f}.")


@command("Nothing was written. Run it again.")
def tune_fusion(invocation: Invocation) -> None:
    """Choose the weight of the dense stage on the judged questions in the settings, using the release in force.

    Shows every weight, and the gain of the choice on held-out questions. Writes nothing: put the weight into the
    settings, and `ingest promote` makes a release of the same generation. Exit code 3 if it does not help.
    """
    with invocation.opened() as index:
        from ingest.quality.tuning import tune

        tuned = tune(index.services.retrieval, index.services.bench.options)
        told = {**vars(tuned), "helps": tuned.helps}
        more = "" if tuned.convex else ", fusion: convex"
        use = f"In the settings, among the keys of profile: dense_weight: {tuned.weight:.2f}{more}"
        refused = "Choosing does not help: the lower bound of ndcg@10 against the settings is not above 0."
        invocation.output.result(told, *record(told), use if tuned.helps else refused)
        if tuned.helps:
            invocation.output.note(
                "Judged by the fused order. If the profile has a re-ranker, `ingest promote` judges its order too."
            )
    raise Exit(ExitCode.DONE if tuned.helps else ExitCode.REFUSED)
