"""Write, audit, publish for search indexes: documents in, a measured and reversible index out."""
