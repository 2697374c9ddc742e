"""Show on the character what the open mapping does while its values are dragged, and give the old values back exactly. Makes no keys.

What was moved is kept in the scene, so undo and a recovered file know it too. Saving a file puts the old values back first.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

import bpy
from bpy.app.handlers import persistent

from ..take import callbacks

log = logging.getLogger(__name__)
_saved_meanwhile: list[str] = []        # names of scenes whose preview waits while the file is being written


@dataclass(frozen=True)
class Shown:
    """One value that the preview has set: where, what was there, and what reads back now."""

    uid: int
    object_name: str
    kind: str
    path: str
    index: int
    before: float
    now: float

    def owner(self) -> bpy.types.ID | None:
        """The Key or Object, also after renaming."""
        obj = next((obj for obj in bpy.data.objects if obj.session_uid == self.uid), None) or bpy.data.objects.get(self.object_name)
        return obj if obj is None or self.kind == 'OBJECT' else getattr(obj.data, "shape_keys", None)


def start(context: bpy.types.Context) -> None:
    """Begin to show the active row. Raises EngineError kinds, with nothing moved."""
    from . import mapping

    mapping.character_of(context)
    context.scene.unitalker_mapping.preview = True
    show(context)


def stop(scene: bpy.types.Scene) -> None:
    """Give back every value that the preview set and that nobody changed since."""
    mapping = scene.unitalker_mapping
    if mapping.preview or mapping.shown_values:
        mapping.preview = False
        _give_back(mapping)


def show(context: bpy.types.Context) -> None:
    """Set the controls that read the active row's channels; nothing while the preview is off. Ends the preview when the character is gone."""
    from ...engine import EngineError
    from ..character import controls

    mapping = context.scene.unitalker_mapping
    if not (mapping.preview and mapping.is_open):
        return
    try:
        wanted = _wanted(context)
    except EngineError as error:
        log.warning("Preview ended: %s", error)
        stop(context.scene)
        return
    _give_back(mapping)
    shown = []
    for target, path, index, value in wanted:
        owner, obj = target.find(), bpy.data.objects.get((target.object_name, target.library or None))
        before = controls.read(owner, path, index)
        if before is not None:
            controls.write(owner, path, index, value)
            shown.append(Shown(obj.session_uid, obj.name, target.kind, path, index, before, controls.read(owner, path, index)))
    mapping.shown_values = json.dumps([list(vars(one).values()) for one in shown]) if shown else ""


def _wanted(context: bpy.types.Context) -> list[tuple[object, str, int, float]]:
    """(rig.Target, data path, index, value) for the active row's channels at the amount."""
    import numpy as np

    from ...engine import Motion
    from ...engine.rig.preset import SOURCES, Preset
    from ...engine.rig.presets import find_targets
    from ...engine.rig.retarget import retarget
    from ..keying.rotation import to_bone_modes
    from . import mapping as open_mapping

    mapping = context.scene.unitalker_mapping
    rows = open_mapping.complete(mapping)
    active = mapping.targets[mapping.active] if 0 <= mapping.active < len(mapping.targets) else None
    channels = {source.channel for source in active.sources if source.shown} if active else set()
    preset = Preset("", mapping.source, tuple(target for _, target in rows))
    character = open_mapping.character_of(context)
    names = character.rig("auto", ())
    places = find_targets(preset, names)
    if not channels or not any(places):
        return []
    everything = SOURCES[mapping.source]
    motion = Motion(np.array([[mapping.amount if name in channels else 0.0 for name in everything]], np.float32), everything, 1.0)
    reached = {place for target, found in zip(preset.targets, places, strict=True) if channels & dict(target.sources).keys() for place in found}
    turned = {place.name for place in reached if place.path.startswith("rotation")}      # a bone turns by all its angles together
    curves = {
        place: curve for place, curve in retarget(motion, preset, names).curves.items()
        if place in reached or (place.name in turned and place.path.startswith("rotation"))
    }
    wanted = []
    for target in character.targets:
        owner = target.find()
        modes = {bone.name: bone.rotation_mode for bone in owner.pose.bones} if target.kind == 'OBJECT' and owner.pose else {}
        for channel, curve in to_bone_modes(curves, modes).items():
            place = target.path_of(channel)
            if place is not None and place not in target.driven:
                wanted.append((target, *place, float(curve.values[0])))
    return wanted


def _give_back(mapping: bpy.types.PropertyGroup) -> None:
    if not mapping.shown_values:
        return
    from ..character import controls

    for fields in json.loads(mapping.shown_values):
        one = Shown(*fields)
        owner = one.owner()
        if owner is not None and controls.read(owner, one.path, one.index) == one.now:
            controls.write(owner, one.path, one.index, one.before)
    mapping.shown_values = ""


@persistent
def _before_save(*_ignored: object) -> None:
    for scene in bpy.data.scenes:
        if scene.unitalker_mapping.preview:
            _saved_meanwhile.append(scene.name)
            stop(scene)


@persistent
def _after_save(*_ignored: object) -> None:
    for name in _saved_meanwhile:
        scene = bpy.data.scenes.get(name)
        if scene is not None:
            scene.unitalker_mapping.preview = True
            if scene == bpy.context.scene:
                show(bpy.context)
    _saved_meanwhile.clear()


def register() -> None:
    """Watch saving, and give way to takes."""
    callbacks.before_take.append(stop)
    bpy.app.handlers.save_pre.append(_before_save)
    bpy.app.handlers.save_post.append(_after_save)
    bpy.app.handlers.save_post_fail.append(_after_save)


def unregister() -> None:
    """Give values back and stop watching."""
    callbacks.before_take.remove(stop)
    for scene in getattr(bpy.data, "scenes", ()):
        stop(scene)
    bpy.app.handlers.save_pre.remove(_before_save)
    bpy.app.handlers.save_post.remove(_after_save)
    bpy.app.handlers.save_post_fail.remove(_after_save)
