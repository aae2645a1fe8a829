"""The lake: part files named by content, reached through a manifest; records; and the store of embeddings."""
