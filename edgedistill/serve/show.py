"""A student that plays on and on, and does what viewers press."""

import json
import time
from dataclasses import replace
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any

import numpy as np

from edgedistill.atari.emulator import Emulator
from edgedistill.atari.protocol import Episode, Protocol
from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.runtime.player import MOST_BEHIND_SECONDS, SECONDS_PER_DECISION, Decision, decide
from edgedistill.runtime.policy import Policy
from edgedistill.runtime.shipped import shipped_games
from edgedistill.schema import Check, Unfit, flag, number, one_of, table
from edgedistill.serve.board import Meter
from edgedistill.serve.snapshot import Snapshot, Snapshots
from edgedistill.signals import Stop

SPEEDS = ("real", "max")
# How long a paused game sleeps before it looks whether it shall stop.
PAUSE_SECONDS = 0.25
# Presses that wait for the game; more at once come from no hand.
MOST_PRESSES = 16
LAST_SCORES = 10


class Show:
    """One game at a time, shown at most 15 times a second. `run` belongs to one thread, the rest to any."""

    def __init__(self, policy: Policy, protocol: Protocol) -> None:
        """
        Args:
            policy: plays first.
            protocol: its `episodes` does not count: game follows game.

        Raises:
            BadRequest: the emulator offers other actions than the student knows.
        """
        self.snapshots = Snapshots()
        self.viewers = 0
        """Set by whoever lets them in"""
        self.decisions = 0
        self.games = 0
        """Finished"""
        self.students = _students(policy)
        self._check: Check = table(
            {},
            {
                "paused": flag,
                "speed": one_of(SPEEDS),
                "epsilon": number(0, 1),
                "restart": flag,
                "student": one_of(self.students),
            },
        )
        self._presses: Queue[dict[str, Any]] = Queue(MOST_PRESSES)
        self._protocol = protocol
        self._paused, self._speed, self._problem = False, "real", ""
        self._scores: list[float] = []
        self._decision: Decision | None = None
        self._meter = Meter()
        self._shown_at = float("-inf")
        self._take(policy)

    def press(self, body: bytes) -> None:
        """Ask for what a JSON table says: `paused`, `speed` (real, max), `epsilon`, `restart`, `student`.

        Raises:
            BadRequest: it is no such table.
            EdgeDistillError: more presses than the game can follow.
        """
        try:
            press = self._check(json.loads(body))
        except (ValueError, RecursionError) as error:
            problem = str(error) if isinstance(error, Unfit) else "is not JSON"
            raise BadRequest(f"What was pressed {problem}.") from error
        try:
            self._presses.put_nowait(press)
        except Full as error:
            raise EdgeDistillError("More presses than the game can follow. Wait a moment.") from error

    def run(self, stop: Stop) -> None:
        """Play until asked to stop."""
        due = time.monotonic()
        while not stop.is_set():
            now = time.monotonic()
            if self._paused:
                due = now + PAUSE_SECONDS
            else:
                self._play()
                due = now if self._speed == "max" else max(due, now - MOST_BEHIND_SECONDS) + SECONDS_PER_DECISION
            # At most 15 pictures a second, however fast it plays.
            if self._paused or self._speed == "real" or now - self._shown_at >= SECONDS_PER_DECISION:
                self._show(now)
            self._obey(due)

    def _play(self) -> None:
        if self._episode.over:
            self._begin(self._episode.emulator)
        decision = self._decision = decide(self._policy, self._episode)
        self.decisions += 1
        if decision.over:
            self.games += 1
            self._scores = [*self._scores, decision.score][-LAST_SCORES:]

    def _obey(self, until: float) -> None:
        """Do what is pressed until then, and at least what has been pressed."""
        while True:
            try:
                press = self._presses.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                return
            self._apply(press)
            if time.monotonic() >= until:
                return

    def _apply(self, press: dict[str, Any]) -> None:
        self._paused = press.get("paused", self._paused)
        self._speed = press.get("speed", self._speed)
        if "epsilon" in press:
            self._protocol = replace(self._protocol, epsilon=press["epsilon"])
            self._episode.epsilon = press["epsilon"]
        try:
            if "student" in press:
                self._take(Policy.load(self.students[press["student"]]))
            elif press.get("restart"):
                self._begin(self._episode.emulator)
            self._problem = ""
        except EdgeDistillError as error:
            # A file that went missing is no reason to end the show.
            self._problem = str(error)
        self._show(time.monotonic())

    def _take(self, policy: Policy) -> None:
        """Another player, in a game of its own."""
        emulator = self._protocol.emulator(policy.card.game)
        policy.require_actions(emulator)
        self._policy = policy
        self._name = next(name for name, path in self.students.items() if path == Path(policy.source))
        self._number = -1
        self._scores = []
        self._begin(emulator)

    def _begin(self, emulator: Emulator) -> None:
        """The next game."""
        self._number += 1
        self._episode = Episode(emulator, self._protocol, self._number)
        self._decision = None

    def _show(self, now: float) -> None:
        self._shown_at = now
        emulator, card, decision = self._episode.emulator, self._policy.card, self._decision
        state = {
            "game": card.game,
            "student": self._name,
            "params": card.params,
            "ratio": card.ratio,
            "actions": card.actions,
            "values": np.nan_to_num(decision.logits).astype(float).round(3).tolist() if decision else None,
            "action": decision.index if decision else None,
            "score": self._episode.total_reward,
            "scores": self._scores,
            "games": self.games,
            "decisions": self.decisions,
            "paused": self._paused,
            "speed": self._speed,
            "epsilon": self._protocol.epsilon,
            "viewers": self.viewers,
            "problem": self._problem,
            **self._meter.read(self.decisions, now),
        }
        self.snapshots.show(Snapshot(emulator.screen_rgb(), emulator.frames[:, :, -1], state))


def _students(policy: Policy) -> dict[str, Path]:
    """Who may play, by name: those that ship, as `game/student`, and the one that was asked for."""
    shipped = {
        f"{game}/{file.name.removesuffix('.onnx')}": Path(str(file))
        for game, files in shipped_games().items()
        for file in files
    }
    own = Path(policy.source)
    return shipped if own in shipped.values() else {own.name: own, **shipped}
