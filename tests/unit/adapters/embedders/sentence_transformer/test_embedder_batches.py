from hypothesis import given
from hypothesis import strategies as st

from ingest.adapters.embedders.sentence_transformer.embedder import token_batches

LENGTHS = st.lists(st.integers(0, 300), max_size=80)


@given(LENGTHS, st.integers(1, 2000), st.integers(1, 40))
def test_every_text_is_in_exactly_one_batch(lengths, budget, most):
    found = token_batches(lengths, budget, most)
    assert sorted(int(i) for batch in found for i in batch) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 2000), st.integers(1, 40))
def test_a_padded_batch_stays_within_its_limits_unless_it_is_one_text(lengths, budget, most):
    for batch in token_batches(lengths, budget, most):
        padded = len(batch) * max(lengths[i] for i in batch)
        assert len(batch) == 1 or (padded <= budget and len(batch) <= most)


def test_longest_texts_come_first_and_equal_ones_in_input_order():
    found = token_batches([3, 9, 3, 5, 3], token_budget=10, max_texts=8)
    assert [batch.tolist() for batch in found] == [[1], [3, 0], [2, 4]]


def test_texts_of_like_length_share_a_batch_so_that_there_is_little_padding():
    lengths = [200, 10] * 50
    found = token_batches(lengths, token_budget=2000, max_texts=64)
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in found)
    assert padded == sum(lengths)


def test_no_texts_make_no_batch():
    assert token_batches([], 10, 10) == []
