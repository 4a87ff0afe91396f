"""Torch networks, built from a catalogue entry, and what they learn with."""

import os

# Huge pages for large tensors, in which a teacher's update takes 0.8 to 0.9 of its time (docs/history.md; Linux, THP in
# `madvise` mode). Torch asks for them if it is told so before its first allocation, which a module here may make.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
