"""A mapping made by hand: from a preset to Blender's properties and back, what is not mapped yet, and two recorded poses.

Plain functions; mapping_operators.py and mapping_panel.py show them.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import replace

import bpy

from ...engine import PresetError, RigChannel, RigError
from ...engine.rig import name_hints, pose_mapping, preset_file, presets
from ...engine.rig.preset import SOURCES, Preset, Target
from ...engine.values.channels import region
from ...engine.values.messages import number_of
from ..character import character as rig
from ..character import controls
from ..host.preferences import user_folder
from . import my_presets
from .properties import control_name, label

SIGNIFICANT_DIGITS = 7          # of a weight: Blender's properties hold no more, and 0.1 shall stay 0.1 in the file
HEAD = ("description", "names_from", "any_of", "at_least", "generic", "auto", "hold_frames")     # fields of a preset that the panel does not show
HINTS_SOURCE = "arkit52"        # channels with names; those of other sources are numbers


def character_of(context: bpy.types.Context) -> rig.Character:
    """The panel's character. Raises RigError."""
    settings = context.scene.unitalker
    return rig.gather(context, settings.character.name if settings.character else "", settings.with_related)


def start(context: bpy.types.Context, empty: bool) -> None:
    """Open a mapping: an empty one, or the preset that fits the character. Raises EngineError kinds."""
    character = character_of(context)
    title = f"{character.name} mapping"
    if empty:
        preset = Preset(title, catalog_source(context), ())
    else:
        preset = my_presets.fitting(context)
        own = bool(preset.path) and user_folder("presets") in preset.path
        preset = preset if own else replace(preset, name=title)
    open_preset(context, preset)
    context.scene.unitalker_mapping.changed = empty or not own


def catalog_source(context: bpy.types.Context) -> str:
    """The channel set that the chosen head gives."""
    from ..take import catalog

    return catalog.source(context.scene.unitalker)


def open_preset(context: bpy.types.Context, preset: Preset) -> None:
    """Show a preset for editing, in place of what was open."""
    mapping = context.scene.unitalker_mapping
    mapping.title, mapping.source = preset.name, preset.source
    mapping.head = json.dumps({name: getattr(preset, name) for name in HEAD})
    _fill(mapping, preset)
    mapping.is_open, mapping.changed, mapping.active = True, False, 0
    look_again(context)


def _fill(mapping: bpy.types.PropertyGroup, preset: Preset) -> None:
    mapping.targets.clear()
    for target in preset.targets:
        add(mapping, target)


def add(mapping: bpy.types.PropertyGroup, target: Target) -> None:
    """Append a row and make it the active one."""
    was_open, mapping.is_open = mapping.is_open, False          # no look at the character after each of its fields
    row, to = mapping.targets.add(), target.to
    row.kind, row.control, row.path = to.kind, to.name, to.path or 'rotation_euler'
    setattr(row, "component" if to.path == "rotation_quaternion" else "axis", str(to.index))
    row.degrees, row.to_limit = target.degrees or to.path != "rotation_euler", target.to_limit
    row.gain, row.offset, row.gamma, row.combine, row.share, row.blend = target.gain, target.offset, target.gamma, target.combine, target.share, target.blend
    row.limited = target.clamp is not None
    row.low, row.high = target.clamp or (0.0, 1.0)
    for channel, weight in target.sources:
        source = row.sources.add()
        source.channel, source.weight = channel, weight
    mapping.is_open = was_open
    mapping.active = len(mapping.targets) - 1


def add_row(context: bpy.types.Context) -> None:
    """Append a row for the active bone or shape key, or an empty one where that is mapped already."""
    mapping, obj = context.scene.unitalker_mapping, context.view_layer.objects.active
    keys = getattr(obj and obj.data, "shape_keys", None)
    to = RigChannel("shape_key", "")
    if context.mode == 'POSE' and context.active_pose_bone is not None:
        to = RigChannel("bone", context.active_pose_bone.name, "rotation_euler", 0)
    elif keys is not None and obj.active_shape_key is not None and obj.active_shape_key != keys.reference_key:
        to = RigChannel("shape_key", obj.active_shape_key.name)
    if to in [control_of(row) for row in mapping.targets]:
        to = RigChannel("shape_key", "")
    add(mapping, Target(to, (("", 1.0),), clamp=preset_file.default_clamp(to), degrees=to.kind == "bone"))
    mapping.changed = True
    look_again(context)


def to_preset(mapping: bpy.types.PropertyGroup) -> Preset:
    """The open mapping as a preset. Raises PresetError, which names the row: nothing chosen, no or an unknown channel, a control twice."""
    if not mapping.title.strip():
        raise PresetError("The mapping has no name. Give it one.")
    if not mapping.targets:
        raise PresetError(f"The mapping {mapping.title!r} is empty. Add a control, or learn one from two poses.")
    first: dict[RigChannel, int] = {}
    for number, row in enumerate(mapping.targets, 1):
        _check(row, number, SOURCES[mapping.source])
        if first.setdefault(control_of(row), number) != number:
            raise PresetError(f"{label(row)} stands in rows {first[control_of(row)]} and {number}. Put all its channels into one row.")
    head = {name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(mapping.head or "{}").items() if name in HEAD}
    return replace(Preset(mapping.title.strip(), mapping.source, tuple(target_of(row) for row in mapping.targets)), **head)


def _check(row: bpy.types.PropertyGroup, number: int, channels: tuple[str, ...]) -> None:
    if not row.control:
        raise PresetError(f"Row {number} of the mapping moves nothing yet. Choose its shape key, bone or property, or remove the row.")
    if not row.sources:
        raise PresetError(f"{label(row)} (row {number}) has no channel. Add one, or remove the row.")
    for source in row.sources:
        if source.channel not in channels:
            close = difflib.get_close_matches(source.channel, channels, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else "Choose one from the list."
            what = f"{source.channel!r} is no face channel" if source.channel else "a channel is not chosen"
            raise PresetError(f"{label(row)} (row {number}): {what}. {hint}")
    names = [source.channel for source in row.sources]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise PresetError(f"{label(row)} (row {number}) has the channel {twice!r} twice. Remove one.")


def target_of(row: bpy.types.PropertyGroup) -> Target:
    """One row as a target of a preset."""
    clamp = (_number(row.low), _number(max(row.low, row.high))) if row.limited else None
    to = control_of(row)
    return Target(
        to, tuple((source.channel, _number(source.weight)) for source in row.sources), _number(row.gain), _number(row.offset), clamp,
        degrees=to.path == "rotation_euler" and row.degrees, share=row.share, gamma=_number(row.gamma), combine=row.combine, blend=row.blend,
        to_limit=to.path == "location" and row.to_limit,
    )


def control_of(row: bpy.types.PropertyGroup) -> RigChannel:
    """What a row moves."""
    if row.kind != 'bone':
        return RigChannel(row.kind, row.control)
    return RigChannel("bone", row.control, row.path, int(row.component if row.path == 'rotation_quaternion' else row.axis))


def complete(mapping: bpy.types.PropertyGroup) -> list[tuple[int, Target]]:
    """Rows that could be keyed as they are, with their index; half-made rows are left out."""
    channels = SOURCES[mapping.source]
    rows: list[tuple[int, Target]] = []
    taken = set()
    for index, row in enumerate(mapping.targets):
        target = target_of(row)
        known = tuple((channel, weight) for channel, weight in dict(target.sources).items() if channel in channels)
        if row.control and known and target.to not in taken and not (row.combine != 'sum' and len(known) < len(row.sources)):
            taken.add(target.to)
            rows.append((index, replace(target, sources=known)))
    return rows


def names_of_kind(context: bpy.types.Context, kind: str) -> list[str]:
    """What of one kind the panel's character could move, for a search; nothing where there is no character."""
    try:
        names = character_of(context).rig("auto", ())
    except RigError:
        return []
    return sorted({'shape_key': names.shape_keys, 'bone': names.bones, 'property': names.properties}[kind])


def look_again(context: bpy.types.Context) -> None:
    """Note which rows the character has, and for each channel that reaches nothing the controls that could be meant. Nothing is mapped."""
    from . import preview as mapping_preview

    mapping_preview.show(context)
    mapping = context.scene.unitalker_mapping
    mapping.hints.clear()
    try:
        names = character_of(context).rig("auto", ())
    except RigError:
        return
    targets = tuple(target_of(row) for row in mapping.targets)
    places = presets.find_targets(Preset("", mapping.source, targets), names)
    reached, used = set(), set()
    for row, target, found in zip(mapping.targets, targets, places, strict=True):
        row.found = bool(found) or not row.control
        used.update(found)
        reached.update(channel for channel, _ in target.sources if found)
    if mapping.source != HINTS_SOURCE:
        return
    free = {RigChannel("shape_key", name) for name in names.shape_keys} | {RigChannel("property", name) for name in names.properties}
    _write_hints(mapping, [channel for channel in SOURCES[mapping.source] if channel not in reached], free - used)


def _write_hints(mapping: bpy.types.PropertyGroup, unmatched: list[str], free: set[RigChannel]) -> None:
    by_name = {control.name if control.kind == "shape_key" else control_name(control.name): control for control in sorted(free, key=lambda one: one.name)}
    hints = name_hints.suggest(unmatched, by_name)
    for channel in sorted(unmatched, key=lambda one: (not hints[one], region(one) not in ("jaw", "lips"))):
        for hint in hints[channel] or (None,):
            item = mapping.hints.add()
            item.channel = channel
            if hint is not None:
                item.control, item.kind, item.score = by_name[hint.name].name, by_name[hint.name].kind, hint.score


def accept(context: bpy.types.Context, channel: str, kind: str, control: str) -> None:
    """Let a channel drive a control: what was suggested and a person confirmed."""
    mapping = context.scene.unitalker_mapping
    to = RigChannel(kind, control)
    add(mapping, Target(to, ((channel, 1.0),), clamp=preset_file.default_clamp(to)))
    mapping.changed = True
    look_again(context)


def record_rest(context: bpy.types.Context) -> int:
    """Keep the character's pose as rest. Returns the number of controls; raises RigError."""
    from . import preview as mapping_preview

    mapping_preview.stop(context.scene)
    character = character_of(context)
    pose = controls.pose(character)
    values = [[channel.kind, channel.name, channel.path, channel.index, value] for channel, value in pose.items()]
    context.scene.unitalker_mapping.rest_pose = json.dumps({"character": character.name, "values": values})
    return len(pose)


def learn_extreme(context: bpy.types.Context) -> int:
    """Let the chosen channel drive what differs from the recorded rest. Returns how many controls it drives now; raises EngineError kinds."""
    from . import preview as mapping_preview

    mapping = context.scene.unitalker_mapping
    if mapping.channel not in SOURCES[mapping.source]:
        raise PresetError("No channel is chosen for the two poses. Choose one.")
    if not mapping.rest_pose:
        raise PresetError("No rest pose is recorded. Put the character at rest and press Record Rest first.")
    mapping_preview.stop(context.scene)
    character, recorded = character_of(context), json.loads(mapping.rest_pose)
    if recorded["character"] != character.name:
        raise RigError(f"The rest pose is of {recorded['character']!r}, the character is {character.name!r} now. Record its rest first.")
    rest = {RigChannel(kind, name, path, index): value for kind, name, path, index, value in recorded["values"]}
    rows = complete(mapping)
    unfinished = len(mapping.targets) - len(rows)
    if unfinished:
        raise PresetError(f"The mapping is not finished: {number_of(unfinished, 'row')} to finish or remove, then record the extreme.")
    before = Preset("", mapping.source, tuple(target for _, target in rows))
    places = presets.find_targets(before, character.rig("auto", ()))
    extreme = controls.pose(character)
    for target, found in zip(before.targets, places, strict=True):
        _call_as_in_preset(target.to, found, rest, extreme)
    learned = pose_mapping.learn(before, mapping.channel, rest, extreme)
    _fill(mapping, learned)
    mapping.changed = True
    look_again(context)
    return sum(mapping.channel in dict(target.sources) for target in learned.targets)


def _call_as_in_preset(name: RigChannel, found: tuple[RigChannel, ...], rest: dict[RigChannel, float], extreme: dict[RigChannel, float]) -> None:
    """Give a control of both poses the spelling that the preset has for it; of several the one that moved most."""
    both = [control for control in found if control in rest and control in extreme]
    if not both or name in both:
        both = [control for control in both if control != name]
    else:
        moved = max(both, key=lambda control: abs(extreme[control] - rest[control]))
        rest[name], extreme[name] = rest[moved], extreme[moved]
    for control in both:
        del rest[control], extreme[control]


def save(context: bpy.types.Context) -> str:
    """Save the mapping to the user's folder and choose it. Returns the path; raises EngineError kinds, with nothing written."""
    mapping = context.scene.unitalker_mapping
    path = presets.save_preset(to_preset(mapping), user_folder("presets", create=True))
    context.scene.unitalker.preset = path.stem
    mapping.changed = False
    return str(path)


def export(context: bpy.types.Context, path: str) -> str:
    """Write the mapping to a file of one's choice. Returns the path; raises EngineError kinds, with nothing written."""
    return str(preset_file.export_preset(to_preset(context.scene.unitalker_mapping), bpy.path.abspath(path)))


def _number(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
