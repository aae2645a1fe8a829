"""E-mails: headers, bodies, quotes, attachments, and messages that are broken."""

from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents.parsers import eml
from ingest.errors import DocumentError, EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument
from tests.unit.documents.parsers.checks import faults, parsed, shown

HEAD = "From: Ann <a@x.org>\nTo: Bob <b@x.org>\nSubject: =?utf-8?q?Caf=C3=A9?=\nDate: Mon, 1 Jan 2024 10:00:00 +0000\n"
SHOWN = [
    ("heading", "Café"),
    ("paragraph", "From: Ann <a@x.org>\nTo: Bob <b@x.org>\nDate: Mon, 1 Jan 2024 10:00:00 +0000"),
]


def blocks(source: str | bytes) -> list[tuple[str, str]]:
    document = parsed(eml, source)
    assert faults(document) == []
    return shown(document)


def message(**content) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["Subject"] = "a@x.org", "S"
    if content:
        made.set_content(content.get("plain", ""))
    if "html" in content:
        made.add_alternative(content["html"], subtype="html")
    return made


def test_headers_come_first_and_quoted_replies_are_quotes():
    body = "Hello\nworld,\n\nyes\n> asked\n> more\n>> older\nend\n-- \nAnn\n"
    assert blocks(f"{HEAD}\n{body}") == [
        *SHOWN,
        ("paragraph", "Hello\nworld,"),
        ("paragraph", "yes"),
        ("quote", "asked\nmore"),
        ("quote", "older"),
        ("paragraph", "end\n--\nAnn"),
    ]


def test_flowed_lines_are_joined():
    body = "one \ntwo\n> q \n> r\n\nlast\n"
    source = f"{HEAD}Content-Type: text/plain; format=flowed\n\n{body}"
    assert blocks(source)[2:] == [("paragraph", "one two"), ("quote", "q r"), ("paragraph", "last")]


@pytest.mark.parametrize(
    ("plain", "html", "expected"),
    [
        ("same words here", "<p>same <b>words</b> here</p>", [("paragraph", "same words here")]),
        ("see HTML", "<h1>T</h1><p>much more in it</p>", [("heading", "T"), ("paragraph", "much more in it")]),
    ],
)
def test_plain_text_stands_for_the_html_when_it_says_the_same(plain, html, expected):
    assert blocks(message(plain=plain, html=html).as_bytes())[2:] == expected


def test_attachments_are_children_with_unique_safe_names_and_inline_pictures_are_not():
    made = message(plain="text")
    for name in ("a.txt", "a.txt", "../../etc/passwd"):
        made.add_attachment(b"data", maintype="application", subtype="octet-stream", filename=name)
    made.add_attachment(b"png", maintype="image", subtype="png", disposition="inline", cid="<1>")
    made.add_attachment(message(plain="inner"))
    children = parsed(eml, made.as_bytes()).children
    assert [(one.path, one.media_type) for one in children] == [
        ("a.txt", "application/octet-stream"),
        ("a (2).txt", "application/octet-stream"),
        ("_.._etc_passwd", "application/octet-stream"),
        ("S.eml", "message/rfc822"),
    ]
    assert shown(parsed(eml, children[3].data))[-1] == ("paragraph", "inner")


def test_a_wrong_charset_does_not_lose_the_text():
    latin = (
        HEAD.encode() + b"Content-Type: text/plain; charset=utf-8\n\ncaf\xe9 \x96 5 \x80 for a long text in English\n"
    )
    assert blocks(latin)[2:] == [("paragraph", "café – 5 € for a long text in English")]
    japanese = HEAD.encode() + b"Content-Type: text/plain; charset=iso-2022-jp\n\n" + "日本語".encode("iso-2022-jp")
    assert blocks(japanese)[2:] == [("paragraph", "日本語")]


def test_a_message_saved_as_utf_16_is_read():
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        assert blocks(f"{HEAD}\ntext\n".encode(encoding)) == [*SHOWN, ("paragraph", "text")]


@pytest.mark.parametrize(
    "content",
    [
        'Content-Type: multipart/encrypted; boundary=b; protocol="application/pgp-encrypted"\n\n--b\n\nx\n--b--\n',
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nAAAA\n",
        "\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n",
    ],
)
def test_an_encrypted_message_is_refused_as_such(content):
    with pytest.raises(EncryptedDocument):
        parsed(eml, HEAD + content)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("", EmptyDocument),
        (" \n\n", EmptyDocument),
        ("no header here\n\ntext", MalformedDocument),
        ("X: y\n" * 1_000_000 + "\n", OversizedDocument),
        (f"From: {'a,' * 600_000}\n\nx", OversizedDocument),
        ("X-Only: this\n\n", EmptyDocument),
    ],
)
def test_what_is_no_message_or_too_much_is_refused(source, error):
    with pytest.raises(error):
        parsed(eml, source)


def test_parts_nested_without_end_are_over_a_limit_or_read():
    opening = "".join(f'Content-Type: multipart/mixed; boundary="b{i}"\n\n--b{i}\n' for i in range(3000))
    with pytest.raises(DocumentError):
        parsed(eml, f"X: y\n{opening}\n\ndeep text")


@pytest.mark.parametrize(
    "part",
    [
        b"Subject: =?ut\xff-8?q?x?=\n\ntext",
        b"Content-Type: text/plain; charset=utf\x00-8\n\ntext \xff",
        b'Content-Type: text/html; charset="a\x00b"\n\ntext',
        b"Content-Type: text/plain; charset=no-such\n\ntext",
        b"Content-Disposition: attachment; filename*=x''%ff\x00\n\ntext",
        b"Content-Transfer-Encoding: base64\n\n!text",
    ],
)
def test_broken_labels_lose_no_message(part):
    assert faults(parsed(eml, b"From: a@x.org\n" + part)) == []


@given(st.binary(max_size=300))
@settings(max_examples=150)
def test_damaged_parts_never_crash(junk):
    source = HEAD.encode() + b'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/html\n\n' + junk
    assert faults(parsed(eml, source + b"\n--b\n" + junk)) == []
