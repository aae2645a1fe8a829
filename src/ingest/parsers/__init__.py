"""One file per format: bytes in, blocks out. The file name registers the format."""
