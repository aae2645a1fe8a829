"""Small sound files of every format: made here, and taken from real ones where there are some."""

import json
from pathlib import Path

from benchmarks.fuzzing.binary_seeds import docx, epub, opendocument, pdf, pptx, tarred, xlsx, zipped
from benchmarks.fuzzing.tnef_seeds import tnef

MAX_BYTES = 64 * 2**10
PER_FORMAT = 12  # of the real files
# Formats that no parser reads are refused by name: nothing to fuzz.
READ = (
    "md",
    "mdx",
    "rst",
    "txt",
    "html",
    "pdf",
    "docx",
    "pptx",
    "xlsx",
    "odt",
    "ods",
    "odp",
    "fodt",
    "csv",
    "tsv",
    "json",
    "jsonl",
    "ndjson",
    "xml",
    "nxml",
    "ipynb",
    "eml",
    "mbox",
    "msg",
    "tnef",
    "epub",
    "zip",
    "tar",
)

MARKDOWN = """---
title: Guide
---

# Guide Ünï 漢字

Text with *marks*, `code`, [a link](x.md) and a note[^1].

| a | b |
| - | -: |
| 1 | 2 |
| 3 | 4 |

- [ ] one
  1. two
     > three

```py
def f():
    return 1
```

:::note
inside
:::

<details><summary>More</summary>hidden</details>

[^1]: The note.
"""
RST = """Title
=====

Text.

.. note:: Inside

   .. code-block:: python

      x = 1

Sub
---

* a
* b

=  =
a  b
=  =
1  2
=  =
"""
HTML = """<!doctype html><html lang="en"><head><title>T</title><style>.x{display:none}</style></head><body>
<nav><a href="/">Home</a></nav><main><h1>Title</h1><p>Text &amp; more&nbsp;<b>bold</b></p>
<ul><li>a<ul><li>b</li></ul></li></ul>
<table><caption>C</caption><tr><th>a<th>b</tr><tr><td rowspan=2>1<td>
<table><tr><td>x</td></tr></table></tr></table>
<dl><dt>t<dd>d</dl>
<pre><code class="language-py">x = 1</code></pre><details><summary>s</summary>d</details>
<span style="display:none">hidden</span><script>alert(1)</script></main><footer>f</footer></body></html>"""
XML = """<?xml version="1.0"?>
<doc><title>T</title><sec id="a"><title>S</title><p>Text &lt;x&gt; <b>b</b></p><p><![CDATA[raw]]></p></sec></doc>
"""
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# T\n", "text"]},
        {
            "cell_type": "code",
            "metadata": {},
            "source": "x = 1",
            "execution_count": 1,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["1\n"]}],
        },
    ],
    "metadata": {"language_info": {"name": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}
EML = """From: a@example.org
To: b@example.org
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Date: Thu, 1 Jan 2026 00:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: multipart/alternative; boundary="c"

--c
Content-Type: text/plain; charset=utf-8

Hello
--c
Content-Type: text/html

<p>Hello</p>
--c--
--b
Content-Type: text/markdown; name="n.md"
Content-Disposition: attachment; filename="n.md"
Content-Transfer-Encoding: base64

IyBBCgp0ZXh0Cg==
--b--
"""


def seeds(data: Path | None) -> dict[str, list[bytes]]:
    """Return format → sound files; the real ones below `data`/corpora come after the one that is made here."""
    found = {extension: [content] for extension, content in generated().items()}
    if data is not None:
        for extension in READ:
            sized = sorted((path.stat().st_size, path) for path in data.glob(f"corpora/**/*.{extension}"))
            small = [path for size, path in sized if 0 < size <= MAX_BYTES]
            step = max(len(small) // PER_FORMAT, 1)
            found.setdefault(extension, []).extend(path.read_bytes() for path in small[::step][:PER_FORMAT])
    return {extension: files for extension, files in sorted(found.items()) if files}


def generated() -> dict[str, bytes]:
    """Return format → one file that uses most of what its parser knows."""
    record = {"id": 1, "title": "T", "body": "Text", "tags": ["a", {"b": None}], "n": 1.5e3}
    texts = {
        "md": MARKDOWN,
        "mdx": "import A from 'a'\n\n# T\n\n<Card title='x'>\n\ntext\n\n</Card>\n\n{a.b}\n",
        "rst": RST,
        "txt": "First paragraph.\n\nSecond one. 漢字。\n",
        "html": HTML,
        "xml": XML,
        "csv": 'id,name,"long, name"\n' + "".join(f'{n},"a ""quoted"" name\nover lines",x\n' for n in range(20)),
        "tsv": "id\tname\n" + "".join(f"{n}\tx\n" for n in range(20)),
        "json": json.dumps([record] * 3, indent=1),
        "jsonl": (json.dumps(record) + "\n") * 5,
        "ipynb": json.dumps(NOTEBOOK),
    }
    files = {name: text.encode() for name, text in texts.items()}
    made = {
        "eml": EML.replace("\n", "\r\n").encode(),
        "mbox": f"From a@x.org Mon Jan  1 10:00:00 2024\n{EML}\nFrom - Tue Jan  2 10:00:00 2024\n{EML}".encode(),
        "tnef": tnef(),
        "pdf": pdf(),
        "docx": docx(),
        "pptx": pptx(),
        "xlsx": xlsx(),
        "epub": epub(),
        **opendocument(),
    }
    inner = {"a/one.md": files["md"], "two.csv": files["csv"], "three.docx": made["docx"]}
    return {**files, **made, "zip": zipped(inner), "tar": tarred(inner)}
