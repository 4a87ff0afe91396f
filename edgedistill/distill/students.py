"""The students of a run: what they begin with, and their updates, dealt out to lanes."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future

import numpy as np
import torch
from torch import Tensor

from edgedistill.atari.blocks import blocks_to_input
from edgedistill.distill.student_update import update_student
from edgedistill.experience.batch import Batch
from edgedistill.experience.memory import ReplayMemory
from edgedistill.networks.integers import measure_ranges
from edgedistill.networks.learner import Learner
from edgedistill.networks.network import AtariNetwork
from edgedistill.networks.optimisers import make_optimisers
from edgedistill.profiler import results, timed
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.optimisers import STUDENT_OPTIMISERS
from edgedistill.runs.schedule import Span, student_rate, students_in_integers

# Enough for the largest activations, which are clipped beyond what was seen, and learnt with from then on.
RANGE_FRAMES = 2_048


class Students:
    """All students, each with its own optimisers; every batch teaches them all."""

    def __init__(self, config: TrainConfig, learners: Sequence[Learner]) -> None:
        self._config = config
        self.learners = tuple(learners)
        self.ready = False
        """Whether the memory holds enough to learn from"""

    @classmethod
    def build(cls, config: TrainConfig, actions: int, *, device: torch.device, bf16: bool) -> "Students":
        """New ones, their weights drawn from torch's generator."""
        return cls(
            config,
            [
                student_learner(config, f"student.{each.name}", AtariNetwork(each, actions, bf16=bf16).to(device))
                for each in config.students
            ],
        )

    def check_ready(self, memory: ReplayMemory) -> None:
        """Find out whether the memory holds enough."""
        self.ready = memory.is_ready(self._config.learning_starts)

    def prepare(self, memory: ReplayMemory, span: Span) -> None:
        """All that changes in students before they learn from what a span added: when they begin, and their rates."""
        self.check_ready(memory)
        if self.ready:
            self.centre(memory)
            if students_in_integers(self._config, span.step):
                self.begin_integers(memory)
            else:
                self.end_integers()
        for student in self.learners:
            student.set_rate(student_rate(self._config, span.step))

    def update_on(self, batches: Iterable[Batch], lanes: Executor) -> None:
        """Learn from minibatches that the teacher has learnt from; where a lane is free, it is at the next one then."""
        jobs: list[Future[None]] = []
        for batch in batches:
            results(jobs)
            jobs = [lanes.submit(self._learn, share, batch) for share in self._shares()]
        results(jobs)

    def update(self, memory: ReplayMemory, span: Span, lanes: Executor) -> None:
        """Learn from as many batches of the memory as are due; each lane draws the same for its students."""
        if self.ready and span.memory_batches:
            results([lanes.submit(self._learn_from, share, memory, span) for share in self._shares()])

    def mean_losses(self) -> dict[str, float]:
        """Of each student's updates since this was last asked for, by name, where there were any."""
        means = {student.network.architecture.name: student.mean_loss() for student in self.learners}
        return {name: mean for name, mean in means.items() if mean is not None}

    def centre(self, memory: ReplayMemory) -> None:
        """Let students that begin to learn see frames around the game's background."""
        new = [student for student in self.learners if student.updates == 0]
        background = memory.background() if new else 0
        for student in new:
            for network in student.networks.values():
                network.centre(background)

    def begin_integers(self, memory: ReplayMemory) -> None:
        """Let students compute with the integers of their export from here on, with ranges measured in the memory."""
        unset = [student for student in self.learners if not student.network.is_integer]
        if not unset:
            return
        with timed("students"):
            sample = memory.sample(RANGE_FRAMES, np.random.default_rng(0))
            x = blocks_to_input(sample.blocks_t, unset[0].network.device, torch.float32)
            for student in unset:
                ranges = measure_ranges(student.player, x)
                for network in student.networks.values():
                    network.begin_integers(ranges)

    def end_integers(self) -> None:
        """Let students compute in floats until integers are due, which may be at once.

        Ranges are measured anew then: a better player's activations are several times as large.
        """
        for student in self.learners:
            if student.network.is_integer:
                for network in student.networks.values():
                    network.end_integers()

    def tensors(self) -> dict[str, Tensor]:
        """Weights and optimiser moments of all, by name."""
        return {name: tensor for student in self.learners for name, tensor in student.tensors().items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave."""
        for student in self.learners:
            student.load(tensors)

    def _shares(self) -> list[Sequence[Learner]]:
        """The students dealt out to the lanes."""
        # In turn: sizes differ more than times do, most of which the first layer and the optimiser take.
        count = min(self._config.lanes, len(self.learners))
        return [self.learners[number::count] for number in range(count)]

    def _learn_from(self, share: Sequence[Learner], memory: ReplayMemory, span: Span) -> None:
        rng, network = np.random.default_rng(span.student_seed), share[0].network
        for _ in range(span.memory_batches):
            with timed("sampling"):
                with_next = self._config.objective.td is not None
                sample = memory.sample(self._config.student_batch, rng, with_next=with_next)
                batch = Batch.of(sample, network.device, network.input_dtype)
            self._learn(share, batch)

    def _learn(self, share: Sequence[Learner], batch: Batch) -> None:
        for student in share:
            update_student(student, batch, self._config)


def student_learner(config: TrainConfig, name: str, network: AtariNetwork) -> Learner:
    """A student with what it learns with."""
    made_by = STUDENT_OPTIMISERS[config.student_optimiser].made_by
    rate, muon_rate = config.student_learning_rate, config.student_muon_learning_rate
    optimisers = make_optimisers(made_by, network, rate, muon_rate)
    with_target = config.objective.td is not None
    return Learner.build(name, network, optimisers, with_target=with_target, decay=config.student_average)
