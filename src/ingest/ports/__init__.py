"""What the story needs of the world, as Protocols, and `Services`, which holds one of each.

Adapters (floor 4) implement them; `wiring` alone knows which. Every foreign error is translated into `errors`.
"""

from ingest.ports.models import Embedder, Reranker, Tokenizer, Wording, WordTable
from ingest.ports.observer import Observer
from ingest.ports.sandbox import Sandbox
from ingest.ports.services import Execute, Services, Workbench
from ingest.ports.storage import Source, Store
from ingest.ports.vectors import Aliases, VectorIndex

__all__ = [
    "Aliases",
    "Embedder",
    "Execute",
    "Observer",
    "Reranker",
    "Sandbox",
    "Services",
    "Source",
    "Store",
    "Tokenizer",
    "VectorIndex",
    "WordTable",
    "Wording",
    "Workbench",
]
