"""Turn face motion into curves for one rig, as its preset says.

Sits between retime.py, smooth.py and whoever writes keys. Knows channels and presets; knows nothing of Blender.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .errors import PresetError
from .presets import Preset, Target, find_targets
from .rig_names import first_names, rig_summary
from .types import Curve, FloatArray, Motion, Rig, RigCurves

Matrix = NDArray[np.float32]


def retarget(motion: Motion, preset: Preset, rig: Rig) -> RigCurves:
    """Curves for every rig channel that preset drives on rig; each is clamp(weighted sum * gain + offset).

    A target whose channels are all unknown to motion gets no curve: a model without a tongue leaves the tongue alone.

    Args:
        motion: weights (n_frames, n_channels) in channels of preset.source.
    Returns:
        One curve of n_frames keys per rig channel, seconds = frame / motion.fps; bone rotations in radians.
    Raises:
        PresetError: the preset reads none of the motion's channels, or finds nothing on the rig.
    """
    known = set(motion.channels)
    driven = [
        (target, places)
        for target, places in zip(preset.targets, find_targets(preset, rig), strict=True)
        if places and any(channel in known for channel, _ in target.sources)
    ]
    if not driven:
        raise _nothing_found(motion, preset, rig)
    values = _values(motion, [target for target, _ in driven])
    seconds = np.arange(len(motion.weights), dtype=np.float64) / motion.fps
    curves = {place: Curve(seconds, row) for (_, places), row in zip(driven, values, strict=True) for place in places}
    reached = {channel for target, _ in driven for channel, _ in target.sources if channel in known}
    return RigCurves(
        curves=curves,
        preset=preset.name,
        mapped=tuple(channel for channel in preset.channels if channel in reached),
        missing=tuple(channel for channel in preset.channels if channel not in reached),
    )


def _values(motion: Motion, targets: list[Target]) -> FloatArray:
    """Values (n_targets, n_frames) float32, one contiguous row per target, in the rig's own units."""
    values = _mixing(motion.channels, targets) @ np.ascontiguousarray(motion.weights.T, dtype=np.float32)
    values += _column([target.offset for target in targets])
    limits = [target.clamp or (-math.inf, math.inf) for target in targets]
    np.clip(values, _column([low for low, _ in limits]), _column([high for _, high in limits]), out=values)
    _share(values, targets)
    values *= _column([math.pi / 180 if target.degrees else 1.0 for target in targets])
    return values


def _mixing(channels: tuple[str, ...], targets: list[Target]) -> Matrix:
    """Weights times gain (n_targets, n_channels); a channel that the motion lacks stands for 0."""
    columns = {channel: i for i, channel in enumerate(channels)}
    mixing = np.zeros((len(targets), len(channels)), np.float32)
    for row, target in zip(mixing, targets, strict=True):
        for channel, weight in target.sources:
            if channel in columns:
                row[columns[channel]] = weight * target.gain
    return mixing


def _share(values: FloatArray, targets: list[Target]) -> None:
    """Scale the targets of one share name down together where they add up to more than 1, in place."""
    for share in {target.share for target in targets if target.share}:
        rows = [i for i, target in enumerate(targets) if target.share == share]
        total = np.maximum(values[rows], 0.0).sum(axis=0)
        values[rows] /= np.maximum(total, 1.0)


def _column(numbers: list[float]) -> Matrix:
    return np.asarray(numbers, np.float32)[:, None]


def _nothing_found(motion: Motion, preset: Preset, rig: Rig) -> PresetError:
    if not set(motion.channels) & set(preset.channels):
        return PresetError(
            f"Preset {preset.name!r} reads {preset.source} channels ({first_names(preset.channels)}); the motion has "
            f"{first_names(motion.channels)}. Choose a head that gives {preset.source}, or another preset."
        )
    return PresetError(
        f"Preset {preset.name!r} finds nothing on this character: it looks for {first_names([target.to.name for target in preset.targets])}; "
        f"the character has {rig_summary(rig)}. Choose another preset or \"auto\", or write one for this rig (presets/SCHEMA.md)."
    )
