"""Random corruption of what an index holds: points, vectors, payloads, keyword rows, files; and what became of it.

A world is a small index of many shards. In each round some of it is corrupted, then nightly runs follow; one cycle of
the scrub later all must be as it should be. What serves is compared with the lake by other means than the scrub has.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from ingest.errors import IngestError
from ingest.ids import point_id
from ingest.pipeline import inspection
from ingest.pipeline.collection_points import PointMaker, are_same, rows_of
from ingest.records import EVERYTHING, Point, SparseVector
from tests.pipelines import Project, build_options, project

NIGHTS = 7
DOCUMENTS = 28  # two a shard
Spoil = Callable[["World", Point, Random], object]


@dataclass
class Corruption:
    """One thing that was corrupted."""

    kind: str
    name: str
    is_mended: Callable[[], bool]
    file: str = ""  # SHA-256 in its name


@dataclass
class World:
    """An index whose runs compare three of sixteen shards in full, and what was found of what was corrupted."""

    project: Project
    nights: int = 0
    failed: int = 0  # runs
    found: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))  # by kind and night
    named: Counter[str] = field(default_factory=Counter)  # by kind: what was made again elsewhere, and said
    missed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, folder: Path) -> "World":
        """Build one in a folder."""
        inspection.POINTS_PER_RUN = 1  # else every run compares so few points
        made = project(folder, documents=DOCUMENTS)
        shape = {"payload": "langchain", "sparse": True}
        wanted = {"documents_per_shard": 2, "scrub_nights": NIGHTS, "scrub_points_per_second": 0, "settings": shape}
        made.options = build_options(**wanted, shape=replace(made.options.shape, sparse=True))
        made.run()
        return cls(made)

    @property
    def collection(self) -> str:
        """The collection that serves."""
        return self.project.manifest().collection

    def points(self) -> dict[str, Point]:
        """Return the points that serve as they should be, by id."""
        contents = self.project.contents()
        maker = PointMaker.of(contents)
        made = (maker.points(maker.wanted(rows_of(contents, shard), shard), shard) for shard in contents.shards)
        return {point.id: point for some in made for point in some}

    def files(self) -> dict[str, str]:
        """Return the kind of every file that serves, by key."""
        manifest, index = self.project.manifest(), self.project.options.index
        kinds = {
            f"{index}/data/{p.sha256}.parquet": p.kind if p.shard is not None else f"{p.kind}, merged"
            for p in manifest.parts
        }
        segments = {name for names in manifest.segments.values() for name in names}
        of = f"embeddings/{manifest.model.fingerprint}/segments"
        return kinds | {f"{of}/{name}.parquet": "embedding segment" for name in segments}

    def is_sound(self, wanted: Point) -> bool:
        """Return whether what serves has a point as it should be."""
        stored = self.project.vectors.retrieve(self.collection, [wanted.id], vectors=True).get(wanted.id)
        return stored is not None and stored.payload == wanted.payload and bool(are_same([wanted], [stored])[0])

    def spoil_points(self, kinds: Sequence[str], random: Random) -> Iterator[Corruption]:
        """Corrupt one point per kind, each another one."""
        points = self.points()
        for kind, point in zip(kinds, random.sample([*points.values()], len(kinds)), strict=True):
            stray = POINTS[kind](self, point, random)
            yield Corruption(kind, f"{kind} {point.id}", self._mended(point, stray))

    def _mended(self, point: Point, stray: object) -> Callable[[], bool]:
        known = self.collection

        def is_mended() -> bool:
            gone = (
                not self.project.vectors.retrieve(known, [str(stray)]) if stray and known == self.collection else True
            )
            return gone and self.is_sound(self.points()[point.id] if known != self.collection else point)

        return is_mended

    def spoil_files(self, kinds: Sequence[str], random: Random) -> Iterator[Corruption]:
        """Corrupt one file per kind of damage, each another one."""
        values, of, model = self.project.store.values, self.files(), self.project.manifest().model.fingerprint
        lost = {*self.project.lake.embeddings(model).lost(Path(key).stem for key in of if "segments" in key)}
        keys = sorted(key for key in of if Path(key).stem not in lost)  # what is lost no longer counts
        for kind, key in zip(kinds, random.sample(keys, len(kinds)), strict=True):
            sound = values[key]
            spoiled = FILES[kind](sound, random)
            if spoiled is None:
                del values[key]
            else:
                values[key] = spoiled
            group = "keyword rows" if of[key].startswith("keyword") else "lake file"
            yield Corruption(f"{group}: {kind}", f"{of[key]} {key} {kind}", self._as_before(key, sound), Path(key).stem)

    def _as_before(self, key: str, sound: bytes) -> Callable[[], bool]:
        return lambda: self.project.store.values.get(key) == sound or key not in self.files()

    def round(self, spoiled: Iterable[Corruption]) -> None:
        """Let nights pass until all is mended or named, one cycle at most, and take down when."""
        left = [*spoiled]
        for night in range(1, NIGHTS + 1):
            if not left:
                break
            self.project.later(days=1)
            self.nights += 1
            told = self._told()
            for one in [*left]:
                if (mended := one.is_mended()) or (one.file and one.file in told):
                    self.found[one.kind][night] += 1
                    self.named[one.kind] += not mended
                    left.remove(one)
        self.missed += [one.name for one in left]

    def _told(self) -> str:
        """Run, and return what the run said that it made again; after one that failed, the next night goes on."""
        try:
            return " ".join(self.project.run().healed)
        except IngestError:
            self.failed += 1
            return ""

    def is_as_it_should_be(self) -> bool:
        """Return whether what serves has all of its points, and no others."""
        points, held = self.points(), self.project.vectors.scroll(self.collection, EVERYTHING, ("shard",))
        return {point.id for point in held} == {*points} and all(map(self.is_sound, points.values()))


def _overwrite(world: World, point: Point, **fields: Any) -> None:
    payload = {**point.payload, "metadata": {**point.payload["metadata"], **fields}}
    world.project.vectors.upsert(world.collection, [replace(point, payload=payload)])


def _write(world: World, point: Point, **fields: Any) -> None:
    world.project.vectors.upsert(world.collection, [replace(point, **fields)])


def _astray(world: World, point: Point, random: Random) -> str:
    stray = point_id(f"{random.random()}")
    _write(world, point, id=stray)
    return stray


def _unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _noise(point: Point, random: Random, size: float) -> np.ndarray:
    drawn = np.random.default_rng(random.randrange(2**32)).standard_normal(len(point.vector))
    return _unit(point.vector + size * _unit(drawn))


def _weighed(point: Point, random: Random) -> SparseVector:
    assert point.sparse is not None
    values = point.sparse.values.copy()
    values[random.randrange(len(values))] *= 1.5
    return replace(point.sparse, values=values)


POINTS: dict[str, Spoil] = {
    "point: lost": lambda w, p, r: w.project.vectors.delete(w.collection, [p.id]),
    "point: a second one under another id": _astray,
    "point: another digest": lambda w, p, r: _overwrite(w, p, digest=f"{r.randrange(16**64):064x}"),
    "point: another shard": lambda w, p, r: _overwrite(w, p, shard=r.choice([99, -1, None, "0"])),
    "seen by more people": lambda w, p, r: _overwrite(
        w, p, acl=r.choice([["public", "all"], ["all"], ["board", "hr"]])
    ),
    "seen by nobody": lambda w, p, r: _overwrite(w, p, acl=[]),
    "of another tenant or source": lambda w, p, r: _overwrite(w, p, **{r.choice(["tenant", "source"]): "another"}),
    "of another document": lambda w, p, r: _overwrite(w, p, document_id=f"{r.randrange(16**32):032x}"),
    "payload, digest kept: text": lambda w, p, r: _write(w, p, payload={**p.payload, "page_content": f"{r.random()}"}),
    "payload, digest kept: title": lambda w, p, r: _overwrite(w, p, title=f"{r.random()}"),
    "payload, digest kept: place": lambda w, p, r: _overwrite(w, p, start=r.randrange(10**6), uri="file:///x"),
    "vector: noise of 1 %": lambda w, p, r: _write(w, p, vector=_noise(p, r, 0.01)),
    "vector: another one": lambda w, p, r: _write(w, p, vector=_noise(p, r, 100.0)),
    "vector: sparse, one weight": lambda w, p, r: _write(w, p, sparse=_weighed(p, r)),
}


def _flipped(data: bytes, random: Random) -> bytes:
    place = random.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << random.randrange(8)]) + data[place + 1 :]


FILES: dict[str, Callable[[bytes, Random], bytes | None]] = {
    "one bit": _flipped,
    "cut short": lambda data, random: data[: random.randrange(len(data))],
    "zeroed block": lambda data, random: data[: len(data) // 2] + bytes(len(data) - len(data) // 2),
    "gone": lambda data, random: None,
}


def spoil(world: World, number: int, random: Random, *, points: int, files: int) -> None:
    """Corrupt `number` things at random, in rounds of `points`, of `files`, and of one that no count shows."""
    unseen = [kind for kind in POINTS if kind.startswith(("payload", "vector"))]
    altered = [kind for kind in FILES if kind != "gone"]
    rounds = ((points, [*POINTS], world.spoil_points), (files, [*FILES], world.spoil_files))
    alone = ((1, unseen, world.spoil_points), (1, altered, world.spoil_files))
    while number > 0:
        for many, kinds, spoiled in (*rounds, *alone):
            drawn = [random.choice(kinds) for _ in range(min(many, number))]
            world.round(spoiled(drawn, random))
            number -= len(drawn)
