import os

from edgedistill.free_memory import available_bytes
from edgedistill.zoo_build.local_jobs import fitting_jobs
from edgedistill.zoo_build.plan import Plan


def test_jobs_share_the_cores_and_the_memory():
    small = Plan(("pong",), settings={"memory_frames": 1000})
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert 1 <= fitting_jobs(small, 1) <= cores
    assert fitting_jobs(small, 10 * cores) == 1
    free = available_bytes()
    if free is not None:
        # More frames than half of what is free: a second run would not fit.
        assert fitting_jobs(Plan(("pong",), settings={"memory_frames": free // 14_000}), 1) == 1
