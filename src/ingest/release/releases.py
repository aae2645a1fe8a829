"""The steps of promotion, rollback and hold: read, heal, write the next record, move the aliases."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ingest import errors
from ingest.ids import fence_name
from ingest.lake.journal import Journal
from ingest.ports import Aliases
from ingest.records import AliasAction, Hold, LakeIdentity, Release
from ingest.release import alias_rules
from ingest.release.alias_rules import WAY_OUT, Candidate, again, release_actions, shows_same, take_over_actions
from ingest.search.served_release import fence_number, is_foreign, named_by, stand_in, told_lakes
from ingest.services import Writer

log = logging.getLogger(__name__)

ATTEMPTS = 10  # a lost attempt means that another writer was faster or that the index failed


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
    writer: Writer  # its clock is for people only
    restore: Callable[[str], None] = lambda _: None  # completes a generation's collection; quick when it is complete
    is_retired: Callable[[str], bool] = lambda _: False  # by generation
    attempts: int = ATTEMPTS
    take_over: str | None = None  # why a person takes the index from another lake; None: that is refused
    known: Callable[[], LakeIdentity | None] = field(kw_only=True)  # this lake; None when it was never written down
    identify: Callable[[], LakeIdentity] = field(kw_only=True)  # this lake, written down now if it was not

    def current(self) -> Release | None:
        """Return the release that readers see now, None when nothing serves. Raises: SchemaMismatch, ForeignIndex."""
        try:
            return alias_rules.read_release(self.aliases.aliases(), self.journal, self.index)
        except errors.SchemaMismatch as error:
            if foreign := self._foreign(*self._look()):
                raise errors.ForeignIndex(foreign) from error
            raise

    def heal(self) -> Release | None:
        """Apply the newest record to the aliases and return it, None when there is no record.

        Without a fence (Qdrant was lost or replaced), the newest generation is restored and released again. Aliases
        that do not follow this lake's records are refused or, if a person says so, taken over with a record of their
        own. Raises: ForeignIndex, which names both lakes.
        """
        for _ in range(self.attempts):
            newest, aliases = self._look()
            fence = fence_number(aliases, self.index)
            last = 0 if newest is None else newest.number
            if fence is not None and last < fence <= self.journal.last():
                continue  # another writer came through since the records were read
            if foreign := self._foreign(newest, aliases):
                self._take_over(newest, fence, foreign)
            if newest is None:
                return None
            if foreign:
                continue
            held = None if fence is None else fence_name(self.index, fence)
            if not newest.token:  # a stand-in: its record is damaged
                self._release_again(newest, newest, newest.why, held)
            elif aliases.get(self.index) == aliases.get(fence_name(self.index, newest.number)) == newest.collection:
                self._own(newest.collection)
                return newest
            elif self.is_retired(newest.generation):
                base = alias_rules.recorded(self.journal, self.index, newest.number - 1)  # it was never applied
                why = f"generation {newest.generation} of release {newest.number} is retired"
                self._release_again(newest, base, f"{why}: release {base.number} again", newest.guard)
            elif held is None and newest.guard not in aliases:
                self.restore(newest.generation)
                why = f"no fence was left in the index: release {newest.number} again"
                self._release_again(newest, newest, why, None)
            else:
                self.restore(newest.generation)
                self._move(release_actions(self.index, newest, held or newest.guard))
        raise self._gave_up("heal")

    def promote(self, candidate: Candidate, why: str, *, automatic: bool = False, lift_hold: bool = False) -> Release:
        """Put the candidate into force and return its release, or the one in force if it already names the candidate.

        Another profile on the serving generation needs no base. `lift_hold`: a person asks to end the hold.
        `automatic`: no person asks, so a hold refuses, whatever `lift_hold` is.

        Raises: Overtaken when the candidate's base is not the serving generation. VerdictOutdated when the verdict was
            compared with an earlier release than the one in force. Held. UnknownRelease when the candidate is retired.
        """

        def draft(current: Release | None) -> Release:
            if current is not None:
                lifts = lift_hold and not automatic
                if shows_same(candidate, current):
                    return self._unheld(current, why) if lifts else current
                if current.hold is not None and not lifts:
                    raise errors.Held(
                        f"index {self.index}: release {current.number} is held by {current.hold.who} "
                        f"({current.hold.why}); a person lifts it with `ingest promote --lift-hold`"
                    )
            serving, now = (None, 0) if current is None else (current.generation, current.number)
            if serving not in (candidate.base, candidate.generation):
                raise errors.Overtaken(
                    f"index {self.index}: candidate {candidate.generation} was built on {candidate.base}, "
                    f"but {serving} serves; the next build adopts its work"
                )
            if candidate.compared not in (None, now):
                raise errors.VerdictOutdated(
                    f"index {self.index}: the verdict on {candidate.generation} was compared with release "
                    f"{candidate.compared or 'none'}, but release {now} is in force: judge it again"
                )
            return candidate.promoted(why)

        return self._follow(f"promote {candidate.generation}", draft)

    def rollback(self, to: int | None, why: str, opens: Callable[[Release], None] = lambda _: None) -> Release:
        """Bring an earlier release back, hold automatic promotion, and return the new release.

        `to` is its number; None: the newest one with another (generation, profile) than the release in force. The
        choice is made once, so that losing a race against another rollback does not undo it. `opens` opens the target
        before anything is written, and raises to refuse it.

        Raises: UnknownRelease when there is no such release or it is retired.
        """
        target: Release | None = None

        def draft(current: Release | None) -> Release:
            nonlocal target
            if current is None:
                raise errors.UnknownRelease(f"index {self.index}: nothing serves yet, so nothing can be rolled back")
            if target is None:
                target = alias_rules.rollback_target(self.journal, self.index, current, to)
                try:
                    opens(target)
                except errors.FatalError as error:
                    way = "; `--to` takes another one" if to is None else ""
                    error.args = (f"release {target.number} cannot be brought back: {error}{way}",)
                    raise
            if shows_same(target, current) and current.hold is not None:
                return current
            return again(target, "rollback", why, Hold(who=self.writer.who, why=why))

        return self._follow("rollback", draft)

    def unhold(self, why: str) -> Release:
        """Lift the hold by a record of the same target; without a hold, return what serves. Raises: UnknownRelease."""
        return self._follow("lift the hold", lambda current: self._unheld(current, why))

    def _unheld(self, current: Release | None, why: str) -> Release:
        if current is None:
            raise errors.UnknownRelease(f"index {self.index}: nothing serves yet, so nothing is held")
        return current if current.hold is None else again(current, "unhold", why, None)

    def _follow(self, what: str, draft: Callable[[Release | None], Release]) -> Release:
        """Publish what is drafted to follow the release in force, or keep that; again while others are faster."""
        for _ in range(self.attempts):
            current, guard = self.settled()
            if (wanted := draft(current)) is current:
                return wanted
            if release := self._publish(current, wanted, guard):
                return release
        raise self._gave_up(what)

    def settled(self) -> tuple[Release | None, str | None]:
        """As `heal`, with the guard of the next release, None if it must bring its own.

        If the newest generation is damaged and cannot be restored, its record is only returned, to be followed.
        """
        try:
            current = self.heal()
            return current, None if current is None else fence_name(self.index, current.number)
        except (errors.DamagedFile, errors.UnknownRelease) as error:
            newest, aliases = self._look()
            if newest is None:
                raise
            log.warning("index %s: release %s is not applied: %s", self.index, newest.number, error)
            fence = fence_number(aliases, self.index)
            guard = newest.guard if fence is None else fence_name(self.index, fence)
            return newest, guard if guard in aliases else None

    def _look(self) -> tuple[Release | None, dict[str, str]]:
        # Records first: aliases older than the newest record could hide the fence with which it was applied.
        try:
            newest = self.journal.newest()
        except errors.DamagedFile:
            aliases = self.aliases.aliases()
            return stand_in(self.journal, self.journal.last(), aliases.get(self.index), self.index), aliases
        return (None if newest is None else newest[1]), self.aliases.aliases()

    def _foreign(self, newest: Release | None, aliases: Mapping[str, str]) -> str:
        """Return why the aliases are not this lake's to move, with both lakes and the way out; "" when they are.

        The fence tells, without a fence the alias. A promoter writes release n after release n−1 was applied. So a
        fence of ours is that of the newest release or of the one before, and one of these two names its collection.
        """
        fence = fence_number(aliases, self.index)
        name = self.index if fence is None else fence_name(self.index, fence)
        if (shown := aliases.get(name)) is None:
            return ""
        last = 0 if newest is None else newest.number
        number = last if fence is None else fence
        if fence is not None and fence > last:
            reason = f", but the newest release of this lake is {last or 'none'}"
        elif newest is not None and fence is not None and fence < last - 1 and newest.guard != name:
            reason = f", but the newest release of this lake is {last}, more than one ahead"
        elif named_by(self.journal, number, shown, self.index) is not None:
            reason = ""
        else:
            neither = f", which neither release {number} nor the one before names"
            reason = neither if number else ", and this lake has no release"
        theirs = self.aliases.lake_of(shown)
        ours = self.known() if reason or theirs is not None else None
        if reason or is_foreign(theirs, ours):
            return f"index {self.index}: {name} shows {shown}{reason}. {told_lakes(shown, theirs, ours)} {WAY_OUT}"
        return ""

    def _own(self, collection: str) -> None:
        """Write down that a collection which a release of ours names is ours, if it is from before they said so."""
        if self.aliases.lake_of(collection) is None:
            self.aliases.give(collection, self.identify())

    def _publish(self, current: Release | None, draft: Release, guard: str | None) -> Release | None:
        """Write the record that follows `current` and apply it; None when another writer was faster."""
        generation = draft.generation
        if self.is_retired(generation):
            raise errors.UnknownRelease(f"index {self.index}: generation {generation} is retired")
        if current is None or generation != current.generation or guard != fence_name(self.index, current.number):
            self.restore(generation)
        taken = fence_number(self.aliases.aliases(), self.index) if current is None and self.take_over else None
        if taken is not None and self.take_over is not None:
            draft = draft.model_copy(update={"action": "take-over", "why": self.take_over})
        if (release := self._append(current, draft, guard)) is None:
            return None
        if self.is_retired(generation):
            settled = self.heal()
            raise errors.UnknownRelease(
                f"index {self.index}: generation {generation} was retired while release {release.number} was written; "
                f"{settled.generation if settled else None} serves"
            )
        actions = release_actions(self.index, release, release.guard)
        if self._move(actions if taken is None else take_over_actions(self.index, release, taken)):
            return release
        try:
            self.heal()
        except errors.TransientError as error:  # the lake is away; our own record is known without it
            if self.current() != release:
                raise
            log.warning("index %s: release %s serves, but: %s", self.index, release.number, error)
        return release

    def _take_over(self, newest: Release | None, fence: int | None, foreign: str) -> None:
        """Put the newest generation into force in place of another lake's. Raises: ForeignIndex when nobody said so."""
        if self.take_over is None:
            raise errors.ForeignIndex(foreign)
        log.warning("index %s: taken over (%s): %s", self.index, self.take_over, foreign)
        if newest is not None:
            self.restore(newest.generation)
            if release := self._append(newest, again(newest, "take-over", self.take_over, newest.hold), None):
                self._move(take_over_actions(self.index, release, fence))

    def _release_again(self, newest: Release, target: Release, why: str, guard: str | None) -> None:
        """Follow the newest record with one of a release that was there; without a guard, with one of its own."""
        log.warning("index %s: %s", self.index, why)
        self._append(newest, again(target, "restore", why, target.hold), guard)

    def _append(self, current: Release | None, draft: Release, guard: str | None) -> Release | None:
        """Write the next record and return it, None if that failed; without a guard, with one that is only ours."""
        own = [] if guard else [AliasAction("create", f"{self.index}.boot-{self.writer.new_token()}", draft.collection)]
        if own and not self._move(own):
            return None
        base = None if current is None else current.number
        place = {"number": (base or 0) + 1, "base": base, "guard": guard or own[0].name}
        release = Release.model_validate({**vars(draft), **place, **self.writer.signed()})
        if self.journal.append(release.number, release):
            return release
        if own:
            self._move([AliasAction("delete", release.guard)])
        return None

    def _move(self, actions: list[AliasAction]) -> bool:
        """Send one alias call; return False when it failed or its outcome is unknown: a fresh look settles that."""
        with errors.Tolerated(f"index {self.index}: alias call unanswered, looking again", errors.IndexUnavailable):
            return self.aliases.move_aliases(actions)
        return False

    def _gave_up(self, what: str) -> errors.TransientError:
        return errors.TransientError(
            f"index {self.index}: {what}: gave up after {self.attempts} attempts; each time another writer came first "
            "or the alias call failed"
        )
