"""The older fingerprint of texts, from before each parser had its own: one over all parsers, sources and media types.

Rows of older generations hold it. If it can be reproduced, documents whose own parser is the same are not read again.
The parsers of that time are recorded here; their libraries are tried in the versions of that release's lock, and in
those installed.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import product
from typing import Any

from ingest.documents import media_types, parsers
from ingest.extras import installed_version
from ingest.ids import digest_of
from ingest.ports import Sandbox
from ingest.records import ParseLimits, ParserOptions

PARSERS = """\
archive 1 - application/gzip application/x-bzip2 application/x-tar application/x-xz application/zip
csv 1 charset-normalizer text/csv text/tab-separated-values
docx 1 lxml application/vnd.ms-word.document.macroenabled.12 application/vnd.ms-word.template.macroenabled.12
 application/vnd.openxmlformats-officedocument.wordprocessingml.document
 application/vnd.openxmlformats-officedocument.wordprocessingml.template
eml 1 lxml,charset-normalizer message/rfc822
epub 1 lxml,charset-normalizer application/epub+zip
html 2 lxml,charset-normalizer application/xhtml+xml text/html
json_text 1 charset-normalizer application/json application/x-ndjson
markdown 3 pyromark,lxml,pyyaml,charset-normalizer text/markdown text/mdx
msg 1 python-oxmsg,olefile,lxml application/vnd.ms-outlook
notebook 2 pyromark,lxml,pyyaml,charset-normalizer application/x-ipynb+json
odf 1 lxml application/vnd.oasis.opendocument.presentation application/vnd.oasis.opendocument.spreadsheet
 application/vnd.oasis.opendocument.text
pdf 1 pypdfium2,pdfplumber application/pdf
plain 1 charset-normalizer text/plain text/x-log text/x-tex
pptx 1 lxml application/vnd.ms-powerpoint.presentation.macroenabled.12
 application/vnd.ms-powerpoint.slideshow.macroenabled.12 application/vnd.ms-powerpoint.template.macroenabled.12
 application/vnd.openxmlformats-officedocument.presentationml.presentation
 application/vnd.openxmlformats-officedocument.presentationml.slideshow
 application/vnd.openxmlformats-officedocument.presentationml.template
rst 2 docutils,charset-normalizer text/prs.fallenstein.rst text/x-rst
source_code 1 charset-normalizer application/sql application/toml application/yaml text/css text/javascript text/x-c
 text/x-c++ text/x-csharp text/x-go text/x-graphql text/x-ini text/x-java text/x-kotlin text/x-lua text/x-perl
 text/x-php text/x-powershell text/x-properties text/x-protobuf text/x-python text/x-r text/x-ruby text/x-rust
 text/x-scala text/x-sh text/x-swift text/x-terraform text/x-typescript
xlsx 1 lxml,openpyxl application/vnd.ms-excel.sheet.macroenabled.12 application/vnd.ms-excel.template.macroenabled.12
 application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
 application/vnd.openxmlformats-officedocument.spreadsheetml.template
xml 1 lxml,charset-normalizer application/atom+xml application/dita+xml application/docbook+xml application/jats+xml
 application/rss+xml application/tei+xml application/xml text/xml
"""
"""Name, VERSION, LIBRARIES and sorted MEDIA_TYPES of each parser, as they were then. History: never edited."""

VERSIONS = """charset-normalizer 3.5.2, docutils 0.23, lxml 6.1.3, olefile 0.47, openpyxl 3.1.5, pdfplumber 0.11.10,
pypdfium2 5.15.2, pyromark 0.10.3, python-oxmsg 0.0.2, pyyaml 6.0.4"""
LIBRARIES = dict(one.split() for one in VERSIONS.split(","))
VARIANTS = ("", "tesseract by pytesseract 0.3.13")  # of the PDF parser, the only one that had variants
RULES = ("2", "1.2.0")  # VERSION of the rules for media types, and the version of filetype
RULES_DIGEST = "75354a80235121d7a795d0e332cd25273afbb07307cc669949a78cac1c4b7092"  # with all extensions
OPTIONS = {"text_fields", "title_field", "ocr", "ocr_languages"}  # of a source


def earlier_texts(sandbox: Sandbox) -> dict[str, frozenset[str]]:
    """Return each fingerprint that rows may hold → the names of the parsers that have not changed since.

    "" is among the names when the set of readable media types is the same. Empty when the rules for media types or the
    sandbox itself have changed; a type for a new extension does not count as a change of the rules.
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


def earlier_failures(
    texts: Mapping[str, frozenset[str]], sandbox: Sandbox, limits: ParseLimits, chunker: str
) -> Iterator[tuple[str, bool]]:
    """Yield each still valid fingerprint that failures may hold, and whether it means that no parser was found.

    Which parser failed is not recorded in it, so it is valid as long as none has changed. `texts` is what
    `earlier_texts` returns; `limits` are those of documents inside documents; `chunker` covers screening too.
    """
    held = {digest_of(given.limits.model_dump()) for given in list(sandbox.options.values()) or [ParserOptions()]}
    names = {name for name, *_ in _parsers_then({}, "")}
    for text, same in texts.items():
        if names <= same:
            refusal = digest_of([digest_of([sandbox.kind, text, sorted(held)]), limits.model_dump()])
            failure = digest_of([refusal, chunker])[:16]
            yield failure, False
            if "" in same:
                yield failure, True


def _parsers_then(libraries: Mapping[str, str], variant: str) -> list[list[Any]]:
    """Return name, version, media types, libraries and variant of each parser, as the fingerprint covered them."""
    found = []
    for name, number, used, *types in map(str.split, re.split(r"\n(?! )", PARSERS.strip())):
        versions = {library: libraries[library] for library in used.split(",") if library in libraries}
        found.append([name, number, types, versions, variant if name == "pdf" else ""])
    return found


def _still_same(rows: list[list[Any]]) -> Iterator[str]:
    owners = parsers.media_types()
    for name, number, types, versions, variant in rows:
        today = parsers.state(name)
        # A library removed since then under the same VERSION changed nothing: the results were compared.
        kept = {library: found for library, found in versions.items() if today and library in today[2]}
        if today == [name, number, kept, variant] and all(owners.get(t) == name for t in types):
            yield name
    if {media_type for _, _, types, *_ in rows for media_type in types} == set(owners):
        yield ""
