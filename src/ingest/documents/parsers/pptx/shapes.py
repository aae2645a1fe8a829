"""The shapes of a slide in the order in which people read them, with what they inherit from its layout and master."""

from collections.abc import Iterator
from typing import Any

from ingest.documents.parsers._office.ooxml import A, P, Package
from ingest.documents.parsers._office.shape_order import Area, shape_order

TITLES = ("title", "ctrTitle")
RUNNING = ("dt", "ftr", "sldNum", "hdr", "sldImg")
_SHAPES = (P + "sp", P + "cxnSp", P + "pic", P + "graphicFrame", P + "grpSp")
_VERSIONS = ("}AlternateContent", "}Choice", "}Fallback")
_ON_MASTER = {"ctrTitle": "title", "title": "title", "dt": "dt", "ftr": "ftr", "sldNum": "sldNum"}  # others: body
_LARGEST = 13  # digits of a coordinate


class Layout:
    """The layout and the master of a slide."""

    def __init__(self, package: Package, slide: str) -> None:
        """Nothing is read before it is asked for."""
        self._package, self._slide = package, slide
        self._shapes: list[list[Any]] | None = None

    def inherited(self, kind: str | None, index: str) -> Iterator[Any]:
        """Yield the placeholders from which one with a type and index inherits: the layout's, then the master's."""
        if kind is None:
            return
        if self._shapes is None:
            self._shapes = self._read()
        for shapes in self._shapes[:1]:
            for shape in shapes:
                other, place = placeholder(shape)
                if other is not None and (place == index if index else other == kind):
                    yield shape
                    break
        for shapes in self._shapes[1:]:
            wanted = _ON_MASTER.get(kind, "body")
            yield from [shape for shape in shapes if placeholder(shape)[0] == wanted][:1]

    def box(self, shape: Any) -> Area | None:
        """Return where a shape is, None when it does not say so and inherits no place."""
        found = _box(shape)
        if found is None:
            found = next(filter(None, map(_box, self.inherited(*placeholder(shape)))), None)
        return found

    def _read(self) -> list[list[Any]]:
        found = []
        part = self._slide
        for kind in ("slideLayout", "slideMaster"):
            parts = self._package.related(part, kind)
            if not parts:
                break
            part = parts[0]
            found.append(list(self._package.xml(part).iter(P + "sp")))
        return found


def ordered_shapes(tree: Any, layout: Layout, title: Any, hidden: bool = False) -> Iterator[tuple[Any, bool]]:
    """Yield the shapes of a tree except for its title, and whether each is hidden; groups stay together.

    Args:
        tree: A `p:spTree` or `p:grpSp`.
        layout: Of the slide.
        title: The shape that is the slide's title, None without one.
        hidden: Whether the tree is.
    """
    members = list(_members(tree, hidden))
    boxes = [layout.box(shape) if shape is not title and _has_content(shape) else None for shape, _ in members]
    for index in shape_order(boxes, _is_right_to_left(tree)):
        shape, unseen = members[index]
        if shape.tag == P + "grpSp":
            yield from ordered_shapes(shape, layout, title, unseen)
        elif shape is not title:
            yield shape, unseen


def all_shapes(tree: Any, hidden: bool = False) -> Iterator[tuple[Any, bool]]:
    """Yield the shapes of a tree in stored order, including those in groups, and whether each is hidden."""
    for shape, unseen in _members(tree, hidden):
        if shape.tag == P + "grpSp":
            yield from all_shapes(shape, unseen)
        else:
            yield shape, unseen


def placeholder(shape: Any) -> tuple[str | None, str]:
    """Return the type of a placeholder ("" for content, None for other shapes) and its index."""
    element = shape.find(f"./*/{P}nvPr/{P}ph")
    return (None, "") if element is None else (element.get("type", ""), element.get("idx", ""))


def _members(tree: Any, hidden: bool) -> Iterator[tuple[Any, bool]]:
    """Yield the shapes and groups directly in a tree, and whether each is hidden."""
    for shape in tree:
        tag = shape.tag
        if tag in _SHAPES:
            properties = shape.find(f"./*/{P}cNvPr")
            yield shape, hidden or (properties is not None and properties.get("hidden") in ("1", "true"))
        elif isinstance(tag, str) and tag.endswith(_VERSIONS):
            yield from _members(shape, hidden)


def _has_content(shape: Any) -> bool:
    """Return whether a shape shows text, or refers to a part that does."""
    if placeholder(shape)[0] in RUNNING:
        return False
    described = shape.find(f"./*/{P}cNvPr")
    picture = shape.tag == P + "pic" and described is not None and bool(described.get("descr"))
    texts = (element.text or "" for element in shape.iter(A + "t"))
    return picture or shape.tag == P + "graphicFrame" or any(text.strip() for text in texts)


def _box(shape: Any) -> Area | None:
    place = next((each for name in ("xfrm", "spPr", "grpSpPr") if (each := shape.find(P + name)) is not None), None)
    if place is not None and place.tag != P + "xfrm":
        place = place.find(A + "xfrm")
    start, size = (None, None) if place is None else (place.find(A + "off"), place.find(A + "ext"))
    if start is None or size is None:
        return None
    left, top, width, height = (
        _coordinate(element.get(name)) for element, name in ((start, "x"), (start, "y"), (size, "cx"), (size, "cy"))
    )
    return Area(left, top, left + max(width, 0), top + max(height, 0))


def _coordinate(text: str | None) -> int:
    digits = (text or "").removeprefix("-")
    return int(text or "") if digits.isascii() and digits.isdecimal() and len(digits) <= _LARGEST else 0


def _is_right_to_left(tree: Any) -> bool:
    """Return whether most paragraphs are written from right to left."""
    paragraphs = [element.find(A + "pPr") for element in tree.iter(A + "p")]
    turned = [each for each in paragraphs if each is not None and each.get("rtl") in ("1", "true")]
    return 2 * len(turned) > len(paragraphs)
