"""What a vector index must do to serve: checks that tests, `ingest qdrant check` and adapters of others call.

A check is a function of an index and of the name of an empty collection of `points.DIMENSION`. It raises `Violation`.
Other collections and aliases that it makes begin with that name, and whoever calls it removes them.

Beside them, an embedder that needs no model and no time: `kind: hashing`.
"""
