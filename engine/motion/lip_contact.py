"""Where the lips touch: made from the phone scores, measured in motion, and held through every later step.

A mouth that stays open on p, b or m is the first thing a viewer notices. Contacts are made here from cues (close_lips,
open_vowels), measured with one formula, and put back by `seal` after each step that shapes the motion; the steps
themselves know nothing of contacts. Knows ARKit channels; motion without them has no contacts and passes unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from ..values.types import BoolArray, FloatArray, IntArray, LipContacts, Motion
from .smooth import gaussian, resting, runs, smooth_step

CLOSED_BELOW = 0.06         # seen lip opening, in jawOpen units, under which a viewer sees closed lips
CONTACT_CLASSES = (("P", "B", "M"), ("F", "V"), ("SIL",))   # lips on lips, lower lip on upper teeth, nobody speaks
SURE_FROM, SURE_AT = 0.10, 0.50     # phone score at which a closure begins to be helped, and is complete
TUCK_ROLL, TUCK_UPPER_UP, TUCK_CLOSURE = 0.5, 0.2, 0.35     # f v: lower lip in, upper lip up, jaw partly undone
TUCKED_FROM = 0.25          # lower lip rolled in so much more than the upper one: it lies under the teeth
PRESS, ROLL = 0.25, 0.12    # p b m: lips pressed and slightly rolled in
FUNNEL_PARTS = 0.3          # what mouthFunnel parts the lips by, in jawOpen units: .31 on the ICT head, more on others
CLOSED_JAW = 0.55           # of the jaw that is left where all of a closure had to be helped
LEAST_PARTED = 0.09         # seen lip opening inside of a vowel at the least
REST_FROM, REST_AT = 0.85, 0.95 # score of silence at which the face begins to rest, and rests
REST_MARGIN_S = 0.06        # a silence rests the face only so far from its ends: the closure of a t or k is no pause
FADE_S = 0.02               # standard deviation with which filtered motion gives way to a contact

CONTACT_TOLERANCE = 0.005   # what a curve may move on a contact in key reduction at the most
ROUNDING = 1e-6             # of openings
# change of `opening` if every channel moves by 1 for the worse
_OPENING_REACH = 1 + 1 + 0.35 * 2 + 0.15 * 2 + FUNNEL_PARTS + 0.01

# What channels do to the gap of the reference head, as a share of jawOpen's: what the model's weights mean.
# Source: the mean of five pairs of inner-lip vertices of ICT FaceKit's head (Li et al. 2020, MIT licence).
REFERENCE_GAP: Mapping[str, float] = MappingProxyType({
    "jawOpen": 1.0, "mouthClose": -1.343, "mouthFunnel": 0.306, "mouthPucker": -0.052, "mouthRollLower": -0.047,
    "mouthRollUpper": 0.056, "mouthShrugLower": -0.228, "mouthShrugUpper": 0.148, "mouthPressLeft": -0.035,
    "mouthPressRight": -0.035, "mouthLowerDownLeft": 0.096, "mouthLowerDownRight": 0.096, "mouthUpperUpLeft": 0.126,
    "mouthUpperUpRight": 0.126, "noseSneerLeft": 0.115, "noseSneerRight": 0.115, "mouthDimpleLeft": -0.038,
    "mouthDimpleRight": -0.038, "mouthFrownLeft": -0.008, "mouthFrownRight": -0.008, "mouthStretchLeft": -0.005,
    "mouthStretchRight": -0.005, "mouthSmileLeft": 0.001, "mouthSmileRight": 0.001, "cheekSquintLeft": 0.008,
    "cheekSquintRight": 0.008,
})

_PARTING = ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight")
NEEDED = (
    "jawOpen", "mouthClose", *_PARTING, "mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper",
)


def has_lips(channels: tuple[str, ...]) -> bool:
    """Whether these channels are enough to tell if the lips touch."""
    return set(NEEDED) <= set(channels)


def opening(motion: Motion) -> FloatArray:
    """Seen distance of the lips (n_frames,) in jawOpen units; below CLOSED_BELOW they look closed.

    Source: jawOpen - mouthClose + .35 (lowerDown + upperUp) + .3 funnel - .15 (press + rollLower), left and right
    averaged; a funnel that the motion lacks counts as 0.
    """
    def mean(name: str) -> FloatArray:
        return np.asarray((motion[name + "Left"] + motion[name + "Right"]) / 2, np.float32)

    parting = 0.35 * (mean("mouthLowerDown") + mean("mouthUpperUp")) + _funnel_gap(motion)
    pressing = 0.15 * (mean("mouthPress") + motion["mouthRollLower"])
    return np.asarray(motion["jawOpen"] - motion["mouthClose"] + parting - pressing, np.float32)


def reference_gap(motion: Motion) -> FloatArray:
    """Gap of the reference head's lips (n_frames,) in jawOpen units: more channels, less safety than `opening`."""
    named = [name for name in REFERENCE_GAP if name in motion.channels]
    return np.asarray(sum((REFERENCE_GAP[name] * motion[name] for name in named), np.float32(0)), np.float32)


def _funnel_gap(motion: Motion) -> FloatArray:
    """(n_frames,) by which the funnel parts the lips; mouthClose has to undo it where they touch."""
    if "mouthFunnel" not in motion.channels:
        return np.zeros(len(motion.weights), np.float32)
    return np.asarray(FUNNEL_PARTS * motion["mouthFunnel"], np.float32)


def closed_frames(motion: Motion) -> BoolArray:
    """Frames (n_frames,) on which the lips touch; none where the channels do not tell."""
    if not has_lips(motion.channels):
        return np.zeros(len(motion.weights), np.bool_)
    return np.asarray(opening(motion) < CLOSED_BELOW)


def tucked_frames(motion: Motion) -> BoolArray:
    """Frames (n_frames,) on which the lower lip lies under the upper teeth, as for f and v."""
    if not has_lips(motion.channels):
        return np.zeros(len(motion.weights), np.bool_)
    return np.asarray(motion["mouthRollLower"] - motion["mouthRollUpper"] > TUCKED_FROM)


def contacts_of(motion: Motion) -> LipContacts:
    """The contacts of finished motion, and how far curves may move without parting them."""
    if not has_lips(motion.channels):
        nowhere = np.zeros(len(motion.weights), np.bool_)
        return LipContacts(nowhere, np.full(len(motion.weights), np.inf, np.float32))
    free = (CLOSED_BELOW - opening(motion)) / _OPENING_REACH
    closed = free > ROUNDING        # a frame that a solver put on the very edge is open, whatever the processor rounds
    slack = np.where(closed, np.minimum(free, CONTACT_TOLERANCE), np.inf)
    return LipContacts(closed, np.asarray(slack, np.float32))


def contact_scores(logits: FloatArray, phones: tuple[str, ...]) -> FloatArray:
    """Scores (t, 3) from phone logits (t, n_phones): probability of lip closure, of lip-teeth contact, and of silence
    against the likeliest sound alone.

    Where nobody speaks but something sounds, as in applause, silence is half as likely as it could be and no sound of
    speech a tenth as likely as silence.
    """
    likelihood = np.exp(logits - logits.max(axis=1, keepdims=True))
    likelihood /= likelihood.sum(axis=1, keepdims=True)
    columns = [[phones.index(phone) for phone in members if phone in phones] for members in CONTACT_CLASSES]
    closed, tucked, silent = (likelihood[:, column].sum(axis=1) for column in columns)
    spoken = np.delete(likelihood, columns[-1], axis=1).max(axis=1, initial=0.0)
    return np.stack([closed, tucked, silent / np.maximum(silent + spoken, 1e-9)], axis=1).astype(np.float32)


def close_lips(motion: Motion, contact: FloatArray, rest: FloatArray | None = None) -> Motion:
    """Finish what regression leaves half done: lip contacts, and rest in pauses.

    Args:
        motion: ARKit motion at the model's frame rate.
        contact: (n_frames, 3) scores of contact_scores.
        rest: (n_channels,) pose of the face in pauses; None is neutral.
    Returns:
        The same motion with lips that meet on p b m, a lower lip under the teeth on f v, and a face at rest in pauses.
        Where lips meet that were on their way only, the jaw comes up to meet them: lips that bridge a wide jaw look
        stretched.
    """
    if not has_lips(motion.channels):
        return motion
    closure, tuck = (risen(contact[:, column], SURE_FROM, SURE_AT) for column in range(2))
    weights = resting(motion, _rest(contact[:, 2], motion.fps), rest).weights
    column = {name: weights[:, motion.channels.index(name)] for name in NEEDED}      # views: writing writes weights
    done = np.clip(column["mouthClose"] / np.maximum(column["jawOpen"], 1e-3), 0, 1)
    column["jawOpen"] *= 1 - (1 - CLOSED_JAW) * np.maximum(0, closure - done)
    for name in _PARTING:
        column[name] *= 1 - closure
    least = {
        "mouthClose": np.maximum(closure, TUCK_CLOSURE * tuck) * column["jawOpen"] + closure * _funnel_gap(motion),
        "mouthPressLeft": PRESS * closure,
        "mouthPressRight": PRESS * closure,
        "mouthRollUpper": ROLL * closure,
        "mouthRollLower": np.maximum(ROLL * closure, TUCK_ROLL * tuck),
        "mouthUpperUpLeft": TUCK_UPPER_UP * tuck * (1 - closure),
        "mouthUpperUpRight": TUCK_UPPER_UP * tuck * (1 - closure),
    }
    for name, values in least.items():
        np.maximum(column[name], values, out=column[name])
    return replace(motion, weights=weights)


def open_vowels(motion: Motion, voiced: FloatArray) -> Motion:
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


def seal(motion: Motion, closed: BoolArray, before: Motion | None = None) -> tuple[Motion, BoolArray]:
    """Motion after a step, with lips that touch on the frames on which they should.

    Lip parting goes first, then mouthClose rises to jawOpen and what the funnel parts; the jaw itself stays as it is.

    Args:
        motion: after the step.
        closed: (n_frames,) where the lips touch.
        before: the motion before the step, to which the result fades softly towards each contact; None changes frames
            with contacts only.
    Returns:
        The motion, and its contacts: those that were there, and frames that the step itself brought to touch.
    """
    if not has_lips(motion.channels):
        return motion, closed
    if before is not None:
        keep = nearness(closed, motion.fps)
        motion = replace(motion, weights=np.asarray(keep * before.weights + (1 - keep) * motion.weights, np.float32))
    gap = opening(motion)
    rows = np.flatnonzero(closed & (gap >= CLOSED_BELOW))
    if not len(rows):
        return motion, np.asarray(gap < CLOSED_BELOW)
    weights = motion.weights.copy()
    for name in _PARTING:
        weights[rows, motion.channels.index(name)] = 0
    jaw, close = (motion.channels.index(name) for name in ("jawOpen", "mouthClose"))
    needed = np.minimum(weights[rows, jaw] + _funnel_gap(motion)[rows], 1)
    weights[rows, close] = np.maximum(weights[rows, close], needed)
    return replace(motion, weights=weights), np.asarray(closed | (gap < CLOSED_BELOW))


def seal_retimed(motion: Motion, before: Motion, closed: BoolArray) -> Motion:
    """Motion on a new clock, on which each contact has a row, taken whole from the moment when the lips were closest.

    Args:
        before, closed: the motion on its old clock, and where its lips touched there.
    """
    if not has_lips(motion.channels) or not len(motion.weights):
        return motion
    moments = closest_moments(opening(before), closed)
    rows = np.minimum(np.round(moments * motion.fps / before.fps).astype(np.int64), len(motion.weights) - 1)
    lost = opening(motion)[rows] >= CLOSED_BELOW
    weights = motion.weights.copy()
    weights[rows[lost]] = before.weights[moments[lost]]
    return replace(motion, weights=weights)


def closest_moments(gap: FloatArray, closed: BoolArray) -> IntArray:
    """Frame of the smallest opening in each run of frames with closed lips; gap, closed (n_frames,)."""
    return np.asarray([start + int(np.argmin(gap[start:stop])) for start, stop in runs(closed)], np.intp)


def nearness(closed: BoolArray, fps: float) -> FloatArray:
    """1 on the marked frames (n_frames,), falling to 0 around them within FADE_S or so: (n_frames, 1)."""
    near = gaussian(closed.astype(np.float32)[:, None], max(FADE_S * fps, 0.3))
    return np.where(closed[:, None], np.float32(1), np.minimum(near * 2, 1))


def risen(score: FloatArray, start: float, end: float) -> FloatArray:
    """Smooth step of a score: 0 below start, 1 above end."""
    return smooth_step((score - start) / (end - start))


def _rest(score: FloatArray, fps: float) -> FloatArray:
    """How far the face rests, 0..1 (n_frames,): 1 inside of silences, soft edges within REST_MARGIN_S of their ends."""
    reach = max(1, round(REST_MARGIN_S * fps))
    around = np.lib.stride_tricks.sliding_window_view
    resting = np.pad(risen(score, REST_FROM, REST_AT), reach, mode="edge")
    inside = around(resting, 2 * reach + 1).min(axis=1)
    soft = around(np.pad(inside, reach // 2, mode="edge"), 2 * (reach // 2) + 1).mean(axis=1)
    return np.asarray(soft, np.float32)
