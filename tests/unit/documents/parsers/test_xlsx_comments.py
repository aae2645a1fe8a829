from openpyxl.comments import Comment

from ingest.documents.parsers import xlsx
from ingest.records import DocumentRef, ParserOptions, RawDocument
from tests.unit.documents.parsers.checks import faults, parsed
from tests.unit.documents.parsers.office_files import changed, workbook

THREADS = "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
KIND = "http://schemas.microsoft.com/office/2017/10/relationships"


def noted(*notes):
    def build(book):
        for row in (["item", "price"], ["bolt", 2]):
            book.active.append(row)
        for cell, text, author in notes:
            book.active[cell].comment = Comment(text, author)

    return workbook(build)


def related(data, part, kind, target):
    relation = f'<Relationship Id="t{kind}" Type="{KIND}/{kind}" Target="{target}"/></Relationships>'.encode()
    start = b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
    return changed(data, part, lambda old: (old or start).replace(b"</Relationships>", relation))


def threaded(data, comments, persons):
    data = changed(
        data, "xl/t.xml", lambda _: f'<ThreadedComments xmlns="{THREADS}">{comments}</ThreadedComments>'.encode()
    )
    data = changed(data, "xl/p.xml", lambda _: f'<personList xmlns="{THREADS}">{persons}</personList>'.encode())
    data = related(data, "xl/worksheets/_rels/sheet1.xml.rels", "threadedComment", "/xl/t.xml")
    return related(data, "xl/_rels/workbook.xml.rels", "person", "/xl/p.xml")


def read(data):
    document = parsed(xlsx, data)
    assert faults(document) == []
    return [(document.text[block.start : block.end], block.marks) for block in document.blocks][1:]


def test_a_note_follows_the_table_of_its_cell():
    data = noted(("B2", "Ann:\nper piece", "Ann"), ("D9", "nothing here", "Bob"))
    assert read(data) == [
        ("item | price\nbolt | 2", ()),
        ("B2: [Comment by Ann: per piece]", ("comment",)),
        ("D9: [Comment by Bob: nothing here]", ("comment",)),
    ]


def test_threads_count_once_and_have_the_names_of_persons():
    comments = (
        '<threadedComment ref="A2" personId="{1}" id="{a}" done="1"><text>Which bolt?</text></threadedComment>'
        '<threadedComment ref="A2" personId="{2}" id="{b}" parentId="{a}"><text>M8.</text></threadedComment>'
    )
    persons = '<person displayName="Ann Lee" id="{1}"/>'
    data = threaded(noted(("A2", "[Threaded comment] Which bolt?", "tc={a}")), comments, persons)
    assert read(data)[1:] == [
        ("A2: [Comment by Ann Lee (resolved): Which bolt?]", ("comment",)),
        ("A2: [Comment: M8.]", ("comment",)),
    ]


def test_replies_follow_what_they_answer_wherever_they_are_stored():
    comments = (
        '<threadedComment ref="A2" id="{b}" parentId="{a}"><text>M8.</text></threadedComment>'
        '<threadedComment ref="A2" id="{c}"><text>Price?</text></threadedComment>'
        '<threadedComment ref="A2" id="{a}"><text>Which bolt?</text></threadedComment>'
    )
    shown = read(threaded(noted(), comments, ""))
    assert [text for text, _ in shown[1:]] == [f"A2: [Comment: {text}]" for text in ("Price?", "Which bolt?", "M8.")]


def test_a_thread_of_which_a_program_kept_the_note_alone_is_read_from_it():
    note = (
        "[Threaded comment]\n\nYour version of Excel allows you to read this threaded comment. Learn more: "
        "https://go.microsoft.com/fwlink/?linkid=870924\n\nComment:\n    Which bolt?\nReply:\n    M8."
    )
    assert read(noted(("A2", note, "tc={a}"), ("B2", "[Threaded comment] Why?", "tc={b}")))[1:] == [
        ("A2: [Comment: Which bolt?]", ("comment",)),
        ("A2: [Comment: M8.]", ("comment",)),
        ("B2: [Comment: [Threaded comment] Why?]", ("comment",)),
    ]


def test_a_policy_leaves_notes_out():
    options = ParserOptions(comments="drop")
    data = noted(("B2", "per piece", "Ann"))
    document = xlsx.parse(RawDocument(DocumentRef("u", "s", "p", "1", 1), data, xlsx.MEDIA_TYPES[0], options))
    assert "Comment" not in document.text


def test_a_note_on_a_hidden_cell_is_hidden():
    def build(book):
        book.active.append(["a", "b"])
        book.active.append(["c", "d"])
        book.active.row_dimensions[2].hidden = True
        book.active["A2"].comment = Comment("unseen", "Ann")

    assert read(workbook(build))[-1] == ("A2: [Comment by Ann: unseen]", ("hidden", "comment"))
