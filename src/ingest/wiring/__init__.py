"""Chooses adapters: the one place that knows which ones are used."""
