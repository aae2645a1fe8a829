"""Labels mean what the Encoding Standard says, and are decoded so where Python decodes something else."""

import pytest
from webencodings import lookup
from webencodings.labels import LABELS

from ingest.documents.parsers._reading.charsets import code_page, decoded_as, is_japanese, meaning, meant_by_meta
from ingest.documents.parsers._reading.decoding import decode

SAMPLES = {  # by the name of an encoding in the standard; others are tried with the text of Western Europe
    **dict.fromkeys(("windows-1250", "iso-8859-2", "iso-8859-16"), "Łódź, Gdańsk"),
    **dict.fromkeys(("iso-8859-3", "windows-1254"), "Türkçe"),
    **dict.fromkeys(("iso-8859-4", "iso-8859-10", "iso-8859-13", "windows-1257"), "Šiauliai, žemė"),
    **dict.fromkeys(
        ("windows-1251", "iso-8859-5", "koi8-r", "koi8-u", "ibm866", "x-mac-cyrillic"), "Сеть недоступна с утра"
    ),
    **dict.fromkeys(("windows-1253", "iso-8859-7"), "Δίκτυο εκτός"),
    **dict.fromkeys(("windows-1255", "iso-8859-8", "iso-8859-8-i"), "הרשת אינה זמינה"),
    **dict.fromkeys(("windows-1256", "iso-8859-6"), "الشبكة غير متاحة"),
    "windows-874": "เครือข่ายขัดข้อง",
    **dict.fromkeys(("gbk", "gb18030"), "网络连接中断，朱镕基"),
    "big5": "網路連線中斷，碁",
    **dict.fromkeys(("euc-jp", "iso-2022-jp", "shift_jis"), "ネットワーク障害"),
    "euc-kr": "네트워크 연결, 똠방각하",
    **dict.fromkeys(("utf-8", "utf-16le", "utf-16be"), "Straße 網路 €"),
}
TAKEN_FOR_OTHERS = {"gbk": "gb18030", "big5": "big5hkscs", "euc-kr": "cp949", "shift_jis": "cp932"}
REFUSED = sorted(label for label, name in LABELS.items() if name == "replacement")


@pytest.mark.parametrize("label", sorted(set(LABELS) - set(REFUSED)))
def test_every_label_of_the_standard_is_known_in_any_case_and_decoded(label):
    name = LABELS[label]
    text = SAMPLES.get(name, "Café, naïve")
    codec = {"x-user-defined": "cp1252", "x-mac-cyrillic": "mac_cyrillic", "iso-8859-8-i": "iso8859-8"}.get(name)
    data = text.encode(codec or TAKEN_FOR_OTHERS.get(name) or lookup(label).codec_info.name)
    assert decoded_as(data, meaning(f" {label.upper()} ")) == text
    if not name.startswith("utf-16"):
        assert decode(data, "a", label) == text


@pytest.mark.parametrize("label", REFUSED)
def test_what_browsers_refuse_is_refused_in_their_pages_alone(label):
    assert (meant_by_meta(label), meaning(label) != "" or label == "") == ("replacement", True)


def test_a_page_that_says_utf_16_in_ascii_is_utf_8():
    assert [meant_by_meta(label) for label in ("utf-16", "UTF-16LE", "unicodefffe", "koi8-r")] == [
        "utf-8",
        "utf-8",
        "utf-8",
        "koi8-r",
    ]


@pytest.mark.parametrize(
    ("label", "same_as"),
    [
        ("cp-1251", "windows-1251"),
        ("win1251", "windows-1251"),
        ("x-cp1250", "windows-1250"),
        ("CP936", "gb18030"),
        ("cp65001", "utf-8"),
        ("ks_c_5601", "euc-kr"),
        ("MS932", "shift_jis"),
        ("cp50220", "iso-2022-jp"),
        ("ISO-2022-JP-MS", "iso-2022-jp"),
        ("eucJP-ms", "euc-jp"),
        ("UTF_8", "utf-8"),
        ('"gb2312"', "gb18030"),
        ("x-windows-949", "euc-kr"),
        ("windows-28592", "iso-8859-2"),
    ],
)
def test_other_spellings_are_known_too(label, same_as):
    assert meaning(label) == meaning(same_as)


@pytest.mark.parametrize(
    "label",
    ["", "x-unknown", "unknown-8bit", "rot13", "hex", "idna", "unicode_escape", "cp037", "cp99999", "a\0b", "é"],
)
def test_other_names_mean_nothing(label):
    assert meaning(label) == ""


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("iso-2022-jp", b"\x1b$B-!-j|b\x1b(B a", "①㈱髙 a"),
        ("iso-2022-jp", b"\x1b(I123\x1b(B", "ｱｲｳ"),
        ("iso-2022-jp", b"\x0e123\x0f!\xb1", "ｱｲｳ!ｱ"),
        ("iso-2022-jp", b"\x1b(J\\10~\x1b(B\\", "¥10‾\\"),
        ("iso-2022-jp", b"\x1b$(D0!\x1b(B", "丂"),
        ("iso-2022-jp-2", "漢字 한글".encode("iso2022_jp_2"), "漢字 한글"),
        ("euc-jp", b"\xad\xa1\xfc\xe2\x8e\xb1\x8f\xb0\xa1", "①髙ｱ丂"),
        ("shift_jis", b"\x87\x40\xfb\xfc", "①髙"),
        ("gb2312", "镕".encode("gbk"), "镕"),
        ("big5", b"\xa3\xe1\xf9\xd6\xa1\x45\xc6\xa1", "€碁‧①"),
        ("koi8-u", b"\xae\xbe", "ўЎ"),
        ("hz-gb-2312", b"~{<:Ky2;S{~}", "己所不欲"),
        ("iso-2022-kr", "네트워크".encode("iso2022_kr"), "네트워크"),
        ("utf-7", b"+AOkA6A-", "éè"),
        ("x-user-defined", b"\x80", "€"),
    ],
)
def test_rows_of_vendors_and_signs_are_as_the_standard_says(label, data, text):
    assert decoded_as(data, meaning(label)) == text


@pytest.mark.parametrize(
    ("label", "data"),
    [("iso-2022-jp", b"\x1b$B$"), ("iso-2022-jp", b"\x1b$Ba\xff"), ("euc-jp", b"\xff"), ("big5", b"\xff\xff")],
)
def test_what_is_no_text_is_an_error_or_replaced(label, data):
    with pytest.raises(UnicodeDecodeError):
        decoded_as(data, meaning(label))
    assert "\ufffd" in decoded_as(data, meaning(label), "replace")


def test_japanese_is_told_by_its_escapes_alone():
    found = [is_japanese(data) for data in (b'\x1b$B$"\x1b(B', b"\x1b$B", b"\x1b$Bxxx", b"$B", b"\x1b$B\xff\xff")]
    assert found == [True, True, False, False, False]


def test_code_pages_of_windows_have_labels():
    numbers = (1251, 874, 949, 65001, 28595, 850, 50221, 99999)
    assert [meaning(code_page(number)) for number in numbers] == [
        "cp1251",
        "cp874",
        "cp949",
        "utf-8",
        "iso8859-5",
        "cp850",
        "iso-2022-jp",
        "",
    ]
