"""What was computed for recent clips stays in memory, found again by the content of what it was made of.

Knows sizes and ages, not what the values are (features, decoded motion, phones, prosody). Bounded in bytes, safe to use
from several threads: a step that two threads need at once may be done twice, never halfway.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

LITTLE_BYTES = 4 * 2**20        # features of a minute and a half of the bundled model

T = TypeVar("T")


class Cache(Generic[T]):
    """Values under keys; the ones unused for longest go first once all together exceed a number of bytes."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._entries: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._lock = threading.Lock()
        _all.append(self)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def n_bytes(self) -> int:
        """Bytes of all values."""
        with self._lock:
            return sum(size for _, size in self._entries.values())

    def get(self, key: str) -> T | None:
        """The value under this key, or None."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: str, value: T, n_bytes: int) -> None:
        """Cache a value, and drop the oldest until all fit; a value that alone is too large is not cached."""
        if n_bytes > self.limit_bytes:
            return
        with self._lock:
            self._entries[key] = (value, n_bytes)
            while sum(size for _, size in self._entries.values()) > self.limit_bytes:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()


_all: list[Cache[Any]] = []


def forget_all() -> None:
    """Empty every cache, for tests and measurements of a first run."""
    for cache in _all:
        cache.clear()


@contextmanager
def little_kept() -> Iterator[None]:
    """Meanwhile every cache keeps LITTLE_BYTES at the most: where many lines follow each other, few come again."""
    limits = [(cache, cache.limit_bytes) for cache in _all]
    for cache, limit_bytes in limits:
        cache.limit_bytes = min(limit_bytes, LITTLE_BYTES)
    try:
        yield
    finally:
        for cache, limit_bytes in limits:
            cache.limit_bytes = limit_bytes
