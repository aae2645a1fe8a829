"""What the pipeline needs from the outside world, as Protocols.

Adapters implement them; only `wiring` knows which. Every foreign error is translated into `errors`.
"""

from ingest.ports.models import Embedder, Reranker, Tokenizer, Wording, WordTable
from ingest.ports.observer import Observer
from ingest.ports.progress import Progress, Tally
from ingest.ports.sandbox import Sandbox
from ingest.ports.storage import Forgetting, Looking, Selecting, Source, Store, StoredValue
from ingest.ports.vector_index import Aliases, VectorIndex
