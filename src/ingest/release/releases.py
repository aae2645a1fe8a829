"""The steps of promotion, rollback and hold: read, heal, write the next record, move the aliases."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import inf

from ingest.errors import FatalError, Held, IndexUnavailable, Overtaken, SchemaMismatch, TransientError, UnknownRelease
from ingest.lake.journal import Journal
from ingest.ports import Aliases
from ingest.records import AliasAction, Hold, Release
from ingest.release.alias_rules import Candidate, Decision, fence_name, read_release, release_actions
from ingest.search.served_release import fence_number

log = logging.getLogger(__name__)

ATTEMPTS = 10  # a lost attempt means that another writer was faster or that the index failed
LIFT_HOLD = "ingest promote --lift-hold"


@dataclass(frozen=True)
class Releases:
    """The releases of one index: the decisions in the lake, and the aliases that follow them.

    Every method that writes heals first, and may be called again after any crash. All methods also raise TransientError
    after `attempts`, and whatever the ports and `restore` raise. After a StoreUnavailable while a record is written, it
    is unknown whether the decision stands: the next call finds out.
    """

    journal: Journal[Release]
    aliases: Aliases
    index: str
    clock: Callable[[], datetime]  # for people only
    who: str
    new_token: Callable[[], str]  # new on each call
    restore: Callable[[str], None] = lambda _: None  # completes a generation's collection; quick when it is complete
    is_retired: Callable[[str], bool] = lambda _: False  # by generation
    attempts: int = ATTEMPTS

    def current(self) -> Release | None:
        """Return the release that readers see now, None when nothing serves. Raises: SchemaMismatch."""
        return read_release(self.aliases.aliases(), self.journal, self.index)

    def heal(self) -> Release | None:
        """Apply the newest record to the aliases and return it, None when there is no record.

        Without a fence (Qdrant was lost or replaced), the newest generation is restored and released again. A fence
        that is more than one behind (Qdrant was reset to an older state) is moved forward all the same.
        Raises: SchemaMismatch when the fence is ahead of the records: the index belongs to another lake.
        """
        for _ in range(self.attempts):
            newest, aliases = self._look()
            fence = fence_number(aliases, self.index)
            if fence is not None and (newest is None or fence > newest.number):
                self._record(fence, self.journal.last())  # another writer was faster, or this raises
            elif newest is None:
                return None
            elif aliases.get(self.index) == aliases.get(fence_name(self.index, newest.number)) == newest.collection:
                return newest
            elif fence is None and newest.guard not in aliases:
                self._boot_again(newest)
            elif self.is_retired(newest.generation):
                self._bring_back_base(newest)
            else:
                self.restore(newest.generation)
                guard = newest.guard if fence is None else fence_name(self.index, fence)
                self._move(release_actions(self.index, newest, guard))
        raise self._gave_up("heal")

    def promote(self, candidate: Candidate, why: str, *, automatic: bool = False, lift_hold: bool = False) -> Release:
        """Put the candidate into force and return its release, or the one in force if it already names the candidate.

        Another profile on the serving generation needs no base. `lift_hold`: a person asks to end the hold.
        `automatic`: no person asks, so a hold refuses, whatever `lift_hold` is.

        Raises: Overtaken when the candidate's base is not the serving generation. Held. UnknownRelease when the
            candidate is retired.
        """
        for _ in range(self.attempts):
            current = self.heal()
            if current is not None:
                lifts = lift_hold and not automatic
                if candidate.is_in(current):
                    return self.unhold(why) if lifts else current
                if current.hold is not None and not lifts:
                    raise Held(
                        f"index {self.index}: release {current.number} is held by {current.hold.who} "
                        f"({current.hold.why}); a person lifts it with `{LIFT_HOLD}`"
                    )
            serving = None if current is None else current.generation
            if serving not in (candidate.base, candidate.generation):
                raise Overtaken(
                    f"index {self.index}: candidate {candidate.generation} was built on {candidate.base}, "
                    f"but {serving} serves; the next build adopts its work"
                )
            if release := self._publish(current, Decision(candidate, "promote", why)):
                return release
        raise self._gave_up(f"promote {candidate.generation}")

    def rollback(self, to: int | None, why: str, opens: Callable[[Release], None] = lambda _: None) -> Release:
        """Bring an earlier release back, hold automatic promotion, and return the new release.

        `to` is its number; None: the newest one with another (generation, profile) than the release in force. The
        choice is made once, so that losing a race against another rollback does not undo it. `opens` opens the target
        before anything is written, and raises to refuse it.

        Raises: UnknownRelease when there is no such release or it is retired.
        """
        target: Release | None = None
        for _ in range(self.attempts):
            current = self.heal()
            if current is None:
                raise UnknownRelease(f"index {self.index}: nothing serves yet, so nothing can be rolled back")
            if target is None:
                target = self._rollback_target(current, to)
                try:
                    opens(target)
                except FatalError as error:
                    way = "; `--to` takes another one" if to is None else ""
                    error.args = (f"release {target.number} cannot be brought back: {error}{way}",)
                    raise
            decision = Decision(Candidate.of(target), "rollback", why, Hold(who=self.who, why=why))
            if decision.target.is_in(current) and current.hold is not None:
                return current
            if release := self._publish(current, decision):
                return release
        raise self._gave_up("rollback")

    def unhold(self, why: str) -> Release:
        """Lift the hold by a record with the same generation and profile; without a hold, return the release in force.

        Raises: UnknownRelease when nothing serves yet.
        """
        for _ in range(self.attempts):
            current = self.heal()
            if current is None:
                raise UnknownRelease(f"index {self.index}: nothing serves yet, so nothing is held")
            if current.hold is None:
                return current
            if release := self._publish(current, Decision(Candidate.of(current), "unhold", why)):
                return release
        raise self._gave_up("lift the hold")

    def _look(self) -> tuple[Release | None, dict[str, str]]:
        # Records first: aliases older than the newest record could hide the fence with which it was applied.
        newest = self.journal.newest()
        return (None if newest is None else newest[1]), self.aliases.aliases()

    def _record(self, number: int, newest: float = inf) -> Release:
        if number > newest or (record := self.journal.get(number)) is None:  # a known record may have been deleted
            raise SchemaMismatch(
                f"index {self.index}: {self.journal.where(number)} is missing, but the index "
                "or a later record needs it: is this the lake that the index belongs to?"
            )
        return record

    def _rollback_target(self, current: Release, to: int | None) -> Release:
        if to is not None:
            if not 1 <= to <= current.number:
                raise UnknownRelease(f"index {self.index}: no release {to}; there are 1 to {current.number}")
            return self._record(to)
        for number in range(self._promoted(current).number - 1, 0, -1):
            if not Candidate.of(earlier := self._record(number)).is_in(current):
                return earlier
        raise UnknownRelease(
            f"index {self.index}: no release before {current.number} has another generation or profile"
        )

    def _promoted(self, release: Release) -> Release:
        """Return the promotion that a rollback restored, so that a second rollback goes further back."""
        number = release.number - 1
        while release.action != "promote" and number > 0:
            if Candidate.of(earlier := self._record(number)).is_in(release):
                release = earlier
            number -= 1
        return release

    def _publish(self, current: Release | None, decision: Decision) -> Release | None:
        """Write the record that follows `current` and apply it; None when another writer was faster."""
        generation = decision.target.generation
        if self.is_retired(generation):
            raise UnknownRelease(f"index {self.index}: generation {generation} is retired")
        if current is None or generation != current.generation:
            self.restore(generation)
        if current is None:
            release = self._boot(None, decision)
        else:
            release = self._append(current, decision, fence_name(self.index, current.number))
        if release is None:
            return None
        if self.is_retired(generation):
            settled = self.heal()
            raise UnknownRelease(
                f"index {self.index}: generation {generation} was retired while release {release.number} was written; "
                f"{settled.generation if settled else None} serves"
            )
        if not self._move(release_actions(self.index, release, release.guard)):
            self.heal()
        return release

    def _boot_again(self, newest: Release) -> None:
        """Release the newest generation again, on an index that has lost its fence. A hold stays."""
        why = f"no fence was left in the index: release {newest.number} again"
        log.warning("index %s: %s", self.index, why)
        self.restore(newest.generation)
        self._boot(newest, Decision(Candidate.of(newest), "restore", why, newest.hold))

    def _bring_back_base(self, newest: Release) -> None:
        """Return to the release before a record that was never applied and whose generation is retired."""
        base = self._record(newest.number - 1)
        why = f"generation {newest.generation} of release {newest.number} is retired: release {base.number} again"
        log.warning("index %s: %s", self.index, why)
        self._append(newest, Decision(Candidate.of(base), "restore", why, base.hold), newest.guard)

    def _boot(self, current: Release | None, decision: Decision) -> Release | None:
        """Write the next record with our own guard, which nobody else can rename."""
        guard = f"{self.index}.boot-{self.new_token()}"
        if not self._move([AliasAction("create", guard, decision.target.collection)]):
            return None
        release = self._append(current, decision, guard)
        if release is None:
            self._move([AliasAction("delete", guard)])
        return release

    def _append(self, current: Release | None, decision: Decision, guard: str) -> Release | None:
        target, base = decision.target, None if current is None else current.number
        release = Release(
            number=(base or 0) + 1,
            base=base,
            guard=guard,
            **{name: getattr(target, name) for name in ("generation", "collection", "profile", "verdict")},
            **{name: getattr(decision, name) for name in ("action", "why", "hold")},
            who=self.who,
            token=self.new_token(),
            at=self.clock().isoformat(),
        )
        return release if self.journal.append(release.number, release) else None

    def _move(self, actions: list[AliasAction]) -> bool:
        """Send one alias call; return False when it failed or its outcome is unknown: a fresh look settles that."""
        try:
            return self.aliases.move_aliases(actions)
        except IndexUnavailable as error:
            log.warning("index %s: alias call without an answer, looking again: %s", self.index, error)
            return False

    def _gave_up(self, what: str) -> TransientError:
        return TransientError(
            f"index {self.index}: {what}: gave up after {self.attempts} attempts; each time another writer came first "
            "or the alias call failed"
        )
