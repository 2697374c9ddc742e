"""What was computed for recent clips stays in memory, found again by the content of what it was made of.

Knows sizes and ages, not what the values are (features, decoded motion, phones, prosody). Bounded in bytes, safe to use
from several threads: a step that two threads need at once may be done twice, never halfway.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values under keys; the ones unused for longest are dropped first once all together exceed a number of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._kept: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()
        _all.append(self.clear)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def n_bytes(self) -> int:
        """Bytes of all that is kept."""
        with self._lock:
            return sum(size for _, size in self._kept.values())

    def get(self, key: str) -> T | None:
        """The value kept under this key, or None."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, key: str, value: T, n_bytes: int) -> None:
        """Keep a value, and drop the oldest until all fit; one that alone is too large is not kept."""
        if n_bytes > self.limit_bytes:
            return
        with self._lock:
            self._kept[key] = (value, n_bytes)
            while sum(size for _, size in self._kept.values()) > self.limit_bytes:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


_all: list[Callable[[], None]] = []


def forget_all() -> None:
    """Empty every store of recent work, for tests and measurements of a first run."""
    for clear in _all:
        clear()
