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


def test_what_a_containers_limit_leaves_is_what_is_free(tmp_path, monkeypatch):
    for name, text in (("max", "300000000\n"), ("current", "280000000\n"), ("stat", "inactive_file 30000000\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    monkeypatch.setattr("edgedistill.free_memory.GROUP", tmp_path)
    assert this_machine().available_bytes == 50_000_000
    assert "50 MB of memory are free" in problems(this_machine())[0]


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
