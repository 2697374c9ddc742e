"""Fitted heads as files: one .npz beside the user's presets, with its arrays and a description as JSON.

`info` holds UTF-8 JSON (fields of FittedHead but the arrays; `schema`; the prior as the text of a preset); every other
member is an array of float32. A file may come from anywhere: nothing in it is run or unpickled, and whatever is wrong
with it becomes one TeachError.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..values.array_files import ArrayFileError, read_arrays
from ..values.errors import OutputError, PresetError, TeachError
from ..values.messages import number_of
from ..values.types import FloatArray, Rig, RigChannel
from .fitted_head import Examples, FittedHead, Score, label
from .preset_file import COMPONENTS, check_preset, file_stem, to_text
from .strict_json import parse_json

__all__ = [
    "check_path", "chosen_fitted_head", "label", "load_fitted_head", "renamed", "rig_of", "save_fitted_head",
    "scan_fitted_heads", "write_fitted_head",
]

SCHEMA = 2                      # 1 saw the phones in another way
SUFFIX = ".npz"
MAX_OFFSET = 100                # frames
MAX_LAG_S = 1.0
ARRAYS = ("centre", "scale", "weight", "bias", "rest", "low", "high")
EXAMPLES = ("sound", "seconds", "values")      # all three, or none: files of 0.1 have none
TEXTS = ("name", "model", "mark", "head", "identity")
KINDS = ("shape_key", "bone", "property")
NEXT_STEP = "Teach again from your take, or choose another preset."
INFO_FIELDS = (*TEXTS, "strength", "offsets", "lag_s", "take_s", "unheard")


def save_fitted_head(fitted: FittedHead, folder: str | Path) -> Path:
    """Write a fitted head into a folder, over one of the same name and no other; its path. Raises OutputError."""
    stem, number = file_stem(fitted.name), 2
    path = Path(folder) / f"{stem}{SUFFIX}"
    while path.exists() and not _holds(path, fitted.name):
        path = Path(folder) / f"{stem}_{number}{SUFFIX}"
        number += 1
    return write_fitted_head(fitted, path)


def write_fitted_head(fitted: FittedHead, path: Path) -> Path:
    """Write a fitted head to this file, whole or not at all. Raises OutputError."""
    info = {"schema": SCHEMA, **{name: getattr(fitted, name) for name in INFO_FIELDS}}
    info["controls"] = [asdict(control) for control in fitted.controls]
    info["scores"] = [asdict(score) for score in fitted.scores]
    info["prior"] = json.loads(to_text(fitted.prior)) if fitted.prior else None
    content = io.BytesIO()
    text = np.frombuffer(json.dumps(info, ensure_ascii=False).encode(), np.uint8)
    arrays = {name: getattr(fitted, name) for name in ARRAYS}
    if fitted.examples:
        arrays |= {name: getattr(fitted.examples, name) for name in EXAMPLES}
        arrays["sound"] = arrays["sound"].astype(np.float16)
    np.savez_compressed(content, info=text, **arrays)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content.getvalue())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"Taught head {fitted.name!r} cannot be written to {path}: {error.strerror or error}. "
            "Choose a folder that you may write to."
        ) from error
    return path


def load_fitted_head(path: str | Path) -> FittedHead:
    """Read and check one fitted head.

    Raises:
        TeachError: missing, damaged, of a newer version, sizes that do not fit, numbers that are not finite.
    """
    path = Path(path)
    members = _read(path)
    try:
        info = parse_json(members.pop("info").astype(np.uint8).tobytes(), path)
        schema = info.get("schema") if isinstance(info, dict) else None
        if isinstance(schema, int) and schema > SCHEMA:
            raise TeachError(
                f"Taught file {path} is of schema {schema}; this version reads up to {SCHEMA}. "
                "Update UniTalker Lip Sync."
            )
        if schema == 1:
            raise TeachError(f"Taught file {path} is of schema 1, which this version hears differently. {NEXT_STEP}")
        if not isinstance(info, dict) or schema != SCHEMA:
            raise ValueError(f"schema {SCHEMA} is missing")
        return _fitted_head(info, members, path)
    except PresetError as error:
        raise TeachError(f"Taught file {path} is damaged: {error}") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise _damaged(path, error) from error


def scan_fitted_heads(folders: Sequence[str]) -> tuple[tuple[FittedHead, ...], tuple[TeachError, ...]]:
    """The fitted heads of some folders, and one error for each file that is damaged."""
    found, damaged = [], []
    for path in (path for folder in folders for path in sorted(Path(folder).glob(f"*{SUFFIX}"))):
        try:
            found.append(load_fitted_head(path))
        except TeachError as error:
            damaged.append(error)
    return tuple(found), tuple(damaged)


def chosen_fitted_head(rig: Rig) -> FittedHead | None:
    """The fitted head that rig.preset names, None where it names a preset. Raises TeachError.

    It names a .npz file, in rig.preset_folders unless it is a path.
    """
    wanted = rig.preset.strip()
    if not wanted.lower().endswith(SUFFIX):
        return None
    folders = rig.preset_folders if Path(wanted).name == wanted else ()
    places = [Path(wanted), *(Path(folder) / wanted for folder in folders)]
    return load_fitted_head(next((place for place in places if os.path.isfile(place)), places[-1]))


def rig_of(path: str) -> Rig:
    """A character with just the controls of a fitted head, which is its preset. Raises TeachError."""
    names: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for control in load_fitted_head(path).controls:
        names[control.kind].add(control.name)
    shape_keys, bones, properties = (frozenset(names[kind]) for kind in KINDS)
    return Rig(shape_keys, bones, properties, preset=str(path))


def check_path(path: Path) -> None:
    """Raise OutputError where a fitted head cannot have this file name."""
    if path.suffix != SUFFIX:
        raise OutputError(f"Output {path} must end in {SUFFIX}. Give another file name.")


def renamed(fitted: FittedHead, name: str) -> FittedHead:
    """The same head under a name that people choose. Raises TeachError where there is none."""
    if not name.strip():
        raise TeachError("The taught head has no name. Give it one.")
    return replace(fitted, name=name.strip())


def _holds(path: Path, name: str) -> bool:
    try:
        return load_fitted_head(path).name == name
    except TeachError:
        return False


def _read(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise TeachError(f"Taught file {path} does not exist. {NEXT_STEP}")
        arrays = read_arrays(path)
        if set(arrays) - set(EXAMPLES) != {"info", *ARRAYS}:
            there = ", ".join(sorted(arrays)[:8]) or "nothing"
            raise ArrayFileError(f"it holds {there}, needed are info, {', '.join(ARRAYS)}")
    except (ArrayFileError, OSError) as error:
        raise _damaged(path, error) from error
    return arrays


def _damaged(path: Path, error: BaseException) -> TeachError:
    reason = f"{error} is missing" if isinstance(error, KeyError) else str(error).split(". ", maxsplit=1)[0]
    return TeachError(f"Taught file {path} is damaged ({reason[:200]}). {NEXT_STEP}")


def _fitted_head(info: dict[str, Any], members: dict[str, Any], path: Path) -> FittedHead:
    """Raises ValueError, TypeError or KeyError where anything does not fit."""
    if not all(isinstance(info[name], str) for name in TEXTS) or not info["name"].strip():
        raise ValueError(f"{', '.join(TEXTS)} must be texts")
    controls = tuple(_control(entry) for entry in info["controls"])
    offsets = tuple(_whole(offset, MAX_OFFSET, "offset") for offset in info["offsets"])
    arrays: dict[str, Any] = {name: _numbers(name, members[name]) for name in ARRAYS}
    width, count = len(arrays["centre"]), len(controls)
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("bias", "rest", "low", "high"), (count,))
    shapes |= {"centre": (width,), "scale": (width,), "weight": (width * len(offsets), count)}
    for name in ARRAYS:
        if arrays[name].shape != shapes[name]:
            raise ValueError(f"{name} has shape {arrays[name].shape}, must be {shapes[name]}")
    is_ranged = (arrays["scale"] > 0).all() and (arrays["low"] <= arrays["high"]).all()
    if not (count and offsets and width and is_ranged) or len(set(controls)) < count:
        raise ValueError("controls, offsets, scale or ranges cannot be used")
    scores = tuple(_score(entry) for entry in info["scores"])
    if len(scores) != count:
        raise ValueError(f"there are {number_of(len(scores), 'score')} for {number_of(count, 'control')}")
    texts: dict[str, Any] = {name: info[name] for name in TEXTS}
    return FittedHead(
        **texts, strength=_number(info["strength"], "strength"), controls=controls, offsets=offsets, **arrays,
        lag_s=_number(info["lag_s"], "lag_s", MAX_LAG_S), scores=scores, take_s=_number(info["take_s"], "take_s"),
        prior=None if info["prior"] is None else check_preset(info["prior"], str(path)),
        unheard=tuple(map(str, info["unheard"])), path=str(path), examples=_examples(members, count),
    )


def _examples(members: dict[str, Any], count: int) -> Examples | None:
    """What the head was taught from, where the file has it. Raises ValueError, KeyError."""
    if not set(members) & set(EXAMPLES):
        return None
    sound, seconds, values = (_numbers(name, members[name]) for name in EXAMPLES)
    if sound.ndim != 1 or seconds.ndim != 1 or values.shape != (len(seconds), count) or not len(sound):
        raise ValueError(f"examples have shapes {sound.shape}, {seconds.shape} and {values.shape}")
    return Examples(sound, seconds, values)


def _control(entry: dict[str, Any]) -> RigChannel:
    index = _whole(entry["index"], 3, "index")
    control = RigChannel(str(entry["kind"]), str(entry["name"]), str(entry["path"]), index)
    is_path = control.path in COMPONENTS if control.kind == "bone" else not control.path
    if control.kind not in KINDS or not control.name or not is_path or not 0 <= index < COMPONENTS.get(control.path, 1):
        raise ValueError(f"control {str(entry)[:80]} is none")
    return control


def _score(entry: dict[str, Any]) -> Score:
    numbers: dict[str, Any] = {}
    for name in ("r", "rms", "rms_mean", "r_prior", "rms_prior"):
        is_none = entry[name] is None and name.endswith("prior")
        numbers[name] = None if is_none else _number(entry[name], name)
    if not isinstance(entry["learned"], bool):
        raise ValueError("learned must be true or false")
    return Score(**numbers, learned=entry["learned"])


def _numbers(name: str, values: NDArray[Any]) -> FloatArray:
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        raise ValueError(f"{name} does not hold finite numbers")
    return np.asarray(values, np.float32)


def _number(value: object, what: str, most: float = 1e6) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > most:
        raise ValueError(f"{what} is {str(value)[:40]}")
    return float(value)


def _whole(value: object, most: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > most:
        raise ValueError(f"{what} is {str(value)[:40]}")
    return value
