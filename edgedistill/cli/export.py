"""`edgedistill export`: one student of a run as an int8 ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from edgedistill.cli.output import console, notes, print_json, print_next


def export(
    run: Annotated[Path, typer.Argument(help="The run's folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The .onnx file to write; its card goes beside it.")],
    student: Annotated[str | None, typer.Option(help="Which student, where the run has several.")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Games per evaluation on the card.")] = 30,
    epsilon: Annotated[
        list[float] | None,
        typer.Option(min=0, max=1, help="ε of the evaluations on the card; may repeat. Default: 0.01, 0, 0.05."),
    ] = None,
    allow_disagreement: Annotated[
        bool,
        typer.Option("--allow-disagreement", help="Export although int8 and float agree on less than 98%."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Quantise a student to int8, verify that it plays like the float one, score it, and write its card."""
    from edgedistill.exporter.export import CARD_EPSILONS, export_student
    from edgedistill.runs.folder import RunFolder

    folder = RunFolder.open(run)
    with notes.status("reading the run") as status:
        exported = export_student(
            folder,
            student,
            output,
            episodes=episodes,
            epsilons=epsilon or CARD_EPSILONS,
            allow_disagreement=allow_disagreement,
            report=lambda stage: status.update(stage) if notes.is_terminal else notes.print(stage),
        )
    card = exported.card
    if as_json:
        print_json(
            {
                "file": str(exported.path),
                "bytes": exported.bytes,
                "student": card.student,
                "ratio": card.ratio,
                "agreement": card.agreement,
                "largest_logit_error": card.largest_logit_error,
                "scores": {player: [vars(score) for score in scores] for player, scores in card.scores.items()},
            }
        )
        return
    console.print(f"wrote [bold]{output}[/] ({exported.bytes / 1000:.1f} KB) and its card {output.with_suffix('.md')}")
    console.print(f"  student {card.student}, {card.params:,} parameters, {card.ratio:.2%} of the Nature DQN")
    console.print(
        f"  same action as the float student on {card.agreement:.2%} of held-out play, "
        f"largest logit error {card.largest_logit_error:.3g}"
    )
    for player, scores in card.scores.items():
        listed = "   ".join(
            f"ε {score.epsilon:g}: {score.mean:.2f} [dim]({score.low:.2f} to {score.high:.2f})[/]" for score in scores
        )
        console.print(f"  {player.replace('_', ' '):<14}{listed}", soft_wrap=True)
    print_next(f"edgedistill play {output}", f"edgedistill evaluate {output}")
