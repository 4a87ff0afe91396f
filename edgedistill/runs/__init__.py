"""A run: its settings, its schedule, and its folder with metrics and checkpoints."""
