"""A teacher that comes ready, whatever it was read from."""

from dataclasses import dataclass

from torch import Tensor

from edgedistill.runs.ensemble import Member


@dataclass(frozen=True)
class ReadyTeacher:
    """A teacher that learns nothing more."""

    kind: str
    """How it learnt, a key of `KINDS`"""
    network: str
    """`nature`, or the name of a catalogue entry"""
    emits_q: bool
    """Whether its outputs are Q-values; otherwise logits"""
    tensors: dict[str, Tensor]
    """Its weights, as `Teacher.load` takes them"""
    step: int
    """Agent steps that it was trained for; 0 where its file does not say"""
    members: tuple[Member, ...] = ()
    """Where it is an ensemble"""
