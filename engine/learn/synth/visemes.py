"""The viseme model: phones with times in, face curves out, as an animator would key them.

Each phone has a target for each curve. A curve is the mean of the targets weighted by dominance, which falls off with the distance
from the phone's core; so neighbours blend and weak phones give way. What a viewer must see is then forced: lips shut on p b m,
lower lip under the teeth on f v, nothing in silence. A speaking style changes the targets, never what is forced.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...channels import ARKIT_52
from .phones import BILABIALS, LABIODENTALS, PHONE_INDEX, PHONES, Phone

FloatArray = NDArray[Any]

# Curves of the model; one that ends in a side-less name of ARKit drives both sides.
CURVES = (
    "jawOpen", "mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile", "jawForward",
    "mouthDimple", "mouthShrugLower", "mouthShrugUpper", "tongueOut", "mouthClose", "mouthPress", "mouthRollLower",
    "mouthRollUpper", "cheekPuff", "cheekSquint", "noseSneer",
)
BLENDED = CURVES[:12]  # from the targets; the rest follows from them or from the hard constraints
_C = {name: i for i, name in enumerate(CURVES)}

_GROUPS = (  # columns of CURVES, reach into the neighbours, column of strengths; the lips are last
    ((0, 7), 0.055, 0), ((1, 2), 0.085, 1), ((11,), 0.030, 2), ((3, 4, 5, 6, 8, 9, 10), 0.050, 2),
)

CORE_SHARE, LONGEST_CORE_S = 0.3, 0.080  # half-width of a phone's core
SIGMA_SILENCE_S, SILENCE_EDGE_S, SILENCE_STRENGTH = 0.030, 0.060, 3.0
ATTACK_S = 0.060  # of a closure and of its release
LONGEST_HOLD_S = 0.120  # of a stop; a nasal is held as long as it sounds
CLOSED_PRESS, CLOSED_ROLL, CLOSED_JAW = 0.35, 0.12, 0.55
TUCK_ROLL, TUCK_UPPER, TUCK_JAW, TUCK_CLOSE = 0.50, 0.20, 0.55, 0.35

# phone: jaw, funnel, pucker, lowerDown, upperUp, stretch, smile | strength of jaw, rounding, lips
_TARGETS = """
SIL 0   0   0   0   0   0   0    | 1   1   1
AA  .60 .06 0   .22 .08 .02 .02  | 1   .7  .9
AE  .52 0   0   .35 .15 .18 .08  | 1   .8  .9
AH  .38 .02 0   .22 .08 .05 .02  | .8  .6  .8
AO  .48 .42 .15 .15 .05 0   0    | .95 1   .9
EH  .36 0   0   .27 .10 .14 .08  | .85 .7  .9
ER  .22 .24 .22 .18 .06 0   0    | .8  .8  .8
IH  .20 0   0   .22 .08 .12 .10  | .7  .6  .8
IY  .13 0   0   .25 .12 .25 .25  | .85 .9  1
OW  .36 .38 .40 .08 .02 0   0    | .9  1   .9
UH  .20 .25 .40 .12 .04 0   0    | .75 .8  .8
UW  .13 .20 .70 .04 0   0   0    | .85 1   1
AX  .24 .02 .02 .20 .07 .04 .02  | .55 .3  .5
UE  .13 .25 .68 .06 .02 0   0    | .85 1   1
OE  .28 .38 .42 .10 .03 0   0    | .85 1   .9
W   .10 .20 .75 .04 0   0   0    | .9  1   1
R   .14 .26 .24 .15 .06 0   0    | .6  .5  .6
Y   .12 0   0   .22 .10 .18 .15  | .6  .3  .6
SH  .08 .52 .27 .23 .14 0   0    | .95 .8  .8
ZH  .08 .52 .27 .23 .14 0   0    | .95 .8  .8
CH  .08 .52 .27 .23 .14 0   0    | .95 .8  .8
JH  .08 .52 .27 .23 .14 0   0    | .95 .8  .8
S   .05 0   0   .29 .12 .22 .10  | .95 .2  .8
Z   .05 0   0   .29 .12 .22 .10  | .95 .2  .8
TH  .14 0   0   .24 .08 .06 .03  | .7  .15 .7
DH  .14 0   0   .22 .07 .06 .03  | .55 .15 .5
T   .11 0   0   .20 .07 .08 .04  | .5  .12 .4
D   .12 0   0   .20 .07 .08 .04  | .45 .12 .4
N   .14 0   0   .20 .07 .07 .04  | .4  .12 .4
L   .18 0   0   .22 .07 .05 .03  | .45 .12 .5
K   .17 0   0   .18 .06 .06 .03  | .3  .1  .25
G   .17 0   0   .18 .06 .06 .03  | .3  .1  .25
NG  .17 0   0   .18 .06 .06 .03  | .3  .1  .25
HH  .20 0   0   .18 .06 .03 .02  | .1  .1  .1
P   .08 0   0   0   0   .02 .02  | .85 .2  .6
B   .08 0   0   0   0   .02 .02  | .85 .2  .6
M   .08 0   0   0   0   .02 .02  | .85 .2  .6
F   .08 0   0   .05 .20 .04 .02  | .85 .2  .9
V   .08 0   0   .05 .20 .04 .02  | .8  .2  .8
"""
_SMALL_TARGETS: Mapping[str, Mapping[str, float]] = {
    "jawForward": {"SH": .12, "ZH": .12, "CH": .12, "JH": .12, "S": .06, "Z": .06, "TH": .05, "DH": .04, "UW": .04, "W": .04},
    "mouthDimple": {"IY": .06, "EH": .04, "S": .05, "Z": .05, "AE": .03, "IH": .03},
    "mouthShrugLower": {"SH": .15, "ZH": .15, "CH": .15, "JH": .15, "P": .12, "B": .12, "M": .12, "UW": .08, "W": .08, "R": .06},
    "mouthShrugUpper": {"P": .08, "B": .08, "M": .08, "F": .05, "V": .05},
    "tongueOut": {"TH": .25, "DH": .22},
}


@dataclass(frozen=True)
class _Spoken:
    """Phones and frames as arrays: labels (n,), starts and ends (n, 1), seconds (1, n_frames)."""

    labels: FloatArray
    starts: FloatArray
    ends: FloatArray
    seconds: FloatArray


@dataclass(frozen=True)
class SpeakingStyle:
    """Controlled changes of the targets; 1 and 0 leave them as they are.

    Attributes:
        jaw, parting, rounding, spread: factors of jaw opening, of lip parting, of funnel and pucker, of stretch and smile.
        smile, funnel: added while the voice speaks.
        blending: factor of how far phones reach into their neighbours; below 1 is crisp.
        effort: factor of the press on closed lips.
    """

    jaw: float = 1.0
    parting: float = 1.0
    rounding: float = 1.0
    spread: float = 1.0
    smile: float = 0.0
    funnel: float = 0.0
    blending: float = 1.0
    effort: float = 1.0


NEUTRAL = SpeakingStyle()
# Pairs of opposites, so that their mean, which the pivot learns, is the neutral style.
STYLES: Mapping[str, SpeakingStyle] = {
    "relaxed": SpeakingStyle(jaw=0.75, parting=0.70, rounding=0.85, spread=0.8, blending=1.3, effort=0.8),
    "clear": SpeakingStyle(jaw=1.20, parting=1.30, rounding=1.15, spread=1.2, blending=0.75, effort=1.2),
    "wide": SpeakingStyle(spread=1.7, smile=0.12, rounding=0.80, parting=1.10),
    "rounded": SpeakingStyle(spread=0.4, funnel=0.10, rounding=1.20, parting=0.90),
    "soft": SpeakingStyle(jaw=0.60, parting=0.80, blending=1.1, effort=0.5),
    "energetic": SpeakingStyle(jaw=1.40, parting=1.20, rounding=1.05, blending=0.9, effort=1.5),
}


def viseme_curves(
    phones: Sequence[Phone], fps: float, n_frames: int, style: SpeakingStyle = NEUTRAL
) -> NDArray[np.float32]:
    """Face curves (n_frames, len(CURVES)) float32 in 0..1; row i stands for second i / fps.

    Args:
        phones: in time order, classes of PHONES; gaps count as silence.
    """
    if not phones or n_frames == 0:
        return np.zeros((n_frames, len(CURVES)), np.float32)
    spoken = _Spoken(
        np.array([PHONE_INDEX[p.label] for p in phones]), np.array([p.start_s for p in phones])[:, None],
        np.array([p.end_s for p in phones])[:, None], np.arange(n_frames)[None] / fps,
    )
    curves = _blend(spoken, style)
    _apply_constraints(curves, spoken, style)
    return np.clip(curves, 0.0, 1.0).astype(np.float32)


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
    return np.array([-1 if name in single else _C.get(base, -1) for name, base in zip(ARKIT_52, bases, strict=True)], dtype=np.intp)


def _blend(spoken: _Spoken, style: SpeakingStyle) -> FloatArray:
    """The dominance-weighted means, (n_frames, len(CURVES)), with the style's factors."""
    labels, starts, ends, seconds = spoken.labels, spoken.starts, spoken.ends, spoken.seconds
    targets, strengths = _tables()
    middles = (starts + ends) / 2
    silent = (labels == PHONE_INDEX["SIL"])[:, None]
    half = np.where(silent, np.maximum((ends - starts) / 2 - SILENCE_EDGE_S, 0.0),
                    np.minimum(CORE_SHARE * (ends - starts), LONGEST_CORE_S))
    distance = np.maximum(np.abs(seconds - middles) - half, 0.0)
    curves = np.zeros((seconds.shape[1], len(CURVES)))
    for columns, sigma_s, strength in _GROUPS:
        sigma = np.where(silent, SIGMA_SILENCE_S, sigma_s * style.blending)
        power = np.where(silent, SILENCE_STRENGTH, strengths[labels, strength][:, None])
        dominance = power * np.exp(-distance / sigma) + 1e-9
        dominance /= dominance.sum(axis=0)
        curves[:, columns] = dominance.T @ targets[labels][:, columns]
    speaking = 1.0 - (dominance * silent).sum(axis=0)  # as the lips, the last group, see it
    curves *= _style_factors(style)
    curves[:, _C["mouthSmile"]] += style.smile * speaking
    curves[:, _C["mouthFunnel"]] += style.funnel * speaking
    return curves


def _style_factors(style: SpeakingStyle) -> FloatArray:
    factors = np.ones(len(CURVES))
    factors[[_C["jawOpen"], _C["jawForward"]]] = style.jaw, min(style.jaw, 1.2)
    factors[[_C["mouthLowerDown"], _C["mouthUpperUp"]]] = style.parting
    factors[[_C["mouthFunnel"], _C["mouthPucker"]]] = style.rounding
    factors[[_C["mouthStretch"], _C["mouthSmile"], _C["mouthDimple"]]] = style.spread
    return factors


def _apply_constraints(curves: FloatArray, spoken: _Spoken, style: SpeakingStyle) -> None:
    """Force closed lips, tucked lip and the trade between rounding and spreading, in place."""
    closed = _trapezoid(spoken, BILABIALS)
    tucked = _trapezoid(spoken, LABIODENTALS) * (1 - closed)
    rounding = np.clip(curves[:, _C["mouthFunnel"]] + curves[:, _C["mouthPucker"]], 0, 1)
    for name in ("mouthStretch", "mouthSmile", "mouthDimple"):
        curves[:, _C[name]] *= 1 - 0.8 * rounding
    jaw = curves[:, _C["jawOpen"]] * (1 - (1 - CLOSED_JAW) * closed) * (1 - (1 - TUCK_JAW) * tucked)
    curves[:, _C["jawOpen"]] = jaw = np.clip(jaw, 0, 1)
    curves[:, _C["mouthClose"]] = jaw * np.maximum(closed, TUCK_CLOSE * tucked)
    curves[:, _C["mouthPress"]] = CLOSED_PRESS * style.effort * closed
    curves[:, _C["mouthRollLower"]] = CLOSED_ROLL * closed + TUCK_ROLL * tucked
    curves[:, _C["mouthRollUpper"]] = CLOSED_ROLL * closed
    curves[:, _C["cheekPuff"]] = 0.05 * style.effort * _trapezoid(spoken, frozenset("PB"))
    lower, upper = curves[:, _C["mouthLowerDown"]], curves[:, _C["mouthUpperUp"]]
    curves[:, _C["mouthLowerDown"]] = lower * (1 - closed) * (1 - tucked)
    curves[:, _C["mouthUpperUp"]] = (upper * (1 - tucked) + TUCK_UPPER * tucked) * (1 - closed)
    curves[:, _C["cheekSquint"]] = 0.3 * curves[:, _C["mouthSmile"]]
    curves[:, _C["noseSneer"]] = 0.12 * curves[:, _C["mouthUpperUp"]]


def _trapezoid(spoken: _Spoken, classes: frozenset[str]) -> FloatArray:
    """(n_frames,) 1 while a phone of the classes is held, ramps of ATTACK_S around it, 0 elsewhere.

    A phone shorter than two frames still reaches 1 on the frame nearest its middle.
    """
    labels, seconds = spoken.labels, spoken.seconds
    chosen = np.isin(labels, [PHONE_INDEX[name] for name in classes])
    if not chosen.any():
        return np.zeros(seconds.shape[1])
    first, last = spoken.starts[chosen], spoken.ends[chosen]
    middle, half = (first + last) / 2, (last - first) / 2
    nasal = (labels[chosen] == PHONE_INDEX["M"])[:, None]
    half = np.where(nasal, half, np.minimum(half, LONGEST_HOLD_S / 2))
    frame_s = seconds[0, 1] - seconds[0, 0] if seconds.shape[1] > 1 else 0.02
    distance = np.maximum(np.abs(seconds - middle) - np.maximum(half, frame_s / 2), 0.0)
    ramp: FloatArray = np.clip(1 - distance / ATTACK_S, 0, 1).max(axis=0)
    return ramp


@lru_cache(maxsize=1)
def _tables() -> tuple[FloatArray, FloatArray]:
    """Targets (phones, len(CURVES)) and strengths (phones, 3: jaw, rounding, lips)."""
    targets = np.zeros((len(PHONES), len(CURVES)))
    strengths = np.zeros((len(PHONES), 3))
    for line in _TARGETS.strip().splitlines():
        left, right = line.split("|")
        label, *values = left.split()
        row = PHONE_INDEX[label]
        targets[row, :7] = [float(v) for v in values]
        strengths[row] = [float(v) for v in right.split()]
    for name, small in _SMALL_TARGETS.items():
        for label, value in small.items():
            targets[PHONE_INDEX[label], _C[name]] = value
    assert (strengths.sum(axis=1) > 0).all(), "a phone without a target"
    return targets, strengths
