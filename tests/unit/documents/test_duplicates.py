"""Groups of equal and nearly equal chunks."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.documents.duplicates import Duplicate, Duplicates, jaccard, normalised, shingles, sketching
from ingest.records import DuplicateOptions

WORDS = [f"word{n}" for n in range(60)]
SAME = " ".join(WORDS)


Text = tuple[str, str, str, str]  # chunk, document, who may see it, text


def found(chunks: list[Text], **options: object) -> list[Duplicate]:
    told = DuplicateOptions(**options)
    texts, sketch = {chunk: text for chunk, *_, text in chunks}, sketching(told)
    with Duplicates(told) as duplicates:
        duplicates.add(0, ((*who, sketch(text)) for *who, text in chunks))
        return list(
            duplicates.groups(lambda shard, some: [(chunk, text) for chunk, text in texts.items() if chunk in some])
        )


def of(name: str, text: str, acl: tuple[str, ...] = ("public",), tenant: str = "public") -> Text:
    return f"chunk-{name}", f"document-{name[0]}", f"{acl} {tenant}", text


def short(rows: list[Duplicate]) -> list[tuple[str, str, bool, bool]]:
    return [(r.kind, r.chunk_id[6:], r.representative, r.collapsed) for r in rows]


def edited(places: int) -> str:
    return " ".join("other" if n < places else word for n, word in enumerate(WORDS))


def test_equal_texts_in_two_documents_are_a_group_whatever_case_and_space() -> None:
    rows = found([of("a", SAME), of("b", SAME.upper().replace(" ", "\n  ")), of("c", "something else " * 5)])
    assert short(rows) == [("exact", "a", True, False), ("exact", "b", False, False)]
    assert {r.documents for r in rows} == {2}


def test_a_text_twice_in_one_document_is_no_group() -> None:
    assert found([of("a1", SAME), of("a2", SAME)]) == []


def test_a_small_edit_is_near_and_a_large_one_is_not() -> None:
    rows = found([of("a", SAME), of("b", edited(2)), of("c", edited(30))])
    assert short(rows) == [("near", "a", True, False), ("near", "b", False, False)]
    assert rows[1].similarity == pytest.approx(jaccard(shingles(SAME), shingles(edited(2))), abs=1e-6)


def test_only_equal_shingles_are_near_at_a_similarity_of_one() -> None:
    rows = found([of("a", SAME), of("b", SAME + "."), of("c", edited(1))], similarity=1.0)
    assert [] == rows
    assert 2 == len(found([of("a", SAME), of("b", SAME)], similarity=1.0, near=False))


def test_near_duplicates_are_looked_for_when_asked() -> None:
    assert found([of("a", SAME), of("b", edited(2))], near=False) == []


def test_collapse_leaves_one_of_each_group() -> None:
    chunks = [of("a", SAME), of("b", SAME), of("c", edited(2)), of("d", edited(2))]
    exact = found(chunks, collapse="exact")
    assert {r.chunk_id[6:] for r in exact if r.collapsed} == {"b", "d"}
    near = found(chunks, collapse="near", near=False)
    assert {r.chunk_id[6:] for r in near if r.collapsed} == {"b", "c", "d"}


def test_nothing_collapses_into_what_other_groups_may_see() -> None:
    chunks = [of("a", SAME), of("b", SAME, ("staff",)), of("c", SAME, tenant="x"), of("d", SAME, ("staff",))]
    rows = found(chunks, collapse="near")
    assert short(rows) == [
        ("exact", "a", True, False),
        ("exact", "b", True, False),
        ("exact", "c", True, False),
        ("exact", "d", False, True),
    ]


def test_short_texts_are_equal_or_nothing() -> None:
    assert found([of("a", "See also the index"), of("b", "See also the list")]) == []
    assert shingles("see also") is None


def test_scripts_without_spaces_are_compared_by_character() -> None:
    text = "同時に処理できる文書の数は設定によって決まりますので必要に応じて変更してください" * 2
    rows = found([of("a", "".join(dict.fromkeys(text)) + text), of("b", "".join(dict.fromkeys(text)) + text[:-1])])
    assert [r.kind for r in rows] == ["near", "near"]


def test_normalising_keeps_words() -> None:
    assert normalised("  Ａ b\n\tC ") == "a b c"


@settings(max_examples=20)
@given(st.randoms(use_true_random=False))
def test_the_order_of_chunks_does_not_matter(rng: random.Random) -> None:
    chunks = [of(f"{chr(97 + n)}", edited(n % 7) if n % 2 else SAME) for n in range(20)]
    expected = found(chunks, collapse="near")
    rng.shuffle(chunks)
    assert found(chunks, collapse="near") == expected
