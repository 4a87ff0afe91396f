"""The show over HTTP: a page, the screen as MJPEG, figures as lines of JSON, and presses.

Whoever reaches the port may watch and press; a web page elsewhere that the same browser has open may not. It cannot
reach us under a name of its own (DNS rebinding: `Host` is an address, or a name of this machine), cannot press
(`Origin` is ours, and the body says that it is JSON), and cannot lay our page under its own (`frame-ancestors`).
"""

import ipaddress
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from io import BufferedReader, RawIOBase
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from edgedistill.errors import EdgeDistillError
from edgedistill.serve.show import Show
from edgedistill.serve.snapshot import Snapshot
from edgedistill.serve.streams import STREAMS

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_VIEWERS = 6
# A viewer has two, and presses come on others.
MOST_CONNECTIONS = 24
# A viewer that takes nothing for so long has gone.
PATIENCE_SECONDS = 5
# Of a request, body included, which is kept on each connection until it ends. A browser's takes some 1,000, and more
# with cookies of other servers at this machine's name; Node.js takes as many of headers.
MOST_REQUEST_BYTES = 16_384
# What waits in the kernel for a slow viewer is old when it arrives: a few pictures.
SEND_BUFFER_BYTES = 32_768
# As `Content-Length` has it: below 1,000 bytes.
PRESS_LENGTH = re.compile("[0-9]{1,3}")
# What `socketserver` passes on: a socket, and an address of its family.
Accepted = Any
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; connect-src 'self'; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Refused(Exception):
    """An answer other than 200, with a sentence for whoever reads it."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class ShowServer(ThreadingHTTPServer):
    """Answers on threads of its own, at most `MOST_CONNECTIONS`, while the game goes on in another."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, family: socket.AddressFamily, address: tuple[Any, ...], show: Show, names: set[str]) -> None:
        """
        Args:
            family, address: as `socket.getaddrinfo` gives them.
            names: of this machine, in lower case, by which a browser may call it beside its addresses.

        Raises:
            OSError: the address is taken, or none of this machine's.
        """
        self.address_family = family
        self.show = show
        self.names = names
        self.page = resources.files("edgedistill.serve").joinpath("page.html").read_bytes()
        self._connections = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._seats = threading.Lock()
        self._taken = dict.fromkeys(STREAMS, 0)
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        # HTTPServer's asks the network for this machine's full name, which may take long and is not used.
        TCPServer.server_bind(self)

    @property
    def port(self) -> int:
        port: int = self.server_address[1]
        return port

    @contextmanager
    def seat(self, path: str) -> Iterator[None]:
        """A place to watch from.

        Raises:
            Refused: all are taken.
        """
        self._take(path, 1)
        try:
            yield
        finally:
            self._take(path, -1)

    def _take(self, path: str, seats: int) -> None:
        with self._seats:
            if self._taken[path] + seats > MOST_VIEWERS:
                raise Refused(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    f"{MOST_VIEWERS} viewers watch already, and there are no more seats. Try again later.",
                )
            self._taken[path] += seats
            self.show.viewers = self._taken["/events"]

    def process_request(self, request: Accepted, client_address: Accepted) -> None:
        if self._connections.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except RuntimeError:  # no thread could be started, so none gives the place back
                self._connections.release()
                raise
        else:
            with suppress(OSError):
                request.send(b"HTTP/1.0 503 Service Unavailable\r\n\r\nToo many connections. Try again later.\n")
            self.shutdown_request(request)

    def process_request_thread(self, request: Accepted, client_address: Accepted) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.release()

    def handle_error(self, request: Accepted, client_address: Accepted) -> None:
        """Viewers come and go, and nobody reads of it; anything else is an error of ours."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Request(RawIOBase):
    """What a browser asks, which has to be here in some seconds, however many pieces it comes in, and is not long."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._bytes_left = MOST_REQUEST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if self._bytes_left == 0:
            raise OSError(f"a request of more than {MOST_REQUEST_BYTES:,} bytes")
        self._connection.settimeout(left)
        try:
            received = self._connection.recv_into(memoryview(buffer)[: self._bytes_left])
        finally:
            self._connection.settimeout(self._seconds)
        self._bytes_left -= received
        return received


class Handler(BaseHTTPRequestHandler):
    """One request, then the connection ends."""

    server: ShowServer
    server_version = "edgedistill"
    sys_version = ""
    timeout = PATIENCE_SECONDS

    def setup(self) -> None:
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().setup()
        self.rfile = BufferedReader(Request(self.request, self.timeout))

    def do_GET(self) -> None:
        with self._refusals():
            self._check_host()
            path = self.path.partition("?")[0]
            if path == "/":
                self._answer("text/html; charset=utf-8", self.server.page)
            elif path == "/students":
                self._answer("application/json", json.dumps(list(self.server.show.students)).encode())
            elif path in STREAMS:
                if self.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
                    raise Refused(HTTPStatus.FORBIDDEN, "Another web page may not show this.")
                with self.server.seat(path):
                    self._stream(*STREAMS[path])
            else:
                raise Refused(HTTPStatus.NOT_FOUND, "There is nothing here. The game is at /")

    def do_POST(self) -> None:
        with self._refusals():
            self._check_host()
            self._check_origin()
            if self.path != "/press":
                raise Refused(HTTPStatus.NOT_FOUND, "Buttons are pressed at /press")
            length = self.headers.get("Content-Length", "")
            if not PRESS_LENGTH.fullmatch(length):
                raise Refused(HTTPStatus.BAD_REQUEST, "Content-Length must be below 1000.")
            try:
                self.server.show.press(self.rfile.read(int(length)))
            except EdgeDistillError as error:
                status = HTTPStatus.BAD_REQUEST if error.exit_code == 2 else HTTPStatus.SERVICE_UNAVAILABLE
                raise Refused(status, str(error)) from error
            self._answer("text/plain; charset=utf-8", b"ok\n")

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads who watched."""

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except Refused as refused:
            self._answer("text/plain; charset=utf-8", f"{refused}\n".encode(), refused.status)

    def _check_host(self) -> None:
        host = self.headers.get("Host", "")
        if not is_ours(host, self.server.names):
            names = ", ".join(sorted(self.server.names))
            raise Refused(
                HTTPStatus.FORBIDDEN, f"This is not '{host}'. Call it by its address, or by a name of its own: {names}."
            )

    def _check_origin(self) -> None:
        origin = self.headers.get("Origin")
        host = self.headers.get("Host", "").lower()
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            raise Refused(HTTPStatus.FORBIDDEN, "Another web page may not press buttons here.")
        if self.headers.get_content_type() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "What is pressed comes as application/json.")

    def _answer(self, kind: str, content: bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._begin(kind, status)
        self.wfile.write(content)

    def _begin(self, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()

    def _stream(self, kind: str, opening: bytes, part: Callable[[Snapshot], bytes]) -> None:
        """Snapshot after snapshot; those that pass while one is sent are left out."""
        self._begin(kind)
        self.wfile.write(opening)
        number = 0
        while found := self.server.show.snapshots.after(number):
            number, snapshot = found
            self.wfile.write(part(snapshot))


def is_ours(host: str, names: set[str]) -> bool:
    """Whether a `Host` header calls a server by an address, or by one of its names.

    >>> is_ours("192.168.1.7:8000", {"localhost"}), is_ours("[::1]:8000", {"localhost"})
    (True, True)
    >>> is_ours("localhost:8000", {"localhost"}), is_ours("attacker.example:8000", {"localhost"})
    (True, False)
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name.rstrip(".") in names:
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
