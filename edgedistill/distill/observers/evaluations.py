"""Scores teacher and students while they learn."""

import time
from collections.abc import Generator
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Event as Flag

import numpy as np
from numpy.typing import NDArray

from edgedistill.atari.emulator import Frames
from edgedistill.atari.protocol import VALIDATION_SEED, Protocol, Scores, evaluate
from edgedistill.distill.events import Evaluated, Evaluating, Event, Interrupted, Progress, Resumed
from edgedistill.distill.observers.observer import Events, Observer
from edgedistill.networks.network import ActionNetwork, GreedyPolicy
from edgedistill.profiler import timed
from edgedistill.runs.schedule import evaluation_due
from edgedistill.teachers.teacher import player_tensors

News = SimpleQueue[Evaluating | Future[Scores]]


class _Stop(Exception):
    """Ends an evaluation early."""


class Evaluations(Observer):
    """Plays the validation games where they are due, and at the end of the run; keeps the best teacher.

    An evaluation in which the run was stopped or killed is made up for when it is resumed.
    """

    def follow(self, event: Event) -> Events:
        running = self.running
        match event:
            case Progress(step) if not running.stopped and (running.at_end or evaluation_due(running.config, step)):
                yield from self._evaluate()
            case Resumed() if running.owes_evaluation:
                yield from self._evaluate()

    def _evaluate(self) -> Events:
        running, state = self.running, self.running.state
        began = time.monotonic()
        scores, players = {}, running.learners.players
        if state.best_teaches and state.best_teacher is not None:
            scores["teacher"] = state.best_teacher["mean"]  # the same games, the same network
            del players["teacher"]
        try:
            played = yield from self._play(players)
        except _Stop:
            running.stopped = True
            running.forget_since(began)
            yield Interrupted(running.step)
            return
        scores |= {name: each.mean for name, each in played.items()}
        if "teacher" in played:
            self._keep_best_teacher(scores["teacher"])
        state.evaluation_seconds += time.monotonic() - began
        assert state.best_teacher is not None
        returns = {name: each.returns for name, each in played.items()}
        yield Evaluated(running.step, scores, state.best_teacher["mean"], returns)

    def _play(self, players: dict[str, ActionNetwork]) -> Generator[Event, None, dict[str, Scores]]:
        """The scores of networks by name. Each plays in a lane; what they tell of it comes by a queue."""
        told, abandoned = News(), Flag()
        jobs = {
            self.running.lanes.submit(self._score, name, player, told, abandoned): name
            for name, player in players.items()
        }
        for job in jobs:
            job.add_done_callback(told.put)
        scores: dict[str, Scores] = {}
        try:
            while len(scores) < len(players):
                with timed("evaluation"):
                    news = told.get()
                if isinstance(news, Evaluating):
                    yield news
                else:
                    scores[jobs[news]] = news.result()
        finally:
            abandoned.set()
            for job in jobs:
                job.cancel()
        return {name: scores[name] for name in players}

    def _score(self, name: str, player: ActionNetwork, told: News, abandoned: Flag) -> Scores:
        """A network's scores."""
        config, step = self.running.config, self.running.step
        protocol = Protocol(episodes=config.evaluate_episodes, sticky=config.sticky, seed=VALIDATION_SEED)
        policy = GreedyPolicy(player)
        games = iter(range(2, protocol.episodes + 1))

        def act(frames: Frames) -> NDArray[np.int64]:
            # Before each decision: a game may take minutes, and who stops a run waits for it.
            if abandoned.is_set() or self.running.should_stop():
                raise _Stop
            return policy(frames)

        def on_episode(number: int, score: float) -> None:
            if (game := next(games, None)) is not None:
                told.put(Evaluating(step, name, game, protocol.episodes))

        told.put(Evaluating(step, name, 1, protocol.episodes))
        return evaluate(act, config.game, protocol, on_episode=on_episode)

    def _keep_best_teacher(self, mean: float) -> None:
        running, state = self.running, self.running.state
        if running.config.frozen:
            state.best_teacher = {"step": 0, "mean": mean}
        elif state.best_teacher is None or mean >= state.best_teacher["mean"]:
            state.best_teacher = {"step": running.step, "mean": mean}
            running.run.save_best_teacher(player_tensors(running.learners.teacher), state.best_teacher)
