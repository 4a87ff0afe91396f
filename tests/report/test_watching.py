from base64 import b64decode

import pytest

from edgedistill.report import watching
from edgedistill.report.watching import watch


@pytest.fixture(scope="module")
def watched(tiny_run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "MOST_DECISIONS", 400)
        return watch(tiny_run, 150_000, print, print)


def test_teacher_and_students_play(watched):
    assert [each.player for each in watched] == ["best teacher", "micro", "pico"]
    assert [each.decisions for each in watched] == [400] * 3
    assert [each.agreement is None for each in watched] == [True, False, False]
    assert watched[0].differences == ()
    assert all(0 <= each.agreement <= 1 for each in watched[1:])


def test_differences_are_where_the_teacher_loses_most(watched):
    assert any(each.differences for each in watched)
    for each in watched[1:]:
        regrets = [difference.regret for difference in each.differences]
        assert regrets == sorted(regrets, reverse=True) and all(regret > 0 for regret in regrets)
        for difference in each.differences:
            teacher, student = difference.bars
            values = {action: value for action, value, _, _ in teacher.values}
            (best,) = [action for action, _, _, taken in teacher.values if taken]
            (took,) = [action for action, _, _, taken in student.values if taken]
            assert difference.regret == pytest.approx(values[best] - values[took])
            assert min(share for _, _, share, _ in teacher.values) == 0
            assert max(share for _, _, share, _ in teacher.values) == 1


def test_a_picture_is_as_small_as_asked(tiny_run, monkeypatch, watched):
    monkeypatch.setattr(watching, "MOST_DECISIONS", 400)
    most = len(watched[0].picture) * 3 // 4 - 100
    picture = watch(tiny_run, most, print, print)[0].picture
    assert 0 < len(b64decode(picture.removeprefix("data:image/webp;base64,"))) <= most
