"""`edgedistill zoo build`: train, export and picture a whole catalogue."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edgedistill.cli.output import console, notes, print_json, print_next
from edgedistill.errors import BadRequest, EdgeDistillError, typed
from edgedistill.signals import stop_signals

if TYPE_CHECKING:  # these bring torch, which start-up does without
    from edgedistill.zoo_build.build import Jobs
    from edgedistill.zoo_build.plan import Plan
    from edgedistill.zoo_build.progress import GameProgress


def build(
    games: Annotated[
        str | None, typer.Option(help="Comma-separated. A folder's games stay; further ones are added.")
    ] = None,
    out: Annotated[
        Path,
        typer.Option("--out", "--output", "-o", help="The folder. The same folder again goes on where it was."),
    ] = Path("zoo"),
    students: Annotated[str | None, typer.Option(help="Comma-separated. Default: net5,micro,nano,pico.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Agent steps of each game; may be raised later. Default: 2,000,000.")
    ] = None,
    episodes: Annotated[int | None, typer.Option(min=1, help="Games per ε on the cards. Default: 100.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of each run. Default: 0.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A further setting of the runs; may repeat: envs=16."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Games that train at once. Default: as many as cores and memory allow.")
    ] = None,
    # Two one-thread runs beside each other make more steps than one of two threads (docs/performance.md).
    threads: Annotated[int, typer.Option(min=1, help="CPU threads of each game.")] = 1,
    on: Annotated[
        str, typer.Option(help="local: processes of this machine; ray: tasks of a Ray cluster (RAY_ADDRESS).")
    ] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON summary at the end, nothing before.")] = False,
) -> None:
    """Train many games, export their students, record a GIF and write a report of each; resumable at any point.

    Each game is one real-time run of all students. What is finished is skipped; index.html and progress.md in the
    folder tell how far the rest is. A game that fails does not stop the others.
    """
    from edgedistill.zoo_build.build import build as build_all
    from edgedistill.zoo_build.plan import resolve

    if on not in ("local", "ray"):
        raise BadRequest(f"--on must be local or ray, got '{on}'.")
    if on == "ray" and jobs is not None:
        raise BadRequest("With --on ray the cluster's CPUs decide how many games run; leave --jobs out.")
    given = {"steps": steps, "episodes": episodes, "seed": seed, "settings": _settings(settings)}
    plan = resolve(out, _names(games), {**given, "students": _names(students)})
    # Before the signals: Ray, when it starts, takes SIGTERM for itself. Before the plan is saved: it may not start.
    workers = _workers(out, plan, on, jobs, threads)
    plan.save(out)
    if not as_json:
        names = ", ".join(plan.students)
        console.print(
            Text.assemble(
                (str(out), "bold"), f": {len(plan.games)} games of {plan.steps:,} agent steps, students {names}"
            )
        )
    with stop_signals() as stop:
        view = _View(quiet=as_json)
        with view.live:
            outcome = build_all(out, plan, workers, stop.is_set, view.show)
        stopped = stop.is_set()

    again = f"edgedistill zoo build --out {typed(out)}" + (" --on ray" if on == "ray" else "")
    if as_json:
        lines = [vars(line) | {"scores": dict(line.scores)} for line in view.lines]
        print_json({"folder": str(out), "games": lines, "failed": outcome.failed, "stopped": stopped})
    if outcome.failed and not stopped:
        reasons = "\n".join(f"  {game}: {reason}" for game, reason in outcome.failed.items())
        raise EdgeDistillError(f"{len(outcome.failed)} of {len(plan.games)} games failed:\n{reasons}\nGo on: {again}")
    if outcome.unfinished:
        notes.print("Stopped; the work so far is in the last checkpoints.")
        notes.print(f"next:\n  {again}", soft_wrap=True)
        # A script that ships what was built must not go on while something is missing.
        raise typer.Exit(stop.exit_code or 1)
    if not as_json:
        console.print("All there. To ship it, from a checkout:")
        trained = typed(out / "trained")
        print_next(f"edgedistill zoo check --in {trained}", f"cp -r {trained}/* student_zoo/trained/")


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _settings(texts: list[str] | None) -> dict[str, Any] | None:
    """`NAME=VALUE` texts as a table; values are JSON, and words where they are none."""
    table: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise BadRequest(f"--set takes NAME=VALUE, got '{text}'.")
        try:
            table[name.replace("-", "_")] = json.loads(value)
        except ValueError:
            table[name.replace("-", "_")] = value
    return table or None


def _workers(out: Path, plan: "Plan", on: str, jobs: int | None, threads: int) -> "Jobs":
    if on == "ray":
        from edgedistill.zoo_build.ray_jobs import RayJobs

        return RayJobs(out, len(plan.games), threads)
    from edgedistill.zoo_build.local_jobs import LocalJobs, fitting_jobs

    return LocalJobs(out, jobs or fitting_jobs(plan, threads), threads)


class _View:
    """A table that renews itself on a terminal; elsewhere a line whenever a game's state or scores change."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._told: dict[str, tuple[object, ...]] = {}
        self.lines: list[GameProgress] = []
        shown = console.is_live and not quiet
        self._table = Live(console=console, auto_refresh=False) if shown else None
        self.live = self._table or nullcontext()

    def show(self, lines: list["GameProgress"]) -> None:
        self.lines = lines
        if self._table:
            self._table.update(self._rendered(lines), refresh=True)
            return
        for line in lines:
            news = (line.state, line.scores)
            if not self._quiet and self._told.get(line.game) != news:
                self._told[line.game] = news
                console.print(_one_line(line), soft_wrap=True)

    def _rendered(self, lines: list["GameProgress"]) -> Table:
        from edgedistill.zoo_build.progress import left_text, scores_text, steps_text

        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
        for column in ("game", "state", "steps", "minutes", "left", "last scores"):
            table.add_column(column, justify="right" if column.startswith(("steps", "minutes", "left")) else "left")
        for line in lines:
            steps, minutes = steps_text(line), f"{line.minutes:.1f}"
            table.add_row(line.game, line.state, steps, minutes, left_text(line), scores_text(line))
        return table


def _one_line(line: "GameProgress") -> str:
    from edgedistill.zoo_build.progress import left_text, scores_text, steps_text

    left, scores = left_text(line), scores_text(line)
    return (
        f"{line.game}: {line.state}, {steps_text(line)} steps, {line.minutes:.1f} min"
        + (f", {left} left" if left else "")
        + (f": {scores}" if scores else "")
    )
