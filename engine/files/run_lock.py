"""One run of a batch at a time: a lock file beside its report.

The system itself holds the lock for the process, so a run that was killed holds none and what it left is taken over.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO

from ..values.errors import OutputError
from .whole_file import remove

FAR_BYTE = 2**30        # Windows locks bytes, and nobody can read those: one behind the text


class RunningError(OutputError):
    """Another run of the same jobs is at work."""


def lock_of(report: str) -> str:
    """The lock file of a report's runs."""
    return f"{os.path.splitext(report)[0]}.lock"


@contextmanager
def alone(report: str) -> Iterator[None]:
    """Keep other runs of the same report away meanwhile, also those of other computers where their disk has locks.

    Raises:
        RunningError: another one is at work. OutputError: the lock file cannot be written.
    """
    path = lock_of(report)
    file = _locked(path)
    try:
        yield
    finally:
        if sys.platform == "win32":         # an open file cannot be removed there
            file.close()
        remove(path)
        file.close()


def _locked(path: str) -> IO[str]:
    """The lock file, open and ours."""
    while True:
        try:
            file = open(path, "a+", encoding="utf-8", errors="replace")     # noqa: SIM115  through the run
        except OSError as error:
            raise OutputError(
                f"Cannot write the lock {path}: {error.strerror}. Name a report in another folder with --report."
            ) from error
        if not _lock(file):
            holder = _text(path) or "not known where"
            file.close()
            raise RunningError(
                f"Another run of these jobs is at work ({holder}): it holds {path}. Wait until it has ended, or stop "
                "it; two at once would write over each other's files."
            )
        if _is_still_there(file, path):     # else the one who held it ended and removed it just now
            file.truncate(0)
            now = datetime.now().astimezone().isoformat(" ", "seconds")
            file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now}")
            file.flush()
            return file
        file.close()


def _lock(file: IO[str]) -> bool:
    """Take the lock for as long as the file is open; a disk that has no locks gives it to everybody."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(FAR_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True


def _is_still_there(file: IO[str], path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")[:200]
    except OSError:
        return ""
