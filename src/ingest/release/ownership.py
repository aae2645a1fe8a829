"""Whose an index is: whether its aliases follow the records of this lake, or those of another one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ingest.ids import fence_name
from ingest.lake.journal import Journal
from ingest.ports import Aliases
from ingest.records import LakeIdentity, Release
from ingest.search.served_release import fence_number, is_foreign, named_by, told_lakes

WAY_OUT = (
    "Point `lake` or QDRANT_URL at what belongs together; or stop the other lake's runs and take the index over for "
    "this lake: `ingest run --take-over --why …`"
)


@dataclass(frozen=True)
class Ownership:
    """This lake's claim to collections, and to the aliases that show them."""

    vectors: Aliases
    known: Callable[[], LakeIdentity | None]  # this lake; None when it was never written down
    identify: Callable[[], LakeIdentity]  # this lake, written down now if it was not

    def against(self, index: str, journal: Journal[Release], newest: Release | None, aliases: Mapping[str, str]) -> str:
        """Return why the aliases are not this lake's to move, with both lakes and the way out; "" when they are.

        The fence tells, without a fence the alias. A promoter writes release n after release n−1 was applied. So a
        fence of ours is that of the newest release or of the one before, and one of these two names its collection.
        """
        fence = fence_number(aliases, index)
        name = index if fence is None else fence_name(index, fence)
        if (shown := aliases.get(name)) is None:
            return ""
        last = 0 if newest is None else newest.number
        number = last if fence is None else fence
        if fence is not None and fence > last:
            reason = f", but the newest release of this lake is {last or 'none'}"
        elif newest is not None and fence is not None and fence < last - 1 and newest.guard != name:
            reason = f", but the newest release of this lake is {last}, more than one ahead"
        elif named_by(journal, number, shown, index) is not None:
            reason = ""
        else:
            neither = f", which neither release {number} nor the one before names"
            reason = neither if number else ", and this lake has no release"
        theirs = self.vectors.lake_of(shown)
        ours = self.known() if reason or theirs is not None else None
        if reason or is_foreign(theirs, ours):
            return f"index {index}: {name} shows {shown}{reason}. {told_lakes(shown, theirs, ours)} {WAY_OUT}"
        return ""

    def own(self, collection: str) -> None:
        """Write down that a collection which a release of ours names is ours, if it is from before they said so."""
        if self.vectors.lake_of(collection) is None:
            self.vectors.give(collection, self.identify())
