"""One file per re-ranker: a question and candidates in, a better order out."""
