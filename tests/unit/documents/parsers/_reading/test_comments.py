import pytest

from ingest.documents.parsers._reading.comments import Comment, comment_lines, copied_thread, in_threads


def test_a_comment_is_told_apart_by_brackets_and_a_name() -> None:
    assert ["[Comment by Ann Lee: Which", "year?]"] == comment_lines(Comment("Ann \n Lee", ["", "Which ", " year?"]))
    assert ["[Comment: Which?]"] == comment_lines(Comment("", ["Which?"]))
    assert ["B2: [Comment by Ann (resolved): done]"] == comment_lines(Comment("Ann", ["done"], True, "B2"))


def test_a_comment_that_says_nothing_is_none() -> None:
    assert [] == comment_lines(Comment("Ann", ["", " "]))
    assert 220 > len(comment_lines(Comment("x" * 10_000, ["y"]))[0])


def test_replies_follow_what_they_answer_also_in_circles() -> None:
    assert [2, 3, 4, 1, 5, 6] == list(in_threads({1: 4, 2: None, 3: 2, 4: 2, 5: 6, 6: 5}))


NOTE = "{0}\n\nYour version of Excel is old: https://go.microsoft.com/fwlink/?linkid=870924\n\n{1}"


@pytest.mark.parametrize(
    ("head", "rest", "expected"),
    [
        (
            "[Threaded comment]",
            "Comment:\n    Which?\nReply:\n    2024\n    so",
            [["Which?"], ["2024", "so"]],
        ),
        ("[Kommentarthread]", "Kommentar:\n    Warum: so?\nAntwort:\n    Darum", [["Warum: so?"], ["Darum"]]),
        (
            "[Threaded comment]",
            "Comment:\nWhich?\nReply:\nThis one:\n2024",
            [["Which?"], ["This one:", "2024"]],
        ),
        ("Threaded", "Comment:\n    Which?", []),
    ],
)
def test_a_note_that_repeats_a_thread_has_its_comments(head, rest, expected) -> None:
    found = copied_thread(NOTE.format(head, rest).split("\n"))
    assert expected == [[line.strip() for line in comment] for comment in found]
