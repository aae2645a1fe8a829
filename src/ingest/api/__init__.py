"""The search service over HTTP. Comes later; its floor is here."""
