"""Is an index good enough? Judged questions, metrics, the gate, and what is fitted to judgments."""
