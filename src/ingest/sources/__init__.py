"""One file per scheme: places that hold documents. The file name registers the scheme."""
