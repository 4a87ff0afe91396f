"""Requests to a hub: redirects that stay safe, a token that goes to the hub alone, errors that say what to do."""

import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from importlib.metadata import version
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.runtime.hub.name import HubName
from edgedistill.schema import short

HUGGING_FACE = "https://huggingface.co"
# Without a byte for so long, a connection counts as broken.
TIMEOUT_SECONDS = 20
# Characters of a host's name (RFC 1035), and of its port.
MOST_HOST = 260
YES = ("1", "on", "yes", "true")


class Unreachable(EdgeDistillError):
    """No network, or no hub at the other end."""


class Interrupted(EdgeDistillError):
    """A connection that broke after it had begun."""


def endpoint() -> str:
    """Address of the hub, without a slash at its end: `HF_ENDPOINT`, or Hugging Face's.

    Raises:
        BadRequest: no address, or one that sends all in clear text over a network.
    """
    address = (os.environ.get("HF_ENDPOINT") or HUGGING_FACE).rstrip("/")
    if not _is_safe(address, loopback=True):
        raise BadRequest(f"HF_ENDPOINT must be an https:// address (http:// on this machine alone), got '{address}'.")
    return address


def token() -> str | None:
    """Who asks: `HF_TOKEN`, or what `hf auth login` keeps in a file; None for anybody.

    Raises:
        BadRequest: it is no token; its text is not shown.
    """
    if os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").lower() in YES:
        return None
    found = os.environ.get("HF_TOKEN") or os.environ.get("HUGGING_FACE_HUB_TOKEN") or _token_of_file()
    found = "".join((found or "").split())
    if not found.isascii() or not found.isprintable():
        raise BadRequest(
            "HF_TOKEN has characters that no token has. Copy it anew: https://huggingface.co/settings/tokens"
        )
    return found or None


def _token_of_file() -> str | None:
    try:
        home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
        return Path(os.environ.get("HF_TOKEN_PATH") or Path(home) / "token").expanduser().read_text()[:10_000]
    except (OSError, ValueError, RuntimeError):  # none there, not text, or nobody's home
        return None


@contextmanager
def get(url: str, name: HubName, start: int = 0) -> Iterator[HTTPResponse]:
    """The answer to a GET, from byte `start` on where the server can.

    Args:
        url: an address of `endpoint()`.
        name: what is asked for, for errors.

    Raises:
        BadRequest: the hub has not got it, or not for whoever asks.
        Unreachable: no network.
        Interrupted: the connection broke, also while the answer was read.
        EdgeDistillError: the hub answers something else, or sends on to what is no address.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in YES:
        raise Unreachable(f"{name}: not asked for, since HF_HUB_OFFLINE is set.")
    request = Request(url, headers={"User-Agent": f"edgedistill/{version('edgedistill')}"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    if (secret := token()) is not None:
        request.add_unredirected_header("Authorization", f"Bearer {secret}")
    host = urlsplit(url).netloc
    try:
        with build_opener(_Redirects(url)).open(request, timeout=TIMEOUT_SECONDS) as response:
            yield response
    except HTTPError as error:
        with error:
            raise _refusal(error, name, known=secret is not None) from error
    except URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise Unreachable(f"{name}: {host} cannot be reached ({reason}). Is there a network?") from error
    except (HTTPException, OSError) as error:
        raise Interrupted(f"{name}: the connection to {host} broke. Try again.") from error
    except ValueError as error:
        raise EdgeDistillError(f"{name}: {host}, or what it sends on to, is no address. Try again later.") from error


class _Redirects(HTTPRedirectHandler):
    """Follows a hub to where it keeps its files."""

    def __init__(self, asked: str) -> None:
        self._loopback = _is_loopback(asked)

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """The next request; the token, which `urllib` would not leave out, stays with the host that it is for."""
        if not _is_safe(newurl, self._loopback):
            raise EdgeDistillError(f"{urlsplit(req.full_url).netloc} sends on to '{newurl[:200]}', which is not https.")
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        secret = req.unredirected_hdrs.get("Authorization")
        if following is not None and secret and _origin(newurl) == _origin(req.full_url):
            following.add_unredirected_header("Authorization", secret)
        return following


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _is_safe(url: str, loopback: bool) -> bool:
    try:
        parts = urlsplit(url)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    if not parts.hostname or not has_port or parts.username is not None:
        return False
    return parts.scheme == "https" or (loopback and parts.scheme == "http" and _is_loopback(url))


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refusal(error: HTTPError, name: HubName, *, known: bool) -> EdgeDistillError:
    """What a hub's refusal means and what to do, by its status and `X-Error-Code`."""
    why = error.headers.get("X-Error-Code", "")
    host = urlsplit(error.url).netloc
    # A redirect may bring any characters, and of any number.
    shown = host if host.isprintable() and len(host) <= MOST_HOST else short(host)
    again = "Too many requests; try" if error.code == 429 else "Try"
    failed = EdgeDistillError(f"{name}: {shown} answers with status {error.code}. {again} again later.")
    # Where the hub keeps large files, a status says nothing of the repository.
    if not why and host != urlsplit(endpoint()).netloc:
        return failed
    page = f"{endpoint()}/{name.repo}"
    log_in = "" if known else f" Make a token ({HUGGING_FACE}/settings/tokens) and type: export HF_TOKEN=…"
    if why == "RevisionNotFound":
        return BadRequest(f"{name.repo} has no revision '{name.revision}'. Leave it out for the newest: {name.repo}")
    if why == "EntryNotFound":
        return BadRequest(f"{name.repo} has no file '{name.file}'.")
    if why == "GatedRepo" or (error.code == 403 and why != "RepoNotFound"):
        return BadRequest(f"{name.repo} is gated: ask for access at {page}.{log_in}")
    # The hub does not tell a stranger that a private repository is there.
    if why == "RepoNotFound" or error.code == 404:
        return BadRequest(f"No repository {name.repo} at {endpoint()}, or a private one.{log_in}")
    if error.code == 401:
        told = "does not accept the token of HF_TOKEN or of `hf auth login`." if known else "wants to know who asks."
        return BadRequest(f"{name.repo}: {endpoint()} {told}{log_in}")
    return failed
