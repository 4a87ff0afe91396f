from dataclasses import replace

import pytest

from edgedistill.catalogue import find_architecture
from edgedistill.report.smallest import retention_by_size, smallest_that_keeps, verdict
from tests.conftest import TINY

CONFIG = replace(TINY, students=tuple(find_architecture(name) for name in ("net5", "pico", "micro")))
# A random player has −20.7, so the teacher is 40 above it.
SCORES = {"teacher": 10.0, "net5": 19.3, "micro": 17.3, "pico": -0.7}


def test_students_come_by_size_with_what_they_keep():
    kept = retention_by_size(CONFIG, SCORES, 19.3)
    assert [each.student for each in kept] == ["pico", "micro", "net5"]
    assert [each.retention for each in kept] == pytest.approx([0.5, 0.95, 1.0])
    assert kept[0].ratio == pytest.approx(0.0044, abs=1e-4)


@pytest.mark.parametrize(("share", "student"), [(0.4, "pico"), (0.94, "micro"), (0.96, "net5")])
def test_the_smallest_that_keeps_enough_is_named(share, student):
    kept = retention_by_size(CONFIG, SCORES, 19.3)
    assert smallest_that_keeps(kept, share).student == student
    assert f"The smallest that keeps {share:.0%}: {student}" in verdict(kept, share, 10)


def test_none_keeps_enough():
    kept = retention_by_size(CONFIG, SCORES, 25.0)
    assert smallest_that_keeps(kept, 0.95) is None
    assert "None keeps 95%" in verdict(kept, 0.95, 10)
    assert "pico 43.8%, micro 83.2%, net5 87.5%" in verdict(kept, 0.95, 10)


def test_a_teacher_no_better_than_chance_leaves_nothing_to_keep():
    kept = retention_by_size(CONFIG, SCORES, -21.0)
    assert smallest_that_keeps(kept, 0.1) is None
    assert "does not beat a random player" in verdict(kept, 0.1, 10)
