"""Writes PDF files with annotations: form fields, comments, text boxes."""

import re
from collections.abc import Sequence

from tests.unit.documents.parsers.pdf_files import HEIGHT, WIDTH, Writer

Box = tuple[float, float, float, float]  # x0, top, x1, bottom, from the top of the page


def rect(box: Box) -> str:
    return f"/Rect [{box[0]} {HEIGHT - box[3]} {box[2]} {HEIGHT - box[1]}]"


def string(text: str) -> str:
    """Return a text string: in PDFDocEncoding if it is ASCII, else in UTF-16."""
    if text.isascii():
        return "(" + text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)").replace("\n", r"\r") + ")"
    return f"<FEFF{text.encode('utf-16-be').hex().upper()}>"


def widget(box: Box, kind: str, name: str, value: str = "", more: str = "", flags: int = 4) -> str:
    """Return a field with one widget. `kind`: Tx, Ch, Btn, Sig; `value` as written in the file."""
    held = f"/V {value}" if value else ""
    return f"<< /Type /Annot /Subtype /Widget /FT /{kind} /T {string(name)} {held} /F {flags} {rect(box)} {more} >>"


def text_field(box: Box, name: str, value: str = "", more: str = "", flags: int = 4) -> str:
    return widget(box, "Tx", name, string(value) if value else "", more, flags)


def check_box(box: Box, name: str, ticked: bool, more: str = "", on: str = "Yes") -> str:
    state = on if ticked else "Off"
    return widget(
        box, "Btn", name, f"/{state}", f"/AS /{state} /AP << /N << /{on} {{empty}} /Off {{empty}} >> >> {more}"
    )


def note(kind: str, box: Box, contents: str = "", author: str = "", more: str = "", flags: int = 4) -> str:
    """Return an annotation that is no field."""
    told = f"/Contents {string(contents)}" if contents else ""
    by = f"/T {string(author)}" if author else ""
    return f"<< /Type /Annot /Subtype /{kind} {told} {by} /F {flags} {rect(box)} {more} >>"


def annotated(
    pages: Sequence[str],
    notes: Sequence[Sequence[str]],
    parents: Sequence[str] = (),
    shown: Sequence[tuple[str, Box]] = (),
    *,
    form: str = "/DA (/Helv 10 Tf 0 g)",
    rotate: int = 0,
    catalog: str = "",
    tags: Sequence[tuple[int, str, str]] = (),
) -> bytes:
    """Return a PDF file.

    Args:
        pages: Content of each; the font is F1.
        notes: Annotations of each page. In them, `{n3}` is the third annotation of the file, `{p0}` a parent, `{s0}`
            an appearance, `{empty}` one that shows nothing.
        parents: Fields whose widgets are annotations.
        shown: Content of appearances, with the boxes of their annotations.
        form: Entries of the form, "" for a file without one.
        rotate: Of every page, degrees.
        catalog: More of its entries.
        tags: Id of marked content, role as a printed field and more attributes, of the first page.
    """
    writer = Writer()
    font = writer.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    resources = f"<< /Font << /F1 {font} 0 R >> >>"
    kind = f"/Type /XObject /Subtype /Form /Resources {resources}"
    names = {"empty": f"{writer.stream(b'', f'{kind} /BBox [0 0 10 10]')} 0 R"}
    for at, (content, box) in enumerate(shown):
        entries = f"{kind} {rect(box).replace('/Rect', '/BBox')}"
        names[f"s{at}"] = f"{writer.stream(content.encode('latin-1'), entries)} 0 R"
    first = len(writer.bodies) + 1
    every = [one for page in notes for one in page]
    names |= {f"n{at}": f"{first + at} 0 R" for at in range(len(every))}
    names |= {f"p{at}": f"{first + len(every) + at} 0 R" for at in range(len(parents))}
    for body in [*every, *parents]:
        writer.add(re.sub(r"\{(\w+)\}", lambda match: names[match[1]], body))
    fields = " ".join(names[f"n{at}"] for at, one in enumerate(every) if "/FT" in one or "/Widget" in one)
    fields += "".join(f" {names[f'p{at}']}" for at in range(len(parents)))
    tree = len(writer.bodies) + 2 * len(pages) + 1
    kids, done, entries = [], 0, f"/StructParents 0 /Rotate {rotate}"
    for content, own in zip(pages, notes, strict=True):
        stream = writer.stream(content.encode("latin-1"))
        listed = " ".join(names[f"n{done + at}"] for at in range(len(own)))
        done += len(own)
        page = f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Resources {resources} "
        kids.append(writer.add(f"{page} /Contents {stream} 0 R /Annots [{listed}] {entries} >>"))
    assert writer.add(f"<< /Type /Pages /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] /Count {len(kids)} >>") == tree
    if tags:
        catalog += _structure(writer, kids[0], tags)
    acro = f"/AcroForm << /Fields [{fields}] {form} >>".replace("{empty}", names["empty"]) if form else ""
    return writer.file(f"/Root {writer.add(f'<< /Type /Catalog /Pages {tree} 0 R {acro} {catalog} >>')} 0 R")


def _structure(writer: Writer, page: int, tags: Sequence[tuple[int, str, str]]) -> str:
    """Add a structure tree of printed fields; return its entry of the catalog."""
    root = len(writer.bodies) + len(tags) + 2
    fields = []
    for content, role, more in tags:
        attributes = f"[<< /O /PrintField /Role {role} >> {more}]"
        body = f"<< /Type /StructElem /S /Form /P {root} 0 R /Pg {page} 0 R /K {content} /A {attributes} >>"
        fields.append(f"{writer.add(body)} 0 R")
    parents = writer.add(f"<< /Nums [0 [{' '.join(fields)}]] >>")
    told = f"/K [{' '.join(fields)}] /ParentTree {parents} 0 R"
    assert writer.add(f"<< /Type /StructTreeRoot {told} >>") == root
    return f" /StructTreeRoot {root} 0 R /MarkInfo << /Marked true >>"
