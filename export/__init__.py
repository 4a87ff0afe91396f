"""Data: what an export can be for (a TOML per target), the templates of what it writes, and the locked dependencies."""
