"""Records play as a video, where ffmpeg is."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from edgedistill.errors import BadRequest, EdgeDistillError
from edgedistill.files import check_writable, write_atomically
from edgedistill.runtime.player import Decision

DECISIONS_PER_SECOND = 15
# What phones and browsers play; pixels stay square blocks, on a 4:3 screen.
ENCODING = (
    *("-vf", "scale=640:480:flags=neighbor", "-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p"),
    *("-movflags", "+faststart", "-f", "mp4"),
)


class VideoRecorder:
    """Passes screens on to ffmpeg as they come, so that a video of any length takes no memory here."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            BadRequest: `path` is no MP4's name, or cannot be written; said now, before the game is played.
            EdgeDistillError: there is no ffmpeg.
        """
        check_writable(path)
        if path.suffix.lower() != ".mp4":
            raise BadRequest(f"--video writes MP4s, got {path}. Type: --video {path.with_suffix('.mp4')}")
        found = shutil.which("ffmpeg")
        if found is None:
            raise EdgeDistillError("--video needs ffmpeg. Type: sudo apt install ffmpeg, or take --gif instead.")
        self._ffmpeg = found
        self._path = path
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "VideoRecorder":
        self._scratch = tempfile.TemporaryDirectory(prefix="edgedistill-")
        self._video = Path(self._scratch.name).resolve() / "video.mp4"
        self._log = self._video.with_name("log")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()
        self._scratch.cleanup()

    def add(self, decision: Decision) -> None:
        screen = decision.screen()
        if self._process is None:
            self._process = self._start(*screen.shape[:2])
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(screen.tobytes())
        except BrokenPipeError as error:
            raise self._failed() from error

    def save(self) -> None:
        """
        Raises:
            EdgeDistillError: ffmpeg failed, or the file cannot be written.
        """
        if self._process is None:
            raise EdgeDistillError(f"{self._path}: nothing was played.")
        self._process.communicate()
        if self._process.returncode:
            raise self._failed()
        write_atomically(self._path, self._video.read_bytes())

    def _start(self, height: int, width: int) -> "subprocess.Popen[bytes]":
        raw = f"-f rawvideo -pix_fmt rgb24 -video_size {width}x{height} -framerate {DECISIONS_PER_SECOND} -i -".split()
        command = [self._ffmpeg, "-v", "error", *raw, *ENCODING, str(self._video)]
        # Of a session of its own: Ctrl-C ends the game, and what was played until then becomes the video.
        with self._log.open("wb") as log:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)

    def _failed(self) -> EdgeDistillError:
        lines = self._log.read_text(errors="replace").splitlines()
        return EdgeDistillError(f"ffmpeg could not write {self._path}: {lines[-1] if lines else 'it says nothing'}")
