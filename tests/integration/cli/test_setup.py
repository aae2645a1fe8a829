"""`ingest init`, and what `ingest deploy` says where it cannot; `ingest_flows` tests what it does."""

import pytest

from ingest.cli.setup import template
from ingest.settings import load_settings
from tests.integration.cli.conftest import Lab


def test_init_writes_settings_that_load(lab: Lab) -> None:
    path = lab.folder / "new.yaml"
    answer = lab("-f", "new.yaml", "init", "--json")
    assert (answer.code, answer.document) == (0, {"written": "new.yaml"})
    assert path.read_text() == template()
    assert list(load_settings(path).indexes) == ["docs"]


def test_init_overwrites_only_with_force(lab: Lab) -> None:
    before = (lab.folder / "ingest.yaml").read_text()
    answer = lab("init")
    assert (answer.code, (lab.folder / "ingest.yaml").read_text()) == (4, before)
    assert "ingest.yaml exists; --force overwrites it" in answer.err
    assert (lab("init", "--force").code, (lab.folder / "ingest.yaml").read_text()) == (0, template())


def test_init_into_a_missing_folder_is_a_fatal_error(lab: Lab) -> None:
    assert lab("-f", "no/such/ingest.yaml", "init").code == 4


def test_deploying_without_prefect_names_the_extra(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.extras.installed_version", lambda name: "")
    answer = lab("deploy")
    assert (4, "") == (answer.code, answer.out)
    assert "ingest deploy needs prefect, not installed here: pip install 'ingest[flows]'" in answer.err
