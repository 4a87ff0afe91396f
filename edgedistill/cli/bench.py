"""`edgedistill bench`: how fast a student plays here. `edgedistill doctor`: whether this machine can play at all."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from edgedistill.cli.output import console, notes, print_json, print_next
from edgedistill.cli.student_arguments import ShippedStudent, StudentFile
from edgedistill.errors import EdgeDistillError

# Of `Bench`: keys of `--json` tell their unit.
MICROSECONDS = ("action_median", "action_p99", "emulator", "loop")


def bench(
    student_file: StudentFile,
    student: ShippedStudent = None,
    decisions: Annotated[int, typer.Option(min=100, help="Agent steps per measurement.")] = 3_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Speed, start-up, memory and sizes of a student on this machine, measured with the base install alone."""
    from edgedistill.runtime.bench import bench as measure
    from edgedistill.runtime.machine import installed_bytes, this_machine
    from edgedistill.runtime.policy import Policy
    from edgedistill.runtime.shipped import find_student

    policy = Policy.load(find_student(student_file, student))
    with notes.status("measuring") as status:
        result = measure(policy, decisions, lambda stage: status.update(f"measuring {stage}"))
    machine = this_machine()
    file_bytes = Path(policy.source).stat().st_size
    rates = {
        "decisions_per_second": result.decisions_per_second,
        "times_real_time": result.times_real_time,
        "of_emulator_rate": result.of_emulator_rate,
    }
    if as_json:
        print_json(
            {
                "file": policy.source,
                "game": policy.card.game,
                "student": policy.card.student,
                **{f"{name}_us" if name in MICROSECONDS else name: value for name, value in asdict(result).items()},
                **rates,
                "file_bytes": file_bytes,
                "installed_bytes": installed_bytes(),
                "machine": asdict(machine),
            }
        )
        return
    console.print(f"{machine.cpu}, {machine.architecture}, {' '.join(machine.features) or 'no notable CPU features'}")
    table = Table(title=f"{policy.card.game}, {policy.card.student}", show_header=False)
    peak = f"{result.peak_bytes / 1e6:.0f} MB" if result.peak_bytes else "not known here"
    for row in (
        ("one action, median (p99)", f"{result.action_median:.0f} µs ({result.action_p99:.0f} µs)"),
        ("emulator alone, a decision", f"{result.emulator:.0f} µs"),
        ("whole loop, a decision", f"{result.loop:.0f} µs, {result.of_emulator_rate:.2f} of the emulator's rate"),
        ("decisions a second", f"{result.decisions_per_second:,.0f}, {result.times_real_time:.0f}× real time"),
        ("start to first action", f"{result.startup_seconds:.2f} s"),
        ("peak memory", peak),
        ("student's file", f"{file_bytes / 1e3:.1f} KB"),
        ("installed packages", f"{installed_bytes() / 1e6:.0f} MB"),
    ):
        table.add_row(*row)
    console.print(table)


def _changed_students() -> list[str]:
    """Shipped files that a disk or a person has changed."""
    from edgedistill.runtime.checksums import changed_files

    changed = changed_files()
    if not changed:
        return []
    first, problem = next(iter(changed.items()))
    return [f"{len(changed)} trained students are not as they were released; {first} {problem}. Install again."]


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Check whether this machine can play students, and say what to do if not."""
    from edgedistill.runtime.machine import problems, this_machine

    machine = this_machine()
    found = problems(machine)
    if not found:  # else what reads students may not even be importable
        found = _changed_students()
    if as_json:
        print_json({"machine": asdict(machine), "problems": found})
    else:
        memory = f"{machine.available_bytes / 1e6:,.0f} MB free" if machine.available_bytes else "free memory not known"
        console.print(f"{machine.cpu}, {machine.architecture}, {machine.cores} cores, {memory}", soft_wrap=True)
        console.print(f"{machine.system}; Python {machine.python}, {machine.bits}-bit", soft_wrap=True)
        console.print("CPU features: " + (" ".join(machine.features) or "none of note"))
        for package, version in machine.packages.items():
            console.print(Text.assemble(f"  {package} ", version or ("missing", "red")))
    if found:
        raise EdgeDistillError("\n".join(found))
    if not as_json:
        console.print("All well.", style="green")
        print_next("edgedistill play pong")
