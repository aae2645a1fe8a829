"""Office files for tests: made by the libraries that people use, then changed in their XML where those cannot."""

import io
import zipfile
from collections.abc import Callable

import docx
import openpyxl
import pptx


def word(build: Callable) -> bytes:
    document = docx.Document()
    build(document)
    return saved(document)


def slides(build: Callable) -> bytes:
    presentation = pptx.Presentation()
    build(presentation)
    return saved(presentation)


def workbook(build: Callable) -> bytes:
    book = openpyxl.Workbook()
    build(book)
    return saved(book)


def saved(document) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def changed(data: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """Return the package with one part changed, or added when it is new."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
        if part not in old.namelist():
            new.writestr(part, change(b""))
    return stream.getvalue()


def body(xml: str, **parts: str) -> bytes:
    """Return a DOCX whose body is this XML (prefixes w, m, r, mc, wps, v, a); "{{}}" in no place is replaced."""
    names = {
        "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "r": "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
        "v": "urn:schemas-microsoft-com:vml",
        "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
    }
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in names.items())
    data = word(lambda document: None)
    document = f"<w:document {spaces}><w:body>{xml}</w:body></w:document>"
    data = changed(data, "word/document.xml", lambda _: document.encode())
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
    for part, content in parts.items():
        text = f"<w:{part} {spaces}>{content}</w:{part}>"
        data = changed(data, f"word/{part}.xml", lambda _, text=text: text.encode())
        if part not in ("styles", "numbering"):
            relation = f'<Relationship Id="x{part}" Type="{kinds}{part}" Target="{part}.xml"/></Relationships>'
            data = changed(
                data,
                "word/_rels/document.xml.rels",
                lambda old, relation=relation: old.replace(b"</Relationships>", relation.encode()),
            )
    return data


def p(text: str, style: str = "", properties: str = "", run: str = "") -> str:
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return (
        f"<w:p><w:pPr>{named}{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr>"
        f'<w:t xml:space="preserve">{text}</w:t></w:r></w:p>'
    )
