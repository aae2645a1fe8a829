"""Where it stops scaling: the real scheduling code over 10,000 shards, with steps that cost simulated time.

    python -m benchmarks.scale_simulation [--shards 10000] [--documents 800] [--tokens-per-second 400000] [--workers 16]

A small real run tells how long the tasks of each step take, what the driver does alone, and what the lake holds. Then
`Figures.each_shard` and `ProcessExecutor` schedule as many shards as are asked for, with plans and markers in a lake; a
step only moves a virtual clock on, by a duration of the small run, and by the model's rate. Several GPUs are no part of
the executor: with them, `embed` is given to the same pool of workers as `cpu` steps are. All times of a larger index
are extrapolated linearly, except for lookups of vectors, each of which takes longer the more segments there are.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.scale_arithmetic import GIVEN, GPUS, HOUR, MEASURED, Given, Scale, number, results, table
from benchmarks.scale_measures import SEGMENTS, SERIAL, Small, dispatch_seconds, lookup_seconds, small_run
from benchmarks.scale_replay import CHUNKS_OF_DOCUMENT, Durations, Replay, memory_of


def measured(args: argparse.Namespace) -> tuple[Small, dict[str, Given], dict[str, float]]:
    """Return a small run, the inputs that were measured, and seconds per chunk of what the driver does alone."""
    less, more = small_run(args.documents // 4), small_run(args.documents)
    chunks = more.chunks - less.chunks
    serial = {step: max(0.0, more.stages.get(step, 0) - less.stages.get(step, 0)) / chunks for step in SERIAL}
    looked_up, read = lookup_seconds()
    sizes = more.sizes - less.sizes
    found = {
        "lake_bytes": (sizes["lake"] / chunks, "bytes of the lake per chunk"),
        "keyword_bytes": (more.sizes["keyword"] / more.chunks, "bytes of the keyword index per chunk"),
        "point_bytes": (more.point_bytes, "bytes of a point's payload"),
        "objects": ((more.objects - less.objects) / (more.shards - less.shards), "objects in the lake per shard"),
        "manifest_bytes": (sizes["manifest"] / (more.shards - less.shards), "bytes of the manifest per shard"),
        "lookup_key": (looked_up, "CPU seconds per key that is looked up and not there"),
        "lookup_segment": (read, "CPU seconds per segment whose keys a process reads, once"),
        "lookup_segments": (SEGMENTS, "segments in which they were looked up"),
        "dispatch": (dispatch_seconds(), "seconds per task that does nothing in two processes"),
    }
    return more, {name: Given(value, what, MEASURED) for name, (value, what) in found.items()}, serial


def report(folder: Path, args: argparse.Namespace) -> None:
    """Measure and replay, and print the tables."""
    small, given, serial = measured(args)
    chosen = {"tokens_per_second": args.tokens_per_second, "workers": args.workers}
    given |= {name: replace(one, value=chosen.get(name, one.value)) for name, one in GIVEN.items()}
    values = {name: one.value for name, one in given.items()}
    model, memory, scale = CHUNKS_OF_DOCUMENT * values["tokens_per_chunk"] / args.tokens_per_second, {}, Scale(values)
    durations = Durations(small, model, round(values["documents"] / scale.shards))
    for shards in (args.shards // 100, args.shards // 10, args.shards):
        memory[shards] = memory_of(folder, shards, durations, args.workers)
    replay = Replay(folder, args.shards, durations, args.workers)
    for gpus in (None, *GPUS[1:]):
        replay.run(gpus)
    (_, (few, before), (most, after)) = memory.items()
    found = {
        "tasks": (replay.tasks / most, "tasks per shard"),
        "reread": (replay.driver_reads / most, "records that the driver reads per shard"),
        "driver_bytes": ((after - before) / (most - few), "bytes of the driver per shard"),
        "driver_cpu": (replay.driver_cpu / replay.tasks, "CPU seconds of the driver per task"),
    }
    given |= {name: Given(value, what, "measured: the replay") for name, (value, what) in found.items()}
    scale = Scale(values | {name: value for name, (value, _) in found.items()})
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}; ", end="")
    print(f"{most:,} shards replayed; small run: {small.chunks:,} chunks in {small.shards} shards\n")
    print(table([(one.what, number(one.value), one.source) for one in given.values()], ("input", "value", "source")))
    print("\n" + table([(row.what, row.value, row.how) for row in results(scale)], ("result", "value", "how")))
    at = [f"{shards:,} shards: {held / 1e6:,.0f} MB" for shards, held in memory.items()]
    print(f"\nMost memory of Python's objects in the driver while steps are scheduled: {'; '.join(at)}.\n")
    print(times(scale, replay, serial, scale.shards / most))


def times(scale: Scale, replay: Replay, serial: dict[str, float], share: float) -> str:
    """Return the table of wall times, in hours, for one GPU and for more."""
    rows, seconds, chunks = [], replay.seconds, scale["chunks"]
    embed = {gpus: seconds["embed" if gpus == 1 else f"embed on {gpus}"] * share for gpus in GPUS}
    for step in ("chunk", "keyword"):
        rows.append((f"{step}, {replay.workers} processes", *[seconds[step] * share] * 3))
    rows.append(("embed: model, and reading and writing", *embed.values()))
    rows.append(("load, one after the other", *[seconds["load"] * share] * 3))
    for step, rate in serial.items():
        least = chunks / scale["points_per_second"] if step == "check" else 0
        rows.append((f"{step}, in the driver", *[max(rate * chunks, least)] * 3))
    rows.append(
        (
            "scheduling, and handing tasks out",
            *[(scale["driver_cpu"] + scale["dispatch"]) * scale["tasks"] * scale.shards] * 3,
        )
    )
    hidden = [min(seconds["chunk"] * share, one) for one in embed.values()]
    total = [sum(row[place] for row in rows) - hidden[place - 1] for place in (1, 2, 3)]
    rows.append(("**all, chunk beside embed, without lookups of vectors**", *total))
    rows.append(("lookups of vectors in `embed`", *[scale.lookups(gpus) for gpus in GPUS]))
    told = [(what, *(f"{value / HOUR:,.1f}" for value in hours)) for what, *hours in rows]
    used = [scale.model_seconds / gpus / embed[gpus] for gpus in GPUS]
    told.append(("GPU busy while `embed` runs", *(f"{one:.0%}" for one in used)))
    whole = [scale.model_seconds / gpus / one for gpus, one in zip(GPUS, total, strict=True)]
    told.append(("GPU busy in the whole run", *(f"{one:.1%}" for one in whole)))
    heads = ("hours", "1 GPU", "8 GPUs: on Ray, not measured", "64 GPUs: on Ray, not measured")
    return table(told, heads)


def main() -> int:
    """Measure, replay, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=10_000)
    parser.add_argument("--documents", type=int, default=800, help="of the small real run")
    parser.add_argument("--tokens-per-second", type=float, default=GIVEN["tokens_per_second"].value)
    parser.add_argument("--workers", type=int, default=int(GIVEN["workers"].value))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingest-bench-scale-") as folder:
        report(Path(folder), args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
