"""What a browser asks, over real sockets."""

import base64
import json
import socket
import time
from contextlib import suppress
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from edgedistill.runtime.shipped import shipped_games
from edgedistill.serve.server import MOST_CONNECTIONS, MOST_VIEWERS, Handler


def picture(stream):
    """The next part of an MJPEG stream."""
    headers = {}
    while not headers:
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name] = value
            if not value:
                headers.clear()
    assert headers["Content-Type"] == "image/jpeg"
    return Image.open(BytesIO(stream.read(int(headers["Content-Length"]))))


def test_a_page_without_any_other_file(running):
    status, headers, page = running.request("GET", "/")
    assert status == 200 and headers["Content-Type"].startswith("text/html")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "http://" not in page and "https://" not in page


def test_the_screen_is_a_stream_of_pictures_that_move(running):
    stream = running.open("/screen.mjpeg")
    assert stream.headers.get_content_type() == "multipart/x-mixed-replace"
    pictures = [np.asarray(picture(stream)) for _ in range(10)]
    assert pictures[0].shape == (210, 160, 3)
    # Pong's brown, as JPEG leaves it.
    assert np.abs(pictures[0][100, 10].astype(int) - (144, 72, 17)).max() < 12
    assert any((one != another).any() for one, another in pairwise(pictures))


def test_events_tell_figures_and_what_the_student_sees(running):
    state = running.until(lambda state: state["decisions"] >= 5)
    assert state["game"] == "pong" and state["student"] == "pong/pico"
    assert len(state["values"]) == len(state["actions"]) == 6
    assert state["paused"] is False and state["speed"] == "real" and state["viewers"] == 1
    assert set(state["board"]) == {"temperature_c", "load", "cores"}
    seen = Image.open(BytesIO(base64.b64decode(state["seen"].removeprefix("data:image/png;base64,"))))
    assert (seen.size, seen.mode) == ((84, 84), "L")


def test_the_game_goes_at_the_consoles_speed_or_as_fast_as_it_can(running):
    real = running.until(lambda state: state["decisions"] >= 45)
    # 15, and after a stall of the machine half a second of play more at once.
    assert real["decisions_per_second"] <= 16 + 8
    assert running.press({"speed": "max"})[0] == 200
    running.until(lambda state: state["decisions_per_second"] > 25)
    running.press({"speed": "real"})
    assert running.until(lambda state: state["speed"] == "real")


def test_pause_pauses_and_goes_on(running):
    running.press({"paused": True})
    paused = running.until(lambda state: state["paused"])
    time.sleep(0.5)
    assert running.show.decisions == paused["decisions"]
    running.press({"paused": False})
    running.until(lambda state: state["decisions"] > paused["decisions"])


def test_restart_epsilon_and_another_student(running):
    running.press({"speed": "max"})
    running.until(lambda state: state["score"] != 0)
    running.press({"speed": "real", "epsilon": 1, "restart": True})
    state = running.until(lambda state: state["epsilon"] == 1)
    assert state["score"] == 0 and state["scores"] == []
    # At ε 1 actions are drawn, whatever the values are.
    played, best = set(), []
    for _ in range(30):
        state = running.until(lambda new, last=state["decisions"]: new["decisions"] > last)
        played.add(state["action"])
        best.append(state["action"] == int(np.argmax(state["values"])))
    assert len(played) > 2 and not all(best)

    students = json.loads(running.request("GET", "/students")[2])
    assert len(students) == sum(map(len, shipped_games().values()))
    running.press({"student": "breakout/pico"})
    state = running.until(lambda state: state["student"] == "breakout/pico" and state["values"])
    assert state["game"] == "breakout" and len(state["actions"]) == 4
    running.press({"speed": "max"})
    state = running.until(lambda state: state["games"] >= 2)
    assert len(state["scores"]) >= 2


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "is not JSON"),
        ("[1]", "must be a table"),
        ('{"paused": 1}', "'paused' must be true or false"),
        ('{"epsilon": 1.5}', "'epsilon' must be a number from 0 to 1"),
        ('{"epsilon": NaN}', "'epsilon' must be a number"),
        ('{"speed": "warp"}', "'speed' must be one of real, max"),
        ('{"student": "../../etc/passwd"}', "'student' must be one of"),
        ('{"pause": true}', "'pause' is not known"),
        ("[" * 900, "is not JSON"),
        ("\udcff", "is not JSON"),
    ],
)
def test_presses_that_are_none_are_refused_in_words(running, body, told):
    data = body.encode(errors="surrogateescape")
    status, _, text = running.request("POST", "/press", data, **{"Content-Type": "application/json"})
    assert status == 400 and told in text


@pytest.mark.parametrize("length", ["", "-1", "1000000000000", "²", "1000", "000000000099999999", "5, 5"])
def test_a_body_of_odd_length_is_refused_unread(running, length):
    with socket.create_connection(("127.0.0.1", running.server.port), timeout=30) as connection:
        connection.sendall(
            f"POST /press HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
        )
        assert b" 400 " in connection.recv(1000)


def test_web_pages_elsewhere_may_neither_watch_nor_press(running):
    port = running.server.port
    before = running.show.decisions
    for host in ("attacker.example", f"attacker.example:{port}", "localhost.attacker.example", "", "[::1"):
        for method, path in (("GET", "/"), ("GET", "/events"), ("POST", "/press")):
            status, _, text = running.request(method, path, "{}", Host=host, **{"Content-Type": "application/json"})
            assert status == 403 and "by its address" in text
    for origin in (
        "http://attacker.example",
        "null",
        f"http://127.0.0.1:{port + 1}",
        f"http://localhost:{port}",
        "http://[x",
    ):
        assert running.press({"paused": True}, Origin=origin)[0] == 403
    # What a form or a script may send elsewhere without asking.
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert running.request("POST", "/press", '{"paused": true}', **{"Content-Type": kind})[0] == 415
    assert running.request("GET", "/screen.mjpeg", **{"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert running.press({"epsilon": 0}, Origin=f"http://127.0.0.1:{port}")[0] == 200
    assert not running.until(lambda state: state["decisions"] > before)["paused"]


def test_names_of_this_machine_are_its_own(running):
    for host in ("localhost:1", "127.0.0.1", f"{socket.gethostname()}.local:8000", "[::1]:8000", "192.168.1.7:8000"):
        assert running.request("GET", "/", Host=host)[0] == 200


def test_five_watch_and_the_first_too_many_is_told(running):
    streams = [running.open(path) for path in ("/events", "/screen.mjpeg") for _ in range(MOST_VIEWERS)]
    assert MOST_VIEWERS >= 5
    for stream in streams[:MOST_VIEWERS]:
        assert json.loads(stream.readline())["decisions"] >= 0
    for path in ("/events", "/screen.mjpeg"):
        status, _, text = running.request("GET", path)
        assert status == 503 and f"{MOST_VIEWERS} viewers watch already" in text
    for stream in streams:
        stream.close()
    deadline = time.monotonic() + 30
    while running.request("GET", "/nothing")[0] != 404 or running.show.viewers:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.until(lambda state: state["viewers"] == 1)


def test_connections_are_bounded(running):
    idle = [socket.create_connection(("127.0.0.1", running.server.port)) for _ in range(MOST_CONNECTIONS + 3)]
    idle[-1].settimeout(30)
    assert b"503" in idle[-1].recv(100)
    for connection in idle:
        connection.close()


def test_a_viewer_that_stops_reading_neither_slows_the_game_nor_keeps_its_seat(running, monkeypatch):
    monkeypatch.setattr(Handler, "timeout", 1)
    with socket.socket() as asleep:
        asleep.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asleep.connect(("127.0.0.1", running.server.port))
        asleep.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        awake = running.open("/screen.mjpeg")
        seated = False
        for _ in range(900):
            picture(awake)
            seated = seated or running.show.viewers == 1
            if seated and running.show.viewers == 0:
                break
        else:
            raise AssertionError("a minute of pictures, and who sleeps has its seat still")
    assert running.show.decisions >= 30


def test_who_asks_too_slowly_does_not_keep_a_place(running, monkeypatch):
    """A byte now and then is no reason to wait for the rest for ever."""
    monkeypatch.setattr(Handler, "timeout", 1)
    with socket.create_connection(("127.0.0.1", running.server.port), timeout=0.2) as slow, suppress(ConnectionError):
        for byte in b"GET / HTTP/1.0\r\nX: " + b"x" * 200:
            slow.sendall(bytes([byte]))
            with suppress(TimeoutError):
                assert slow.recv(1) == b""
                return
        raise AssertionError("it still waits")


def test_a_request_of_many_bytes_ends_the_connection(running):
    """Whoever reaches the port could fill a small board's memory with headers, `Host` being the last of them."""
    assert running.request("GET", "/", Cookie="x" * 15_000)[0] == 200
    with pytest.raises(ConnectionError):
        running.request("GET", "/", **{f"X-{number}": "x" * 1_000 for number in range(17)})
    assert running.request("GET", "/")[0] == 200


def test_unknown_paths_and_verbs(running):
    assert running.request("GET", "/../../etc/passwd")[0] == 404
    assert running.request("GET", "//[x/")[0] == 404
    assert running.press({}, Host="localhost")[0] == 200
    assert running.request("POST", "/", "{}", **{"Content-Type": "application/json"})[0] == 404
    assert running.request("DELETE", "/")[0] == 501
