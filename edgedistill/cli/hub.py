"""`edgedistill hub`: students on the Hugging Face Hub, those of others and one's own."""

import shlex
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.text import Text

from edgedistill.cli.output import console, notes, print_json, print_next

app = typer.Typer(no_args_is_help=True)


@app.callback()
def hub() -> None:
    """Students on the Hugging Face Hub: take those of others, share your own."""


@app.command("pull")
def pull(
    name: Annotated[
        str, typer.Argument(metavar="USER/REPO[@REVISION][:FILE]", help="A repository, and which student in it.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Download a student, check its hash, examine it, and keep it in a cache (EDGEDISTILL_CACHE names another).

    HF_TOKEN opens gated and private repositories, HF_ENDPOINT names another hub.
    """
    from edgedistill.runtime.from_hub import pull_student
    from edgedistill.runtime.hub.name import HubName
    from edgedistill.runtime.policy import Policy

    # Without a spinner: beside its thread, the file would not be tried out in a child of its own.
    pulled = pull_student(HubName.parse(name), or_last_seen=False)
    card = Policy.load(pulled.path).card
    if as_json:
        print_json(
            {
                "name": f"hub:{pulled.name}",
                "commit": pulled.commit,
                "file": str(pulled.path),
                "bytes": pulled.size,
                "sha256": pulled.sha256,
                "downloaded": pulled.downloaded,
                "game": card.game,
                "student": card.student,
            }
        )
        return
    there = "" if pulled.downloaded else ", which was in the cache"
    console.print(Text.assemble((str(pulled.name), "bold"), f" of commit {pulled.commit}{there}"), soft_wrap=True)
    console.print(f"  {pulled.path}", soft_wrap=True)
    console.print(f"  {pulled.size / 1000:.1f} KB, SHA-256 {pulled.sha256}", soft_wrap=True)
    share = f"{card.ratio:.2%} of the Nature DQN"
    console.print(Text.assemble("  ", (card.game, "bold"), ", student ", (card.student, "bold"), f" ({share})"))
    named = shlex.quote(f"hub:{pulled.name}")
    print_next(f"edgedistill play {named}", f"edgedistill evaluate {named}")


@app.command("push")
def push(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Students' .onnx; a recording may lie beside.")],
    name: Annotated[str, typer.Argument(metavar="USER/REPO", help="A repository, made where there is none.")],
    private: Annotated[
        bool, typer.Option("--private", help="Where the repository is new: for yourself alone.")
    ] = False,
    message: Annotated[str, typer.Option(help="Of the commit.")] = "Upload students of edgedistill",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the files and the page that would be pushed; push nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Share students: the files, their cards, a GIF if it lies beside, and a page with scores that the hub lists.

    Needs the package huggingface_hub and a token that may write (HF_TOKEN). README.md is written anew, so name all
    students of the repository; other files in it stay.
    """
    from edgedistill.errors import BadRequest
    from edgedistill.exporter.hub_folder import PAGE, hub_folder
    from edgedistill.runtime.hub.name import HubName
    from edgedistill.runtime.shipped import find_student

    repository = HubName.parse(name)
    if str(repository) != repository.repo:
        raise BadRequest(f"A push goes to the newest revision of a whole repository: {repository.repo}")
    folder = hub_folder([find_student(file) for file in files], repository)
    sizes = {path: len(data) for path, data in sorted(folder.items())}
    if dry_run:
        if as_json:
            print_json({"name": repository.repo, "files": sizes, "page": folder[PAGE].decode()})
            return
        _print_files(sizes)
        console.print(folder[PAGE].decode(), soft_wrap=True)
        return
    from edgedistill.exporter.hub_push import push as push_folder

    with notes.status(Text(f"pushing to {repository}")):
        pushed = push_folder(folder, repository, private=private, message=message)
    if as_json:
        print_json({"name": repository.repo, "files": sizes, "url": pushed.url, "commit": pushed.commit})
        return
    console.print(Text.assemble("pushed ", (pushed.url, "bold"), f", commit {pushed.commit}"), soft_wrap=True)
    _print_files(sizes)
    students = [path for path in folder if path.endswith(".onnx")]
    named = repository if len(students) == 1 else repository.of(students[0])
    print_next(f"edgedistill play {shlex.quote(f'hub:{named}')}")


def _print_files(sizes: Mapping[str, int]) -> None:
    for path, size in sizes.items():
        console.print(f"  {path}  {size / 1000:.1f} KB", soft_wrap=True)
