"""Learn what a channel does from two poses of a character: at rest, and with the channel at its most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..values.errors import PresetError
from ..values.types import Rig, RigChannel
from .preset import Preset, Target
from .preset_file import default_clamp
from .presets import find_targets

STILL = 1e-4            # a control that differs by less has not been moved: shape keys, metres, radians
LEAST_SHOWN = 0.02      # of a channel or control that counts as set
ROUNDS = 60             # of a least-squares fit
DIGITS = 6              # of weights and offsets that are kept

Pose = Mapping[RigChannel, float]       # value of each control, rotations in radians


def learn(preset: Preset, channel: str, rest: Pose, extreme: Pose) -> Preset:
    """The preset with channel driving what differs between two poses, so that 0 gives the first and 1 the second.

    A control that the preset drives already keeps its other channels and its offset. A control that channel drove
    before and that does not differ is let go.

    Raises:
        PresetError: nothing differs, or a control that differs is mixed in a way to which no weight can be added.
    """
    differences = {control: extreme[control] - rest[control] for control in rest if control in extreme}
    moved = {control: difference for control, difference in differences.items() if abs(difference) > STILL}
    if not moved:
        raise PresetError(
            f"Nothing moved between rest and extreme, so nothing was learned for {channel!r}. "
            "Move some controls, then record the extreme."
        )
    for target in preset.targets:
        if target.to in moved:
            _check(target)
    kept = [_changed(target, channel, moved, extreme) for target in preset.targets]
    known = {target.to for target in preset.targets}
    new = sorted(moved.keys() - known, key=_order)
    made = [_new(control, channel, rest[control], extreme[control]) for control in new]
    return replace(preset, targets=(*(target for target in kept if target is not None), *made))


def read_channels(preset: Preset, rig: Rig, pose: Pose) -> tuple[dict[str, float], tuple[str, ...]]:
    """The channels, 0 to 1, that would give a pose of a character by a preset, and the controls that it cannot explain.

    Args:
        pose: values of the controls that an artist set; rotations in radians.
    Returns:
        Channels above LEAST_SHOWN; names of controls that stand away from rest and that the preset does not move.
    Source: least squares within limits, by one channel after the other.
    """
    rows = [
        (target, place) for target, places in zip(preset.targets, find_targets(preset, rig), strict=True)
        for place in places if place in pose and target.combine == "sum" and target.gamma == 1 and target.gain
    ]
    channels = sorted({channel for target, _ in rows for channel, _ in target.sources})
    effect = np.zeros((len(rows), len(channels)))
    wanted = np.zeros(len(rows))
    for number, (target, place) in enumerate(rows):
        for channel, weight in target.sources:
            effect[number, channels.index(channel)] = weight * target.gain
        wanted[number] = _shown(target, pose[place]) - target.offset
    scale = np.abs(effect).max(axis=1, keepdims=True, initial=1e-9)      # degrees count as much as keys
    found = _solved(effect / scale, wanted / scale[:, 0])
    explained = {place for _, place in rows}
    others = sorted({place.name for place, value in pose.items()
                     if place.kind == "shape_key" and abs(value) > LEAST_SHOWN and place not in explained})
    shown = {channel: round(float(value), 3) for channel, value in zip(channels, found, strict=True)}
    return {channel: value for channel, value in shown.items() if value > LEAST_SHOWN}, tuple(others)


def _solved(effect: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights (n_channels,) from 0 to 1 whose effects come nearest to what is wanted."""
    weights, left = np.zeros(effect.shape[1]), wanted.copy()
    strength = (effect**2).sum(axis=0)
    for _ in range(ROUNDS):
        for column in np.flatnonzero(strength > 0):
            now = np.clip(weights[column] + effect[:, column] @ left / strength[column], 0, 1)
            left -= effect[:, column] * (now - weights[column])
            weights[column] = now
    return weights


def _check(target: Target) -> None:
    reasons = (
        (target.combine != "sum", f"combined by {target.combine}"), (bool(target.blend), "part of a blend"),
        (target.to_limit, "to the bone's limits"), (target.gain == 0, "its gain is 0"),
        (target.gamma != 1, f"its gamma is {target.gamma:g}"),
    )
    why = next((reason for holds, reason in reasons if holds), "")
    if why:
        raise PresetError(
            f"{target.to.name!r} moved, but no weight can be learned for it ({why}). "
            "Remove it from the mapping first, or leave it at rest."
        )


def _changed(target: Target, channel: str, moved: Mapping[RigChannel, float], extreme: Pose) -> Target | None:
    """The target with its weight for channel; None when nothing drives it any more."""
    sources = dict(target.sources)
    if target.to in moved:
        sources[channel] = _rounded(_shown(target, moved[target.to]) / target.gain)
        clamp = _around(target.clamp, _shown(target, extreme[target.to]))
        return replace(target, sources=tuple(sources.items()), clamp=clamp)
    if target.to not in extreme:
        return target
    sources.pop(channel, None)
    return replace(target, sources=tuple(sources.items())) if sources else None


def _new(control: RigChannel, channel: str, rest: float, extreme: float) -> Target:
    target = Target(control, (), clamp=default_clamp(control), degrees=control.path == "rotation_euler")
    weight, offset = _rounded(_shown(target, extreme - rest)), _rounded(_shown(target, rest))
    clamp = _around(_around(target.clamp, offset), offset + weight)
    return replace(target, sources=((channel, weight),), offset=offset, clamp=clamp)


def _around(clamp: tuple[float, float] | None, value: float) -> tuple[float, float] | None:
    """Limits that let value through."""
    return clamp and (min(clamp[0], _rounded(value)), max(clamp[1], _rounded(value)))


def _shown(target: Target, value: float) -> float:
    """A value in the target's unit."""
    return math.degrees(value) if target.degrees else value


def _rounded(value: float) -> float:
    return round(value, DIGITS)


def _order(control: RigChannel) -> tuple[str, str, str, int]:
    return control.kind, control.name, control.path, control.index
