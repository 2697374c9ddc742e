"""The viseme model: phones with times in, face curves out, as an animator would key them.

Each phone has a target for each curve. A curve is the mean of the targets weighted by dominance, which falls off with
the distance from the phone's core; so neighbours blend and weak phones give way. Short phones reach less of their
targets. What a viewer must see is then forced: lips shut on p b m, lower lip under the teeth on f v, nothing in
silence.
Sources: dominance after Cohen and Massaro (1993), undershoot after Lindblom (1963), jaw and lips apart after JALI
    (Edwards et al. 2016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...speech import coarticulation
from ...values.channels import ARKIT_52
from ...values.types import FloatArray
from ..synth.phones import BILABIALS, LABIODENTALS, PHONE_INDEX, PHONES, Phone
from .styles import NEUTRAL, STYLES, SpeakingStyle
from .targets import BLENDED, CURVES, viseme_tables

__all__ = ["CURVES", "NEUTRAL", "STYLES", "SpeakingStyle", "arkit_columns", "phone_shares", "to_arkit", "viseme_curves"]

_C = {name: i for i, name in enumerate(CURVES)}
SILENCE = PHONE_INDEX["SIL"]

LEAD_S = 0.045  # the mouth opens before the voice


@dataclass(frozen=True)
class _Group:
    """Curves that move together.

    Attributes:
        columns: of CURVES. strength: column of the strengths.
        before_s, after_s: how far a phone reaches ahead of its core (anticipation) and behind it (carry-over); distance
        to 1/e.
        reach: part of the target that a very long phone reaches; loss: what a phone of no length would lose of it;
            loss_s: length to 1/e.
        loudness: factor's growth per decibel.
    """

    columns: tuple[int, ...]
    strength: int
    before_s: float
    after_s: float
    reach: float
    loss: float
    loss_s: float
    loudness: float


_GROUPS = {
    "jaw": _Group((0, 7), 0, 0.040, 0.060, 1.14, 0.62, 0.080, 0.026),
    "rounding": _Group((1, 2), 1, 0.055, 0.100, 1.02, 0.25, 0.045, 0.004),
    "tongue": _Group((11,), 2, 0.030, 0.030, 1.0, 0.20, 0.030, 0.0),
    "lips": _Group((3, 4, 5, 6, 8, 9, 10), 2, 0.050, 0.050, 1.02, 0.30, 0.050, 0.014),
}
# short phones fall back to this mouth
UNDERSHOOT_TO = np.array([.14, 0, 0, .16, .05, .04, .02, .02, .01, .02, .02, 0], np.float32)
# styles scale what goes beyond: a mumble stays a little open
STYLE_KEEPS = np.array([.07, 0, 0, .08, .02, 0, 0, 0, 0, 0, 0, 0], np.float32)
RATE_PHONES = 5  # the speaking rate is heard over so many phones
LOUDEST_DB = 16.0  # a shout opens the jaw by a third more

ATTACK_S, RELEASE_S = 0.050, 0.050  # of a closure
# a phone's beginning and end, where the lips still move: a viewer sees them shut before they press
HELD_AFTER_S, HELD_BEFORE_S = 0.022, 0.022
LONGEST_HOLD_S = 0.120  # of a stop; a nasal is held as long as it sounds
HELD_SHARE = {"P": 0.85, "B": 0.95}  # the rest of a stop is its burst, on parted lips
CLOSED_PRESS, CLOSED_ROLL, CLOSED_JAW, CLOSED_FUNNEL = 0.35, 0.12, 0.70, 0.25
TUCK_ROLL, TUCK_UPPER, TUCK_JAW, TUCK_CLOSE, TUCK_ROUND = 0.50, 0.20, 0.55, 0.35, 0.5
# what funnel parts the lips by, and the share of the jaw's gap that rounding takes: mouthClose undoes both
FUNNEL_GAP, NARROWED = 0.25, 0.45
# of the lips on a real head
GAP_OF = {"jawOpen": 1.0, "mouthFunnel": 0.31, "mouthPucker": -0.11, "mouthLowerDown": 0.19, "mouthUpperUp": 0.25}
CLOSE_OF_GAP, LEAST_ROUND_GAP = 0.75, 0.10  # mouthClose that takes one unit of it away; what rounding leaves

# what follows a curve, as a part of it
STRETCH_OF_JAW, FORWARD_OF_JAW, SHRUG_OF_JAW, SHRUG_OF_PUCKER = 0.12, 0.10, 0.12, 0.25
PUFF_OF_PUCKER, PUFF_OF_STOP, SQUINT_OF_SMILE, SNEER_OF_UPPER_LIP, FROWN_OF_CLOSURE = 0.12, 0.06, 0.30, 0.22, 0.08


@dataclass(frozen=True)
class _Spoken:
    """Phones and frames as arrays: labels (n,), starts and ends (n, 1), seconds (1, n_frames), loudness (n,) dB."""

    labels: NDArray[np.intp]
    starts: FloatArray
    ends: FloatArray
    seconds: FloatArray
    loudness: FloatArray

    @property
    def silent(self) -> NDArray[np.bool_]:
        """(n, 1)."""
        return np.asarray(self.labels == SILENCE)[:, None]


def viseme_curves(
    phones: Sequence[Phone], fps: float, n_frames: int, style: SpeakingStyle = NEUTRAL,
    loudness_db: Sequence[float] | None = None,
) -> NDArray[np.float32]:
    """Face curves (n_frames, len(CURVES)) float32 in 0..1; row i stands for second i / fps.

    Args:
        phones: in time order, classes of PHONES; gaps as long as a pause count as silence.
        loudness_db: of each phone's syllable above the voice's usual level; a louder one opens the jaw more, the lips a
            little.
    """
    if not phones or n_frames == 0:
        return np.zeros((n_frames, len(CURVES)), np.float32)
    spoken = _as_arrays(phones, np.arange(n_frames, dtype=np.float32)[None] / np.float32(fps), loudness_db)
    curves = _blend(spoken, style)
    _apply_constraints(curves, spoken, style)
    return np.clip(curves, 0.0, 1.0)


def phone_shares(phones: Sequence[Phone], fps: float, n_frames: int, group: str) -> FloatArray:
    """How much each class of PHONES has of every frame, (n_frames, len(PHONES)), rows add up to 1: for fitting targets
    to given curves.

    Args:
        group: of curves that move together: jaw, rounding, tongue or lips.
    """
    spoken = _as_arrays(phones, np.arange(n_frames, dtype=np.float32)[None] / np.float32(fps), None)
    dominance = _dominance(spoken, _GROUPS[group], *_distances(spoken), NEUTRAL.blending)
    shares = np.zeros((n_frames, len(PHONES)), np.float32)
    np.add.at(shares.T, spoken.labels, dominance / np.maximum(dominance.sum(axis=0), 1e-9))
    return shares


def to_arkit(curves: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n_frames, len(CURVES)) -> (n_frames, 52) in the order of channels.ARKIT_52; eyes and brows stay 0."""
    columns = arkit_columns()
    weights = np.zeros((len(curves), len(ARKIT_52)), np.float32)
    driven = columns >= 0
    weights[:, driven] = curves[:, columns[driven]]
    return weights


@lru_cache(maxsize=1)
def arkit_columns() -> NDArray[np.intp]:
    """For each of ARKIT_52 the index of its curve, -1 for channels that speech does not move."""
    bases = [name.removesuffix("Left").removesuffix("Right") for name in ARKIT_52]
    single = {"mouthLeft", "mouthRight", "jawLeft", "jawRight"}
    return np.array(
        [-1 if name in single else _C.get(base, -1) for name, base in zip(ARKIT_52, bases, strict=True)], dtype=np.intp
    )


def _as_arrays(phones: Sequence[Phone], seconds: FloatArray, loudness_db: Sequence[float] | None) -> _Spoken:
    """The phones with their gaps filled by silence, before the first and after the last as well, and neighbouring
    silences joined."""
    labels = np.array([PHONE_INDEX[phone.label] for phone in phones])
    starts = np.array([phone.start_s for phone in phones], np.float32)
    ends = np.array([phone.end_s for phone in phones], np.float32)
    loudness = np.zeros(len(phones), np.float32) if loudness_db is None else np.asarray(loudness_db, np.float32)
    clip_start, clip_end = seconds[0, 0], seconds[0, -1]
    gap_lengths = np.append(starts, clip_end) - np.append(clip_start, ends)
    gaps = np.flatnonzero(gap_lengths > coarticulation.FULL_PAUSE_S)
    gap_starts, gap_ends = np.append(clip_start - 1, ends), np.append(starts, clip_end + 1)
    labels = np.insert(labels, gaps, SILENCE)
    starts, ends = np.insert(starts, gaps, gap_starts[gaps]), np.insert(ends, gaps, gap_ends[gaps])
    loudness = np.insert(loudness, gaps, 0.0)
    silent = labels == SILENCE
    first = ~(silent & np.append(False, silent[:-1]))
    last = np.append(first[1:], True)
    return _Spoken(labels[first], starts[first, None], ends[last, None], seconds, loudness[first])


def _blend(spoken: _Spoken, style: SpeakingStyle) -> FloatArray:
    """The dominance-weighted means, (n_frames, len(CURVES))."""
    before, after = _distances(spoken)
    targets = _targets(spoken, style)
    curves = np.zeros((spoken.seconds.shape[1], len(CURVES)), np.float32)
    for group in _GROUPS.values():
        dominance = _dominance(spoken, group, before, after, style.blending)
        columns = list(group.columns)
        curves[:, columns] = (dominance.T @ targets[:, columns]) / np.maximum(dominance.sum(axis=0), 1e-9)[:, None]
    return curves


def _distances(spoken: _Spoken) -> tuple[FloatArray, FloatArray]:
    """Seconds (n, n_frames) that are left until each phone's core, and that have passed since; negative beyond."""
    core_start, core_end = coarticulation.cores(spoken.starts, spoken.ends, spoken.silent, LEAD_S)
    return core_start - spoken.seconds, spoken.seconds - core_end


def _dominance(spoken: _Spoken, group: _Group, before: FloatArray, after: FloatArray, blending: float) -> FloatArray:
    """How firmly each phone insists on its target for a group of curves, (n, n_frames)."""
    strengths = viseme_tables()[1][spoken.labels, group.strength, None]
    firm = coarticulation.firmness(spoken.ends - spoken.starts, spoken.silent, strengths)
    before_s, after_s = group.before_s * blending, group.after_s * blending
    return coarticulation.falloff(before, after, spoken.silent, before_s, after_s) * firm


def _targets(spoken: _Spoken, style: SpeakingStyle) -> FloatArray:
    """What each phone aims at, (n, BLENDED): its target, less where it is short, scaled by style and loudness."""
    targets = viseme_tables()[0][spoken.labels]
    lengths = _heard_lengths(spoken)
    louder = np.clip(spoken.loudness, -LOUDEST_DB, LOUDEST_DB)
    for group in _GROUPS.values():
        columns = list(group.columns)
        reach = group.reach - style.reduction * group.loss * np.exp(-lengths / group.loss_s)
        reach = np.clip(reach * (1 + group.loudness * louder), 0.0, None)[:, None]
        back = UNDERSHOOT_TO[columns]
        targets[:, columns] = back + (targets[:, columns] - back) * reach
    targets = STYLE_KEEPS + (targets - STYLE_KEEPS) * _style_factors(style)
    targets[:, _C["mouthSmile"]] += style.smile
    targets[:, _C["mouthFunnel"]] += style.funnel
    return np.asarray(np.maximum(targets, 0.0) * ~spoken.silent, np.float32)


def _heard_lengths(spoken: _Spoken) -> FloatArray:
    """Seconds (n,): the geometric mean of a phone's own length and that of the phones round it."""
    lengths = np.maximum(spoken.ends - spoken.starts, 0.01)[:, 0]
    speaking = (spoken.labels != SILENCE).astype(np.float32)
    window = np.ones(RATE_PHONES, np.float32)
    reach = RATE_PHONES // 2
    sums = np.convolve(np.log(lengths) * speaking, window)[reach:-reach]
    counts = np.convolve(speaking, window)[reach:-reach]
    return np.asarray(np.exp((np.log(lengths) + sums / np.maximum(counts, 1)) / 2), np.float32)


def _style_factors(style: SpeakingStyle) -> FloatArray:
    factors = np.ones(BLENDED, np.float32)
    factors[[_C["jawOpen"], _C["jawForward"]]] = style.jaw, min(style.jaw, 1.2)
    factors[[_C["mouthLowerDown"], _C["mouthUpperUp"]]] = style.parting
    factors[[_C["mouthFunnel"], _C["mouthPucker"]]] = style.rounding
    factors[[_C["mouthStretch"], _C["mouthSmile"], _C["mouthDimple"]]] = style.spread
    return factors


def _apply_constraints(curves: FloatArray, spoken: _Spoken, style: SpeakingStyle) -> None:
    """Force closed lips, tucked lip and the trade between rounding and spreading, and let the face follow, in place."""
    column = {name: curves[:, i] for name, i in _C.items()}  # views: writing them writes curves
    closed = _hold(spoken, BILABIALS)
    tucked = _hold(spoken, LABIODENTALS) * (1 - closed)
    free = (1 - closed) * (1 - tucked)
    rounding = np.clip(column["mouthFunnel"] + column["mouthPucker"], 0, 1)
    for name in ("mouthStretch", "mouthSmile", "mouthDimple"):
        column[name] *= 1 - 0.8 * rounding
    jaw = column["jawOpen"]
    jaw *= (1 - (1 - CLOSED_JAW) * closed) * (1 - (1 - TUCK_JAW) * tucked)
    np.clip(jaw, 0, 1, out=jaw)
    column["mouthFunnel"] *= (1 - (1 - CLOSED_FUNNEL) * closed) * (1 - TUCK_ROUND * tucked)
    column["mouthPucker"] *= 1 - TUCK_ROUND * tucked
    column["tongueOut"] *= free
    column["mouthLowerDown"] *= free
    column["mouthUpperUp"] *= free
    column["mouthUpperUp"] += TUCK_UPPER * tucked * (1 - closed)
    rounding = np.clip(column["mouthFunnel"] + column["mouthPucker"], 0, 1)
    narrowed = FUNNEL_GAP * column["mouthFunnel"] + NARROWED * rounding * jaw
    gap = sum(part * column[name] for name, part in GAP_OF.items())
    narrowed = np.minimum(narrowed, CLOSE_OF_GAP * np.maximum(gap - LEAST_ROUND_GAP, 0))
    column["mouthClose"][:] = (
        jaw * np.maximum(closed, TUCK_CLOSE * tucked) + (1 - closed) * narrowed
        + closed * FUNNEL_GAP * column["mouthFunnel"]
    )
    column["mouthPress"][:] = CLOSED_PRESS * style.effort * closed
    column["mouthRollLower"][:] = CLOSED_ROLL * closed + TUCK_ROLL * tucked
    column["mouthRollUpper"][:] = CLOSED_ROLL * closed
    _follow(column, closed, _hold(spoken, frozenset("PB")) * style.effort)


def _follow(column: Mapping[str, FloatArray], closed: FloatArray, pressure: FloatArray) -> None:
    """Skin and chin that no phone asks for but that move with those that one does, in place.

    Source: medians of two range-of-motion takes of a phone's face tracker: what rises there with jaw, pucker, smile and
        upper lip.
    """
    jaw, pucker = column["jawOpen"], column["mouthPucker"]
    spread = 1 - np.clip(column["mouthFunnel"] + pucker, 0, 1)
    column["mouthStretch"] += STRETCH_OF_JAW * jaw * spread
    column["jawForward"] += FORWARD_OF_JAW * jaw
    column["mouthShrugUpper"] += SHRUG_OF_JAW * jaw * (1 - closed)
    column["mouthShrugLower"] += SHRUG_OF_PUCKER * pucker
    column["mouthFrown"][:] = FROWN_OF_CLOSURE * closed
    column["cheekPuff"][:] = PUFF_OF_PUCKER * pucker + PUFF_OF_STOP * pressure
    column["cheekSquint"][:] = SQUINT_OF_SMILE * column["mouthSmile"]
    column["noseSneer"][:] = SNEER_OF_UPPER_LIP * column["mouthUpperUp"]


def _hold(spoken: _Spoken, classes: frozenset[str]) -> FloatArray:
    """(n_frames,) 1 while a phone of the classes is held, smooth ramps before and after, 0 elsewhere.

    A phone shorter than two frames still reaches 1 on the frame nearest its middle.
    """
    labels, seconds = spoken.labels, spoken.seconds
    chosen = np.isin(labels, [PHONE_INDEX[name] for name in classes])
    if not chosen.any():
        return np.zeros(seconds.shape[1], np.float32)
    share = np.array([HELD_SHARE.get(name, 1.0) for name in PHONES], np.float32)[labels[chosen]][:, None]
    first = spoken.starts[chosen] + HELD_AFTER_S
    held = np.maximum((spoken.ends[chosen] - spoken.starts[chosen]) * share - HELD_AFTER_S - HELD_BEFORE_S, 0.0)
    middle, half = first + held / 2, held / 2
    nasal = (labels[chosen] == PHONE_INDEX["M"])[:, None]
    half = np.where(nasal, half, np.minimum(half, LONGEST_HOLD_S / 2))
    frame_s = seconds[0, 1] - seconds[0, 0] if seconds.shape[1] > 1 else 0.02
    half = np.maximum(half, frame_s / 2)
    offset = seconds - middle
    ramp = np.clip(1 - np.maximum((-offset - half) / ATTACK_S, (offset - half) / RELEASE_S), 0, 1).max(axis=0)
    return np.asarray(ramp * ramp * (3 - 2 * ramp), np.float32)
