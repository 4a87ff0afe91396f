"""Where the show is, from `--host` and `--port` to what somebody types into a browser."""

import errno
import ipaddress
import socket
from typing import Any

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.serve.server import ShowServer
from edgedistill.serve.show import Show

# Kept for documentation (RFC 5737): a socket that would send there tells from which address, and sends nothing.
ELSEWHERE = ("192.0.2.1", 9)


def open_server(show: Show, host: str, port: int) -> ShowServer:
    """A server that listens, on an address of this machine.

    Args:
        host: an address, or a name of this machine; `0.0.0.0` is all of its addresses.
        port: 0 takes any that is free.

    Raises:
        BadRequest: `host` is none of this machine's.
        EdgeDistillError: the port is taken, or not for this user.
    """
    accepted = "--host takes an address of this machine: 127.0.0.1 (the default), or 0.0.0.0 for all of them."
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise BadRequest(f"No host '{host}'. {accepted}") from error
    try:
        return ShowServer(family, address, show, names_of_this_machine() | {host.lower()})
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise BadRequest(f"'{host}' is another machine. {accepted}") from error
        if error.errno == errno.EADDRINUSE:
            other = port - 1 if port == 65_535 else port + 1
            raise EdgeDistillError(f"Port {port} is taken by another program. Another one: --port {other}") from error
        raise EdgeDistillError(f"{host}, port {port}: {error.strerror}. Ports from 1024 up are anybody's.") from error


def names_of_this_machine() -> set[str]:
    """In lower case."""
    return {"localhost", socket.gethostname().lower(), _name_at_home()}


def is_public(server: ShowServer) -> bool:
    """Whether other machines can reach it."""
    return not ipaddress.ip_address(str(server.server_address[0]).partition("%")[0]).is_loopback


def urls(server: ShowServer, host: str) -> list[str]:
    """What to type into a browser, the most certain first."""
    bound: Any = server.server_address[0]
    if not ipaddress.ip_address(str(bound).partition("%")[0]).is_unspecified:
        return [_url(host, server.port)]
    names = [name for name in (_own_address(), _name_at_home()) if name]
    return [_url(name, server.port) for name in names]


def _name_at_home() -> str:
    """The one of multicast DNS, by which a Raspberry Pi is known in a home; in lower case."""
    own = socket.gethostname().lower()
    return own if own.endswith(".local") else f"{own}.local"


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address() -> str | None:
    """On the network; None where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(ELSEWHERE)
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return address
