"""The embedded Qdrant engine behind a loopback HTTP front, one worker process per collection."""
