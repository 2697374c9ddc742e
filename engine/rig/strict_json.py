"""JSON from strangers: size, encoding, depth, numbers and double keys are checked before anybody looks at a field.

Whatever is wrong becomes one PresetError that names the file, the line and the field.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ..values.errors import PresetError
from .json_lines import Spot, deepest_spot, spot_of_half_character, spot_of_repeat, spot_of_value

MAX_FILE_BYTES = 1_000_000      # a preset of 2,000 targets is about 300 kB
MAX_DIGITS = 20                 # of a whole number; Python itself refuses far longer ones with a less clear message
MAX_KEY_CHARACTERS = 60         # of a key, in a message
NEXT_STEP = "Mend the file (presets/SCHEMA.md explains every field) or choose another preset."


def read_json(path: str | Path) -> object:
    """Read one small JSON file.

    Raises:
        PresetError: missing, larger than MAX_FILE_BYTES, not UTF-8, not JSON, nested too deeply, NaN or infinite, a key twice.
    """
    return parse_json(read_bytes(Path(path)), path)


class _Refused(ValueError):
    """Something that the parser met; find gives its place in the text."""

    def __init__(self, message: str, find: Callable[[str], Spot | None]) -> None:
        super().__init__(message)
        self.find = find


def parse_json(content: bytes, path: str | Path) -> object:
    """JSON without what JSON does not allow or what hides mistakes: NaN, infinite numbers, a key twice. Raises as read_json does."""
    text = decode(content, path)
    try:
        document: object = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer)
        json.dumps(document, ensure_ascii=False).encode()   # refuses half a surrogate pair, which no name can hold
        return document
    except UnicodeEncodeError as error:
        place = _place(spot_of_half_character(text))
        raise PresetError(f"Preset file {path}{place} holds half a character (an escape \\ud800 to \\udfff alone). {NEXT_STEP}") from error
    except json.JSONDecodeError as error:
        raise PresetError(
            f"Preset file {path} is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}. Mend that line."
        ) from error
    except RecursionError as error:
        raise PresetError(f"Preset file {path}{_place(deepest_spot(text))} is nested too deeply; a preset needs 4 levels. {NEXT_STEP}") from error
    except _Refused as error:
        raise PresetError(f"Preset file {path}{_place(error.find(text))}: {error}. {NEXT_STEP}") from error


def decode(content: bytes, path: str | Path) -> str:
    """The text of a file. Raises PresetError: not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PresetError(f"Preset file {path} is not UTF-8 text (byte {error.start}). Save it as UTF-8 JSON.") from error


def _place(spot: Spot | None) -> str:
    return f", {spot}" if spot else ""


def read_bytes(path: Path) -> bytes:
    """What a small file holds. Raises PresetError: missing, or larger than MAX_FILE_BYTES."""
    try:
        if not path.is_file():
            raise PresetError(f"Preset file {path} does not exist or is no file. Check the path, or choose a preset from the list.")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise PresetError(f"Preset file {path} cannot be read: {error}. Check the path and its permissions.") from error
    if len(content) > MAX_FILE_BYTES:
        raise PresetError(f"Preset file {path} is larger than {MAX_FILE_BYTES:,} bytes, the limit. Is it a preset? Choose another file.")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            shown = key[:MAX_KEY_CHARACTERS]
            raise _Refused(f"the key {shown!r} stands twice in one object; each may stand once", partial(spot_of_repeat, key=key))
        found[key] = value
    return found


def _no_constant(text: str) -> float:
    raise _Refused(f"{text} is not a number that JSON allows; write a finite number", partial(spot_of_value, token=text))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Refused(f"the number {text[:MAX_DIGITS]} is too large; write a number within +-10,000", partial(spot_of_value, token=text))
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _Refused(
            f"the number {text[:MAX_DIGITS]}... has {len(text)} digits; write a number within +-10,000", partial(spot_of_value, token=text),
        )
    return int(text)
