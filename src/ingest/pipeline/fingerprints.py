"""What results depend on besides the documents, as fingerprints."""

from dataclasses import asdict, dataclass

from ingest.documents import chunking, screening
from ingest.ids import digest_of
from ingest.services import Services


@dataclass(frozen=True)
class Fingerprints:
    """What results depend on besides the documents."""

    parser: str
    chunker: str  # and screening with the policies of sources: a changed policy starts from stored texts
    model: str
    refusal: str  # of the parser and its limits

    @property
    def documents(self) -> str:
        """Of parser, limits and chunker: what quarantine records."""
        return digest_of([self.refusal, self.chunker])[:16]

    def record(self) -> dict[str, str]:
        """Return them as the manifest keeps them."""
        return {"parser": self.parser, "chunker": self.chunker, "model": self.model}


def fingerprints(services: Services) -> Fingerprints:
    """Return the fingerprints of this process's code, libraries, options and model."""
    options, sandbox = services.options, services.sandbox
    cut = chunking.fingerprint(options.chunking, services.tokenizer)
    chunker = digest_of([cut, screening.fingerprint(options.screening)])
    return Fingerprints(
        sandbox.fingerprint,
        chunker,
        services.model.fingerprint,
        digest_of([sandbox.refusal_fingerprint, asdict(options.limits)]),
    )
