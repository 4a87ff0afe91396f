"""Where teachers that come ready come from: runs of ours, exported students and stable-baselines3 files, here or on the
hub, one or several."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from edgedistill.atari.blocks import to_blocks
from edgedistill.atari.games import find_game, reference_scores
from edgedistill.atari.training_env import TrainingEnvs
from edgedistill.errors import BadRequest, did_you_mean
from edgedistill.experience.collect import collect
from edgedistill.experience.rollout import Rollout
from edgedistill.networks.tensors import load_module
from edgedistill.runs.ensemble import MOST_MEMBERS, NATURE, Member
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.kinds import KINDS
from edgedistill.runtime.from_hub import pull_student
from edgedistill.runtime.hub.name import PREFIX, HubName, is_hub_name
from edgedistill.runtime.hub.pull import Pulled, Wanted, pull
from edgedistill.runtime.shipped import is_run
from edgedistill.teachers.build import network_of
from edgedistill.teachers.exported import find_exported, is_hub_student, load_exported
from edgedistill.teachers.ready import ReadyTeacher
from edgedistill.teachers.sb3.saved_policy import parse_sb3, read_sb3
from edgedistill.teachers.sb3.state_dict import MAX_BYTES

SB3_PREFIX = "sb3:"
SHARED = Wanted("stable-baselines3 teacher", ".zip", MAX_BYTES, examine=parse_sb3, named_as_repository=True)
# Play on which the scale of a member's values is measured: 2,000 steps of 8 games, a few seconds.
SCALE_ENVS, SCALE_STEPS, SCALE_EPSILON = 8, 250, 0.05
# Logits spread at least so far, Q-values less: those of students that learnt a policy 1.1 to 5.0 in seven games, PQN's
# values 0.03 to 0.27 in three. Logits with less make a policy that is nearly uniform.
SPREAD_OF_LOGITS = 0.5


def load_ready_teacher(source: str, game: str, actions: int) -> ReadyTeacher:
    """The best teacher of a run, finished or interrupted (the last one where none was evaluated); an exported student,
    `FILE.onnx` or `GAME[:STUDENT]` of those that ship; or of a stable-baselines3 file, `sb3:FILE`. Files on the hub are
    `hub:USER/REPO[@REVISION][:FILE]`, a student's with its name.

    Raises:
        BadRequest: nothing of the kind there, or its teacher plays another game or has another number of actions.
        EdgeDistillError: the run has no readable checkpoint, or the hub cannot be reached.
    """
    if (student := find_exported(source)) is not None:
        return load_exported(student, source, game)
    if source.startswith(SB3_PREFIX) or is_hub_name(source):
        file = _pulled(source, game).path if is_hub_name(source) else Path(source.removeprefix(SB3_PREFIX))
        sb3 = read_sb3(file)
        if sb3.actions != actions:
            raise BadRequest(
                f"{source}: a teacher with {sb3.actions} actions, and {game} has {actions} (its minimal set). "
                "Name its game with --game."
            )
        weights = {f"teacher.{name}": tensor for name, tensor in sb3.weights.items()}
        return ReadyTeacher("dqn", NATURE, sb3.emits_q, weights, 0)
    if not is_run(source):
        nearest = did_you_mean(source.partition(":")[0], reference_scores(), "All games: edgedistill games")
        raise BadRequest(
            f"No run at {source}, nor a teacher of another form: RUN (a folder), FILE.onnx, GAME or GAME:STUDENT "
            f"(pong:micro), sb3:FILE, hub:USER/REPO or hub:USER/REPO:FILE. {nearest}"
        )
    run = RunFolder.open(Path(source))
    config = run.config()
    if config.game != game:
        raise BadRequest(f"The teacher of {source} plays {config.game}, not {game}. Use --game {config.game}.")
    tensors, state = run.load_best_teacher() or run.load_checkpoint()
    weights = {name: tensor for name, tensor in tensors.items() if name.startswith("teacher.")}
    return ReadyTeacher(
        config.teacher, config.teacher_network, config.teacher_emits_q, weights, state["step"], config.ensemble
    )


def pinned_source(source: str, game: str) -> str:
    """The same source under a name that keeps its meaning: what is on the hub, by its commit and file.

    Raises:
        As `load_ready_teacher`, for a source on the hub.
    """
    if not is_hub_name(source):
        return source
    pulled = pull_student(HubName.parse(source)) if is_hub_student(source) else _pulled(source, game)
    return f"{PREFIX}{pulled.pinned}"


def _pulled(source: str, game: str) -> Pulled:
    """A teacher that somebody shared; rl-zoo3 calls a repository ALGORITHM-ENVIRONMENT and the file in it the same."""
    name = HubName.parse(source)
    try:
        plays = find_game(name.stem.partition("-")[2])
    except BadRequest:  # a name of another kind
        plays = game
    if plays != game:
        raise BadRequest(f"The teacher of {source} plays {plays}, not {game}. Use --game {plays}.")
    return pull(name, SHARED)


def load_ensemble(
    sources: Sequence[str], game: str, actions: int, *, temperature: float, relative: bool
) -> ReadyTeacher:
    """Several teachers as one policy, the mean of theirs; members of an ensemble among them count one by one.

    Args:
        temperature: τ of a member that emits Q-values; with `relative`, in spreads of its own values on its own play.

    Raises:
        BadRequest: too many, or as `load_ready_teacher`.
        EdgeDistillError: as `load_ready_teacher`.
    """
    teachers = [load_ready_teacher(source, game, actions) for source in sources]
    if (count := sum(len(ready.members) or 1 for ready in teachers)) > MOST_MEMBERS:
        raise BadRequest(f"An ensemble has at most {MOST_MEMBERS} teachers, got {count}.")
    members: list[Member] = []
    weights: dict[str, Tensor] = {}
    for source, ready in zip(sources, teachers, strict=True):
        own = ready.members or (Member(source, ready.kind, ready.network, 1.0),)
        for number, member in enumerate(own):
            start = f"teacher.members.{number}." if ready.members else "teacher."
            found = {name.removeprefix(start): value for name, value in ready.tensors.items() if name.startswith(start)}
            # An exported student's file does not tell whether it emits Q-values.
            untold = KINDS[ready.kind].integers and not ready.members
            measured = untold or (ready.emits_q and relative)
            spread = value_spread(member, found, game, actions) if measured else 1.0
            if ready.emits_q or (untold and spread < SPREAD_OF_LOGITS):
                member = replace(member, temperature=temperature * (spread if relative else 1.0))
            weights |= {f"teacher.members.{len(members)}.{name}": value for name, value in found.items()}
            members.append(member)
    return ReadyTeacher(members[0].kind, members[0].network, False, weights, 0, tuple(members))


def value_spread(member: Member, weights: dict[str, Tensor], game: str, actions: int) -> float:
    """How far a member's best value stands above its mean one, averaged over its own play."""
    network = network_of(member.kind, member.network, actions, bf16=False)
    load_module(network, {f"teacher.{name}": value for name, value in weights.items()}, "teacher")
    envs = TrainingEnvs(game, SCALE_ENVS, threads=1)
    try:
        rollout = Rollout.empty(to_blocks(envs.reset(0)), SCALE_STEPS, actions)
        epsilon = np.full(SCALE_ENVS, SCALE_EPSILON)
        collect(envs, rollout, network, epsilon, np.random.default_rng(0), np.zeros(SCALE_ENVS))
    finally:
        envs.close()
    # Where all actions are worth the same, any policy is right.
    return max(float((rollout.q.max(axis=2) - rollout.q.mean(axis=2)).mean()), 1e-6)
