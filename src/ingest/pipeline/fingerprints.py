"""Fingerprints of everything on which results depend besides the documents.

A document's text depends on the parser that read it, its source's options, and the rules that determined its media
type. It does not depend on other parsers, other sources or limits, so after a new version of one parser only its own
documents are read again. A failure also depends on limits and chunker. Both are written `<parser>:<digest>`; if no
parser was found, the name is empty, and the set of readable media types counts in its place.

Rows of older generations hold one over all parsers, sources and media types. If it can be reproduced, documents whose
own parser is the same are not read again; what failed then is tried again, as the marks of chunks, on which it depends,
have changed since. The parsers of that time are recorded here; their libraries are tried in the versions of that
release's lock, and in those installed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from importlib.metadata import version
from itertools import product
from typing import Any

import pyarrow.compute as pc

from ingest.documents import chunking, media_types, parsers, screening
from ingest.errors import may_pass
from ingest.extras import installed_version
from ingest.ids import digest_of
from ingest.lake.lake import Lake
from ingest.lake.rows import DocumentRow
from ingest.lake.shard_rows import ShardRows
from ingest.ports import Sandbox
from ingest.records import Manifest, ParseLimits, ParserOptions, PartFile, Quarantined, ScreeningPolicy
from ingest.services import Workbench

PARSERS = """archive 1 -, csv 1 charset-normalizer, docx 1 lxml, eml 1 lxml+charset-normalizer,
epub 1 lxml+charset-normalizer, html 2 lxml+charset-normalizer, json_text 1 charset-normalizer,
markdown 3 pyromark+lxml+pyyaml+charset-normalizer, msg 1 python-oxmsg+olefile+lxml,
notebook 2 pyromark+lxml+pyyaml+charset-normalizer, odf 1 lxml, pdf 1 pypdfium2+pdfplumber,
plain 1 charset-normalizer, pptx 1 lxml, rst 2 docutils+charset-normalizer, source_code 1 charset-normalizer,
xlsx 1 lxml+openpyxl, xml 1 lxml+charset-normalizer"""
"""Name, VERSION and LIBRARIES of each parser, as they were then. History: never edited.

Their MEDIA_TYPES are today's: who changes those has to record them here as they were, or no old fingerprint is known.
"""

VERSIONS = """charset-normalizer 3.5.2, docutils 0.23, lxml 6.1.3, olefile 0.47, openpyxl 3.1.5, pdfplumber 0.11.10,
pypdfium2 5.15.2, pyromark 0.10.3, python-oxmsg 0.0.2, pyyaml 6.0.4"""
LIBRARIES = dict(one.split() for one in VERSIONS.split(","))
VARIANTS = ("", "tesseract by pytesseract 0.3.13")  # of the PDF parser, the only one that had variants
RULES = ("2", "1.2.0")  # VERSION of the rules for media types, and the version of filetype
RULES_DIGEST = "75354a80235121d7a795d0e332cd25273afbb07307cc669949a78cac1c4b7092"  # with all extensions
OPTIONS = {"text_fields", "title_field", "ocr", "ocr_languages"}  # of a source
ATTEMPTS = 5  # tries, one per run, of a version whose failure may pass by itself


def earlier_texts(sandbox: Sandbox) -> dict[str, frozenset[str]]:
    """Return each fingerprint that rows may hold → the names of the parsers that have not changed since.

    Empty when the rules for media types or the sandbox itself have changed; a type for a new extension does not count
    as a change of the rules.
    """
    if sandbox.version or (media_types.VERSION, version("filetype")) != RULES:
        return {}
    default = ParserOptions().model_dump(include=OPTIONS)
    told = {name: given.model_dump(include=OPTIONS) for name, given in sandbox.options.items()}
    special = {name: record for name, record in told.items() if record != default}
    installed = {library: number for library in LIBRARIES if (number := installed_version(library))}
    found = {}
    variants = {*VARIANTS, *parsers.state("pdf")[-1:]}
    for libraries, variant in product((LIBRARIES, LIBRARIES | installed), variants):
        rows = _parsers_then(libraries, variant)
        text = digest_of([digest_of(sorted(rows)), RULES_DIGEST, *([special] if special else [])])
        found[text] = frozenset(_still_same(rows))
    return found


def _parsers_then(libraries: Mapping[str, str], variant: str) -> list[list[Any]]:
    """Return name, version, media types, libraries and variant of each parser, as the fingerprint covered them."""
    found, owners = [], parsers.media_types()
    for name, number, used in map(str.split, PARSERS.split(",")):
        types = sorted(media_type for media_type, owner in owners.items() if owner == name)
        versions = {library: libraries[library] for library in used.split("+") if library in libraries}
        found.append([name, number, types, versions, variant if name == "pdf" else ""])
    return found


def _still_same(rows: list[list[Any]]) -> Iterator[str]:
    for name, number, _, versions, variant in rows:
        today = parsers.state(name)
        # A library removed since then under the same VERSION changed nothing: the results were compared.
        kept = {library: found for library, found in versions.items() if today and library in today[2]}
        if today == [name, number, kept, variant]:
            yield name


@dataclass(frozen=True)
class Fingerprints:
    """What results depend on besides the documents. What is installed is determined once, when first needed."""

    sandbox: Sandbox
    limits: ParseLimits  # of documents inside documents
    chunker: str  # covers screening and the sources' policies too: a changed policy starts from stored texts
    model: str
    first_chunker: str = ""  # the same under the first default policy, which indexed secrets
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
            self._same_text(member, source)
            and all(self.same_failure(failure, source) for failure in rows.failures.get(member.document_id, ()))
            for member in rows.family(row)
        )

    def same_failure(self, failure: Quarantined, source: str) -> bool:
        """Return whether a document that failed would fail again: read from `source` as before, and tried enough."""
        if may_pass(failure.error) and failure.attempts < ATTEMPTS:
            return False
        parser = failure.fingerprint.rpartition(":")[0]
        held = {self.failure(parser, failure.uri, source, failure.stage)}
        if failure.error != "SuspiciousDocument":  # anything else did not depend on the default policy
            held.add(replace(self, chunker=self.first_chunker).failure(parser, failure.uri, source, failure.stage))
        return failure.fingerprint in held

    def translated(self, row: DocumentRow) -> str:
        """Return the fingerprint for a carried row: the current form of an older valid one, else the row's own."""
        earlier = ":" not in row.parser_fingerprint and self._same_text(row, row.source)
        return self.text(row, row.source) if earlier else row.parser_fingerprint

    def _same_text(self, row: DocumentRow, source: str) -> bool:
        if ":" not in row.parser_fingerprint:
            return source == row.source and row.parser in self._earlier.get(row.parser_fingerprint, ())
        return row.parser_fingerprint == self.text(row, source)

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

    @cached_property
    def _earlier(self) -> dict[str, frozenset[str]]:
        return earlier_texts(self.sandbox)


def fingerprints(bench: Workbench) -> Fingerprints:
    """Return the fingerprints of this process's code, libraries, options and model."""
    options, screened = bench.options, bench.options.screening
    cut = chunking.fingerprint(options.chunking, bench.tokenizer)
    first = {n: p.model_copy(update={"secret": "index"}) if p.secret == "drop" else p for n, p in screened.items()}
    screenings = screening.fingerprint(screened), screening.fingerprint(first, screening.FIRST_DEFAULT)
    chunker, before = (digest_of([cut, policies]) for policies in screenings)
    policies = {name: policy.model_dump() for name, policy in screened.items()}
    told = [options.chunking.model_dump(), bench.tokenizer.fingerprint, policies]
    return _first(
        Fingerprints(bench.sandbox, options.limits, chunker, bench.model.fingerprint, before, digest_of(told))
    )


@lru_cache(maxsize=4)
def _first(prints: Fingerprints) -> Fingerprints:
    """Return the first of equal ones, which knows what is installed: asking for that takes as long as a shard."""
    return prints


@lru_cache(maxsize=4)
def code_version(prints: Fingerprints) -> str:
    """Return which version of the code this process runs, its parsers, libraries, options and model included."""
    return f"{installed_version('ingest')} ({digest_of([prints.parsing(), prints.record()])[:12]})"


def holds_mark(lake: Lake, parts: dict[str, PartFile], marks: frozenset[str]) -> bool:
    """Tell whether a shard holds chunks with such a mark, indexed or dropped."""
    tables = (lake.read(parts[kind]) for kind in ("chunks", "dropped") if kind in parts)
    return any(marks & set(pc.unique(pc.list_flatten(table["marks"])).to_pylist()) for table in tables)


def changed_marks(base: Manifest, bench: Workbench) -> frozenset[str] | None:
    """Return the marks that have another consequence in some source than in the base. What has none is not cut again.

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
