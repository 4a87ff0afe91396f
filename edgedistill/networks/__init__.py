"""Torch networks, built from a catalogue entry, and what they learn with."""
