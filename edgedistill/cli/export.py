"""`edgedistill export`: one student as an ONNX file, or as the folder of a board."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from edgedistill.cli.output import console, notes, print_json, print_next, stages
from edgedistill.errors import BadRequest, typed
from edgedistill.exporter.service import Serving
from edgedistill.exporter.targets import Target, find_target, target_names

if TYPE_CHECKING:
    from edgedistill.exporter.exported import Exported


def export(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="The run's folder; with --target also an exported .onnx, a shipped game, or hub:USER/REPO.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "--out", "-o", help="The .onnx file to write, its card beside it; with --target a folder."
        ),
    ],
    target_name: Annotated[
        str | None,
        typer.Option("--target", help=f"What to export for: {', '.join(target_names())}, or a .toml file of your own."),
    ] = None,
    with_wheels: Annotated[
        bool, typer.Option("--with-wheels", help="Put the packages into the folder: the board needs no network.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="From power-on the board serves browsers; --host says to whom.")
    ] = False,
    host: Annotated[
        str | None,
        typer.Option(help="With --serve: 0.0.0.0, anyone on the board's network watches and presses; or 127.0.0.1."),
    ] = None,
    port: Annotated[int | None, typer.Option(help="With --serve: the port to listen on. Default: 8000.")] = None,
    precision: Annotated[
        str | None, typer.Option(help="int8, or float32 for comparison: larger, not bit-equal. Default: int8.")
    ] = None,
    student: Annotated[str | None, typer.Option(help="Which student, where there are several.")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Games per evaluation on the card of a run's student.")] = 30,
    epsilon: Annotated[
        list[float] | None,
        typer.Option(min=0, max=1, help="ε of the evaluations on the card; may repeat. Default: 0.01, 0, 0.05."),
    ] = None,
    allow_disagreement: Annotated[
        bool,
        typer.Option("--allow-disagreement", help="Export what does not play like the student that was trained."),
    ] = False,
    returns: Annotated[
        bool, typer.Option(help="Keep the return of each game in the file: some 3 bytes a game, ε and player.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write a student as an int8 file, check that it plays like the trained one, score it, and write its card.

    A terminal shows the score so far and the time left. Games that were played before it was stopped still count.
    """
    target = None if target_name is None else find_target(target_name)
    if with_wheels and target is None:
        raise BadRequest("--with-wheels goes with --target: which board is it? edgedistill export --help lists them.")
    serving = _serving(serve, host, port, target)
    from edgedistill.exporter.for_target import check_run, export_for_target
    from edgedistill.exporter.options import CARD_EPSILONS, ExportOptions

    options = ExportOptions(precision, episodes, epsilon or CARD_EPSILONS, allow_disagreement, returns)
    with stages() as stage:
        if target is None:
            check_run(source)
            # Needs torch, which takes two seconds to load.
            from edgedistill.exporter.export import export_student
            from edgedistill.runs.folder import RunFolder

            run = RunFolder.open(Path(source))
            exported = export_student(run, student, output, options, stage, stage.on_games, notes.print)
        else:
            exported = export_for_target(
                source,
                student,
                output,
                target,
                options,
                with_wheels=with_wheels,
                serving=serving,
                report=stage,
                on_games=stage.on_games,
                warn=notes.print,
            )
    if as_json:
        _print_json(exported, output, target)
    else:
        _print(exported, output, target, serving)


def _serving(serve: bool, host: str | None, port: int | None, target: Target | None) -> Serving | None:
    if not serve:
        if host is not None or port is not None:
            raise BadRequest("--host and --port go with --serve.")
        return None
    if target is None:
        raise BadRequest("--serve goes with --target: which board is it? edgedistill export --help lists them.")
    if host is None:
        raise BadRequest(
            "--serve goes with --host: 0.0.0.0 lets anyone on the board's network watch and press, 127.0.0.1 the board "
            "itself alone."
        )
    return Serving(host, Serving.port if port is None else port)


def _print_json(exported: "Exported", output: Path, target: Target | None) -> None:
    card = exported.card
    print_json(
        {
            "file": str(exported.path),
            "bytes": exported.bytes,
            "folder": str(output) if target else None,
            "target": target.name if target else None,
            "student": card.student,
            "ratio": card.ratio,
            "agreement": card.agreement,
            "largest_logit_error": card.largest_logit_error,
            "scores": {player: [vars(score) for score in scores] for player, scores in card.scores.items()},
        }
    )


def _print(exported: "Exported", output: Path, target: Target | None, serving: Serving | None) -> None:
    card, file = exported.card, exported.path
    size, about = f"{exported.bytes / 1000:.1f} KB", file.with_suffix(".md")
    console.print(Text.assemble("wrote ", (str(file), "bold"), f" ({size}) and its card {about}"), soft_wrap=True)
    console.print(f"  student {card.student}, {card.params:,} parameters, {card.ratio:.2%} of the Nature DQN")
    console.print(
        f"  same action as the student that was trained on {card.agreement:.2%} of held-out play, "
        f"largest logit error {card.largest_logit_error:.3g}"
    )
    for player, scores in card.scores.items():
        line = Text(f"  {player.replace('_', ' '):<14}")
        for score in scores:
            line.append(f"ε {score.epsilon:g}: {score.mean:.2f} ")
            line.append(f"({score.low:.2f} to {score.high:.2f})   " if score.interval else "  ", "dim")
        console.print(line, soft_wrap=True)
    if target is None:
        print_next(f"edgedistill play {typed(file)}", f"edgedistill evaluate {typed(file)}")
    elif target.kind == "onnx":
        console.print(f"{output} is all that a {target.title} needs; its README.md goes on from here")
        print_next(
            f"scp -r {typed(output)} YOU@{target.host}:", f"ssh -t YOU@{target.host} {_install(output, serving)}"
        )
    else:
        build = "cc -std=c99 -O2 -I. plain/bench.c student.c student_selftest.c -o bench"
        print_next(f"cd {typed(output)}", build, "./bench")


def _install(folder: Path, serving: Serving | None) -> str:
    """What starts the installation, as it follows `ssh HOST`; the board's shell splits it once more."""
    words = ["sh", f"{folder.name}/install.sh"]
    command = shlex.join(["sudo", *words, "--service"] if serving else words)
    return shlex.quote(command) if "'" in command else command
