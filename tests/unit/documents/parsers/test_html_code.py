"""Code in pages keeps the lines that a reader sees, whichever program wrote them."""

import pytest

from ingest.documents.parsers import html
from tests.unit.documents.parsers.checks import faults, parsed, shown
from tests.work import calls_of

LINES = {
    "starlight": (
        '<pre><code><div class="ec-line"><div class="code"><span>a</span> 1</div></div>'
        '<div class="ec-line"><div class="code">\n</div></div><div class="ec-line"><div class="code">'
        '<span class="indent">  </span>b 2</div></div></code></pre>'
    ),
    "starlight with numbers": (
        '<pre><code><div class="ec-line"><div class="gutter"><div class="ln" aria-hidden="true">1</div>'
        '</div><div class="code">a 1</div></div><div class="ec-line"><div class="gutter">'
        '<div class="ln" aria-hidden="true">2</div></div><div class="code"></div></div>'
        '<div class="ec-line"><div class="gutter"><div class="ln" aria-hidden="true">3</div></div>'
        '<div class="code">  b 2</div></div></code></pre>'
    ),
    "docusaurus": (
        '<pre class="prism-code"><code><span class="token-line"><span class="token plain">a 1</span>'
        '<br></span><span class="token-line" style="color:#000">'
        '<span class="token plain" style="display:inline-block"></span><br></span>'
        '<span class="token-line"><span class="token plain">  b 2</span><br></span></code></pre>'
    ),
    "prism renderer": (
        '<pre><div class="token-line">a 1</div><div class="token-line">'
        '<span style="display:inline-block">\n</span></div><div class="token-line">  b 2</div></pre>'
    ),
    "shiki": (
        '<pre class="shiki"><code><span class="line"><i>a</i> 1</span>\n<span class="line"></span>\n'
        '<span class="line">  b 2</span></code></pre>'
    ),
    "shiki without line feeds": (
        '<pre><code><span class="line">a 1</span><span class="line"></span><span class="line">  b 2</span></code></pre>'
    ),
    "pretty code": (
        '<pre style="display:grid"><code><span data-line="">a 1</span>\n<span data-line=""> </span>\n'
        '<span data-line="">  b 2</span></code></pre>'
    ),
    "chroma": (
        '<pre><code><span class="line"><span class="ln">1</span><span class="cl">a 1\n</span></span>'
        '<span class="line"><span class="ln">2</span><span class="cl">\n</span></span>'
        '<span class="line"><span class="ln">3</span><span class="cl">  b 2</span></span></code></pre>'
    ),
    "list": ("<pre><code><ol>\n<li>a 1</li>\n<li></li>\n<li>  b 2</li>\n</ol></code></pre>"),
    "prettify": (
        '<pre class="prettyprint"><ol class="linenums"><li class="L0"><span>a 1</span></li>'
        '<li class="L1"></li><li class="L2">  b 2</li></ol></pre>'
    ),
    "rows in code": (
        '<pre><code><table class="hljs-ln"><tbody><tr>'
        '<td class="hljs-ln-line hljs-ln-numbers" data-line-number="1">'
        '<div class="hljs-ln-n" data-line-number="1"></div></td>'
        '<td class="hljs-ln-line hljs-ln-code" data-line-number="1">a 1</td></tr><tr>'
        '<td class="hljs-ln-line hljs-ln-numbers" data-line-number="2"></td>'
        '<td class="hljs-ln-line hljs-ln-code"></td></tr><tr>'
        '<td class="hljs-ln-line hljs-ln-numbers" data-line-number="3"></td>'
        '<td class="hljs-ln-code">  b 2</td></tr></tbody></table></code></pre>'
    ),
    "rouge": (
        '<pre><code><table class="rouge-table"><tbody><tr><td class="rouge-gutter gl">'
        '<pre class="lineno">1\n2\n3\n</pre></td><td class="rouge-code"><pre>a 1\n\n  b 2\n</pre></td>'
        "</tr></tbody></table></code></pre>"
    ),
    "github": (
        '<table class="highlight js-file-line-container"><tr>'
        '<td id="L1" class="blob-num" data-line-number="1"></td>'
        '<td id="LC1" class="blob-code blob-code-inner js-file-line">a 1</td></tr><tr>'
        '<td class="blob-num" data-line-number="2"></td><td class="blob-code blob-code-inner">\n</td>'
        '</tr><tr><td class="blob-num" data-line-number="3"></td>'
        '<td class="blob-code blob-code-inner">  b 2</td></tr></table>'
    ),
    "gitea": (
        '<table><tbody><tr><td id="L1" class="lines-num"><span id="L1" data-line-number="1"></span>'
        '</td><td rel="L1" class="lines-code chroma"><code class="code-inner">a 1\n</code></td></tr>'
        '<tr><td class="lines-num"><span data-line-number="2"></span></td>'
        '<td class="lines-code chroma"><code class="code-inner">\n</code></td></tr><tr>'
        '<td class="lines-num"><span data-line-number="3"></span></td><td class="lines-code">'
        '<code class="code-inner">  b 2\n</code></td></tr></tbody></table>'
    ),
    "syntaxhighlighter": (
        '<div class="syntaxhighlighter java"><table><tbody><tr><td class="gutter">'
        '<div class="line number1">1</div><div class="line number2">2</div><div class="line number3">3'
        '</div></td><td class="code"><div class="container"><div class="line number1">'
        '<code class="java keyword">a</code> <code class="java plain">1</code></div>'
        '<div class="line number2"></div><div class="line number3"><code class="spaces">  </code>'
        "<code>b 2</code></div></div></td></tr></tbody></table></div>"
    ),
    "sphinx": (
        '<div class="highlight-sh"><table class="highlighttable"><tr><td class="linenos">'
        '<div class="linenodiv"><pre>1\n2\n3</pre></div></td><td class="code"><div class="highlight">'
        "<pre>a 1\n\n  b 2\n</pre></div></td></tr></table></div>"
    ),
    "codemirror": (
        '<div class="CodeMirror-code"><div><pre class="CodeMirror-line"><span>a 1</span></pre></div>'
        '<div><pre class="CodeMirror-line"></pre></div><div><pre class="CodeMirror-line"><span>  b 2'
        "</span></pre></div></div>"
    ),
    "codemirror 6": (
        '<div class="cm-content"><div class="cm-line">a 1</div><div class="cm-line"><br></div>'
        '<div class="cm-line">  b 2</div></div>'
    ),
    "code per line": ("<pre><code>a 1</code>\n<code></code>\n<code>  b 2</code></pre>"),
    "shown as blocks": (
        '<pre><span style="display:block">a 1</span><span style="display:block"></span>'
        '<span style="display:block">  b 2</span></pre>'
    ),
    "blocks by a rule": (
        "<style>pre code > b { display: block }</style><pre><code><b>a 1</b>\n<b></b>\n<b>  b 2</b></code></pre>"
    ),
    "react highlighter": (
        '<pre><code><span style="display:flex"><span class="linenumber" style="display:inline-block">1'
        '</span><span>a 1\n</span></span><span style="display:flex"><span class="linenumber">2</span>'
        '<span>\n</span></span><span style="display:flex"><span class="linenumber">3</span><span>  b 2'
        "</span></span></code></pre>"
    ),
    "bullets": "<pre><ul><li>a 1</li><li></li><li>  b 2</li></ul></pre>",
    "rows": "<pre><table><tr><td>a</td><td>1</td></tr><tr><td></td></tr><tr><td>  b 2</td></tr></table></pre>",
    "list behind text": "<pre>a 1\n<ul><li></li><li>  b 2</li></ul></pre>",
    "trac": (
        "<table class=code><thead><tr><th class=lineno>Line</th><th class=content> </th></tr></thead>"
        "<tr><th id=L1><a href='#L1'>1</a></th><td>a 1</td></tr><tr><th id=L2><a href='#L2'>2</a></th><td></td></tr>"
        "<tr><th id=L3><a href='#L3'>3</a></th><td>  b 2</td></tr></table>"
    ),
    "cgit": (
        "<table class=blob><tr><td class=linenumbers><pre><a id=n1 href='#n1'>1</a>\n<a id=n2 href='#n2'>2</a>\n3\n"
        "</pre></td><td class=lines><pre><code>a 1\n\n  b 2\n</code></pre></td></tr></table>"
    ),
    "doxygen": (
        "<div class=fragment><div class=line><a id=l1></a><span class=lineno>    1</span>a 1</div>\n"
        "<div class=line><span class=lineno>    2</span> </div>\n<div class=line>  b 2</div>\n</div>"
    ),
    "rustdoc": (
        "<pre class=rust><code><a href=#1 id=1>1</a>a 1\n<a href=#2 id=2>2</a>\n<a href=#3 id=3>3</a>  b 2</code></pre>"
    ),
    "rustdoc beside": (
        "<div><pre class=src-line-numbers><a href='#1' id=1>1</a>\n2\n3</pre><pre class=rust>a 1\n\n  b 2</pre></div>"
    ),
    "javadoc": (
        "<pre><span class=source-line-no>001</span><span id=line.1>a 1</span>\n<span class=source-line-no>002</span>\n"
        "<span class=source-line-no>003</span><span id=line.3>  b 2</span></pre>"
    ),
    "crayon": (
        "<table><tr><td class=crayon-nums><div>1</div><div>2</div></td><td class=crayon-code><div class=crayon-line>a 1"
        "</div><div class=crayon-line></div><div class=crayon-line>  b 2</div></td></tr></table>"
    ),
    "phabricator": "<table>"
    + "".join(
        f"<tr><th class=phabricator-source-line><a></a></th><td class=phabricator-source-code>{line}\n</td></tr>"
        for line in ("a 1", "", "  b 2")
    )
    + "</table>",
    "breaks": ("<pre>a 1<br><br>  b 2</pre>"),
    "paragraphs": ("<pre><p>a 1</p><p></p><p>  b 2</p></pre>"),
}


@pytest.mark.parametrize("page", LINES.values(), ids=LINES)
def test_each_line_of_code_is_a_line(page):
    document = parsed(html, f"<h1>T</h1>{page}<p>behind</p>")
    assert faults(document) == []
    assert shown(document) == [("heading", "T"), ("code", "a 1\n\n  b 2"), ("paragraph", "behind")]


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ('x <span class="line">y</span> z', "x y z"),
        ("<code>git</code> <code>push</code>", "git push"),
        ("<code>one</code>", "one"),
        ("a\n\nb", "a\n\nb"),
        ('<div>a</div><div class="copy"></div>', "a"),
        ("<div>\na\n</div>\n<div>b</div>", "a\nb"),
        ("<div>a</div><br><div>b</div>", "a\n\nb"),
        ("<div>a</div>\n\n<div>b</div>", "a\n\nb"),
        ('<div class="line">a<div>b</div></div>c', "a\nb\nc"),
        ('<span class="ln">x1</span>', "x1"),
        ("a = b <a href=#fn1>1</a>", "a = b 1"),
        ("see <a href=#12>12</a>", "see 12"),
        (
            "<table><tr><td class=lineno>1</td><td>  b</td></tr><tr><td class=lineno>2</td><td>c</td></tr></table>",
            "  b\nc",
        ),
    ],
)
def test_what_is_no_line_of_its_own_makes_none(inside, expected):
    assert shown(parsed(html, f"<h1>T</h1><pre>{inside}</pre>"))[1:] == [("code", expected)]


@pytest.mark.parametrize(
    "table",
    [
        "<table><tr><td class=code>1<td class=code>Berlin<tr><td class=code>2<td class=code>Bonn</table>",
        "<table><tr><th>No</th><th>Name</th></tr><tr><td>1</td><td>Ann</td></tr></table>",
        "<table><tr><td><a href='#1'>1</a><td>Berlin<tr><td><a href='#2'>2</a><td>Bonn</table>",
    ],
)
def test_a_table_with_codes_or_numbers_stays_a_table(table):
    assert [kind for kind, _ in shown(parsed(html, table))] == ["table"]


@pytest.mark.parametrize("attribute", ["data-language", "data-lang"])
def test_the_language_of_code_is_read_from_data_attributes(attribute):
    document = parsed(html, f"<pre {attribute}='Sh'><code>ls</code></pre>")
    assert document.blocks[0].language == "sh"


@pytest.mark.parametrize(
    "unit",
    ['<span class="line">x</span>', "<div>x</div>", "<code>x</code>", "<tr><td class=ln>1</td><td>x", "<br>", "\n"],
)
def test_work_on_code_grows_with_its_size(unit):
    small, large = (calls_of(lambda n=n: parsed(html, f"<pre>x{unit * n}</pre>")) for n in (500, 2000))
    assert large < 6 * small


def test_a_first_row_without_cells_is_no_header_of_line_numbers():
    page = "<table><tr></tr><tr><td>a</td><td>b</td></tr></table>"
    assert [("table", "a | b")] == shown(parsed(html, page))


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<div style='white-space:pre;font-family:monospace'>a\n  b</div>", [("code", "a\n  b")]),
        ("<code style='display:block; white-space:pre-wrap'>a\n  b</code>", [("code", "a\n  b")]),
        (
            "<div style='font-family: Consolas, monospace; white-space: pre;'><div>a</div><br><div>  b</div></div>",
            [("code", "a\n\n  b")],
        ),
        ("<div style='white-space:pre-wrap'>a\n  b <b>c\nd</b>\ne</div>", [("paragraph", "a\nb c\nd\ne")]),
        ("<p style='WHITE-SPACE: pre-line; font-family: monospace'>a\nb</p>", [("paragraph", "a\nb")]),
        ("<div style='white-space:pre-wrap'>\n<p>a</p>\n<p>b</p></div>", [("paragraph", "a"), ("paragraph", "b")]),
        ("<ul style='white-space:pre-wrap'><li>a\nb</li></ul>", [("list", "- a\n  b")]),
        ("<p style='white-space:nowrap'>a\nb</p>", [("paragraph", "a b")]),
    ],
)
def test_lines_that_a_style_keeps_are_lines(page, expected):
    assert expected == shown(parsed(html, page))
