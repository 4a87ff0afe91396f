"""What `edgedistill train --profile` tells of a training."""

from typing import Any

from rich.table import Table

from edgedistill.cli.output import console
from edgedistill.profiler import DESCRIPTIONS, Profile


def profile_summary(profile: Profile, steps: int) -> dict[str, Any]:
    """For `--json`; `steps` are the agent steps that were profiled. A speed is None where no time was spent."""
    total = profile.total
    training = total - profile.seconds["evaluation"]
    to_first_step = profile.seconds_to_first_step
    return {
        "seconds_to_first_step": None if to_first_step is None else round(to_first_step, 2),
        "seconds": round(total, 3),
        "agent_steps": steps,
        "agent_steps_per_second": round(steps / total, 1) if total else None,
        "agent_steps_per_second_without_evaluation": round(steps / training, 1) if training else None,
        "phases": {
            phase: {"seconds": round(seconds, 3), "share": round(seconds / total, 4) if total else 0.0}
            for phase, seconds in profile.seconds.items()
        },
    }


def show_profile(profile: Profile, steps: int) -> None:
    """Print it as a table."""
    summary = profile_summary(profile, steps)
    table = Table(title=f"{steps:,} agent steps in {profile.total:.1f} s")
    table.add_column("phase")
    table.add_column("seconds", justify="right")
    table.add_column("share", justify="right")
    table.add_column("what it is", style="dim")
    for phase, seconds in profile.seconds.items():
        table.add_row(phase, f"{seconds:.2f}", f"{summary['phases'][phase]['share']:.1%}", DESCRIPTIONS[phase])
    console.print(table)
    if summary["agent_steps_per_second"] is not None:
        console.print(
            f"{summary['agent_steps_per_second']:,.0f} agent steps/s, "
            f"{summary['agent_steps_per_second_without_evaluation']:,.0f} without evaluation"
        )
    if profile.seconds_to_first_step is not None:
        console.print(f"{profile.seconds_to_first_step:.1f} s from the start of the process to the first agent step")
