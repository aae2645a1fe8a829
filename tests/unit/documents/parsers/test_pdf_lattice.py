import random

from ingest.documents.parsers.pdf.lattice import RulingLine, joined_lines, tables

BY_TWO = [(0, 0, 10, 5), (0, 5, 10, 10), (10, 0, 30, 5), (10, 5, 30, 10)]


def grid(xs, ys):
    return [RulingLine(y, xs[0], xs[-1]) for y in ys], [RulingLine(x, ys[0], ys[-1]) for x in xs]


def test_lines_that_cross_make_the_cells_between_them():
    assert [BY_TWO] == tables(*grid([0, 10, 30], [0, 5, 10]))


def test_a_cell_over_two_columns_is_one_cell():
    across, _ = grid([0, 10, 30], [0, 5, 10])
    down = [RulingLine(0, 0, 10), RulingLine(10, 5, 10), RulingLine(30, 0, 10)]
    assert [[(0, 0, 30, 5), (0, 5, 10, 10), (10, 5, 30, 10)]] == tables(across, down)


def test_lines_that_end_short_of_each_other_meet_within_the_tolerance_and_not_beyond():
    _, down = grid([0, 10, 30], [0, 5, 10])
    assert [BY_TWO] == tables([RulingLine(y, 3, 27) for y in (0, 5, 10)], down)
    assert [] == tables([RulingLine(y, 4, 26) for y in (0, 5, 10)], down)


def test_tables_come_from_top_to_bottom_and_a_lone_box_is_none():
    low, high, lone = grid([0, 10, 30], [100, 105, 110]), grid([50, 60, 70], [0, 9]), grid([200, 210], [50, 60])
    found = tables(low[0] + high[0] + lone[0], low[1] + high[1] + lone[1])
    assert [(50, 0), (0, 100)] == [table[0][:2] for table in found]
    assert [2, 4] == [len(table) for table in found]


def test_lines_close_side_by_side_move_to_their_mean_and_touching_ones_become_one():
    assert [RulingLine(11, 0, 60)] == joined_lines([RulingLine(10, 0, 20), RulingLine(12, 22, 60)])
    assert [RulingLine(10, 0, 20), RulingLine(10, 24, 60)] == joined_lines(
        [RulingLine(10, 24, 60), RulingLine(10, 0, 20)]
    )
    assert [RulingLine(10, 0, 20), RulingLine(14, 0, 20)] == joined_lines(
        [RulingLine(14, 0, 20), RulingLine(10, 0, 20)]
    )


def test_the_order_of_the_lines_does_not_matter():
    across, down = grid([0, 10, 30, 60], [0, 9, 18, 40])
    expected = tables(across, down)
    random.Random(1).shuffle(across)
    random.Random(2).shuffle(down)
    assert expected == tables(joined_lines(across), joined_lines(down))
