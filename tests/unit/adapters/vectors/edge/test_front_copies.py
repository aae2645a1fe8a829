"""Whatever becomes of a copy, a new collection appears whole or empty, and says nothing of what it was copied from."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ingest.adapters.vectors.edge.front import Front
from ingest.adapters.vectors.edge.worker_pool import FrontOptions


class Workers:
    """Create and copy folders; a copy may be cut off."""

    def __init__(self, collections: Path, cut: str) -> None:
        self.collections, self.cut, self.asked = collections, cut, list[Any]()
        self.workers: dict[str, Any] = {}

    async def ask(self, name: str, head: dict[str, Any], body: bytes) -> Response:
        self.asked.append((name, head["do"], json.loads(body).get("metadata")))
        if head["do"] == "copy":
            (self.collections / f".new-{head['to']}").mkdir()
            if self.cut == "before the rename":
                raise HTTPException(503, "the worker ended")
            (self.collections / f".new-{head['to']}").rename(self.collections / head["to"])
            if self.cut == "after the rename":
                raise HTTPException(503, "the worker ended")
            return JSONResponse({"result": True})
        (self.collections / name).mkdir()
        return JSONResponse({"result": True})


def created(folder: Path, like: Any, cut: str = "") -> tuple[int, list[Any]]:
    """Create collection `two` beside `one`, and return the status and what workers were asked."""
    front = Front(folder, FrontOptions())
    (front.collections / "one").mkdir()
    front.pool = workers = Workers(front.collections, cut)
    body = json.dumps({"metadata": {"ours": 1, "copy_of": like}}).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    request = Request({"type": "http", "path_params": {"collection": "two"}}, receive)
    return asyncio.run(front._create(request)).status_code, workers.asked


@pytest.mark.parametrize("cut", ["", "after the rename"])
def test_a_copy_that_has_its_name_is_used(cut: str, tmp_path: Path) -> None:
    assert (200, [("one", "copy", {"ours": 1})]) == created(tmp_path, "one", cut)


def test_a_copy_that_was_cut_off_leaves_an_empty_collection(tmp_path: Path) -> None:
    asked = [("one", "copy", {"ours": 1}), ("two", "create", {"ours": 1})]
    assert (200, asked) == created(tmp_path, "one", "before the rename")


@pytest.mark.parametrize("like", ["three", "../one", "two", ""])
def test_a_copy_of_what_is_not_there_is_an_empty_collection(like: str, tmp_path: Path) -> None:
    assert (200, [("two", "create", {"ours": 1})]) == created(tmp_path, like)


def test_half_a_copy_is_gone_when_the_engine_starts_again(tmp_path: Path) -> None:
    created(tmp_path, "one", "before the rename")
    Front(tmp_path, FrontOptions())
    assert ["one", "two"] == sorted(path.name for path in (tmp_path / "collections").iterdir())
