"""All that touches the world: sources, stores, models, executors, sandboxes and vector indexes."""
