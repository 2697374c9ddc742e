"""Rows of the open mapping as targets of a preset, and back without loss."""

from __future__ import annotations

import difflib
import json
from dataclasses import replace

import bpy

from ...engine import PresetError, RigChannel
from ...engine.rig.preset import SOURCES, Preset, Target
from .labels import label

SIGNIFICANT_DIGITS = 7          # of a weight: Blender's properties hold no more, and 0.1 shall stay 0.1 in the file
# Fields of a preset that the panel does not show; they wait in the mapping's head.
HEAD = ("description", "names_from", "any_of", "at_least", "generic", "auto", "hold_frames")
SAME_FIELDS = ("gain", "offset", "gamma", "combine", "share", "blend", "to_limit")      # of a row and of a target


def fill(mapping: bpy.types.PropertyGroup, preset: Preset) -> None:
    """Show the targets of a preset, in place of the rows that are there."""
    mapping.targets.clear()
    for target in preset.targets:
        add(mapping, target)


def add(mapping: bpy.types.PropertyGroup, target: Target) -> None:
    """Append a row and make it the active one."""
    was_open, mapping.is_open = mapping.is_open, False          # else each field would look at the whole character
    row, to = mapping.targets.add(), target.to
    row.kind, row.control, row.path = to.kind, to.name, to.path or 'rotation_euler'
    setattr(row, "component" if to.path == 'rotation_quaternion' else "axis", str(to.index))
    row.degrees = target.degrees or to.path != 'rotation_euler'
    for name in SAME_FIELDS:
        setattr(row, name, getattr(target, name))
    row.limited = target.clamp is not None
    row.low, row.high = target.clamp or (0.0, 1.0)
    for channel, weight in target.sources:
        source = row.sources.add()
        source.channel, source.weight = channel, weight
    mapping.is_open = was_open
    mapping.active = len(mapping.targets) - 1


def to_preset(mapping: bpy.types.PropertyGroup) -> Preset:
    """The open mapping as a preset.

    Raises:
        PresetError: naming the row where nothing is chosen, a channel is missing or unknown, or a control comes twice.
    """
    if not mapping.title.strip():
        raise PresetError("The mapping has no name. Give it one.")
    if not mapping.targets:
        raise PresetError(f"The mapping {mapping.title!r} is empty. Add a control, or learn one from two poses.")
    first: dict[RigChannel, int] = {}
    for number, row in enumerate(mapping.targets, 1):
        _check(row, number, SOURCES[mapping.source])
        before = first.setdefault(control_of(row), number)
        if before != number:
            raise PresetError(f"{label(row)} stands in rows {before} and {number}. Put all its channels into one row.")
    preset = Preset(mapping.title.strip(), mapping.source, tuple(target_of(row) for row in mapping.targets))
    head = json.loads(mapping.head or "{}")
    return replace(preset, **{name: _hashable(head[name]) for name in HEAD if name in head})


def target_of(row: bpy.types.PropertyGroup) -> Target:
    """One row as a target of a preset."""
    to = control_of(row)
    return Target(
        to, tuple((source.channel, _number(source.weight)) for source in row.sources),
        _number(row.gain), _number(row.offset),
        clamp=(_number(row.low), _number(max(row.low, row.high))) if row.limited else None,
        degrees=to.path == 'rotation_euler' and row.degrees, share=row.share, gamma=_number(row.gamma),
        combine=row.combine, blend=row.blend, to_limit=to.path == 'location' and row.to_limit,
    )


def control_of(row: bpy.types.PropertyGroup) -> RigChannel:
    """What a row moves."""
    if row.kind != 'bone':
        return RigChannel(row.kind, row.control)
    index = row.component if row.path == 'rotation_quaternion' else row.axis
    return RigChannel("bone", row.control, row.path, int(index))


def complete(mapping: bpy.types.PropertyGroup) -> list[Target]:
    """Targets of the rows that could be keyed as they are; half-made rows are left out."""
    channels = SOURCES[mapping.source]
    targets: dict[RigChannel, Target] = {}
    for row in mapping.targets:
        target = target_of(row)
        known = tuple((channel, weight) for channel, weight in dict(target.sources).items() if channel in channels)
        corrective_lacks_one = row.combine != 'sum' and len(known) < len(row.sources)
        if row.control and known and not corrective_lacks_one:
            targets.setdefault(target.to, replace(target, sources=known))
    return list(targets.values())


def _check(row: bpy.types.PropertyGroup, number: int, channels: tuple[str, ...]) -> None:
    if not row.control:
        raise PresetError(
            f"Row {number} of the mapping moves nothing yet. Choose its shape key, bone or property, or remove the row."
        )
    if not row.sources:
        raise PresetError(f"{label(row)} (row {number}) has no channel. Add one, or remove the row.")
    names = [source.channel for source in row.sources]
    unknown = next((name for name in names if name not in channels), None)
    if unknown is not None:
        close = difflib.get_close_matches(unknown, channels, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else "Choose one from the list."
        what = f"{unknown!r} is no face channel" if unknown else "a channel is not chosen"
        raise PresetError(f"{label(row)} (row {number}): {what}. {hint}")
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise PresetError(f"{label(row)} (row {number}) has the channel {twice!r} twice. Remove one.")


def _hashable(value: object) -> object:
    """A list of JSON as the tuple that a preset holds."""
    return tuple(value) if isinstance(value, list) else value


def _number(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
