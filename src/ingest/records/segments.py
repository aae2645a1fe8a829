"""The nouns of the embedding store, stored as JSON like those of a generation."""

from pydantic import Field

from ingest.records.generations import Record


class SegmentEntry(Record):
    """`embeddings/<fingerprint>/index/<n>.json`: a segment without an entry does not exist."""

    segment: str  # sha256, names segments/<sha256>.parquet; "" if the entry only retires others
    rows: int
    first_key: str
    last_key: str
    dtype: str
    backend: str
    token: str
    replaces: bool = False  # its vectors count before those of all earlier entries
    again: str = Field(default="", exclude_if=lambda again: not again)  # for which generation it replaces them; "same"
    retires: tuple[str, ...] = ()  # segments that are lost: earlier entries that name them no longer count
    merges: tuple[str, ...] = ()  # segments whose vectors that counted are in this one: they no longer count


class SegmentSnapshot(Record):
    """`embeddings/<fingerprint>/snapshots/<n>.json`: what the first `entries` of the index come to."""

    entries: int
    live: tuple[SegmentEntry, ...]  # that count, the first one before the others
    merged: dict[str, str] = Field(default_factory=dict)  # segment → the one that has its vectors
    retired: dict[str, int] = Field(default_factory=dict)  # segment → entry that retires it; not what counts again
    token: str
