"""`ingest calibrate`: fits the confidence of answers on the judged questions of the index."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli.invocation import Common, command
from ingest.cli.output import Output
from ingest.cli.session import opened

if TYPE_CHECKING:
    from ingest.search.confidence import Calibration

TARGET = 0.9


@command("Serving was not touched and no calibration was written. Start it again.")
def calibrate(
    common: Common,
    precision: Annotated[
        float,
        typer.Option("--precision", min=0.5, max=1.0, help="Wanted share of answerable among answered questions."),
    ] = TARGET,
    leave_out: Annotated[
        bool,
        typer.Option("--leave-out", help="Make unanswerable questions of answerable ones without their documents."),
    ] = False,
) -> None:
    """Fit the confidence of answers and the threshold below which they abstain, and keep both in the lake.

    The judged sets also need questions with "answerable": false; at least 20 of each kind, better hundreds. Serving
    stays as it is: the settings name the calibration (`profile: {calibration: ...}`), and `ingest promote` makes a
    release with it.
    """
    from ingest.quality.calibrate import calibrate as fitted

    with opened(common) as session:
        name, found = fitted(session.index.services, precision, leave_out=leave_out)
        fields = found.model_dump(exclude={"features", "means", "scales", "weights", "intercept", "slope", "offset"})
        session.output.document({"calibration": name, **fields})
        _show(session.output, name, found)


def _show(output: Output, name: str, found: "Calibration") -> None:
    made = ", made by leaving gold documents out" if found.left_out else ""
    output.show(f"{found.answerable:,} answerable and {found.unanswerable:,} unanswerable questions{made}.")
    output.show("On questions that it was not fitted on (10 folds), with 95 % intervals:")
    output.show(f"  AUC         {found.auc:.3f} [{found.auc_interval[0]:.3f}, {found.auc_interval[1]:.3f}]")
    low, high = found.precision_interval
    output.show(
        f"  precision   {found.precision:.3f} [{low:.3f}, {high:.3f}] of answered questions, {found.target} asked"
    )
    output.show(f"  answered    {found.answered:.3f} of the answerable questions")
    if found.left_out:
        output.note("Real unanswerable questions are harder: expect less precision at this threshold than is shown.")
    if found.precision < found.target:
        output.note(f"The precision asked for, {found.target}, was not reached: {found.precision:.3f}.")
    output.show(f"Threshold {found.threshold:.3f}. To use it, write this into the settings, then `ingest promote`.")
    output.show(f"  profile: {{calibration: {name}}}")
