"""What a plan makes up for: all that is damaged or gone of its base."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from ingest.errors import DamagedFile
from ingest.lake.stored_records import name_of
from ingest.pipeline.damage import Damage, damage_of
from ingest.pipeline.lost_vectors import mend_vectors
from ingest.records import Manifest, PlannedDocument, QueryProfile, Release
from ingest.services import Retrieval, Writer

log = logging.getLogger(__name__)


def find_damage(
    retrieval: Retrieval, writer: Writer, base: Manifest | None, follows: Release | None, profile: QueryProfile
) -> Damage:
    """Return what a base lacks, after its collection has given back the vectors that it has.

    `follows`: the newest release; the base is of an earlier one if that has lost its manifest. Its query profile is
    written again if it is the settings' `profile`.
    """
    lake, damage = retrieval.lake, Damage()
    if base is not None:
        damage = damage_of(lake, base)
        if base.model.fingerprint == retrieval.model.fingerprint:
            damage = mend_vectors(retrieval, writer, base, damage)
    if follows is not None and (base is None or base.generation != follows.generation):
        known = base.generation if base is not None else "nothing"
        told = f"manifest of {follows.generation}, made again as another generation from the sources and {known}"
        damage = replace(damage, rebuilds=True, told=(*damage.told, told))
    if follows is not None and follows.profile == name_of(profile):
        try:
            lake.profile(follows.profile)
        except DamagedFile as error:
            lake.write_profile(profile)
            damage = replace(damage, told=(*damage.told, f"query profile, written again from the settings: {error}"))
    for one in damage.told:
        log.warning("index %s: %s", lake.index, one)
    return damage


def check_carried(index: str, damage: Damage, shard: int, documents: Sequence[PlannedDocument]) -> None:
    """Check that no document that this run does not read needs to be read again.

    Raises: DamagedFile.
    """
    gone = damage.parts.get(shard, frozenset())
    if "documents" in gone or ("texts" in gone and any(d.change == "carried" for d in documents)):
        told = "; ".join(damage.told)
        raise DamagedFile(
            f"index {index}: documents outside this run's scope, or of a source whose listing failed, are damaged in "
            f"the lake and must be read again: `ingest run` without --source and --prefix does that. {told}"
        )
