"""Preset files: read and check them, and write them so that they are read back to the same preset.

A preset is data from anywhere: nothing in it is ever run, and whatever is wrong with it becomes one PresetError.
presets/SCHEMA.md explains the fields.
"""

from __future__ import annotations

import difflib
import functools
import json
import math
import os
import re
import reprlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from ..values.channels import LIFE
from ..values.errors import OutputError, PresetError
from ..values.packages import needs
from ..values.types import RigChannel
from . import mirror
from .preset import ARKIT_SOURCE, SOURCES, Preset, Target
from .strict_json import NEXT_STEP, decode, line_of, parse_json, read_bytes, read_json

SCHEMA = 1                          # the newest schema this version reads
MAX_SHOWN_CHARACTERS = 60           # of a wrong value, in a message
TOP = "top level"                   # stands for the whole file in a message
SCHEMA_FILE_NAME = "schema.json"    # lies beside the bundled presets
BONES_FILE_NAME = "bones.json"      # lies there too: usual names of the bones for head, gaze and breath
NOT_PRESETS = (SCHEMA_FILE_NAME, BONES_FILE_NAME)
COMPONENTS = {"location": 3, "rotation_euler": 3, "rotation_quaternion": 4, "scale": 3}
MAX_FILE_NAME_CHARACTERS = 60       # far below the 255 bytes of common file systems
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)$")


class WrongField(PresetError):
    """A field that is missing or wrong.

    Attributes:
        what: is wrong with it, and the next step. place: the field whose line the message names.
    """

    def __init__(self, path: str, field: str, what: str) -> None:
        super().__init__(f"Preset file {path}, {field}: {what}")
        self.field, self.what, self.place = field, what, field

    def at(self, place: str) -> WrongField:
        """The same error for the line of another field."""
        self.place = place
        return self


def data_folder() -> Path:
    """Folder of the bundled presets and their schema: inside the installed package, else beside engine/."""
    inside = Path(__file__).resolve().parents[1] / "presets_data"
    return inside if (inside / SCHEMA_FILE_NAME).is_file() else Path(__file__).resolve().parents[2] / "presets"


def load_preset(path: str | Path) -> Preset:
    """Read and check one preset file.

    Raises:
        PresetError: missing, too large, not JSON, or a field that is wrong (with its line, place and value).
    """
    content = read_bytes(Path(path))
    try:
        return replace(check_preset(parse_json(content, path), str(path)), path=str(path))
    except WrongField as error:
        line = line_of(decode(content, path), error.place)
        raise PresetError(f"Preset file {path}, line {line}, {error.field}: {error.what}") from error


def check_preset(content: object, path: str) -> Preset:
    """The preset that parsed JSON describes; path only names it in messages.

    Raises:
        PresetError: a field is missing, unknown, of the wrong type or outside its limits, or the schema is too new.
    """
    _check_version(content, path)
    _check_schema(content, path)
    document = cast(dict[str, Any], content)
    targets: list[Target] = []
    first: dict[RigChannel, int] = {}
    for i, entry in enumerate(document["targets"]):
        for target in _targets(entry, f"targets[{i}]", document["source"], path):
            if first.setdefault(target.to, i) != i:
                allowed = f"something that targets[{first[target.to]}] does not write already; "
                allowed += "put all its channels into one \"from\""
                raise _wrong(path, f"targets[{i}].to", target.to.name, allowed)
            targets.append(target)
    detect = document.get("detect", {})
    return Preset(
        name=document["name"].strip(), source=document["source"], targets=tuple(targets),
        any_of=tuple(detect.get("any_of", ())), at_least=int(detect.get("at_least", 1)),
        description=document.get("description", ""), generic=detect.get("generic", False),
        auto=detect.get("auto", True), hold_frames=int(document.get("hold_frames", 0)),
        names_from=document.get("names_from", ""),
    )


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
            f"Preset {preset.name!r} cannot be written to {folder}: {error.strerror or error}. "
            "Choose a folder that you may write to."
        ) from error
    return path


def export_preset(preset: Preset, path: str | Path) -> Path:
    """Write preset to this file, over what it holds. Raises as save_preset does."""
    text, path = to_text(preset), Path(path)
    check_preset(parse_json(text.encode(errors="surrogatepass"), preset.name), preset.name)
    try:
        _write(text, path)
    except OSError as error:
        raise OutputError(
            f"Preset {preset.name!r} cannot be written to {path}: {error.strerror or error}. Choose another file."
        ) from error
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


def file_stem(name: str) -> str:
    """A file name without ending for a name that people chose: letters, digits, - and _."""
    stem = re.sub(r"[^\w-]+", "_", name.lower()).strip("_")[:MAX_FILE_NAME_CHARACTERS] or "preset"
    return stem + "_preset" if stem == "schema" or _WINDOWS_DEVICES.match(stem) else stem


def default_offset(channel: RigChannel) -> float:
    """Rest value: 1 for scale and for w of a quaternion, else a still face would collapse the bone."""
    return 1.0 if channel.path == "scale" or (channel.path == "rotation_quaternion" and channel.index == 0) else 0.0


def default_clamp(channel: RigChannel) -> tuple[float, float] | None:
    """A shape key's slider goes from 0 to 1 unless its preset says otherwise."""
    return (0.0, 1.0) if channel.kind == "shape_key" else None


def _check_version(document: object, path: str) -> None:
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise PresetError(
            f"Preset file {path} is written for preset schema {schema}; this version reads up to {SCHEMA}. "
            "Update UniTalker Lip Sync, or choose another preset."
        )


def _check_schema(document: object, path: str) -> None:
    with needs("fastjsonschema"):
        import fastjsonschema

    try:
        _validator()(document)
    except fastjsonschema.JsonSchemaValueException as error:
        field, rule = _field(error.path[1:]), str(error.rule)
        if rule == "additionalProperties":
            allowed = error.definition["properties"]
            extra = min(set(error.value) - set(allowed))
            fields = "one of the fields " + ", ".join(key for key in allowed if key[0] != "$")
            place = extra if field == TOP else f"{field}.{extra}"
            raise _wrong(path, field, extra, fields, allowed).at(place) from error
        if rule == "required":
            absent = next(key for key in error.definition["required"] if key not in error.value)
            raise WrongField(path, field, f"the field {absent!r} is missing. {NEXT_STEP}") from error
        raise _wrong(path, field, error.value, _allowed(rule, error.rule_definition, field)) from error


@functools.cache
def _validator() -> Callable[[object], object]:
    """Checker made once from our own schema.json."""
    with needs("fastjsonschema"):
        import fastjsonschema

    schema = cast(dict[str, Any], read_json(data_folder() / SCHEMA_FILE_NAME))
    return cast(Callable[[object], object], fastjsonschema.compile(schema, use_default=False))


def _field(steps: Iterable[str]) -> str:
    """["targets", "3", "from"] as "targets[3].from"."""
    text = "".join(f"[{step}]" if step.isdigit() else f".{_shortened(step)}" for step in steps)
    return text.lstrip(".") or TOP


def _allowed(rule: str, definition: str | float | list[object], field: str) -> str:
    """What a rule of the schema asks for, in words."""
    if rule == "pattern" and field.endswith("path"):
        return 'a custom property as ["Name"] or pose.bones["Bone"]["Name"]'
    if rule == "pattern":
        return "text without control characters"
    words = {
        "enum": "{}", "type": "of type {}", "minimum": "{} or more", "maximum": "{} or less",
        "minLength": "text of {} or more characters", "maxLength": "text of at most {} characters",
        "minItems": "a list of {} or more entries", "maxItems": "a list of at most {} entries",
        "minProperties": "an object with {} or more fields", "maxProperties": "an object with at most {} fields",
    }
    asked = " or ".join(map(str, definition)) if isinstance(definition, list) else definition
    return words.get(rule, rule + " {}").format(asked)


def _targets(entry: dict[str, Any], field: str, source: str, path: str) -> tuple[Target, ...]:
    """The target of one entry, and with "mirror" the one of the face's other side."""
    target = _target(entry, field, source, path)
    if not entry.get("mirror", False):
        return (target,)
    other = mirror.mirror_target(target)
    if other is None:
        raise _wrong(path, f"{field}.mirror", True, "left out where the name in \"to\" has no side")
    return target, other


def _target(entry: dict[str, Any], field: str, source: str, path: str) -> Target:
    if source not in SOURCES:
        raise _wrong(path, "source", source, "one of " + ", ".join(SOURCES), SOURCES)
    for channel in entry["from"]:
        if channel not in SOURCES[source] and channel not in LIFE:
            error = _wrong(path, f"{field}.from", channel, f"a channel of {source}", (*SOURCES[source], *LIFE))
            raise error.at(f"{field}.from.{channel}")
    to = entry["to"]
    channel = _rig_channel(to)
    size = COMPONENTS.get(channel.path, math.inf)
    if channel.index >= size:
        raise _wrong(path, f"{field}.to.index", channel.index, f"0 to {size - 1} for {channel.path}")
    if "unit" in to and channel.path != ("location" if to["unit"] == "limit" else "rotation_euler"):
        allowed = "degree or radian for rotation_euler, limit for location, and left out for the others"
        raise _wrong(path, f"{field}.to.unit", to["unit"], allowed)
    clamp = entry.get("clamp", default_clamp(channel))
    if clamp is not None and clamp[0] > clamp[1]:
        raise _wrong(path, f"{field}.clamp", clamp, "[lowest, highest]")
    combine, blend = entry.get("combine", "sum"), entry.get("blend", "")
    if combine != "sum" and len(entry["from"]) < 2:
        allowed = f"two or more channels where combine is {combine}"
        raise _wrong(path, f"{field}.from", next(iter(entry["from"])), allowed)
    if blend and (combine != "sum" or "share" in entry):
        allowed = "left out where combine or share is given: a blend mixes and limits its shapes itself"
        raise _wrong(path, f"{field}.blend", blend, allowed)
    if blend and source != ARKIT_SOURCE:
        raise _wrong(path, f"{field}.blend", blend, f"left out unless source is {ARKIT_SOURCE}")
    return Target(
        to=channel, sources=tuple((name, float(weight)) for name, weight in entry["from"].items()),
        gain=float(entry.get("gain", 1.0)), offset=float(entry.get("offset", default_offset(channel))),
        clamp=None if clamp is None else (float(clamp[0]), float(clamp[1])), degrees=to.get("unit") == "degree",
        share=entry.get("share", ""), gamma=float(entry.get("gamma", 1.0)), combine=combine, blend=blend,
        to_limit=to.get("unit") == "limit",
    )


def _rig_channel(to: dict[str, Any]) -> RigChannel:
    if to["kind"] == "bone":
        return RigChannel("bone", to["bone"], to["path"], int(to.get("index", 0)))
    return RigChannel(to["kind"], to["name"] if to["kind"] == "shape_key" else to["path"])


def _wrong(path: str, field: str, value: object, allowed: str, close_to: Iterable[str] = ()) -> WrongField:
    close = difflib.get_close_matches(value, list(close_to), n=1) if isinstance(value, str) and len(value) < 256 else []
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return WrongField(path, field, f"{_shown(value)} is not allowed; it must be {allowed}.{hint} {NEXT_STEP}")


def _shown(value: object) -> str:
    """A value from the file, cut so that the message stays one line whatever the file holds."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = MAX_SHOWN_CHARACTERS
    return _shortened(short.repr(value))


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "..."


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


def _free_path(name: str, folder: Path) -> Path:
    """The file of folder that holds the preset of this name, or a new file."""
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
