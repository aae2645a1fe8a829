from ingest.documents.parsers._reading.comments import Comment, comment_lines


def test_a_comment_is_told_apart_by_brackets_and_a_name() -> None:
    assert ["[Comment by Ann Lee: Which", "year?]"] == comment_lines(Comment("Ann \n Lee", ["", "Which ", " year?"]))
    assert ["[Comment: Which year?]"] == comment_lines(Comment("", ["Which year?"]))
    assert ["B2: [Comment by Ann (resolved): done]"] == comment_lines(Comment("Ann", ["done"], True, "B2"))


def test_a_comment_that_says_nothing_is_none() -> None:
    assert [] == comment_lines(Comment("Ann", ["", " "]))
    assert 220 > len(comment_lines(Comment("x" * 10_000, ["y"]))[0])
