"""A package, so that the server and its threads end with this folder and disturb no later test."""
