"""Words of messages: a number and its noun."""

from __future__ import annotations


def number_of(number: int, one: str, many: str = "") -> str:
    """ "1 bone", "2 bones"; many where an s is not enough."""
    return f"{number} {one if number == 1 else many or one + 's'}"
