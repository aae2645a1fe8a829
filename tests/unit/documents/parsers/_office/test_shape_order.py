import pytest

from ingest.documents.parsers._office.shape_order import Area, shape_order


def box(left: int, top: int, width: int = 10, height: int = 4) -> Area:
    return Area(left, top, left + width, top + height)


def read(text: str, right_to_left: bool = False) -> str:
    """Return the letters of a drawing in reading order, stored in the order of the alphabet; a letter is one cell."""
    places = {
        letter: box(12 * column, 5 * row)
        for row, line in enumerate(text.split("/"))
        for column, letter in enumerate(line)
        if letter != " "
    }
    stored = sorted(places)
    order = shape_order([places[letter] for letter in stored], right_to_left)
    return "".join(stored[index] for index in order)


@pytest.mark.parametrize("drawing", ["a/b/c", "ab/cd", "ac/bd", "abc/def", "ad/be/cf", "a b/ c ", "ab/ c/de"])
def test_the_stored_order_is_kept_where_places_do_not_contradict_it(drawing: str) -> None:
    assert "".join(sorted(drawing.replace("/", "").replace(" ", ""))) == read(drawing)


@pytest.mark.parametrize(
    ("drawing", "expected"),
    [
        ("b/a", "ba"),
        ("ba", "ba"),
        ("c/a/b", "cab"),
        ("bd/ca", "bcda"),
        ("ac/bd/fe", "acbdfe"),
        ("ea/fb/cd", "eafbcd"),
        ("dcb/eaf", "decabf"),
    ],
)
def test_otherwise_shapes_are_read_by_place(drawing: str, expected: str) -> None:
    assert expected == read(drawing)


def test_two_columns_below_a_wide_shape_are_read_one_after_the_other() -> None:
    wide, left, right, low_left, low_right = (
        box(0, 0, 40),
        box(0, 5, 18),
        box(22, 5, 18),
        box(0, 10, 18),
        box(22, 10, 18),
    )
    assert [4, 1, 3, 0, 2] == shape_order([right, left, low_right, low_left, wide])


def test_a_title_between_two_columns_stands_above_them() -> None:
    title, left, right, low_left, low_right = box(13, 0), box(0, 5), box(26, 5), box(0, 10), box(26, 10)
    assert [4, 1, 3, 0, 2] == shape_order([right, left, low_right, low_left, title])


def test_cards_are_read_one_after_the_other() -> None:
    figures = [box(12 * column, 20 * row) for row in (1, 0) for column in (1, 0)]
    labels = [box(12 * column, 20 * row + 5) for row in (1, 0) for column in (1, 0)]
    assert [3, 7, 2, 6, 1, 5, 0, 4] == shape_order(figures + labels)


def test_rows_as_far_from_each_other_as_cells_are_a_table() -> None:
    cells = [box(12 * column, 5 * row) for row in (3, 2, 1, 0) for column in (1, 0)]
    assert list(range(7, -1, -1)) == shape_order(cells)


def test_columns_are_read_from_the_right_where_text_is() -> None:
    assert "abc" == read("cba", right_to_left=True)
    assert "ba" == read("ab", right_to_left=True)


def test_a_shape_without_a_place_stays_behind_its_predecessor() -> None:
    assert [2, 0, 1] == shape_order([box(0, 10), None, box(0, 0)])
    assert [0, 2, 1] == shape_order([None, box(0, 10), box(0, 0)])
    assert [0, 1, 2] == shape_order([None, None, box(0, 0)])


def test_shapes_on_top_of_each_other_keep_their_order() -> None:
    assert [0, 1, 2] == shape_order([box(0, 0, 30, 30), box(5, 5, 10, 10), box(2, 1, 10, 10)])


def test_more_shapes_than_anybody_reads_keep_their_order() -> None:
    assert list(range(5000)) == shape_order([box(0, -at) for at in range(5000)])
    assert list(range(299, -1, -1)) == shape_order([box(0, -5 * at) for at in range(300)])
