import pytest

from edgedistill.errors import BadRequest
from edgedistill.runs.ram import REST_BYTES, available_bytes, check_memory, fitting_frames


def test_what_fits_is_left_as_wanted_and_the_rest_cut_to_what_does():
    assert fitting_frames(20_000, 10) == 20_000
    cut = fitting_frames(10**12, 7_000)
    assert cut % 10_000 == 0
    assert cut * 7_000 <= available_bytes() - REST_BYTES + 10**9  # others may free or take some meanwhile


def test_more_than_there_is_is_refused_with_the_figure():
    check_memory(10**6, 100)
    with pytest.raises(BadRequest, match=r"1,000,000,000 frames takes 7000\.0 GB"):
        check_memory(7 * 10**12, 10**9)
