"""Left and right: names, targets and motion of the face's other side."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from ..values.types import FloatArray, Motion, RigChannel
from .preset import Preset, Target

# A side stands at an end of a word: eyeBlinkLeft, Smile_L, smile.l, L_smile, lip.T.L.001, eye-left-closure, cornerL.
_WORD_SIDE = re.compile(r"(?<![a-z])(left|right|Left|Right|LEFT|RIGHT)(?![a-z])|(?<=[a-z])(Left|Right)(?![a-z])")
_LETTER_SIDE = re.compile(
    r"(?<![A-Za-z0-9])([lLrR])(?![A-Za-z0-9])|(?<=[a-z])([LR])(?![A-Za-z])|(?<=[a-z][UD])([LR])(?![A-Za-z])"
)
_OTHER = {"left": "right", "Left": "Right", "LEFT": "RIGHT", "l": "r", "L": "R"}
_OTHER |= {right: left for left, right in _OTHER.items()}
# Bones of a mirrored armature: what changes its sign on the other side, in the bone's own axes.
_FLIPPED = {
    ("location", 0), ("rotation_euler", 1), ("rotation_euler", 2),
    ("rotation_quaternion", 2), ("rotation_quaternion", 3),
}

SIDEWAYS = ("headYaw", "headRoll")      # angles of the head that turn the other way in a mirror


def mirrored_name(name: str) -> str:
    """The name of the other side; a name without a side stays as it is."""
    pattern = _WORD_SIDE if _WORD_SIDE.search(name) else _LETTER_SIDE
    return pattern.sub(lambda found: _OTHER[found.group(0)], name)


def mirror_target(target: Target) -> Target | None:
    """The target for the other side of the face, None where its name has no side.

    A bone's location X, rotation Y and Z, quaternion y and z change their sign, as in Blender's Paste X-Flipped Pose.
    """
    to, sources = replace(target.to, name=mirrored_name(target.to.name)), _mirrored_sources(target)
    if to == target.to:
        return None
    if not _flips(to):
        return replace(target, to=to, sources=sources)
    clamp = None if target.clamp is None else (-target.clamp[1], -target.clamp[0])
    return replace(target, to=to, sources=sources, gain=-target.gain, offset=-target.offset, clamp=clamp)


def swap_sides(preset: Preset) -> Preset:
    """The preset for a rig whose left is the viewer's left: each channel goes where its twin of the other side went."""
    targets = tuple(replace(target, sources=_mirrored_sources(target)) for target in preset.targets)
    return replace(preset, targets=targets)


def _mirrored_sources(target: Target) -> tuple[tuple[str, float], ...]:
    signs = {channel: -1 if channel in SIDEWAYS else 1 for channel, _ in target.sources}
    return tuple((mirrored_name(channel), signs[channel] * weight) for channel, weight in target.sources)


def mirror_motion(motion: Motion) -> Motion:
    """The same motion as a mirror shows it: left and right of the face change places.

    A channel whose twin the motion lacks keeps its own curve.
    """
    columns = {channel: i for i, channel in enumerate(motion.channels)}
    order = [columns.get(mirrored_name(channel), i) for i, channel in enumerate(motion.channels)]
    signs = np.array([-1 if channel in SIDEWAYS else 1 for channel in motion.channels], np.float32)
    weights: FloatArray = np.ascontiguousarray(motion.weights[:, order]) * signs
    return replace(motion, weights=weights)


def _flips(channel: RigChannel) -> bool:
    return channel.kind == "bone" and (channel.path, channel.index) in _FLIPPED
