"""What `from edgedistill import …` gives, and what it costs."""

import inspect
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass

import pytest

import edgedistill

BASE = {"Policy", "load_policy", "evaluate", "play"}
TRAIN = {"TrainConfig", "train", "export_student", "compare_runs"}


def fresh(code):
    """What a new interpreter prints."""
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.strip()


def documented():
    """Each public callable by name, and the public methods of public classes."""
    for name in edgedistill.__all__:
        value = getattr(edgedistill, name)
        if not inspect.isclass(value):
            yield name, value
        elif not is_dataclass(value):
            for method, function in inspect.getmembers(value, callable):
                if not method.startswith("_"):
                    yield f"{name}.{method}", function


def test_the_public_names():
    assert set(edgedistill.__all__) == BASE | TRAIN
    assert set(edgedistill.__all__) | {"__version__"} <= set(dir(edgedistill))
    with pytest.raises(AttributeError, match="no attribute 'polcy'"):
        _ = edgedistill.polcy
    with pytest.raises(ImportError, match="polcy"):
        from edgedistill import polcy  # noqa: F401


@pytest.mark.parametrize("name", edgedistill.__all__)
def test_every_public_name_says_what_it_is(name):
    value = getattr(edgedistill, name)
    assert value.__doc__
    assert value.__doc__[0].isupper()


@pytest.mark.parametrize(
    ("name", "function"), list(documented()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_public_function_has_types_and_says_what_each_argument_is(name, function):
    doc = inspect.getdoc(function)
    assert doc
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        if parameter.name in ("self", "cls"):
            continue
        assert parameter.annotation is not inspect.Parameter.empty, parameter.name
        assert re.search(rf"\b{parameter.name}\b", doc), f"{name}: nothing about {parameter.name}"


@pytest.mark.parametrize(
    "name", ["Policy", "Policy.predict", "Policy.act", "Policy.logits", "load_policy", "export_student"]
)
def test_what_takes_frames_gives_their_shape_and_type(name):
    value = edgedistill
    for part in name.split("."):
        value = getattr(value, part)
    doc = inspect.getdoc(value)
    assert "(N, 84, 84, 4)" in doc
    assert "uint8" in doc


def test_every_setting_of_a_run_is_described():
    source = inspect.getsource(edgedistill.TrainConfig)
    for field in fields(edgedistill.TrainConfig):
        setting = field.metadata.get("setting")
        assert setting.help if setting else re.search(rf'\n    {field.name}: .*\n    """', source), field.name


def test_importing_it_imports_nothing_that_takes_time():
    loaded = fresh("import sys, edgedistill; print(*sys.modules)").split()
    assert not {"numpy", "onnxruntime", "ale_py", "torch", "typer", "rich", "importlib.metadata"} & set(loaded)
    assert [name for name in loaded if name.startswith("edgedistill.")] == []


def test_each_name_imports_no_more_than_it_needs():
    loaded = fresh(
        "import sys; from edgedistill import Policy, load_policy, evaluate, play; print(*sys.modules)"
    ).split()
    # gymnasium comes with ale_py where it is installed; tests/journeys/test_base_install.py has a place without.
    assert not {"torch", "onnx", "typer"} & set(loaded)
    assert "onnxruntime" in loaded


@pytest.mark.parametrize("name", sorted(TRAIN - {"TrainConfig"}))
def test_without_torch_the_message_has_the_pip_command(name):
    told = fresh(
        f"""
import sys
sys.modules["torch"] = None
from edgedistill import load_policy
try:
    from edgedistill import {name}
except ImportError as error:
    print(error)
"""
    )
    assert told == (
        f"edgedistill.{name} needs torch, which the board's install leaves out. "
        "Install it: pip install 'edgedistill[train]'"
    )


def test_another_missing_module_is_no_matter_of_the_extra():
    told = fresh(
        """
import sys
sys.modules["edgedistill.distill.learners"] = None
import edgedistill
try:
    edgedistill.train
except ImportError as error:
    print(error)
"""
    )
    assert "edgedistill.distill.learners" in told
    assert "pip install" not in told


def test_it_runs_as_a_module():
    outcome = subprocess.run([sys.executable, "-m", "edgedistill", "--version"], capture_output=True, text=True)
    assert (outcome.returncode, outcome.stdout) == (0, f"edgedistill {edgedistill.__version__}\n")
