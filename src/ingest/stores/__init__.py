"""One file per store that can hold the lake."""
