"""Examples at the end of each help screen."""

import typer

EXAMPLES = {
    "train": (
        "edgedistill train --game pong --ratio 0.017",
        "edgedistill train --game breakout --student micro --student pico --steps 1000000",
        "edgedistill train --resume runs/pong-20260101-120000 --steps 4000000",
    ),
    "export": (
        "edgedistill export runs/pong-20260101-120000 --student micro -o pong.onnx",
        "edgedistill export pong -o board --target raspberry-pi-5",
    ),
    "play": ("edgedistill play pong", "edgedistill play pong.onnx --headless --gif pong.gif"),
    "serve": ("edgedistill serve pong",),
    "report": ("edgedistill report runs/a",),
    "evaluate": (
        "edgedistill evaluate pong --student pico --episodes 100",
        "edgedistill evaluate runs/pong-20260101-120000 --json",
    ),
    "compare": ("edgedistill compare runs/a runs/b --png curves.png",),
    "games": ("edgedistill games",),
    "bench": ("edgedistill bench pong --student pico",),
    "doctor": ("edgedistill doctor",),
    "zoo": ("edgedistill zoo --actions 4", "edgedistill zoo show breakout"),
    "zoo list": ("edgedistill zoo list --json",),
    "zoo show": ("edgedistill zoo show pong",),
    "zoo check": ("edgedistill zoo check pong --episodes 20",),
    "zoo results": ("edgedistill zoo results --png results.png",),
    "zoo build": ("edgedistill zoo build --games pong,breakout --students micro,pico --out zoo",),
    "hub": ("edgedistill hub pull somebody/pong-students",),
    "hub pull": ("edgedistill hub pull somebody/pong-students:pico.onnx",),
    "hub push": ("edgedistill hub push pong.onnx YOU/pong-students --dry-run",),
}


def add_examples(app: typer.Typer, prefix: str = "") -> None:
    """Give the commands of an app, and those of its groups, their examples."""
    for command in app.registered_commands:
        assert command.name is not None
        command.epilog = _epilog(prefix + command.name)
    for group in app.registered_groups:
        assert group.name is not None and group.typer_instance is not None
        group.epilog = _epilog(prefix + group.name)
        add_examples(group.typer_instance, f"{prefix}{group.name} ")


def _epilog(verb: str) -> str | None:
    """A line each, as typer takes them."""
    return "\n\n".join(["Examples:", *EXAMPLES[verb]]) if verb in EXAMPLES else None
