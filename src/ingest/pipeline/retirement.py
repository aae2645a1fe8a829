"""Retires generations, and removes the files of a lake that no record names any more.

A generation is first marked: nobody may serve it. A later call, when readers have let go, drops its collection, then
deletes manifest, other records, and the files that no record names. What a killed call leaves goes in the next one.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial

from ingest.errors import DamagedFile, InvalidSettings, Tolerated
from ingest.ids import collection_name
from ingest.lake.lake import Lake
from ingest.lake.stored_records import checked_content, name_of
from ingest.pipeline.collections import given_to, spares
from ingest.pipeline.lease import BuilderLease
from ingest.records import BuildOptions, Retired
from ingest.release import Releases
from ingest.release import generation_states as states
from ingest.services import Retrieval, Services

NAMING = re.compile(r"[^/]+/(generations/[^/]+/(?!markers/load/).+|releases/[0-9]+)\.json")  # loading makes no file
HASH = re.compile(rb'"([0-9a-f]{64})"')
SEGMENT = re.compile(r"embeddings/([^/]+)/segments/([0-9a-f]{64})\.parquet")
SILENT_HOURS = 24.0  # a builder that wrote no lease for so long is dead
READERS = 16  # records that are read at once


@dataclass
class Retirement:
    """What a call did; as a dry run, what it would do."""

    marked: list[str] = field(default_factory=list)  # generations that may not serve any more; they go after the soak
    removed: list[str] = field(default_factory=list)  # generations
    collections: list[str] = field(default_factory=list)  # dropped
    files: Counter[str] = field(default_factory=Counter)  # removed, by folder of the lake: data, segments, …
    bytes: Counter[str] = field(default_factory=Counter)  # of these files
    segments: int = 0  # of embeddings that no longer count; they go after the soak
    waits: str = ""  # why no segment goes


def retire(services: Services, releases: Releases, dry_run: bool) -> Retirement:
    """Retire as a person asks for it. Raises: InvalidSettings when the settings keep all, LeaseHeld during a run."""
    retrieval, options, lake = services.retrieval, services.bench.options, services.retrieval.lake
    if not options.retire.keep:
        raise InvalidSettings(f"index {lake.index}: retire.keep is 0: every generation is kept")
    told = services.writer.who, options.lease_seconds, retrieval.monotonic, retrieval.observer
    lease = BuilderLease(lake, token := services.writer.new_token(), *told)
    confirm = None if dry_run else partial(lake.confirm_lease, token)
    with nullcontext() if dry_run else lease:
        return Sweep(retrieval, options, releases, confirm).run()


def retire_after(retrieval: Retrieval, options: BuildOptions, releases: Releases, run: str, decision: str) -> None:
    """Retire at the end of a run that built something, when there are more claims than is kept. Warns of failures."""
    with Tolerated(f"index {releases.index}: nothing more is retired"):
        if decision != "unchanged" and 0 < options.retire.keep < states.last_claim(retrieval.lake):
            confirm = partial(retrieval.lake.confirm_lease, run)
            found = Sweep(retrieval, options, releases, confirm).run(leaves_spare=True)
            retrieval.observer.told("retirement", found)


class Sweep:
    """One call: what the lake held when it began, and what goes."""

    def __init__(
        self, retrieval: Retrieval, options: BuildOptions, releases: Releases, confirm: Callable[[], None] | None
    ) -> None:
        """List the lake. `confirm` raises when the builder's lease is lost; None: a dry run, which changes nothing."""
        self.lake, self.vectors, self.releases = retrieval.lake, retrieval.vectors, releases
        self.options, self.rules, self.confirm = options, options.retire, confirm
        self._change(releases.heal)
        self.now, self.found = releases.writer.clock().timestamp(), Retirement()
        self.stored = {key: told for key, *told in self.lake.store.walk()}  # bytes, time; without what this removed
        self.generations = defaultdict[str, list[str]](list)  # keys of their records, by id
        for key in self.stored:
            if len(names := key.split("/")) > 3 and names[:2] == [self.lake.index, "generations"]:
                self.generations[names[2]].append(key)
        self.held = states.collections_held(self.lake, self.vectors)

    def run(self, *, leaves_spare: bool = False) -> Retirement:
        """Mark what goes, remove what has soaked but for a spare to be recycled. Raises: LeaseLost, DamagedFile."""
        self._mark()
        found = spares(self.lake, self.releases, self.options) if leaves_spare else ()
        spare = {manifest.generation for manifest in [*found][-1:]}  # the newest differs least from the next build
        for generation in sorted({*self.generations} - spare):
            if self._is_old(self.lake.key(generation, "retired"), self.rules.soak_hours):
                self._remove(generation)
        self._remove_files()
        return self.found

    def _mark(self) -> None:
        """Mark the generations that go; a mark on one that is to stay after all is taken away."""
        kept, hours = self._kept(), self.rules.minimum_age_hours
        marks = {generation: self.lake.key(generation, "retired") for generation in sorted(self.generations)}
        marked = {generation for generation, mark in marks.items() if mark in self.stored}
        new = {g for g in marks.keys() - marked - kept if all(self._is_old(key, hours) for key in self.generations[g])}
        for generation in sorted(new):
            self._change(self.lake.records.create, marks[generation], Retired(**self.releases.writer.signed()))
        kept = self._kept()  # again: a promotion or a rollback may have come in between
        for generation in kept & (marked | new):
            if self.lake.key(generation, "manifest") in self.stored:  # else its files go already
                self._change(self.lake.store.delete, marks[generation])
                self.stored.pop(marks[generation], None)
        self.found.marked = sorted(new - kept)

    def _kept(self) -> set[str]:
        """Return the generations that stay. Raises: DamagedFile when the manifest of what serves was not listed."""
        serving = self.lake.decision()
        if serving is not None and (key := self.lake.key(serving.generation, "manifest")) not in self.stored:
            raise DamagedFile(f"{self.lake.store.uri}/{key} is missing: nothing goes before `ingest run` mends that")
        return states.kept_generations(self.lake, self.rules.keep, self.options.profile)

    def _remove(self, generation: str) -> None:
        """Drop the collection of a generation and delete its records, unless an alias or the newest release has it."""
        mark, recycled, first = (self.lake.key(generation, name) for name in ("retired", "recycled", "manifest"))
        names, keys = {*self.held.get(generation, ())}, {*self.generations[generation]} - {mark, recycled}
        if not names and not keys:  # it went before
            return
        serving, ours = self.lake.decision(), self.lake.known_identity()
        known = (g for g in self.generations if g != generation and self.lake.key(g, "manifest") in self.stored)
        others = (states.sealed_manifest(self.lake, other)[0] for other in known)
        names -= {one.collection for one in others if one is not None}  # taken over
        if names & {*self.vectors.aliases().values()} or (serving is not None and serving.generation == generation):
            return
        own = collection_name(self.lake.index, generation, ours.id) if ours is not None else ""
        for collection in (c for c in sorted(names) if c == own or self.vectors.lake_of(c) is not None):
            taker = given_to(self.lake, self.releases, generation) if self.confirm is not None else ""
            if not taker or self.lake.is_retired(taker):  # else it goes, or went, to a build
                self._change(self.vectors.drop_collection, collection)
                self.found.collections.append(collection)
        if (gone := self.lake.records.find(Retired, recycled)) is not None and not gone.generation:
            self._change(self.lake.store.delete, recycled)  # it was dropped: nothing can be taken any more
        if keys:
            self._delete("generations", sorted(keys, key=lambda key: (key != first, key)))
            self.found.removed.append(generation)

    def _remove_files(self) -> None:
        """Delete the old files that no record names; a verdict and its plot go with their generation."""
        named = self._named() | {name_of(self.options.profile)}
        places = rf"(?:{re.escape(self.lake.index)}|embeddings/[^/]+)/(data|slices|profiles|verdicts|plots|unfinished)"
        own = re.compile(rf"{places}/([0-9a-f]{{64}})\.\w+")  # unfinished: earlier versions kept vectors there
        idle = defaultdict[str, dict[str, str]](dict)  # key by segment, by model
        for key in [key for key in self.stored if self._is_old(key, self.rules.minimum_age_hours)]:
            if found := own.fullmatch(key):
                if not (self._is_judged(found[2]) if found[1] in ("verdicts", "plots") else found[2] in named):
                    self._delete(found[1], [key])
            elif (found := SEGMENT.fullmatch(key)) and found[2] not in named:
                idle[found[1]][found[2]] = key
        self.found.waits = self._at_work() if idle else ""
        for model, keys in idle.items() if not self.found.waits else ():
            store = self.lake.embeddings(model)
            store.index.refresh()
            entries = {name: f"{store.index.journal.prefix}{n}.json" for name, n in store.index.retired.items()}
            if lost := entries.keys() & named:  # its vectors are in others now, which no record names
                self.found.waits = f"segment {min(lost)} was lost, and a generation that stays names it"
                continue
            soaked = {name for name, entry in entries.items() if self._is_old(entry, self.rules.soak_hours)}
            self._delete("segments", [key for name, key in keys.items() if name in soaked])
            if new := sorted(keys.keys() - entries.keys() - {*store.current(named)}):  # these hold what was merged
                self._change(store.retire, self.releases.writer.new_token(), new)
                self.found.segments += len(new)

    def _named(self) -> set[str]:
        """Return every SHA-256 in the records of all indexes, whatever it is the hash of. Raises: DamagedFile."""
        keys = [*filter(NAMING.fullmatch, self.stored)]  # what was deleted since it was listed names nothing
        with ThreadPoolExecutor(READERS) as readers:
            data = readers.map(lambda key: self.lake.store.get(key) or b"", keys)
            return {name.decode() for record in map(checked_content, data, keys) for name in HASH.findall(record)}

    def _is_judged(self, verdict: str) -> bool:
        """Return whether a verdict and what it judges are still there, or cannot be told."""
        with suppress(DamagedFile):
            return self.lake.key(self.lake.verdict(verdict).candidate, "manifest") in self.stored
        return f"{self.lake.index}/verdicts/{verdict}.json" in self.stored  # else its plot was left behind

    def _at_work(self) -> str:
        """Say which other index is being built, and may use segments that no record names yet; "" if none is."""
        others = {key.split("/")[0] for key in self.stored if "/leases/builder/" in key} - {self.lake.index}
        for other in (Lake(self.lake.store, index) for index in sorted(others)):
            for number, lease in other.leases.newest_first(1):
                if lease.holder and not self._is_old(f"{other.leases.prefix}{number}.json", SILENT_HOURS):
                    return f"index {other.index} is being built"
        return ""

    def _is_old(self, key: str, hours: float) -> bool:
        """Return whether a file was there when this call began, and had been for so long."""
        return key in self.stored and self.stored[key][1] <= self.now - hours * 3600

    def _delete(self, folder: str, keys: Iterable[str]) -> None:
        for key in keys:
            self._change(self.lake.store.delete, key)
            self.found.files[folder] += 1
            self.found.bytes[folder] += int(self.stored.pop(key)[0])

    def _change(self, act: Callable[..., object], *what: object) -> None:
        """Change something, if this is no dry run and the lease is held."""
        if self.confirm is not None:
            self.confirm()
            act(*what)
