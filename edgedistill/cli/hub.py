"""`edgedistill hub`: students of others, from the Hugging Face Hub."""

from typing import Annotated

import typer
from rich.text import Text

from edgedistill.cli.output import console, notes, print_json, print_next

app = typer.Typer(no_args_is_help=True)


@app.callback()
def hub() -> None:
    """Students on the Hugging Face Hub: take those of others."""


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
    from edgedistill.hub.name import HubName
    from edgedistill.runtime.from_hub import pull_student
    from edgedistill.runtime.policy import Policy

    asked = HubName.parse(name)
    with notes.status(Text(f"asking for {asked}")):
        pulled = pull_student(asked, or_last_seen=False)
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
    print_next(f"edgedistill play hub:{pulled.name}", f"edgedistill evaluate hub:{pulled.name}")
