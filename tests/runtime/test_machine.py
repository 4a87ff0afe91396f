import re
from dataclasses import replace

import pytest

from edgedistill.runtime.machine import installed_bytes, problems, this_machine

FINE = replace(
    this_machine(),
    bits=64,
    glibc="2.36",
    available_bytes=10**9,
    packages={"numpy": "2.0"},
)


def test_this_machine_can_play():
    machine = this_machine()
    assert problems(machine) == []
    assert machine.cpu
    assert machine.packages["onnxruntime"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"bits": 32}, "32-bit.*--target c"),
        ({"glibc": "2.27"}, "glibc 2.27.*2.28"),
        ({"available_bytes": 50_000_000}, "50 MB of memory are free"),
        ({"packages": {"numpy": "2.0", "onnxruntime": None}}, "Not installed: onnxruntime.*pip install"),
    ],
)
def test_each_problem_says_what_to_do(change, complaint):
    assert problems(FINE) == []
    (found,) = problems(replace(FINE, **change))
    assert re.search(complaint, found)


def test_installed_size_counts_the_packages_files():
    assert installed_bytes(("numpy",)) > 10**6
    assert installed_bytes(("no-such-package",)) == 0
