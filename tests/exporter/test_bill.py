"""What a board folder says of the packages that it installs."""

import hashlib
import json
import re

import pytest

from edgedistill.errors import EdgeDistillError
from edgedistill.exporter.bill import bill_of_materials, notices
from edgedistill.exporter.board_folder import write_board_folder
from edgedistill.exporter.requirements import Requirement, locked_requirements
from edgedistill.exporter.targets import find_target, target_names
from edgedistill.runtime.shipped import shipped_student

BOARDS = [name for name in target_names() if find_target(name).kind == "onnx"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board") / "pong"
    write_board_folder(shipped_student("pong").read_bytes(), "pong", folder, find_target("raspberry-pi-5"))
    return folder


@pytest.mark.parametrize("name", BOARDS)
def test_every_locked_package_has_a_licence(name):
    requirements = locked_requirements(find_target(name))
    text = notices(requirements)
    assert all(f"\n{each.name} " in text for each in requirements)


def test_a_folder_lists_what_it_installs(folder):
    bill = json.loads((folder / "bom.cdx.json").read_text())
    required = (folder / "requirements.txt").read_text()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    for component in bill["components"]:
        assert f"{component['name']}=={component['version']}" in required
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        for file in component["externalReferences"]:
            assert re.search(f"--hash=sha256:{file['hashes'][0]['content']}( |$)", required, re.MULTILINE)
    assert required.count("==") == len(bill["components"])
    licences = {component["name"]: component["licenses"][0] for component in bill["components"]}
    assert licences["ale-py"] == {"expression": "GPL-2.0-only"}
    assert licences["onnxruntime"] == {"license": {"name": "MIT License"}}
    own = bill["metadata"]["component"]
    wheel = folder / own["description"]
    assert own["hashes"][0]["content"] == hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_the_notices_tell_of_the_gpl_and_the_games(folder):
    text = (folder / "NOTICES.txt").read_text()
    assert "GPL-2.0-only" in text and "must offer its source" in text and "ROM images" in text
    assert all(len(line) <= 120 for line in text.splitlines())


def test_a_version_without_a_noted_licence_is_said():
    package = Requirement("numpy", "0.0.1", "", ())
    for make in (lambda: notices([package]), lambda: bill_of_materials("x.whl", b"", [package])):
        with pytest.raises(EdgeDistillError, match=r"No licence is noted for numpy 0\.0\.1.*make lock"):
            make()
