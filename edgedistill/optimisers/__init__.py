"""Optimisers of teachers and students that torch lacks, or has in a slower form."""
