"""`ingest calibrate`: fit the confidence of answers to the judged questions in the settings."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from ingest.cli.exit_codes import ExitCode
from ingest.cli.invocation import Opened, Reply, command
from ingest.cli.output import in_folder, write_whole
from ingest.cli.tables import record

if TYPE_CHECKING:
    from ingest.search.confidence import Calibration

LINES = {"refused": "grey", "precision": "green", "wrong_refusals": "darkorange", "cost": "blue"}  # of the plot
WIDTH, MOST_REFUSED = 40, 0.25  # of a bar; share of answerable questions, more of which is worth a warning
FITTED = {"features", "means", "scales", "weights", "intercept", "slope", "offset"}  # not for people


@command("Serving was not touched and no calibration was written. Run it again.")
def calibrate(
    index: Opened,
    cost: Annotated[float, Option(min=0.01, max=1000, help="What a wrong answer costs, in wrong refusals.")] = 2.0,
    plot: Annotated[Path | None, Option(dir_okay=False, callback=in_folder, metavar="PATH", help="For an SVG.")] = None,
) -> Reply:
    """Fit answer confidence and the threshold below which search abstains, and store both in the lake.

    The judged sets also need questions with "answerable": false; at least 20 of each kind, preferably hundreds. The
    threshold is the one that costs least. Serving is unchanged: name the calibration in the settings
    (`profile: {calibration: ...}`), and `ingest promote` makes a release with it. Exit code 3, and nothing is written,
    if a threshold on the top score of one stage alone surely costs less on held-out questions.
    """
    from ingest.lake.model_files import keep_learned
    from ingest.lake.stored_records import to_bytes
    from ingest.quality.calibrate import calibrate as fitted

    made = fitted(index.services.retrieval, index.services.bench.options, cost)
    beaten = [rival.metric for rival in made.against_top_scores if rival.lower > 0]
    name = None if beaten else keep_learned(index.services.bench.lake.store, to_bytes(made))
    if plot is not None:
        write_whole(plot, [_plot(made)])
    told = {"calibration": name, **made.model_dump(exclude=FITTED)}
    told["figures"] = [{"": n, "value": v, "lower": a, "upper": b} for n, (v, a, b) in made.figures.items()]
    drawn = told | {"trade_off": [row | {"█ right ▒ wrong · refused": _bar(**row)} for row in made.trade_off]}
    share, wrong = made.figures["refused"][0], made.figures["wrong_refusals"][0]
    refusals = f"On questions it has not seen, it refuses {share:.0%}: {wrong:.0%} of the answerable ones."
    use = f"To use it, write `profile: {{calibration: {name}}}` into the settings, then run `ingest promote`."
    refused = f"A threshold on a top score alone costs less ({', '.join(beaten)}). Nothing was written."
    close = [rival.metric for rival in made.against_top_scores if rival.mean > 0 >= rival.lower]
    notes = [f"A threshold on a top score alone may cost less: {', '.join(close)}."] if close else []
    if wrong > MOST_REFUSED:
        notes.append(f"It answers less than it should. {refusals} A lower --cost answers more.")
    shown, code = (use, ExitCode.DONE) if name else (refused, ExitCode.REFUSED)
    return Reply(told, [*record(drawn), refusals, shown], code, notes)


def _bar(refused: float, precision: float, **_: float) -> str:
    answered, right = round(WIDTH * (1 - refused)), round(WIDTH * (1 - refused) * precision)
    return "█" * right + "▒" * (answered - right) + "·" * (WIDTH - answered)


def _plot(made: "Calibration") -> str:
    """Return the trade-off as an SVG: each figure by threshold, costs as shares of the highest one."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows, most = made.trade_off, max(row["cost"] for row in made.trade_off)
    axes = (figure := Figure(layout="constrained")).subplots()
    for name, colour in LINES.items():
        some = [row for row in rows if name != "precision" or row["refused"] < 1]  # of no answer it says nothing
        shares = [row[name] / (most if name == "cost" else 1) for row in some]
        label = f"cost, of {most:.4g}" if name == "cost" else name.replace("_", " ")
        axes.plot([row["threshold"] for row in some], shares, color=colour, label=label, gid=name)
    axes.axvline(
        made.threshold, color="red", linestyle="--", label=f"chosen: a wrong answer costs {made.wrong_answer:g}"
    )
    axes.set(xlabel="threshold", ylim=(0, 1.02))
    axes.legend()
    with rc_context({"svg.hashsalt": "ingest", "svg.fonttype": "none"}):  # the same calibration, the same bytes
        figure.savefig(drawn := io.StringIO(), format="svg", metadata={"Date": None})
    return drawn.getvalue()
