"""What was played: rollouts, the memory of them, and batches out of it."""
