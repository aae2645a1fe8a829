"""Archives are opened only within their limits, and nothing leads out of them."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from dataclasses import replace

import pytest

from ingest.documents import media_types
from ingest.documents.parsers import archive
from ingest.documents.parsers._reading.archives import open_zip, read_entry
from ingest.errors import EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument, UnsupportedFormat
from ingest.records import Child, ParseLimits, ParserOptions
from tests.unit.documents.parsers.checks import raw

ENTRIES = {"a.md": b"# A", "sub/b.txt": b"text"}


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as target:
        for name, data in entries.items():
            target.writestr(name, data)
    return buffer.getvalue()


def tarred(entries, mode="w:", **fields):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as target:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in fields.items():
                setattr(info, key, value)
            target.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def limited(data, path="a.zip", **limits):
    document = raw(data, path, media_types.sniff(data, path))
    return replace(document, options=ParserOptions(limits=ParseLimits(**limits)))


def children(data, path="a.zip", **limits):
    return archive.parse(limited(data, path, **limits)).children


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (zipped(ENTRIES), "a.zip"),
        (tarred(ENTRIES), "a.tar"),
        (tarred(ENTRIES, "w:gz"), "a.tgz"),
        (tarred(ENTRIES, "w:bz2"), "a.tar.bz2"),
        (tarred(ENTRIES, "w:xz"), "a.tar.xz"),
    ],
)
def test_the_files_of_every_kind_of_archive_are_children(data, path):
    assert children(data, path) == (Child("a.md", b"# A"), Child("sub/b.txt", b"text"))


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (gzip.compress(b"text", mtime=0), "b.md.gz"),
        (bz2.compress(b"text"), "b.md.bz2"),
        (lzma.compress(b"text"), "b.md.xz"),
    ],
)
def test_a_compressed_file_is_a_container_of_one(data, path):
    assert children(data, f"folder/{path}") == (Child("b.md", b"text"),)


def test_directories_litter_and_empty_files_are_no_children():
    litter = {"d/": b"", "__MACOSX/a.md": b"x", "d/.DS_Store": b"x", "d/._a.md": b"x", "e.md": b""}
    assert children(zipped({**litter, "d/a.md": b"x"})) == (Child("d/a.md", b"x"),)
    with pytest.raises(EmptyDocument):
        children(zipped(litter))


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_what_no_source_lists_is_not_listed_from_inside_either(pack):
    data = pack({".env": b"PASSWORD=hunter2", ".git/config": b"x", "keys/id_rsa": b"x", "a.md": b"a"})
    assert ["a.md"] == [child.path for child in archive.parse(limited(data)).children]
    every = replace(limited(data), options=ParserOptions(default_excludes=False))
    assert [".env", ".git/config", "a.md", "keys/id_rsa"] == [child.path for child in archive.parse(every).children]


def test_an_entry_that_is_replaced_later_is_one_child():
    buffer = io.BytesIO(zipped({"a.md": b"old"}))
    with zipfile.ZipFile(buffer, "a") as target, pytest.warns(UserWarning, match="Duplicate"):
        target.writestr("a.md", b"new")
    assert children(buffer.getvalue()) == (Child("a.md", b"new"),)


@pytest.mark.parametrize("name", ["../a.md", "a/../../b", "/etc/passwd", "C:\\a", "..\\a", "a\\..\\..\\b"])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_names_that_lead_out_are_refused(name, pack):
    with pytest.raises(MalformedDocument, match="leads out"):
        children(pack({name: b"x"}))


def test_links_and_devices_are_refused():
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr(info, "/etc/passwd")
    for data in (
        buffer.getvalue(),
        tarred({"l": b""}, type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        tarred({"l": b""}, type=tarfile.LNKTYPE, linkname="a"),
        tarred({"l": b""}, type=tarfile.CHRTYPE),
        tarred({"l": b""}, type=tarfile.FIFOTYPE),
    ):
        with pytest.raises(MalformedDocument, match=r"is a link"):
            children(data)


def test_more_entries_than_the_limit_are_refused():
    many = {f"{i}.md": b"x" for i in range(11)}
    assert len(children(zipped(many), archive_entries=11)) == 11
    for data in (zipped(many), tarred(many)):
        with pytest.raises(OversizedDocument, match="the limit is 10"):
            children(data, archive_entries=10)


def test_bombs_are_refused_by_bytes_and_by_ratio():
    zeros = bytes(8 * 2**20)
    for data in (
        zipped({"a": zeros}),
        tarred({"a": zeros}, "w:gz"),
        gzip.compress(zeros),
        bz2.compress(zeros),
        lzma.compress(zeros),
        tarred({"a": zeros}, "w:xz"),
    ):
        with pytest.raises(OversizedDocument, match="200 to 1"):
            children(data)
        with pytest.raises(OversizedDocument, match="the limit is 1048576"):
            children(data, archive_bytes=2**20)


def test_nothing_of_a_bomb_is_unpacked(monkeypatch):
    data = zipped({"a": bytes(8 * 2**20)})
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(OversizedDocument):
        children(data)


def test_a_header_that_lies_about_its_size_unpacks_no_more_than_it_says():
    data = zipped({"a": bytes(500_000)})
    lying = data.replace((500_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != data
    with pytest.raises(MalformedDocument, match="damaged"):
        children(lying)


def test_an_entry_over_the_callers_limit_is_refused():
    opened = open_zip(limited(zipped({"a": b"12345"})))
    (info,) = opened.infolist()
    assert read_entry(opened, info, 5) == b"12345"
    with pytest.raises(OversizedDocument, match="5 bytes, the limit is 4"):
        read_entry(opened, info, 4)


def test_entries_that_share_packed_bytes_are_refused():
    data = zipped({"a": b"first", "b": b"second"}, zipfile.ZIP_STORED)
    second = data.index(b"PK\x03\x04", 4)
    directory = data.rindex(b"PK\x01\x02")
    overlapping = bytearray(data)
    overlapping[directory + 42 : directory + 46] = (0).to_bytes(4, "little")
    assert second > 0
    with pytest.raises(MalformedDocument, match="overlaps"):
        children(bytes(overlapping))


def test_encrypted_entries_are_told_as_such():
    data = bytearray(zipped({"a": b"x"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(EncryptedDocument):
        children(bytes(data))


def test_other_methods_than_deflate_are_unsupported():
    with pytest.raises(UnsupportedFormat, match="method 14"):
        children(zipped({"a": b"x" * 100}, zipfile.ZIP_LZMA))


def test_a_tar_that_turns_back_ends():
    data = bytearray(tarred({"a": b"x"}))
    data[124:136] = b"\xff" * 8 + (-1024).to_bytes(4, "big", signed=True)  # base 256: a negative size
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    with pytest.raises(MalformedDocument):
        children(bytes(data), "a.tar")


@pytest.mark.parametrize("cut", [5, 40, 200])
def test_damaged_archives_are_malformed(cut):
    packed = {name: bytes(range(256)) for name in ENTRIES}
    for data, path in (
        (zipped(packed), "a.zip"),
        (tarred(packed, "w:gz"), "a.tgz"),
        (tarred(packed, "w:xz"), "a.txz"),
        (tarred(packed, "w:bz2"), "a.tbz2"),
    ):
        with pytest.raises(MalformedDocument):
            archive.parse(limited(data[:-cut], path))


def stored(entries):
    """Return a ZIP of entries as they are given: each a ZipInfo or a name, with its content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for info, data in entries:
            target.writestr(info, data)
    return buffer.getvalue()


def zip_info(name, mode=0, method=zipfile.ZIP_DEFLATED):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr, info.compress_type = 3, mode << 16, method
    return info


def flagged(data, name, offset, value):
    """Return a ZIP in whose directory a byte of an entry has a value."""
    changed = bytearray(data)
    changed[data.rindex(name) - 46 + offset] = value
    return bytes(changed)


SOUND = [("a.md", b"# A"), ("z.md", b"# Z")]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (zip_info("link", 0o120777), "entry 'link' is a link or a device"),
        (zip_info("pipe", 0o010644), "entry 'pipe' is a link or a device"),
        ("../b.md", "the name '../b.md' leads out of the archive"),
        ("/b.md", "the name '/b.md' leads out of the archive"),
        ("C:/b.md", "the name 'C:/b.md' leads out of the archive"),
        ("C:\\b.md", "the name 'C:\\\\b.md' leads out of the archive"),
        ("..\\b.md", "the name '..\\\\b.md' leads out of the archive"),
        (zip_info("b.md", method=zipfile.ZIP_LZMA), "entry 'b.md' is packed by method 14"),
        (zip_info("b.md", method=zipfile.ZIP_BZIP2), "entry 'b.md' is packed by method 12"),
    ],
)
def test_a_bad_entry_of_a_zip_costs_that_entry_and_is_named(bad, why, caplog):
    data = stored([SOUND[0], (bad, b"/etc/passwd"), SOUND[1]])
    assert [child.path for child in children(data)] == ["a.md", "z.md"]
    assert [f"a.zip: left out: {why}"] == caplog.messages


def test_an_encrypted_or_damaged_entry_costs_that_entry(caplog):
    data = stored([SOUND[0], ("b.md", b"content"), SOUND[1]])
    for broken, why in (
        (flagged(data, b"b.md", 8, 1), "entry 'b.md' is encrypted"),
        (data.replace(b"content", b"comment"), "entry 'b.md' is damaged: Bad CRC-32 for file 'b.md'"),
        (
            data.replace(b"PK\x03\x04", b"PK\x03\x05", 2).replace(b"PK\x03\x05", b"PK\x03\x04", 1),
            "entry 'b.md' is damaged: Bad magic number for file header",
        ),
    ):
        caplog.clear()
        assert [child.path for child in children(broken)] == ["a.md", "z.md"]
        assert [f"a.zip: left out: {why}"] == caplog.messages


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_a_bad_entry_of_a_tar_costs_that_entry_and_is_named(mode, caplog):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as target:
        for name, kind in (
            ("a.md", tarfile.REGTYPE),
            ("link", tarfile.SYMTYPE),
            ("hard", tarfile.LNKTYPE),
            ("pipe", tarfile.FIFOTYPE),
            ("../b.md", tarfile.REGTYPE),
            ("/b.md", tarfile.REGTYPE),
            ("caf\udce9.md", tarfile.REGTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, "a.md", 3 if kind == tarfile.REGTYPE else 0
            target.addfile(info, io.BytesIO(b"# A"))
    path = {"w:": "a.tar", "w:gz": "a.tgz", "w:bz2": "a.tbz2", "w:xz": "a.txz"}[mode]
    assert [child.path for child in children(buffer.getvalue(), path)] == ["a.md", "café.md"]
    (told,) = caplog.messages
    names = ("'link' is a link", "'hard' is a link", "'pipe' is a link", "'../b.md' leads out", "'/b.md' leads out")
    assert [name in told for name in names] == [True] * 5


def test_many_bad_entries_are_counted(caplog):
    children(stored([SOUND[0], *((f"/{number}", b"x") for number in range(9))]))
    assert caplog.messages[0].endswith("; 4 more")


def test_a_name_in_utf_8_that_does_not_say_so_is_read_as_such():
    data = stored([("Übersicht.md", b"x"), ("plain.md", b"y")])
    unsaid = flagged(data[:7] + b"\0" + data[8:], "Übersicht.md".encode(), 9, 0)
    assert [info.filename for info in zipfile.ZipFile(io.BytesIO(unsaid)).infolist()] == ["├£bersicht.md", "plain.md"]
    assert [child.path for child in children(unsaid)] == ["plain.md", "Übersicht.md"]


def test_a_damaged_header_of_a_tar_costs_that_entry_and_is_named(caplog):
    data = bytearray(tarred({"a": b"x", "b": b"y" * 600, "c": b"z"}))
    data[1024 + 5] ^= 0xFF
    assert (Child("a", b"x"), Child("c", b"z")) == children(bytes(data), "a.tar")
    assert ["a.tar: left out: the entry at byte 1024 is damaged"] == caplog.messages


def test_a_tar_that_ends_inside_a_header_says_so(caplog):
    assert (Child("a", b"x"),) == children(tarred({"a": b"x", "b": b"y"})[:1100], "a.tar")
    assert ["a.tar: left out: the entry at byte 1024 is damaged"] == caplog.messages


def test_what_follows_compressed_data_is_left_out_with_a_word(caplog):
    packed = gzip.compress(b"text")
    assert (Child("a.txt", b"texttext"),) == children(packed + packed + b"\0\0junk", "a.txt.gz")
    assert ["a.txt.gz: left out: what follows the compressed data"] == caplog.messages


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (["Größe.md"], "cp437"),
        (["élève.md", "leçon.md"], "cp850"),
        (["Отчёт.md"], "cp866"),
        (["Отчёт.md"], "cp1251"),
        (["źródło i gałąź.md"], "cp852"),
        (["日本語の文書.md", "会議録/2024年.md"], "cp932"),
        (["中文文档.md", "会议/记录.md"], "gb18030"),
    ],
)
def test_names_in_the_code_page_of_a_computer_are_told_by_their_letters(names, encoding):
    said = {f"{number}" * len(name.encode(encoding)): name.encode(encoding) for number, name in enumerate(names)}
    data = stored([(placeholder, b"x") for placeholder in said])
    for placeholder, name in said.items():
        data = data.replace(placeholder.encode(), name)
    assert sorted(names) == [child.path for child in children(data)]
