"""`ingest preview`: one document is found, cut as a run would, compared, masked, and shown as text, JSON or a page."""
