"""The shapes of a slide in the order in which people read them, with what they inherit from its layout and master."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from ingest.documents.parsers._office.ooxml import A, P, Package
from ingest.documents.parsers._office.shape_order import Area, shape_order

TITLES = ("title", "ctrTitle")
RUNNING = ("dt", "ftr", "sldNum", "hdr", "sldImg")
_SHAPES = (P + "sp", P + "cxnSp", P + "pic", P + "graphicFrame", P + "grpSp")
_VERSIONS = ("}AlternateContent", "}Choice", "}Fallback")
_ON_MASTER = {"ctrTitle": "title", "title": "title", "dt": "dt", "ftr": "ftr", "sldNum": "sldNum"}  # others: body
_BULLETS = {A + "buNone": False, A + "buChar": True, A + "buAutoNum": True, A + "buBlip": True}
_DESCRIBED, _PLACED, _PLACEHOLDER = P + "cNvPr", P + "nvPr", P + "ph"
_GROUP, _PICTURE, _FRAME = P + "grpSp", P + "pic", P + "graphicFrame"
_PLACES = (P + "xfrm", P + "spPr", P + "grpSpPr")
_LARGEST = 13  # digits of a coordinate


class SlideShape(NamedTuple):
    """A shape or a group of shapes on a slide.

    Attributes:
        element: The element.
        hidden: Whether nobody sees it.
        kind: The type of a placeholder: "" for content, None for other shapes.
        idx: The number of a placeholder.
        described: Its text for those who do not see it.
        members: The shapes of a group.
    """

    element: Any
    hidden: bool
    kind: str | None
    idx: str
    described: str
    members: Sequence["SlideShape"]


class LayoutHolder(NamedTuple):
    """A placeholder of a layout or a master, from which those of slides inherit."""

    kind: str
    idx: str
    box: Area | None
    bullets: dict[str, bool | None]


class SlideLayouts:
    """The layouts and masters of a presentation, each read once, when a slide first asks for it."""

    def __init__(self, package: Package) -> None:
        """Start with none."""
        self._package = package
        self._holders: dict[str, list[LayoutHolder]] = {}

    def inherited(self, slide: str, kind: str | None, idx: str) -> Iterator[LayoutHolder]:
        """Yield what a placeholder of a slide inherits from, by type and number: the layout's, then the master's."""
        layouts = [] if kind is None else self._package.related(slide, "slideLayout")
        for layout in layouts[:1]:
            found = (each for each in self._read(layout) if (each.idx == idx if idx else each.kind == kind))
            yield from islice(found, 1)
            for master in self._package.related(layout, "slideMaster")[:1]:
                wanted = _ON_MASTER.get(kind or "", "body")
                yield from islice((each for each in self._read(master) if each.kind == wanted), 1)

    def box(self, slide: str, shape: SlideShape) -> Area | None:
        """Return where a shape is, None when it does not say so and inherits no place."""
        found = _box(shape.element)
        if found is None:
            found = next((each.box for each in self.inherited(slide, shape.kind, shape.idx) if each.box), None)
        return found

    def _read(self, part: str) -> list[LayoutHolder]:
        if part not in self._holders:
            shapes = self._package.xml(part).iter(P + "sp")
            self._holders[part] = [holder for shape in shapes if (holder := _holder(shape)) is not None]
        return self._holders[part]


def read_shapes(tree: Any, hidden: bool = False) -> list[SlideShape]:
    """Return the shapes and groups directly in a tree, in stored order.

    Args:
        tree: A `p:spTree` or `p:grpSp`.
        hidden: Whether the tree is.
    """
    found: list[SlideShape] = []
    for element in tree:
        tag = element.tag
        if tag in _SHAPES:
            properties, place = _properties(element)
            unseen = hidden or (properties is not None and properties.get("hidden") in ("1", "true"))
            kind, idx = (None, "") if place is None else (place.get("type", ""), place.get("idx", ""))
            described = "" if properties is None else properties.get("descr") or ""
            members = read_shapes(element, unseen) if tag == _GROUP else ()
            found.append(SlideShape(element, unseen, kind, idx, described, members))
        elif isinstance(tag, str) and tag.endswith(_VERSIONS):
            found += read_shapes(element, hidden)
    return found


def ordered_shapes(
    tree: Any, shapes: Sequence[SlideShape], title: SlideShape | None, layouts: SlideLayouts, slide: str
) -> Iterator[SlideShape]:
    """Yield the shapes of a tree except for its title; groups stay together.

    Args:
        tree: A `p:spTree` or `p:grpSp`.
        shapes: What `read_shapes` found in it.
        title: The shape that is the slide's title, None without one.
        layouts: Of the presentation.
        slide: The name of the slide's part.
    """
    boxes = [layouts.box(slide, shape) if shape is not title and _has_content(shape) else None for shape in shapes]
    turned = len(boxes) - boxes.count(None) > 1 and _is_right_to_left(tree)
    for index in shape_order(boxes, turned):
        shape = shapes[index]
        if shape.element.tag == _GROUP:
            yield from ordered_shapes(shape.element, shape.members, title, layouts, slide)
        elif shape is not title:
            yield shape


def all_shapes(shapes: Sequence[SlideShape]) -> Iterator[SlideShape]:
    """Yield shapes in stored order, with those in groups in place of the groups."""
    for shape in shapes:
        if shape.element.tag == _GROUP:
            yield from all_shapes(shape.members)
        else:
            yield shape


def placeholder_kind(element: Any) -> str | None:
    """Return the type of a placeholder: "" for content, None for other shapes."""
    place = _properties(element)[1]
    return None if place is None else place.get("type", "")


def bullets(style: Any) -> dict[str, bool | None]:
    """Return the tag of each level in a list style → whether it has bullets or numbers, None if it does not say so."""
    found: dict[str, bool | None] = {}
    for level in style if style is not None else ():
        if level.tag not in found:
            found[level.tag] = has_bullets(level)
    return found


def has_bullets(properties: Any) -> bool | None:
    """Return whether properties of paragraphs ask for bullets or numbers, None when they do not say so."""
    for child in properties:
        if child.tag in _BULLETS:
            return _BULLETS[child.tag]
    return None


def _holder(shape: Any) -> LayoutHolder | None:
    place = _properties(shape)[1]
    if place is None:
        return None
    style = shape.find(f"{P}txBody/{A}lstStyle")
    return LayoutHolder(place.get("type", ""), place.get("idx", ""), _box(shape), bullets(style))


def _properties(shape: Any) -> tuple[Any, Any]:
    """Return the name and description of a shape, and what says that it is a placeholder; None for what it lacks."""
    described = place = None
    for member in shape:
        for child in member.iterchildren(_DESCRIBED, _PLACED):
            if child.tag == _PLACED:
                place = next(child.iterchildren(_PLACEHOLDER), None) if place is None else place
            elif described is None:
                described = child
    return described, place


def _has_content(shape: SlideShape) -> bool:
    """Return whether a shape shows text, or refers to a part that does."""
    if shape.kind in RUNNING:
        return False
    tag = shape.element.tag
    if tag == _FRAME or (tag == _PICTURE and shape.described):
        return True
    return any(element.text and not element.text.isspace() for element in shape.element.iter(A + "t"))


def _box(shape: Any) -> Area | None:
    place = None
    for name in _PLACES:
        place = next(shape.iterchildren(name), None)
        if place is not None:
            break
    if place is not None and place.tag != _PLACES[0]:
        place = next(place.iterchildren(A + "xfrm"), None)
    if place is None:
        return None
    start, size = next(place.iterchildren(A + "off"), None), next(place.iterchildren(A + "ext"), None)
    if start is None or size is None:
        return None
    left, top = _coordinate(start.get("x")), _coordinate(start.get("y"))
    return Area(left, top, left + max(_coordinate(size.get("cx")), 0), top + max(_coordinate(size.get("cy")), 0))


def _coordinate(text: str | None) -> int:
    digits = (text or "").removeprefix("-")
    return int(text or "") if digits.isascii() and digits.isdecimal() and len(digits) <= _LARGEST else 0


def _is_right_to_left(tree: Any) -> bool:
    """Return whether most paragraphs are written from right to left."""
    if not any(element.get("rtl") for element in tree.iter(A + "pPr")):
        return False
    paragraphs = [element.find(A + "pPr") for element in tree.iter(A + "p")]
    turned = [each for each in paragraphs if each is not None and each.get("rtl") in ("1", "true")]
    return 2 * len(turned) > len(paragraphs)
