"""Lips of a mouth that bones, properties or drivers move: what each channel does to them is sampled on the posed mesh.

A key's own offsets tell what it does; a bone's don't. So the rig is posed a few times, and what the channels did to the
evaluated vertices stands for keys from then on: closures are solved in channels, and the rig follows those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..rig.preset import ARKIT_SOURCE, Preset
from ..rig.presets import choose
from ..rig.retarget import one_frame
from ..values.errors import EngineError
from ..values.types import Curve, FloatArray, HeadMesh, IntArray, LipContacts, Motion, Rig, RigChannel, RigCurves
from .lip_fit import fit_lips
from .lip_pairs import LipMesh, is_moved_otherwise

JAW, CLOSE = "jawOpen", "mouthClose"
AMOUNT = 0.3            # of a channel in its pose: about that of the jaw where lips close
BEYOND = 1.5            # times the jaw: a rig whose lips close no further by it closes them by its jaw alone
NO_FURTHER = 0.25       # of what that should move
# Its other poses are those of a closed mouth: what a channel does there is what counts.
_OPEN, _CLOSED, _BEYOND = {JAW: AMOUNT}, {JAW: AMOUNT, CLOSE: AMOUNT}, {JAW: AMOUNT, CLOSE: BEYOND * AMOUNT}
# Those that part or close lips, each posed on both sides together; and brows, from which the head's height is told.
_FURTHER = (
    "mouthFunnel", "mouthPucker", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthPress", "mouthLowerDown", "mouthUpperUp", "mouthSmile", "noseSneer", "browInnerUp",
)


def lip_poses(rig: Rig) -> tuple[Mapping[RigChannel, Curve], ...]:
    """Values of the rig's controls, as curves of a single key, in which its meshes are to be measured; the first is at
    rest.

    Returns:
        None where the mesh's own shape keys tell all, or no preset that reads ARKit channels fits.
    """
    try:
        preset = choose(replace(rig, source=ARKIT_SOURCE))
    except EngineError:
        return ()
    if preset.source != ARKIT_SOURCE or not is_moved_otherwise(rig, preset):
        return ()
    further = (_CLOSED | dict.fromkeys(sides, AMOUNT) for sides in _further(preset))
    return tuple(one_frame(preset, pose, rig).curves for pose in ({}, _OPEN, _CLOSED, _BEYOND, *further))


def _further(preset: Preset) -> list[tuple[str, ...]]:
    """The other channels that a preset reads, those of both sides together."""
    read = {channel for target in preset.targets for channel, _ in target.sources}
    sides = [tuple(part + side for side in ("", "Left", "Right") if part + side in read) for part in _FURTHER]
    return list(filter(None, sides))


def sampled_mesh(rig: Rig, points: Sequence[NDArray[np.float64]], triangles: IntArray) -> HeadMesh:
    """A head whose keys are the channels, by what they do at 1; without mouthClose where the jaw alone closes the lips.

    Args:
        points: (n, 3) vertices of each pose of lip_poses(rig). triangles: (m, 3).
    """
    rest, opened, closed, beyond, *others = points
    moves = {JAW: opened - rest}
    wanted, found = np.abs(closed - opened).max() * (BEYOND - 1), np.abs(beyond - closed).max()
    if found > NO_FURTHER * wanted:
        moves[CLOSE] = closed - opened
    for sides, other in zip(_further(choose(replace(rig, source=ARKIT_SOURCE))), others, strict=True):
        moves |= dict.fromkeys(sides, (other - closed) / len(sides))
    stacked = np.asarray(np.stack(list(moves.values())) / AMOUNT, np.float32)
    return HeadMesh(np.asarray(rest, np.float64), triangles, stacked, tuple(moves))


def channels_as_keys(motion: Motion, lips: LipMesh, stepped: bool) -> RigCurves:
    """Motion as curves of keys that are named as its channels; the jaw as far as nothing closes it, on a rig whose jaw
    alone closes the lips. stepped: whether the rig holds its values."""
    seconds = np.arange(len(motion.weights), dtype=np.float64) / motion.fps
    rows = {name: motion.weights[:, column] for column, name in enumerate(motion.channels)}
    if CLOSE not in lips.parts:
        rows[JAW] = _net(motion)
    curves = {RigChannel("shape_key", name): Curve(seconds, row) for name, row in rows.items()}
    return RigCurves(curves, "", motion.channels, (), stepped)


def _net(motion: Motion) -> FloatArray:
    return np.maximum(motion[JAW] - motion[CLOSE], 0)


def fit_channels(motion: Motion, contacts: LipContacts, lips: LipMesh) -> Motion:
    """The motion with weights of its channels under which the lips of a sampled mesh meet."""
    fitted = fit_lips(channels_as_keys(motion, lips, stepped=False), motion, contacts, lips)
    rows = {name: fitted.curves[RigChannel("shape_key", name)].values for name in motion.channels}
    if CLOSE not in lips.parts:
        rows[JAW], rows[CLOSE] = _jaw_and_close(motion, rows[JAW])
    return replace(motion, weights=np.stack([rows[name] for name in motion.channels], axis=1).astype(np.float32))


def _jaw_and_close(motion: Motion, net: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both channels, each (n_frames,), for a jaw that is to be open so far: mouthClose changes first."""
    jaw, close = motion[JAW], motion[CLOSE]
    opens = net > _net(motion)
    return np.where(opens, np.maximum(jaw, net), jaw), np.maximum(np.where(opens, 0, close), jaw - net)
