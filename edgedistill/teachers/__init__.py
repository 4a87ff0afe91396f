"""How a teacher acts, what it learns towards, and how it is updated."""
