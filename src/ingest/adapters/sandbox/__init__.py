"""Runs parsers on hostile bytes. One file per alternative: how far a parser is kept away from this process."""
