import random

import pytest

from ingest.documents.parsers._reading.decoding import decode
from ingest.errors import MalformedDocument

RUSSIAN = "Это текст на русском языке для проверки кодировки. "
GERMAN = "Der Begriff Übergröße wird häufig für Räume benutzt, die größer sind."


def test_utf8_is_decoded_unchanged():
    data = "\ufeffa\r\nb\rc\x0c é 日本\n".encode()
    assert decode(data, "a") == data.decode("utf-8")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "cp1252"])
def test_other_encodings_are_told_apart(encoding):
    assert decode(GERMAN.encode(encoding), "a") == GERMAN


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_are_told_without_a_mark(encoding):
    assert decode(GERMAN.encode(encoding), "a") == GERMAN
    assert decode("ab".encode(encoding), "a") == "ab"


@pytest.mark.parametrize("data", [b"a\0b\0\0\0c\0", b"abc\0", bytes(64), b"a\0\1\0" * 20, b"a\0b\0c"])
def test_other_zero_bytes_are_no_text(data):
    with pytest.raises(MalformedDocument):
        decode(data, "a")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Café", "latin-1"),
        ("It’s a “quoted” text – here", "cp1252"),
        ("これは日本語の文章です。文字コードを確認します。", "shift_jis"),
        ("Это текст на русском языке для проверки кодировки.", "koi8-r"),
    ],
)
def test_legacy_encodings_are_detected_or_refused_but_never_guessed_wrong(text, encoding):
    assert decode(text.encode(encoding), "a") == text


def test_a_long_file_is_judged_by_its_lines_that_are_not_ascii():
    assert decode(b"plain\n" * 100_000 + GERMAN.encode("latin-1"), "a").endswith(GERMAN)


def test_the_encoding_that_a_page_declares_comes_before_detection():
    assert decode("Łódź".encode("iso-8859-2"), "a", "iso-8859-2") == "Łódź"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (("Übergröße " * 30).encode() + b"\xff tail", r"byte 390 \(0xff\) is not UTF-8"),
        (("Übergröße " * 30).encode()[:-3], "is not UTF-8"),
        (b"plain text \xff\xff", "byte 11"),
        ("hello".encode("utf-16") + b"x", "byte order mark of utf-16, but byte 12"),
        (random.Random(1).randbytes(5000), "not UTF-8"),
    ],
)
def test_damaged_bytes_are_malformed_and_say_where(data, message):
    with pytest.raises(MalformedDocument, match=message):
        decode(data, "a")


@pytest.mark.parametrize("declared", ["no such", "a\0b", "hex", "x" * 1000])
def test_under_a_label_that_nobody_knows_the_content_decides_and_the_document_is_marked(declared, caplog):
    assert decode(b"Caf\xe9", "a", declared) == "Café"
    assert [f"a: charset {declared[:60]!r} is unknown; read as cp1252 by its content"] == caplog.messages
    caplog.clear()
    assert decode("Café".encode(), "a", declared) == "Café"
    assert [f"a: charset {declared[:60]!r} is unknown; read as utf-8 by its content"] == caplog.messages


def test_ascii_needs_no_mark(caplog):
    assert (decode(b"Cafe", "a", "no such"), caplog.messages) == ("Cafe", [])


def test_a_wrong_label_is_told_and_the_content_decides(caplog):
    assert decode(RUSSIAN.encode("koi8-r") * 3, "a", "euc-jp") == RUSSIAN * 3
    assert ["a: charset 'euc-jp' is not that of its content; read as koi8_r by its content"] == caplog.messages


def test_a_few_damaged_characters_under_a_declared_charset_are_marked_not_refused(caplog):
    data = ("네트워크 연결이 끊어졌습니다. " * 20).encode("cp949") + b"\xff"
    assert decode(data, "a", "euc-kr") == "네트워크 연결이 끊어졌습니다. " * 20 + "\ufffd"
    assert ["a: 1 characters are damaged, in the charset 'euc-kr'"] == caplog.messages


def test_what_browsers_refuse_to_decode_is_refused():
    with pytest.raises(MalformedDocument, match="in the charset 'replacement', which no browser shows"):
        decode(b"text", "a", "replacement")


def test_a_few_pairs_of_bytes_may_be_utf_8_by_chance():
    assert (decode("图片".encode("gbk"), "a"), decode("图片".encode("gbk"), "a", "gb2312")) == ("ͼƬ", "图片")
    assert decode("图片".encode(), "a", "gb2312") == "图片"


def test_japanese_in_seven_bits_is_told_by_its_escapes():
    assert decode("障害のお知らせ".encode("iso2022_jp"), "a") == "障害のお知らせ"
    assert decode(b"\x1b[31mred\x1b[0m and $B", "a") == "\x1b[31mred\x1b[0m and $B"


@pytest.mark.parametrize(
    ("first", "encoding"),
    [
        ("# -*- coding: cp1251 -*-", "cp1251"),
        ("#!/usr/bin/python\n# vim: set fileencoding=koi8-r :", "koi8-r"),
        (".. -*- coding: windows-1251 -*-", "cp1251"),
    ],
)
def test_a_comment_of_editors_declares_the_encoding(first, encoding):
    text = f"{first}\nname = 'Ёж'\n"
    assert decode(text.encode(encoding), "a") == text


@pytest.mark.parametrize("label", ["", "x-unheard-of"])
@pytest.mark.parametrize(
    ("text", "encodings"),
    [
        ("Zażółć gęślą jaźń. Dzień dobry państwu.", ("cp1250", "iso8859_2")),
        ("Zpráva: společnost zvýšila tržby oproti předchozímu roku.", ("cp1250", "iso8859_2")),
        ("Árvíztűrő tükörfúrógép, egy mondat magyarul", ("cp1250",)),
        ("Türkçe ğüşıöç İstanbul şehir", ("cp1254",)),
        ("Größe ist wichtig, schöne Grüße an Änne.", ("cp1252", "mac_roman", "cp850")),
        ("Le rapport de l’année 2023 : à la suite d’un été très réussi.", ("cp1252", "mac_roman")),
        ("Привет, мир и Москва, документ", ("cp1251",)),
        ("Łódź i Gdańsk", ("cp1250",)),
        ("It’s £5 – or 6 € “net” for a café ½ as large", ("cp1252",)),
    ],
)
def test_of_encodings_alike_the_one_counts_in_which_a_language_has_all_the_letters(text, encodings, label):
    assert {decode(text.encode(encoding), "a", label) for encoding in encodings} == {text}
