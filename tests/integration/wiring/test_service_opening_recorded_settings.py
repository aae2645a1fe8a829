"""Equal settings keep the hashes that earlier generations recorded: another hash would build everything again."""

import unicodedata
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from ingest.documents import chunking, screening
from ingest.ids import digest_of
from ingest.records import BuildOptions, ParserOptions
from ingest.settings import IndexSettings, make_settings
from ingest.wiring.service_opening import build_options, parser_options
from ingest_conformance.hashing_embedder import HashingTokenizer

# What was then the default for secrets is written out: it is another one today.
INDEXED = {"secret": "index"}
PLAIN: dict[str, Any] = {"sources": [{"name": "docs", "uri": "documents", "screening": INDEXED}]}
RICH: dict[str, Any] = {
    "sources": [
        {
            "name": "handbook",
            "uri": "s3://bucket/handbook",
            "acl": ["staff", "boss"],
            "tenant": "acme",
            "include": ["*.md"],
            "exclude": ["draft/*", "old/*"],
            "parsing": {
                "text_fields": ["body", "a.b"],
                "title_field": "title",
                "ocr": True,
                "ocr_languages": ["deu", "eng"],
            },
            "screening": {"hidden": "index", "invisible": "drop", "instruction": "quarantine", "secret": "drop"},
        },
        {
            "name": "wiki",
            "uri": "wiki",
            "options": {"exclude": ["x"]},
            "parsing": {"ocr_languages": ["fra"]},
            "screening": INDEXED,
        },
        {"name": "plain", "uri": "plain", "screening": INDEXED},
    ],
    "chunking": {
        "preset": "long-context",
        "split_level": 3,
        "heading_prefix": False,
        "skipped_kinds": ["table", "metadata", "code"],
        "tables": "whole",
        "code": "skip",
    },
    "keyword": {
        "language": "german",
        "stop_words": ["und", "der"],
        "heading_weight": 3,
        "k1": 1,
        "b": 0.5,
    },
    "payload": "haystack",
    "sparse": True,
    "profile": {"fusion": "rrf", "rrf_k": 20, "depth": 50},
    "gate": {"floors": {"fused.ndcg@10": 0}, "margin": 0, "min_questions": 5, "allow_unjudged": True},
    "max_document_bytes": 1000,
    "limits": {
        "wall_seconds": 3,
        "cpu_seconds": 2.5,
        "memory_bytes": 268435456,
        "text_characters": 5,
        "blocks": 6,
        "nesting": 7,
        "archive_entries": 8,
        "archive_bytes": 9,
        "archive_ratio": 10,
        "archive_depth": 0,
    },
    "duplicates": {"collapse": "near", "near": False, "similarity": 1, "least_documents": 4},
}
BOTH = pytest.mark.parametrize("values", [PLAIN, RICH], ids=["plain", "rich"])


def index_of(values: dict[str, Any]) -> IndexSettings:
    return make_settings({"lake": "lake", "indexes": {"docs": values}}, Path("/etc/project")).indexes["docs"]


def options_of(values: dict[str, Any]) -> BuildOptions:
    return build_options("docs", index_of(values))


def recorded(values: dict[str, Any], plain: Any, rich: Any) -> Any:
    """Return what a generation of these settings recorded."""
    return plain if values is PLAIN else rich


@BOTH
def test_the_settings_of_a_manifest_keep_their_hash(values: dict[str, Any]) -> None:
    plain = "9ebcfdc9d781c4461bfde111749b3487e9f5a3aa7e12f812577b479cdf58ee6f"
    rich = "e1018413a9605e2b04a3f6fa11be2cc1820855dffc4acd096be79006cff8bb64"
    assert recorded(values, plain, rich) == digest_of(options_of(values).settings)


@BOTH
def test_the_analyser_of_a_manifest_keeps_its_form(values: dict[str, Any]) -> None:
    more = {"format": 4, "lowercase": True, "max_term_characters": 64, "stem": True}
    plain = {"language": "auto", "stop_words": [], "heading_weight": 1, "k1": 1.2, "b": 0.75}
    rich = {"language": "german", "stop_words": ["und", "der"], "heading_weight": 3, "k1": 1.0}
    analyser = options_of(values).analyser
    assert {**more, **recorded(values, plain, {**rich, "b": 0.5}), "probe": analyser["probe"]} == analyser


@BOTH
def test_the_stored_profile_and_the_rules_of_the_gate_keep_their_hashes(values: dict[str, Any]) -> None:
    plain = (
        "51432e02c90cf2373a3dcd9c2ad40521648309dbaa77a70520d5091ae4c4bdd9",
        "6840aced2a0120dc7443bbaceb343eb04847ea1a0609f88e95e4e2d6a9d8f7f8",
    )
    rich = (
        "ce3e76205413d1bc3ca8651bcb2a559f03a3e9f02450b4d4b90a589bdaf5b4f4",
        "e0a44c7dd5133e39ac8d411b9ae555234fd10dde9c8c65865bc2e6edfdb0cfc0",
    )
    options = options_of(values)
    found = tuple(digest_of(record.model_dump(mode="json")) for record in (options.profile, options.gate))
    assert recorded(values, plain, rich) == found


@BOTH
def test_the_chunker_keeps_its_fingerprint(values: dict[str, Any]) -> None:
    plain = {
        "split_level": 6,
        "target_tokens": 160,
        "max_tokens": 220,
        "min_tokens": 60,
        "heading_prefix": True,
        "skipped_kinds": ["metadata"],
        "overlap_tokens": 0,
        "tables": "rows",
        "code": "lines",
        "parent_tokens": 0,
    }
    rich = {
        "split_level": 3,
        "target_tokens": 360,
        "max_tokens": 500,
        "min_tokens": 120,
        "heading_prefix": False,
        "skipped_kinds": ["code", "metadata", "table"],
        "overlap_tokens": 40,
        "tables": "whole",
        "code": "skip",
        "parent_tokens": 1500,
    }
    tokenizer = HashingTokenizer()
    libraries = [version("sentencex"), version("py3langid")]
    expected = [chunking.VERSION, *libraries, recorded(values, plain, rich), tokenizer.fingerprint, 0]
    assert digest_of(expected) == chunking.fingerprint(options_of(values).chunking, tokenizer)


@BOTH
def test_screening_keeps_its_fingerprint(values: dict[str, Any]) -> None:
    default = {"hidden": "drop", "invisible": "index", "instruction": "index", "secret": "drop"}
    indexed = {**default, "secret": "index"}
    handbook = {"hidden": "index", "invisible": "drop", "instruction": "quarantine", "secret": "drop"}
    told = recorded(values, {"docs": indexed}, {"handbook": handbook, "wiki": indexed, "plain": indexed})
    expected = [screening.VERSION, version("detect-secrets"), unicodedata.unidata_version, told, default]
    assert digest_of(expected) == screening.fingerprint(options_of(values).screening)


@BOTH
def test_the_limits_keep_their_hashes(values: dict[str, Any]) -> None:
    plain = "7469bf7e150bc51db644c33d2357fac544498707a81cb89c358176f8a6010814"
    rich = "4be89a38a42d141e23df18624ab82fa94e6cc0c2cd346d20bd8c1994cbd33ff7"
    told = [options_of(values).limits, *(given.limits for given in parser_options(index_of(values)).values())]
    assert {recorded(values, plain, rich)} == {digest_of(limits.model_dump()) for limits in told}


def test_what_the_parsers_are_told_keeps_its_form() -> None:
    told = {name: given.model_dump(exclude={"limits"}) for name, given in parser_options(index_of(RICH)).items()}
    default = {"text_fields": (), "title_field": "", "ocr": False, "ocr_languages": ("eng",)}
    handbook = {"text_fields": ("body", "a.b"), "title_field": "title", "ocr": True, "ocr_languages": ("deu", "eng")}
    assert {"handbook": handbook, "wiki": {**default, "ocr_languages": ("fra",)}, "plain": default} == told
    assert default == ParserOptions().model_dump(exclude={"limits"})
