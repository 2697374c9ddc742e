"""Lips that meet on this mesh: keyed weights moved until the gap that they make is the gap that is wanted.

The gap is linear in the weights of shape keys, so each frame is a least change with limits. The motion itself stays as
it is; only the curves of one character's keys change. Lips that are to touch meet without crossing, parted lips are
seen apart, rounded ones get the gap that the model means, and for f and v the lower lip comes up to the teeth.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..motion import lip_contact
from ..motion.smooth import smooth_step
from ..values.lips import LipCheck, LipGaps
from ..values.phones import BILABIALS, LABIODENTALS, Phone
from ..values.types import Curve, LipContacts, Motion, RigChannel, RigCurves
from .lip_pairs import LipMesh
from .shape_align import Array

MAIN_KEY = 0.3              # of the jaw's effect: keys with more move freely, others by as much as they are up
PRESSED = 0.0005            # of the head's height: lips that are pressed may overlap by so much
PARTED = 0.03               # of the jaw's opening: gap that is seen where the motion parts the lips
ROUND_FROM, ROUND_AT = 0.25, 0.6    # funnel and pucker together: from where a sound is rounded, and wholly is
TUCK_FROM, TUCK_AT = 0.15, 0.35     # lower lip rolled in more than the upper one: f and v
ROUNDS = 12                 # keys that reach their limits leave the rest to the others
SEARCH_S = 0.04             # around a phone, where lips may meet instead


@dataclass(frozen=True)
class _Keys:
    """What the keys of some curves do to the lips: all in head heights, (n_keys,) with the key at 1.

    Attributes:
        channels: of the curves. rest, slit, opening: of the lips. effect: on the mean gap.
        sink: of the lower lip under the edge of the upper teeth. teeth: how far it lies under it at rest; None without.
    """

    channels: list[RigChannel]
    rest: float
    slit: float
    opening: float
    effect: Array
    sink: Array
    teeth: float | None


def fit_lips(curves: RigCurves, motion: Motion, contacts: LipContacts, lips: LipMesh) -> RigCurves:
    """The curves with weights under which the lips meet on this mesh.

    Args:
        curves: a key per frame, as retarget gives them. motion, contacts: that they were made from.
    Returns:
        Curves of the keys that move the lips, changed as little as it takes; unchanged for curves that hold their
        values, keys on other frames or motion that does not tell where lips touch.
    """
    keys = _keys(curves, lips, len(motion.weights))
    if not keys.channels or curves.stepped or not lip_contact.has_lips(motion.channels):
        return curves
    weights = np.stack([curves.curves[channel].values for channel in keys.channels], axis=1).astype(np.float64)
    wanted = _wanted(keys.rest + weights @ keys.effect, motion, contacts, keys)
    if keys.teeth is not None:
        wanted, weights = _tucked(wanted, weights, keys, motion)
    fitted = _shifted(weights, keys.effect, wanted - keys.rest - weights @ keys.effect, keys.opening)
    fitted_curves = {
        channel: Curve(curves.curves[channel].seconds, np.asarray(values, np.float32))
        for channel, values in zip(keys.channels, fitted.T, strict=True)
    }
    return replace(curves, curves={**curves.curves, **fitted_curves})


def check_lips(
    before: RigCurves, after: RigCurves, motion: Motion, phones: tuple[Phone, ...], lips: LipMesh,
) -> LipCheck | None:
    """How lips meet and part on this mesh, with curves before and after fitting; None for curves that cannot tell."""
    n_frames = len(motion.weights)
    if before.stepped or not n_frames or not _lip_channels(before, lips, n_frames):
        return None
    gaps = [gap_of(curves, lips, n_frames).mean(axis=1) for curves in (before, after)]
    counts = [LipGaps(_tightest(gap, phones, motion.fps)) for gap in gaps]
    parting = {name: float(change.mean()) for name, change in lips.parts.items()}
    return LipCheck(
        counts[0], counts[1], float(gaps[1].max()), lips.opening, before is not after, parting,
        _tucks(after, lips, phones, motion), _through_teeth(after, lips, n_frames),
    )


def _tucks(curves: RigCurves, lips: LipMesh, phones: tuple[Phone, ...], motion: Motion) -> tuple[float, ...]:
    """How far the lower lip stays below the upper teeth on each f and v, on its nearest frame; () without teeth."""
    if lips.teeth_rest is None:
        return ()
    below = _below_teeth(curves, lips, len(motion.weights))
    return _tightest(below, phones, motion.fps, LABIODENTALS)


def _through_teeth(curves: RigCurves, lips: LipMesh, n_frames: int) -> float:
    """The furthest by which a lip that lay in front of the upper teeth at rest gets behind their face, 0 for none; the
    lower one only as far as it also reaches above their edge."""
    if not lips.before_teeth:
        return 0.0
    channels = _on_frames(curves, lips.front_parts, n_frames)
    behind = [
        -max(ahead, 0.0) - _moved(curves, channels, {name: change[lip] for name, change in lips.front_parts.items()})
        for lip, ahead in enumerate(lips.before_teeth)
    ]
    above = -_below_teeth(curves, lips, n_frames)
    return float(max(behind[0].max(), np.minimum(behind[1], above).max(), 0.0))


def _below_teeth(curves: RigCurves, lips: LipMesh, n_frames: int) -> Array:
    """How far the lower lip lies below the edge of the upper teeth (n_frames,)."""
    return (lips.teeth_rest or 0.0) + _moved(curves, _on_frames(curves, lips.teeth_parts, n_frames), lips.teeth_parts)


def _moved(curves: RigCurves, channels: list[RigChannel], parts: Mapping[str, float]) -> Array:
    """What these keys together do over all frames, each by its part at 1."""
    return np.asarray(sum(curves.curves[channel].values * parts[channel.name] for channel in channels), np.float64)


def gap_of(curves: RigCurves, lips: LipMesh, n_frames: int) -> Array:
    """Distance (n_frames, n_pairs) of the inner lips in head heights that curves with a key per frame make."""
    channels = _lip_channels(curves, lips, n_frames)
    moved = [np.outer(curves.curves[channel].values, lips.parts[channel.name]) for channel in channels]
    return np.asarray(lips.rest + sum(moved, np.zeros((n_frames, len(lips.rest)))))


def _lip_channels(curves: RigCurves, lips: LipMesh, n_frames: int) -> list[RigChannel]:
    """Shape keys that move the lips and have a key on every frame."""
    return _on_frames(curves, lips.parts, n_frames)


def _on_frames(curves: RigCurves, names: Collection[str], n_frames: int) -> list[RigChannel]:
    """Shape keys of these names that have a key on every frame."""
    return [
        channel for channel, curve in curves.curves.items()
        if channel.kind == "shape_key" and channel.name in names and len(curve.values) == n_frames
    ]


def _keys(curves: RigCurves, lips: LipMesh, n_frames: int) -> _Keys:
    channels = _lip_channels(curves, lips, n_frames)
    effect = np.array([lips.parts[channel.name].mean() for channel in channels])
    sink = np.array([lips.teeth_parts[channel.name] for channel in channels])
    return _Keys(channels, float(lips.rest.mean()), lips.slit, lips.opening, effect, sink, lips.teeth_rest)


def _wanted(gap: Array, motion: Motion, contacts: LipContacts, keys: _Keys) -> Array:
    """The gap (n_frames,) that is wanted on each frame: the one that is there, unless something speaks against it."""
    seen = lip_contact.opening(motion).astype(np.float64)
    overlap = max(keys.slit, PRESSED)
    parted = np.clip(seen - lip_contact.CLOSED_BELOW, 0, PARTED) * keys.opening - overlap
    meant = np.maximum(lip_contact.reference_gap(motion).astype(np.float64), 0) * keys.opening
    rounding = sum(motion[name] for name in ("mouthFunnel", "mouthPucker") if name in motion.channels)
    rounded = smooth_step(np.asarray((rounding - ROUND_FROM) / (ROUND_AT - ROUND_FROM)))
    wanted = np.maximum(gap + rounded * (meant - gap), parted)
    wanted = np.where(contacts.closed, np.clip(gap, -overlap, -keys.slit), wanted)
    tuck = _tuck(motion)        # it counts as closed lips too, but the teeth lie between
    return np.asarray(wanted + tuck * (np.maximum(gap, 0.0) - wanted), np.float64)


def _tuck(motion: Motion) -> Array:
    """How far the lower lip is under the upper teeth for f and v, 0 to 1 (n_frames,)."""
    rolled = motion["mouthRollLower"] - motion["mouthRollUpper"]
    return np.asarray(smooth_step((rolled - TUCK_FROM) / (TUCK_AT - TUCK_FROM)), np.float64)


def _tucked(wanted: Array, weights: Array, keys: _Keys, motion: Motion) -> tuple[Array, Array]:
    """The gap that is wanted where the lower lip is to reach the teeth for f and v, and weights that take it there."""
    below = _tuck(motion) * np.maximum((keys.teeth or 0.0) + weights @ keys.sink, 0.0)
    raised = _shifted(weights, keys.sink, -below, keys.opening)
    left = np.maximum(keys.rest + raised @ keys.effect, 0.0)
    return np.where(below > 0, np.minimum(wanted, left), wanted), raised


def _shifted(weights: Array, effect: Array, change: Array, opening: float) -> Array:
    """Weights whose sum with these effects is larger by `change` (n_frames,), by the least change within limits.

    Keys with a large effect move freely from 0 to 1, others only by as much as they are up, so that no sneer closes the
    lips. Where limits are in the way the change is as large as they let it be.
    """
    low, high = np.minimum(weights, 0.0), np.maximum(weights, 1.0)
    main = np.abs(effect) >= MAIN_KEY * abs(opening)
    freedom = np.where(main, 1.0, np.clip(weights, 0.0, 1.0))
    moved, left = weights.copy(), change.copy()
    for _ in range(ROUNDS):
        upwards = np.sign(left)[:, None] * effect > 0
        free = freedom * np.where(upwards, moved < high, moved > low)
        strength = (free * effect**2).sum(axis=1)
        step = np.where(strength > 1e-12, left / np.maximum(strength, 1e-12), 0.0)
        moved = np.clip(moved + step[:, None] * free * effect, low, high)
        left = change - (moved - weights) @ effect
    return moved


def _tightest(
    gap: Array, phones: tuple[Phone, ...], fps: float, labels: frozenset[str] = BILABIALS,
) -> tuple[float, ...]:
    """The smallest gap of each p, b and m, or of other phones."""
    reach = round(SEARCH_S * fps)
    spans = [(phone.start_s, phone.end_s) for phone in phones if phone.label in labels]
    windows = [gap[max(round(start * fps) - reach, 0):round(end * fps) + reach + 1] for start, end in spans]
    return tuple(float(window.min()) for window in windows if len(window))
