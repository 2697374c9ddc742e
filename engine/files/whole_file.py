"""Files that are there whole or not at all: written under a part's name in the same folder, then renamed.

A run that is killed leaves parts; the next one finds them by their names.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import uuid
import zlib
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

HASHES = 4096               # of files that stay known: the lines of one .blend file or sound share its hash
PID_BITS = 22               # of a process's number on Linux
FILMS = (".mp4",)           # whose parts are named without the first ending
# .PID.part.NAME, and what was made on the way to it or by version 0.1: NAME.PID.part.ENDING
_BEFORE, _BEHIND = re.compile(r"^(\.\d+\.part\.)+"), re.compile(r"\.\d+\.part(\.\w+)?@?$")


def part_of(path: str) -> str:
    """The name under which a file is written before it is whole; folder and ending are those of the file."""
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{_writer()}.part.{name}")


def _writer() -> int:
    """A number that two processes do not share, also on two computers with one disk."""
    return os.getpid() + (zlib.crc32(_node()) << PID_BITS)


@lru_cache(1)
def _node() -> bytes:
    return f"{socket.gethostname()} {uuid.getnode()}".encode()


def without_parts(text: str) -> str:
    """A message with the names of files instead of those of their parts."""
    return re.sub(r"(\.\d+\.part\.)+", "", text)


def remove_parts(paths: Iterable[str]) -> list[str]:
    """Remove what killed runs left of these files; each folder is looked through once. Returns what was removed."""
    names = defaultdict(set)
    for path in paths:
        folder, name = os.path.split(path)
        names[folder].add(name)
    removed = []
    for folder, wanted in names.items():
        removed += [os.path.join(folder, name) for name in _parts_in(folder) if _is_part(name, wanted)]
    for path in removed:
        remove(path)
    return removed


def _is_part(name: str, wanted: set[str]) -> bool:
    own = _BEFORE.sub("", name)
    whole = _BEHIND.sub("", own)
    if own == name:         # as version 0.1 named them
        return whole != name and whole in wanted
    return own in wanted or any(f"{whole}{ending}" in wanted for ending in ("", *FILMS))


def _parts_in(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder or ".") if ".part" in name]
    except OSError:
        return []


def remove(path: str) -> None:
    """Remove a file if it is there and may be removed."""
    try:
        os.remove(path)
    except OSError:
        return


def same_name(path: str) -> str:
    """The one name of a file that several paths may lead to."""
    return os.path.normcase(os.path.realpath(path))


def sha256(path: str) -> str:
    """Hash of a file's bytes; empty when it cannot be read. A file that has not changed is read once."""
    try:
        found = os.stat(path)
        return _sha256(path, (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))
    except OSError:
        return ""


@lru_cache(HASHES)
def _sha256(path: str, _state: tuple[int, ...]) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
