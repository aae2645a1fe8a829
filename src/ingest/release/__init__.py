"""Promotion, rollback and hold: one compare-and-swap on the alias that readers follow.

    releases/<n>.json   the decision, written by one writer only
    <index>@<n>         the fence alias: release n has been applied; renaming it is the compare-and-swap
    <index>             the alias that shows a collection to readers; only ever replaced, never deleted

No decision here depends on a clock, a lease or a lost answer: whoever comes next reads, heals and goes on.
"""

from ingest.release.alias_rules import Candidate, read_release
from ingest.release.releases import Releases
from ingest.search.served_release import fence_number
