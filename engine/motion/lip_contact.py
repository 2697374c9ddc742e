"""Where the lips touch: seen in motion, heard in the phones, and kept through every later step.

A mouth that stays open on p, b or m is the first thing a viewer notices, so the pipeline measures contact with one formula and restores it
after every step that could have loosened it. Knows ARKit channels; motion without them passes through unchanged.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..values.types import FloatArray, Motion

BoolArray = NDArray[np.bool_]

SHUT_BELOW = 0.06           # seen lip opening, in jawOpen units, under which a viewer sees closed lips
CONTACT_CLASSES = (("P", "B", "M"), ("F", "V"), ("SIL",))       # lips on lips, lower lip on upper teeth, nobody speaks
SURE_FROM, SURE_AT = 0.10, 0.50     # phone score at which a closure begins to be helped, and is complete
TUCK_ROLL, TUCK_UPPER_UP, TUCK_CLOSURE = 0.5, 0.2, 0.35     # f v: lower lip rolled in, upper lip lifted, jaw partly undone
TUCKED_FROM = 0.25          # lower lip rolled in so much more than the upper one: it lies under the teeth
PRESS, ROLL = 0.25, 0.12    # p b m: lips pressed and slightly rolled in
CLOSED_JAW = 0.55           # of the jaw that is left where all of a closure had to be helped
LEAST_PARTED = 0.09         # seen lip opening inside of a vowel at the least
REST_FROM, REST_AT = 0.5, 0.9   # score of silence at which the face begins to rest, and rests
REST_MARGIN_S = 0.06        # a silence rests the face only so far from its ends: the closure of a t or k is no pause

CONTACT_TOLERANCE = 0.005   # what a curve may move on a closure in key reduction at the most, however large the allowed error
_OPENING_REACH = 1 + 1 + 0.35 * 2 + 0.15 * 2 + 0.01     # how far `opening` moves when every channel in it moves by 1 the wrong way, and rounding

_NEEDED = ("jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
           "mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper")
_PARTING = ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight")


def has_lips(channels: tuple[str, ...]) -> bool:
    """Whether these channels are enough to tell if the lips touch."""
    return set(_NEEDED) <= set(channels)


def opening(motion: Motion) -> FloatArray:
    """Seen distance of the lips (n_frames,) in jawOpen units; below SHUT_BELOW they look closed.

    Source: jawOpen - mouthClose + .35 (lowerDown + upperUp) - .15 (press + rollLower), left and right averaged.
    """
    def mean(name: str) -> FloatArray:
        return np.asarray((motion[name + "Left"] + motion[name + "Right"]) / 2, np.float32)

    parting = 0.35 * (mean("mouthLowerDown") + mean("mouthUpperUp"))
    return np.asarray(motion["jawOpen"] - motion["mouthClose"] + parting - 0.15 * (mean("mouthPress") + motion["mouthRollLower"]), np.float32)


def shut_frames(motion: Motion) -> BoolArray:
    """Frames (n_frames,) on which the lips touch; none where the channels do not tell."""
    if not has_lips(motion.channels):
        return np.zeros(len(motion.weights), np.bool_)
    return np.asarray(opening(motion) < SHUT_BELOW)


def tucked_frames(motion: Motion) -> BoolArray:
    """Frames (n_frames,) on which the lower lip lies under the upper teeth, as for f and v; none where the channels do not tell."""
    if not has_lips(motion.channels):
        return np.zeros(len(motion.weights), np.bool_)
    return np.asarray(motion["mouthRollLower"] - motion["mouthRollUpper"] > TUCKED_FROM)


def contact_slack(motion: Motion) -> FloatArray:
    """How far each curve may move on a frame (n_frames,) without parting lips that touch; infinite where they do not touch."""
    if not has_lips(motion.channels):
        return np.full(len(motion.weights), np.inf, np.float32)
    free = (SHUT_BELOW - opening(motion)) / _OPENING_REACH
    return np.asarray(np.where(free > 0, np.minimum(free, CONTACT_TOLERANCE), np.inf), np.float32)


def contact_scores(logits: FloatArray, phones: tuple[str, ...]) -> FloatArray:
    """Probability (t, 3) of lip closure, of lip-teeth contact and of silence, from phone logits (t, n_phones)."""
    likelihood = np.exp(logits - logits.max(axis=1, keepdims=True))
    likelihood /= likelihood.sum(axis=1, keepdims=True)
    columns = [[phones.index(phone) for phone in phone_class if phone in phones] for phone_class in CONTACT_CLASSES]
    return np.stack([likelihood[:, column].sum(axis=1) for column in columns], axis=1).astype(np.float32)


def meet(motion: Motion, contact: FloatArray) -> Motion:
    """Finish what regression leaves half done: lip contacts, and rest in pauses.

    Args:
        motion: ARKit motion at the model's frame rate.
        contact: (n_frames, 3) scores of contact_scores.
    Returns:
        The same motion with lips that meet on p b m, a lower lip under the teeth on f v, and a face at rest in pauses. Where lips meet that were
        on their way only, the jaw comes up to meet them: lips that bridge a wide jaw look stretched.
    """
    if not has_lips(motion.channels):
        return motion
    closure, tuck = (step(contact[:, column], SURE_FROM, SURE_AT) for column in range(2))
    weights = motion.weights * (1 - _rest(contact[:, 2], motion.fps))[:, None]
    column = {name: weights[:, motion.channels.index(name)] for name in _NEEDED}      # views: writing them writes weights
    done = np.clip(column["mouthClose"] / np.maximum(column["jawOpen"], 1e-3), 0, 1)
    column["jawOpen"] *= 1 - (1 - CLOSED_JAW) * np.maximum(0, closure - done)
    for name in _PARTING:
        column[name] *= 1 - closure
    np.maximum(column["mouthClose"], np.maximum(closure, TUCK_CLOSURE * tuck) * column["jawOpen"], out=column["mouthClose"])
    for name in ("mouthPressLeft", "mouthPressRight"):
        np.maximum(column[name], PRESS * closure, out=column[name])
    np.maximum(column["mouthRollUpper"], ROLL * closure, out=column["mouthRollUpper"])
    np.maximum(column["mouthRollLower"], np.maximum(ROLL * closure, TUCK_ROLL * tuck), out=column["mouthRollLower"])
    for name in ("mouthUpperUpLeft", "mouthUpperUpRight"):
        np.maximum(column[name], TUCK_UPPER_UP * tuck * (1 - closure), out=column[name])
    return replace(motion, weights=weights)


def part(motion: Motion, voiced: FloatArray) -> Motion:
    """Show a gap between the lips inside of vowels: behind closed lips a voice is an m.

    Press and rolled lips give way first, then mouthClose, no further than the gap needs; the jaw itself stays as it is.

    Args:
        voiced: (n_frames,) 0..1.
    """
    if not has_lips(motion.channels) or not voiced.any():
        return motion
    lacking = voiced * np.clip(1 - opening(motion) / LEAST_PARTED, 0, 1)
    rows = np.flatnonzero(lacking)
    weights = motion.weights.copy()
    for name in ("mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper"):
        weights[rows, motion.channels.index(name)] *= 1 - lacking[rows]
    close = motion.channels.index("mouthClose")
    needed = voiced * np.maximum(0, LEAST_PARTED - opening(replace(motion, weights=weights)))
    weights[:, close] -= np.minimum(needed, np.maximum(weights[:, close], 0))
    return replace(motion, weights=weights)


def keep_shut(motion: Motion, shut: BoolArray) -> Motion:
    """Close the lips again on frames that were shut before a step and no longer are.

    Lip parting goes first, then mouthClose rises to jawOpen; the jaw itself stays as it is.
    """
    if not shut.any() or not has_lips(motion.channels):
        return motion
    rows = np.flatnonzero(shut & (opening(motion) >= SHUT_BELOW))
    if not len(rows):
        return motion
    weights = motion.weights.copy()
    for name in _PARTING:
        weights[rows, motion.channels.index(name)] = 0
    jaw, close = (motion.channels.index(name) for name in ("jawOpen", "mouthClose"))
    weights[rows, close] = np.maximum(weights[rows, close], weights[rows, jaw])
    return replace(motion, weights=weights)


def _rest(score: FloatArray, fps: float) -> FloatArray:
    """How far the face rests, 0..1 (n_frames,): 1 inside of silences, with soft edges within REST_MARGIN_S of their ends."""
    reach = max(1, round(REST_MARGIN_S * fps))
    around = np.lib.stride_tricks.sliding_window_view
    inside = around(np.pad(step(score, REST_FROM, REST_AT), reach, mode="edge"), 2 * reach + 1).min(axis=1)
    return np.asarray(around(np.pad(inside, reach // 2, mode="edge"), 2 * (reach // 2) + 1).mean(axis=1), np.float32)


def step(score: FloatArray, start: float, end: float) -> FloatArray:
    """Smooth step of a score: 0 below start, 1 above end."""
    x = np.clip((score - start) / (end - start), 0, 1)
    return np.asarray(x * x * (3 - 2 * x), np.float32)
