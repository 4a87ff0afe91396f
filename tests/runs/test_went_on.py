import json
from dataclasses import replace

import pytest

from edgedistill.errors import BadRequest
from edgedistill.runs.config import TrainConfig
from edgedistill.runs.config_file import config_from_json, config_to_json, resumed_config
from edgedistill.runs.went_on import MOST, WentOn, with_change

CONFIG = TrainConfig("pong", steps=3000, went_on=(WentOn(1024, 1000), WentOn(2048, 2000)))


def test_it_reads_back_and_stays_where_the_run_goes_on_again():
    assert config_from_json(config_to_json(CONFIG), "config.json") == CONFIG
    assert resumed_config(CONFIG, {"steps": 4000}).went_on == CONFIG.went_on


def test_a_config_of_before_has_none():
    table = json.loads(config_to_json(CONFIG))
    del table["went_on"]
    assert config_from_json(json.dumps(table), "config.json") == replace(CONFIG, went_on=())


@pytest.mark.parametrize(
    "damage", ["x", 5, [1], [{"step": 1}], [{"step": -1, "steps": 5}], [{"step": 1, "steps": 5}] * (MOST + 1)]
)
def test_what_is_no_record_is_refused(damage):
    table = json.loads(config_to_json(CONFIG)) | {"went_on": damage}
    with pytest.raises(BadRequest, match=r"config\.json"):
        config_from_json(json.dumps(table), "config.json")


@pytest.mark.parametrize(
    ("past", "step", "asked", "steps", "found"),
    [
        ((), 1024, 1000, 1000, ()),  # it was only stopped
        ((), 1024, 1000, 2000, ((1024, 1000),)),
        (((1024, 1000),), 2048, 2000, 3000, ((1024, 1000), (2048, 2000))),
        # Killed before its next checkpoint, it goes on from the same one, with the same steps, others or the first.
        (((1024, 1000),), 1024, 1000, 2000, ((1024, 1000),)),
        (((1024, 1000),), 1024, 1000, 3000, ((1024, 1000),)),
        (((1024, 1000),), 1024, 1000, 1000, ()),
        # The newest checkpoint is damaged, and the one before it was made before the change.
        (((1024, 1000),), 512, 1000, 2000, ((512, 1000),)),
    ],
)
def test_a_change_is_recorded_once_at_the_step_from_which_it_counts(past, step, asked, steps, found):
    record = with_change(tuple(WentOn(*each) for each in past), step, asked, steps)
    assert record == tuple(WentOn(*each) for each in found)
