"""A planted fault: a parser upgrade that loses text. Complete by every count, and worse for every question."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ingest.ports import Sandbox
from ingest.records import BlockKind, Document, ParserOptions, RawDocument


@dataclass(frozen=True)
class ForgetfulSandbox:
    """Parses like the sandbox that it wraps, then forgets every section but the first."""

    sound: Sandbox

    version = "forgetful"  # as another version of every parser: each document is parsed again

    @property
    def kind(self) -> str:
        """That of the sound sandbox."""
        return self.sound.kind

    @property
    def options(self) -> Mapping[str, ParserOptions]:
        """Those of the sound sandbox."""
        return self.sound.options

    def parse(self, raw: RawDocument) -> Document:
        """Return the document with the blocks up to its second heading."""
        document = self.sound.parse(raw)
        headings = [i for i, block in enumerate(document.blocks) if block.kind is BlockKind.HEADING]
        kept = document.blocks[: headings[1]] if len(headings) > 1 else document.blocks
        useful = any(block.kind not in (BlockKind.HEADING, BlockKind.METADATA) for block in kept)
        return replace(document, blocks=kept if useful else document.blocks)
