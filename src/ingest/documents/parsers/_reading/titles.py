"""The title of a document: the one it states, else its first heading if that stands above all the others.

A chapter's heading is no title: its context would stand in front of every other chapter. Neither is what a program
writes where nobody gave a title.
"""

import re
from collections.abc import Iterable, Sequence

from ingest.records import Block, BlockKind

HIDDEN = "hidden"  # mark of blocks that no reader sees

# What programs write where nobody gave a title, compared with the whole title, case aside. Words that may as well be a
# subject ("index", "null") are not among them; editors of pages write "document".
_UNNAMED = (
    r"[(\[<]?(?:anonymous|unspecified|untitled|unnamed|unknown)[)\]>]?|about:blank",
    r"(?:untitled|new) ?(?:document|page|notebook|presentation|spreadsheet|workbook)?[ -]?\d*",
    r"document|(?:no|document|page|unknown) title|scanned (?:document|image)|scan[ _-]?\d+",
    r"(?:word|excel|powerpoint) (?:document|workbook|presentation)",
    r"microsoft (?:office )?(?:word|excel|powerpoint|publisher|visio|outlook)(?: - .+)?",
    r"(?:document|doc|presentation|book|workbook|sheet|page|chart)\d{1,3}|slide ?\d+",
    r"(?:react|vite|vue|webpack) app|create next app|vite \+ \w+(?: \+ ts)?",
    r"(?:unbenannt(?:es dokument)?|ohne titel|kein titel|neue seite|naamloos|utan titel|uten navn)(?: ?\d+)?",
    r"(?:bez tytułu|bez názvu|nimetön|başlıksız|adsız|без имени|новый документ)(?: ?\d+)?",
    r"(?:dokument|präsentation|mappe|tabelle|folie) ?\d+",
    r"(?:document )?sans titre(?: ?\d+)?|(?:présentation|classeur|feuil|diapositive) ?\d+",
    r"(?:documento )?(?:sin título|senza titolo|sem título)(?: ?\d+)?|(?:documento|libro|hoja|cartel|pasta) ?\d+",
    r"无标题(?:文档)?|未命名|無題(?:のドキュメント)?|제목 없음|без названия|(?:документ|презентация|文档|文書) ?\d+",
    r"powerpoint[- ]?(?:präsentation|presentatie|presentation|プレゼンテーション|演示文稿|簡報|프레젠테이션|sunusu)",
    r"(?:présentation|presentación de|apresentação do|presentazione (?:standard )?di|презентация) powerpoint",
)
_FILE = (  # a file's name, with or without a path; an address
    r"[^\n]*\.(?:docx?|docm|dotx?|rtf|od[tsp]|wpd|pdf|pp[ts]x?|pptm|xlsx?|xlsm|tex|dvi|indd|qxd|qxp|pmd|fm)",
    r"\S+\.(?:x?html?|php|aspx?|jsp|csv|txt|md|rst|ipynb|eps|ps|epub|mobi|vsdx?|tiff?|jpe?g|png|gif|bmp|eml|msg)",
    r"(?:[a-z]:\\|\\\\)\S[^\n]*|(?:https?|file|data):\S+",
)
_NO_TITLE = re.compile("|".join((*_UNNAMED, *_FILE)), re.IGNORECASE)
_LONGEST = 400  # characters of what could be one of these


def stated_title(*candidates: str) -> str:
    """Return the first that is a title, on one line; "" if none is: a file's name or a placeholder of a program."""
    for candidate in candidates:
        title = " ".join(candidate.split())
        if any(map(str.isalnum, title)) and not (len(title) <= _LONGEST and _NO_TITLE.fullmatch(title)):
            return title
    return ""


def document_title(blocks: Iterable[Block], stated: str = "", properties: str = "") -> str:
    """Return the title of a document, "" when it has none.

    Args:
        blocks: Its blocks. Their first heading is the title only if no other has its level or a higher one.
        stated: The title that it shows its readers or that was written for it: of a page, a book, a notebook.
        properties: The title that an office program keeps with it, often that of a template: counts after headings.
    """
    return stated_title(stated, _lone_heading(blocks), properties)


def cover_title(covers: Sequence[str]) -> str:
    """Return the title of a presentation's title slide, "" when it has none.

    Args:
        covers: Of each slide that is shown, its title if it is laid out as a title slide, else "". Where the second one
            is laid out so too, they are chapters.
    """
    return covers[0] if covers and not any(covers[1:2]) else ""


def _lone_heading(blocks: Iterable[Block]) -> str:
    headings = (block for block in blocks if block.kind is BlockKind.HEADING and HIDDEN not in block.marks)
    first = next(headings, None)
    return first.title if first is not None and all(other.level > first.level for other in headings) else ""
