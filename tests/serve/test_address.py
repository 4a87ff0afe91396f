import errno
import socket
from types import SimpleNamespace

import pytest

from edgedistill.errors import EdgeDistillError
from edgedistill.serve import address


@pytest.mark.parametrize("own", ["mac", "mac.local", "Mac.local"])
def test_the_name_at_home_ends_in_local_once(monkeypatch, own):
    monkeypatch.setattr(socket, "gethostname", lambda: own)
    server = SimpleNamespace(server_address=("0.0.0.0", 8000), port=8000)
    assert address.urls(server, "0.0.0.0")[-1] == "http://mac.local:8000"
    assert address.names_of_this_machine() == {"localhost", own.lower(), "mac.local"}


@pytest.mark.parametrize(("port", "other"), [(8000, 8001), (65_535, 65_534)])
def test_the_port_to_try_instead_is_one(monkeypatch, port, other):
    def taken(*_):
        raise OSError(errno.EADDRINUSE, "")

    monkeypatch.setattr(address, "ShowServer", taken)
    with pytest.raises(EdgeDistillError, match=f"Port {port} is taken by another program. Another one: --port {other}"):
        address.open_server(None, "127.0.0.1", port)
