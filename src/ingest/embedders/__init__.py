"""One file per kind of model: texts in, vectors out."""
