import pytest

from edgedistill.catalogue import find_architecture
from edgedistill.networks.network import AtariNetwork
from edgedistill.networks.optimisers import make_optimisers
from edgedistill.runs.optimisers import STUDENT_OPTIMISERS, TEACHER_OPTIMISERS


@pytest.mark.parametrize(
    "kind", [*TEACHER_OPTIMISERS.values(), *STUDENT_OPTIMISERS.values()], ids=lambda kind: kind.made_by
)
def test_every_choice_steps_each_weight_once(kind):
    network = AtariNetwork(find_architecture("pico"), 6)
    optimisers = make_optimisers(kind.made_by, network, 1e-3, 1e-2)
    stepped = [id(each) for optimiser in optimisers for group in optimiser.param_groups for each in group["params"]]
    assert sorted(stepped) == sorted(id(each) for each in network.parameters())
