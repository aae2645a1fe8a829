"""Pages that are pictures: what is done with what tesseract reads, and, where it is installed, what it does read."""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ingest.documents.parsers.pdf import ocr, parser, tesseract
from ingest.documents.parsers.pdf.picture import levelled, without_lines
from ingest.errors import ParserTimeout, ScannedDocument
from ingest.records import Document, DocumentRef, ParserOptions, RawDocument
from tests.unit.documents.parsers.checks import shown
from tests.unit.documents.parsers.pdf_files import HEIGHT, WIDTH, build, lines, picture

SCAN = picture(0, 0, WIDTH, HEIGHT)
PIXELS = 200 / 72  # per point
BODY = ["A text of the page that", "no picture covers."]
COLUMNS = ("block_num", "par_num", "line_num", "left", "top", "width", "height", "conf", "text")
real = pytest.mark.skipif(bool(tesseract.why_not()), reason=f"no text recognition here: {tesseract.why_not()}")


def read(data: bytes, **options) -> Document:
    reference = DocumentRef("file:///a.pdf", "", "a.pdf", "1", len(data))
    return parser.parse(RawDocument(reference, data, "application/pdf", ParserOptions(ocr=True, **options)))


def table(*rows: tuple[int, float, float, str], sure: float = 90.0) -> dict[str, list]:
    """Return what tesseract says of words (line, left, top, text): places in points, lines of 10 points."""
    found = [
        (1, 1, line, left * PIXELS, top * PIXELS, 5 * len(text) * PIXELS, 9.4 * PIXELS, sure, text)
        for line, left, top, text in rows
    ]
    return {name: [row[at] for row in found] for at, name in enumerate(COLUMNS)}


@pytest.fixture
def says(monkeypatch):
    """Let tesseract say this, call by call; what it was asked is returned."""

    def install(*answers) -> list:
        asked: list = []
        waiting = iter(answers)

        def answer(function, image, languages, where, config=""):
            asked.append((function, image.size, languages, where))
            result = next(waiting)
            if isinstance(result, Exception):
                raise result
            return result

        monkeypatch.setattr(ocr, "_tesseract", answer)
        monkeypatch.setattr(parser, "why_not", lambda: "")
        return asked

    return install


def test_recognised_text_takes_the_place_of_the_picture(says):
    words = table(
        (1, 72, 72, "First"), (1, 105, 72, "line"), (2, 72, 84, "of"), (2, 90, 84, "it."), (3, 72, 140, "Last")
    )
    asked = says(words)
    document = read(build([lines(72, 100, BODY), SCAN]), ocr_languages=("eng", "deu"))
    assert [" ".join(BODY), "First line of it.", "Last"] == [text for _, text in shown(document)]
    assert [1, 2, 2] == [block.page for block in document.blocks]
    assert [("image_to_data", (1700, 2200), "eng+deu", "a.pdf: page 2")] == asked


def test_words_below_each_other_in_a_scan_are_a_table_and_its_ruling_lines_are_no_text(says):
    cells = [("Part", "Price"), ("Bolt", "1.20"), ("Washer", "0.10"), ("Nut", "0.30")]
    rows = [
        (line, left, 72 + 20 * line, text)
        for line, row in enumerate(cells)
        for left, text in ((72, row[0]), (180, "|"), (200, row[1]))
    ]
    says(table(*rows))
    expected = "Part | Price\nBolt | 1.20\nWasher | 0.10\nNut | 0.30"
    assert [("table", expected)] == shown(read(build([SCAN])))


def test_a_page_that_was_read_badly_is_turned_and_the_surer_reading_counts(says):
    bad, good = table((1, 72, 72, "qoou"), sure=20.0), table((1, 72, 72, "noon"), sure=95.0)
    asked = says(bad, {"rotate": 90}, good)
    assert ["noon"] == [text for _, text in shown(read(build([SCAN])))]
    assert [(1700, 2200), (1700, 2200), (2200, 1700)] == [size for _, size, _, _ in asked]


def test_a_page_that_was_read_badly_stays_as_it_is_where_its_side_cannot_be_told(says):
    says(table((1, 72, 72, "scrawl"), sure=20.0), ScannedDocument("too few characters"))
    assert ["scrawl"] == [text for _, text in shown(read(build([SCAN])))]


class _TesseractError(RuntimeError):
    message = "no such language"


@pytest.mark.parametrize(
    ("raised", "expected", "message"),
    [
        (_TesseractError(), ScannedDocument, "page 1: tesseract failed for the languages eng: no such language"),
        (RuntimeError("Tesseract process timeout"), ParserTimeout, "page 1: tesseract took over 30 seconds"),
    ],
)
def test_failures_of_tesseract_are_of_one_document(monkeypatch, raised, expected, message):
    def fail(image, lang, **options):
        raise raised

    fake = SimpleNamespace(TesseractError=_TesseractError, image_to_data=fail, Output=SimpleNamespace(DICT="dict"))
    monkeypatch.setitem(sys.modules, "pytesseract", fake)
    monkeypatch.setattr(parser, "why_not", lambda: "")
    with pytest.raises(expected, match=message):
        read(build([SCAN]))


def test_a_page_is_rendered_under_the_limit_of_pixels(monkeypatch, says):
    asked = says(table((1, 1, 1, "text")))
    monkeypatch.setattr(ocr, "MAX_PIXELS", 10_000)
    read(build([SCAN]))
    assert asked[0][1][0] * asked[0][1][1] <= 10_300


def written(*texts: tuple[int, int, str], size: tuple[int, int] = (1000, 1300), letters: int = 28) -> Image.Image:
    """Return white paper with these texts (x, y, text), as a printer of 150 dots per inch would put them."""
    paper = Image.new("L", size, 255)
    pen = ImageDraw.Draw(paper)
    for x, y, text in texts:
        pen.text((x, y), text, font=ImageFont.load_default(letters), fill=0)
    return paper


def scanned(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "pdf", resolution=150)
    return buffer.getvalue()


PROSE = [
    (80, 100, "The embankment north of the mill is inspected"),
    (80, 140, "twice a year, before the winter and after the"),
    (80, 180, "floods of spring. Who finds damage writes it down."),
]
GOODS = [
    ("Part", "Number", "Price"),
    ("Bolt", "M8-20", "1.20"),
    ("Washer", "W-8", "0.10"),
    ("Bearing", "620-4", "14.50"),
]


def goods(ruled: bool) -> Image.Image:
    paper = written(
        *((x, 300 + 60 * y, text) for y, row in enumerate(GOODS) for x, text in zip((90, 390, 690), row, strict=True))
    )
    pen = ImageDraw.Draw(paper)
    for y in range(5 if ruled else 0):
        pen.line((70, 288 + 60 * y, 900, 288 + 60 * y), fill=0, width=3)
    for x in (70, 370, 670, 900) if ruled else ():
        pen.line((x, 288, x, 528), fill=0, width=3)
    return paper


def photographed(paper: Image.Image) -> Image.Image:
    """Return a photo of paper on a dark desk: askew, at an angle, in uneven light, with grain."""
    w, h = paper.size
    seen = paper.transform(
        (w, h), Image.Transform.QUAD, (-60, -40, -20, h + 60, w + 70, h + 20, w + 30, -60), fillcolor=110
    ).rotate(6, Image.Resampling.BICUBIC, expand=True, fillcolor=110)
    level = np.asarray(seen, dtype=float)
    light = np.linspace(0.55, 1.0, level.shape[1])[None, :] * np.linspace(1.0, 0.8, level.shape[0])[:, None]
    grain = np.random.default_rng(1).normal(0, 6, level.shape)
    return Image.fromarray(np.clip(level * light + grain, 0, 255).astype(np.uint8))


EXPECTED_PROSE = " ".join(text for _, _, text in PROSE)
EXPECTED_GOODS = "\n".join(" | ".join(row) for row in GOODS)


@real
@pytest.mark.parametrize("turn", [0, 9, 90, 180])
def test_a_scanned_page_is_read_however_it_lay_in_the_scanner(turn):
    paper = written(*PROSE).rotate(turn, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    assert [("paragraph", EXPECTED_PROSE)] == shown(read(scanned(paper)))


@real
@pytest.mark.parametrize("ruled", [False, True])
def test_a_scanned_table_is_a_table(ruled):
    assert [("table", EXPECTED_GOODS)] == shown(read(scanned(goods(ruled))))


@real
def test_a_photo_at_an_angle_in_uneven_light_is_read():
    paper = goods(ruled=False)
    paper.paste(written(*PROSE).crop((0, 0, 1000, 260)), (0, 0))
    photo = photographed(paper.resize((1700, 2210), Image.Resampling.BICUBIC))
    expected = [("paragraph", EXPECTED_PROSE), ("table", EXPECTED_GOODS)]
    assert expected == shown(read(scanned(photo)))


@real
def test_a_language_that_is_not_installed_is_named():
    with pytest.raises(ScannedDocument, match=r"tesseract failed for the languages tlh: .*tlh"):
        read(scanned(written(*PROSE)), ocr_languages=("tlh",))


def test_lines_of_text_become_level():
    leaning = written(*PROSE).rotate(-7, Image.Resampling.BICUBIC, expand=True, fillcolor=255)

    def leans(image: Image.Image) -> bool:
        rows = (np.asarray(image) < 128).any(axis=1)
        return int(np.diff(rows.astype(int)).clip(0).sum()) < len(PROSE)  # lines of text without white between them

    assert (True, False) == (leans(leaning), leans(levelled(leaning)))


def test_clean_and_level_paper_stays_as_it_is():
    paper = written(*PROSE)
    assert paper is levelled(paper)


def test_a_shadow_becomes_white_and_ink_in_it_stays_black():
    level = np.full((320, 320), 255, dtype=np.uint8)
    level[:, 160:] = 120
    level[150:156, 40:280] = 10
    light = np.asarray(levelled(Image.fromarray(level)))
    assert (True, True) == (bool(light[40, 300] > 200), bool(light[152, 240] < 60))


def test_ruling_lines_are_taken_out_and_told_while_letters_stay():
    bare, rules = without_lines(goods(ruled=True), 150.0)
    assert (5, 4) == (sum(x1 - x0 > 800 for x0, _, x1, _ in rules), sum(y1 - y0 > 200 for _, y0, _, y1 in rules))
    letters = np.asarray(goods(ruled=False)) < 128
    assert letters.sum() * 0.99 <= (np.asarray(bare) < 128).sum() <= letters.sum() * 1.01


def test_a_black_page_and_a_pattern_of_lines_are_no_table():
    black = Image.new("L", (600, 600), 0)
    assert (black, []) == without_lines(black, 150.0)
