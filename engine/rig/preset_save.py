"""Write a rig preset as a file that preset_file.py reads back to the same preset."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from ..values.errors import OutputError, PresetError
from .preset import Preset, Target
from .preset_file import SCHEMA, check_preset, default_clamp, default_offset, load_preset
from .strict_json import parse_json

MAX_FILE_NAME_CHARACTERS = 60       # far below the 255 bytes of common file systems
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)$")


def save_preset(preset: Preset, folder: str | Path) -> Path:
    """Write preset as a new file of folder, or over the file that holds the preset of this name, and return its path.

    The file name is made from the preset's name and never leaves folder.

    Raises:
        PresetError: a field is wrong; the same limits hold as for reading.
        OutputError: the folder cannot be written.
    """
    text = to_text(preset)
    check_preset(parse_json(text.encode(errors="surrogatepass"), preset.name), preset.name)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = _free_path(preset.name, folder)
        _write(text, path)
    except OSError as error:
        raise OutputError(
            f"Preset {preset.name!r} cannot be written to {folder}: {error.strerror or error}. Choose a folder that you may write to."
        ) from error
    return path


def export_preset(preset: Preset, path: str | Path) -> Path:
    """Write preset to this file, over what it holds. Raises as save_preset does."""
    text, path = to_text(preset), Path(path)
    check_preset(parse_json(text.encode(errors="surrogatepass"), preset.name), preset.name)
    try:
        _write(text, path)
    except OSError as error:
        raise OutputError(f"Preset {preset.name!r} cannot be written to {path}: {error.strerror or error}. Choose another file.") from error
    return path


def to_text(preset: Preset) -> str:
    """The preset as JSON, one target a line, what equals its default left out."""
    head: dict[str, Any] = {"schema": SCHEMA, "name": preset.name}
    if preset.description:
        head["description"] = preset.description
    if preset.names_from:
        head["names_from"] = preset.names_from
    head["source"] = preset.source
    if preset.hold_frames:
        head["hold_frames"] = preset.hold_frames
    head["detect"] = {
        **({"any_of": list(preset.any_of)} if preset.any_of else {}), "at_least": preset.at_least,
        **({"generic": True} if preset.generic else {}), **({} if preset.auto else {"auto": False}),
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    targets = ",\n  ".join(json.dumps(_entry(target), ensure_ascii=False) for target in preset.targets)
    return "{" + ",\n ".join(lines) + ',\n "targets": [\n  ' + targets + "\n ]}\n"


def _entry(target: Target) -> dict[str, Any]:
    entry: dict[str, Any] = {"to": _to(target), "from": dict(target.sources)}
    if target.gain != 1.0:
        entry["gain"] = target.gain
    if target.offset != default_offset(target.to):
        entry["offset"] = target.offset
    if target.clamp != default_clamp(target.to):
        entry["clamp"] = None if target.clamp is None else list(target.clamp)
    if target.share:
        entry["share"] = target.share
    if target.gamma != 1.0:
        entry["gamma"] = target.gamma
    if target.combine != "sum":
        entry["combine"] = target.combine
    if target.blend:
        entry["blend"] = target.blend
    return entry


def _to(target: Target) -> dict[str, Any]:
    to = target.to
    if to.kind == "bone":
        unit = {"unit": "degree"} if target.degrees else {"unit": "limit"} if target.to_limit else {}
        return {"kind": "bone", "bone": to.name, "path": to.path, "index": to.index, **unit}
    return {"kind": to.kind, "name" if to.kind == "shape_key" else "path": to.name}


def file_stem(name: str) -> str:
    """A file name without ending for a name that people chose: letters, digits, - and _."""
    stem = re.sub(r"[^\w-]+", "_", name.lower()).strip("_")[:MAX_FILE_NAME_CHARACTERS] or "preset"
    return stem + "_preset" if stem == "schema" or _WINDOWS_DEVICES.match(stem) else stem


def _free_path(name: str, folder: Path) -> Path:
    """The file of folder that holds the preset of this name, or a new one; only letters, digits, - and _ reach the file name."""
    stem = file_stem(name)
    path = folder / f"{stem}.json"
    number = 2
    while path.exists() and not _holds(path, name):
        path = folder / f"{stem}_{number}.json"
        number += 1
    return path


def _holds(path: Path, name: str) -> bool:
    try:
        return load_preset(path).name == name.strip()
    except PresetError:
        return False


def _write(text: str, path: Path) -> None:
    """Write beside the file and rename, so that nobody ever reads half a preset."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
