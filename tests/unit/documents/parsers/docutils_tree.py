"""The sections of a reStructuredText file as docutils sees them: the oracle for our scanner."""

import re

from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.parsers.rst import Parser, roles
from docutils.utils import new_document


def _text_role(role, rawtext, text, *rest, **more):
    return [nodes.literal(rawtext, text)], []


def sections(text: str) -> list[tuple[int, str]]:
    """Return (level, title as docutils reads it) in order; reads no other file, knows every role."""
    settings = get_default_settings(Parser)
    settings.file_insertion_enabled = False
    settings.raw_enabled = False
    settings.report_level = 5
    settings.halt_level = 6
    settings.warning_stream = None
    for role in set(re.findall(r":([\w:.+-]+):`", text)) | set(re.findall(r"`:([\w:.+-]+):", text)):
        roles.register_local_role(role.lower(), _text_role)
    document = new_document("test.rst", settings)
    Parser().parse(text, document)
    found = []

    def walk(node: nodes.Node, level: int) -> None:
        for child in node.children:
            if isinstance(child, nodes.section):
                found.append((level, child[0].astext()))
                walk(child, level + 1)

    walk(document, 1)
    return found
