"""Screening policies that differ from the base's: only what carries a mark of theirs is cut again, from stored texts.

A chunker's fingerprint covers the policies too. Where it differs by them alone, a shard without such marks is carried
as it is, and an index without any is not built again.
"""

from typing import Any

import pyarrow.compute as pc

from ingest.documents import chunking, screening
from ingest.ids import digest_of
from ingest.lake.lake import Lake
from ingest.pipeline.fingerprints import fingerprints
from ingest.records import Manifest, PartFile, ScreeningPolicy
from ingest.services import Workbench


def holds_mark(lake: Lake, parts: dict[str, PartFile], marks: frozenset[str]) -> bool:
    """Tell whether a shard holds chunks with such a mark, indexed or dropped."""
    tables = (lake.read(parts[kind]) for kind in ("chunks", "dropped") if kind in parts)
    return any(marks & set(pc.unique(pc.list_flatten(table["marks"])).to_pylist()) for table in tables)


def changed_marks(base: Manifest, bench: Workbench) -> frozenset[str] | None:
    """Return the marks that have another consequence in some source than in the base.

    None unless the base's chunker differs from today's by its policies alone.
    """
    options, found = bench.options, base.fingerprints["chunker"]
    if found == fingerprints(bench).chunker or "sources" not in base.settings:
        return None
    default = dict(screening.FIRST_DEFAULT)  # of what was not recorded
    recorded = {source["name"]: {**default, **source.get("screening", {})} for source in base.settings["sources"]}
    then = {name: ScreeningPolicy.model_validate(policy) for name, policy in recorded.items()}
    cut = chunking.fingerprint(options.chunking, bench.tokenizer)
    today, first = (
        digest_of([cut, screening.fingerprint(then, default)])
        for default in (ScreeningPolicy(), screening.FIRST_DEFAULT)
    )
    if found not in (today, first):
        return None
    now = {name: options.screening.get(name, ScreeningPolicy()) for name in then}
    differ = ({mark for mark, does in then[name] if dict(now[name])[mark] != does} for name in then)
    fewer = {"secret"} if found == first else set[str]()  # what was marked then need not be one today
    return frozenset(fewer.union(*differ))


def unscreened(settings: dict[str, Any]) -> str:
    """Return the digest of a generation's settings without policies: the chunker's fingerprint has these."""
    sources = [{k: v for k, v in source.items() if k != "screening"} for source in settings.get("sources", ())]
    return digest_of({**settings, "sources": sources})
