"""The artist's own keys of a character as plain numbers: what Teach learns from. Reads Actions and NLA strips; writes
nothing.

Keys that this add-on made do not count, unless the artist made them theirs (took them out of the group "Lip Sync", or
into an Action of their own).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Euler, Matrix, Quaternion

from ...engine import RigChannel, TeachError
from ..actions import actions
from ..character.character import Character, KeyTarget

LONGEST_S = 190.0           # of a take that is read; the engine says what is too long
EULER, QUATERNION, AXIS_ANGLE = "rotation_euler", "rotation_quaternion", "rotation_axis_angle"
COMPONENTS = {"location": 3, EULER: 3, QUATERNION: 4, AXIS_ANGLE: 4, "scale": 3}
_BONE = re.compile(r'pose\.bones\["((?:[^"\\]|\\.)*)"\]\.(\w+)$')


@dataclass(frozen=True)
class Keyed:
    """The artist's curves: controls (k), seconds (n,) of the sound, values (n, k); rotations as presets give them."""

    controls: tuple[RigChannel, ...]
    seconds: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class _Source:
    """A curve, and the frames that it plays; action frame = offset + scene frame / scale."""

    curve: bpy.types.FCurve
    first: float
    last: float
    offset: float
    scale: float

    def at(self, frame: float) -> float:
        """Value on a frame of the scene."""
        return self.curve.evaluate(self.offset + min(max(frame, self.first), self.last) / self.scale)

    def range(self) -> tuple[float, float]:
        """First and last frame of the scene that it has keys on."""
        first, last = ((frame - self.offset) * self.scale for frame in self.curve.range())
        return max(first, self.first), min(last, self.last)


def read(character: Character, start_frame: float, fps: float, rate_hz: float) -> Keyed:
    """The artist's keys of a character.

    Args:
        start_frame: frame on which the sound starts. rate_hz: samples per second to read.
    Raises:
        TeachError: the artist has keyed nothing of it.
    """
    sources: dict[RigChannel, _Source] = {}
    modes: dict[str, str] = {}
    for target in character.targets:
        owner = target.find()
        for channel, source in _sources(target, owner):
            sources.setdefault(channel, source)
        if target.kind == 'OBJECT' and owner.pose:
            modes |= {bone.name: bone.rotation_mode for bone in owner.pose.bones}
    if not sources:
        raise TeachError(
            f"{character.name!r} has no keys of yours: the ones that Generate made do not count. Key some seconds of "
            "the sound by hand, with any shape keys, bones or custom properties, then press Teach."
        )
    ranges = [source.range() for source in sources.values()]
    first_s = max((min(first for first, _ in ranges) - start_frame) / fps, -1.0)
    last_s = min((max(last for _, last in ranges) - start_frame) / fps, first_s + LONGEST_S)
    seconds = np.arange(first_s, max(last_s, first_s) + 1e-6, 1 / rate_hz)
    columns = {
        channel: np.array([source.at(start_frame + second * fps) for second in seconds])
        for channel, source in sources.items()
    }
    columns = _as_presets_turn(columns, modes)
    return Keyed(tuple(columns), seconds, np.stack(list(columns.values()), axis=1))


def _sources(target: KeyTarget, owner: bpy.types.ID) -> Iterator[tuple[RigChannel, _Source]]:
    """The artist's curves on one data-block, the active Action first."""
    names = (
        {target.path_of(RigChannel("shape_key", name)): name for name in target.names} if target.kind == 'KEY' else {}
    )
    for use in actions.uses(owner):
        if use.muted:
            continue
        strip = use.strip
        first, last, offset, scale = -np.inf, np.inf, 0.0, 1.0
        if strip is not None:
            first, last, scale = strip.frame_start, strip.frame_end, strip.scale or 1.0
            offset = strip.action_frame_start - strip.frame_start / scale
        for curve in actions.curves_of(use):
            if curve.mute or actions.is_ours(curve, use) or (curve.data_path, curve.array_index) in target.driven:
                continue
            channel = _channel(target, curve, names)
            if channel is not None:
                yield channel, _Source(curve, first, last, offset, scale)


def _channel(target: KeyTarget, curve: bpy.types.FCurve, names: dict[tuple[str, int] | None, str]) -> RigChannel | None:
    if target.kind == 'KEY':
        name = names.get((curve.data_path, curve.array_index))
        return RigChannel("shape_key", name) if name is not None else None
    bone = _BONE.match(curve.data_path)
    if bone and bone[2] in COMPONENTS:
        name = bpy.utils.unescape_identifier(bone[1])
        return RigChannel("bone", name, bone[2], curve.array_index) if name in target.names else None
    return RigChannel("property", curve.data_path) if curve.data_path in target.properties else None


def _as_presets_turn(columns: dict[RigChannel, np.ndarray], modes: dict[str, str]) -> dict[RigChannel, np.ndarray]:
    """Rotations as presets give them: XYZ angles or quaternions, in the mode that the bone uses."""
    result = {
        channel: values for channel, values in columns.items() if channel.path not in (EULER, QUATERNION, AXIS_ANGLE)
    }
    for bone in dict.fromkeys(channel.name for channel in columns if channel.path in (EULER, QUATERNION, AXIS_ANGLE)):
        mode = modes[bone]
        path = {'QUATERNION': QUATERNION, 'AXIS_ANGLE': AXIS_ANGLE}.get(mode, EULER)
        parts = {
            channel: values for channel, values in columns.items() if channel.name == bone and channel.path == path
        }
        if path == QUATERNION or (path == EULER and (mode == 'XYZ' or len(parts) == 1)):
            result |= parts
        elif parts:
            rows = np.array([_rest_row(path, parts, number) for number in range(len(next(iter(parts.values()))))])
            result |= _turned(bone, rows, mode)
    return result


def _rest_row(path: str, parts: dict[RigChannel, np.ndarray], number: int) -> list[float]:
    row = [0.0, 0.0, 1.0, 0.0] if path == AXIS_ANGLE else [0.0, 0.0, 0.0]
    for channel, values in parts.items():
        row[channel.index] = float(values[number])
    return row


def _turned(bone: str, rows: np.ndarray, mode: str) -> dict[RigChannel, np.ndarray]:
    """Rows in a bone's own mode as XYZ angles, or of axis and angle as a quaternion."""
    if mode == 'AXIS_ANGLE':
        path, turned = QUATERNION, [Quaternion(row[1:], row[0]) for row in rows]
    else:
        path, turned = EULER, []
        for row in rows:
            matrix: Matrix = Euler(row, mode).to_matrix()
            turned.append(matrix.to_euler('XYZ', turned[-1]) if turned else matrix.to_euler('XYZ'))
    return {
        RigChannel("bone", bone, path, index): np.array([rotation[index] for rotation in turned])
        for index in range(len(turned[0]))
    }
