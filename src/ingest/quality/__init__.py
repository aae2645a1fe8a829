"""Is an index good enough: judged questions, metrics, the gate, and what is fitted on judgments."""
