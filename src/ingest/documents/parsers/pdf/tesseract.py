"""Whether scans can be read here: by the program tesseract."""

import shutil
from importlib.util import find_spec


def why_not() -> str:
    """Return what is missing for text recognition, "" when nothing is."""
    if find_spec("pytesseract") is None:
        return "the extra ingest[ocr] is not installed"
    return "" if shutil.which("tesseract") else "the program tesseract is not on the path"
