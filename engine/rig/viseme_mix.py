"""Mix a rig's few mouth shapes (visemes, Preston Blair's drawings, VRM's aiueo) so that they look most like the motion.

Each shape stands for a pose in ARKit channels. Per frame: bounded least squares over what a viewer sees of a mouth,
then lips that meet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..motion import lip_contact as lips
from ..values.channels import ARKIT_52
from ..values.types import BoolArray, FloatArray, Motion

Pose = Mapping[str, float]      # ARKit channel -> weight

# How much a channel counts in "looks like": what a viewer sees first counts most. Left and right count half each.
IMPORTANCE = {
    "jawOpen": 1.0, "mouthFunnel": 0.9, "mouthPucker": 0.9, "mouthRollLower": 0.9, "mouthRollUpper": 0.3,
    "tongueOut": 1.0, "mouthStretch": 0.9, "mouthSmile": 0.5, "mouthPress": 0.5, "mouthLowerDown": 0.55,
    "mouthUpperUp": 0.5, "mouthFrown": 0.3, "mouthDimple": 0.3, "mouthShrugUpper": 0.2, "mouthShrugLower": 0.2,
}
RIDGE = 0.004               # shares a mouth evenly between shapes that look the same, and keeps faint shapes at 0
CONTRAST = 1.0              # price of a shape that points elsewhere, times both lengths and 1 less the cosine of them
MAX_FULLNESS = 1.5
SWEEPS = 120                # of coordinate descent: more change no weight by more than 0.001 on mixtures of two visemes
PRESSED_AT = 0.25           # mouthPress plus mouthClose at which lips that touch are a p, b or m and no rest
SHUT_SOFT = 0.06            # seen opening above SHUT_BELOW over which a contact fades
TUCK_FROM, TUCK_AT = 0.15, 0.35     # lower lip rolled in more than the upper one: f and v, no closure
FEW_SHAPES = 10             # of a set that shows two of them at a time: more are needed for the others to look right
ALL_ALIKE = 0.01            # by how much the two largest must exceed the third, else all three stay as they are
TUCK_SLIT = 0.15            # of a spread mouth, for f and v where no shape tucks the lip: a slit of teeth


def mix(motion: Motion, poses: Sequence[Pose]) -> FloatArray:
    """Weight of each mouth shape (n_shapes, n_frames) float32, 0 to 1, together at most 1 on each frame.

    Of few shapes at most two show at once besides: three that add up look like none of them. A set without a lip under
    the teeth shows a slit of a spread mouth on f and v, so that they are neither a p nor an s.

    A shape that shows nothing (rest, silence) gets what the others leave. Where lips meet, the shapes of closed lips
    get all of it, so that a p, b or m reaches 1 however faint its pose; without such a shape the others go to 0 there.
    """
    shapes = _seen(np.array([[pose.get(channel, 0.0) for channel in ARKIT_52] for pose in poses], np.float32).T)
    columns = {channel: i for i, channel in enumerate(motion.channels)}
    arkit = np.zeros((len(ARKIT_52), len(motion.weights)), np.float32)
    for row, channel in zip(arkit, ARKIT_52, strict=True):
        if channel in columns:
            row[:] = motion.weights[:, columns[channel]]
    weights = _least_squares(shapes, _seen(arkit))
    if len(poses) <= FEW_SHAPES:
        weights = _slit(_winner_and_runner_up(weights), arkit, poses)
    weights /= np.maximum(weights.sum(axis=0), 1.0)
    closed = closures(poses)
    contact = lip_contact(arkit)
    weights *= 1 - contact
    if closed.any():
        weights[closed] += contact / closed.sum()
    resting = ~shapes.any(axis=0)
    if resting.any():
        weights[resting] = (1 - weights[~resting].sum(axis=0)).clip(0) / resting.sum()
    return np.asarray(weights, np.float32)


def _winner_and_runner_up(weights: FloatArray) -> FloatArray:
    """The two largest weights of each frame, less the third, lifted to what all had together: nothing jumps where the
    second and the third change places. weights: (n_shapes, n_frames)."""
    if len(weights) < 3:
        return weights
    third = np.partition(weights, -3, axis=0)[-3]
    two = np.maximum(weights - third, 0)
    left = two.sum(axis=0)
    lifted = two * (weights.sum(axis=0) / np.maximum(left, ALL_ALIKE))
    return np.asarray(np.where(left < ALL_ALIKE, weights, lifted), np.float32)


def _slit(weights: FloatArray, arkit: FloatArray, poses: Sequence[Pose]) -> FloatArray:
    """Weights (n_shapes, n_frames) with f and v as a slit of the most spread shape, where no shape tucks the lip."""
    spread = [pose.get("mouthStretchLeft", 0.0) + pose.get("mouthSmileLeft", 0.0) for pose in poses]
    tucks = [pose.get("mouthRollLower", 0.0) - pose.get("mouthRollUpper", 0.0) > TUCK_FROM for pose in poses]
    if any(tucks) or not any(spread):
        return weights
    tucked = _tuck(arkit)
    shown = weights * (1 - tucked)
    shown[int(np.argmax(spread))] += TUCK_SLIT * tucked
    return np.asarray(shown, np.float32)


def closures(poses: Sequence[Pose]) -> BoolArray:
    """Which of the poses have lips that meet (n_shapes,)."""
    arkit = np.array([[pose.get(channel, 0.0) for channel in ARKIT_52] for pose in poses], np.float32)
    return np.asarray(lip_contact(arkit.T) > 0.99)


def lip_contact(arkit: FloatArray) -> FloatArray:
    """How much a mouth is a p, b or m (n_frames,), 0 to 1, from ARKit channels (52, n_frames).

    In these phones the lips touch, and are pressed or held closed.
    """
    motion = Motion(np.ascontiguousarray(arkit.T), ARKIT_52, 1.0)
    shut = ((lips.CLOSED_BELOW + SHUT_SOFT - lips.opening(motion)) / SHUT_SOFT).clip(0, 1)
    press = (motion["mouthPressLeft"] + motion["mouthPressRight"]) / 2
    pressed = ((press + motion["mouthClose"]) / PRESSED_AT).clip(0, 1)
    return np.asarray(shut * pressed * (1 - _tuck(arkit)), np.float32)


def _tuck(arkit: FloatArray) -> FloatArray:
    """How far the lower lip lies under the teeth (n_frames,), 0 to 1."""
    rolled = arkit[ARKIT_52.index("mouthRollLower")] - arkit[ARKIT_52.index("mouthRollUpper")]
    return np.asarray(((rolled - TUCK_FROM) / (TUCK_AT - TUCK_FROM)).clip(0, 1), np.float32)


def _seen(arkit: FloatArray) -> FloatArray:
    """What a viewer sees of mouths (features, n) from ARKit channels (52, n), weighted by importance.

    Sides are averaged, and the jaw counts without what mouthClose undoes.
    """
    rows = []
    for name, importance in IMPORTANCE.items():
        sides = [i for i, channel in enumerate(ARKIT_52) if channel in (name, name + "Left", name + "Right")]
        row = arkit[sides].mean(axis=0)
        if name == "jawOpen":
            row = np.maximum(row - arkit[ARKIT_52.index("mouthClose")], 0)
        rows.append(importance * row)
    return np.asarray(rows, np.float32)


def _least_squares(shapes: FloatArray, seen: FloatArray) -> FloatArray:
    """Non-negative weights (n_shapes, n_frames) of shapes (features, n_shapes) that come nearest to seen.

    A shape of another direction than the frame pays CONTRAST, so that a frame which is one shape gets that shape and
    not three that add up to it; the price changes smoothly with the frame, and so do the weights.

    Args:
        seen: (features, n_frames).
    Source: cyclic coordinate descent for non-negative least squares (Franc, Hlavac, Navara 2005), all frames side by
        side, with a ridge.
    """
    moving = np.flatnonzero(shapes.any(axis=0))
    gram = shapes[:, moving].T @ shapes[:, moving]
    fit = shapes[:, moving].T @ seen
    reach = np.sqrt(gram.diagonal())[:, None] * np.sqrt((seen * seen).sum(axis=0))
    fit -= CONTRAST * np.maximum(reach - fit, 0)
    mixed = np.zeros_like(fit)
    for _ in range(SWEEPS):
        for k in range(len(moving)):
            rest = fit[k] - gram[k] @ mixed + gram[k, k] * mixed[k]
            mixed[k] = np.maximum(rest / (gram[k, k] + RIDGE), 0)
    shown = shapes[:, moving] @ mixed
    fullness = (shown * seen).sum(axis=0) / np.maximum((shown * shown).sum(axis=0), 1e-9)      # as CONTRAST also pales
    weights = np.zeros((shapes.shape[1], seen.shape[1]), np.float32)
    weights[moving] = mixed * fullness.clip(1, MAX_FULLNESS)
    return weights
