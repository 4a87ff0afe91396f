"""A student that was exported, loaded and checked, ready to act."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgedistill.atari.emulator import STACK, Emulator, Frames
from edgedistill.atari.resize import SIDE
from edgedistill.bounded_file import read_bounded
from edgedistill.bounds import MAX_ACTIVATION_BYTES, MAX_FILE_BYTES
from edgedistill.children import rehearse
from edgedistill.errors import BadRequest
from edgedistill.runtime.card import Card
from edgedistill.runtime.observations import as_frames
from edgedistill.runtime.onnx_file import check_onnx

# Since 1.29 onnxruntime's Linux builds keep notes of what runs on which machine in ~/.cache and send them to Microsoft.
# Nobody who plays a game asked for that; who wants it sets the variable to 0. It is read when onnxruntime is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime


def read_student(path: str | Path) -> bytes:
    """The content of a file, not yet examined.

    Raises:
        BadRequest: it is missing, or too large for a student.
    """
    return read_bounded(Path(path), MAX_FILE_BYTES, "student")


class Policy:
    """Frames in, actions out, on onnxruntime with one thread.

    `predict` takes observations as stable-baselines3 and gymnasium have them, uint8 (N, 4, 84, 84) or (N, 84, 84, 4);
    `act` and `logits` take frames as the file does, uint8 (N, 84, 84, 4). `card` is what the file says of itself.
    """

    def __init__(self, model: bytes, source: str) -> None:
        """
        Args:
            model: the content of an `.onnx` file.
            source: its name, for errors.

        Raises:
            BadRequest: not ONNX, not a student of ours, with operators that our exporter does not write, beyond
                `edgedistill.bounds`, or with another interface than its metadata say.
        """
        self.cost = check_onnx(model, source)
        # However many frames come at once, their values take no more memory than the bound for one.
        self._at_once = max(1, MAX_ACTIVATION_BYTES // self.cost.activation_bytes)
        options = onnxruntime.SessionOptions()
        # A decision takes some 30 µs: waking a second thread costs more than it saves.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            # Without `enable_fallback=0` a failure is tried twice, and onnxruntime prints about it on stdout.
            self._session = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        except Exception as error:  # onnxruntime raises a dozen types that share no base of its own
            raise BadRequest(f"{source}: not an ONNX model that onnxruntime can run.") from error
        self.card = Card.from_metadata(self._session.get_modelmeta().custom_metadata_map, source)
        self.source = source
        self.set_random_seed(0)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        # Any number of frames at once, whatever it is called.
        got = [
            (tensor.name, tensor.type, [side if isinstance(side, int) else "N" for side in tensor.shape])
            for tensor in inputs + outputs
        ]
        wanted = [
            ("frames", "tensor(uint8)", ["N", SIDE, SIDE, STACK]),
            ("logits", "tensor(float)", ["N", len(self.card.actions)]),
        ]
        if got != wanted:
            raise BadRequest(f"{source}: takes and gives {got}, a student of this format {wanted}.")
        self._try_out()

    @classmethod
    def load(cls, path: str | Path) -> "Policy":
        """Load an exported student, as `of_bytes` does.

        Args:
            path: an `.onnx` that `edgedistill export` wrote.

        Raises:
            BadRequest: the file is missing, too large, or not an exported student.
        """
        return cls.of_bytes(read_student(path), str(path))

    @classmethod
    def of_bytes(cls, model: bytes, source: str) -> "Policy":
        """Load a file's content: first in a child with limits, where the system has them, then here.

        Args:
            model: the content of an `.onnx` file.
            source: its name, for errors.

        Raises:
            BadRequest: not an exported student.
        """
        rehearse(lambda: cls(model, source), source)
        return cls(model, source)

    def _try_out(self) -> None:
        """Refuse now what would fail in play: shapes that do not fit show only when a graph runs. Of two frames, since
        a graph may take one alone."""
        try:
            logits = self.logits(np.zeros((2, SIDE, SIDE, STACK), np.uint8))
        except Exception as error:  # as above
            raise BadRequest(f"{self.source}: its graph cannot be run.") from error
        if logits.shape != (2, len(self.card.actions)) or not np.isfinite(logits).all():
            raise BadRequest(f"{self.source}: its graph gives no finite logit per action.")

    def logits(self, frames: Frames) -> NDArray[np.float32]:
        """frames (N, 84, 84, 4) uint8, raw, newest last -> (N, A) float32."""
        starts = range(0, max(1, len(frames)), self._at_once)
        parts = [self._session.run(None, {"frames": frames[start : start + self._at_once]})[0] for start in starts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def act(self, frames: Frames) -> NDArray[np.int64]:
        """frames (N, 84, 84, 4) uint8 -> greedy actions (N,), indices into `card.actions`."""
        actions: NDArray[np.int64] = self.logits(frames).argmax(axis=1)
        return actions

    def predict(
        self,
        observation: NDArray[Any] | dict[str, NDArray[Any]],
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.int64], tuple[NDArray[Any], ...] | None]:
        """Actions in the form of stable-baselines3, so that its `evaluate_policy` takes a student as it is.

        Args:
            observation: uint8, gray pixels from 0 to 255, newest frame last: a stack (4, 84, 84) or (84, 84, 4), or a
                batch (N, 4, 84, 84) or (N, 84, 84, 4).
            state: a recurrent policy's, which a student is not; it comes back as it is.
            episode_start: (N,) bool, where a recurrent policy would forget; has no effect.
            deterministic: take the action with the largest logit. Otherwise draw from softmax(logits), the policy that
                a student of a KL loss was taught, with `set_random_seed`'s generator.

        Returns:
            Indices into `card.actions`, int64 (N,), or () for a single stack; and `state`.

        Raises:
            BadRequest: `observation` has another type or shape.
        """
        logits = self.logits(as_frames(observation))
        # The largest of logits + Gumbel noise is a draw from their softmax.
        actions = (logits if deterministic else logits + self._rng.gumbel(size=logits.shape)).argmax(axis=1)
        return actions.reshape(np.asarray(observation).shape[:-3]), state

    def set_random_seed(self, seed: int | None = 0) -> None:
        """Begin `predict`'s random actions (deterministic=False) anew. A seed of None: other ones each time."""
        self._rng = np.random.default_rng(seed)

    def require_game(self, game: str) -> None:
        """Raise `BadRequest` unless this student was made for `game`."""
        if self.card.game != game:
            raise BadRequest(
                f"{self.source} plays {self.card.game}, not {game}. Leave the game out, or name another file."
            )

    def require_actions(self, emulator: Emulator) -> None:
        """Raise `BadRequest` unless the emulator offers the actions that this student was trained with."""
        actions = tuple(action.name for action in emulator.actions)
        if self.card.actions != actions:
            raise BadRequest(f"{self.source} knows the actions {self.card.actions}, the emulator offers {actions}.")
