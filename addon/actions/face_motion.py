"""A manner of moving read from an Action: its curves as face channels, through the preset of the rig that they move."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import bpy
import numpy as np
from mathutils import Quaternion

from ...engine import Motion, Rig, RigChannel, SettingError, read_back
from ...engine.values.messages import number_of
from . import actions
from .keys import interpolation_number

READ_FPS = 25.0                 # as models look at references
MAX_READ_S = 1500               # longer ones are read as far: 25 minutes
KEY_START, KEY_END = 'key_blocks["', '"].value'
BONE_START = 'pose.bones["'

_read: dict[bytes, tuple[Motion, str]] = {}     # the last Action alone: Live reads it at each step of a drag


def face_motion(
    action: bpy.types.Action, slot_id: str, frames: tuple[int, int], fps: float, preset_folders: tuple[str, ...],
) -> tuple[Motion, str]:
    """Face channels of an Action at READ_FPS, and a sentence about what could not be read, or "".

    Args:
        slot_id: identifier or name of a slot; empty takes all of them.
        frames: first and last; both 0 take all. fps: of the scene to which the frames belong.
    Raises:
        SettingError: no such slot, or no key on a face. EngineError: no preset knows what the curves move.
    """
    curves = list(_curves(action, slot_id))
    content = hashlib.blake2b(repr((frames, fps, preset_folders)).encode(), digest_size=16)
    for curve in curves:
        content.update(_content(curve))
    key = content.digest()
    if key not in _read:
        motion, unread = _motion(action, curves, frames, fps, preset_folders)
        _read.clear()
        _read[key] = motion, unread
    return _read[key]


def _motion(
    action: bpy.types.Action, curves: list[bpy.types.FCurve], frames: tuple[int, int], fps: float,
    preset_folders: tuple[str, ...],
) -> tuple[Motion, str]:
    first, last = frames if any(frames) else _range(curves)
    count = max(0, round(min((last - first) / fps, MAX_READ_S) * READ_FPS) + 1)
    at = first + np.arange(count) * (fps / READ_FPS)
    values = dict(_values(curves, at))
    if not values:
        raise SettingError(
            f"Action {action.name!r} has {number_of(len(curves), 'curve')}, none of them with keys of a shape key, "
            "bone or custom property. Choose an Action of a speaking face."
        )
    rig = Rig(
        frozenset(channel.name for channel in values if channel.kind == "shape_key"),
        frozenset(channel.name for channel in values if channel.kind == "bone"),
        frozenset(channel.name for channel in values if channel.kind == "property"), preset_folders=preset_folders,
    )
    return read_back(values, READ_FPS, rig)


def _content(curve: bpy.types.FCurve) -> bytes:
    """What changes when a curve does. One with modifiers, which may say anything, is another each time."""
    if len(curve.modifiers):
        return os.urandom(16)
    points = curve.keyframe_points
    values = np.empty((3, 2 * len(points)), np.float32)
    for row, name in zip(values, ("co", "handle_left", "handle_right"), strict=True):
        points.foreach_get(name, row)
    modes = np.empty(len(points), np.uint8)
    points.foreach_get("interpolation", modes)
    named = repr((curve.data_path, curve.array_index, curve.extrapolation)).encode()
    return named + values.tobytes() + modes.tobytes()


def slots_of(action: bpy.types.Action) -> list[tuple[str, str]]:
    """Identifier and name of the slots of an Action, none before Blender 4.4."""
    return [(slot.identifier, slot.name_display) for slot in action.slots] if actions.has_slots() else []


def _curves(action: bpy.types.Action, slot_id: str) -> Iterator[bpy.types.FCurve]:
    if not actions.has_slots():
        yield from action.fcurves
        return
    slots = [slot for slot in action.slots if slot_id in ("", slot.identifier, slot.name_display)]
    if not slots:
        known = ", ".join(name for _, name in slots_of(action)) or "none"
        raise SettingError(f"Action {action.name!r} has no slot {slot_id!r}; it has {known}. Choose another one.")
    for slot in slots:
        yield from actions.curves_of(actions.ActionUse(action, slot))


def _range(curves: list[bpy.types.FCurve]) -> tuple[float, float]:
    ends = [frame for curve in curves if not curve.is_empty for frame in curve.range()]
    return (min(ends), max(ends)) if ends else (0.0, -1.0)


def _values(curves: list[bpy.types.FCurve], frames: np.ndarray) -> Iterator[tuple[RigChannel, np.ndarray]]:
    """Each channel that the curves move, sampled; the first of two curves of one channel counts."""
    turned: dict[str, dict[int, np.ndarray]] = {}
    seen: set[RigChannel] = set()
    for curve in curves:
        channel = _channel(curve.data_path, curve.array_index)
        if channel is None or channel in seen or curve.is_empty:
            continue
        seen.add(channel)
        sampled = _sampled(curve, frames)
        if channel.path == "rotation_quaternion":
            turned.setdefault(channel.name, {})[channel.index] = sampled
        else:
            yield channel, sampled
    for bone, parts in turned.items():
        yield from _angles(bone, parts, len(frames))


def _sampled(curve: bpy.types.FCurve, frames: np.ndarray) -> np.ndarray:
    """Values (n,) on frames inside of the curve; straight lines, as takes have them, in bulk: a tenth of the time."""
    points = curve.keyframe_points
    modes = np.empty(len(points), np.uint8)
    points.foreach_get("interpolation", modes)
    if len(curve.modifiers) or not len(points) or (modes != interpolation_number('LINEAR')).any():
        return np.array([curve.evaluate(frame) for frame in frames.tolist()], np.float32)
    keys = np.empty(2 * len(points), np.float32)
    points.foreach_get("co", keys)
    return np.interp(frames, keys[::2], keys[1::2]).astype(np.float32)


def _angles(bone: str, parts: dict[int, np.ndarray], count: int) -> Iterator[tuple[RigChannel, np.ndarray]]:
    """Angles about X, Y, Z of a bone that turns by quaternions, as presets have them."""
    rest = (1.0, 0.0, 0.0, 0.0)
    rows = np.stack([parts.get(index, np.full(count, rest[index], np.float32)) for index in range(4)], axis=1)
    angles = np.array([Quaternion(row).normalized().to_euler('XYZ') for row in rows.tolist()], np.float32)
    for index in range(3):
        yield RigChannel("bone", bone, "rotation_euler", index), angles[:, index]


def _channel(path: str, index: int) -> RigChannel | None:
    """What a curve moves, in the engine's words; None for what is no control of a rig."""
    if path.startswith(KEY_START) and path.endswith(KEY_END):
        return RigChannel("shape_key", bpy.utils.unescape_identifier(path[len(KEY_START):-len(KEY_END)]))
    if path.startswith(BONE_START) and '"].' in path:
        name, _, attribute = path[len(BONE_START):].rpartition('"].')
        return RigChannel("bone", bpy.utils.unescape_identifier(name), attribute, index)
    return RigChannel("property", path) if path.endswith('"]') else None
