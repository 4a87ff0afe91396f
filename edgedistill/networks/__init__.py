"""Torch networks, built from a catalogue entry."""
