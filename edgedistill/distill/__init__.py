"""Real-time policy distillation: losses, the distillation memory, the loop."""
