"""Which settings make a good teacher soon, and students that keep up with it: one run for each contestant, in turn.

    python benchmarks/teacher_recipe.py breakout --question average --out DIR [--student micro] [--seed 0]

Each run goes to a folder of its own in DIR; where it is there, it goes on where it stopped. The table has the mean
return of the games that exploring players ended in the 50,000 steps before each evaluation, and the validation scores
of teacher and students (10 games at ε 0.01). Minutes leave evaluations out.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from edgedistill.atari.games import find_game
from edgedistill.catalogue import Architecture, find_architecture
from edgedistill.distill.starting import new_run
from edgedistill.distill.training import train
from edgedistill.errors import BadRequest
from edgedistill.runs.folder import RunFolder

WINDOW = 50_000
QUESTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "optimiser": {"muon": {}, "radam": {"teacher_optimiser": "radam"}},
    "rate": {
        "0.002": {},
        "0.004": {"muon_learning_rate": 4e-3},
        "0.004, RAdam's 5e-4": {"muon_learning_rate": 4e-3, "learning_rate": 5e-4},
    },
    "exploration": {f"{steps}": {"epsilon_decay_steps": steps} for steps in (100_000, 200_000, 300_000)},
    "epochs": {"2": {}, "1": {"epochs": 1}, "1, 0.004": {"epochs": 1, "muon_learning_rate": 4e-3}},
    "minibatch": {"128": {}, "256": {"minibatch": 256}},
    "lambda": {"0.65": {}, "0.8": {"lam": 0.8}, "0.5": {"lam": 0.5}},
    "average": {
        "none": {"teacher_average": 0.0},
        **{str(decay): {"teacher_average": decay} for decay in (0.99, 0.997)},
    },
    "cooldown": {"0.5": {}, "1": {"teacher_cooldown": 1.0}},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("game")
    parser.add_argument("--question", choices=sorted(QUESTIONS), required=True)
    parser.add_argument("--only", action="append", help="These contestants only.")
    parser.add_argument("--student", action="append", default=[], help="Taught beside each teacher; may repeat.")
    parser.add_argument("--steps", type=int, default=800_000, help="Of each run.")
    parser.add_argument("--evaluate-every", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    game = find_game(arguments.game)
    students = tuple(find_architecture(name) for name in arguments.student)
    given = {
        "steps": arguments.steps, "seed": arguments.seed, "threads": arguments.threads,
        "evaluate_every": arguments.evaluate_every, "checkpoint_every": arguments.evaluate_every,
    }  # fmt: skip
    print(f"{game}, {arguments.question}, seed {arguments.seed}, {arguments.steps:,} steps")
    print("| contestant | steps | minutes | play | validation |\n| --- | ---: | ---: | ---: | --- |", flush=True)
    for name, settings in QUESTIONS[arguments.question].items():
        if arguments.only and name not in arguments.only:
            continue
        path = arguments.out / f"{game}-{arguments.question}-{name}-{arguments.seed}".replace(" ", "").replace(",", "-")
        run = trained(path, game, students, given | settings)
        for row in rows(run):
            print(f"| {name} | {' | '.join(row)} |", flush=True)


def trained(path: Path, game: str, students: tuple[Architecture, ...], settings: dict[str, Any]) -> RunFolder:
    """A finished run with these settings; one that is there goes on where it stopped.

    Raises:
        BadRequest: the one that is there has others.
    """
    if not (path / "config.json").exists():
        run, config = new_run(path, game, students, "pqn", "realtime", (), settings)
        for _ in train(run, config):
            pass
        return run
    run = RunFolder.open(path)
    config = run.config()
    if config.students != students or any(getattr(config, name) != value for name, value in settings.items()):
        raise BadRequest(f"{path} has a run with other settings. Name another folder: --out")
    if (run.checkpoint_step() or 0) < config.steps:
        for _ in train(run, config, resume=True):
            pass
    return run


def rows(run: RunFolder) -> list[list[str]]:
    """A row for each evaluation of a run."""
    found = []
    metrics = run.metrics()
    for evaluation in metrics.evaluations:
        returns = [
            each.play_return
            for each in metrics.progress
            if evaluation.step - WINDOW < each.step <= evaluation.step and each.play_return is not None
        ]
        minutes = (evaluation.seconds - metrics.evaluation_seconds_before(evaluation.step)) / 60
        scores = ", ".join(f"{name} {score:g}" for name, score in evaluation.scores.items())
        play = f"{np.mean(returns):.1f}" if returns else ""
        found.append([f"{evaluation.step:,}", f"{minutes:.1f}", play, scores])
    return found


if __name__ == "__main__":
    main()
