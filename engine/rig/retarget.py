"""Turn face motion into curves for one rig, as its preset says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..motion import lip_contact
from ..motion.hold import hold
from ..values.errors import PresetError
from ..values.types import Curve, FloatArray, Motion, Rig, RigChannel, RigCurves
from . import viseme_mix
from .idle_bones import move_bones
from .names import first_names, rig_summary
from .preset import SOURCES, Preset, Target
from .presets import choose, find_targets

Matrix = NDArray[np.float32]

BACK_CUT = 1e-3             # of the strongest: weaker combinations of channels cannot be told apart on this rig


def retarget(motion: Motion, preset: Preset, rig: Rig, moved: frozenset[str] = frozenset()) -> RigCurves:
    """Curves for every rig channel that preset drives on rig; each is clamp(mixture * gain + offset).

    A target whose channels are all unknown to motion gets no curve: a model without a tongue leaves the tongue alone.
    Where nothing on the rig follows mouthClose, the jaw closes instead: lips that meet in the motion meet on the rig.

    Head, gaze and breath also move bones with usual names that the preset leaves alone; bones of the eyes only where
    nothing else moves the eyes.

    Args:
        motion: weights (n_frames, n_channels) in channels of preset.source, and those of channels.LIFE.
        moved: channels that idle motion moves and the voice does not: what follows them alone is RigCurves.life.
    Returns:
        A curve per rig channel with a key per frame, seconds = frame / motion.fps; keys only where the value changes,
        if preset.hold_frames is set; bone rotations in radians.
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
    values = evaluate(motion, [target for target, _ in driven], preset.hold_frames)
    seconds = np.arange(len(motion.weights), dtype=np.float64) / motion.fps
    curves = {
        place: Curve(seconds, _to_limit(row, rig.limits.get(place)) if target.to_limit else row)
        for (target, places), row in zip(driven, values, strict=True) for place in places
    }
    reached = {channel for target, _ in driven for channel, _ in target.sources if channel in known}
    alive = {place for target, places in driven for place in places if known & dict(target.sources).keys() <= moved}
    curves = _changes(curves) if preset.hold_frames else curves
    free_eyes = not any(channel.startswith("eyeLook") for channel in reached)
    bones, followed = move_bones(motion, rig, curves, free_eyes)
    wanted = dict.fromkeys((*preset.channels, *followed))       # not LIFE: the panel says it before
    reached.update(followed)
    return RigCurves(
        curves={**curves, **bones},
        preset=preset.name,
        mapped=tuple(channel for channel in wanted if channel in reached),
        missing=tuple(channel for channel in wanted if channel not in reached),
        stepped=preset.hold_frames > 0,
        life=frozenset({*alive, *bones}),
    )


def read_back(values: Mapping[RigChannel, FloatArray], fps: float, rig: Rig) -> tuple[Motion, str]:
    """Motion of source channels that moves a rig as its curves do: the rig's preset, read backwards.

    Solved by least squares on each frame, 0 to 1. What is no weighted sum (correctives, bent or mixed shapes) is left
    out.

    Args:
        values: (n_frames,) of each rig channel that is keyed, in the rig's own units (bones in radians).
        rig: what is keyed, by name.
    Returns:
        Motion of the channels that the curves say something of, and a sentence for the user about the rest, or "".
    Raises:
        PresetError, RigError: no preset reads these names, or nothing of them can be read backwards.
    """
    preset = choose(rig)
    pairs = zip(preset.targets, find_targets(preset, rig), strict=True)
    keyed = [(target, next((place for place in places if place in values), None)) for target, places in pairs]
    known = [(target, place) for target, place in keyed if place is not None]
    plain = [(target, place) for target, place in known if _is_plain(target)]
    if not plain:
        raise PresetError(
            f"Preset {preset.name!r} cannot be read backwards from {first_names(sorted(c.name for c in values))}: "
            "nothing in it is a weighted sum of face channels. Bake the motion on a head with ARKit shape keys."
        )
    channels = tuple(c for c in preset.channels if any(c in dict(target.sources) for target, _ in plain))
    mixing = _mixing(channels, [target for target, _ in plain])
    wanted = np.stack([_undone(target, values[place], rig.limits.get(place)) for target, place in plain])
    rows = np.linalg.lstsq(mixing, wanted, rcond=BACK_CUT)[0].T
    lost = [target.to.name for target, _ in known if not _is_plain(target)]
    text = f"Not read backwards from preset {preset.name!r}: {first_names(lost)}." if lost else ""
    return Motion(np.clip(rows, 0, 1).astype(np.float32), channels, fps), text


def _is_plain(target: Target) -> bool:
    return target.gamma == 1 and target.combine == "sum" and not target.blend


def _undone(target: Target, values: FloatArray, limits: tuple[float, float] | None) -> Matrix:
    """What the mixture of a target was (n_frames,), for the values that it gave."""
    degrees = values * (180 / math.pi) if target.degrees else values
    if target.to_limit and limits is not None:
        high, low = max(limits[1], 1e-6), max(-limits[0], 1e-6)
        degrees = np.where(degrees >= 0, degrees / high, degrees / low)
    return np.asarray(degrees - target.offset, np.float32)


def one_frame(preset: Preset, amounts: Mapping[str, float], rig: Rig) -> RigCurves:
    """Curves of a single key: the source channels stand at these amounts, all others at 0. Raises as retarget does."""
    channels = SOURCES[preset.source]
    weights = np.array([[amounts.get(channel, 0.0) for channel in channels]], np.float32)
    return retarget(Motion(weights, channels, 1.0), preset, rig)


def on_frames(curves: RigCurves, motion: Motion) -> Motion:
    """The curves as motion for files: a column per rig channel, a row per frame of the motion that they were made from.

    Between two keys the value moves in a straight line, or holds where curves.stepped.
    """
    seconds = np.arange(len(motion.weights), dtype=np.float64) / motion.fps
    channels = sorted(curves.curves)
    names = tuple(one.name if one.kind == "shape_key" else f"{one.name}.{one.path}[{one.index}]" for one in channels)
    weights = np.zeros((len(seconds), len(channels)), np.float32)
    for column, channel in zip(weights.T, channels, strict=True):
        keys = curves.curves[channel]
        if curves.stepped:
            last = np.searchsorted(keys.seconds, seconds, side="right") - 1
            column[:] = keys.values[np.maximum(last, 0)]
        else:
            column[:] = np.interp(seconds, keys.seconds, keys.values)
    return Motion(weights, names, motion.fps)


def evaluate(motion: Motion, targets: list[Target], hold_frames: int = 0) -> FloatArray:
    """Values (n_targets, n_frames) float32, a contiguous row per target, in the rig's own units (radians for degrees).

    Args:
        hold_frames: 0 eases the shapes of a blend; else one at a time shows, for at least so many frames.
    """
    values = _mixtures(motion, targets, hold_frames)
    values += _column([target.offset for target in targets])
    limits = [target.clamp or (-math.inf, math.inf) for target in targets]
    np.clip(values, _column([low for low, _ in limits]), _column([high for _, high in limits]), out=values)
    _share(values, targets)
    values *= _column([math.pi / 180 if target.degrees else 1.0 for target in targets])
    return values


def _mixtures(motion: Motion, targets: list[Target], hold_frames: int) -> FloatArray:
    """Mixture times gain of each target (n_targets, n_frames)."""
    values = np.zeros((len(targets), len(motion.weights)), np.float32)
    closed = _with_closing_jaw(motion, targets)
    weights = np.ascontiguousarray(closed.weights.T, dtype=np.float32)
    for gamma in {target.gamma for target in targets}:
        plain = [target.gamma == gamma and target.combine == "sum" and not target.blend for target in targets]
        rows = np.flatnonzero(plain).tolist()
        bent = weights if gamma == 1 else np.sign(weights) * np.abs(weights) ** np.float32(gamma)
        values[rows] = _mixing(motion.channels, [targets[row] for row in rows]) @ bent
        for i, target in enumerate(targets):
            if target.gamma == gamma and target.combine != "sum":
                values[i] = _corrective(motion.channels, target, bent)
    for blend in sorted({target.blend for target in targets if target.blend}):
        rows = [i for i, target in enumerate(targets) if target.blend == blend]
        shapes = viseme_mix.mix(motion, [dict(targets[row].sources) for row in rows])
        values[rows] = _held(shapes, motion, hold_frames) if hold_frames else shapes
        for row in rows:
            values[row] = values[row] ** targets[row].gamma * targets[row].gain
    return values


def _with_closing_jaw(motion: Motion, targets: list[Target]) -> Motion:
    """The motion, with jawOpen less mouthClose where no target follows mouthClose: else p, b and m would gape."""
    followed = any(channel == "mouthClose" for target in targets if not target.blend for channel, _ in target.sources)
    if followed or not {"jawOpen", "mouthClose"} <= set(motion.channels):
        return motion
    jaw, close = motion["jawOpen"], motion["mouthClose"]
    weights = motion.weights.copy()
    weights[:, motion.channels.index("jawOpen")] = np.where(close > 0, np.maximum(jaw - close, 0), jaw)
    return replace(motion, weights=weights)


def _mixing(channels: tuple[str, ...], targets: list[Target]) -> Matrix:
    """Weights times gain (n_targets, n_channels); a channel that the motion lacks stands for 0."""
    columns = {channel: i for i, channel in enumerate(channels)}
    mixing = np.zeros((len(targets), len(channels)), np.float32)
    for row, target in zip(mixing, targets, strict=True):
        for channel, weight in target.sources:
            if channel in columns:
                row[columns[channel]] = weight * target.gain
    return mixing


def _corrective(channels: tuple[str, ...], target: Target, weights: Matrix) -> Matrix:
    """Smallest or product of the weighted channels, times gain (n_frames,)."""
    known = dict(zip(channels, weights, strict=True))
    still = np.zeros_like(weights[0])
    parts = [weight * known.get(channel, still) for channel, weight in target.sources]
    mixed = np.minimum.reduce(parts) if target.combine == "min" else np.multiply.reduce(parts)
    return np.asarray(mixed * target.gain, np.float32)


def _held(shapes: FloatArray, motion: Motion, hold_frames: int) -> FloatArray:
    """The shapes of a blend, one at a time; where none is the best, none is shown."""
    rest = (1 - shapes.sum(axis=0, keepdims=True)).clip(0)
    closed = lip_contact.closed_frames(motion)
    moments = lip_contact.closest_moments(lip_contact.opening(motion), closed) if closed.any() else np.zeros(0, np.intp)
    return hold(np.concatenate([shapes, rest]), hold_frames, moments)[:-1]


def _to_limit(values: Matrix, limits: tuple[float, float] | None) -> Matrix:
    """Values of which 1 and -1 stand for the bone's limits."""
    if limits is None:
        return values
    return np.asarray(np.where(values >= 0, values * max(limits[1], 0.0), values * max(-limits[0], 0.0)), np.float32)


def _changes(curves: dict[RigChannel, Curve]) -> dict[RigChannel, Curve]:
    """Only the keys at which a held value changes, and the first."""
    changed = {}
    for place, curve in curves.items():
        keep = np.concatenate([[True], np.diff(curve.values) != 0])[:len(curve.values)]
        changed[place] = Curve(curve.seconds[keep], curve.values[keep])
    return changed


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
    wanted = first_names([target.to.name for target in preset.targets])
    return PresetError(
        f"Preset {preset.name!r} finds nothing on this character: it looks for {wanted}; "
        f"the character has {rig_summary(rig)}. Choose another preset or \"auto\"; "
        "Match by Shape and Map It Yourself make one for this rig."
    )
