"""Chooses adapters: the only code that knows which ones are used."""
