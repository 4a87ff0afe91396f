"""A show in this process, on a free port, with its game in a thread."""

import http.client
import json
import threading
import time
from dataclasses import dataclass

import pytest

from edgedistill.atari.protocol import Protocol
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student
from edgedistill.serve.address import open_server
from edgedistill.serve.server import ShowServer
from edgedistill.serve.show import Show
from edgedistill.signals import Stop


@dataclass
class Running:
    show: Show
    server: ShowServer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def request(self, method, path, body=None, **headers):
        """Status, headers and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        try:
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def press(self, body, **headers):
        text = body if isinstance(body, str) else json.dumps(body)
        return self.request("POST", "/press", text, **{"Content-Type": "application/json", **headers})

    def open(self, path):
        """The response of a stream, which goes on."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return answer

    def until(self, condition, seconds=60):
        """The first state of which something is true, as viewers are told it."""
        events = self.open("/events")
        deadline = time.monotonic() + seconds
        try:
            while True:
                state = json.loads(events.readline())
                if condition(state):
                    return state
                assert time.monotonic() < deadline, state
        finally:
            events.close()


@pytest.fixture
def running():
    show = Show(Policy.load(shipped_student("pong", "pico")), Protocol(seed=1))
    stop = Stop()
    with open_server(show, "127.0.0.1", 0) as server:
        threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,)),
            threading.Thread(target=show.run, args=(stop,)),
        ]
        for thread in threads:
            thread.start()
        yield Running(show, server)
        stop.set()
        show.snapshots.close()
        server.shutdown()
        for thread in threads:
            thread.join()
