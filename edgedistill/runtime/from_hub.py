"""Students from the hub: the examination that any stranger's file gets, before it comes into the cache."""

from edgedistill.bounds import MAX_FILE_BYTES
from edgedistill.errors import BadRequest
from edgedistill.runtime.hub.name import HubName
from edgedistill.runtime.hub.pull import Pulled, Wanted, pull
from edgedistill.runtime.policy import Policy

STUDENT = Wanted("student", ".onnx", MAX_FILE_BYTES, examine=Policy.of_bytes)


def pull_student(name: HubName, student: str | None = None, *, or_last_seen: bool = True) -> Pulled:
    """Bring a student from the hub, unless it is in the cache; raises as `edgedistill.runtime.hub.pull.pull`.

    Args:
        student: which one, where the repository has several and `name` tells none.
        or_last_seen: as there.
    """
    if student is not None:
        if name.file is not None:
            raise BadRequest(f"hub:{name} is one student already: leave --student out.")
        name = name.of(student)
    return pull(name, STUDENT, or_last_seen=or_last_seen)
