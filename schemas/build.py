"""Writes the JSON Schema of everything stored or exchanged; the version stands in the name. `make schemas`."""

import json
import sys
from pathlib import Path

from pydantic import BaseModel

from ingest import records
from ingest.quality.metrics import JudgedQuestion
from ingest.settings import Settings

VERSION = 1
PUBLISHED: dict[str, type[BaseModel]] = {
    "lake-identity": records.LakeIdentity,
    "claim": records.Claim,
    "shard-plan": records.ShardPlan,
    "plan-summary": records.PlanSummary,
    "marker": records.Marker,
    "manifest": records.Manifest,
    "segment-entry": records.SegmentEntry,
    "query-profile": records.QueryProfile,
    "release": records.Release,
    "lease": records.Lease,
    "verdict": records.Verdict,
    "run-start": records.RunStart,
    "moves": records.Moves,
    "run-report": records.RunReport,
    "settings": Settings,
    "judged-question": JudgedQuestion,
}


def schemas() -> dict[str, str]:
    """Return file name → content of every published schema."""
    made = {}
    for name, model in PUBLISHED.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        made[f"{name}.v{VERSION}.json"] = json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    return made


def main(folder: Path) -> None:
    """Write all schemas into a folder."""
    for name, content in schemas().items():
        (folder / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
