import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest.adapters.stores.folder_store import FolderStore
from ingest.errors import AccessDenied, InvalidSettings, StoreUnavailable
from ingest.lake.keys import TEMPORARY

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture
def store(tmp_path):
    return FolderStore(str(tmp_path / "lake"))


def leftovers(folder):
    return sorted(path for path in folder.rglob("*") if path.name.startswith(TEMPORARY))


def test_nothing_temporary_stays_behind(store, tmp_path):
    (tmp_path / "file").write_bytes(b"3")
    store.put("a/1", b"1")
    assert (store.create("a/2", b"2"), store.create("a/2", b"other")) == (True, False)
    store.put_file("a/3", tmp_path / "file")
    assert leftovers(store.root) == []


def test_a_file_that_cannot_be_read_to_its_end_changes_nothing(store, tmp_path):
    store.put("a", b"old")
    with pytest.raises(InvalidSettings):
        store.put_file("a", tmp_path)  # a folder
    assert (store.get("a"), leftovers(store.root)) == (b"old", [])


def test_what_a_crash_left_is_not_listed_and_removed_when_old(store):
    store.put("a/1", b"")
    young, old = (store.root / "a" / f"{TEMPORARY}{name}" for name in ("young", "old"))
    for path in (young, old):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert list(store.list("a/")) == ["1"]
    assert leftovers(store.root) == [young]


def test_the_uri_of_a_folder_is_percent_encoded(tmp_path):
    assert FolderStore(str(tmp_path / "a b")).uri == f"file://{tmp_path}/a%20b"


def test_a_folder_that_was_removed_is_made_again(store):
    store.put("a/1", b"1")
    shutil.rmtree(store.root)
    store.put("a/1", b"2")
    assert store.get("a/1") == b"2"


def test_files_have_the_mode_that_the_umask_allows(store):
    before = os.umask(0o027)
    try:
        store.put("a", b"")
    finally:
        os.umask(before)
    assert oct((store.root / "a").stat().st_mode & 0o777) == "0o640"


def test_a_key_that_leads_out_of_the_lake_is_refused_by_every_method(store, tmp_path):
    (tmp_path / "outside").write_bytes(b"")
    for act in (
        store.get,
        lambda key: store.put(key, b""),
        lambda key: store.put_file(key, tmp_path / "outside"),
        lambda key: store.create(key, b""),
        lambda key: list(store.list(f"{key}/")),
        store.delete,
        store.local_path,
    ):
        for key in ("../outside", "/etc/passwd", "a/../../outside"):
            with pytest.raises(InvalidSettings, match="key"):
                act(key)
    assert (tmp_path / "outside").read_bytes() == b""


def test_a_key_below_another_key_is_refused(store):
    store.put("a", b"")
    with pytest.raises(InvalidSettings, match="the folder cannot hold such a key"):
        store.put("a/b", b"")
    store.put("c/d", b"")
    with pytest.raises(InvalidSettings, match="the folder cannot hold such a key"):
        store.put("c", b"")


def test_a_folder_without_rights_is_denied():
    with tempfile.TemporaryDirectory() as name:
        user = os.geteuid()
        Path(name).chmod(0o555)
        if user == 0:
            os.seteuid(65534)
        try:
            store = FolderStore(name)
            with pytest.raises(AccessDenied, match=f"file://{name}/a: cannot write: Permission denied"):
                store.put("a", b"")
            assert store.get("a") is None
        finally:
            os.seteuid(user)
            Path(name).chmod(0o755)


NO_SPACE = """
import resource, signal, sys
from ingest.errors import StoreUnavailable
from ingest.adapters.stores.folder_store import FolderStore

store = FolderStore(sys.argv[1])
store.put("a", b"old")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    store.put("a", b"x" * 1000)
except StoreUnavailable as error:
    print(error)
print(store.get("a"), list(store.list("")), list(store.root.iterdir()) == [store.root / "a"])
"""


def test_a_write_that_fails_in_the_middle_leaves_the_old_value(tmp_path):
    answer = subprocess.run([sys.executable, "-c", NO_SPACE, tmp_path], capture_output=True, text=True, check=True)
    assert answer.stdout == (f"{tmp_path.as_uri()}/a: cannot write: File too large (errno 27)\nb'old' ['a'] True\n")


TRACED = """
import sys
from ingest.adapters.stores.folder_store import FolderStore

store = FolderStore(sys.argv[1])
getattr(store, sys.argv[2])("sub/key", b"value")
"""


CALLS = {
    "fsync": "fsync",
    "rename": "rename,renameat,renameat2",
    "link": "link,linkat",
    "unlink": "unlink,unlinkat",
    "mkdir": "mkdir,mkdirat",
}


def traced(tmp_path, method, call="", fault=""):
    """Run one write under strace, with a fault at a call; return (exit status, calls that touch the lake, in order)."""
    log = tmp_path / "trace"
    inject = ["-e", f"inject={CALLS[call]}:{fault}"] if call else []
    command = ["strace", "-f", "-y", "-o", log, "-e", f"trace={','.join(CALLS.values())}", *inject]
    command += [sys.executable, "-c", TRACED, tmp_path / "lake", method]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # else Python renames files of its own
    code = subprocess.run(command, capture_output=True, env=environment).returncode
    shown = []
    for name, arguments in re.findall(r"^\d+ +(\w+)\((.*)\) += -?\d+", log.read_text(), re.MULTILINE):
        paths = [Path(p) for p in re.findall(r'["<](/[^">]*)[">]', arguments) if p.startswith(str(tmp_path))]
        names = ["TEMPORARY" if path.name.startswith(TEMPORARY) else path.name for path in paths]
        if paths:
            shown.append(" ".join([next(c for c in CALLS if name in CALLS[c].split(",")), *names]))
    return code, shown


@needs_strace
@pytest.mark.parametrize(("method", "publish"), [("put", "rename TEMPORARY key"), ("create", "link TEMPORARY key")])
def test_bytes_are_durable_before_the_name_and_the_name_before_the_answer(tmp_path, method, publish):
    code, calls = traced(tmp_path, method)
    assert code == 0
    assert calls == [
        "mkdir lake",
        f"fsync {tmp_path.name}",
        "mkdir sub",
        "fsync lake",
        "fsync TEMPORARY",
        publish,
        "fsync sub",
        "unlink TEMPORARY",
    ]


@needs_strace
@pytest.mark.parametrize(
    ("method", "call", "nth"),
    [
        *((method, "mkdir", nth) for method in ("put", "create") for nth in (1, 2)),
        *((method, "fsync", nth) for method in ("put", "create") for nth in (1, 2, 3, 4)),
        ("put", "rename", 1),
        ("create", "link", 1),
        ("create", "unlink", 1),
    ],
)
def test_a_kill_at_any_call_leaves_nothing_or_the_whole_value(tmp_path, method, call, nth):
    store = FolderStore(str(tmp_path / "lake"))
    code, _ = traced(tmp_path, method, call, f"signal=SIGKILL:when={nth}")
    assert code == -9
    assert store.get("sub/key") in (None, b"value")
    assert set(store.list("sub/")) <= {"key"}
    store.put("sub/key", b"after")
    assert store.get("sub/key") == b"after"


@needs_strace
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_sync_that_fails_is_never_an_acknowledged_write(tmp_path, error):
    code, _ = traced(tmp_path, "put", "fsync", f"error={error}:when=3")
    assert code == 1
    assert FolderStore(str(tmp_path / "lake")).get("sub/key") is None


def test_the_value_of_a_racing_reader_is_whole(store):
    """Readers see the old or the new value, never a part."""
    values = [bytes([n]) * 10_000 for n in range(2)]
    store.put("a", values[0])

    def write():
        for n in range(60):
            store.put("a", values[n % 2])

    with ThreadPoolExecutor(2) as threads:
        writing = threads.submit(write)
        while not writing.done():
            assert store.get("a") in values
        writing.result()


def test_another_fault_of_the_disk_is_unavailable(store):
    store.root.mkdir()
    (store.root / "loop").symlink_to("loop")
    with pytest.raises(StoreUnavailable, match="Too many levels of symbolic links"):
        store.get("loop")
