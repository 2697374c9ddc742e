"""Where in a JSON text a field stands, so that an error can name the line. Only used once something is wrong. Helper of strict_json.py."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

MAX_DEPTH = 20              # levels; a preset has 4, and whoever nests deeper is told where that begins
MAX_SHOWN_CHARACTERS = 120  # of a field's place, in a message
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_PARENT = re.compile(r"(.*)[.\[].*", re.DOTALL)
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Spot:
    """A key or a value: field as "targets[3].from.jawOpen" ("" for the whole text), line from 1, the text as it is written."""

    field: str
    line: int
    token: str
    is_key: bool

    def __str__(self) -> str:
        field = self.field if len(self.field) <= MAX_SHOWN_CHARACTERS else self.field[:MAX_SHOWN_CHARACTERS] + "..."
        return f"line {self.line}, {field or 'top level'}"


@dataclass
class _Level:
    """One open object or list while walking."""

    is_list: bool
    field: str
    step: str = ""
    index: int = 0
    expects_key: bool = True


def spots(text: str) -> Iterator[Spot]:
    """Every key and value in the order of the text, down to MAX_DEPTH levels; the first one deeper is the last that comes."""
    levels: list[_Level] = []
    line = counted = 0
    for found in _TOKEN.finditer(text):
        token = found.group()
        line, counted = line + text.count("\n", counted, found.start()), found.start()
        top = levels[-1] if levels else None
        if token in ("}", "]"):
            del levels[-1:]
        elif token in (",", ":"):
            if top is not None:
                top.expects_key = token == ","
                top.index += token == ","
        elif top is not None and not top.is_list and top.expects_key:
            top.step = _name(token)
            yield Spot(_inside(top), line + 1, token, True)
        else:
            field = _inside(top) if top is not None else ""
            yield Spot(field, line + 1, token, False)
            if token in ("{", "["):
                if len(levels) > MAX_DEPTH:
                    return
                levels.append(_Level(token == "[", field))


def line_of(text: str, field: str) -> int:
    """The line of a field, or of the nearest thing around it that the text has."""
    lines: dict[str, int] = {}
    for spot in spots(text):
        lines.setdefault(spot.field, spot.line)
    while field not in lines and field:
        parent = _PARENT.fullmatch(field)
        field = parent.group(1) if parent else ""
    return lines.get(field, 1)


def spot_of_value(text: str, token: str) -> Spot | None:
    """The first value that is written as token."""
    return _first(text, lambda spot: not spot.is_key and spot.token == token)


def spot_of_repeat(text: str, key: str) -> Spot | None:
    """The second place of a key that stands twice in one object."""
    seen: set[str] = set()
    for spot in spots(text):
        if spot.is_key and _name(spot.token) == key:
            if spot.field in seen:
                return spot
            seen.add(spot.field)
    return None


def spot_of_half_character(text: str) -> Spot | None:
    """The first text that holds half of a surrogate pair."""
    return _first(text, lambda spot: bool(_HALF_CHARACTER.search(_name(spot.token))))


def deepest_spot(text: str) -> Spot | None:
    """The last thing that `spots` gives: where a text that is nested too deeply goes beyond MAX_DEPTH."""
    spot = None
    for spot in spots(text):  # noqa: B007
        pass
    return spot


def _first(text: str, is_meant: Callable[[Spot], bool]) -> Spot | None:
    return next(filter(is_meant, spots(text)), None)


def _inside(level: _Level) -> str:
    if level.is_list:
        return f"{level.field}[{level.index}]"
    return f"{level.field}.{level.step}" if level.field else level.step


def _name(token: str) -> str:
    """What a token means: the text of a string, anything else as it is written."""
    try:
        return str(json.loads(token)) if token.startswith('"') else token
    except ValueError:
        return token
