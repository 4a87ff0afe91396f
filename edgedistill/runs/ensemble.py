"""Members of a frozen teacher that is several, as a run's settings hold them."""

from dataclasses import dataclass
from typing import Any

from edgedistill.catalogue import NATURE_DQN, Architecture, find_architecture
from edgedistill.errors import BadRequest
from edgedistill.runs.kinds import KINDS
from edgedistill.schema import line, listed, number, one_of, table

# Each plays every frame; a run of sixteen is slow, and of more nobody has heard.
MOST_MEMBERS = 16
NATURE = "nature"


@dataclass(frozen=True)
class Member:
    """One network of an ensemble; its weights are in the run."""

    source: str
    """Where it came from"""
    kind: str
    """How it learnt, a key of `KINDS`"""
    network: str
    """`nature`, or the name of a catalogue entry"""
    temperature: float
    """τ of its policy, softmax(values / τ)"""


_MEMBER = table({"source": line(1_000), "kind": one_of(KINDS), "network": line(100), "temperature": number(1e-9, 1e9)})
_MEMBERS = listed(_MEMBER, MOST_MEMBERS)


def parse_members(value: Any) -> tuple[Member, ...]:  # noqa: ANN401, as json
    """Members as `config.json` has them.

    Raises:
        Unfit: one is not a member.
    """
    return tuple(Member(**each) for each in _MEMBERS(value))


def architecture_of(network: str) -> Architecture:
    """The architecture of a teacher's network.

    Raises:
        BadRequest: the catalogue has none of that name.
    """
    if network.endswith(".toml"):
        raise BadRequest("--teacher-network must be nature or a name of the catalogue (edgedistill zoo).")
    return NATURE_DQN if network == NATURE else find_architecture(network)
