"""Settings: the environment wins, secrets stay out of files and messages, and every error names key and value."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingest.cli.setup import template
from ingest.errors import InvalidSettings
from ingest.records import CHUNKING_PRESETS, ChunkingOptions
from ingest.settings import Settings, load_settings, make_settings, whoami
from ingest.settings.loading import QUIET

SECRET = "s3cr3t-value"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [*QUIET, *(n for n in os.environ if n.startswith(("INGEST_", "QDRANT_")))]:
        monkeypatch.delenv(name, raising=False)


def values(**changes: Any) -> dict[str, Any]:
    index = {"sources": [{"name": "docs", "uri": "./documents"}]}
    return {"lake": "./lake", "indexes": {"docs": index}, **changes}


def index(**changes: Any) -> dict[str, Any]:
    return values(indexes={"docs": {"sources": [{"name": "docs", "uri": "./documents"}], **changes}})


def made(given: dict[str, Any], folder: Path = Path("/etc/project")) -> Settings:
    return make_settings(given, folder, "ingest.yaml")


def refusal(given: dict[str, Any]) -> str:
    with pytest.raises(InvalidSettings) as error:
        made(given)
    return str(error.value)


def test_the_template_is_valid(tmp_path: Path) -> None:
    (tmp_path / "ingest.yaml").write_text(template())
    settings = load_settings(tmp_path / "ingest.yaml")
    name, chosen = settings.index(None)
    assert (name, settings.lake) == ("docs", str(tmp_path / "lake"))
    assert chosen.sources[0].uri == str(tmp_path / "documents")


def test_a_models_folder_beside_the_file_is_found_from_anywhere_and_other_names_stay(tmp_path: Path) -> None:
    for name in ("models/own", "default"):
        (tmp_path / name).mkdir(parents=True)
    names = ["models/own", "./models/own", "default", "", "organisation/name"]
    found = [made(index(model={"name": name}), tmp_path).indexes["docs"].model.name for name in names]
    assert found == [str(tmp_path / "models/own")] * 2 + ["default", "", "organisation/name"]


def test_relative_paths_start_at_the_file_and_uris_stay() -> None:
    settings = made(values(lake="s3://bucket/lake") | index(judged=["q.jsonl"]) | {"lake": "s3://bucket/lake"})
    assert settings.lake == "s3://bucket/lake"
    assert settings.state == Path("/etc/project/.ingest")
    assert settings.indexes["docs"].judged == (Path("/etc/project/q.jsonl"),)
    assert settings.indexes["docs"].sources[0].uri == "/etc/project/documents"


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("INGEST_LAKE", "s3://other/lake", lambda s: s.lake == "s3://other/lake"),
        ("INGEST_WORKERS", "3", lambda s: s.workers == 3),
        ("INGEST_QDRANT__URL", "http://q:6333", lambda s: s.qdrant.url == "http://q:6333"),
        ("QDRANT_URL", "http://q:6333", lambda s: s.qdrant.url == "http://q:6333"),
        ("INGEST_S3__REGION", "eu-central-1", lambda s: s.s3.region == "eu-central-1"),
        ("INGEST_INDEXES__docs__DECIDE", "manual", lambda s: s.indexes["docs"].decide == "manual"),
        ("INGEST_INDEXES__docs__CHUNKING__MAX_TOKENS", "300", lambda s: s.indexes["docs"].chunking.max_tokens == 300),
        ("INGEST_INDEXES__docs__GATE__MARGIN", "0.5", lambda s: s.indexes["docs"].gate.margin == 0.5),
    ],
)
def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, name: str, value: str, read: Any) -> None:
    given = index(decide="automatic", gate={"floors": {"fused.ndcg@10": 0.3}}) | {"workers": 2, "s3": {"attempts": 5}}
    monkeypatch.setenv(name, value)
    settings = made(given)
    assert read(settings)
    assert settings.s3.attempts == 5
    assert settings.indexes["docs"].gate.floors == {"fused.ndcg@10": 0.3}
    assert len(settings.indexes["docs"].sources) == 1


def test_a_wrong_variable_of_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_INDEXES", "{not json")
    assert "INGEST_ environment variable" in refusal(values())


SECRETS = [
    ({"qdrant": {"api_key": SECRET}}, "qdrant.api_key is a secret; it belongs in the environment"),
    ({"s3": {"secret_access_key": SECRET}}, "s3.secret_access_key is a secret"),
    ({"s3": {"aws_access_key_id": SECRET}}, "s3.aws_access_key_id is a secret"),
    ({"password": SECRET}, "password is a secret"),
    ({"qdrant": {"url": f"http://me:{SECRET}@host:6333"}}, "qdrant.url contains a password"),
    ({"lake": f"s3://user:{SECRET}@bucket/x"}, "lake contains a password"),
]


@pytest.mark.parametrize(("change", "message"), SECRETS)
def test_secrets_in_a_file_are_refused_and_not_repeated(change: dict[str, Any], message: str) -> None:
    told = refusal(values(**change))
    assert message in told
    assert SECRET not in told


def test_a_policy_for_secrets_is_no_secret() -> None:
    source = {"name": "a", "uri": "./a"}
    made = make_settings(index(sources=[{**source, "screening": {"secret": "drop"}}]), Path.cwd())
    assert "drop" == made.index(None)[1].sources[0].screening.secret
    told = refusal(index(sources=[{**source, "screening": {"secret": SECRET}}]))
    assert "screening.secret: Input should be 'index', 'drop' or 'quarantine'" in told
    assert SECRET not in told


def test_secrets_in_options_of_a_source_are_refused() -> None:
    given = index(sources=[{"name": "a", "uri": "./a", "options": {"token": SECRET}}])
    told = refusal(given)
    assert "indexes.docs.sources.0.options.token is a secret" in told
    assert SECRET not in told


def test_sizes_in_tokens_are_no_secrets() -> None:
    assert made(index(tokens_per_second=5.0, chunking={"target_tokens": 100})).indexes["docs"].tokens_per_second == 5.0


@pytest.mark.parametrize("name", ["QDRANT_API_KEY", "INGEST_QDRANT__API_KEY"])
def test_a_secret_of_the_environment_is_in_no_repr(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, SECRET)
    settings = made(values())
    assert settings.qdrant.api_key is not None
    assert settings.qdrant.api_key.get_secret_value() == SECRET
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_secret_of_the_environment_is_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", SECRET)
    monkeypatch.setenv("INGEST_S3__SECRET_ACCESS_KEY", SECRET)
    for given in ({"indexes": values()["indexes"]}, values(), values(qdrant={"timeout_seconds": "no"})):
        with pytest.raises(InvalidSettings) as error:
            made(given)
        assert SECRET not in f"{error.value} {error.value.__cause__}"


@pytest.mark.parametrize("user", [SECRET, f"me:{SECRET}"])
def test_a_secret_in_an_address_of_s3_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    monkeypatch.setenv("INGEST_S3__ENDPOINT_URL", f"https://{user}@s3.example.com")
    told = refusal(values())
    assert "s3.endpoint_url: must not hold credentials" in told
    assert SECRET not in told


def test_a_preset_is_other_defaults_and_leaves_no_trace() -> None:
    chosen = made(index(chunking={"preset": "short-answer", "min_tokens": 8})).indexes["docs"].chunking
    assert ChunkingOptions(**{**CHUNKING_PRESETS["short-answer"], "min_tokens": 8}) == chosen
    told = refusal(index(chunking={"preset": "x"}))
    assert "chunking.preset: Input should be 'short-answer' or 'long-context'" in told


WRONG = [
    (values(s3={"endpoint_url": "s3.example.com"}), "s3.endpoint_url: not an http(s) URL"),
    (values(lake=None), "lake: Input should be a valid string"),
    (values(wrokers=2), "wrokers: no such key; is workers meant?"),
    (values(workers=0), "workers: Input should be greater than or equal to 1 (found 0)"),
    (values(indexes={}), "indexes: "),
    (values(indexes={"Docs_1": index()["indexes"]["docs"]}), "index name 'Docs_1': lower-case letters, digits and -"),
    (index(decide="maybe"), "indexes.docs.decide: Input should be 'automatic' or 'manual' (found 'maybe')"),
    (index(sources=[]), "indexes.docs.sources: "),
    (index(sources=[{"name": "a", "uri": "x"}, {"name": "a", "uri": "y"}]), "two sources have the name a"),
    (index(sources=[{"name": "A B", "uri": "x"}]), "indexes.docs.sources.0.name: "),
    (index(chunking={"min_tokens": 90, "target_tokens": 80}), "min ≤ target ≤ max: 90, 80, 220"),
    (index(max_deleted_share=2), "indexes.docs.max_deleted_share: "),
    (index(gate={"margn": 1}), "indexes.docs.gate.margn: no such key; is margin meant?"),
    (values(qdrant="http://x"), "qdrant: expected a mapping of keys, found str"),
    (values() | {1: 2}, "1: no such key"),  # type: ignore[dict-item]
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_a_wrong_value_is_named_with_its_key(given: dict[str, Any], message: str) -> None:
    told = refusal(given)
    assert told.startswith("ingest.yaml: ")
    assert message in told


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"lake: [", "not YAML in UTF-8"),
        (b"\xff\xfe\x00", "not YAML in UTF-8"),
        (b"- a\n- b\n", "expected a mapping of keys, found list"),
        (b"", "expected a mapping of keys, found NoneType"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "ingest.yaml").write_bytes(content)
    with pytest.raises(InvalidSettings, match=message):
        load_settings(tmp_path / "ingest.yaml")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"none\.yaml: No such file or directory; `ingest init` writes one"):
        load_settings(tmp_path / "none.yaml")


def test_one_of_several_indexes_must_be_named() -> None:
    one = index()["indexes"]["docs"]
    settings = made(values(indexes={"docs": one, "wiki": one}))
    assert settings.index("wiki")[0] == "wiki"
    with pytest.raises(InvalidSettings, match=r"there are several indexes \(docs, wiki\): name one with --index"):
        settings.index(None)
    with pytest.raises(InvalidSettings, match="no index 'blog' in the settings; there are: docs, wiki"):
        settings.index("blog")


def test_settings_survive_pickling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", SECRET)
    settings = made(values())
    again = pickle.loads(pickle.dumps(settings))
    assert again == settings


def test_usage_reports_and_downloads_are_off_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    (tmp_path / "ingest.yaml").write_text(yaml.safe_dump(values()))
    load_settings(tmp_path / "ingest.yaml")
    assert {name: os.environ[name] for name in QUIET} == {**QUIET, "HF_HUB_OFFLINE": "0"}
    for name in QUIET:  # so that nothing is left behind
        monkeypatch.setenv(name, os.environ[name])


def test_who_runs_this_names_user_and_host() -> None:
    assert "@" in whoami()


RAY = {"executor": {"kind": "ray", "address": "10.0.0.5:6379"}}


@pytest.mark.parametrize(
    ("changes", "instead"),
    [
        ({"qdrant": {"url": "http://q:6333"}}, "set lake to s3://bucket/prefix"),
        ({"lake": "file:///shared/lake", "qdrant": {"url": "http://q:6333"}}, "set lake to s3://bucket/prefix"),
        ({"lake": "s3://bucket/lake"}, "set qdrant.url or QDRANT_URL"),
    ],
)
def test_what_nodes_of_a_cluster_do_not_share_is_refused_with_what_to_set_instead(
    changes: dict[str, Any], instead: str
) -> None:
    assert instead in refusal(values(**RAY, **changes))


@pytest.mark.parametrize("address", ["ray://10.0.0.5:10001", "auto", "local", "10.0.0.5", "user@10.0.0.5:1"])
def test_only_the_address_of_a_head_is_one(address: str) -> None:
    assert "executor.address" in refusal(values(executor={"kind": "ray", "address": address}))


def test_a_cluster_is_taken_with_what_its_nodes_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDRANT_URL", "http://q:6333")
    chosen = made(values(lake="s3://bucket/lake", **RAY)).executor
    assert ("ray", "10.0.0.5:6379", 1, 1.0) == (chosen.kind, chosen.address, chosen.models, chosen.gpus)
