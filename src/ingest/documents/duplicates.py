"""Equal and nearly equal chunks of a whole generation, by the sketches kept with them. All data is in scratch tables.

Exact: the same text in two or more documents, ignoring case, white space and compatibility forms. Near: a Jaccard
similarity of word shingles at or above the limit; MinHash bands (Broder 1997) give candidates, which are then compared
exactly. The result depends only on the set of chunks, not on their order.
"""

import hashlib
import unicodedata
import zlib
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ingest.ids import digest_of, sha256_hex
from ingest.records import DuplicateOptions
from ingest.scratch import Scratch

SHINGLE = 3  # words; twice as many code points in scripts without spaces
LEAST_WORDS = 8  # shorter chunks are similar by chance
MOST_SHINGLES = 4096  # per text; a longer text is sampled by its smallest hashes
LONG_WORD = 20  # characters per word on average; more means a text without spaces
PERMUTATIONS = 128
SCHEME = "affine32"
MOST_COMPARED = 50  # leaders with which one text is compared
TAG, BANDS = 8, 40  # bytes of a sketch before the SHA-256, and before the bands
ChunkTexts = Callable[
    [int, Container[str]], Iterable[tuple[str, str]]
]  # a shard, ids of its chunks: each with its text

_TABLES = """
CREATE TABLE texts (text INTEGER PRIMARY KEY, sha256 TEXT UNIQUE, shingles BLOB);
CREATE TABLE chunks (chunk_id TEXT PRIMARY KEY, document_id TEXT, access TEXT, shard INTEGER, text INTEGER)
  WITHOUT ROWID;
CREATE TABLE bands (band INTEGER, text INTEGER);
CREATE TABLE leaders (band INTEGER, first TEXT, text INTEGER);
CREATE INDEX leaders_by_band ON leaders (band);
CREATE TABLE near (text INTEGER PRIMARY KEY, leader INTEGER, similarity REAL);
"""
_SHARED = """
CREATE TABLE shared AS SELECT text, min(chunk_id) AS first, shard FROM chunks WHERE text IN
(SELECT text FROM bands WHERE band IN (SELECT band FROM bands GROUP BY band HAVING count(*) > 1)) GROUP BY text
"""
_MEMBERS = """
CREATE TABLE members AS SELECT sha256 AS grp, 'exact' AS kind, text, 1.0 AS similarity FROM texts
WHERE text IN (SELECT text FROM chunks GROUP BY text HAVING count(*) > 1)
UNION ALL SELECT 'near' || sha256, 'near', text, 1.0 FROM texts WHERE text IN (SELECT leader FROM near)
UNION ALL SELECT 'near' || sha256, 'near', near.text, similarity FROM near JOIN texts ON texts.text = leader
"""
_ROWS = """
SELECT grp, kind, chunk_id, document_id, sha256, similarity, n, text, min(chunk_id) OVER alike AS best,
       first_value(text) OVER (alike ORDER BY chunk_id) AS stands,
       kind = 'exact' AND text IN (SELECT text FROM members WHERE kind = 'near') AS nearer
FROM members JOIN chunks USING (text) JOIN texts USING (text) JOIN (
  SELECT grp, count(DISTINCT document_id) AS n FROM members JOIN chunks USING (text) GROUP BY grp HAVING n > 1
) USING (grp) WINDOW alike AS (PARTITION BY grp, access) ORDER BY kind, grp, chunk_id
"""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One chunk in one group."""

    group_id: str  # 32 hex digits, from its kind and its leading text
    kind: str  # exact or near
    chunk_id: str
    document_id: str
    text_sha256: str  # of the normalised text
    similarity: float  # to the leading text of the group
    representative: bool  # the smallest chunk id among those with the same acl and tenant
    collapsed: bool  # the representative stands for it: it has no point and no postings
    documents: int  # in which the whole group occurs


class Duplicates(Scratch):
    """Finds the groups. A context manager: `add` all chunks, then call `groups` once."""

    def __init__(self, options: DuplicateOptions) -> None:
        """Create the tables. Near-duplicates are searched for when the options ask for them or collapse them."""
        super().__init__(_TABLES)
        self._options = options

    def add(self, shard: int, chunks: Iterable[tuple[str, str, str, bytes]]) -> None:
        """Add a shard's chunks: id, document's id, who may see it, and sketch of each. Raises: TransientError."""
        rows = ((chunk, document, access, shard, self._text(sketch)) for chunk, document, access, sketch in chunks)
        self.insert("chunks", rows, columns=5)

    def _text(self, sketch: bytes) -> int:
        sha256, bands = sketch[TAG:BANDS].hex(), np.frombuffer(sketch[BANDS:], ">i8").tolist()
        known = self._db.execute("SELECT text FROM texts WHERE sha256 = ?", (sha256,)).fetchone()
        if known is not None:
            return int(known[0])
        text = int(self._db.execute("INSERT INTO texts VALUES (NULL, ?, NULL)", (sha256,)).lastrowid or 0)
        self._db.executemany("INSERT INTO bands VALUES (?, ?)", [(band, text) for band in bands])
        return text

    def groups(self, texts: ChunkTexts) -> Iterator[Duplicate]:
        """Yield the members of all groups, sorted by kind, group and chunk. `texts`: reads texts of chunks."""
        self._db.execute("BEGIN")
        self._db.execute("CREATE INDEX chunks_by_text ON chunks (text)")
        self._lead(texts)
        self._db.execute(_MEMBERS)
        self._db.execute("COMMIT")
        for group, kind, chunk, document, sha256, similarity, documents, text, best, *told in self._db.execute(_ROWS):
            collapsed = chunk != best and self._collapses(kind, text, *told)
            alike, name = float(np.float32(similarity)), sha256_hex(group.encode())[:32]
            yield Duplicate(name, kind, chunk, document, sha256, alike, chunk == best, collapsed, documents)

    def _lead(self, texts: ChunkTexts) -> None:
        """Make each text that shares a band a leader, or assign it to its most similar one: so there are no chains."""
        for statement in (*(f"CREATE INDEX bands_by_{one} ON bands ({one})" for one in ("band", "text")), _SHARED):
            self._db.execute(statement)
        for (shard,) in self._db.execute("SELECT DISTINCT shard FROM shared").fetchall():
            numbers = dict(self._db.execute("SELECT first, text FROM shared WHERE shard = ?", (shard,)))
            found = ((shingles(normalised(text)), numbers[chunk]) for chunk, text in texts(shard, numbers))
            rows = ((held.tobytes(), text) for held, text in found if held is not None)
            self._db.executemany("UPDATE texts SET shingles = ? WHERE text = ?", rows)
        for text, first in self._db.execute("SELECT text, first FROM shared ORDER BY first"):
            nearby = self._db.execute(
                "SELECT DISTINCT l.first, l.text FROM bands b JOIN leaders l ON l.band = b.band "
                "WHERE b.text = ? ORDER BY l.first LIMIT ?",
                (text, MOST_COMPARED),
            ).fetchall()
            measured = [(-self._similarity(text, leader), name, leader) for name, leader in nearby]
            best = min(measured, default=(0.0, "", 0))
            if -best[0] >= self._options.similarity:
                self._db.execute("INSERT INTO near VALUES (?, ?, ?)", (text, best[2], -best[0]))
            else:
                self._db.execute("INSERT INTO leaders SELECT band, ?, text FROM bands WHERE text = ?", (first, text))

    def _collapses(self, kind: str, text: int, stands: int, nearer: int) -> bool:
        collapse = self._options.collapse
        if collapse == "none" or (kind == "near" and collapse == "exact") or (nearer and collapse == "near"):
            return False
        if kind == "exact":
            return True
        return text == stands or self._similarity(text, stands) >= self._options.similarity

    def _similarity(self, *texts: int) -> float:
        held = (self._db.execute("SELECT shingles FROM texts WHERE text = ?", (text,)).fetchone() for text in texts)
        return jaccard(*(np.frombuffer(blob, np.uint32) for (blob,) in held))


@cache
def sketching(options: DuplicateOptions) -> Callable[[str], bytes]:
    """Return what makes a text's sketch: TAG bytes that name the way, SHA-256 of the normalised text, MinHash bands.

    Texts as similar as the options ask for very likely share a band, of 8 bytes: recall counts more than precision.
    """
    from datasketch import MinHash, MinHashLSH

    empty = MinHash(PERMUTATIONS, hashfunc=int, scheme=SCHEME)
    planned = MinHashLSH(threshold=min(options.similarity, 0.99), num_perm=PERMUTATIONS, weights=(0.1, 0.9))
    rows, bands = planned.r, planned.b if options.near or options.collapse == "near" else 0
    tag = bytes.fromhex(digest_of([SCHEME, PERMUTATIONS, rows, bands, unicodedata.unidata_version])[: 2 * TAG])

    def sketch(text: str) -> bytes:
        plain = normalised(text)
        parts = [tag, hashlib.sha256(plain.encode()).digest()]
        if bands and (hashes := shingles(plain)) is not None:
            minima = empty.copy()
            minima.update_batch(hashes.tolist())
            for i, part in enumerate(np.split(minima.hashvalues[: bands * rows], bands)):
                parts.append(hashlib.blake2b(part.tobytes(), digest_size=8, key=bytes([i])).digest())
        return b"".join(parts)

    return sketch


def normalised(text: str) -> str:
    """Return a text without differences of case, white space and compatibility forms."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def shingles(plain: str) -> NDArray[np.uint32] | None:
    """Return the distinct hashes of a normalised text's shingles, sorted; None for a text that is too short."""
    words: list[str] | str = plain.split(" ")
    size = SHINGLE
    if len(plain) > LONG_WORD * len(words):
        words, size = plain, 2 * SHINGLE
    if len(words) < LEAST_WORDS:
        return None
    joint = "" if isinstance(words, str) else " "
    hashes = {zlib.crc32(joint.join(words[i : i + size]).encode()) for i in range(len(words) - size + 1)}
    return np.array(sorted(hashes)[:MOST_SHINGLES], np.uint32)


def jaccard(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> float:
    """Return intersection / union, 0 to 1, of two sets of distinct hashes."""
    if not len(one) or not len(other):
        return 0.0
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)
