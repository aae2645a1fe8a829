"""Everything that touches the outside world: sources, stores, models, executors, sandboxes and vector indexes."""
