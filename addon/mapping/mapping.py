"""A mapping made by hand: opened from a preset, completed by suggestions and recorded poses, saved as a preset.

The user's own presets are JSON files in the extension's user folder, which survives updates.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import bpy

from ...engine import PresetError, RigChannel, RigError
from ...engine.rig import name_hints, pose_mapping, preset_file, presets
from ...engine.rig.preset import SOURCES, Preset, Target
from ...engine.values.channels import region
from ...engine.values.messages import number_of
from ..character import controls
from ..host.preferences import engine_preferences, user_folder
from ..take import catalog
from ..take.look_up import panel_character
from . import preview, rows
from .labels import control_name

HINTS_SOURCE = "arkit52"        # channels with names; those of other sources are numbers
MAX_NAME_CHARACTERS = 75        # of a name that gets a number: a preset's name has 80 at most

Pose = dict[RigChannel, float]


def start(context: bpy.types.Context, empty: bool) -> None:
    """Open a mapping: an empty one, or the preset that fits the character. Raises EngineError kinds."""
    title = f"{panel_character(context).name} mapping"
    if empty:
        open_preset(context, Preset(title, catalog.source(context.scene.unitalker), ()))
        context.scene.unitalker_mapping.changed = True
        return
    preset = fitting_preset(context)
    own = bool(preset.path) and user_folder("presets") in preset.path
    open_preset(context, preset if own else replace(preset, name=title))
    context.scene.unitalker_mapping.changed = not own


def open_preset(context: bpy.types.Context, preset: Preset) -> None:
    """Show a preset for editing, in place of what was open."""
    mapping = context.scene.unitalker_mapping
    mapping.title, mapping.source = preset.name, preset.source
    mapping.head = json.dumps({name: getattr(preset, name) for name in rows.HEAD})
    rows.fill(mapping, preset)
    mapping.is_open, mapping.changed, mapping.active = True, False, 0
    look_again(context)


def close(context: bpy.types.Context) -> None:
    """Give previewed values back and forget the rows."""
    preview.stop(context.scene)
    mapping = context.scene.unitalker_mapping
    mapping.is_open = mapping.changed = False
    mapping.targets.clear()
    mapping.hints.clear()
    mapping.rest_pose = ""


def add_row(context: bpy.types.Context) -> None:
    """Append a row for the active bone or shape key, or an empty one where that is mapped already."""
    mapping = context.scene.unitalker_mapping
    to = _active_control(context)
    if to in [rows.control_of(row) for row in mapping.targets]:
        to = RigChannel("shape_key", "")
    _append(context, Target(to, (("", 1.0),), clamp=preset_file.default_clamp(to), degrees=to.kind == "bone"))


def remove_row(context: bpy.types.Context) -> None:
    """Remove the active row."""
    mapping = context.scene.unitalker_mapping
    mapping.targets.remove(mapping.active)
    mapping.active, mapping.changed = max(0, min(mapping.active, len(mapping.targets) - 1)), True
    look_again(context)


def remove_channel(context: bpy.types.Context, index: int) -> None:
    """Remove a channel of the active row."""
    mapping = context.scene.unitalker_mapping
    mapping.targets[mapping.active].sources.remove(index)
    mapping.changed = True
    look_again(context)


def accept(context: bpy.types.Context, channel: str, kind: str, control: str) -> None:
    """Let a channel drive a control: what was suggested and a person confirmed."""
    to = RigChannel(kind, control)
    _append(context, Target(to, ((channel, 1.0),), clamp=preset_file.default_clamp(to)))


def _append(context: bpy.types.Context, target: Target) -> None:
    rows.add(context.scene.unitalker_mapping, target)
    context.scene.unitalker_mapping.changed = True
    look_again(context)


def _active_control(context: bpy.types.Context) -> RigChannel:
    """The active bone in Pose Mode, else the active shape key; without a name where there is none."""
    if context.mode == 'POSE' and context.active_pose_bone is not None:
        return RigChannel("bone", context.active_pose_bone.name, "rotation_euler", 0)
    obj = context.view_layer.objects.active
    keys = getattr(obj and obj.data, "shape_keys", None)
    if keys is None or obj.active_shape_key in (None, keys.reference_key):
        return RigChannel("shape_key", "")
    return RigChannel("shape_key", obj.active_shape_key.name)


def face_channels(source: str) -> list[str]:
    """The channels of a source, for a search."""
    return list(SOURCES.get(source, ()))


def names_of_kind(context: bpy.types.Context, kind: str) -> list[str]:
    """What of one kind the panel's character could move, for a search; nothing where there is no character."""
    try:
        rig = panel_character(context).rig("auto", ())
    except RigError:
        return []
    return sorted({'shape_key': rig.shape_keys, 'bone': rig.bones, 'property': rig.properties}[kind])


def look_again(context: bpy.types.Context) -> None:
    """Note which rows the character has, and for each channel that reaches nothing the controls that could be meant."""
    preview.show(context)
    mapping = context.scene.unitalker_mapping
    mapping.hints.clear()
    try:
        rig = panel_character(context).rig("auto", ())
    except RigError:
        return
    targets = tuple(rows.target_of(row) for row in mapping.targets)
    reached, used = set(), set()
    on_rig = presets.find_targets(Preset("", mapping.source, targets), rig)
    for row, target, found in zip(mapping.targets, targets, on_rig, strict=True):
        row.found = bool(found) or not row.control
        used.update(found)
        reached.update(channel for channel, _ in target.sources if found)
    if mapping.source != HINTS_SOURCE:
        return
    keys = {RigChannel("shape_key", name) for name in rig.shape_keys}
    properties = {RigChannel("property", name) for name in rig.properties}
    unmatched = [channel for channel in SOURCES[mapping.source] if channel not in reached]
    _write_hints(mapping, unmatched, (keys | properties) - used)


def _write_hints(mapping: bpy.types.PropertyGroup, unmatched: list[str], free: set[RigChannel]) -> None:
    """List the unmatched channels, those with a suggestion first, then those of jaw and lips."""
    by_name = {
        control.name if control.kind == "shape_key" else control_name(control.name): control
        for control in sorted(free, key=lambda control: control.name)
    }
    hints = name_hints.suggest(unmatched, by_name)
    for channel in sorted(unmatched, key=lambda channel: (not hints[channel], region(channel) not in ("jaw", "lips"))):
        for hint in hints[channel] or (None,):
            item = mapping.hints.add()
            item.channel = channel
            if hint is not None:
                item.control, item.kind, item.score = by_name[hint.name].name, by_name[hint.name].kind, hint.score


def record_rest(context: bpy.types.Context) -> int:
    """Keep the character's pose as rest. Returns the number of controls; raises RigError."""
    preview.stop(context.scene)
    character = panel_character(context)
    pose = controls.pose(character)
    values = [[channel.kind, channel.name, channel.path, channel.index, value] for channel, value in pose.items()]
    context.scene.unitalker_mapping.rest_pose = json.dumps({"character": character.name, "values": values})
    return len(pose)


def learn_extreme(context: bpy.types.Context) -> int:
    """Let the chosen channel drive what differs from the recorded rest.

    Returns:
        The number of controls that it drives now.
    Raises:
        PresetError: no channel or rest pose, unfinished rows, or nothing that can be learned.
        RigError: another character.
    """
    mapping = context.scene.unitalker_mapping
    if mapping.channel not in SOURCES[mapping.source]:
        raise PresetError("No channel is chosen for the two poses. Choose one.")
    if not mapping.rest_pose:
        raise PresetError("No rest pose is recorded. Put the character at rest and press Record Rest first.")
    preview.stop(context.scene)
    character, recorded = panel_character(context), json.loads(mapping.rest_pose)
    if recorded["character"] != character.name:
        raise RigError(
            f"The rest pose is of {recorded['character']!r}, the character is {character.name!r} now. "
            "Record its rest first."
        )
    before = Preset("", mapping.source, tuple(rows.complete(mapping)))
    unfinished = len(mapping.targets) - len(before.targets)
    if unfinished:
        rows_left = number_of(unfinished, "row")
        raise PresetError(f"The mapping is not finished: {rows_left} to finish or remove, then record the extreme.")
    rest = {RigChannel(kind, name, path, index): value for kind, name, path, index, value in recorded["values"]}
    extreme = controls.pose(character)
    for target, found in zip(before.targets, presets.find_targets(before, character.rig("auto", ())), strict=True):
        _spell_as_preset(target.to, found, rest, extreme)
    learned = pose_mapping.learn(before, mapping.channel, rest, extreme)
    rows.fill(mapping, learned)
    mapping.changed = True
    look_again(context)
    return sum(mapping.channel in dict(target.sources) for target in learned.targets)


def _spell_as_preset(name: RigChannel, found: tuple[RigChannel, ...], rest: Pose, extreme: Pose) -> None:
    """Give a control of both poses the spelling that the preset has for it; of several the control that moved most."""
    both = [control for control in found if control in rest and control in extreme]
    if not both or name in both:
        both = [control for control in both if control != name]
    else:
        moved = max(both, key=lambda control: abs(extreme[control] - rest[control]))
        rest[name], extreme[name] = rest[moved], extreme[moved]
    for control in both:
        del rest[control], extreme[control]


def save(context: bpy.types.Context) -> str:
    """Save the mapping to the user's folder and choose it; its path. Raises EngineError kinds, with nothing written."""
    mapping = context.scene.unitalker_mapping
    path = _store(context, rows.to_preset(mapping))
    mapping.changed = False
    return path


def export(context: bpy.types.Context, path: str) -> str:
    """Write the mapping to a file of one's choice. Returns the path; raises EngineError kinds, with nothing written."""
    return str(preset_file.export_preset(rows.to_preset(context.scene.unitalker_mapping), bpy.path.abspath(path)))


def fitting_preset(context: bpy.types.Context) -> Preset:
    """The preset that the panel's choice means for the panel's character. Raises EngineError kinds."""
    settings = context.scene.unitalker
    rig = panel_character(context).rig(settings.preset, engine_preferences(context).preset_folders)
    return presets.choose(replace(rig, source=catalog.source(settings)))


def save_fitting(context: bpy.types.Context, name: str) -> str:
    """Save the preset that fits the character under a new name, and choose it; its path. Raises EngineError kinds."""
    if not name.strip():
        raise PresetError("The preset has no name. Give it one.")
    return _store(context, replace(fitting_preset(context), name=name.strip(), path=""))


def load(context: bpy.types.Context, path: str) -> str:
    """Check a preset file, copy it to the user's folder and choose it. Returns its new path; raises EngineError kinds.

    A preset of the same name that is there already stays: the new one gets a number.
    """
    preset = replace(preset_file.load_preset(path), path="")
    folder = user_folder("presets", create=True)
    there = [known for known in presets.scan_presets((folder,))[0] if Path(known.path).parent == Path(folder)]
    own = {known.name: replace(known, path="") for known in there}
    name, number = preset.name, 2
    while own.get(preset.name, preset) != preset:
        preset = replace(preset, name=f"{name[:MAX_NAME_CHARACTERS]} {number}")
        number += 1
    return _store(context, preset)


def _store(context: bpy.types.Context, preset: Preset) -> str:
    """Write a preset to the user's folder and choose it; its path."""
    path = preset_file.save_preset(preset, user_folder("presets", create=True))
    catalog.refresh()
    context.scene.unitalker.preset = path.stem
    return str(path)
