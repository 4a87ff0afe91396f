"""`edgedistill evaluate`: the score of a file, a shipped student or a run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from edgedistill.atari.games import human_normalised
from edgedistill.atari.protocol import EVALUATION_SEED, OnGames, Protocol, Scores
from edgedistill.atari.protocol import evaluate as play_games
from edgedistill.cli.output import console, notes, print_json, print_table, progress

if TYPE_CHECKING:  # it brings onnxruntime, which start-up does without
    from edgedistill.runtime.card import Score
    from edgedistill.runtime.policy import Policy

Row = tuple[str, Scores]
Teachers = dict[float, "Score"]


def evaluate(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE|GAME|RUN|hub:NAME", help="A student's .onnx, a game, a run's folder, or hub:USER/REPO."
        ),
    ],
    student: Annotated[str | None, typer.Option(help="Of a game or a run: this student only.")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Games per ε.")] = 30,
    epsilon: Annotated[
        list[float] | None,
        typer.Option(
            min=0,
            max=1,
            help="Probability of a random action; may repeat. Default: 0.01, 0, and Nature DQN's 0.05.",
        ),
    ] = None,
    sticky: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Sticky actions; 0.25 is Machado et al. 2018. Default: those that the run was trained with, or of the "
            "scores on the file's card.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the games.")] = EVALUATION_SEED,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Mean return with its 95% interval, human-normalised score, and retention of the teacher.

    A run remembers its games: what was played before, also by an evaluation that was stopped, is not played again.
    """
    from edgedistill.runtime.policy import Policy
    from edgedistill.runtime.retained import retained
    from edgedistill.runtime.shipped import find_student, is_run

    # Before there is a bar: it has a thread, and beside threads a file is not tried out in a child.
    policy = None if is_run(target) else Policy.load(find_student(target, student))
    if sticky is None:
        sticky = _stickiness_of_file(policy) if policy else _stickiness_of_run(target)
    protocols = [
        Protocol(episodes=episodes, epsilon=each, sticky=sticky, seed=seed) for each in epsilon or [0.01, 0.0, 0.05]
    ]
    with progress() as bar:

        def on_games(label: str) -> OnGames:
            task = bar.add_task(label, total=episodes)

            def update(returns: Sequence[float], games: int) -> None:
                mean = f", mean {fmean(returns):,.4g}" if returns else ""
                bar.update(task, completed=len(returns), description=label + mean)

            return update

        found = _file(policy, protocols, on_games) if policy else _run(target, student, protocols, on_games)
    game, rows, teachers = found

    results = []
    for player, scores in rows:
        is_student = player not in ("best_teacher", "last_teacher")
        kept = retained(game, scores, teachers.get(scores.protocol.epsilon)) if is_student else None
        results.append(
            {
                "player": player,
                **scores.to_dict(),
                "human_normalised": round(human_normalised(game, scores.mean), 4),
                "retention_of_best_teacher": None if kept is None or kept.share is None else round(kept.share, 4),
                "retention_games": kept.games if kept else None,
                "no_retention_because": kept.why_not if kept else None,
            }
        )
    if as_json:
        print_json({"target": target, "game": game, "results": results})
    else:
        _print(target, game, results)


def _stickiness_of_file(policy: "Policy") -> float:
    """That of the games on its card, all of which are played alike; 0 where there are none."""
    return next((score.sticky for score in policy.card.scores.get("student", ())), 0.0)


def _stickiness_of_run(target: str) -> float:
    """That of its own games, with which its report compares."""
    from edgedistill.runs.folder import RunFolder

    return RunFolder.open(Path(target)).config().sticky


def _file(
    policy: "Policy", protocols: list[Protocol], on_games: Callable[[str], OnGames]
) -> tuple[str, list[Row], Teachers]:
    """An exported student, and what its card says of its teacher."""
    game, name = policy.card.game, policy.card.student
    policy.require_actions(protocols[0].emulator(game))
    rows = [
        (name, _score_file(policy, protocol, on_games(f"{name}, ε {protocol.epsilon:g}"))) for protocol in protocols
    ]
    return game, rows, {score.epsilon: score for score in policy.card.scores.get("best_teacher", ())}


def _score_file(policy: "Policy", protocol: Protocol, on_games: OnGames) -> Scores:
    returns: list[float] = []

    def on_episode(number: int, score: float) -> None:
        returns.append(score)
        on_games(returns, protocol.episodes)

    return play_games(policy.act, policy.card.game, protocol, on_episode=on_episode)


def _run(
    target: str, student: str | None, protocols: list[Protocol], on_games: Callable[[str], OnGames]
) -> tuple[str, list[Row], Teachers]:
    """The teachers and the float students of a run."""
    from edgedistill.runs.folder import RunFolder
    from edgedistill.runs.scoring import score_player
    from edgedistill.runtime.card import Score
    from edgedistill.teachers.trained import check_student, load_trained

    run = RunFolder.open(Path(target))
    config = run.config()
    if student is not None:
        check_student(run, student)
    students = [student] if student else [entry.name for entry in config.students]
    rows = []
    for trained in load_trained(run, ["best_teacher", "last_teacher", *students], notes.print):
        for protocol in protocols:
            label = f"{trained.name}, ε {protocol.epsilon:g}"
            rows.append((trained.name, score_player(run, trained.player(), protocol, on_games(label), notes.print)))
    teachers = {scores.protocol.epsilon: Score.of(scores) for name, scores in rows if name == "best_teacher"}
    return config.game, rows, teachers


def _print(target: str, game: str, results: list[dict[str, Any]]) -> None:
    protocol = results[0]["protocol"]
    games = f"{protocol['episodes']} games, up to {protocol['noop_max']} no-ops, sticky {protocol['sticky']:g}"
    table = Table()
    for column in ("player", "ε", "mean return", "95% interval", "human-normalised", "retention"):
        table.add_column(column, justify="left" if column == "player" else "right")
    for row in results:
        interval, share = row["interval95"], row["retention_of_best_teacher"]
        table.add_row(
            row["player"],
            f"{row['protocol']['epsilon']:g}",
            f"{row['mean']:.2f}",
            f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "–",
            f"{row['human_normalised']:.2f}",
            f"{share:.1%}" if share is not None else "–" if row["no_retention_because"] else "",
        )
    print_table(f"{target}, {game}: {games}", table)
    games_compared = {row["retention_games"] for row in results if row["retention_of_best_teacher"] is not None}
    fewer = games_compared - {protocol["episodes"]}
    console.print(
        "retention: (score − random) / (best teacher − random), both of the same games"
        + (f", the first {min(fewer)}, as many as the card has" if fewer else ""),
        style="dim",
        soft_wrap=True,
    )
    for reason in dict.fromkeys(row["no_retention_because"] for row in results if row["no_retention_because"]):
        console.print(f"no retention: {reason}", style="dim", soft_wrap=True)
    if protocol["episodes"] == 1:
        console.print("one game has no interval", style="dim")
