"""The page in a real browser."""

import threading
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from edgedistill.serve.streams import STREAMS
from tests.chromium import Chromium, needs_chromium

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def chromium():
    with Chromium() as browser:
        yield browser


def number(page, name):
    return int(page.evaluate(f"document.getElementById('{name}').textContent").replace(",", ""))


def wait_for_more(page, name, than):
    page.wait_for(f"Number(document.getElementById('{name}').textContent.replaceAll(',', '')) > {than}", seconds=60)


def click(page, name):
    page.evaluate(f"document.getElementById('{name}').click()")


def test_the_game_is_seen_and_its_figures_move(running, chromium):
    page = chromium.open(running.url)
    page.wait_for("document.getElementById('screen').naturalWidth === 160")
    page.wait_for("document.getElementById('seen').naturalWidth === 84")
    wait_for_more(page, "decisions", 5)
    wait_for_more(page, "decisions", number(page, "decisions"))
    assert page.evaluate("document.querySelectorAll('#values tr').length") == 6
    assert page.evaluate("document.querySelectorAll('#values tr.best').length") == 1
    assert page.evaluate("document.getElementById('game').textContent") == "Pong"
    click(page, "speed")
    # At full speed a point is made soon.
    page.wait_for("!['0', '–'].includes(document.getElementById('score').textContent)", seconds=120)
    assert page.problems == []
    assert {url.split("?")[0] for url in page.requests if not url.startswith("data:")} == {
        f"{running.url}/{path}" for path in ("", "students", "events", "screen.mjpeg", "press")
    }


def test_a_picture_whose_connection_was_cut_goes_on(running, chromium, monkeypatch):
    """As after some seconds without network, while the figures' connection survives."""
    kind, opening, picture = STREAMS["/screen.mjpeg"]
    cut = threading.Event()

    def cut_off(snapshot):
        if cut.is_set():
            raise TimeoutError
        return picture(snapshot)

    monkeypatch.setitem(STREAMS, "/screen.mjpeg", (kind, opening, cut_off))
    page = chromium.open(running.url)
    page.wait_for("document.getElementById('screen').naturalWidth === 160")
    cut.set()
    wait_for_more(page, "decisions", number(page, "decisions") + 5)
    cut.clear()
    shown = "(pen.drawImage(document.getElementById('screen'), 0, 0), canvas.toDataURL())"
    still = page.evaluate(shown)
    page.wait_for(f"{shown} !== {still!r}", seconds=60)


def test_pause_pauses_and_goes_on(running, chromium):
    page = chromium.open(running.url)
    wait_for_more(page, "decisions", 5)
    click(page, "pause")
    page.wait_for("document.getElementById('pause').textContent === 'Go on'")
    # A label that changes and a pressed button would say it twice.
    assert page.evaluate("document.getElementById('pause').ariaPressed") is None
    assert page.evaluate("document.getElementById('pause').className") == "on"
    at = number(page, "decisions")
    page.evaluate("new Promise(done => setTimeout(done, 600))")
    assert number(page, "decisions") == at == running.show.decisions
    click(page, "pause")
    wait_for_more(page, "decisions", at)


def test_a_refused_press_says_why_for_some_seconds(running, chromium):
    page = chromium.open(running.url)
    wait_for_more(page, "decisions", 5)
    note = "document.getElementById('note')"
    # Empty it takes no room, and is where screen readers look for news.
    assert page.evaluate(f"{note}.textContent + getComputedStyle({note}).display") == "block"
    assert page.evaluate(f"{note}.offsetHeight") == 0
    page.evaluate("press({epsilon: 2})")
    wait_for_more(page, "decisions", number(page, "decisions") + 5)
    assert page.evaluate(f"{note}.textContent").startswith("What was pressed")
    page.wait_for(f"{note}.textContent === ''")
    page.evaluate("press({epsilon: 2})")
    page.evaluate("press({epsilon: 0.1})")
    page.wait_for(f"{note}.textContent === ''", seconds=3)


def choose_in_turn(page, *students):
    """Go through the list of players, from the one that plays, as arrow keys do."""
    page.wait_for("document.getElementById('student').value === 'pong/pico'")
    page.evaluate(
        f"(select => {{ for (const name of {list(students)}) {{"
        "select.value = name; select.dispatchEvent(new Event('change')) } })(document.getElementById('student'))"
    )


def test_only_the_player_at_which_arrow_keys_stop_begins_a_game(running, chromium):
    page = chromium.open(running.url)
    choose_in_turn(page, "breakout/micro", "breakout/nano", "breakout/pico")
    page.wait_for("document.getElementById('who').textContent.startsWith('breakout/pico')", seconds=60)
    assert [url for url in page.requests if url.endswith("/press")] == [f"{running.url}/press"]


def test_another_student_is_chosen(running, chromium):
    page = chromium.open(running.url)
    choose_in_turn(page, "breakout/pico")
    page.wait_for("document.getElementById('game').textContent === 'Breakout'", seconds=60)
    page.wait_for("document.querySelectorAll('#values tr').length === 4")
    assert page.problems == []


def test_five_watch_at_once(running, chromium):
    pages = [chromium.open(running.url) for _ in range(5)]
    for page in pages:
        wait_for_more(page, "decisions", 3)
        page.wait_for("document.getElementById('screen').naturalWidth === 160")
    pages[0].wait_for("document.getElementById('viewers').textContent === '5'")


def test_who_finds_no_seat_reads_why(running, chromium, monkeypatch):
    monkeypatch.setattr("edgedistill.serve.server.MOST_VIEWERS", 0)
    page = chromium.open(running.url)
    assert page.wait_for("document.getElementById('note').textContent").startswith("0 viewers watch already")


@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_phones_and_desktops(running, chromium, width):
    page = chromium.open(running.url, width=width, height=780)
    page.wait_for("document.getElementById('screen').naturalWidth === 160")
    wait_for_more(page, "decisions", 5)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pixels = np.asarray(Image.open(BytesIO(page.screenshot())).convert("RGB"))
    # Pong's brown.
    assert (np.abs(pixels.astype(int) - (144, 72, 17)).max(axis=2) < 12).mean() > 0.1
