"""The alias table, and what it looks like after a crash between two of its writes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from ingest.adapters.vectors.edge import front as aliases
from ingest.adapters.vectors.edge.front import AliasTable

COLLECTIONS = {"g1", "g2"}


def create(name: str, target: str) -> dict[str, Any]:
    return {"create_alias": {"alias_name": name, "collection_name": target}}


def rename(old: str, new: str) -> dict[str, Any]:
    return {"rename_alias": {"old_alias_name": old, "new_alias_name": new}}


def delete(name: str) -> dict[str, Any]:
    return {"delete_alias": {"alias_name": name}}


def table(path: Path) -> AliasTable:
    return AliasTable(path / "aliases.json", COLLECTIONS.__contains__)


def apply(path: Path, *actions: dict[str, Any]) -> dict[str, str]:
    async def run() -> dict[str, str]:
        opened = table(path)
        await opened.apply(list(actions))
        return opened.table

    return asyncio.run(run())


def stored(path: Path) -> dict[str, str]:
    return json.loads((path / "aliases.json").read_text())


def test_actions_apply_in_order_and_are_found_again(tmp_path: Path) -> None:
    moved = apply(tmp_path, create("docs", "g1"), create("docs", "g2"), create("docs@1", "g2"), rename("docs@1", "f"))
    assert {"docs": "g2", "f": "g2"} == moved == stored(tmp_path) == table(tmp_path).table


def test_a_failing_action_keeps_those_before_it_and_drops_those_after_it(tmp_path: Path) -> None:
    with pytest.raises(HTTPException) as refused:
        apply(tmp_path, create("a", "g1"), rename("gone", "b"), create("c", "g1"))
    assert (404, {"a": "g1"}) == (refused.value.status_code, stored(tmp_path))


@pytest.mark.parametrize(
    ("action", "status"), [(create("a", "missing"), 404), (create("g2", "g1"), 409), (rename("a", "b"), 404)]
)
def test_what_cannot_be_applied_is_refused(tmp_path: Path, action: dict[str, Any], status: int) -> None:
    with pytest.raises(HTTPException) as refused:
        apply(tmp_path, action)
    assert status == refused.value.status_code


def test_deleting_a_missing_alias_and_renaming_to_itself_are_fine(tmp_path: Path) -> None:
    assert {"a": "g1"} == apply(tmp_path, delete("nothing"), create("a", "g1"), rename("a", "a"))


def test_forgetting_a_collection_removes_its_aliases_only(tmp_path: Path) -> None:
    async def run() -> dict[str, str]:
        opened = table(tmp_path)
        await opened.apply([create("a", "g1"), create("b", "g2"), create("c", "g1")])
        await opened.forget("g1")
        return opened.table

    assert {"b": "g2"} == asyncio.run(run()) == stored(tmp_path)


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_after_a_failing_write_memory_and_file_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    left = [writes]
    real = aliases.write_durably

    def failing(path: Path, value: Any) -> None:
        if not left[0]:
            raise OSError("disk full")
        left[0] -= 1
        real(path, value)

    monkeypatch.setattr(aliases, "write_durably", failing)

    async def run() -> dict[str, str]:
        opened = table(tmp_path)
        with pytest.raises(OSError, match="disk full"):
            await opened.apply([create("a", "g1"), create("b", "g1"), create("c", "g1")])
        return opened.table

    expected = {name: "g1" for name in "abc"[:writes]}
    assert expected == asyncio.run(run()) == table(tmp_path).table


def test_two_calls_at_once_do_not_mix_their_actions(tmp_path: Path) -> None:
    async def run() -> dict[str, str]:
        opened = table(tmp_path)
        await opened.apply([create("fence", "g1")])
        moves = [opened.apply([rename("fence", f"fence{n}"), create("docs", f"g{n}")]) for n in (1, 2)]
        outcomes = await asyncio.gather(*moves, return_exceptions=True)
        assert [None, HTTPException] == [o and type(o) for o in outcomes]
        return opened.table

    assert {"fence1": "g1", "docs": "g1"} == asyncio.run(run())
