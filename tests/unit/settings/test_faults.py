"""Errors about settings name all that is wrong, the nearest key, and never a value that might be a secret."""

import traceback
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest.errors import InvalidSettings
from ingest.settings import load_settings, make_settings

SECRET = "hunter2"
SOURCE = {"name": "docs", "uri": "./documents"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [n for n in os.environ if n.startswith(("INGEST_", "QDRANT_"))]:
        monkeypatch.delenv(name, raising=False)


def values(**changes: Any) -> dict[str, Any]:
    return {"lake": "./lake", "indexes": {"docs": {"sources": [SOURCE]}}, **changes}


def index(**changes: Any) -> dict[str, Any]:
    return values(indexes={"docs": {"sources": [SOURCE], **changes}})


def source(**changes: Any) -> dict[str, Any]:
    return index(sources=[{**SOURCE, **changes}])


def refusal(given: dict[str, Any]) -> str:
    with pytest.raises(InvalidSettings) as error:
        make_settings(given, Path("/etc/project"), "ingest.yaml")
    return shown(error)


def shown(error: pytest.ExceptionInfo[InvalidSettings]) -> str:
    """Return all that a person or a log gets to see of an error: its message, and the traceback with all causes."""
    return f"{error.value} {error.value!r} {''.join(traceback.format_exception(error.value))}"


PLANTED = [
    values(qdrant={"key": SECRET}),
    values(qdrant={"api_key": SECRET}),
    values(qdrant={"url": {"key": SECRET}}),
    values(qdrant=SECRET),
    values(qdrant={"timeout_seconds": SECRET}),
    values(qdrant={"url": f"http://me:{SECRET}@host"}),
    values(hunter=SECRET),
    values(workers=SECRET),
    values(workers=[SECRET]),
    values(lake=[SECRET]),
    values(lake=f"s3://bucket/x?X-Amz-Signature={SECRET}"),
    values(s3={"endpoint_url": SECRET}),
    values(s3={"region": {"a": SECRET}}),
    values(s3=SECRET),
    values(state=[SECRET]),
    values(indexes=SECRET),
    values(indexes={"docs": SECRET}),
    values(indexes=[SECRET]),
    index(sources=SECRET),
    index(sources=[SECRET]),
    index(model={"name": [SECRET]}),
    index(model={"options": {"token": SECRET}}),
    index(model={"options": SECRET}),
    index(decide=SECRET),
    index(gate={"floors": {"fused.ndcg@10": SECRET}}),
    index(gate={"metric": {"a": SECRET}}),
    index(profile={"reranker": [SECRET]}),
    index(profile={"fusion": SECRET}),
    index(chunking={"preset": SECRET}),
    index(chunking=SECRET),
    index(judged=[{"a": SECRET}]),
    source(acl=SECRET),
    source(options=SECRET),
    source(options={"password": SECRET}),
    source(options={"deep": [{"api_key": SECRET}]}),
    source(screening={"secret": SECRET}),
    source(screening=SECRET),
    source(uri=f"https://me:{SECRET}@host/docs"),
    source(uri=f"web://host/docs?access_token={SECRET}"),
    source(name=f"A {SECRET}"),
    source(parsing={"ocr": SECRET}),
]


@pytest.mark.parametrize("given", PLANTED, ids=str)
def test_no_error_about_settings_repeats_a_secret(given: dict[str, Any]) -> None:
    assert SECRET not in refusal(given)


@pytest.mark.parametrize("given", PLANTED, ids=str)
def test_no_error_about_a_file_repeats_a_secret(given: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "ingest.yaml").write_text(yaml.safe_dump(given))
    with pytest.raises(InvalidSettings) as error:
        load_settings(tmp_path / "ingest.yaml")
    assert SECRET not in shown(error)


@pytest.mark.parametrize(
    "text",
    [
        f"qdrant: {{key: {SECRET}",
        f"lake: *{SECRET}",
        f"lake: !{SECRET} x",
        f"lake: &{SECRET} &{SECRET} x",
        f'password: "{SECRET}\n',
        f"a: b\n {SECRET}: c: d",
        f"lake: {SECRET}\n\tx: y",
    ],
)
def test_a_file_that_is_no_yaml_is_not_quoted(text: str, tmp_path: Path) -> None:
    (tmp_path / "ingest.yaml").write_text(text)
    with pytest.raises(InvalidSettings, match=r"not YAML in UTF-8: line [12], column") as error:
        load_settings(tmp_path / "ingest.yaml")
    assert SECRET not in shown(error)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INGEST_QDRANT__KEY", SECRET),
        ("INGEST_QDRANT__TIMEOUT_SECONDS", SECRET),
        ("INGEST_QDRANT", f"{{{SECRET}"),
        ("INGEST_INDEXES", f'{{"docs": "{SECRET}"}}'),
        ("INGEST_INDEXES__docs__SOURCES", f'[{{"name": "a", "uri": "b", "options": {{"token": "{SECRET}"}}}}]'),
        ("INGEST_PASSWORD", SECRET),
        ("INGEST_S3__SECRET", SECRET),
        ("INGEST_LAKE", f"s3://bucket/x?X-Amz-Signature={SECRET}"),
    ],
)
def test_no_error_about_the_environment_repeats_a_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    given = values()
    if name == "INGEST_LAKE":
        del given["lake"]
        given["workers"] = 0
    assert SECRET not in refusal(given)


def test_settings_never_show_the_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", SECRET)
    made = make_settings(values(), Path("/etc/project"))
    assert SECRET not in f"{made!r} {made} {made.qdrant!r} {made.model_dump()}"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({**values(laek="x"), "lake": "y"}, "laek: no such key; is lake meant?"),
        (
            {"laek": "x", "indexs": {}},
            "2 faults: laek: no such key; is lake meant?; indexs: no such key; is indexes meant?",
        ),
        (index(chunkin={}), "indexes.docs.chunkin: no such key; is chunking meant?"),
        (
            index(chunking={"target_token": 100}),
            "indexes.docs.chunking.target_token: no such key; is target_tokens meant?",
        ),
        (values(qdrant={"apikey": "x"}), "qdrant.apikey: no such key; is api_key meant?"),
        (source(include_=["x"]), "indexes.docs.sources.0.include_: no such key; is include meant?"),
        (values(zebra=1), "ingest.yaml: zebra: no such key"),
        (index(decide="maybe"), "indexes.docs.decide: Input should be 'automatic' or 'manual' (found 'maybe')"),
        (values(workers=0), "workers: Input should be greater than or equal to 1 (found 0)"),
    ],
)
def test_a_wrong_key_is_told_with_the_nearest_one(given: dict[str, Any], message: str) -> None:
    assert message in refusal(given)


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_LAEK", "x")
    monkeypatch.setenv("INGEST_QDRANT_URL", "x")
    told = refusal({**index(chunkin={}, decide="x"), "workers": 0, "password": "x"})
    for part in (
        "6 faults: ",
        "workers: Input should be greater",
        "indexes.docs.chunkin: no such key; is chunking meant?",
        "indexes.docs.decide: Input should be",
        "password is a secret; it belongs in the environment",
        "environment variable INGEST_LAEK: no such key; is INGEST_LAKE meant?",
        "environment variable INGEST_QDRANT_URL: no such key; is INGEST_QDRANT__URL meant?",
    ):
        assert part in told


@pytest.mark.parametrize("name", ["INGEST_TEST_DATA", "INGEST_LAKE", "INGEST_QDRANT__URL"])
def test_a_variable_that_is_known_is_no_fault(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:6333" if "URL" in name else "/data")
    make_settings(values(), Path("/etc/project"))


def test_an_index_may_be_called_anything_plain() -> None:
    settings = make_settings(values(indexes={"token": {"sources": [SOURCE]}}), Path("/etc/project"))
    assert ["token"] == list(settings.indexes)


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6333",
        "http://host:port",
        "http://host:99999",
        "http://host:0",
        "http://",
        "ftp://host",
        "http://[::1",
    ],
)
@pytest.mark.parametrize("name", ["QDRANT_URL", "INGEST_S3__ENDPOINT_URL"])
def test_an_address_that_is_none_is_a_fault_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    assert "url: not an http(s) URL" in refusal(values())


@pytest.mark.parametrize("url", ["http://localhost:6333", "https://qdrant.example.com", "http://[::1]:6333/prefix"])
def test_an_address_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("QDRANT_URL", url)
    assert url == make_settings(values(), Path("/etc/project")).qdrant.url


def test_a_key_that_fits_no_header_is_a_fault_and_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", f"{SECRET}\n")
    told = refusal(values())
    assert "qdrant.api_key: must be printable ASCII without white space; is there a line break at its end?" in told
    assert SECRET not in told
