"""Writes small PDF files by hand, so that tests state every byte that matters."""

import zlib
from collections.abc import Sequence

WIDTH, HEIGHT = 612, 792


def text(x: float, y: float, words: str, size: float = 10, font: str = "F1", more: str = "") -> str:
    """Return content that shows one line; `y` is the base line, from the top of the page."""
    shown = words.encode("cp1252").decode("latin-1").replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"q {more} BT /{font} {size} Tf {x} {HEIGHT - y} Td ({shown}) Tj ET Q\n"


def lines(x: float, y: float, rows: Sequence[str], size: float = 10, font: str = "F1") -> str:
    return "".join(text(x, y + 1.2 * size * i, row, size, font) for i, row in enumerate(rows))


def rule(x0: float, y0: float, x1: float, y1: float) -> str:
    return f"{x0} {HEIGHT - y0} m {x1} {HEIGHT - y1} l S\n"


def grid(xs: Sequence[float], ys: Sequence[float]) -> str:
    flat = "".join(rule(xs[0], y, xs[-1], y) for y in ys)
    return flat + "".join(rule(x, ys[0], x, ys[-1]) for x in xs)


def area(x0: float, y0: float, x1: float, y1: float, colour: str) -> str:
    return f"q {colour} rg {x0} {HEIGHT - y1} {x1 - x0} {y1 - y0} re f Q\n"


def picture(x0: float, y0: float, x1: float, y1: float) -> str:
    return f"q {x1 - x0} 0 0 {y1 - y0} {x0} {HEIGHT - y1} cm /Im Do Q\n"


class Writer:
    """Objects by number, and the file that they make."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def add(self, body: str | bytes) -> int:
        self.bodies.append(body.encode("latin-1") if isinstance(body, str) else body)
        return len(self.bodies)

    def stream(self, data: bytes, entries: str = "") -> int:
        packed = zlib.compress(data)
        head = f"<< {entries} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode()
        return self.add(head + packed + b"\nendstream")

    def file(self, trailer: str) -> bytes:
        out = bytearray(b"%PDF-1.7\n")
        places = []
        for number, body in enumerate(self.bodies, start=1):
            places.append(len(out))
            out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start = len(out)
        out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
        out += b"".join(b"%010d 00000 n \n" % place for place in places)
        out += f"trailer\n<< /Size {len(places) + 1} {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode("latin-1")
        return bytes(out)


def build(
    pages: Sequence[str],
    outline: Sequence[tuple[str, int]] = (),
    title: str = "",
    files: Sequence[tuple[str, bytes]] = (),
    rotate: int = 0,
    page_entries: str = "",
) -> bytes:
    """Return a PDF file.

    Args:
        pages: Content of each; fonts F1 (Helvetica), F2 (bold) and F3 (Courier), picture Im.
        outline: (title, page from 1), all of one level.
        title: Of the metadata.
        files: Embedded files.
        rotate: Of every page, degrees.
        page_entries: More entries of every page.
    """
    writer = Writer()
    faces = [
        writer.add(f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>")
        for name in ("Helvetica", "Helvetica-Bold")
    ]
    image = writer.stream(
        b"\x80" * 64, "/Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 8"
    )
    contents = [writer.stream(page.encode("latin-1")) for page in pages]
    tree = len(writer.bodies) + len(pages) + 1
    fixed = "<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>"
    resources = f"<< /Font << /F1 {faces[0]} 0 R /F2 {faces[1]} 0 R /F3 {fixed} >> /XObject << /Im {image} 0 R >> >>"
    kids = [
        writer.add(
            f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Resources {resources} "
            f"/Contents {content} 0 R /Rotate {rotate} {page_entries} >>"
        )
        for content in contents
    ]
    listed = " ".join(f"{kid} 0 R" for kid in kids)
    assert writer.add(f"<< /Type /Pages /Kids [{listed}] /Count {len(kids)} >>") == tree
    extra = _outline(writer, outline, kids) + _files(writer, files)
    root = writer.add(f"<< /Type /Catalog /Pages {tree} 0 R {extra} >>")
    info = writer.add(f"<< /Title ({title}) >>")
    return writer.file(f"/Root {root} 0 R /Info {info} 0 R")


def _outline(writer: Writer, outline: Sequence[tuple[str, int]], kids: Sequence[int]) -> str:
    if not outline:
        return ""
    first = len(writer.bodies) + 1
    top = first + len(outline)
    for i, (title, page) in enumerate(outline):
        following = f"/Next {first + i + 1} 0 R" if i + 1 < len(outline) else ""
        writer.add(f"<< /Title ({title}) /Parent {top} 0 R {following} /Dest [{kids[page - 1]} 0 R /Fit] >>")
    writer.add(f"<< /Type /Outlines /First {first} 0 R /Last {top - 1} 0 R /Count {len(outline)} >>")
    return f"/Outlines {top} 0 R"


def _files(writer: Writer, files: Sequence[tuple[str, bytes]]) -> str:
    names = []
    for name, data in files:
        content = writer.stream(data, "/Type /EmbeddedFile")
        spec = writer.add(f"<< /Type /Filespec /F ({name}) /UF ({name}) /EF << /F {content} 0 R >> >>")
        names.append(f"({name}) {spec} 0 R")
    return f"/Names << /EmbeddedFiles << /Names [{' '.join(names)}] >> >>" if names else ""
