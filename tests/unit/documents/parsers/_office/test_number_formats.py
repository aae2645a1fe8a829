"""Expected texts agree with LibreOffice's, and with Excel's where the two differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.documents.parsers._office.number_formats import NumberFormat, built_in

DAY = 45366  # Friday, 2024-03-15
ACCOUNTING = '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\);_("$"* "-"??_);_(@_)'


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ('0.0" kg"', 12.5, "12.5 kg"),
        ('0\\ "m²"', 5, "5 m²"),
        ('"$"0.00', -5, "-$5.00"),
        ('"Yes";;"No"', 1, "Yes"),
        ('"Yes";;"No"', 0, "No"),
        ('"Yes";;"No"', -1, ""),
        ("00000", 1067, "01067"),
        ('"INV-"0000', 12, "INV-0012"),
        ("[$£-809]#,##0.00", 1999.5, "£1,999.50"),
        ("#,##0.00\\ [$€-407]", -1234.5, "-1,234.50 €"),
        ("[$USD] #,##0", 5, "USD 5"),
        ("[$kr.-406]\\ 0", 5, "kr. 5"),
        ("#,##0 USD", 5000, "5,000 USD"),
        ("▲0;▼0", -5, "▼5"),
        ("\\+0;\\-0;0", 5, "+5"),
        (ACCOUNTING, -5.5, "$(5.50)"),
        (ACCOUNTING, 1234, "$1,234.00"),
        (ACCOUNTING, 0, "$-"),
        ("0;-0;;@", 0, ""),
        ("", 2.5, "2.5"),
    ],
)
def test_units_currencies_and_words_are_part_of_what_a_cell_shows(code: str, value: float, shown: str) -> None:
    assert shown == NumberFormat(code).number(value)


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("0", 2.5, "3"),
        ("0.00", 2.675, "2.68"),
        ("0", -0.4, "0"),
        ("#,##0", 1234567, "1,234,567"),
        ("#,##0,", 1234567, "1,235"),
        ('0.0,,"M"', 1234567, "1.2M"),
        ("#,###", 0, ""),
        ("#.##", 0.5, ".5"),
        ("0.0#", 12, "12.0"),
        ("0.???", 1.5, "1.5"),
        (".00", 12.5, "12.50"),
        ("000-00-0000", 123456789, "123-45-6789"),
        ("+00 000 0000000", 49891234567, "+04 989 1234567"),
        ('#" "###" "##0', 1234567, "1 234 567"),
        ("0%", 0.25, "25%"),
        ('0.00" "%', 0.5, "50.00 %"),
        ("0.00E+00", 12345, "1.23E+04"),
        ("0.00E-00", 12345, "1.23E04"),
        ("0.00E+00", 0.00123, "1.23E-03"),
        ("0E+0", 9.9, "1E+1"),
        ("##0.0E+0", 12345, "12.3E+3"),
        ("# ?/?", 12.75, "12 3/4"),
        ("# ?/?", -0.4, "-2/5"),
        ("# ?/?", 3, "3"),
        ("# ?/?", 0, "0"),
        ("0 ?/?", 0.25, "0 1/4"),
        ("?/?", 1.5, "3/2"),
        ("# ?/8", 2.3, "2 2/8"),
        ("# ??/??", 99.995, "100"),
        ("0", 1e300, "1" + "0" * 300),
    ],
)
def test_digits_stand_where_the_format_has_places_for_them(code: str, value: float, shown: str) -> None:
    assert shown == NumberFormat(code).number(value)


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("[Red]0.00", 7, "7.00"),
        ("#,##0_);[Red](#,##0)", -1234, "(1,234)"),
        ("0.0;-0.0;-", 0, "-"),
        ("[>=100]0.0;0.00", 150, "150.0"),
        ("[>=100]0.0;0.00", -5, "-5.00"),
        ('[<100]"low";[<200]"mid";"high"', -5, "low"),
        ('[<100]"low";[<200]"mid";"high"', 250, "high"),
        ('[=1]"one";[=2]"two";0', -3, "-3"),
        ('[<0]"minus "0;0', -3, "minus 3"),
        ("0;0", -3, "3"),
        ("0;@", -3, "-3"),
        ("General", 0.1 + 0.2, "0.3"),
        ("General", 1e20, "1E+20"),
        ('General" pcs"', 5, "5 pcs"),
        ("@", 5.5, "5.5"),
        ("@", 1.7976931348623151e308, "1.79769313486232E+308"),
        ("0;" * 600, 1.5, "1.5"),
    ],
)
def test_a_value_chooses_its_section(code: str, value: float, shown: str) -> None:
    assert shown == NumberFormat(code).number(value)


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ("m/d/yyyy", DAY, "2024-03-15"),
        ("dd.mm.yyyy;@", DAY, "2024-03-15"),
        ("[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", DAY, "2024-03-15"),
        ("d/m/yy h:mm AM/PM", DAY + 0.6, "2024-03-15 14:24:00"),
        ('"Due: "yyyy-mm-dd', DAY, "Due: 2024-03-15"),
        ('yyyy"年"m"月"d"日"', DAY, "2024-03-15"),
        ("h:mm", 0.6, "14:24:00"),
        ("mmm yyyy", DAY, "Mar 2024"),
        ("mmmm", DAY, "March"),
        ("mmmmm", DAY, "M"),
        ("yyyy", DAY, "2024"),
        ("dddd", DAY, "Friday"),
        ("ddd d", DAY, "Fri 15"),
        ("[$-409]mmmm yy", DAY, "March 24"),
        ("[$-407]mmmm yyyy", DAY, "2024-03-15"),
        ("h:mm AM/PM", 0.6, "2:24 PM"),
        ("h AM/PM", 0, "12 AM"),
        ("[h]:mm", 27.5 / 24, "27:30"),
        ("[h]:mm:ss", 1.25, "30:00:00"),
        ("[mm]:ss", 90.5 / 1440, "90:30"),
        ("[s]", 1 / 1440, "60"),
        ("[h]:mm", -1.5, "-36:00"),
        ("[h]:mm", -1e-9, "0:00"),
        ('h "h" mm "min"', 0.1, "2 h 24 min"),
        ('hh"h"mm', 0.6, "14:24:00"),
        ('h:mm "Uhr"', 0.6, "14:24:00 Uhr"),
        ('yyyy-mm-dd h "h" mm "min"', DAY + 0.6, "2024-03-15 14:24:00"),
        ('yyyy "m." mmmm d "d."', DAY, "2024-03-15"),
        ('d mmmm yyyy "г."', DAY, "2024-03-15"),
        ("mm:ss", 5.5 / 1440, "05:30"),
        ("mm:ss.0", 330.26 / 86400, "05:30.3"),
        ("yyyy", -5, "-5"),
        ("yyyy", 1e9, "1000000000"),
    ],
)
def test_complete_dates_are_iso_and_other_moments_as_the_cell_shows_them(code: str, value: float, shown: str) -> None:
    assert shown == NumberFormat(code).number(value)


def test_days_are_counted_from_1904_if_the_workbook_does() -> None:
    assert ["1904-01-02", "Jan 1904"] == [
        NumberFormat(code, from_1904=True).number(1) for code in ("d/m/yy", "mmm yyyy")
    ]


def test_built_in_formats_are_known_by_number() -> None:
    assert ["$1,234", "($5.50)", "(5)", "-", "1/2", "05:30"] == [
        NumberFormat(built_in(key)).number(value)
        for key, value in ((5, 1234), (8, -5.5), (37, -5), (41, 0), (12, 0.5), (45, 5.5 / 1440))
    ]
    assert ["2024-03-15", "2024-03-15", "5"] == [
        NumberFormat(built_in(key)).number(value) for key, value in ((14, DAY), (31, DAY), (200, 5))
    ]


def test_a_text_is_shown_by_the_last_section() -> None:
    codes = ('"No. "@', "0;0;0;", ";;;", "0", "@", "General;@")
    assert ["No. x", "", "", "x", "x", "x"] == [NumberFormat(code).text("x") for code in codes]


@given(
    st.text(alphabet='0#?,.;[]"\\_*$%E+-/@ymdhsAPMG<>=1 €', max_size=60),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_code_shows_any_number(code: str, value: float) -> None:
    assert isinstance(NumberFormat(code).number(value), str)
    assert isinstance(NumberFormat(code).text("x"), str)
