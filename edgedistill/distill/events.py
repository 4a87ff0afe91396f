"""What happens in a run, as those who watch it are told."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """What the rollouts since the last report, and the updates after them, came to."""

    step: int
    """Agent steps so far."""
    teacher_loss: float | None
    """None while nothing was learnt, for a frozen teacher, and for one that is done."""
    student_loss: dict[str, float]
    """Mean loss by student; empty while the memory fills."""
    play_return: float | None
    """Mean return of the games that exploring players finished."""
    memory_frames: int = 0
    """Frames in the memory that students, or a DQN teacher, learn from."""
