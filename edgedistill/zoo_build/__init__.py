"""The trained catalogue: many games trained, exported and pictured, one folder for all."""
