"""The claim of a generation: a new one, or that of an earlier run which stopped, so that this run goes on with it."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from ingest.errors import SchemaMismatch, StoreUnavailable, may_pass
from ingest.pipeline.damage import is_sound
from ingest.pipeline.guard import changed_too_much
from ingest.records import Claim, PlanSummary
from ingest.services import Workbench, Writer

CLAIM_ATTEMPTS = 20  # times that another writer may take a claim's number before we give up


@dataclass
class Claiming:
    """Claims a generation after the newest released one, whose claim has the number `released`."""

    bench: Workbench
    writer: Writer
    settings_hash: str
    released: int  # 0 for none

    def __post_init__(self) -> None:
        self.lake = self.bench.lake

    def claim(self, summary: PlanSummary, *, repeats: bool) -> tuple[Claim, bool]:
        """Return the claim to build under, and whether its frozen plan is this plan.

        `repeats`: what is sealed already is done once more.
        """
        with suppress(SchemaMismatch):  # then a new generation adopts what is whole of this one
            if (unfinished := self._unfinished(summary, repeats=repeats)) is not None:
                return unfinished
        for _ in range(CLAIM_ATTEMPTS):
            number = self.lake.claims.last(self.released) + 1
            claim = Claim(
                id=f"{number:04d}-{self.settings_hash[:8]}",
                base=summary.base,
                settings_hash=self.settings_hash,
                shards=len(summary.shards),
                token=self.writer.new_token(),
            )
            if self.lake.claims.append(number, claim):
                return claim, False
        raise StoreUnavailable(f"index {self.lake.index}: {CLAIM_ATTEMPTS} other runs claimed a generation first")

    def _unfinished(self, summary: PlanSummary, *, repeats: bool) -> tuple[Claim, bool] | None:
        """Return the newest claim if this plan can go on with it. Raises: SchemaMismatch."""
        newest = self.lake.claims.newest(self.released)
        if newest is None or (newest[1].base, newest[1].settings_hash) != (summary.base, self.settings_hash):
            return None
        frozen, sealed = self.lake.plan(newest[1].id), self.lake.manifest(newest[1].id) is not None
        if sealed and repeats:  # what was done once more and refused is done once more
            return None
        if frozen is None:
            return newest[1], False
        named = (self.lake.marker(frozen.generation, "chunk", *one) for one in frozen.shards.items())
        again = any(_may_pass(marker.counts) for marker in named if marker is not None)
        lacks = frozen.shards != summary.shards or again or changed_too_much(self.lake, self.bench.options, frozen)
        return None if lacks or not is_sound(self.lake, frozen, self.bench.model.fingerprint) else (newest[1], True)


def _may_pass(counts: Mapping[str, int]) -> bool:
    """Return whether a failure may pass that was not adopted: what was tried often enough is, without a read."""
    errors, kinds = {name.partition(".")[2] for name in counts}, ("quarantined", "quarantined_children")
    failed = {error: sum(counts.get(f"{kind}.{error}", 0) for kind in kinds) for error in errors}
    return any(may_pass(error) and n > counts.get(f"adopted.{error}", 0) for error, n in failed.items())
