"""Prints the texts that an index holds, as a JSON list; run in the environment of whoever built it.

python benchmarks/frameworks/held.py STATE
"""

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

FIELDS = ("page_content", "content", "text")  # LangChain and ours; Haystack; CocoIndex


def main() -> None:
    print(json.dumps([text(payload) for payload in payloads(Path(sys.argv[1]))]))


def text(payload: dict[str, Any]) -> str:
    """Return the text of a chunk; LlamaIndex has it in JSON."""
    if "_node_content" in payload:
        payload = json.loads(payload["_node_content"])
    return next(payload[field] for field in FIELDS if field in payload)


def payloads(state: Path) -> Iterator[dict[str, Any]]:
    """Yield the payload of every point that readers find."""
    if not (state / "ingest.yaml").exists():
        yield from scrolled(None, path=str(state / "qdrant"))
        return
    from ingest.adapters.vectors.edge.engine import Engine

    with closing(Engine(state / "state" / "qdrant")) as engine:
        url, token = engine.address()
        yield from scrolled(url, api_key=token)


def scrolled(url: str | None, **options: Any) -> Iterator[dict[str, Any]]:
    """Yield the payload of every point."""
    from qdrant_client import QdrantClient

    client, offset = QdrantClient(url=url, **options), None
    while True:
        points, offset = client.scroll("docs", limit=1000, offset=offset)
        yield from (point.payload or {} for point in points)
        if offset is None:
            client.close()
            return


if __name__ == "__main__":
    main()
