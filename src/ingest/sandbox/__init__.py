"""Runs parsers on hostile bytes."""
