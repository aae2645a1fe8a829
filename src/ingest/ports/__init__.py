"""What the pipeline needs from outside, as Protocols. Adapters translate every foreign error into `errors`."""

from ingest.ports.models import Embedder, Reranker, Tokenizer, Wording, WordTable, truncated
from ingest.ports.observer import Observer, Progress, Tally
from ingest.ports.storage import Looking, Sandbox, Source, Store
from ingest.ports.vector_index import Aliases, VectorIndex
