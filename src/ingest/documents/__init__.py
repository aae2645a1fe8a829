"""From bytes to chunks: media types, parsers, chunking, screening and duplicates."""
