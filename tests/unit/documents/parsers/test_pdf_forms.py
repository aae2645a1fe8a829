"""Fields of PDF forms: each value once, beside its label."""

import pytest

from ingest.documents.parsers import pdf
from ingest.errors import UnsupportedFormat
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.pdf_files import grid, lines, text
from tests.unit.documents.parsers.pdf_forms import annotated, check_box, string, text_field, widget

LINE = "Thank you; the office will write to you within a week."


def read(content: str, *widgets: str, **more) -> list[str]:
    """Return the lines of a page with fields."""
    document = parsed(pdf, annotated([content], [widgets], **more))
    assert faults(document) == []
    return [line for _, block in shown(document) for line in block.split("\n")]


def box(x: float, base: float, width: float = 120) -> tuple[float, float, float, float]:
    """Return a field's box whose value stands on a base line."""
    return x, base - 12, x + width, base + 6


def test_a_value_stands_behind_the_label_before_it_also_with_several_in_a_row():
    content = text(72, 100, "Surname:") + text(300, 100, "City") + text(72, 130, "Street:") + text(300, 130, "Phone")
    found = read(
        content,
        text_field(box(380, 130, 100), "d", "0123"),
        text_field(box(140, 100), "a", "Hollander"),
        text_field(box(380, 100, 100), "b", "Utrecht"),
        text_field(box(140, 130), "c"),
    )
    assert found == ["Surname: Hollander", "City: Utrecht", "Street:", "Phone: 0123"]


def test_a_value_stands_behind_the_label_above_or_below_it():
    rows = [(72, 100, "Policy holder"), (300, 100, "Policy number"), (72, 150, "Bank"), (300, 150, "Place")]
    values = ["Maria", "PX-2210", "", "Delft"]
    for side in (-12, 18):
        content = "".join(text(x, y + side, label, 8) for x, y, label in rows)
        widgets = [text_field(box(x, y, 150), f"f{x}{y}", v) for (x, y, _), v in zip(rows, values, strict=True)]
        assert read(content, *widgets) == ["Policy holder: Maria", "Policy number: PX-2210", "Bank", "Place: Delft"]


def test_sides_with_the_same_labels_are_read_one_after_the_other_below_their_headings():
    content, widgets = text(72, 80, "Sender", 10, "F2") + text(320, 80, "Receiver", 10, "F2"), []
    for at, (label, left, right) in enumerate([("Name", "Ada", "Ben"), ("ZIP", "01067", "2611"), ("City", "Ulm", "")]):
        base = 100 + 20 * at
        content += text(72, base, label) + text(320, base, label)
        widgets += [text_field(box(140, base), f"l{at}", left), text_field(box(390, base), f"r{at}", right)]
    content += text(72, 170, "Date:")
    found = read(content, *widgets, text_field(box(140, 170), "d", "1 May"))
    sides = ["Sender", "Name: Ada", "ZIP: 01067", "City: Ulm", "Receiver", "Name: Ben", "ZIP: 2611", "City"]
    assert found == [*sides, "Date: 1 May"]


def test_sides_of_several_fields_in_a_row_are_told_by_their_labels_and_other_rows_are_read_across():
    content, widgets = "", []
    for at, base in enumerate((100, 120)):
        for side, label in enumerate(("ZIP", "City", "ZIP", "City")):
            content += text(60 + 130 * side, base, label)
            widgets.append(
                text_field((90 + 130 * side, base - 10, 150 + 130 * side, base + 4), f"f{at}{side}", f"v{at}{side}")
            )
    content += text(60, 140, "From") + text(320, 140, "To")
    widgets += [text_field(box(100, 140), "a", "Ulm"), text_field(box(360, 140), "b", "Delft")]
    found = read(content, *widgets)
    order = ["ZIP: v00", "City: v01", "ZIP: v10", "City: v11", "ZIP: v02", "City: v03", "ZIP: v12", "City: v13"]
    assert found == [*order, "From: Ulm", "To: Delft"]


def test_a_label_may_have_several_lines():
    content = (
        text(72, 100, "Name and address of the") + text(72, 112, "person insured") + text(72, 150, "Other pension")
    )
    content += text(72, 162, "schemes, if any")
    found = read(
        content,
        text_field((200, 92, 400, 118), "a", "Jan Klaas, Delft"),
        text_field((72, 168, 400, 186), "b", "None"),
    )
    assert found == ["Name and address of the person insured: Jan Klaas, Delft", "Other pension schemes, if any: None"]


def test_boxes_show_their_state_before_or_behind_their_label():
    content = text(72, 100, "Insured:") + text(72, 130, "Pet:") + text(120, 130, "cat") + text(160, 130, "dog")
    content += text(86, 160, "I agree to the terms") + text(72, 190, "Yes") + text(120, 190, "No")
    kids = [
        f"<< /Type /Annot /Subtype /Widget /Parent {{p0}} /F 4 /Rect [{x} 660 {x + 10} 670] /AS /{state} "
        f"/AP << /N << /{name} {{empty}} /Off {{empty}} >> >> >>"
        for x, name, state in ((106, "0", "Off"), (146, "1", "1"))
    ]
    found = read(
        content,
        check_box((120, 92, 130, 102), "insured", True),
        *kids,
        check_box((72, 152, 82, 162), "terms", False),
        check_box((94, 182, 104, 192), "yes", True),
        check_box((140, 182, 150, 192), "no", False),
        parents=["<< /FT /Btn /Ff 49152 /T (pet) /V /1 /Opt [(cat) (dog)] /Kids [{n1} {n2}] >>"],
    )
    assert found == ["Insured: ☒", "Pet: ☐ cat ☒ dog", "☐ I agree to the terms", "Yes: ☒ No: ☐"]


def test_a_choice_shows_what_its_options_say_and_a_list_all_that_are_chosen():
    content = text(72, 100, "Course:") + text(72, 140, "Languages:")
    options = "/Opt [[(a1) (Painting)] [(b2) (Pottery)]] /Ff 131072"
    found = read(
        content,
        widget(box(140, 100), "Ch", "course", "(b2)", options),
        widget(
            box(140, 140), "Ch", "languages", "[(English) (Dutch)]", "/Opt [(English) (Dutch) (French)] /Ff 2097152"
        ),
    )
    assert found == ["Course: Pottery", "Languages: English, Dutch"]


def test_a_password_is_never_read_and_a_push_button_says_nothing():
    content = text(72, 100, "Password:") + text(72, 130, "Name:")
    found = read(
        content,
        text_field(box(140, 100), "p", "s3cret", "/Ff 8192 /AP << /N {s0} >>"),
        text_field(box(140, 130), "n", "Ada"),
        widget(box(300, 130, 60), "Btn", "send", "", "/Ff 65536 /MK << /CA (Send) >> /AP << /N {s1} >>"),
        shown=[(text(142, 100, "******"), box(140, 100)), (text(310, 130, "Send"), box(300, 130, 60))],
    )
    assert found == ["Password:", "Name: Ada"]


@pytest.mark.parametrize(
    ("value", "more", "expected"),
    [
        (string("Åsa Øst – Łódź"), "", "Name: Åsa Øst – Łódź"),
        (r"(M\374ller \240 x)", "", "Name: Müller € x"),
        (string("Road 1\nTown 2"), "/Ff 4096", "Name: Road 1\nTown 2"),
        (string("12345"), "/Ff 16777216 /MaxLen 5", "Name: 12345"),
        ("", "/RV (<body><p>Bold <b>Bill</b></p></body>)", "Name: Bold Bill"),
        (string("read only"), "/Ff 1", "Name: read only"),
    ],
)
def test_values_of_all_kinds_are_read(value, more, expected):
    found = read(text(72, 100, "Name:"), widget((140, 88, 300, 140), "Tx", "n", value, more))
    assert "\n".join(found) == expected


def test_a_value_stands_once_whatever_its_appearance_shows():
    content = text(72, 100, "Name:") + text(72, 130, "Sum:") + text(72, 160, "City:") + text(142, 160, "Delft")
    found = read(
        content,
        text_field(box(140, 100), "name", "Ada Lovelace", "/AP << /N {s0} >>"),
        text_field(box(140, 130), "sum", "1234.5", "/AP << /N {s1} >> /AA << /F << /S /JavaScript /JS (f\\(\\)) >> >>"),
        text_field(box(140, 160), "city", "Delft"),
        shown=[(text(142, 100, "A d a L o v e"), box(140, 100)), (text(142, 130, "1,234.50 EUR"), box(140, 130))],
    )
    assert found == ["Name: Ada Lovelace", "Sum: 1,234.50 EUR", "City: Delft"]


def test_without_text_beside_it_a_field_has_its_tooltip_or_its_name_as_label():
    found = read(
        text(72, 100, LINE),
        text_field(box(72, 200), "a.ship_name", "Aurora"),
        text_field(box(72, 300), "Text7", "Only a value"),
        text_field(box(72, 400), "x", "Rotterdam", "/TU (Home port)"),
        text_field(box(72, 500), "empty", "", "/TU (Not shown)"),
        check_box((72, 600, 82, 610), "c", True, "/TU (Under way)"),
    )
    assert found == [LINE, "ship name: Aurora", "Only a value", "Home port: Rotterdam", "Under way: ☒"]


def test_a_blank_in_a_sentence_is_filled_in():
    content = text(72, 100, "I,") + text(162, 100, ", declare that all of this is true and")
    content += text(72, 112, "complete to the best of my knowledge.")
    found = read(content, text_field((82, 90, 161, 103), "n", "John Smith"))
    assert found == ["I, John Smith, declare that all of this is true and complete to the best of my knowledge."]


@pytest.mark.parametrize("ruled", [False, True])
def test_fields_between_headings_are_the_cells_of_a_table(ruled):
    content = "".join(text(76 + 120 * i, 100, name) for i, name in enumerate(["Item", "2023", "2024"]))
    rows = [("Income", "100", "200"), ("Costs", "50", "60"), ("Rest", "50", "140")]
    content += "".join(text(76, 120 + 20 * i, row[0]) for i, row in enumerate(rows))
    content += grid([72, 192, 312, 432], [86, 106, 126, 146, 166]) if ruled else ""
    widgets = [
        text_field(box(74 + 120 * column, 120 + 20 * at, 110), f"f{at}{column}", row[column])
        for at, row in enumerate(rows)
        for column in (1, 2)
    ]
    assert read(content, *widgets) == ["Item | 2023 | 2024", *(" | ".join(row) for row in rows)]


def test_a_ruled_table_with_one_column_of_fields_stays_a_table_and_one_of_labels_and_fields_is_a_form():
    lattice = grid([72, 192, 312], [86, 106, 126, 146])
    head = text(76, 100, "Item") + text(196, 100, "Amount")
    rows = [("Bolts", 120, "12"), ("Nuts", 140, "30")]
    content = "".join(text(76, y, name) for name, y, _ in rows)
    widgets = [text_field(box(194, y, 110), name, value) for name, y, value in rows]
    assert read(lattice + head + content, *widgets) == ["Item | Amount", "Bolts | 12", "Nuts | 30"]
    named, third = text(76, 100, "Wood"), text_field(box(194, 100, 110), "c", "7")
    assert read(lattice + named + content, third, *widgets) == ["Wood: 7", "Bolts: 12", "Nuts: 30"]


def test_values_that_were_made_part_of_the_page_stand_on_their_lines():
    content = text(72, 160, "Name: ______________ Phone: ________") + text(104, 159, "Otto") + text(222, 159, "0170")
    assert read(content) == ["Name: Otto Phone: 0170"]
    content = text(72, 100, "Password:") + text(142, 100, "s3cret")
    assert read(content, text_field(box(140, 100), "p", "", "/Ff 8192")) == ["Password:"]


def test_the_fields_of_a_form_that_a_browser_printed_are_told_by_its_tags():
    square = "/Form << /MCID {} >> BDC {} {} 10 10 re S EMC\n"
    content = text(72, 100, "Pet:") + square.format(0, 100, 690) + text(114, 100, "cat") + square.format(1, 150, 690)
    content += text(164, 100, "dog") + text(72, 130, "Name:") + f"/Span << /MCID 2 >> BDC {text(110, 130, 'Ada')} EMC\n"
    content += text(160, 130, "City:") + f"/Span << /MCID 3 >> BDC {text(190, 130, 'Delft')} EMC\n"
    roles = [(0, "/rb", "<< /O /PrintField /checked /on >>"), (1, "/rb", ""), (2, "/tv", ""), (3, "/tv", "")]
    assert read(content, tags=roles) == ["Pet: ☒ cat ☐ dog", "Name: Ada", "City: Delft"]


def test_labels_inside_ruled_cells_keep_their_values():
    content = grid([72, 272, 472], [90, 120, 150]) + text(75, 98, "1. Name", 7) + text(275, 98, "2. City", 7)
    content += text(75, 128, "3. Born", 7) + text(275, 128, "4. Nation", 7)
    places = [(75, 102, "Ada"), (275, 102, "Delft"), (75, 132, "1990"), (275, 132, "Dutch")]
    widgets = [text_field((x, y, x + 180, y + 16), f"f{x}{y}", value) for x, y, value in places]
    assert read(content, *widgets) == ["1. Name: Ada | 2. City: Delft", "3. Born: 1990 | 4. Nation: Dutch"]


def test_units_other_boxes_and_lines_to_write_on_stay_with_their_fields():
    content = text(72, 100, "Weight") + text(166, 100, "kg") + text(200, 100, "Date:") + text(272, 100, "/")
    content += text(86, 130, "Other:") + text(72, 160, "Name: ______________ Phone: ________")
    found = read(
        content,
        text_field(box(120, 100, 44), "w", "80"),
        text_field(box(240, 100, 30), "d", "12"),
        text_field(box(277, 100, 30), "m", "05"),
        check_box((72, 122, 82, 132), "o", True),
        text_field(box(120, 130), "other", "by bicycle"),
        text_field(box(102, 160, 76), "n", "Otto"),
        text_field(box(218, 160, 40), "p", "0170"),
    )
    assert found == ["Weight: 80 kg", "Date: 12 / 05", "☒ Other: by bicycle", "Name: Otto", "Phone: 0170"]


@pytest.mark.parametrize(("flags", "hidden"), [(2, True), (32, True), (36, False), (4, False), (6, True)])
def test_a_field_that_nobody_sees_is_marked_hidden(flags, hidden):
    data = annotated([text(72, 100, "Name:")], [[text_field(box(140, 100), "n", "Ada", "/TU (Name)", flags)]])
    marked = [b.marks for b in parsed(pdf, data).blocks if "Ada" in parsed(pdf, data).text[b.start : b.end]]
    assert marked == [("hidden",) if hidden else ()]


def test_a_field_with_widgets_on_several_pages_is_read_on_each():
    widget = "<< /Type /Annot /Subtype /Widget /Parent {p0} /F 4 /Rect [140 680 260 700] >>"
    parent = "<< /FT /Tx /T (name) /V (Ada) /Kids [{n0} {n1}] >>"
    pages = [text(72, 105, "Name:"), text(72, 105, "Signed by:")]
    document = parsed(pdf, annotated(pages, [[widget], [widget]], [parent]))
    assert [(b.page, document.text[b.start : b.end]) for b in document.blocks] == [
        (1, "Name: Ada"),
        (2, "Signed by: Ada"),
    ]


def test_a_field_at_the_head_of_every_page_is_no_running_header():
    widget = "<< /Type /Annot /Subtype /Widget /Parent {p0} /F 4 /Rect [140 740 260 760] >>"
    parent = "<< /FT /Tx /T (name) /V (Ada) /Kids [{n0} {n1} {n2} {n3}] >>"
    pages = [text(72, 44, "Name:") + lines(72, 200, [LINE] * 9) + text(72, 740, f"Page {at}") for at in range(4)]
    document = parsed(pdf, annotated(pages, [[widget]] * 4, [parent]))
    assert (document.text.count("Name: Ada"), document.text.count("Page")) == (4, 0)


def test_boxes_without_appearances_and_old_appearances_are_as_their_values_say():
    content = text(86, 100, "one") + text(86, 130, "two") + text(72, 160, "Name:")
    found = read(
        content,
        widget((72, 92, 82, 102), "Btn", "one", "/Yes"),
        widget((72, 122, 82, 132), "Btn", "two", "/Off"),
        text_field(box(140, 160), "n", "New name", "/AP << /N {s0} >>"),
        form="/NeedAppearances true",
        shown=[(text(142, 160, "Old name"), box(140, 160))],
    )
    assert found == ["☒ one", "☐ two", "Name: New name"]


def test_fields_of_a_page_that_is_turned_keep_their_labels():
    content = f"q 0 1 -1 0 792 0 cm {text(72, 100, 'Name:')} {text(72, 130, LINE)} Q"
    turned = "<< /Type /Annot /Subtype /Widget /FT /Tx /T (n) /V (Ada) /F 4 /Rect [88 140 106 260] /MK << /R 90 >> >>"
    assert read(content, turned, rotate=90) == ["Name: Ada", LINE]


def test_what_is_drawn_sideways_in_a_field_turns_no_page():
    place = (300, 90, 316, 290)
    drawn = f"q 0 1 -1 0 314 {792 - 280} cm BT /F1 10 Tf (A long value that stands sideways) Tj ET Q"
    field = text_field(
        place, "n", "A long value that stands sideways", "/AP << /N {s0} >> /TU (Remark) /MK << /R 90 >>"
    )
    found = read(text(72, 60, "Form") + text(72, 400, "invisible", more="3 Tr"), field, shown=[(drawn, place)])
    assert found == ["Form", "Remark: A long value that stands sideways", "invisible"]


def test_many_fields_are_read_in_linear_time():
    content = "".join(text(72, 20 + 0.5 * i, "Name:") for i in range(500))
    widgets = [text_field((140, 14 + 0.5 * i, 240, 22 + 0.5 * i), f"f{i}", f"v{i}") for i in range(500)]
    found = " ".join(read(content, *widgets))
    assert [found.count(f"v{i}") for i in (100, 200, 499)] == [1, 1, 1]


def test_of_a_form_in_xfa_too_the_fields_are_read_and_one_in_xfa_alone_is_refused():
    wait = text(72, 100, "Please wait... If this message is not replaced, your viewer cannot show this document.")
    more = {"form": "/XFA [(template) {empty}]", "catalog": "/NeedsRendering true"}
    assert read(text(72, 100, "Name:"), text_field(box(140, 100), "n", "Ada"), **more) == ["Name: Ada"]
    with pytest.raises(UnsupportedFormat, match="XFA"):
        read(wait, **more)


def test_fields_that_are_as_high_as_a_thousand_pages_are_read_in_linear_time():
    content = "".join(text(72, 5 * i, f"L{i}") for i in range(150))
    widgets = [text_field((140, -1e6, 240, 1e6), f"f{i}", f"v{i}") for i in range(200)]
    assert " ".join(read(content, *widgets)).count("v") == 200


def test_a_label_that_is_the_number_of_a_line_has_the_text_of_its_line_in_front():
    rows = [("1a", "Total wages of the year", "1a", "52,300"), ("b", "Other wages", "1b", ""), ("2", "Tips", "2", "0")]
    content, widgets = text(72, 80, LINE), []
    for at, (first, label, last, value) in enumerate(rows):
        base = 120 + 20 * at
        content += text(72, base, first) + text(100, base, label) + text(420, base, last)
        widgets.append(text_field(box(440, base, 80), f"f{at}", value))
    expected = ["1a Total wages of the year 1a: 52,300", "b Other wages 1b", "2 Tips 2: 0"]
    assert read(content, *widgets) == [LINE, *expected]


@pytest.mark.parametrize("form", ["", "/DA (/Helv 10 Tf 0 g)"])
def test_fields_that_the_form_does_not_list_are_read_as_others(form):
    content = text(72, 100, "Surname:") + text(300, 100, "City") + text(92, 130, "Insured") + text(222, 130, "Retired")
    data = annotated(
        [content],
        [
            [
                text_field(box(140, 100), "a", "Hollander"),
                widget(box(380, 100, 100), "Ch", "b", "(Utrecht)"),
                check_box((76, 122, 86, 132), "c", True),
                check_box((206, 122, 216, 132), "d", False),
                text_field(box(72, 300), "p", "secret", "/Ff 8192"),
            ]
        ],
        form=form,
    ).replace(b"/Fields [", b"/Others [")
    lines = [line for _, block in shown(parsed(pdf, data)) for line in block.split("\n")]
    assert lines == ["Surname: Hollander", "City: Utrecht", "☒ Insured ☐ Retired"]


@pytest.mark.parametrize("side", ["above", "below"])
def test_boxes_that_stand_above_or_below_their_labels_have_them(side):
    names, ticked = ["Yes", "No", "Maybe"], [True, False, False]
    tops = [100 + 30 * at for at in range(3)]
    labels = "".join(
        text(62, top + (22 if side == "above" else -4), name) for top, name in zip(tops, names, strict=True)
    )
    boxes = [check_box((65, top, 73, top + 8), f"a{at}", ticked[at]) for at, top in enumerate(tops)]
    found = " ".join(text for _, text in shown(parsed(pdf, annotated([labels], [boxes]))))
    marks = ["☒", "☐", "☐"]
    told = ("{0} {1}" if side == "above" else "{1}: {0}").format
    assert found.replace("\n", " ") == " ".join(told(mark, name) for mark, name in zip(marks, names, strict=True))


def test_boxes_in_a_row_above_their_labels_have_them():
    names, ticked = ["Apples", "Pears", "Plums"], [True, False, True]
    labels = text(62, 90, "Which fruits?") + "".join(text(62 + 60 * at, 124, name) for at, name in enumerate(names))
    boxes = [check_box((72 + 60 * at, 102, 80 + 60 * at, 110), f"a{at}", ticked[at]) for at in range(3)]
    found = " ".join(text for _, text in shown(parsed(pdf, annotated([labels], [boxes]))))
    assert found.replace("\n", " ") == "Which fruits? ☒ Apples ☐ Pears ☒ Plums"
