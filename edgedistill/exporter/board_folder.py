"""The folder that is copied to a board: the student, what installs its player, and how to."""

import hashlib
import os
import shlex
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from edgedistill.atari.games import find_game, game_title
from edgedistill.errors import BadRequest, typed
from edgedistill.exporter.bill import bill_of_materials, notices
from edgedistill.exporter.card_text import card_text
from edgedistill.exporter.own_wheel import own_wheel
from edgedistill.exporter.replaced_folder import check_replaceable, replaced
from edgedistill.exporter.requirements import Requirement, download_bytes, locked_requirements
from edgedistill.exporter.service import Serving, unit
from edgedistill.exporter.targets import Target
from edgedistill.exporter.templates import template
from edgedistill.exporter.wheels import download_wheels
from edgedistill.runtime.card import Card
from edgedistill.runtime.policy import Policy


def check_folder(folder: Path, target: Target, *, with_wheels: bool, serving: Serving | None) -> None:
    """Fail before the work, not after it.

    Raises:
        BadRequest: `folder` is no place for an export, or the target has no wheels or service.
    """
    if with_wheels and target.kind != "onnx":
        raise BadRequest(f"--with-wheels is for targets that run Python; '{target.name}' is C source.")
    if serving and target.kind != "onnx":
        raise BadRequest(f"--serve is for targets that run Python; '{target.name}' is C source.")
    if folder.suffix == ".onnx" or folder.is_file():
        place = typed(f"{folder.stem}-{target.name}")
        raise BadRequest(f"With --target, -o names a folder, got {folder}. Type: -o {place}")
    if folder.name in ("", "..") or Path.cwd().is_relative_to(folder.resolve()):
        raise BadRequest(
            f"With --target, -o names a new folder, got {folder}: no export replaces the folder that you are in or one "
            f"above it. Type: -o my-{target.name}"
        )
    folder = folder.resolve()
    if not os.access(folder.parent, os.W_OK):
        raise BadRequest(f"{folder}: cannot be written (no folder {folder.parent}, or not yours).")
    check_replaceable(folder)


def write_board_folder(
    student: bytes,
    source: str,
    folder: Path,
    target: Target,
    *,
    with_wheels: bool = False,
    serving: Serving | None = None,
    report: Callable[[str], None] = lambda stage: None,
    warn: Callable[[str], None] = lambda message: None,
) -> Path:
    """Write the folder of an exported student, in the place of an earlier one; the path of the student in it.

    Args:
        student: content of its `.onnx`.
        source: that file's name, for errors.
        with_wheels: put the packages that a board installs beside it, so that it needs no network.
        serving: where its service serves browsers; None: it plays on the board's screen.
        report: told each stage as it begins.
        warn: told where an earlier export that is replaced cannot be deleted.

    Raises:
        BadRequest: `student` is not an exported one, or `folder` is no place for an export.
        EdgeDistillError: packages could not be downloaded.
    """
    check_folder(folder, target, with_wheels=with_wheels, serving=serving)
    card = Policy(student, source).card
    # The file may be a stranger's, and its game becomes part of a file name and of a shell script.
    game = find_game(card.game)
    try:
        described = card_text(card, f"{game}.onnx", len(student))
    except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise BadRequest(f"{source}: its metadata lack what its card says, or are damaged ({error!r}).") from error
    report(f"writing the folder for {target.title}")
    with replaced(folder.resolve(), target, warn) as aside:
        (aside / f"{game}.onnx").write_bytes(student)
        (aside / f"{game}.md").write_text(described, encoding="utf-8")
        if target.kind == "c":
            from edgedistill.exporter.c_folder import write_c_folder  # needs onnx

            write_c_folder(student, source, game, card, aside, target)
        else:
            requirements = locked_requirements(target)
            if with_wheels:
                download_wheels(_lines(requirements), target, aside / "wheels", report)
            _write_player(game, card, folder.resolve().name, aside, target, requirements, serving)
    return folder / f"{game}.onnx"


def _lines(requirements: list[Requirement]) -> str:
    """As a requirements file has them."""
    return "".join(f"{requirement}\n" for requirement in requirements)


def _write_player(
    game: str,
    card: Card,
    folder_name: str,
    aside: Path,
    target: Target,
    requirements: list[Requirement],
    serving: Serving | None,
) -> None:
    """What installs and runs edgedistill beside the student, from the templates in `export/`."""
    wheel_name, wheel = own_wheel()
    (aside / wheel_name).write_bytes(wheel)
    own = f"./{wheel_name} \\\n    --hash=sha256:{hashlib.sha256(wheel).hexdigest()}\n"
    pythons = _listed(target.pythons)
    (aside / "requirements.txt").write_text(
        f"# edgedistill {version('edgedistill')} and all that it needs on {target.title}, Python {pythons}.\n"
        f"{own}{_lines(requirements)}",
        encoding="utf-8",
    )
    (aside / "bom.cdx.json").write_text(bill_of_materials(wheel_name, wheel, requirements), encoding="utf-8")
    (aside / "NOTICES.txt").write_text(notices(requirements), encoding="utf-8")
    megabytes = max(download_bytes(requirements, python) for python in target.pythons) / 1e6
    with_wheels = (aside / "wheels").is_dir()
    values = {
        "target": target,
        "card": card,
        "title_of_game": game_title(game),
        "file_name": f"{game}.onnx",
        "card_name": f"{game}.md",
        "folder": shlex.quote(folder_name),
        "serving": serving,
        "service_does": f"it serves at port {serving.port}" if serving else "it plays on the first console",
        "watched": _watched(serving, target),
        "pythons": pythons,
        "accepted_pythons": " | ".join(f'*" {python}"' for python in target.pythons),
        "megabytes": megabytes,
        "wheel_name": wheel_name,
        "wheels": "yes" if with_wheels else "no",
        "wheels_row": "\n| `wheels/` | the packages: nothing is downloaded |" if with_wheels else "",
        "download": "The packages lie in `wheels/`: the installation needs no network."
        if with_wheels
        else f"The installation downloads some {megabytes:.0f} MB (export `--with-wheels` puts them in here instead).",
    }
    values["power_on"] = template("power-on-serve.md" if serving else "power-on-play.md").format(**values)
    for file, text in (
        ("install.sh", template("install.sh")),
        ("edgedistill.service", unit(serving)),
        ("README.md", template("board.md")),
    ):
        (aside / file).write_text(text.format(**values), encoding="utf-8")
    (aside / "install.sh").chmod(0o755)


def _watched(serving: Serving | None, target: Target) -> str:
    """Who watches, and how, as a clause."""
    if serving is None:
        return ""
    if serving.is_public:
        return f"anyone on its network can watch and press, at http://{target.host}:{serving.port}"
    return (
        f"the board itself can watch, at http://127.0.0.1:{serving.port}, and you through "
        f"`ssh -L {serving.port}:127.0.0.1:{serving.port} YOU@{target.host}`"
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + " or " + names[-1] if len(names) > 1 else names[0]
