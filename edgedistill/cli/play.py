"""`edgedistill play`: watch a student play, or have it play out of sight."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from edgedistill.cli.output import console, print_json, written_to
from edgedistill.cli.student_arguments import ShippedStudent, StudentFile

if TYPE_CHECKING:
    from edgedistill.atari.protocol import Protocol
    from edgedistill.runtime.card import Card
    from edgedistill.runtime.gif import GifRecorder
    from edgedistill.runtime.video import VideoRecorder


def play(
    student_file: StudentFile,
    student: ShippedStudent = None,
    game: Annotated[str | None, typer.Option(help="Refuse a file made for another game.")] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Games to play.")] = 1,
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many agent steps (4 frames each).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same games, on every CPU.")] = 0,
    epsilon: Annotated[float, typer.Option(min=0, max=1, help="Probability of a random action.")] = 0.01,
    sticky: Annotated[float, typer.Option(min=0, max=1, help="Probability of repeating the last action.")] = 0.0,
    headless: Annotated[bool, typer.Option("--headless", help="Draw nothing, play as fast as possible.")] = False,
    gif: Annotated[
        Path | None, typer.Option(help="Write an animated GIF of the ten seconds with the most points.")
    ] = None,
    video: Annotated[Path | None, typer.Option(help="Write an MP4 of all that is played; needs ffmpeg.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; implies --headless.")] = False,
) -> None:
    """Play a game with an exported student, in the terminal and at real speed."""
    from edgedistill.atari.games import find_game
    from edgedistill.atari.protocol import Protocol
    from edgedistill.runtime.player import Summary
    from edgedistill.runtime.player import play as play_games
    from edgedistill.runtime.policy import Policy
    from edgedistill.runtime.shipped import find_student
    from edgedistill.runtime.view import watch

    policy = Policy.load(find_student(student_file, student))
    if game is not None:
        policy.require_game(find_game(game))
    protocol = Protocol(episodes=episodes, epsilon=epsilon, sticky=sticky, seed=seed)
    summary = Summary()
    decisions = play_games(policy, protocol, summary, max_steps)
    shown = console.is_live and not (headless or as_json)
    began = time.perf_counter()
    with ExitStack() as stack:
        recorders = list(_recorders(gif, video, policy.card, protocol))
        for recorder in recorders:
            stack.enter_context(recorder)
        playing = watch(decisions, policy.card, console) if shown else decisions
        try:
            # Closed before anything is saved or printed, so that the terminal is as it was.
            with closing(playing):
                for decision in playing:
                    for recorder in recorders:
                        recorder.add(decision)
        except KeyboardInterrupt:
            # It ends the game; where nothing shows or keeps the game, the command.
            if not (shown or (recorders and summary.steps)):
                raise
        seconds = time.perf_counter() - began
        for recorder in recorders:
            recorder.save()

    card = policy.card
    if as_json:
        print_json(
            {
                "file": policy.source,
                "game": card.game,
                "student": card.student,
                "scores": summary.scores,
                "unfinished_score": summary.unfinished_score,
                "steps": summary.steps,
                "frames": 4 * summary.steps,
                "seconds": round(seconds, 3),
                "steps_per_second": round(summary.steps / seconds, 1),
                "seed": seed,
                "epsilon": epsilon,
                "sticky": sticky,
                "actions_sha256": summary.actions_sha256,
                **written_to(gif=gif, video=video),
            }
        )
        return
    share = f" ({card.ratio:.2%} of the Nature DQN)"
    console.print(Text.assemble((card.game, "bold"), ", student ", (card.student, "bold"), share))
    for number, score in enumerate(summary.scores, start=1):
        console.print(f"  game {number}: {score:g}")
    if summary.unfinished_score is not None:
        console.print(f"  unfinished game: {summary.unfinished_score:g}")
    console.print(
        f"  {summary.steps:,} agent steps ({4 * summary.steps:,} frames) in {seconds:.1f} s, "
        f"{summary.steps / seconds:,.0f} steps/s; real time is 15"
    )
    if gif:
        console.print(f"  wrote {gif}: the ten seconds with the most points", soft_wrap=True)
    if video:
        console.print(f"  wrote {video}", soft_wrap=True)


def _recorders(
    gif: Path | None, video: Path | None, card: "Card", protocol: "Protocol"
) -> "Iterator[GifRecorder | VideoRecorder]":
    """Imported only now: a board that plays out of sight can do without Pillow's 3 MB of memory."""
    if gif:
        from edgedistill.runtime.gif import GifRecorder

        yield GifRecorder(gif, card, protocol)
    if video:
        from edgedistill.runtime.video import VideoRecorder

        yield VideoRecorder(video)
