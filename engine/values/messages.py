"""Texts: a number and its noun, what a terminal can show, what of a transcript is spoken, data paths."""

from __future__ import annotations

import re

# What moves a terminal's cursor, begins another line or turns the direction of writing, and halves of characters.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
# of a custom property: whatever has it, and its name in quotes, in which quotes have a backslash
_PROPERTY = re.compile(r'((?:[^"]|"(?:[^"\\]|\\.)*")*?)\["((?:[^"\\]|\\.)*)"\]', re.DOTALL)

# Stressed words of a transcript: *never*, or with a number *never=1.5*.
MARK = re.compile(r"\*([^*\[\]=]*[^\s*\[\]=])(?:=([^\s*\[\]]+))?\*")


def printable(text: str) -> str:
    """A text from anywhere on one line: control characters as escapes, so that it cannot pass for another line."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def number_of(number: int, noun: str, plural: str = "") -> str:
    """ "1 bone", "2 bones"; plural where an s is not enough."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def without_notes(text: str, opening: str, closing: str, instead: str = "") -> str:
    """The text without what stands in brackets; one that is never closed stays."""
    parts = []
    start = 0
    last = text.rfind(closing)
    while (begin := text.find(opening, start)) != -1 and begin < last:
        parts.append(text[start:begin])
        start = text.index(closing, begin) + 1
    return instead.join([*parts, text[start:]])


def without_marks(text: str) -> str:
    """A transcript without the marks of stressed words."""
    return MARK.sub(r"\1", text)


def split_property(path: str) -> tuple[str, str]:
    """A custom property's data path as (path of what has it, its name as it is written there).

    A name may hold brackets. (path, "") where the path is none of a custom property.
    """
    found = _PROPERTY.fullmatch(path) if path.endswith('"]') else None
    return (found[1], found[2]) if found else (path, "")
