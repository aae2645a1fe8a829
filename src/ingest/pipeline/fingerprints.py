"""Fingerprints of everything on which results depend besides the documents.

A document's text depends on the parser that read it, its source's options, and the rules that determined its media
type. It does not depend on other parsers, other sources or limits, so after a new version of one parser only its own
documents are read again. A failure also depends on limits and chunker. Both are written `<parser>:<digest>`; if no
parser was found, the name is empty, and the set of readable media types counts in its place.

Rows of the oldest generations hold one over all parsers, sources and media types. It is not that of any row of today,
so these documents are read again: nearly every parser gives another text since then.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ingest.documents import chunking, media_types, parsers, screening
from ingest.errors import may_pass
from ingest.extras import installed_version
from ingest.ids import digest_of
from ingest.lake.rows import DocumentRow
from ingest.lake.shard_rows import ShardRows
from ingest.ports import Sandbox
from ingest.records import Manifest, ParseLimits, ParserOptions, Quarantined, ScreeningPolicy
from ingest.services import Workbench

ATTEMPTS = 5  # tries, one per run, of a version whose failure may pass by itself


@dataclass(frozen=True)
class Fingerprints:
    """What results depend on besides the documents. What is installed is determined once, when first needed."""

    sandbox: Sandbox
    limits: ParseLimits  # of documents inside documents
    chunker: str  # covers screening and the sources' policies too: a changed policy starts from stored texts
    model: str
    cutting: str = ""  # the options of the chunker and the policies alone, whatever the versions of the code

    def record(self) -> dict[str, str]:
        """Return the fingerprints of a whole generation, as its manifest records them."""
        return {"chunker": self.chunker, "model": self.model}

    def parsing(self) -> str:
        """Return the digest of all that could affect any text. Raises: InvalidSettings if two parsers claim a type."""
        rules = [parsers.media_types(), media_types.fingerprint()]
        return digest_of([self._parsers, rules, self._told, self.sandbox.version])

    def text(self, row: DocumentRow, source: str) -> str:
        """Return the fingerprint of a parsed document's text when it is read from `source`."""
        owner = parsers.media_types().get(row.media_type, "")  # another parser may read that type by now
        return self._labelled(row.parser, [media_types.fingerprint(row.uri), owner, self._told.get(source)])

    def failure(self, parser: str, uri: str, source: str, stage: str = "") -> str:
        """Return the fingerprint of a document's failure when read from `source`; `parser` is "" if none was found."""
        readable = sorted(kind for kind, name in parsers.media_types().items() if parser in ("", name))
        own = self.sandbox.options.get(source, ParserOptions()).limits
        limits = [self.sandbox.kind, own.model_dump(), self.limits.model_dump()]
        rules = [media_types.fingerprint(uri), readable, self._told.get(source)]
        return self._labelled(parser, [rules, limits, self.chunker, *([self.model] if stage == "embed" else ())])

    def same_family(self, row: DocumentRow, rows: ShardRows, source: str) -> bool:
        """Return whether a document and all documents inside it would be read from `source` as before."""
        return all(
            member.parser_fingerprint == self.text(member, source)
            and all(self.same_failure(failure, source) for failure in rows.failures.get(member.document_id, ()))
            for member in rows.family(row)
        )

    def same_failure(self, failure: Quarantined, source: str) -> bool:
        """Return whether a document that failed would fail again: read from `source` as before, and tried enough."""
        if may_pass(failure.error) and failure.attempts < ATTEMPTS:
            return False
        parser = failure.fingerprint.rpartition(":")[0]
        return failure.fingerprint == self.failure(parser, failure.uri, source, failure.stage)

    def _labelled(self, parser: str, parts: list[Any]) -> str:
        return f"{parser}:{digest_of([self._parsers.get(parser, ''), self.sandbox.version, *parts])[:16]}"

    @cached_property
    def _parsers(self) -> dict[str, str]:
        return {name: parsers.fingerprint(name) for name in parsers.names()}

    @cached_property
    def _told(self) -> dict[str, dict[str, Any]]:
        """Options that sources set, by name, without limits and defaults, so that a new option affects no others."""
        told = {n: o.model_dump(exclude={"limits"}, exclude_defaults=True) for n, o in self.sandbox.options.items()}
        return {name: given for name, given in told.items() if given}


def fingerprints(bench: Workbench) -> Fingerprints:
    """Return the fingerprints of this process's code, libraries, options and model."""
    options, screened = bench.options, bench.options.screening
    cut = chunking.fingerprint(options.chunking, bench.tokenizer, options.model_tokens)
    chunker = digest_of([cut, screening.fingerprint(screened)])
    policies = {name: policy.model_dump() for name, policy in screened.items()}
    told = [options.chunking.model_dump(), bench.tokenizer.fingerprint, policies]
    return _first(Fingerprints(bench.sandbox, options.limits, chunker, bench.model.fingerprint, digest_of(told)))


@lru_cache(maxsize=4)
def _first(prints: Fingerprints) -> Fingerprints:
    """Return the first of equal ones, which knows what is installed: asking for that takes as long as a shard."""
    return prints


@lru_cache(maxsize=4)
def code_version(prints: Fingerprints) -> str:
    """Return which version of the code this process runs, its parsers, libraries, options and model included."""
    return f"{installed_version('ingest')} ({digest_of([prints.parsing(), prints.record()])[:12]})"


def changed_marks(base: Manifest, bench: Workbench) -> frozenset[str] | None:
    """Return the marks that have another consequence in some source than in the base. What has none is not cut again.

    None unless the base's chunker differs from today's by its policies alone.
    """
    options, found = bench.options, base.fingerprints["chunker"]
    if found == fingerprints(bench).chunker or "sources" not in base.settings:
        return None
    sources = base.settings["sources"]
    then = {told["name"]: ScreeningPolicy.model_validate(told.get("screening", {})) for told in sources}
    cut = chunking.fingerprint(options.chunking, bench.tokenizer, options.model_tokens)
    if found != digest_of([cut, screening.fingerprint(then)]):
        return None
    now = {name: options.screening.get(name, ScreeningPolicy()) for name in then}
    differ = ({mark for mark, does in then[name] if dict(now[name])[mark] != does} for name in then)
    return frozenset[str]().union(*differ)


def unscreened(settings: dict[str, Any]) -> str:
    """Return the digest of a generation's settings without policies: the chunker's fingerprint has these."""
    sources = [{k: v for k, v in source.items() if k != "screening"} for source in settings.get("sources", ())]
    return digest_of({**settings, "sources": sources})
