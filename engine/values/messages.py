"""Words of messages: a number and its noun."""

from __future__ import annotations


def number_of(number: int, noun: str, plural: str = "") -> str:
    """ "1 bone", "2 bones"; plural where an s is not enough."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
