"""What a failure must leave as it was: every key of every Action, every value of every control, every preset file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import bpy

KEY_FIELDS = (
    "co", "handle_left", "handle_right", "interpolation", "easing", "handle_left_type", "handle_right_type", "type",
    "back", "amplitude", "period",
)


def animation() -> object:
    """Every Action key by key, what plays it on which data-block, and every NLA strip."""
    return {action.name: sorted(map(_curve, _curves(action)), key=repr) for action in bpy.data.actions}, {
        repr(owner): _plays(owner) for owner in _owners() if owner.animation_data is not None
    }


def values() -> object:
    """Sliders with their values and ranges, bones, custom properties, vertex groups of keys."""
    keys = {
        (key.name_full, block.name): (block.value, block.slider_min, block.slider_max, block.mute, block.vertex_group)
        for key in bpy.data.shape_keys for block in key.key_blocks
    }
    bones = {
        (obj.name_full, bone.name): (
            *bone.location, *bone.rotation_euler, *bone.rotation_quaternion, *bone.scale, *_numbers(bone)
        )
        for obj in bpy.data.objects if obj.pose for bone in obj.pose.bones
    }
    return keys, bones, {obj.name_full: _numbers(obj) for obj in bpy.data.objects}


def files(folder: str | Path) -> dict[str, str]:
    """Name and hash of every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*")) if path.is_file()
    }


def _owners() -> list[object]:
    return [*bpy.data.objects, *bpy.data.shape_keys]


def _plays(owner: object) -> object:
    data = owner.animation_data
    strips = [
        (
            track.name, track.mute, track.is_solo, strip.name, strip.action and strip.action.name, strip.frame_start,
            strip.frame_end, strip.extrapolation,
        )
        for track in data.nla_tracks for strip in track.strips
    ]
    drivers = [(driver.data_path, driver.array_index, driver.driver.expression) for driver in data.drivers]
    slot = getattr(data, "action_slot", None)
    return (
        data.action and data.action.name
    ), slot and slot.identifier, data.action_extrapolation, data.action_influence, strips, drivers


def _curves(action: object) -> list[object]:
    if not hasattr(action, "slots"):
        return list(action.fcurves)
    return [
        curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves
    ]


def _curve(curve: object) -> object:
    keys = [tuple(str(getattr(key, name)) for name in KEY_FIELDS) for key in curve.keyframe_points]
    return curve.data_path, curve.array_index, curve.group and curve.group.name, curve.mute, curve.extrapolation, keys


def _numbers(owner: object) -> tuple[object, ...]:
    return tuple((name, value) for name, value in sorted(owner.items()) if isinstance(value, (int, float)))
