"""Messages in a winmail.dat: bodies of every kind, attachments, messages inside, and damage."""

import base64
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzzing import tnef_seeds as seeds
from benchmarks.fuzzing.tnef_seeds import attribute, prop, properties, stream
from ingest.documents.parsers import eml, tnef
from ingest.errors import DocumentError, EmptyDocument, EncryptedDocument, MalformedDocument
from tests.inline_sandbox import InlineSandbox
from tests.unit.documents.parsers.checks import faults, parsed, raw, shown


def message(*props: bytes) -> bytes:
    return stream(attribute(seeds.MESSAGE, seeds.PROPERTIES, properties(*props)))


def wide(text: str) -> bytes:
    return f"{text}\0".encode("utf-16-le")


def packed(rtf: bytes) -> bytes:
    """Return RTF compressed without a reference to what came before."""
    content = b"".join(b"\0" + rtf[at : at + 8] for at in range(0, len(rtf), 8))
    return struct.pack("<II4sI", len(content) + 12, len(rtf), b"LZFu", zlib.crc32(content)) + content


def test_headers_body_and_attachments_are_read():
    document = parsed(tnef, seeds.tnef())
    assert faults(document) == []
    assert document.title == "Offer"
    assert shown(document) == [("heading", "Offer"), ("paragraph", "From: Jörg"), ("paragraph", "The contract.")]
    assert [(child.path, child.media_type, child.data) for child in document.children[:1]] == [
        ("Übersicht.txt", "text/plain", b"text of the attachment")
    ]


def test_a_message_inside_is_a_child_that_is_read():
    inner = parsed(tnef, seeds.tnef()).children[1]
    assert (inner.path, inner.media_type) == ("Inner.tnef", "application/ms-tnef")
    assert shown(InlineSandbox().parse(raw(inner.data, inner.path))) == [("heading", "Inner"), ("paragraph", "Deep")]


@pytest.mark.parametrize(
    ("name", "kind"), [("winmail.dat", "application/ms-tnef"), ("att.dat", "application/octet-stream")]
)
def test_it_is_told_by_its_content_as_a_file_and_in_a_mail(name, kind):
    head = f'Subject: S\nContent-Type: {kind}; name="{name}"\nContent-Transfer-Encoding: base64\n\n'
    (child,) = parsed(eml, head.encode() + base64.encodebytes(seeds.tnef())).children
    assert child.path == name
    for path in (name, "winmail"):
        assert InlineSandbox().parse(raw(child.data, path)).parser == "tnef"


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ([prop(0x1000, seeds.UNICODE, wide("Straße"))], "Straße"),
        ([prop(0x1013, seeds.BINARY, "<p>Связь</p>".encode("cp1251")), prop(0x3FDE, seeds.LONG, 1251)], "Связь"),
        ([prop(0x1013, seeds.BINARY, "<meta charset=koi8-r><p>Связь</p>".encode("koi8-r"))], "Связь"),
        ([prop(0x1013, seeds.UNICODE, wide("<p>page</p>"))], "page"),
        (
            [prop(0x1009, seeds.BINARY, packed(rb"{\rtf1\ansi\ansicpg1251 \'d1\'e2\'ff\'e7\'fc \u8364?5\par}"))],
            "Связь €5",
        ),
        (
            [
                prop(
                    0x1009,
                    seeds.BINARY,
                    packed(
                        rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 as HTML\htmlrtf\par}\htmlrtf0 }"
                    ),
                )
            ],
            "as HTML",
        ),
        (
            [prop(0x1009, seeds.BINARY, struct.pack("<II4sI", 40, 23, b"MELA", 0) + rb"{\rtf1\ansi plain text}")],
            "plain text",
        ),
    ],
)
def test_the_body_is_plain_text_or_html_or_rtf(props, expected):
    assert shown(parsed(tnef, message(prop(0x37, seeds.STRING, b"S\0"), *props)))[1:] == [("paragraph", expected)]


def test_strings_are_in_the_code_page_of_the_message():
    data = stream(
        attribute(seeds.MESSAGE, seeds.CODE_PAGE, struct.pack("<II", 949, 0)),
        attribute(seeds.MESSAGE, seeds.SUBJECT, "네트워크\0".encode("cp949")),
        attribute(seeds.MESSAGE, seeds.BODY, "연결\0".encode("cp949")),
    )
    assert shown(parsed(tnef, data)) == [("heading", "네트워크"), ("paragraph", "연결")]


def test_named_many_and_fixed_properties_are_passed_over():
    named = struct.pack("<HH", seeds.LONG, 0x8001) + bytes(16) + struct.pack("<II", 0, 7) + struct.pack("<I", 1)
    called = struct.pack("<HH", seeds.LONG, 0x8002) + bytes(16) + struct.pack("<II", 1, 6) + b"a\0b\0\0\0" + bytes(6)
    many = struct.pack("<HHI", 0x1000 | seeds.LONG, 0x7001, 3) + bytes(12)
    flag = struct.pack("<HHHH", 0x0B, 0x7002, 1, 0)
    body = prop(0x1000, seeds.STRING, b"text\0")
    assert shown(parsed(tnef, message(named, called, many, flag, body))) == [("paragraph", "text")]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", MalformedDocument),
        (b"text", MalformedDocument),
        (stream(), EmptyDocument),
        (stream(b"\1" + bytes(4) + b"\xff\xff\xff\x7f" + bytes(9)), MalformedDocument),
        (message(prop(0x1A, seeds.STRING, b"IPM.Note.SMIME\0")), EncryptedDocument),
    ],
)
def test_what_is_no_message_or_has_no_text_is_refused(data, error):
    with pytest.raises(error):
        parsed(tnef, data)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xff\xff\xff" + bytes(100),
        b"\xff\xff\xff\xff" + struct.pack("<HHI", 0x1002, 0x7001, 2**32 - 1) + bytes(100),
        b"\1\0\0\0" + struct.pack("<HHI", 0x1E, 0x7001, 2**32 - 1) + bytes(100_000),
        b"\1\0\0\0" + struct.pack("<HHII", 0x102, 0x3701, 1, 2**32 - 1),
    ],
)
def test_counts_and_lengths_that_fit_nowhere_cost_nothing(content):
    subject = attribute(seeds.MESSAGE, seeds.SUBJECT, b"S\0")
    data = stream(subject, attribute(seeds.MESSAGE, seeds.PROPERTIES, content))
    assert shown(parsed(tnef, data)) == [("heading", "S")]


def test_what_stands_before_damage_is_read_and_the_rest_is_told(caplog):
    data = stream(attribute(seeds.MESSAGE, seeds.SUBJECT, b"S\0"))
    assert (parsed(tnef, data + bytes(20)).title, caplog.messages) == ("S", [])
    assert parsed(tnef, data + b"\1" * 20).title == "S"
    assert ["a: damaged at byte 19 of 39; what follows is left out"] == caplog.messages


@pytest.mark.timeout(20)
def test_many_small_attributes_are_read_once():
    small = attribute(seeds.MESSAGE, 0x1, b"")
    assert parsed(tnef, stream(*[small] * 90_000, attribute(seeds.MESSAGE, seeds.SUBJECT, b"S\0"))).title == "S"


@given(st.binary(max_size=200), st.integers(0, 400))
@settings(max_examples=150)
def test_damage_never_crashes(junk, at):
    data = seeds.tnef()
    for broken in (data[:at] + junk + data[at:], data[:at] + junk + data[at + len(junk) :], data[:at]):
        try:
            assert faults(parsed(tnef, broken)) == []
        except DocumentError:
            continue
