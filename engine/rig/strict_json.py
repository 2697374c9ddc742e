"""JSON from strangers: size, encoding, depth, numbers and repeated keys are checked before anybody looks at a field.

Whatever is wrong becomes one PresetError that names the file, the line and the field. The lines are searched only once
something is wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..values.errors import PresetError

MAX_FILE_BYTES = 1_000_000      # a preset of 2,000 targets is about 300 kB
MAX_DIGITS = 20                 # of a whole number; Python itself refuses far longer ones with a less clear message
MAX_KEY_CHARACTERS = 60         # of a key, in a message
MAX_DEPTH = 20                  # levels; a preset has 4, and a message about more names the field where they begin
MAX_FIELD_CHARACTERS = 120      # of the path to a field, in a message
NEXT_STEP = "Fix the file (presets/SCHEMA.md explains every field) or choose another preset."
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_PARENT = re.compile(r"(.*)[.\[].*", re.DOTALL)
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Spot:
    """A key or a value in the text of a file.

    Attributes:
        field: the path to it, as "targets[3].from.jawOpen"; "" for the whole text.
        line: counted from 1. token: the text as it is written.
    """

    field: str
    line: int
    token: str
    is_key: bool

    def __str__(self) -> str:
        shown = self.field[:MAX_FIELD_CHARACTERS] + ("..." if len(self.field) > MAX_FIELD_CHARACTERS else "")
        return f"line {self.line}, {shown or 'top level'}"


class _Refused(ValueError):
    """A value that the parser refuses; find gives its spot in the text."""

    def __init__(self, message: str, find: Callable[[str], Spot | None]) -> None:
        super().__init__(message)
        self.find = find


def read_json(path: str | Path) -> object:
    """Read one small JSON file.

    Raises:
        PresetError: missing, larger than MAX_FILE_BYTES, not UTF-8, not JSON, nested too deeply, NaN or infinite,
            a key twice.
    """
    return parse_json(read_bytes(Path(path)), path)


def parse_json(content: bytes, path: str | Path) -> object:
    """JSON without what the format forbids or what hides mistakes. Raises as read_json does."""
    text = decode(content, path)
    try:
        document: object = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer,
        )
        json.dumps(document, ensure_ascii=False).encode()   # refuses half a surrogate pair, which no name can hold
        return document
    except UnicodeEncodeError as error:
        where = _where(_first(text, lambda spot: bool(_HALF_CHARACTER.search(_meaning(spot.token)))))
        what = "holds half a character (an escape \\ud800 to \\udfff alone)"
        raise PresetError(f"Preset file {path}{where} {what}. {NEXT_STEP}") from error
    except json.JSONDecodeError as error:
        raise PresetError(
            f"Preset file {path} is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}. "
            "Fix that line."
        ) from error
    except RecursionError as error:
        where = _where(deque(spots(text), maxlen=1).pop())
        what = "is nested too deeply; a preset needs 4 levels"
        raise PresetError(f"Preset file {path}{where} {what}. {NEXT_STEP}") from error
    except _Refused as error:
        raise PresetError(f"Preset file {path}{_where(error.find(text))}: {error}. {NEXT_STEP}") from error


def decode(content: bytes, path: str | Path) -> str:
    """The text of a file. Raises PresetError: not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"is not UTF-8 text (byte {error.start})"
        raise PresetError(f"Preset file {path} {what}. Save it as UTF-8 JSON.") from error


def read_bytes(path: Path) -> bytes:
    """The content of a small file. Raises PresetError: missing, or larger than MAX_FILE_BYTES."""
    try:
        if not path.is_file():
            raise PresetError(
                f"Preset file {path} does not exist or is no file. Check the path, or choose a preset from the list."
            )
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PresetError(f"Preset file {path} cannot be read: {error}. Check the path and its permissions.") from error
    if len(content) > MAX_FILE_BYTES:
        raise PresetError(
            f"Preset file {path} is larger than {MAX_FILE_BYTES:,} bytes, the limit. "
            "Is it a preset? Choose another file."
        )
    return content


def line_of(text: str, field: str) -> int:
    """The line of a field, or of the nearest field around it that the text has."""
    lines: dict[str, int] = {}
    for spot in spots(text):
        lines.setdefault(spot.field, spot.line)
    while field not in lines and field:
        parent = _PARENT.fullmatch(field)
        field = parent.group(1) if parent else ""
    return lines.get(field, 1)


@dataclass
class _Level:
    """One open object or list while walking."""

    is_list: bool
    field: str
    key: str = ""
    index: int = 0
    expects_key: bool = True

    def inside(self) -> str:
        """The path to the field that is being read."""
        if self.is_list:
            return f"{self.field}[{self.index}]"
        return f"{self.field}.{self.key}" if self.field else self.key


def spots(text: str) -> Iterator[Spot]:
    """Every key and value in the order of the text, down to MAX_DEPTH levels and the first field that is deeper."""
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
            top.key = _meaning(token)
            yield Spot(top.inside(), line + 1, token, True)
        else:
            field = top.inside() if top is not None else ""
            yield Spot(field, line + 1, token, False)
            if token in ("{", "["):
                if len(levels) > MAX_DEPTH:
                    return
                levels.append(_Level(token == "[", field))


def _where(spot: Spot | None) -> str:
    return f", {spot}" if spot else ""


def _first(text: str, wanted: Callable[[Spot], bool]) -> Spot | None:
    return next((spot for spot in spots(text) if wanted(spot)), None)


def _spot_of_value(text: str, token: str) -> Spot | None:
    """The first value that is written as token."""
    return _first(text, lambda spot: not spot.is_key and spot.token == token)


def _spot_of_repeat(text: str, key: str) -> Spot | None:
    """The second spot of a key that stands twice in one object."""
    seen: set[str] = set()
    for spot in spots(text):
        if spot.is_key and _meaning(spot.token) == key:
            if spot.field in seen:
                return spot
            seen.add(spot.field)
    return None


def _meaning(token: str) -> str:
    """The text that a token stands for: a string without its quotes and escapes, anything else as it is written."""
    try:
        return str(json.loads(token)) if token.startswith('"') else token
    except ValueError:
        return token


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            shown = key[:MAX_KEY_CHARACTERS]
            message = f"the key {shown!r} stands twice in one object; each may stand once"
            raise _Refused(message, partial(_spot_of_repeat, key=key))
        found[key] = value
    return found


def _no_constant(text: str) -> float:
    message = f"{text} is not a number that JSON allows; write a finite number"
    raise _Refused(message, partial(_spot_of_value, token=text))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        message = f"the number {text[:MAX_DIGITS]} is too large; write a number within +-10,000"
        raise _Refused(message, partial(_spot_of_value, token=text))
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        message = f"the number {text[:MAX_DIGITS]}... has {len(text)} digits; write a number within +-10,000"
        raise _Refused(message, partial(_spot_of_value, token=text))
    return int(text)
