"""What happens to an index when processes die, requests break and anybody changes anything: the long runs.

    python -m benchmarks.faults                       all three, with their defaults: hours
    python -m benchmarks.faults --kills 100 --seed 7  SIGKILLs of `ingest run`, `promote` and `rollback`
    python -m benchmarks.faults --trials 48           S3 behind a proxy that breaks requests, kind by kind
    python -m benchmarks.faults --steps 10000         a model of what must be searchable, and random steps

The tests in `tests/faults` take a few steps of each. After every fault a clean run must bring the index to what an
undisturbed build makes: nothing lost, nothing twice, the same digest; and no search may mix two editions meanwhile.
The exit status is 1 when one does not.
"""

import itertools
import logging
import os
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

KILLS, TRIALS, STEPS, SEED = 100, 48, 10_000, 7
CHANCE, STALLS, STALL_SECONDS, PATIENCE = 0.03, 0.005, 30.0, 10.0  # of a request; fewer stalls, for each takes long
WELL = ("promoted", "unchanged")
SECONDS = 600.0  # that one run may take

Number = Annotated[int | None, typer.Option(min=1)]


def main(
    kills: Number = None, trials: Number = None, steps: Number = None, seed: Annotated[int, typer.Option()] = SEED
) -> None:
    """Kill, break and change at random, and print what became of it; all three without one of the numbers."""
    chosen = (kills, trials, steps)
    if not any(chosen):
        kills, trials, steps = KILLS, TRIALS, STEPS
    logging.getLogger("stamina").setLevel(logging.ERROR)
    faults = [
        *(killed(kills, seed) if kills else ()),
        *(broken(trials, seed) if trials else ()),
        *(explored(steps, seed) if steps else ()),
    ]
    for fault in faults:
        print(f"FAULT: {fault}")
    print("no fault" if not faults else f"{len(faults)} faults")
    raise typer.Exit(1 if faults else 0)


def killed(number: int, seed: int) -> list[str]:
    """Kill commands, print the table, and return the faults in words."""
    from tests.faults.killed_commands import After, KillingGround
    from tests.faults.killed_commands import kills as drawn

    faults, after = list[str](), defaultdict[str, list[After]](list)
    with tempfile.TemporaryDirectory(prefix="ingest-kills-", ignore_cleanup_errors=True) as folder:
        ground = KillingGround(Path(folder))
        for n, kill in enumerate(itertools.islice(drawn(seed), number)):
            try:
                after[kill.moment].append(ground.kill(kill))
            except Exception as error:  # noqa: BLE001 - counted, and the next one
                faults.append(f"kill {n} of seed {seed}, {kill}: {type(error).__name__}: {_last_line(error)}")
    print(
        "\n| killed | commands | ended by SIGKILL | faster | by call, by time | moved before | clean run, s | mended |"
    )
    print("| --- " * 8 + "|")
    for moment, found in after.items():
        dead = [one for one in found if one.code]
        by_time = sum(one.kill.by_time for one in found)
        seconds = [one.seconds for one in found]
        moved = sum(one.serving == (1 if moment == "rollback" else 2) for one in dead)
        print(
            f"| {moment} | {len(found)} | {len(dead)} | {len(found) - len(dead)} | {len(found) - by_time}, {by_time} | "
            f"{moved} | {statistics.median(seconds):.1f}, at most {max(seconds):.1f} | {sum(o.mended for o in found)} |"
        )
    return faults


def _last_line(error: Exception) -> str:
    """Return the last line of a message: of a command's output, the one that says what was wrong."""
    return (str(error).strip().splitlines() or [""])[-1]


def broken(trials: int, seed: int) -> list[str]:
    """Run through a proxy that breaks requests, print the table, and return the faults in words."""
    for name, value in {"AWS_ACCESS_KEY_ID": "faults", "AWS_SECRET_ACCESS_KEY": "faults"}.items():
        os.environ.setdefault(name, value)
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    from ingest.adapters.s3_client import open_client
    from tests.faults.s3_proxy import KINDS, Breaks
    from tests.faults.s3_runs import Ended, S3World, disturbed
    from tests.s3_server import serve

    faults, ends = list[str](), defaultdict[str, list[Ended]](list)
    with serve() as server, tempfile.TemporaryDirectory(prefix="ingest-s3-") as folder:
        with closing(open_client(server.options())) as client:
            client.create_bucket(Bucket="faults")
        world = S3World(server, "faults", Path(folder), PATIENCE)
        for n, kind in zip(range(trials), itertools.cycle(KINDS), strict=False):
            breaks = Breaks(seed + n, STALLS if kind.act is None else CHANCE, (kind,), stall_seconds=STALL_SECONDS)
            try:
                ends[kind.name] += disturbed(world, f"lake{n}", breaks)
            except Exception as error:  # noqa: BLE001 - counted, and the next one
                faults.append(f"trial {n} of seed {seed}, {kind.name}: {type(error).__name__}: {error}")
    print("\n| requests broken by | runs | broken | ended well | stopped by name | without a name | slowest, s |")
    print("| --- " * 7 + "|")
    for name, found in ends.items():
        well = [e for e in found if e.named and e.how in WELL]
        named = Counter(e.how for e in found if e.named and e not in well)
        without = Counter(e.fault for e in found if not e.named)
        faults += [f"{name}: {e.fault}" for e in found if e.fault]
        faults += [f"{name}: a run took {e.seconds:.0f} s" for e in found if e.seconds > SECONDS]
        told = [", ".join(f"{count} {how}" for how, count in some.items()) or "0" for some in (named, without)]
        total = sum(e.broken.total() for e in found)
        slowest = max(e.seconds for e in found)
        print(f"| {name} | {len(found)} | {total} | {len(well)} | {told[0]} | {told[1]} | {slowest:.0f} |")
    return faults


def explored(steps: int, seed: int) -> list[str]:
    """Take random steps, print what they came to, and return the faults in words; Hypothesis prints the way there."""
    from tests.faults.searchable import Searchable, explore

    faults, began = list[str](), time.monotonic()
    try:
        explore(steps, seed, shrink=True)
    except Exception as error:  # noqa: BLE001 - told at the end
        faults = [f"steps of seed {seed}: {type(error).__name__}: {error}", *getattr(error, "__notes__", ())]
    print(f"\n{steps} steps in {time.monotonic() - began:.0f} s\n\n| what happened | times |\n| --- | --- |")
    for name, times in sorted(Searchable.done.items()):
        print(f"| {name} | {times} |")
    return faults


if __name__ == "__main__":
    typer.run(main)
