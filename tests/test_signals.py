import os
import signal
import time
from threading import Event

import pytest

from edgedistill.signals import SAME_WISH, stop_signals


@pytest.mark.parametrize(
    ("number", "ends_with"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)  # fmt: skip
def test_the_first_signal_is_a_wish_and_the_second_ends_at_once(number, ends_with):
    before = signal.getsignal(number)
    said = Event()
    with pytest.raises(ends_with) as ended, stop_signals(said.set) as stop:
        os.kill(os.getpid(), number)
        assert said.wait(60)  # now, not when the work ends
        assert stop.is_set()
        assert stop.exit_code == 128 + number
        if number == signal.SIGTERM:
            time.sleep(SAME_WISH)
        os.kill(os.getpid(), number)
        pytest.fail("still running")
    assert getattr(ended.value, "code", 128 + number) == 128 + number
    assert signal.getsignal(number) is before


def test_a_sigterm_that_a_group_and_its_parent_both_send_is_one_wish():
    with stop_signals() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.exit_code == 128 + signal.SIGTERM
