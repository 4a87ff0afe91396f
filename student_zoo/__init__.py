"""Data: the catalogue of students, one TOML each, and the trained ones under `trained/<game>/`."""
