"""Torch's large tensors lie in huge pages, which it has to be told of before its first allocation."""

import subprocess
import sys
from pathlib import Path

import pytest

# The flags of the mapping in which a large tensor lies; `hg`: huge pages were asked for.
PROGRAM = """
import edgedistill.distill.training
import torch

tensor = torch.zeros(16_000_000)
place, flags = tensor.data_ptr(), None
for line in open("/proc/self/smaps"):
    words = line.split()
    if "-" in words[0] and not words[0].endswith(":"):
        begin, end = (int(each, 16) for each in words[0].split("-"))
    elif words[0] == "VmFlags:" and begin <= place < end:
        flags = words
print(*flags)
"""


@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="no huge pages on this system")
def test_the_trainer_asks_for_huge_pages():
    found = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    assert "hg" in found.stdout.split()
