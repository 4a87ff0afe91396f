"""What a board folder brings to a board: a bill of materials (CycloneDX 1.6) for machines, notices for people.

Versions and hashes are those of the lock file; licences are what each package's own wheel says, noted when it was
locked (`export/lock/licences.json`). A library for CycloneDX would be twenty times the code of these few fields.
"""

import hashlib
import json
from importlib.metadata import version
from typing import Any

from edgedistill.errors import EdgeDistillError
from edgedistill.exporter.requirements import Requirement
from edgedistill.exporter.templates import template

Component = dict[str, Any]


def bill_of_materials(wheel_name: str, wheel: bytes, requirements: list[Requirement]) -> str:
    """CycloneDX JSON of edgedistill's wheel and all that it needs; equal parts give an equal text.

    Raises:
        EdgeDistillError: no licence was noted for a package of the lock file.
    """
    own = version("edgedistill")
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                **_component("edgedistill", own, {"licence": "MIT", "spdx": True}),
                "type": "application",
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(wheel).hexdigest()}],
                "description": wheel_name,
            }
        },
        "components": [_locked_component(requirement, _licences()) for requirement in requirements],
        "dependencies": [
            {
                "ref": f"pkg:pypi/edgedistill@{own}",
                "dependsOn": [f"pkg:pypi/{each.name}@{each.version}" for each in requirements],
            }
        ],
    }
    return json.dumps(bill, indent=2) + "\n"


def notices(requirements: list[Requirement]) -> str:
    """A text file: the licence of each package, and what else must be known.

    Raises:
        EdgeDistillError: as `bill_of_materials`.
    """
    noted = _licences()
    rows = [("edgedistill", version("edgedistill"), "MIT")]
    rows += [(each.name, each.version, _licence(each, noted)["licence"]) for each in requirements]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    lines = [f"{name:{widths[0]}}  {number:{widths[1]}}  {licence}" for name, number, licence in rows]
    return (
        "What is installed from this folder, and under which licence, as each package says itself. The texts of the\n"
        "licences are in the packages.\n\n" + "\n".join(lines) + "\n\n"
        "ale-py is under the GNU General Public License 2 alone: whoever passes on this folder with its wheels passes\n"
        "on ale-py, and must offer its source (https://github.com/Farama-Foundation/Arcade-Learning-Environment).\n"
        "Its wheel also holds the games, as ROM images. They are not under its licence; they belong to their owners.\n"
    )


def _licences() -> dict[str, Any]:
    noted: dict[str, Any] = json.loads(template("lock/licences.json"))
    return noted


def _licence(requirement: Requirement, noted: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] | None = noted.get(requirement.name)
    if found is None or found["version"] != requirement.version:
        raise EdgeDistillError(
            f"No licence is noted for {requirement.name} {requirement.version}, which the lock file has: make lock"
        )
    return found


def _locked_component(requirement: Requirement, noted: dict[str, Any]) -> Component:
    files = [
        {
            "type": "distribution",
            "url": f"https://pypi.org/project/{requirement.name}/{requirement.version}/#files",
            "comment": wheel.name,
            "hashes": [{"alg": "SHA-256", "content": wheel.sha256}],
        }
        for wheel in requirement.wheels
    ]
    component = _component(requirement.name, requirement.version, _licence(requirement, noted))
    return component | {"externalReferences": files}


def _component(name: str, number: str, licence: dict[str, Any]) -> Component:
    said = {"expression": licence["licence"]} if licence["spdx"] else {"license": {"name": licence["licence"]}}
    purl = f"pkg:pypi/{name}@{number}"
    return {"type": "library", "bom-ref": purl, "name": name, "version": number, "licenses": [said], "purl": purl}
