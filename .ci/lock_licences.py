"""Write export/lock/licences.json: what locked packages say of their licences in their own wheels (`make lock`)."""

import json
import tempfile
import zipfile
from email.parser import Parser
from pathlib import Path

from packaging.utils import canonicalize_name

from edgedistill.exporter.requirements import locked_requirements
from edgedistill.exporter.targets import find_target
from edgedistill.exporter.wheels import download_wheels

OUTPUT = Path(__file__).parent.parent / "export" / "lock" / "licences.json"


def main() -> None:
    target = find_target("x86-64")
    requirements = "".join(f"{requirement}\n" for requirement in locked_requirements(target))
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        download_wheels(requirements, target, Path(scratch), print)
        for wheel in sorted(Path(scratch).glob("*.whl")):
            entry = _read(wheel)
            found[entry.pop("name")] = entry
    OUTPUT.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"wrote {OUTPUT}: {len(found)} packages")


def _read(wheel: Path) -> dict[str, object]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    classified = [text.rsplit(" :: ", 1)[1] for text in metadata.get_all("Classifier", []) if text.startswith("Licen")]
    said = metadata["License-Expression"] or metadata["License"] or ", ".join(classified) or "not said"
    return {
        "name": canonicalize_name(metadata["Name"]),
        "version": metadata["Version"],
        "licence": said.splitlines()[0][:100],
        "spdx": metadata["License-Expression"] is not None,
    }


if __name__ == "__main__":
    main()
