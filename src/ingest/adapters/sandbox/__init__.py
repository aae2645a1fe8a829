"""Runs parsers on hostile bytes. One file per alternative: how strongly parsers are isolated from this process."""
