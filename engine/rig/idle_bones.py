"""Turn head and eyes and lift chest and shoulders with bones, whatever their rest orientation.

A preset says what moves a face; the bones of the rest of a character have usual names, which presets/bones.json lists
once for all rigs. The keys of a bone turn it in its own axes, so the wanted turn, which is known in the character's
axes, is converted to those of the bone's rest pose.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from ..values.channels import HEAD_ANGLES, LOOK_RAD
from ..values.types import BoneRest, Curve, Motion, Rig, RigChannel
from .mirror import mirrored_name
from .preset_file import BONES_FILE_NAME, data_folder
from .strict_json import read_json

Rows = NDArray[np.float64]

CHEST_RAD = -0.02       # pitch of the chest when it is full: backwards by 1.1 degrees
SHOULDER_RAD = 0.035    # rise of the shoulders then: 2 degrees
LEAST_LOOK = 0.02       # weight of eyeLook below which a model only trembles
ROLES = ("head", "left_eye", "right_eye", "chest", "left_shoulder", "right_shoulder")
# A bone that points up with a roll of 0.
UPRIGHT = BoneRest((1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0), "")
NOT_TURNED = (1.0, 0.0, 0.0, 0.0)       # as a quaternion


@dataclass(frozen=True)
class _Body:
    """Unit vectors in the space of a character's armature at rest: to its own left, up, and to where it looks."""

    left: Rows
    up: Rows
    forward: Rows


def move_bones(
    motion: Motion, rig: Rig, taken: Collection[RigChannel], eyes: bool,
) -> tuple[dict[RigChannel, Curve], tuple[str, ...]]:
    """Rotation curves, as quaternions, of the bones that follow head, gaze and breath of a motion.

    Args:
        motion: radians in HEAD_ANGLES, weights in eyeLook* and breath, as far as it has them.
        taken: what a preset keys already; a bone of it is left to the preset.
        eyes: whether bones are to turn the eyes: not where shape keys do.
    Returns:
        A key per frame for each of four components; and the channels of the motion that something on this rig follows.
    """
    bones = _bones_of(rig, {channel.name for channel in taken if channel.kind == "bone"})
    body = _body(rig.rest, bones)
    seconds = np.arange(len(motion.weights), dtype=np.float64) / motion.fps
    curves: dict[RigChannel, Curve] = {}
    followed: set[str] = set()
    for role, (turns, channels) in _turns(motion, body, eyes).items():
        if role not in bones:
            continue
        followed.update(channels)
        rest = rig.rest.get(bones[role], UPRIGHT)
        in_bone_axes = _quaternions(turns @ np.array(rest.axes).reshape(3, 3))
        turned = _after(np.array(rig.posed.get(bones[role], NOT_TURNED)), in_bone_axes)
        for index, values in enumerate(turned.T):
            channel = RigChannel("bone", bones[role], "rotation_quaternion", index)
            curves[channel] = Curve(seconds, values.astype(np.float32))
    return curves, tuple(channel for channel in motion.channels if channel in followed)


def _turns(motion: Motion, body: _Body, eyes: bool) -> dict[str, tuple[Rows, tuple[str, ...]]]:
    """For each role the turn of each frame (n, 3), axis times angle in the armature's space, and its channels."""
    turns: dict[str, tuple[Rows, tuple[str, ...]]] = {}
    if set(HEAD_ANGLES) <= set(motion.channels):
        yaw, pitch, roll = (motion[name][:, None].astype(np.float64) for name in HEAD_ANGLES)
        turns["head"] = pitch * body.left - yaw * body.up + roll * body.forward, HEAD_ANGLES
    for side, inwards, outwards in (("Left", -1, 1), ("Right", 1, -1)) if eyes else ():
        names = tuple(f"eyeLook{way}{side}" for way in ("In", "Out", "Down", "Up"))
        if set(names) <= set(motion.channels) and any((motion[name] > LEAST_LOOK).any() for name in names):
            into, out, down, up = (_look(motion, way, side) for way in ("In", "Out", "Down", "Up"))
            turns[f"{side.lower()}_eye"] = (inwards * into + outwards * out) * body.up + (down - up) * body.left, names
    if "breath" in motion.channels:
        breath = motion["breath"][:, None].astype(np.float64)
        turns["chest"] = CHEST_RAD * breath * body.left, ("breath",)
        for side, sign in (("left", 1), ("right", -1)):
            turns[f"{side}_shoulder"] = sign * SHOULDER_RAD * breath * body.forward, ("breath",)
    return turns


def _look(motion: Motion, way: str, side: str) -> Rows:
    """Angle (n, 1) in radians by which an eye looks one way."""
    return np.asarray(LOOK_RAD[way] * motion[f"eyeLook{way}{side}"][:, None].astype(np.float64))


def _quaternions(turns: Rows) -> Rows:
    """(n, 4) w x y z of turns (n, 3), axis times angle."""
    angle = np.linalg.norm(turns, axis=1, keepdims=True)
    return np.concatenate([np.cos(angle / 2), turns * 0.5 * np.sinc(angle / (2 * np.pi))], axis=1)


def _after(posed: Rows, turns: Rows) -> Rows:
    """Quaternions (n, 4) of turns in the directions of a bone that is posed already by a quaternion (4,)."""
    w, xyz = posed[0], posed[1:]
    real = w * turns[:, :1] - turns[:, 1:] @ xyz[:, None]
    return np.concatenate([real, w * turns[:, 1:] + turns[:, :1] * xyz + np.cross(xyz, turns[:, 1:])], axis=1)


def _bones_of(rig: Rig, taken: Collection[str]) -> dict[str, str]:
    """The bone of this rig for each role that it has one for."""
    names = {name.casefold(): name for name in sorted(rig.bones)}
    found = {}
    for role, wanted in _wanted().items():
        bone = next((names[name.casefold()] for name in wanted if name.casefold() in names), None)
        if bone is not None and bone not in taken:
            found[role] = bone
    return found


@lru_cache(maxsize=1)
def known_names() -> frozenset[str]:
    """Every name, in lower case, that a bone for head, gaze or breath may have."""
    return frozenset(name.casefold() for names in _wanted().values() for name in names)


@lru_cache(maxsize=1)
def _wanted() -> Mapping[str, tuple[str, ...]]:
    content = cast("dict[str, dict[str, list[str]]]", read_json(data_folder() / BONES_FILE_NAME))
    return {role: tuple(content["bones"][role]) for role in ROLES}


def _body(rest: Mapping[str, BoneRest], bones: Mapping[str, str]) -> _Body:
    """Which way a character faces, from its skeleton alone: files of other programs may lie on their back."""
    left = _left(rest, bones)
    upright = _spine(rest, bones.get("head", ""))
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    axes = axes[np.abs(axes @ left) < 0.5]
    up = axes[np.argmax(axes @ upright)]            # the axis of the armature that is nearest to the spine: necks lean
    up = up - (up @ left) * left
    up /= np.linalg.norm(up)
    return _Body(left, up, np.cross(left, up))


def _left(rest: Mapping[str, BoneRest], bones: Mapping[str, str]) -> Rows:
    """From the right bones to the left ones; X where the skeleton has no sides."""
    others = {name: mirrored_name(name) for name in rest}
    pairs = [(name, other) for name, other in others.items() if name.casefold() < other.casefold()]         # L before R
    pairs += [(bones.get(f"left_{part}", ""), bones.get(f"right_{part}", "")) for part in ("eye", "shoulder")]
    apart = np.zeros(3)
    for name, other in pairs:
        if name in rest and other in rest:
            apart += np.array(rest[name].head) - np.array(rest[other].head)
    length = float(np.linalg.norm(apart))
    return apart / length if length > 1e-6 else np.array([1.0, 0.0, 0.0])


def _spine(rest: Mapping[str, BoneRest], head: str) -> Rows:
    """From the first of the head's ancestors to the head; Z where that says nothing."""
    root, seen = head, {head}
    while root in rest and rest[root].parent in rest and rest[root].parent not in seen:
        root = rest[root].parent
        seen.add(root)
    if head not in rest or root == head:
        return np.array([0.0, 0.01, 1.0])
    spine = np.array(rest[head].head) - np.array(rest[root].head)
    return spine if np.linalg.norm(spine) > 1e-6 else np.array([0.0, 0.01, 1.0])
