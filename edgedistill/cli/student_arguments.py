"""How a command is told which student: what `runtime.shipped.find_student` takes."""

from typing import Annotated

import typer

StudentFile = Annotated[
    str,
    typer.Argument(
        metavar="FILE|GAME|hub:NAME", help="A student's .onnx, a game with a shipped one, or hub:USER/REPO."
    ),
]
ShippedStudent = Annotated[str | None, typer.Option(help="Which shipped student; default: the best at 1.7% or less.")]
