"""JSON from strangers: size, encoding, depth, numbers and double keys are checked before anybody looks at a field.

Whatever is wrong becomes one PresetError that names the file, and the line where there is one.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from .errors import PresetError

MAX_FILE_BYTES = 1_000_000      # a preset of 2,000 targets is about 300 kB
MAX_DIGITS = 20                 # of a whole number; Python itself refuses far longer ones with a less clear message
NEXT_STEP = "Mend the file (presets/SCHEMA.md explains every field) or choose another preset."


def read_json(path: str | Path) -> object:
    """Read one small JSON file.

    Raises:
        PresetError: missing, larger than MAX_FILE_BYTES, not UTF-8, not JSON, nested too deeply, NaN or infinite, a key twice.
    """
    return parse_json(_read(Path(path)), path)


def parse_json(content: bytes, path: str | Path) -> object:
    """JSON without what JSON does not allow or what hides mistakes: NaN, infinite numbers, a key twice."""
    try:
        document: object = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite, parse_int=_integer
        )
        json.dumps(document, ensure_ascii=False).encode()   # refuses half a surrogate pair, which no name can hold
        return document
    except UnicodeEncodeError as error:
        raise PresetError(f"Preset file {path} holds half a character (an escape \\ud800 to \\udfff alone). {NEXT_STEP}") from error
    except UnicodeDecodeError as error:
        raise PresetError(f"Preset file {path} is not UTF-8 text (byte {error.start}). Save it as UTF-8 JSON.") from error
    except json.JSONDecodeError as error:
        raise PresetError(
            f"Preset file {path} is not valid JSON: line {error.lineno}, column {error.colno}: {error.msg}. Mend that line."
        ) from error
    except RecursionError as error:
        raise PresetError(f"Preset file {path} is nested too deeply; a preset needs 4 levels. {NEXT_STEP}") from error
    except ValueError as error:
        raise PresetError(f"Preset file {path}: {error}. {NEXT_STEP}") from error


def _read(path: Path) -> bytes:
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
            raise ValueError(f"the key {key[:60]!r} stands twice in one object; each may stand once")
        found[key] = value
    return found


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number that JSON allows; write a finite number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:MAX_DIGITS]} is too large; write a number within +-10,000")
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"the number {text[:MAX_DIGITS]}... has {len(text)} digits; write a number within +-10,000")
    return int(text)
