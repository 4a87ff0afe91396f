"""Writing files so that nothing half-written is left behind, and nothing of others is touched."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgedistill.errors import BadRequest, EdgeDistillError

PARTIAL = ".partial"
# A planted link is never followed. Windows has no such flag.
NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


class CannotWrite(EdgeDistillError):
    """The system refused a write: a full disk, a read-only folder."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(f"{path}: cannot be written ({error.strerror}).")
        self._path, self._error = path, error

    def __reduce__(self) -> tuple[type["CannotWrite"], tuple[Path, OSError]]:
        """Ray carries it from a worker to who asked; by default it would be made anew of its message alone."""
        return type(self), (self._path, self._error)


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside `path`, sync, and rename over it.

    Raises:
        CannotWrite: what was there is still there.
    """
    try:
        aside, descriptor = _open_aside(path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CannotWrite(path, error) from error
    _sync_folder(path.parent)


def append_line(path: Path, line: str) -> None:
    """Append a line as a whole, or nothing.

    Raises:
        CannotWrite: the file is as it was.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | NO_FOLLOW, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            # What a crash left unfinished must not swallow this line.
            unfinished = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            data = (b"\n" if unfinished else b"") + line.encode() + b"\n"
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
            except OSError:
                with suppress(OSError):
                    os.ftruncate(descriptor, size)
                    if size == 0:
                        path.unlink()
                raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CannotWrite(path, error) from error


def check_writable(path: Path) -> None:
    """Fail before the work, not after it.

    Raises:
        BadRequest: `path` is a folder, or its folder is missing or cannot be written.
    """
    if path.is_dir():
        raise BadRequest(f"{path} is a folder. Name a file in it.")
    try:
        aside, descriptor = _open_aside(path)
        os.close(descriptor)
        aside.unlink()
    except OSError as error:
        raise BadRequest(f"{path}: cannot be written ({error.strerror}).") from error


@contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """Hold a lock, which the operating system lets go of when the process ends, however it ends.

    Args:
        lock: a file for it, which holds the number of the process.
        what: that which is worked at, for the error.

    Raises:
        EdgeDistillError: another process holds it.
        CannotWrite: no such file can be made.
    """
    # Not on Windows, where two processes in one folder are the user's own affair.
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | NO_FOLLOW, 0o666)
    except OSError as error:
        raise CannotWrite(lock, error) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 20)
            name = holder.decode() if holder.isdigit() else "unknown"
            raise EdgeDistillError(f"Process {name} works at {what} already. Wait for it, or end it.") from error
        except OSError:
            pass  # a file system without locks
        with suppress(OSError):  # a full disk: the lock holds without its number
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open_aside(path: Path) -> tuple[Path, int]:
    """A new file beside `path`, under a name that nobody else has."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    return aside, os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o666)


def _sync_folder(folder: Path) -> None:
    """A rename lasts only once its folder is synced; where folders cannot be (Windows), the system sees to it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
