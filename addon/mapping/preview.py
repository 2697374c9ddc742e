"""Show on the character what the open mapping does while its values are dragged, and give the old values back exactly.

Makes no keys. What was moved is noted in the scene, so undo and a recovered file know it too.
"""

from __future__ import annotations

import json
import logging
from dataclasses import astuple, dataclass

import bpy

from ...engine import EngineError
from ...engine.rig.preset import Preset
from ...engine.rig.presets import find_targets
from ...engine.rig.retarget import one_frame
from ..character import controls
from ..take.look_up import panel_character
from . import rows

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shown:
    """One value that the preview has set.

    Attributes:
        uid, object_name: session_uid and name of the Object. kind: OBJECT means the Object itself, else its shape keys.
        path, index: the data path of the value.
        before: the value that was there. now: what reads back since it was set.
    """

    uid: int
    object_name: str
    kind: str
    path: str
    index: int
    before: float
    now: float

    def owner(self) -> bpy.types.ID | None:
        """The Key or Object, also after renaming."""
        known = (obj for obj in bpy.data.objects if obj.session_uid == self.uid)
        obj = next(known, None) or bpy.data.objects.get(self.object_name)
        return obj if obj is None or self.kind == 'OBJECT' else getattr(obj.data, "shape_keys", None)


def start(context: bpy.types.Context) -> None:
    """Begin to show the active row. Raises EngineError kinds, with nothing moved."""
    panel_character(context)
    context.scene.unitalker_mapping.preview = True
    show(context)


def stop(scene: bpy.types.Scene) -> None:
    """Give back every value that the preview set and that nobody changed since."""
    scene.unitalker_mapping.preview = False
    _give_back(scene.unitalker_mapping)


def show(context: bpy.types.Context) -> None:
    """Set the controls that read the active row's channels, while the preview is on.

    Ends the preview when the character is gone.
    """
    mapping = context.scene.unitalker_mapping
    if not (mapping.preview and mapping.is_open):
        return
    try:
        wanted = _wanted(context, mapping)
    except EngineError as error:
        log.warning("Preview ended: %s", error)
        stop(context.scene)
        return
    _give_back(mapping)
    shown = [_set(one) for one in wanted]
    mapping.shown_values = json.dumps([astuple(one) for one in shown if one is not None]) if any(shown) else ""


def _set(wanted: controls.ControlValue) -> Shown | None:
    """Set a value; None where the path leads nowhere."""
    part, owner = wanted.part, wanted.part.find()
    before = controls.read(owner, wanted.path, wanted.index)
    if before is None:
        return None
    controls.write(owner, wanted.path, wanted.index, wanted.value)
    obj = bpy.data.objects.get((part.object_name, part.library or None))
    now = controls.read(owner, wanted.path, wanted.index)
    return Shown(obj.session_uid, obj.name, part.kind, wanted.path, wanted.index, before, now)


def _wanted(context: bpy.types.Context, mapping: bpy.types.PropertyGroup) -> list[controls.ControlValue]:
    """The values of all controls that read the active row's channels, with these at the amount and all others at 0."""
    channels = _shown_channels(mapping)
    preset = Preset("", mapping.source, tuple(rows.complete(mapping)))
    shown_on = panel_character(context)
    rig = shown_on.rig("auto", ())
    reached = {
        control for target, found in zip(preset.targets, find_targets(preset, rig), strict=True)
        if channels & dict(target.sources).keys() for control in found
    }
    if not reached:
        return []
    curves = one_frame(preset, dict.fromkeys(channels, mapping.amount), rig).curves
    turned = {control.name for control in reached if control.path.startswith("rotation")}
    moved = {
        control: curve for control, curve in curves.items()         # a bone turns by all its angles together
        if control in reached or (control.name in turned and control.path.startswith("rotation"))
    }
    return [wanted for part in shown_on.targets for wanted in controls.on_part(part, moved)]


def _shown_channels(mapping: bpy.types.PropertyGroup) -> set[str]:
    """The channels of the active row that are previewed."""
    if not 0 <= mapping.active < len(mapping.targets):
        return set()
    return {source.channel for source in mapping.targets[mapping.active].sources if source.shown}


def _give_back(mapping: bpy.types.PropertyGroup) -> None:
    for fields in json.loads(mapping.shown_values or "[]"):
        shown = Shown(*fields)
        owner = shown.owner()
        if owner is not None and controls.read(owner, shown.path, shown.index) == shown.now:
            controls.write(owner, shown.path, shown.index, shown.before)
    mapping.shown_values = ""
