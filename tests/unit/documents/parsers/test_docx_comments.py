from ingest.documents.parsers import docx
from ingest.records import DocumentRef, ParserOptions, RawDocument
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.unit.documents.parsers.office_files import body, changed, p

W14 = 'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'
W15 = 'xmlns:w15="http://schemas.microsoft.com/office/word/2012/wordml"'
TYPES = "http://schemas.microsoft.com/office/2011/relationships/commentsExtended"
MARKS = ("comment",)


def comment(key, author, *texts):
    paragraphs = "".join(
        f'<w:p w14:paraId="P{key}"><w:r><w:annotationRef/></w:r><w:r><w:t>{text}</w:t></w:r></w:p>' for text in texts
    )
    return f'<w:comment w:id="{key}" w:author="{author}" {W14}>{paragraphs}</w:comment>'


def anchored(text, *keys):
    before = "".join(f'<w:commentRangeStart w:id="{key}"/>' for key in keys)
    behind = "".join(f'<w:commentRangeEnd w:id="{key}"/><w:r><w:commentReference w:id="{key}"/></w:r>' for key in keys)
    return f"<w:p>{before}<w:r><w:t>{text}</w:t></w:r>{behind}</w:p>"


def extended(data, states):
    part = f"<w15:commentsEx {W15}>{states}</w15:commentsEx>".encode()
    relation = f'<Relationship Id="ext" Type="{TYPES}" Target="commentsExtended.xml"/></Relationships>'.encode()
    data = changed(data, "word/commentsExtended.xml", lambda _: part)
    return changed(data, "word/_rels/document.xml.rels", lambda old: old.replace(b"</Relationships>", relation))


def read(data):
    document = parsed(docx, data)
    assert faults(document) == []
    return [(document.text[block.start : block.end], block.marks == MARKS) for block in document.blocks]


def test_a_comment_follows_its_paragraph_with_its_author_and_a_mark():
    data = body(anchored("Some text.", 0) + p("More."), comments=comment(0, "Ann Lee", "Which year?", "Say so."))
    assert [("Some text.", False), ("[Comment by Ann Lee: Which year?\nSay so.]", True), ("More.", False)] == read(data)


def test_a_policy_leaves_comments_out():
    data = body(anchored("Some text.", 0), comments=comment(0, "Ann", "Which year?"))
    options = ParserOptions(comments="drop")
    document = docx.parse(RawDocument(DocumentRef("u", "s", "p", "1", 1), data, docx.MEDIA_TYPES[0], options))
    assert "Some text." == document.text


def test_replies_follow_what_they_answer_once_and_resolved_threads_say_so():
    comments = comment(1, "Ann", "Why?") + comment(2, "Bob", "Because.") + comment(3, "", "Other.")
    states = (
        '<w15:commentEx w15:paraId="P1" w15:done="1"/><w15:commentEx w15:paraId="P2" w15:paraIdParent="P1"/>'
        '<w15:commentEx w15:paraId="P3" w15:paraIdParent="P3"/>'
    )
    expected = ["A", "[Comment by Ann (resolved): Why?]", "[Comment by Bob: Because.]", "B", "[Comment: Other.]"]
    for keys in ((1,), (1, 2)):
        data = extended(body(anchored("A", *keys) + anchored("B", 3), comments=comments), states)
        assert expected == [text for text, _ in read(data)]


def test_comments_on_cells_headings_and_notes_are_kept():
    table = f"<w:tbl><w:tr><w:tc>{anchored('a', 1)}</w:tc><w:tc>{p('b')}</w:tc></w:tr></w:tbl>"
    note = '<w:p><w:r><w:t>text</w:t></w:r><w:r><w:footnoteReference w:id="7"/></w:r></w:p>'
    heading = anchored("Head", 3).replace("<w:p>", '<w:p><w:pPr><w:outlineLvl w:val="0"/></w:pPr>')
    data = body(
        heading + table + note,
        comments="".join(comment(key, "Ann", f"on {key}") for key in (1, 2, 3)),
        footnotes=f'<w:footnote w:id="7">{anchored("below", 2)}</w:footnote>',
    )
    assert [
        ("heading", "Head"),
        ("paragraph", "[Comment by Ann: on 3]"),
        ("table", "a | b"),
        ("paragraph", "[Comment by Ann: on 1]"),
        ("paragraph", "text[1]"),
        ("paragraph", "[1] below"),
        ("paragraph", "[Comment by Ann: on 2]"),
    ] == shown(parsed(docx, data))


def test_comments_that_refer_to_each_other_end():
    chain = "".join(
        f'<w:comment w:id="{key}" w:author="A">{anchored(f"c{key}", key + 1, key)}</w:comment>' for key in range(3000)
    )
    assert [("x", False), ("[Comment by A: c0]", True)] == read(body(anchored("x", 0), comments=chain))
    states = "".join(f'<w15:commentEx w15:paraId="P{key + 1}" w15:paraIdParent="P{key}"/>' for key in range(3000))
    flat = "".join(comment(key, "A", f"c{key}") for key in range(3001))
    assert 3002 == len(read(extended(body(anchored("x", 0), comments=flat), states)))
