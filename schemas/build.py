"""Writes the JSON Schema of everything stored or exchanged; the version stands in the name. `make schemas`."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from ingest import records
from ingest.settings import Settings

VERSION = 1
PUBLISHED: dict[str, type[BaseModel]] = {
    "lake-identity": records.LakeIdentity,
    "claim": records.Claim,
    "shard-plan": records.ShardPlan,
    "plan-summary": records.PlanSummary,
    "marker": records.Marker,
    "manifest": records.Manifest,
    "retired": records.Retired,
    "segment-entry": records.SegmentEntry,
    "segment-snapshot": records.SegmentSnapshot,
    "query-profile": records.QueryProfile,
    "release": records.Release,
    "decision": records.Decision,
    "carried-origins": records.CarriedOrigins,
    "lease": records.Lease,
    "scrub": records.Scrub,
    "verdict": records.Verdict,
    "run-start": records.RunStart,
    "moves": records.Moves,
    "run-report": records.RunReport,
    "settings": Settings,
}

NAMED_BY_CONTENT = {"shard-plan", "query-profile", "verdict"}
CHECK = {"description": "SHA-256 of the stored bytes without this field, which is the last one.", "type": "string"}


def schemas() -> dict[str, str]:
    """Return file name → content of every published schema."""
    made = {}
    found = {name: model.model_json_schema() for name, model in PUBLISHED.items()}
    for name, described in {**found, "judged-question": _judged_question()}.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}
        model = PUBLISHED.get(name, Settings)
        if issubclass(model, records.Record) and name not in NAMED_BY_CONTENT:
            whole = schema if "properties" in schema else schema["$defs"][model.__name__]  # it contains itself
            whole["properties"]["sha256"] = CHECK
        made[f"{name}.v{VERSION}.json"] = json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return made


def _judged_question() -> dict[str, Any]:
    """Return the schema of one line of a judged set, under the names that are published."""
    schema = TypeAdapter(records.Question).json_schema()
    properties, parts = schema["properties"], schema["$defs"]
    properties["slices"]["default"] = {}
    properties["gold"]["items"]["$ref"] = "#/$defs/JudgedPlace"
    properties["asker"]["$ref"] = "#/$defs/JudgedAsker"
    schema["$defs"] = {"JudgedPlace": parts["Gold"], "JudgedAsker": parts["Asker"]}
    for name, described in {"JudgedQuestion": schema, **schema["$defs"]}.items():
        described.update(title=name, additionalProperties=True)
    return schema


def main(folder: Path) -> None:
    """Write all schemas into a folder."""
    for name, content in schemas().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
