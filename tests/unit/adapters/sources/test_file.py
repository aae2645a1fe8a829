import os
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.adapters.selection import Selection
from ingest.adapters.sources.file import FileSource, _modified
from ingest.errors import AccessDenied, SourceUnavailable, UnknownSource


@pytest.fixture
def root(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "secret.md").write_text("secret")
    return tmp_path / "docs"


def source(root):
    return FileSource("docs", str(root), Selection())


def paths(root):
    return [ref.path for ref in source(root).list()]


def test_links_are_not_listed(root):
    (root / "a.md").write_text("a")
    (root / "sub").mkdir()
    (root / "out.md").symlink_to(root.parent / "secret.md")
    (root / "in.md").symlink_to("a.md")
    (root / "up").symlink_to(root.parent, target_is_directory=True)
    (root / "sub" / "loop").symlink_to(root, target_is_directory=True)
    (root / "dangling").symlink_to("missing")
    assert paths(root) == ["a.md"]


def test_what_is_no_regular_file_is_not_listed(root):
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
        assert paths(root) == []


def test_links_and_what_is_no_file_are_counted(root):
    (root / "sub").mkdir()
    (root / "a.md").write_text("a")
    for name in ("b.md", "sub/c.md", ".hidden.md"):
        (root / name).symlink_to(root / "a.md")
    (root / "up").symlink_to(root.parent, target_is_directory=True)
    os.mkfifo(root / "fifo")
    listing = source(root)
    assert ["a.md"] == [ref.path for ref in listing.list()]
    assert {"symbolic links": 3, "neither files nor folders": 1, "default excludes": 1} == listing.left_out


@pytest.mark.parametrize("path", ["b.md", "up/secret.md"])
def test_a_look_says_that_a_link_is_in_the_way(root, path):
    (root / "b.md").symlink_to(root.parent / "secret.md")
    (root / "up").symlink_to(root.parent, target_is_directory=True)
    looking = source(root)
    assert (None, 1) == (looking.look(f"{looking.uri}/{path}"), looking.left_out["symbolic links"])


def test_a_folder_that_is_left_out_is_not_looked_into(root):
    (root / "node_modules" / "x").mkdir(parents=True)
    (root / "node_modules").chmod(0)
    listing = source(root)
    assert ([], {"default excludes": 1}) == (list(listing.list()), listing.left_out)
    (root / "node_modules").chmod(0o700)


def test_a_file_replaced_by_a_link_after_the_listing_is_not_read(root):
    (root / "a.md").write_text("listed")
    (ref,) = source(root).list()
    (root / "a.md").unlink()
    (root / "a.md").symlink_to(root.parent / "secret.md")
    assert source(root).read(ref) is None


def test_a_folder_replaced_by_a_link_after_the_listing_is_not_followed(root):
    (root / "sub").mkdir()
    (root / "sub" / "secret.md").write_text("listed")
    (ref,) = source(root).list()
    (root / "sub").rename(root.parent / "elsewhere")
    (root / "sub").symlink_to(root.parent / "elsewhere", target_is_directory=True)
    assert (root / "sub" / "secret.md").read_text() == "listed"
    assert source(root).read(ref) is None


def test_a_file_replaced_by_a_pipe_does_not_block_the_reader(root):
    (root / "a.md").write_text("listed")
    (ref,) = source(root).list()
    (root / "a.md").unlink()
    os.mkfifo(root / "a.md")
    assert source(root).read(ref) is None


def test_a_file_that_lost_its_folder_is_gone(root):
    (root / "sub").mkdir()
    (root / "sub" / "a.md").write_text("a")
    (ref,) = source(root).list()
    (root / "sub").rename(root.parent / "moved")
    assert source(root).read(ref) is None


def test_a_source_that_lost_its_folder_is_unavailable(root):
    (root / "a.md").write_text("a")
    (ref,) = source(root).list()
    root.rename(root.parent / "moved")
    with pytest.raises(SourceUnavailable, match="the folder is gone since it was listed"):
        source(root).read(ref)


def test_a_change_that_keeps_size_and_time_of_writing_is_seen(root):
    (root / "a.md").write_text("one")
    (ref,) = source(root).list()
    listed = (root / "a.md").stat()
    while (root / "a.md").stat().st_ctime_ns == listed.st_ctime_ns:  # the kernel's clock has ticked after a few rounds
        (root / "a.md").write_text("two")
        os.utime(root / "a.md", ns=(listed.st_atime_ns, listed.st_mtime_ns))
    assert (root / "a.md").stat().st_mtime_ns == listed.st_mtime_ns
    assert source(root).read(ref) is None


def test_a_listed_size_that_is_not_the_files_is_a_change(root):
    (root / "a.md").write_text("one")
    (ref,) = source(root).list()
    assert source(root).read(replace(ref, size=2)) is None


def test_names_that_are_no_utf_8_are_distinct_and_readable(root):
    for name in (b"caf\xe9.md", b"caf\xe8.md", "café.md".encode()):
        (root / os.fsdecode(name)).write_bytes(name)
    refs = list(source(root).list())
    assert ["caf\\xe8.md", "caf\\xe9.md", "café.md"] == sorted(ref.path for ref in refs)
    assert {b"caf\xe9.md", b"caf\xe8.md", "café.md".encode()} == {source(root).read(ref).data for ref in refs}
    assert all(ref.path.encode() for ref in refs)


def test_hidden_files_are_documents_if_the_settings_say_so_and_a_pattern_leaves_them_out(root):
    (root / ".git").mkdir()
    (root / ".git" / "config").write_text("")
    (root / "a.md").write_text("")
    every = FileSource("docs", str(root), Selection(default_excludes=False))
    chosen = FileSource("docs", str(root), Selection(exclude=(".*", "*/.*"), default_excludes=False))
    assert (sorted(ref.path for ref in every.list()), [ref.path for ref in chosen.list()]) == (
        [".git/config", "a.md"],
        ["a.md"],
    )


def test_the_folder_itself_may_be_a_link(root):
    (root / "a.md").write_text("a")
    (root.parent / "current").symlink_to("docs")
    linked = source(root.parent / "current")
    (ref,) = linked.list()
    assert (ref.uri, linked.read(ref).data) == (f"{linked.uri}/a.md", b"a")
    assert linked.uri == f"file://{root.parent}/current"


def test_a_folder_exchanged_during_the_listing_is_an_error(root):
    """As when a disk is unmounted: the rest would look deleted."""
    (root / "a").mkdir()
    (root / "a" / "1.md").write_text("")
    found = source(root)._found()
    next(found)
    root.rename(root.parent / "moved")
    root.mkdir()
    with pytest.raises(SourceUnavailable, match="the folder was replaced"):
        list(found)


def test_a_folder_deleted_during_the_listing_is_only_gone(root):
    for name in ("a", "b"):
        (root / name).mkdir()
        (root / name / "1.md").write_text("")
    found = source(root)._found()
    first = next(found).path
    other = "b" if first.startswith("a") else "a"
    (root / other / "1.md").unlink()
    (root / other).rmdir()
    assert list(found) == []


def test_a_file_is_no_folder_of_documents(root):
    with pytest.raises(UnknownSource, match=r"secret\.md is not a folder"):
        paths(root.parent / "secret.md")


def test_a_time_that_no_calendar_holds_is_left_out():
    status = os.stat_result((0, 0, 0, 0, 0, 0, 0, 0, 2**60, 0))
    assert _modified(status) == ""


@pytest.fixture
def rightless():
    """A folder of our own, and a process without a superuser's rights."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        user = os.geteuid()
        if user == 0:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(user)
            for path in folder.iterdir():
                path.chmod(0o700)


def test_a_folder_that_may_not_be_read_stops_the_listing(rightless):
    (rightless / "closed").mkdir(mode=0)
    with pytest.raises(AccessDenied, match=r"this user may not read .*closed"):
        paths(rightless)


def test_a_file_that_may_not_be_read_is_denied(rightless):
    (rightless / "a.md").write_text("a")
    (rightless / "a.md").chmod(0)
    (ref,) = source(rightless).list()
    with pytest.raises(AccessDenied, match=ref.uri):
        source(rightless).read(ref)
