"""Data: templates of what an export writes beside the student."""
