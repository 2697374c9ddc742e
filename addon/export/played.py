"""What plays on a character as face motion: curves, layers and edits, read on every frame as Blender shows them."""

from __future__ import annotations

import math

import bpy
import numpy as np

from ...engine import Motion, OutputError, PresetError, RigChannel, read_back
from ...engine.rig.preset import ARKIT_SOURCE
from ...engine.rig.presets import choose, find_targets
from ..character.character import Character, KeyTarget
from ..host.preferences import engine_preferences
from ..host.scene import scene_fps

MAX_FRAMES = 200_000            # two hours at 24 frames a second


def read(context: bpy.types.Context, character: Character, preset: str, frames: tuple[int, int]) -> Motion:
    """Face motion of some frames, at the scene's frame rate, in the channels that the character's controls tell of.

    Args:
        preset: as Generate takes it. frames: first and last.
    Raises:
        PresetError: no preset reads the character, or one of other channels. OutputError: too many frames.
    """
    rig = character.rig(preset or "auto", engine_preferences(context).preset_folders)
    found = choose(rig)
    if found.source != ARKIT_SOURCE:
        raise PresetError(
            f"Preset {found.name!r} has no face shapes that such a file holds. Choose another preset in Character."
        )
    first, last = frames
    if not 0 <= last - first < MAX_FRAMES:
        raise OutputError(
            f"Frames {first} to {last} cannot be exported: from 1 to {MAX_FRAMES} frames are possible. Fix the range."
        )
    places = [place for group in find_targets(found, rig) for place in group]
    where = {place: part for place in places for part in character.targets if part.path_of(place) is not None}
    return read_back(_values(context, where, first, last), scene_fps(context.scene), rig)[0]


def _values(
    context: bpy.types.Context, where: dict[RigChannel, KeyTarget], first: int, last: int,
) -> dict[RigChannel, np.ndarray]:
    """Values (n_frames,) of each control."""
    scene, now, part_of_frame = context.scene, context.scene.frame_current, context.scene.frame_subframe
    owners = {place: part.find() for place, part in where.items()}
    values = {place: np.zeros(last - first + 1, np.float32) for place in where}
    try:
        for frame in range(first, last + 1):
            scene.frame_set(frame)
            for place, part in where.items():
                values[place][frame - first] = _value(owners[place], part, place)
    finally:
        scene.frame_set(now, subframe=part_of_frame)
    return values


def _value(owner: bpy.types.ID, part: KeyTarget, place: RigChannel) -> float:
    """The number of a control now; rotations as presets give them, whatever the bone's mode."""
    if place.kind == "bone" and place.path in ("rotation_euler", "rotation_quaternion"):
        basis = owner.pose.bones[place.name].matrix_basis
        turned = basis.to_euler('XYZ') if place.path == "rotation_euler" else basis.to_quaternion()
        return float(turned[place.index])
    path, index = part.path_of(place) or ("", 0)
    value = owner.path_resolve(path)
    number = value[index] if hasattr(value, "__len__") and not isinstance(value, str) else value
    return float(number) if math.isfinite(number) else 0.0
