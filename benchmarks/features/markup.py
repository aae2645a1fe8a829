"""Documents that are text: Markdown, HTML, reStructuredText, XML, notebooks, e-mail, and books of HTML."""

import io
import json
import zipfile

from benchmarks.fuzzing.binary_seeds import epub, zipped

PROBE = "quagga"  # stands in the one part of the document that is looked for
TEXT = "A text that everybody reads."
MAIL = "From: Ann <ann@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: Greetings\r\nMIME-Version: 1.0\r\n"


def markdown() -> dict[str, bytes]:
    """Return what stands in the document → the document."""
    return _encoded(
        {
            "headings": f"# {PROBE}\n\n{TEXT}\n",
            "lists": f"{TEXT}\n\n- one\n- {PROBE}\n",
            "tables": f"{TEXT}\n\n| a | b |\n| - | - |\n| 1 | {PROBE} |\n",
            "code": f"{TEXT}\n\n```sh\n{PROBE} --help\n```\n",
            "captions": f"Table 1: {PROBE}\n\n| a | b |\n| - | - |\n| 1 | 2 |\n",
            "footnotes": f"{TEXT}[^1]\n\n[^1]: The {PROBE}.\n",
            "addresses of links": f"{TEXT} [there](https://example.org/{PROBE})\n",
            "texts of pictures": f"{TEXT}\n\n![a {PROBE}](a.png)\n",
            "comments": f"{TEXT}\n\n<!-- {PROBE} -->\n",
            "hidden text": f'{TEXT}\n\n<div style="display:none">\n\n{PROBE}\n\n</div>\n',
            "front matter": f"---\nowner: {PROBE}\n---\n\n{TEXT}\n",
        }
    )


def html() -> dict[str, bytes]:
    """Return what stands in the document → the document."""
    pages = {
        "headings": f"<h1>{PROBE}</h1><p>{TEXT}</p>",
        "lists": f"<p>{TEXT}</p><ol><li>{PROBE}</li></ol>",
        "tables": f"<p>{TEXT}</p><table><tr><th>a</th></tr><tr><td>{PROBE}</td></tr></table>",
        "code": f"<p>{TEXT}</p><pre>{PROBE} --help</pre>",
        "captions": f"<p>{TEXT}</p><table><caption>{PROBE}</caption><tr><td>a</td></tr></table>",
        "addresses of links": f'<p>{TEXT} <a href="https://example.org/{PROBE}">there</a></p>',
        "texts of pictures": f'<p>{TEXT}</p><img src="a.png" alt="a {PROBE}">',
        "what a click opens": f"<p>{TEXT}</p><details><summary>More</summary><p>{PROBE}</p></details>",
        "comments": f"<p>{TEXT}</p><!-- {PROBE} -->",
        "hidden text": f'<p>{TEXT}</p><p style="display:none">{PROBE}</p>',
        "navigation": f'<nav><a href="/">{PROBE}</a></nav><main><h1>Page</h1><p>{TEXT}</p></main>',
        "scripts, styles": f"<p>{TEXT}</p><script>let {PROBE}</script>",
        "values of forms": f'<p>{TEXT}</p><form><input name="a" value="{PROBE}"></form>',
    }
    return _encoded({name: f"<html><body>{body}</body></html>" for name, body in pages.items()}) | _encoded(
        {"title": f"<html><head><title>The {PROBE}</title></head><body><p>{TEXT}</p></body></html>"}
    )


def rst() -> dict[str, bytes]:
    """Return what stands in the document → the document."""
    return _encoded(
        {
            "headings": f"{PROBE}\n======\n\n{TEXT}\n",
            "lists": f"{TEXT}\n\n- {PROBE}\n",
            "tables": f"{TEXT}\n\n====== ======\na      b\n====== ======\n1      {PROBE}\n====== ======\n",
            "code": f"{TEXT}\n\n.. code:: sh\n\n   {PROBE} --help\n",
            "footnotes": f"{TEXT} [1]_\n\n.. [1] The {PROBE}.\n",
            "addresses of links": f"{TEXT} `there <https://example.org/{PROBE}>`_\n",
            "texts of pictures": f"{TEXT}\n\n.. image:: a.png\n   :alt: a {PROBE}\n",
            "comments": f"{TEXT}\n\n.. {PROBE}\n",
        }
    )


def xml() -> dict[str, bytes]:
    """Return what stands in the document → the document."""
    return _encoded(
        {
            "headings": f"<doc><section><title>{PROBE}</title><p>{TEXT}</p></section></doc>",
            "tables": f"<doc><p>{TEXT}</p><table><row><entry>{PROBE}</entry></row></table></doc>",
            "comments": f"<doc><p>{TEXT}</p><!-- {PROBE} --></doc>",
            "attributes beside text": f'<doc><p id="{PROBE}">{TEXT}</p></doc>',
            "attributes alone": f'<doc><host name="{PROBE}" port="80"/></doc>',
        }
    )


def notebook() -> dict[str, bytes]:
    """Return what stands in the document → the document."""
    markdown = {"cell_type": "markdown", "metadata": {}, "source": TEXT}
    result = {"output_type": "stream", "name": "stdout", "text": PROBE}
    picture = {"output_type": "display_data", "metadata": {}, "data": {"image/png": PROBE}}
    cells = {
        "headings": {**markdown, "source": f"# {PROBE}"},
        "code": _code(source=PROBE),
        "outputs": _code(outputs=[result]),
        "pictures": _code(outputs=[picture]),
    }
    return {
        name: json.dumps({"cells": [markdown, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
        for name, cell in cells.items()
    }


def mail() -> dict[str, bytes]:
    """Return what stands in the message → the message."""
    plain = "Content-Type: text/plain; charset=utf-8\r\n\r\n"
    mixed = 'Content-Type: multipart/mixed; boundary="="\r\n\r\n--=\r\n' + plain + f"{TEXT}\r\n--=\r\n"
    attached = (
        f'Content-Type: text/plain; name="a.txt"\r\nContent-Disposition: attachment\r\n\r\nThe {PROBE}.\r\n--=--\r\n'
    )
    return _encoded(
        {
            "subject, sender, receivers": MAIL.replace("Greetings", PROBE) + plain + TEXT,
            "other headers": f"X-Mailer: {PROBE}\r\n{MAIL}{plain}{TEXT}",
            "body": MAIL + plain + PROBE,
            "attachments": MAIL + mixed + attached,
        }
    )


def book() -> dict[str, bytes]:
    """Return what stands in the book → the book, of EPUB."""
    cases = {
        "headings": ("Text of One.", "Text.", f"<h2>{PROBE}</h2>"),
        "tables": ("Text of One.", "Text.", f"<table><tr><td>{PROBE}</td></tr></table>"),
        "texts of pictures": ("Text of One.", "Text.", f'<img src="a.png" alt="a {PROBE}"/>'),
        "title": ("<dc:title>Book<", f"<dc:title>{PROBE}<", ""),
    }
    return {name: _changed(epub(), *case) for name, case in cases.items()}


def _changed(data: bytes, old: str, new: str, more: str) -> bytes:
    """Return a book in which one text is another one, followed by `more` XHTML."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    found = {name: entry.replace(old.encode(), new.encode()) for name, entry in entries.items()}
    if more:
        found["a.xhtml"] = found["a.xhtml"].replace(b"</body>", more.encode() + b"</body>")
    return zipped(found)


def _code(source: str = "1", outputs: list[dict[str, object]] | None = None) -> dict[str, object]:
    return {"cell_type": "code", "execution_count": 1, "metadata": {}, "source": source, "outputs": outputs or []}


def _encoded(texts: dict[str, str]) -> dict[str, bytes]:
    return {name: text.encode() for name, text in texts.items()}
