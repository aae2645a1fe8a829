"""E-mails: headers, bodies, quotes, attachments, and messages that are broken."""

import base64
import binascii
from email.message import EmailMessage
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents.parsers import eml
from ingest.errors import DocumentError, EmptyDocument, EncryptedDocument, MalformedDocument, OversizedDocument
from tests.inline_sandbox import InlineSandbox
from tests.unit.documents.parsers.checks import faults, parsed, raw, shown

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


def test_an_attached_message_in_base64_is_decoded():
    inner = "Subject: Inner\n\nBrücke"
    head = b"Subject: s\nContent-Type: message/rfc822\nContent-Transfer-Encoding: Base64\n\n"
    for encoded in (base64.encodebytes(inner.encode()), inner.encode()):
        (child,) = parsed(eml, head + encoded).children
        assert child.data.decode() == inner


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


RUSSIAN, KOREAN, JAPANESE = "Сеть недоступна с самого утра", "네트워크 연결", "ネットワーク障害①"
PLAIN = "\nContent-Type: text/plain; charset="


def headed(name: str, value: bytes, rest: str = "\n\ntext") -> bytes:
    return b"Subject: S\nFrom: a@x.org\n" + name.encode() + b": " + value + rest.encode()


def subject(value: bytes, rest: str = "\n\ntext") -> str:
    return parsed(eml, b"Subject: " + value + rest.encode()).title


def word(text: str, label: str, codec: str = "") -> bytes:
    return f"=?{label}?B?{base64.b64encode(text.encode(codec or label)).decode()}?=".encode()


@pytest.mark.parametrize(
    ("value", "rest"),
    [
        (RUSSIAN.encode(), "\n\ntext"),
        (RUSSIAN.encode("cp1251"), f"{PLAIN}windows-1251\n\ntext"),
        (RUSSIAN.encode("koi8-r"), f"{PLAIN}us-ascii\nX: charset=koi8-r\n\ntext"),
        (f"{RUSSIAN}\n {RUSSIAN}".encode("cp1251"), "\n\ntext"),
    ],
)
def test_raw_bytes_of_a_header_are_utf_8_or_in_the_charset_of_the_message(value, rest):
    assert subject(value, rest) in (RUSSIAN, f"{RUSSIAN} {RUSSIAN}")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252"])
def test_raw_bytes_are_read_in_names_of_people_and_files(encoding):
    person, file = '"Jörg Müller" <j@x.org>', "Übersicht März.txt"
    source = (
        f"From: {person}\nTo: {person}\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
        f'Content-Type: text/plain; name="{file}"\nContent-Disposition: attachment; filename="{file}"\n\nx\n--b--\n'
    ).encode(encoding)
    document = parsed(eml, source)
    assert (document.text, [one.path for one in document.children]) == (f"From: {person}\nTo: {person}", [file])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (word(KOREAN, "ks_c_5601-1987", "cp949"), KOREAN),
        (word(KOREAN, "windows-949", "cp949"), KOREAN),
        (word("เครือข่าย", "windows-874", "cp874"), "เครือข่าย"),
        (b"=?iso-2022-jp?B?GyRCLSEbKEI=?=", "①"),
        (b"=?ISO-8859-1?Q?It=92s_=80_5?=", "It’s € 5"),
        (b"=?utf-8*en?Q?caf=C3=A9?=", "café"),
        (b"=?utf-8?B?4pyT4g==?= =?utf-8?B?nJM?=", "✓✓"),
        (b"=?utf-8?Q?caf=C3?=\n =?utf-8?Q?=A9_b?=\n =?iso-8859-1?Q?=E9?=", "café bé"),
        (b"Re: =?utf-8?q?a_b?= (c) =?utf-8?q?d?=", "Re: a b (c) d"),
        (b"=?utf-8?q?two words? yes?=", "two words? yes"),
        (b"=?us-ascii?Q?caf=C3=A9?=", "café"),
        (b"=?utf-8?Q?caf=E9_noir?=", "caf\ufffd noir"),
        (b"=?utf-8?X?a?= =?utf-8?q?open", "=?utf-8?X?a?= =?utf-8?q?open"),
        (JAPANESE[:-1].encode("iso2022_jp"), JAPANESE[:-1]),
    ],
)
def test_encoded_words_mean_what_their_labels_mean(value, text):
    assert subject(value) == text


def test_a_charset_of_a_header_that_nobody_knows_is_told_and_the_content_decides(caplog):
    assert subject(word(RUSSIAN * 2, "x-secret", "koi8-r")) == RUSSIAN * 2
    assert ["a: charset 'x-secret' of a header is unknown; read as koi8_r by its content"] == caplog.messages


@pytest.mark.parametrize(
    "name",
    [
        b"filename*=windows-874''" + quote("เครือ.txt".encode("cp874")).encode(),
        b"filename*0*=windows-874''"
        + quote("เค".encode("cp874")).encode()
        + b"; filename*1*="
        + quote("รือ.txt".encode("cp874")).encode(),
        b"filename=thai.txt; filename*=windows-874''" + quote("เครือ.txt".encode("cp874")).encode(),
        b"filename*=utf-8''" + quote("เครือ.txt").encode() + b"; filename=thai.txt",
        b"filename*=''" + quote("เครือ.txt").encode(),
        b'filename="' + word("เครือ.txt", "tis-620", "cp874") + b'"',
        b'filename="' + "เครือ.txt".encode() + b'"',
    ],
)
def test_names_of_files_are_read_in_every_way_of_writing_them(name):
    source = headed("Content-Disposition", b"attachment; " + name, "\nContent-Type: text/csv; charset=tis-620\n\n")
    source += "เค".encode("cp874")
    assert [(one.path, one.media_type) for one in parsed(eml, source).children] == [
        ("เครือ.txt", "text/csv; charset=tis-620")
    ]


@pytest.mark.parametrize("label", ["windows-949", "ks_c_5601-1987", "euc-kr", "KSC5601", '"EUC-KR"'])
def test_the_charset_of_a_part_means_what_it_means_in_the_web(label):
    source = f"Subject: S{PLAIN}{label}\n\n".encode() + KOREAN.encode("cp949")
    assert blocks(source)[1:] == [("paragraph", KOREAN)]


def test_rows_of_vendors_are_read_in_japanese_mails_with_and_without_a_label():
    body = b"\x1b$B%M%C%H-!-j\x1b(B"
    for head in (f"Subject: S{PLAIN}ISO-2022-JP\n\n", "Subject: S\n\n"):
        assert blocks(head.encode() + body)[1:] == [("paragraph", "ネット①㈱")]


def test_the_charset_of_the_mail_counts_more_than_that_of_its_page():
    page = '<html><head><meta charset="koi8-r"></head><body>' + RUSSIAN
    for label, encoding in (("windows-1251", "cp1251"), ("us-ascii", "koi8-r"), ("x-none", "koi8-r")):
        source = f"Subject: S\nContent-Type: text/html; charset={label}\n\n".encode() + page.encode(encoding)
        assert blocks(source)[1:] == [("paragraph", RUSSIAN)]


def test_a_part_in_a_charset_that_nobody_knows_is_marked(caplog):
    source = f"Subject: S{PLAIN}x-secret\n\n".encode() + RUSSIAN.encode("koi8-r") * 2
    assert blocks(source)[1:] == [("paragraph", RUSSIAN * 2)]
    assert ["a: charset 'x-secret' is unknown; read as koi8_r by its content"] == caplog.messages


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["=?a?q?", "=?a?q?x?= ", ";", '";', "=?utf-8?b?", "charset=", " "])
def test_long_headers_are_read_once(unit):
    for name in ("Subject", "Content-Type", "Content-Disposition"):
        parsed(eml, headed(name, b"text/plain; " + unit.encode() * (500_000 // len(unit))))


def test_korean_in_seven_bits_is_text():
    head = "Subject: S\nContent-Type: text/plain; charset=iso-2022-kr\n\n"
    source = head.encode() + "네트워크 연결이 끊어졌습니다.\n".encode("iso2022_kr") * 20
    document = InlineSandbox().parse(raw(source, "a.eml"))
    assert shown(document)[1][1].splitlines()[0] == "네트워크 연결이 끊어졌습니다."


def uuencoded(content, name="notes.txt"):
    lines = [binascii.b2a_uu(content[at : at + 45]).decode() for at in range(0, len(content), 45)]
    return f"begin 644 {name}\n{''.join(lines)}`\nend\n"


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_files_in_the_text_of_a_message_are_its_attachments(ends):
    files = {"notes.txt": b"Some notes.\n" * 9, "one file.bin": b"\x00\x01\xff" * 30}
    text = f"Hello\n\n{''.join(uuencoded(content, name) for name, content in files.items())}Bye\n"
    document = parsed(eml, f"From: a@b.c\n\n{text}".replace("\n", ends))
    assert [text for _, text in shown(document)][1:] == ["Hello", "Bye"]
    assert {child.path: child.data for child in document.children} == files


def test_a_file_in_base64_in_the_text_of_a_message_is_an_attachment():
    document = parsed(eml, "From: a@b.c\n\nHi\n\nbegin-base64 644 n.txt\nU29tZSBub3Rlcy4=\n====\nBye\n")
    assert [text for _, text in shown(document)][1:] == ["Hi", "Bye"]
    assert [(child.path, child.data) for child in document.children] == [("n.txt", b"Some notes.")]


@pytest.mark.parametrize(
    "text", ["begin 644 notes\nThis is just text.\nend", "We begin 644 days later.", "begin 644 x\nend", "begin 644 x"]
)
def test_text_that_only_begins_like_a_file_stays(text):
    document = parsed(eml, f"From: a@b.c\n\n{text}\n")
    assert [text for _, text in shown(document)][1:] == [text]
    assert document.children == ()


@pytest.mark.parametrize("name", ["報告書", "予定表ソ", "一覧表", "見積書(表)", "データ", "会議メモ 2024"])
@pytest.mark.parametrize("header", ["Content-Disposition: attachment; filename", "Content-Type: image/png; name"])
def test_a_file_name_in_raw_shift_jis_is_read(header, name):
    head = b"From: a@b.c\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\n" + header.encode()
    part = b'="' + name.encode("cp932") + b'.png"; size=3\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n--B--\n'
    assert [child.path for child in parsed(eml, head + part).children] == [f"{name}.png"]


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("Résumé", "cp1252"), ("Müller’s Übung", "cp1252"), ("Отчёт", "cp1251"), ("Příloha č", "cp1250")],
)
def test_a_file_name_in_another_raw_encoding_is_told_by_its_letters(name, encoding):
    head = b"From: a@b.c\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\nContent-Disposition: "
    part = b'attachment; filename="' + name.encode(encoding) + b'.bin"\n\nhello\n--B--\n'
    assert [child.path for child in parsed(eml, head + part).children] == [f"{name}.bin"]
