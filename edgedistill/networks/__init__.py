"""Torch networks, built from a catalogue entry, and what they learn with."""

import os

# Huge pages for large tensors, which torch asks for from its first allocation on, so before any module here makes one: a
# teacher's update takes 0.8 to 0.9 of its time (docs/history.md; Linux, THP in `madvise` mode).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
