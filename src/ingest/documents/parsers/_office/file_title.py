"""The title in the properties of an office file: of a package, or of an OLE file (before 2007)."""

from struct import error as struct_error

from ingest.documents.parsers._office.ooxml import CFB, Package
from ingest.records import RawDocument

_BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, struct_error, RecursionError)


def file_title(raw: RawDocument) -> str:
    """Return the title in a file's properties, "" without one; also for a file that has none."""
    if raw.data.startswith(CFB):
        return _ole_title(raw.data)
    return Package(raw).title() if raw.data.startswith(b"PK") else ""


def _ole_title(data: bytes) -> str:
    import olefile

    try:
        with olefile.OleFileIO(data) as file:
            properties = file.get_metadata()
        codepage = (properties.codepage or 1252) % 2**16  # stored as a signed number: 65001 is UTF-8
        return str((properties.title or b"").decode(f"cp{codepage}", "replace").replace("\0", ""))
    except _BROKEN:  # a damaged stream: the text was read all the same
        return ""
