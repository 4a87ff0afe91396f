"""How commands print: people read stdout through rich, scripts read `--json`."""

import json
from typing import Any

from rich.console import Console

console = Console(highlight=False)
notes = Console(stderr=True, highlight=False)


def print_json(value: dict[str, Any] | list[Any]) -> None:
    """One JSON document on stdout, nothing else."""
    console.out(json.dumps(value, indent=2, ensure_ascii=False))


def print_next(*commands: str) -> None:
    """The commands that follow from here."""
    console.print("[dim]next:[/]")
    for command in commands:
        console.print(f"  [bold]{command}[/]", soft_wrap=True)
