"""Model files in the lake: whole or not there, equal to what was kept, never outside their folder."""

from pathlib import Path

import pytest

from ingest.errors import SchemaMismatch
from ingest.ids import sha256_hex
from ingest.lake.model_files import KeptFile, KeptModel, keep_files, restore_files
from ingest.lake.stored_records import to_bytes
from tests.fakes import InMemoryStore, Killed

PRINT = sha256_hex(b"a model")
CONTENT = {"config.json": b"{}", "files.json": b"its own", "1_Pooling/weights.bin": b"\x00\x01" * 1000}


def model(folder: Path) -> dict[str, Path]:
    for name, data in CONTENT.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return {name: folder / name for name in CONTENT}


def kept(tmp_path: Path) -> InMemoryStore:
    store = InMemoryStore()
    keep_files(store, PRINT, model(tmp_path / "model"))
    return store


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_was_kept_comes_back_and_nothing_else_lies_there(tmp_path: Path) -> None:
    found = restore_files(kept(tmp_path), PRINT, tmp_path / "state")
    assert found == tmp_path / "state" / PRINT
    assert content(found) == CONTENT
    assert [p.name for p in (tmp_path / "state").iterdir()] == [PRINT]


def test_a_crash_before_the_list_leaves_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = InMemoryStore()
    written = store.put_file

    def killed(key: str, path: Path) -> None:
        if "weights" not in key and len(store.values) > 0:
            raise Killed
        written(key, path)

    monkeypatch.setattr(store, "put_file", killed)
    with pytest.raises(Killed):
        keep_files(store, PRINT, model(tmp_path / "model"))
    assert len(store.values) == 1
    assert restore_files(store, PRINT, tmp_path / "state") is None
    monkeypatch.undo()
    keep_files(store, PRINT, model(tmp_path / "model"))
    assert content(restore_files(store, PRINT, tmp_path / "state") or tmp_path) == CONTENT


def test_a_file_that_changes_while_it_is_kept_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = InMemoryStore()
    monkeypatch.setattr(store, "put_file", lambda key, path: path.write_bytes(b"another, longer content"))
    with pytest.raises(SchemaMismatch, match="changed while"):
        keep_files(store, PRINT, model(tmp_path / "model"))
    assert restore_files(store, PRINT, tmp_path / "state") is None


def test_a_damaged_value_is_refused_and_leaves_no_folder(tmp_path: Path) -> None:
    store = kept(tmp_path)
    store.values[f"models/{PRINT}/files/config.json"] = b"[]"
    with pytest.raises(SchemaMismatch, match=r"config\.json: its bytes are damaged"):
        restore_files(store, PRINT, tmp_path / "state")
    assert list((tmp_path / "state").iterdir()) == []


@pytest.mark.parametrize("fault", ["changed", "missing", "added"])
def test_a_damaged_copy_is_replaced(tmp_path: Path, fault: str) -> None:
    store = kept(tmp_path)
    found = restore_files(store, PRINT, tmp_path / "state")
    assert found is not None
    if fault == "missing":
        (found / "config.json").unlink()
    else:
        (found / ("config.json" if fault == "changed" else "added.json")).write_bytes(b"[]")
    assert content(restore_files(store, PRINT, tmp_path / "state") or tmp_path) == CONTENT
    assert [p.name for p in (tmp_path / "state").iterdir()] == [PRINT]


def test_a_whole_copy_is_not_fetched_again(tmp_path: Path) -> None:
    store = kept(tmp_path)
    first = restore_files(store, PRINT, tmp_path / "state")
    store.values = {key: data for key, data in store.values.items() if key.endswith("/files.json")}
    del store.values[f"models/{PRINT}/files/files.json"]
    assert restore_files(store, PRINT, tmp_path / "state") == first


@pytest.mark.parametrize("name", ["../outside", "/outside", "a//b", "a\\b", ""])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    files = {name: KeptFile(sha256=sha256_hex(b""), bytes=0)}
    store = InMemoryStore({f"models/{PRINT}/files.json": to_bytes(KeptModel(files=files))})
    with pytest.raises(SchemaMismatch, match="no path below a folder"):
        restore_files(store, PRINT, tmp_path / "state")
