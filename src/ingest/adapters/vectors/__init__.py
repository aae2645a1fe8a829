"""The vector index: Qdrant over its client, and the embedded engine that speaks the same protocol."""
