"""`ingest calibrate`, `train-reranker`, `tune-fusion`: fit parameters to the judged questions in the settings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from rich.console import RenderableType
from typer import Exit, Option

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Invocation, command
from ingest.cli.tables import table

if TYPE_CHECKING:
    from ingest.quality.training import Training, Tuning
    from ingest.records import PairedDifference
    from ingest.search.confidence import Calibration

FITTED = {"features", "means", "scales", "weights", "intercept", "slope", "offset"}  # not for people
NOTHING_WRITTEN = "Nothing was written. Run it again."


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
        note = invocation.output.note
        invocation.output.result(told, *_of_calibration(name, found))
        if found.left_out:
            note("Real unanswerable questions are harder: expect less precision at this threshold than shown.")
        if found.precision < found.target:
            note(f"The target precision of {found.target} was not reached: {found.precision:.3f}.")


@command(NOTHING_WRITTEN)
def train_reranker(
    invocation: Invocation,
    force: Annotated[bool, Option("--force", help="Keep the trees even if they do not help.")] = False,
) -> None:
    """Train trees for the re-ranker on the judged questions in the settings, using the release in force.

    Shows their gain on held-out questions, writes them to the lake and prints their name for `profile.reranker_model`
    in the settings. Exit code 3, and nothing is written, if they do not help.
    """
    with invocation.opened() as index:
        from ingest.lake.model_files import keep_learned
        from ingest.quality.training import train
        from ingest.wiring.model_opening import open_fit

        trained = train(index.services.retrieval, index.services.bench.options, open_fit())
        kept = trained.helps or force
        if kept:
            keep_learned(index.services.bench.lake.store, trained.model)
        told = {name: value for name, value in vars(trained).items() if name not in ("sha256", "model")}
        told |= {"helps": trained.helps, "kept": kept, "reranker_model": trained.sha256 if kept else None}
        invocation.output.result(told, *_of_training(trained, kept))
    raise Exit(ExitCode.DONE if kept else ExitCode.REFUSED)


@command(NOTHING_WRITTEN)
def tune_fusion(invocation: Invocation) -> None:
    """Choose the weight of the dense stage on the judged questions in the settings, using the release in force.

    Shows every weight, and the gain of the choice on held-out questions. Writes nothing: put the weight into the
    settings, and `ingest promote` makes a release of the same generation. Exit code 3 if it does not help.
    """
    with invocation.opened() as index:
        from ingest.quality.training import tune

        tuned = tune(index.services.retrieval, index.services.bench.options)
        invocation.output.result({**vars(tuned), "helps": tuned.helps}, *_of_tuning(tuned))
        if tuned.helps:
            invocation.output.note(
                "Judged by the fused order. If the profile has a re-ranker, `ingest promote` judges its order too."
            )
    raise Exit(ExitCode.DONE if tuned.helps else ExitCode.REFUSED)


def _of_calibration(name: str, found: "Calibration") -> Iterator[str]:
    made = ", made by leaving gold documents out" if found.left_out else ""
    (least, most), (low, high) = found.auc_interval, found.precision_interval
    yield f"{found.answerable:,} answerable and {found.unanswerable:,} unanswerable questions{made}."
    yield "On held-out questions (10 folds), with 95 % intervals:"
    yield f"  AUC         {found.auc:.3f} [{least:.3f}, {most:.3f}]"
    yield f"  precision   {found.precision:.3f} [{low:.3f}, {high:.3f}] of answered questions, target {found.target}"
    yield f"  answered    {found.answered:.3f} of the answerable questions"
    yield f"Threshold {found.threshold:.3f}. To use it, write this into the settings, then run `ingest promote`."
    yield f"  profile: {{calibration: {name}}}"


def _of_training(trained: "Training", kept: bool) -> Iterator[RenderableType]:
    differences = {"trained − blend": trained.against_blend, "trained − fused": trained.against_fused}
    yield from _measured(trained, ("ranking", trained.scores), differences)
    if not trained.helps:
        least = trained.against_blend[0]
        bound = f"the lower bound of {least.metric} against the blend is {least.lower:+.4f}, it must be above 0."
        yield f"The trees do not help: {bound} {'Kept anyway, by --force.' if kept else 'Nothing was written.'}"
    if kept:
        yield f'In the settings: profile: {{reranker: learned, reranker_model: "{trained.sha256}"}}'


def _of_tuning(tuned: "Tuning") -> Iterator[RenderableType]:
    scores = {"the settings": tuned.now, "chosen, held-out questions": tuned.unseen}
    scores |= {f"dense_weight {weight:.2f}": weighed for weight, weighed in tuned.by_weight.items()}
    yield from _measured(tuned, ("fusion", scores), {"chosen − the settings": tuned.against_now})
    yield f"Chosen without each fold: {', '.join(f'{weight:.2f}' for weight in tuned.by_fold)}."
    if tuned.helps:
        more = "" if tuned.bounds else ", fusion: convex, normalisation: bounds"
        yield f"In the settings, among the keys of profile: dense_weight: {tuned.weight:.2f}{more}"
    else:
        least = tuned.against_now[0]
        bound = f"the lower bound of {least.metric} against the settings is {least.lower:+.4f}, it must be above 0"
        yield f"Choosing does not help: {bound}. The best weight on all questions is {tuned.weight:.2f}."


def _measured(
    fitted: "Training | Tuning",
    scores: tuple[str, Mapping[str, Mapping[str, float]]],
    differences: "Mapping[str, Sequence[PairedDifference]]",
) -> Iterator[RenderableType]:
    """Yield a table of mean scores, one row per name and one column per metric; then the paired differences."""
    what, rows = scores
    metrics = list(next(iter(rows.values())))
    cells = [(name, *(f"{row[metric]:.4f}" for metric in metrics)) for name, row in rows.items()]
    yield table(f"{fitted.questions:,} questions, {fitted.folds} folds", (what, *metrics), cells)
    for name, found in ((name, found) for name, every in differences.items() for found in every):
        yield f"{name}, {found.metric}: {found.mean:+.4f} [{found.lower:+.4f}, {found.upper:+.4f}]"
    if fitted.stale:
        yield f"{len(fitted.stale)} stale questions were left out."
