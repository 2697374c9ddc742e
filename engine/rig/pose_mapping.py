"""Learn what a channel does from two poses of a character: at rest, and with the channel at its most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from ..values.errors import PresetError
from ..values.types import RigChannel
from .preset import Preset, Target
from .preset_file import default_clamp

STILL = 1e-4            # a control that differs by less has not been moved: shape keys, metres, radians
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
