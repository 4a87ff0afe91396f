"""A real browser for tests: Debian's Chromium, headless, driven over the pipe of its DevTools protocol.

    with Chromium() as chromium:
        page = chromium.open("about:blank", width=400)
        assert page.evaluate("1 + 1") == 2

Protocol: https://chromedevtools.github.io/devtools-protocol. Over a pipe, so that it takes no port and no websocket.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from typing import Any

import pytest

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="no Chromium here: apt-get install chromium")
# As root, which CI is, there is no sandbox; the pages are ours.
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
]


class Chromium:
    """A browser process; its end leaves nothing behind."""

    def __enter__(self) -> "Chromium":
        assert PROGRAM is not None
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()

        def numbered() -> None:  # it reads commands from 3 and writes to 4
            commands, answers = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        self._process = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=numbered, pass_fds=(3, 4),
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._number, self._rest = 0, b""
        self._pages: dict[str, Page] = {}
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self._profile.cleanup()

    def open(self, url: str, width: int = 1000, height: int = 800) -> "Page":
        """A page of its own profile, with cookies and connections of its own, once it has been loaded."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.call(f"{domain}.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        page.call("Page.navigate", url=url)
        page.wait_for(
            "document.readyState !== 'loading' && location.href !== 'about:blank' || "
            + json.dumps(url == "about:blank")
        )
        return page

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """A command of the protocol and its answer."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self._out, json.dumps(command).encode() + b"\0")
        answers: list[dict[str, Any]] = []
        self.listen(lambda message: message.get("id") == self._number and (answers.append(message) or True))
        assert "error" not in answers[0], (method, answers[0])
        return answers[0]["result"]

    def listen(self, until: Callable[[dict[str, Any]], object], seconds: float = 60) -> None:
        """Read what the browser says until something is said."""
        deadline = time.monotonic() + seconds
        while True:
            while b"\0" not in self._rest:
                ready, _, _ = select.select([self._in], [], [], max(0, deadline - time.monotonic()))
                assert ready, f"Chromium said nothing for {seconds} s"
                read = os.read(self._in, 1 << 20)
                assert read, "Chromium ended"
                self._rest += read
            line, self._rest = self._rest.split(b"\0", 1)
            message = json.loads(line)
            if (page := self._pages.get(message.get("sessionId", ""))) and "method" in message:
                page.take(message["method"], message["params"])
            if until(message):
                return


class Page:
    """A tab. `problems`: uncaught errors and what stands red in the console; `requests`: what it asked the network."""

    def __init__(self, chromium: Chromium, session: str) -> None:
        self._chromium = chromium
        self._session = session
        self.problems: list[str] = []
        self.requests: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._chromium.call(method, self._session, **parameters)

    def take(self, method: str, event: dict[str, Any]) -> None:
        """An event of the protocol."""
        if method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(event["exceptionDetails"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.problems.append(event["entry"]["text"] + " " + event["entry"].get("url", ""))
        elif method == "Runtime.consoleAPICalled" and event["type"] == "error":
            self.problems.append(json.dumps(event["args"]))
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])

    def evaluate(self, script: str) -> Any:
        """The JSON value of an expression; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = 30) -> Any:
        """The value of an expression once it is true."""
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            assert time.monotonic() < deadline, f"not true for {seconds} s: {script}\n{self.problems}"
            time.sleep(0.05)
        return value

    def screenshot(self) -> bytes:
        """A PNG of what is in view."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
