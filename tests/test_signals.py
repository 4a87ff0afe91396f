import os
import signal

import pytest

from edgedistill.signals import stop_signals


@pytest.mark.parametrize(
    ("number", "ends_with"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)  # fmt: skip
def test_the_first_signal_is_a_wish_and_the_second_ends_at_once(number, ends_with):
    before = signal.getsignal(number)
    said = []
    with pytest.raises(ends_with) as ended, stop_signals(lambda: said.append("stopping")) as stop:
        os.kill(os.getpid(), number)
        assert stop.is_set()
        assert stop.exit_code == 128 + number
        os.kill(os.getpid(), number)
        pytest.fail("still running")
    assert getattr(ended.value, "code", 128 + number) == 128 + number
    assert said == ["stopping"]
    assert signal.getsignal(number) is before
