"""Every setting of a run is an option of `train`, and reaches the run's config.json."""

import json

from edgedistill.runs.config import TrainConfig
from edgedistill.runs.setting import settings_of

# None of them is the default; together they make a run of one rollout.
GIVEN = {
    "mode": "realtime", "steps": 8, "minutes": 5.0, "seed": 3, "sticky": 0.25, "teacher": "pqn",
    "teacher_network": "pico", "envs": 2, "rollout_length": 4, "epochs": 1, "minibatch": 4,
    "teacher_optimiser": "radam",
    "learning_rate": 1e-3, "muon_learning_rate": 1e-2, "teacher_average": 0.5, "teacher_cooldown": 0.25,
    "max_grad_norm": 5.0, "gamma": 0.9, "lam": 0.5, "epsilon_decay_steps": 7, "epsilon_floors": [0.1, 0.2],
    "target_update": 5, "loss": "reverse-kl", "temperature": 0.3, "temperature_kind": "fixed", "memory_frames": 64,
    "learning_starts": 32, "student_batch": 4, "student_batches": 1.5, "frozen_batches": 2.0, "student_driven": 0.25,
    "student_optimiser": "adam", "student_muon_learning_rate": 0.01, "student_learning_rate": 1e-2,
    "student_cooldown": 0.2, "student_average": 0.5, "student_max_grad_norm": 1.0, "student_integers": 0.5,
    "evaluate_every": 8, "evaluate_episodes": 1, "checkpoint_every": 8, "rollouts_per_report": 1, "threads": 1,
    "tensorboard": True, "device": "cpu", "precision": "float32",
}  # fmt: skip


def test_every_setting_is_an_option_and_reaches_the_run(cli, tmp_path):
    settings = settings_of(TrainConfig)
    assert GIVEN.keys() == settings.keys()
    options = [
        word
        for name, value in GIVEN.items()
        for each in (value if isinstance(value, list) else [value])
        for word in (settings[name][0].flag(name), *([] if each is True else [each]))
    ]
    outcome = cli("train", "--game", "pong", "--student", "pico", "--out", tmp_path / "run", *options)
    assert outcome.code == 0
    written = json.loads((tmp_path / "run" / "config.json").read_text())
    assert {name: written[name] for name in GIVEN} == GIVEN


def test_help_tells_each_default_and_those_of_other_teachers_and_modes(cli):
    text = " ".join(cli("train", "--help").out.split())
    assert "Samples per student update. Default: 128; 32 with dqn and offline." in text
    assert "Frames in the memory, 7 KB each. Default: 100,000; 1,000,000 with dqn; 540,000 offline." in text
    assert "student. Default: 10; 0.25 with dqn and with --student-optimiser adam and offline." in text
    for name, (setting, _, _) in settings_of(TrainConfig).items():
        assert setting.flag(name) in text
