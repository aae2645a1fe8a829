"""Mailboxes: where messages begin, what is quoted, and names that stay."""

import pytest

from ingest.documents import media_types
from ingest.documents.parsers import eml, mbox
from ingest.errors import EmptyDocument, OversizedDocument
from ingest.records import ParseLimits, ParserOptions
from tests.inline_sandbox import InlineSandbox
from tests.unit.documents.parsers.checks import parsed, raw, shown

LINES = [
    "From ann@x.org Mon Jan  1 10:00:00 2024",
    "From - Mon Jan 01 10:00:00 2024",
    "From ann@x.org Mon Jan  1 10:00:00 2024 +0100",
    "From 1786543210@xxx Mon Jan 01 10:00:00 +0000 2024",
    "From ann at x.org  Mon Jan  1 10:00:00 2024",
    "From MAILER-DAEMON Mon Jan  1 10:00 UTC 2024",
    "From ???@??? Mon Jan 01 10:00:00 2024",
    "From ann@x.org Mon, 1 Jan 2024 10:00:00 +0000",
]


def message(subject: str, body: str = "Hello.", **headers: str) -> str:
    more = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
    return f"From: ann@x.org\nSubject: {subject}\n{more}\n{body}\n"


def mailbox(*messages: str, line: str = LINES[0]) -> str:
    return "\n".join(f"{line}\n{one}" for one in messages)


def texts(data: str | bytes, parser=mbox) -> list[str]:
    """Return the last paragraph of each message."""
    return [shown(parsed(eml, child.data))[-1][1] for child in parsed(parser, data).children]


def subjects(data: str | bytes, parser=mbox) -> list[str]:
    return [parsed(eml, child.data).title for child in parsed(parser, data).children]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_message_is_a_document_however_its_line_is_written(line, end):
    data = mailbox(message("one"), message("two"), message("three"), line=line).replace("\n", end)
    for parser in (mbox, eml):
        assert subjects(data, parser) == ["one", "two", "three"]
        assert texts(data, parser) == ["Hello."] * 3


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a.mbox", "application/mbox"),
        ("Inbox", "application/mbox"),
        ("a.mbx", "application/mbox"),
        ("2024-January.txt", "application/mbox"),
        ("a.eml", "message/rfc822"),
    ],
)
def test_a_mailbox_is_told_by_its_name_or_its_content(path, expected):
    data = mailbox(message("one"), message("two")).encode()
    assert media_types.sniff(data, path) == expected
    assert len(InlineSandbox().parse(raw(data, path)).children) == 2


@pytest.mark.parametrize(
    "text", ["From Monday on, the library is open.\n\nText.", "From: a mail\nSubject: no mailbox\n\nText"]
)
def test_other_text_without_a_name_is_no_mailbox(text):
    assert media_types.sniff(text.encode(), "README") == "text/plain"


def test_one_message_behind_such_a_line_is_a_mail_or_a_mailbox_of_one_by_its_name():
    data = mailbox(message("only"))
    assert (parsed(eml, data).title, subjects(data)) == ("only", ["only"])


@pytest.mark.parametrize(
    "body",
    [
        "From here on it gets steep.\n\nFrom Monday, 10:30 we close.\n\nFrom: the desk",
        f"Quoted:\n{LINES[0]}\nSubject: inside a paragraph",
        f"In a log:\n\n{LINES[0]}\nwithout a header behind it",
    ],
)
def test_a_body_with_such_words_is_not_cut(body):
    data = mailbox(message("one", body), message("two"))
    assert subjects(data) == ["one", "two"]
    assert parsed(mbox, data).children[0].data.decode().endswith(f"{body}\n")


@pytest.mark.parametrize("parser", [mbox, eml])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_message_without_a_blank_line_before_it_is_one(parser, end):
    one = f"{LINES[0]}\n{message('one', To='b@x.org').rstrip()}\n"
    data = one + one.replace("one", "two").replace("To: ", "To: a@x.org,\n ")
    assert subjects(data.replace("\n", end), parser) == ["one", "two"]


def test_a_byte_order_mark_is_no_part_of_a_message():
    first, second = parsed(mbox, "\ufeff" + mailbox(message("one"), message("two"))).children
    assert (first.path[:4], second.path[:4]) == ("one ", "two ")


def test_quoted_lines_are_as_they_were():
    data = mailbox(message("one", ">From one\n\n>>From two\n> From three"), message("two"))
    assert b"\n\nFrom one\n\n>From two\n> From three\n" in parsed(mbox, data).children[0].data


def test_a_stated_length_counts_if_the_next_message_begins_behind_it():
    body = f"Look:\n\n{LINES[0]}\n{message('inner')}"
    true = mailbox(message("one", body, Content_Length=str(len(body))), message("two"))
    assert subjects(true) == ["one", "two"]
    for wrong in ("3", "999999", "x"):
        assert subjects(mailbox(message("one", "Hi", Content_Length=wrong), message("two"))) == ["one", "two"]


def test_names_come_from_subjects_and_stay_when_messages_come_and_go():
    numbered = [message(f"Re: plan {n}/3", Message_ID=f"<{n}@x.org>") for n in range(3)]
    before = [child.path for child in parsed(mbox, mailbox(*numbered)).children]
    after = [child.path for child in parsed(mbox, mailbox(message("new"), *numbered[1:])).children]
    assert before[0].startswith("Re: plan 0_3 (")
    assert (after[1:], len({*before, *after})) == (before[1:], 4)


def test_messages_without_a_subject_and_the_same_message_twice_have_names_of_their_own():
    paths = [child.path for child in parsed(mbox, mailbox(*[message("")] * 3)).children]
    assert len({*paths}) == 3
    assert all(path.startswith("message (") for path in paths)


def test_subjects_are_decoded_for_names():
    (child,) = parsed(mbox, mailbox(message("=?koi8-r?B?89fR2tg=?="))).children
    assert child.path.startswith("Связь (")


def test_a_mailbox_over_the_limit_of_documents_is_refused():
    data = raw(mailbox(*[message("x")] * 11), "a.mbox", "application/mbox")
    limited = ParserOptions(limits=ParseLimits(archive_entries=10))
    with pytest.raises(OversizedDocument, match="11 entries, the limit is 10"):
        mbox.parse(type(data)(data.ref, data.data, data.media_type, limited))


def test_an_empty_mailbox_is_empty():
    with pytest.raises(EmptyDocument):
        parsed(mbox, "\n")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit",
    [
        f"{LINES[0]}\nA: b\n\n",
        "\n\nFrom ",
        "From Mon Jan ",
        ">",
        "From x Mon, \n\n",
        f"{LINES[0]}\na:\n",
        f"{LINES[0]}\nA: b\nC: d\nE: f\n",
    ],
)
def test_long_mailboxes_are_read_once(unit):
    data = raw(mailbox(message("one")) + unit * (200_000 // len(unit)), "a.mbox", "application/mbox")
    assert len(mbox.parse(data).children) >= 1
