"""`edgedistill serve` as a process."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

SERVE = [sys.executable, "-c", "from edgedistill.cli import main; main()", "serve", "pong", "--student", "pico"]


def start(*options):
    return subprocess.Popen([*SERVE, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_says_where_and_stops_cleanly_while_somebody_watches(number, code):
    process = start("--port", "0")
    said = process.stdout.readline()
    url = said.removeprefix("Watch it at ").partition(";")[0]
    assert url.startswith("http://127.0.0.1:"), said
    events = urllib.request.urlopen(f"{url}/events", timeout=30)
    assert json.loads(events.readline())["game"] == "pong"
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, "")
    assert out.startswith("Played ")


def test_on_all_addresses_it_warns_and_names_the_one_to_open():
    process = start("--port", "0", "--host", "0.0.0.0")
    said = process.stdout.readline(), process.stdout.readline()
    process.terminate()
    process.communicate(timeout=60)
    assert f"http://{socket.gethostname().lower()}.local:" in said[0] and "0.0.0.0" not in said[0]
    assert "Anyone on the network can watch and press" in said[1]


def test_a_port_that_is_taken(cli):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        outcome = cli("serve", "pong", "--port", port)
    assert outcome.code == 1
    assert outcome.err == f"error: Port {port} is taken by another program. Another one: --port {port + 1}\n"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "192.0.2.7", "a" * 300, "300.1.1.1"])
def test_a_host_that_is_none_of_this_machines(cli, host):
    outcome = cli("serve", "pong", "--port", 0, "--host", host)
    assert outcome.code == 2
    assert "--host takes an address of this machine" in outcome.err and outcome.err.count("\n") == 1


def test_a_student_that_is_none(cli):
    assert cli("serve", "pnog").code == 2
    assert "Did you mean 'pong'?" in cli("serve", "pnog").err
