"""`ingest preview`: finds one document, chunks it as a run would, and shows it, masked, as text, JSON or a page."""
