"""Files from the Hugging Face Hub, with the standard library alone, so that a board can."""
