"""A run on disk: its config, metrics and checkpoints."""
