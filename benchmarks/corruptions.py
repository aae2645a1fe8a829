"""What becomes of random corruption: of points, vectors, payloads whose digest stays, keyword rows, files of the lake.

    python -m benchmarks.corruptions                        10,000 of them: half an hour
    python -m benchmarks.corruptions --number 500 --seed 3

Prints a table by kind: how many were mended, how many were made again elsewhere and named, and after how many nights.
The exit status is 1 when one was not found within one cycle of the scrub, or a search would still meet it.
"""

import logging
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Annotated

import typer

NUMBER, SEED = 10_000, 7
POINTS, FILES = 40, 8  # corrupted in one night


def main(number: Annotated[int, typer.Option(min=1)] = NUMBER, seed: Annotated[int, typer.Option()] = SEED) -> None:
    """Corrupt at random, let nights pass, and print what was found when."""
    from tests.faults.corruptions import NIGHTS, World, spoil

    logging.disable(logging.WARNING)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ingest-corruptions-") as folder:
        world = World.of(Path(folder))
        spoil(world, number, Random(seed), points=POINTS, files=FILES)
        sound = world.is_as_it_should_be()
    nights = [*range(1, NIGHTS + 1)]
    print(f"| corrupted | number | mended | named | {' | '.join(f'night {n}' for n in nights)} |")
    print("| --- " * (4 + NIGHTS) + "|")
    for kind, found in sorted(world.found.items()):
        named, total = world.named[kind], found.total()
        print(f"| {kind} | {total} | {total - named} | {named} | {' | '.join(f'{found[n]}' for n in nights)} |")
    found_at_all = sum(found.total() for found in world.found.values())
    minutes = (time.monotonic() - began) / 60
    found_in = f"{found_at_all} of {number} found in {world.nights} nights, of which {world.failed} failed"
    print(f"\n{found_in}; seed {seed}, {minutes:.0f} minutes")
    for name in world.missed:
        print(f"MISSED: {name}")
    raise typer.Exit(0 if found_at_all == number and sound else 1)


if __name__ == "__main__":
    typer.run(main)
