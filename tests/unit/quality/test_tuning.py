"""Rankings compared question by question."""

from ingest.quality.tuning import FOLDS, differences, folds_of, means


def test_equal_questions_share_a_fold_and_order_does_not_matter() -> None:
    texts = [f"question {n % 17}" for n in range(40)]
    folds = folds_of(texts)
    assert all(folds[i] == folds[i + 17] for i in range(23))
    assert folds_of(texts[::-1]) == folds[::-1]
    assert set(range(FOLDS)) == set(folds)


def test_means_and_differences_are_of_the_same_questions() -> None:
    ours = {"a": {"ndcg@10": 1.0, "answered@1000": 1.0}, "b": {"ndcg@10": 0.5, "answered@1000": 0.0}}
    theirs = {"b": {"ndcg@10": 0.25, "answered@1000": 0.0}, "a": {"ndcg@10": 0.75, "answered@1000": 1.0}}
    assert means(ours) == {"ndcg@10": 0.75, "answered@1000": 0.5}
    assert [(d.metric, d.mean, d.lower, d.questions) for d in differences(ours, theirs)] == [
        ("ndcg@10", 0.25, 0.25, 2),
        ("answered@1000", 0.0, 0.0, 2),
    ]
