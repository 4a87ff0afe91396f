import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import replace
from importlib.metadata import requires
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import onnx
import pytest
from packaging.requirements import Requirement

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.exporter.board_folder import write_board_folder
from edgedistill.exporter.own_wheel import own_wheel
from edgedistill.exporter.requirements import locked_requirements
from edgedistill.exporter.service import Serving
from edgedistill.exporter.targets import find_target, target_names
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_student

BOARDS = [name for name in target_names() if find_target(name).kind == "onnx"]
# User and group without rights, on every Linux.
NOBODY = 65_534
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def student():
    return shipped_student("pong").read_bytes()


@pytest.fixture
def folder(student, tmp_path):
    write_board_folder(student, "pong", tmp_path / "pong-pi", find_target("raspberry-pi-4"))
    return tmp_path / "pong-pi"


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)


@pytest.fixture
def python(tmp_path):
    """`python("64 aarch64 3.11", base="/usr")`: a Python of another machine; its environments are made at once."""

    def make(answer, base="/usr"):
        script = tmp_path / "python"
        script.write_text(
            '#!/bin/sh\ncase "$*" in\n'
            f"*platform*) echo {answer} ;;\n"
            f"*base_prefix*) echo {base} ;;\n"
            '*ensurepip*) [ $(id -u) != 0 ] || [ -n "${DESTDIR-}" ] ;;\n'  # so that no test installs for this machine
            '*"-m venv"*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && cp "$0" "$4/bin/edgedistill" ;;\n'
            "esac\n"
        )
        script.chmod(0o755)
        return script

    return make


def only_our(folder, **environment):
    """An environment in which pip knows no index, no cache and no settings but those of the folder."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    return kept | {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/", **environment}


def test_an_offline_folder_installs_and_plays(cli, student, tmp_path):
    """Needs a package index once: without one this fails."""
    target = replace(find_target("x86-64"), pythons=(THIS_PYTHON,))
    made = tmp_path / "made here" / "pong"
    made.parent.mkdir()
    write_board_folder(student, "pong", made, target, with_wheels=True)
    board = tmp_path / "on the board"
    shutil.copytree(made, board)
    # With CDPATH set, `cd` may go, and print, elsewhere.
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / board.name).mkdir(parents=True)
    environment = only_our(board, PYTHON=sys.executable, CDPATH=str(elsewhere))
    installed = run("sh", f"{board.name}/install.sh", env=environment, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    assert not (board / ".install").exists()
    assert list((elsewhere / board.name).iterdir()) == []

    played = run(board / "venv/bin/edgedistill", "play", board / "pong.onnx", "--json", "--max-steps", 50)
    here = cli("play", "pong", "--json", "--max-steps", 50)
    assert json.loads(played.stdout)["actions_sha256"] == json.loads(here.out)["actions_sha256"]
    # The board can pass itself on: an installed edgedistill makes the wheel that it came from.
    passed_on = (
        "import sys; from edgedistill.exporter.own_wheel import own_wheel; sys.stdout.buffer.write(own_wheel()[1])"
    )
    python = board / "venv/bin/python"
    copy = subprocess.run([python, "-c", passed_on], cwd=board, capture_output=True, check=True, timeout=60)
    assert copy.stdout == next(board.glob("*.whl")).read_bytes()

    # Again: nothing to do. Without what it installs from, and with another list to install, what works stays as it was.
    assert "Installed already" in run("sh", board / "install.sh", env=environment).stdout
    shutil.move(board / "wheels", tmp_path / "wheels")
    requirements = board / "requirements.txt"
    requirements.write_text(requirements.read_text() + "# renewed\n")
    failed = run("sh", board / "install.sh", env=environment | {"PIP_RETRIES": "0"})
    assert failed.returncode == 1
    assert "An installation from before is as it was" in failed.stderr
    again = run(board / "venv/bin/edgedistill", "play", board / "pong.onnx", "--json", "--max-steps", 50)
    assert json.loads(again.stdout)["actions_sha256"] == json.loads(here.out)["actions_sha256"]
    assert sorted(each.name for each in board.glob("venv*")) == ["venv", "venv-a"]

    # As root's own, for power-on; the packages are there again.
    shutil.move(tmp_path / "wheels", board / "wheels")
    system = tmp_path / "a system"
    for number in range(2):
        served = run("sh", board / "install.sh", "--service", env=environment | {"DESTDIR": str(system)})
        if os.getuid() != 0:
            assert "sudo sh install.sh --service" in served.stderr
            return
        assert served.returncode == 0, served.stderr
        copy = system / "opt/edgedistill"
        assert (copy / "current").readlink() == Path("ab"[number])
        assert sorted(each.name for each in copy.iterdir()) == ["ab"[number], "current"]
        assert (copy / "current/pong.onnx").read_bytes() == (board / "pong.onnx").read_bytes()
        unit = system / "etc/systemd/system/edgedistill.service"
        assert unit.read_bytes() == (board / "edgedistill.service").read_bytes()
        assert unit.stat().st_mode & 0o777 == 0o644
    # The image is the root of another system then.
    booted = system.rename(tmp_path / "booted")
    text = (booted / "etc/systemd/system/edgedistill.service").read_text()
    (start,) = re.findall(r"(?m)^ExecStart=(.+) --episodes", text)
    words = [str(booted) + word if word.startswith("/") else word for word in start.split()]
    played = run(*words, "--json", "--max-steps", 50)
    assert json.loads(played.stdout)["actions_sha256"] == json.loads(here.out)["actions_sha256"]


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root installs a service")


@needs_root
def test_the_service_may_read_what_only_the_exporter_might(folder, tmp_path, python):
    for name in ("pong.onnx", "pong.md"):
        (folder / name).chmod(0o600)
    (folder / "wheels").mkdir()  # of an earlier export
    environment = os.environ | {"PYTHON": str(python("64 aarch64 3.11")), "DESTDIR": str(tmp_path / "image")}
    installed = run("sh", folder / "install.sh", "--service", env=environment)
    assert installed.returncode == 0, installed.stderr
    assert "Downloading some" in installed.stdout
    copy = tmp_path / "image/opt/edgedistill/current"
    assert [(copy / name).stat().st_mode & 0o777 for name in ("pong.onnx", "pong.md")] == [0o644, 0o644]


def test_an_image_lies_at_an_absolute_path(folder, python):
    environment = os.environ | {"PYTHON": str(python("64 aarch64 3.11")), "DESTDIR": "image"}
    refused = run("sh", folder / "install.sh", "--service", env=environment)
    assert refused.returncode == 1
    assert "DESTDIR is the root of a system, a path that begins with /; got image." in refused.stderr
    assert not (folder / "image").exists()


@needs_root
@pytest.mark.parametrize(
    ("answer", "base", "complaint"),
    [
        ("64 aarch64 3.9", "/usr", "name another Python: sudo PYTHON=python3.11 sh install.sh --service"),
        ("64 aarch64 3.11", "/home/ada/.pyenv/versions/3.11.7", "lies in /home/ada/.pyenv/versions/3.11.7. Name"),
        ("64 aarch64 3.11", "/root", "the service sees no home folders"),
    ],
)
def test_a_python_that_the_service_cannot_have_is_refused(folder, python, answer, base, complaint):
    environment = os.environ | {"PYTHON": str(python(answer, base))}
    environment.pop("DESTDIR", None)
    refused = run("sh", folder / "install.sh", "--service", env=environment)
    assert refused.returncode == 1
    assert complaint in refused.stderr


def test_an_environment_of_roots_is_named_with_the_command_that_deletes_it(student, python):
    """An installation with sudo, but without --service, is followed by one without."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "pong-pi"
        write_board_folder(student, "pong", folder, find_target("raspberry-pi-4"))
        script = shutil.copy(python("64 aarch64 3.11"), Path(place) / "python")
        roots = folder / "venv-a"
        roots.mkdir()
        (roots / "installed.txt").touch()
        (folder / "venv").symlink_to("venv-a")
        roots.chmod(0o555)
        user = {}
        if os.getuid() == 0:
            user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
            for path in (Path(place), folder):
                os.chown(path, NOBODY, NOBODY)
        environment = os.environ | {"PYTHON": str(script)}
        environment.pop("DESTDIR", None)
        installed = run("sh", folder / "install.sh", env=environment, cwd=place, **user)
        advice = f"Type: sudo rm -r '{roots}'\n"
        assert installed.returncode == 0, installed.stderr
        assert (folder / "venv").readlink() == Path("venv-b")
        assert installed.stderr == f"install.sh: the environment before this one is not yours to delete. {advice}"
        (folder / "requirements.txt").write_text("# renewed\n")
        refused = run("sh", folder / "install.sh", env=environment, cwd=place, **user)
        assert refused.returncode == 1
        assert refused.stderr.endswith(f"cannot be deleted: an installation with sudo may have left it. {advice}")
        assert refused.stderr.count("\n") == 1
        assert (folder / "venv").readlink() == Path("venv-b")
        roots.chmod(0o755)


def test_a_package_of_another_content_is_refused(folder):
    wheel = next(folder.glob("*.whl"))
    with ZipFile(wheel, "a") as archive:
        archive.writestr("edgedistill/added.py", "")
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index", "--require-hashes"]
    refused = run(*pip, "-r", "requirements.txt", cwd=folder)
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr


@pytest.mark.parametrize("name", BOARDS)
def test_every_dependency_is_pinned_with_a_wheel_for_each_python(name):
    target = find_target(name)
    locked = {requirement.name: requirement for requirement in locked_requirements(target)}
    asked = [Requirement(line) for line in requires("edgedistill")]
    base = [each for each in asked if each.marker is None or each.marker.evaluate({"extra": ""})]
    assert {each.name for each in base} <= set(locked)
    assert all(each.specifier.contains(locked[each.name].version) for each in base)
    for requirement in locked.values():
        assert frozenset.union(*(wheel.pythons for wheel in requirement.wheels)) == set(target.pythons)
        for wheel in requirement.wheels:
            interpreters = [f"-cp{python.replace('.', '')}-" for python in wheel.pythons]
            for_these = "-abi3-" in wheel.name or all(each in wheel.name for each in interpreters)
            assert wheel.name.endswith("-none-any.whl") or (wheel.name.endswith(f"{target.machine}.whl") and for_these)


def test_a_python_without_wheels_is_said():
    target = replace(find_target("raspberry-pi-4"), pythons=("3.99",))
    with pytest.raises(EdgeDistillError, match=r"ale-py .* no wheel for Raspberry Pi 4 with Python 3\.99.*make lock"):
        locked_requirements(target)


@pytest.mark.parametrize("name", BOARDS)
def test_the_script_is_clean(student, tmp_path, name):
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    write_board_folder(student, "pong", tmp_path / "board", find_target(name))
    checked = run("shellcheck", tmp_path / "board" / "install.sh")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
@pytest.mark.parametrize("serving", [None, Serving("0.0.0.0"), Serving("127.0.0.1", 8123)], ids=str)
def test_the_service_is_valid_and_exposes_little(student, tmp_path, serving):
    """It runs nothing that anybody but root may write, as a user that owns nothing."""
    write_board_folder(student, "pong", tmp_path / "pi", find_target("raspberry-pi-4"), serving=serving)
    unit = tmp_path / "pi" / "edgedistill.service"
    text = unit.read_text()
    assert "DynamicUser=yes\n" in text
    assert "MemoryMax=256M\n" in text
    assert str(tmp_path) not in text
    program = "/opt/edgedistill/current/venv/bin/python"
    assert text.count(program) == 1
    there = tmp_path / "edgedistill.service"
    there.write_text(text.replace(program, "/bin/true").replace("/opt/edgedistill/current", "/"))
    verified = run("systemd-analyze", "verify", there)
    assert (verified.returncode, verified.stderr) == (0, "")
    rated = run("systemd-analyze", "security", "--offline=true", "--threshold=30", unit)
    assert rated.returncode == 0, rated.stdout


def test_a_board_that_serves_lets_in_whom_the_export_named(student, cli, tmp_path):
    folder = tmp_path / "pi"
    options = ("--target", "raspberry-pi-4", "--serve", "-o", folder)
    assert "--serve goes with --host: 0.0.0.0 lets anyone" in cli("export", "pong", *options).err
    for host in ("raspberrypi.local", "0.0.0.0\nUser=root", "8.8.8.8"):
        assert cli("export", "pong", *options, "--host", host).code == 2
    assert cli("export", "pong", *options, "--host", "::", "--port", 80).code == 2
    assert not folder.exists()
    assert (
        "--serve is for targets that run Python"
        in cli("export", "pong", "--target", "c", "--serve", "--host", "::", "-o", folder).err
    )
    assert cli("export", "pong", "-o", tmp_path / "a.onnx", "--host", "::").code == 2

    assert cli("export", "pong", *options, "--host", "127.0.0.1", "--port", 8123).code == 0
    unit = (folder / "edgedistill.service").read_text()
    start = "ExecStart=/opt/edgedistill/current/venv/bin/python -I -m edgedistill "
    command = unit.partition(start)[2].partition("\n")[0]
    assert command == "serve /opt/edgedistill/current/pong.onnx --host 127.0.0.1 --port 8123"
    assert "\nIPAddressAllow=localhost\n" in unit and "\nIPAddressDeny=any\n" in unit
    assert "\nSocketBindAllow=tcp:8123\n" in unit and "PrivateNetwork" not in unit and "tty" not in unit
    assert "http://127.0.0.1:8123" in (folder / "README.md").read_text()

    assert cli("export", "pong", *options, "--host", "0.0.0.0").code == 0
    assert "192.168.0.0/16" in (folder / "edgedistill.service").read_text()
    assert (
        "anyone on its network can watch and press, at http://raspberrypi.local:8000"
        in (folder / "README.md").read_text()
    )
    checked = run("shellcheck", folder / "install.sh") if shutil.which("shellcheck") else None
    assert checked is None or checked.returncode == 0, checked.stdout


def test_a_path_cannot_write_into_the_service(student, tmp_path):
    folder = tmp_path / "a\nUser=root"
    write_board_folder(student, "pong", folder, find_target("raspberry-pi-4"))
    assert "User=root" not in (folder / "edgedistill.service").read_text()


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("32 aarch64 3.11", "this system is 32-bit"),
        ("64 riscv64 3.11", r"made for Raspberry Pi 4 \(aarch64\), but this is a riscv64"),
        ("64 aarch64 3.9", "Python 3.9 is not one of 3.11, 3.12 or 3.13"),
    ],
)
def test_a_system_that_cannot_play_is_refused_before_anything_is_made(folder, tmp_path, answer, complaint):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {answer}\n")
    python.chmod(stat.S_IRWXU)
    before = sorted(folder.iterdir())
    refused = run("sh", folder / "install.sh", env=os.environ | {"PYTHON": str(python)})
    assert refused.returncode == 1
    assert complaint.replace("\\", "") in refused.stderr
    assert sorted(folder.iterdir()) == before


def test_equal_files_give_an_equal_wheel_without_caches():
    name, content = own_wheel()
    assert own_wheel() == (name, content)
    with ZipFile(BytesIO(content)) as archive:
        names = archive.namelist()
    assert not [each for each in names if "__pycache__" in each or each.endswith((".gif", ".png"))]
    assert {"edgedistill/py.typed", "edgedistill/export/install.sh", "edgedistill/export/lock/pylock.toml"} <= set(
        names
    )


def test_the_folder_says_how_to_go_on(folder):
    readme = (folder / "README.md").read_text()
    for command in ("scp -r pong-pi YOU@raspberrypi.local:", "sh pong-pi/install.sh", "play pong-pi/pong.onnx"):
        assert command in readme
    assert Policy.load(folder / "pong.onnx").card.student in (folder / "pong.md").read_text()


def test_an_earlier_export_is_replaced(student, folder):
    (folder / "venv").mkdir()
    write_board_folder(student, "pong", folder, find_target("raspberry-pi-5"))
    assert "Raspberry Pi 5" in (folder / "README.md").read_text()
    assert not (folder / "venv").exists()
    assert [entry.name for entry in folder.parent.iterdir()] == ["pong-pi"]


@pytest.mark.parametrize(
    ("name", "complaint"), [("notes.txt", "no earlier export"), ("export.json", "no earlier export")]
)
def test_a_folder_of_the_users_is_left_alone(student, tmp_path, name, complaint):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("[]")
    with pytest.raises(BadRequest, match=complaint):
        write_board_folder(student, "pong", tmp_path / "mine", find_target("raspberry-pi-4"))
    assert (tmp_path / "mine" / name).read_text() == "[]"


def test_what_a_user_added_to_an_export_is_not_deleted(student, folder):
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(BadRequest, match=r"holds 'notes.txt', which no export wrote"):
        write_board_folder(student, "pong", folder, find_target("raspberry-pi-4"))
    assert (folder / "notes.txt").exists()


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("plain/main.c", "holds 'plain/main.c', which was changed since the export"),
        ("plain/camera.c", "holds 'plain/camera.c', which no export wrote"),
    ],
)
def test_what_a_user_wrote_into_a_folder_of_c_is_not_deleted(student, tmp_path, path, complaint):
    folder = tmp_path / "pong-c"
    write_board_folder(student, "pong", folder, find_target("c"))
    write_board_folder(student, "pong", folder, find_target("c"))
    (folder / path).write_text("/* mine */")
    with pytest.raises(BadRequest, match=complaint):
        write_board_folder(student, "pong", folder, find_target("c"))
    assert (folder / path).read_text() == "/* mine */"


def test_an_edited_service_is_not_overwritten(student, folder):
    (folder / "edgedistill.service").write_text("# mine")
    with pytest.raises(BadRequest, match=r"holds 'edgedistill\.service', which was changed since the export"):
        write_board_folder(student, "pong", folder, find_target("raspberry-pi-4"))
    assert (folder / "edgedistill.service").read_text() == "# mine"


def test_an_export_of_before_that_does_not_list_its_service_is_replaced(student, folder):
    manifest = json.loads((folder / "export.json").read_text())
    del manifest["files"]["edgedistill.service"]
    (folder / "export.json").write_text(json.dumps(manifest))
    write_board_folder(student, "pong", folder, find_target("raspberry-pi-5"))
    assert "Raspberry Pi 5" in (folder / "README.md").read_text()


def test_an_old_export_that_cannot_be_deleted_is_named_and_blocks_nothing(cli, student, folder, monkeypatch):
    """Of another user's files, say: `sudo sh install.sh` makes some."""

    def rmtree(place, ignore_errors=False):
        if ".outdated" not in str(place):
            deleted(place, ignore_errors)
        elif not ignore_errors:
            (place / "export.json").unlink()
            raise PermissionError(13, "Permission denied")

    deleted = shutil.rmtree
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    for target in ("raspberry-pi-5", "x86-64"):
        outcome = cli("export", "pong", "--target", target, "-o", folder)
        assert outcome.code == 0
        assert f"{folder}.outdated" in outcome.err and "cannot be deleted (Permission denied)" in outcome.err
        assert json.loads((folder / "export.json").read_text())["target"] == target
    monkeypatch.undo()
    assert "cannot be deleted" not in cli("export", "pong", "--target", "c", "-o", folder).err
    assert len(list(folder.parent.iterdir())) == 3


def test_what_a_user_has_beside_an_export_is_not_deleted(student, folder):
    mine = folder.with_name("pong-pi.outdated")
    mine.mkdir()
    (mine / "notes.txt").touch()
    write_board_folder(student, "pong", folder, find_target("raspberry-pi-5"))
    assert sorted(each.name for each in folder.parent.iterdir()) == ["pong-pi", "pong-pi.outdated"]
    assert (mine / "notes.txt").exists()


def test_what_an_interrupted_export_left_is_cleared(student, folder, tmp_path):
    left = tmp_path / "new.partial"
    shutil.copytree(folder, left)
    (left / "export.json").write_text('{"made_by": "edgedistill 0.1.0", "target": "x86-64", "files": {}}')
    write_board_folder(student, "pong", tmp_path / "new", find_target("raspberry-pi-4"))
    assert not left.exists()


def test_wheels_without_a_network_leave_nothing(student, tmp_path, monkeypatch):
    for key, value in only_our(tmp_path, PIP_RETRIES="0", PIP_NO_CACHE_DIR="1").items():
        monkeypatch.setenv(key, value)
    for key in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(key, raising=False)
    with pytest.raises(EdgeDistillError, match=r"could not be downloaded; pip says: .* leave --with-wheels out"):
        write_board_folder(student, "pong", tmp_path / "pong", find_target("raspberry-pi-4"), with_wheels=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("game", ["pong; reboot", "../../pong", "$(reboot)"])
def test_a_strangers_file_cannot_write_the_script(student, tmp_path, game):
    model = onnx.load_from_string(student)
    onnx.helper.set_model_props(model, replace(Policy(student, "pong").card, game=game).to_metadata())
    with pytest.raises(BadRequest, match="No game"):
        write_board_folder(model.SerializeToString(), "x.onnx", tmp_path / "x", find_target("raspberry-pi-4"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_without_scores_is_refused(student, tmp_path):
    model = onnx.load_from_string(student)
    onnx.helper.set_model_props(model, replace(Policy(student, "pong").card, scores={}).to_metadata())
    with pytest.raises(BadRequest, match=r"x\.onnx: its metadata lack what its card says"):
        write_board_folder(model.SerializeToString(), "x.onnx", tmp_path / "x", find_target("raspberry-pi-4"))


def test_a_folder_needs_a_parent(student, tmp_path):
    with pytest.raises(BadRequest, match="cannot be written"):
        write_board_folder(student, "pong", Path(tmp_path / "missing" / "pi"), find_target("raspberry-pi-4"))


def test_a_c_folder_is_whole_and_compiles(student, tmp_path):
    folder = tmp_path / "pong-m4"
    write_board_folder(student, "pong", folder, find_target("cortex-m4"))
    assert sorted(entry.name for entry in folder.iterdir()) == [
        "README.md", "esp-idf", "export.json", "plain", "platformio", "pong.md", "pong.onnx", "student.c", "student.h",
        "student_selftest.c",
    ]  # fmt: skip
    assert "logits[6]" in (folder / "README.md").read_text()
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    compiled = run("cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-c", "student.c", cwd=folder)
    assert compiled.returncode == 0, compiled.stderr


def test_a_game_is_called_what_people_call_it(tmp_path):
    write_board_folder(shipped_student("qbert", "pico").read_bytes(), "qbert", tmp_path / "qbert-c", find_target("c"))
    assert (tmp_path / "qbert-c" / "README.md").read_text().startswith("# Q*bert in C")


def test_a_student_too_large_for_the_board_is_refused(student, tmp_path):
    small = find_target("cortex-m4")
    for budget in ({"flash_bytes": 25_000}, {"ram_bytes": 32_768}):
        with pytest.raises(BadRequest, match="Take a smaller student"):
            write_board_folder(student, "pong", tmp_path / "small", replace(small, **budget))
    assert list(tmp_path.iterdir()) == []
