"""The published schemas are those of the code, and stored records hold against them."""

import importlib.util
import json
from pathlib import Path

import jsonschema
import pytest

from ingest.records import Claim, QueryProfile
from tests.records import release

FOLDER = Path(__file__).parents[2] / "schemas"


def built() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("schemas_build", FOLDER / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.schemas()


def test_published_schemas_are_up_to_date():
    assert built() == {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.json"))}


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.json")))
def test_every_schema_is_valid_and_carries_its_version(name):
    jsonschema.Draft202012Validator.check_schema(json.loads((FOLDER / name).read_text(encoding="utf-8")))
    assert "v1" == name.split(".")[1]


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("claim", Claim(id="0001-ab", base=None, settings_hash="ab", shards=1, token="t")),
        ("query-profile", QueryProfile()),
        ("release", release()),
    ],
)
def test_a_stored_record_holds_against_its_schema_and_a_broken_one_does_not(name, record):
    schema = json.loads((FOLDER / f"{name}.v1.json").read_text(encoding="utf-8"))
    stored = record.model_dump(mode="json")
    jsonschema.validate(stored, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**stored, "surplus": 1}, schema)
