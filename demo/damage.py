"""A planted fault: a parser upgrade that loses text. Complete by every count, and worse for every question."""

from dataclasses import dataclass, replace

from ingest.ids import digest_of
from ingest.ports import Sandbox
from ingest.records import BlockKind, Document, RawDocument


@dataclass(frozen=True)
class ForgetfulSandbox:
    """Parses like the sandbox that it wraps, then forgets every section but the first."""

    sound: Sandbox

    @property
    def fingerprint(self) -> str:
        """Of another parser: every document is parsed again."""
        return digest_of([self.sound.fingerprint, "forgetful"])[:16]

    @property
    def refusal_fingerprint(self) -> str:
        """What refusals depend on; apart from that of the sound sandbox too."""
        return digest_of([self.sound.refusal_fingerprint, "forgetful"])[:16]

    def parse(self, raw: RawDocument) -> Document:
        """Return the document with the blocks up to its second heading."""
        document = self.sound.parse(raw)
        headings = [i for i, block in enumerate(document.blocks) if block.kind is BlockKind.HEADING]
        kept = document.blocks[: headings[1]] if len(headings) > 1 else document.blocks
        useful = any(block.kind not in (BlockKind.HEADING, BlockKind.METADATA) for block in kept)
        return replace(document, blocks=kept if useful else document.blocks)
