"""The lake: part files named by their content and reached through a manifest, records, and the embedding store."""
