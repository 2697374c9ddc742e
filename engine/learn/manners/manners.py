"""Manners of moving a face, drawn from continuous ranges: what a reference motion has and other speech takes over.

A manner changes the viseme model's targets (how wide, how crisp, how fast), lets the face rest elsewhere (a smile,
parted lips, raised brows), makes one side lead, ties brows to stressed syllables and lays a mood over all of it. Where
lips touch, they touch in every manner.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...motion import lip_contact
from ...motion.mood import lay_on_face, lay_on_mouth
from ...motion.mood_shapes import COMBINATIONS
from ...values.channels import ARKIT_52
from ...values.types import BoolArray, FloatArray, Motion
from ..synth.phones import VOWELS, Phone
from ..visemes.curves import CLOSED_PRESS, TUCK_ROLL, to_arkit, viseme_curves
from ..visemes.styles import NEUTRAL, SpeakingStyle

FPS = 50
MOOD_MOUTH = 0.33           # share of a mood's mouth that stays in speech
STRESSED_DB = 1.5           # above the voice's usual level: the syllable raises the brows
BROW_S, BROW_LEAD_S = 0.12, 0.107   # how long a raise lasts (standard deviation), and how far it comes before its vowel
SEALED_ABOVE = 0.6          # of a closure: the lips touch
OPEN_AT = 0.2               # seen opening at which nothing that shuts lips at rest is left
ROUND_TAKES = 0.7           # of what draws the corners aside
PARTING = ("jawOpen", "mouthLowerDown", "mouthUpperUp", "mouthFunnel")
SHUTTING = ("mouthPress", "mouthRoll", "mouthShrug")
WIDE = ("mouthSmile", "mouthStretch", "mouthFrown", "mouthDimple")
ONE_SIDED = ("mouth", "cheek", "nose")      # channels whose sides differ in an uneven manner, if they have two

_SPEAKING = {       # lowest and highest factor of SpeakingStyle
    "jaw": (0.45, 1.55), "parting": (0.45, 1.6), "rounding": (0.5, 1.5), "spread": (0.3, 1.9), "blending": (0.7, 1.45),
    "effort": (0.5, 1.6), "reduction": (0.2, 1.7),
}
# Highest amount at which a face may rest: channels without Left and Right.
_RESTS: Mapping[str, Mapping[str, float]] = {
    "smile": {"mouthSmile": 0.4, "cheekSquint": 0.12}, "frown": {"mouthFrown": 0.4},
    "parted": {"jawOpen": 0.16, "mouthLowerDown": 0.12, "mouthUpperUp": 0.08}, "pressed": {"mouthPress": 0.4},
    "rolled": {"mouthRollLower": 0.22, "mouthRollUpper": 0.22}, "pouting": {"mouthPucker": 0.3},
    "stretched": {"mouthStretch": 0.3}, "dimpled": {"mouthDimple": 0.35}, "chin": {"mouthShrugLower": 0.35},
    "sneer": {"noseSneer": 0.3, "mouthUpperUp": 0.08}, "brows up": {"browInnerUp": 0.5, "browOuterUp": 0.45},
    "inner brows up": {"browInnerUp": 0.6}, "brows down": {"browDown": 0.55}, "squint": {"eyeSquint": 0.5},
    "wide eyes": {"eyeWide": 0.4}, "jaw forward": {"jawForward": 0.2},
}
_SHIFTS = ("mouthLeft", "mouthRight", "jawLeft", "jawRight")
LARGEST_SHIFT, LARGEST_SIDE, LARGEST_BROWS = 0.18, 0.45, 0.6
NEUTRAL_SHARE, REST_SHARE, SIDE_SHARE, MOOD_SHARE, BROW_SHARE = 0.08, 0.75, 0.6, 0.25, 0.6


@dataclass(frozen=True)
class Manner:
    """How a face moves; the defaults are the viseme model as it is.

    Attributes:
        speaking: of jaw, lips and the change from phone to phone.
        rest: channel and its weight while nobody speaks, which speech moves from.
        side: the left side of the mouth moves 1 + side times as far, the right one 1 - side times; -1 to 1.
        cheeks: factor of cheeks and nose.
        brows: how far stressed syllables raise the brows; brow_side: as side, of that.
        mood: name in COMBINATIONS, or empty; amount: of it.
    """

    speaking: SpeakingStyle = NEUTRAL
    rest: Mapping[str, float] = field(default_factory=dict)
    side: float = 0.0
    cheeks: float = 1.0
    brows: float = 0.0
    brow_side: float = 0.0
    mood: str = ""
    amount: float = 0.0


def draw_manner(seed: int) -> Manner:
    """The manner of a seed: some are neutral, in the others each part is drawn by itself."""
    rng = random.Random(seed)
    if rng.random() < NEUTRAL_SHARE:
        return Manner()
    factors = {name: rng.uniform(low, high) for name, (low, high) in _SPEAKING.items()}
    manner = Manner(
        SpeakingStyle(**factors), _drawn_rest(rng), cheeks=rng.uniform(0.4, 1.8),
        side=_drawn(rng, SIDE_SHARE, -LARGEST_SIDE, LARGEST_SIDE), brows=_drawn(rng, BROW_SHARE, 0.0, LARGEST_BROWS),
        brow_side=_drawn(rng, SIDE_SHARE, -0.8, 0.8),
    )
    if rng.random() < MOOD_SHARE:
        manner = replace(manner, mood=rng.choice(sorted(COMBINATIONS)), amount=rng.uniform(0.3, 1.2))
    return manner


def perform(
    phones: Sequence[Phone], n_frames: int, manner: Manner, loudness_db: Sequence[float] | None = None,
) -> FloatArray:
    """Weights (n_frames, 52) of ARKIT_52 at FPS of phones spoken in a manner, 0 to 1.

    Args:
        phones, loudness_db: as viseme_curves takes them.
    """
    plain = Motion(to_arkit(viseme_curves(phones, FPS, n_frames, manner.speaking, loudness_db)), ARKIT_52, FPS)
    contact = np.asarray(plain["mouthPressLeft"] / (CLOSED_PRESS * manner.speaking.effort), np.float32)
    rows = {name: plain.weights[:, column] for column, name in enumerate(ARKIT_52)}    # views: writing writes weights
    _make_uneven(rows, manner)
    _raise_brows(rows, phones, manner, loudness_db)
    _let_rest(rows, manner.rest, contact, lip_contact.opening(plain))
    closed = contact > SEALED_ABOVE
    felt = _felt(plain, manner, closed)
    return np.asarray(np.clip(lip_contact.seal(felt, closed)[0].weights, 0, 1), np.float32)


def rest_pose(manner: Manner) -> FloatArray:
    """Weights (52,) of the face while nobody speaks."""
    weights: FloatArray = perform([Phone("SIL", 0.0, 3.0)], 3 * FPS, manner)[3 * FPS // 2]
    return weights


def _drawn(rng: random.Random, share: float, low: float, high: float) -> float:
    return rng.uniform(low, high) if rng.random() < share else 0.0


def _drawn_rest(rng: random.Random) -> dict[str, float]:
    """One to four ways to rest, some on one side more than on the other, and by chance a shift of mouth or jaw."""
    rest: dict[str, float] = {}
    if rng.random() >= REST_SHARE:
        return rest
    for kind in rng.sample(sorted(_RESTS), rng.randint(1, 4)):
        amount, side = rng.random(), _drawn(rng, SIDE_SHARE / 2, -0.8, 0.8)
        for name, most in _RESTS[kind].items():
            rest.update(_sided(name, amount * most, side))
    if rng.random() < SIDE_SHARE / 2:
        rest[rng.choice(_SHIFTS)] = rng.uniform(0, LARGEST_SHIFT)
    return rest


def _sided(name: str, weight: float, side: float) -> dict[str, float]:
    if name in ARKIT_52:
        return {name: weight}
    return {name + "Left": weight * min(1, 1 + side), name + "Right": weight * min(1, 1 - side)}


def _make_uneven(rows: Mapping[str, FloatArray], manner: Manner) -> None:
    for name in filter(lambda name: name.startswith(ONE_SIDED), rows):
        rows[name][:] *= manner.cheeks if name.startswith(("cheek", "nose")) else 1.0
        if name not in _SHIFTS and name.endswith(("Left", "Right")):
            rows[name][:] *= 1 + manner.side if name.endswith("Left") else 1 - manner.side


def _raise_brows(
    rows: Mapping[str, FloatArray], phones: Sequence[Phone], manner: Manner, loudness_db: Sequence[float] | None,
) -> None:
    """A raise before each stressed vowel, as far as the syllable is loud."""
    if not manner.brows or loudness_db is None:
        return
    seconds = np.arange(len(rows["browInnerUp"]), dtype=np.float32) / FPS
    raised = np.zeros_like(seconds)
    for phone, level in zip(phones, loudness_db, strict=True):
        if phone.label in VOWELS and level > STRESSED_DB:
            middle_s = (phone.start_s + phone.end_s) / 2 - BROW_LEAD_S
            size = min(1.0, (level - STRESSED_DB) / 4)
            np.maximum(raised, size * np.exp(-0.5 * ((seconds - middle_s) / BROW_S) ** 2), out=raised)
    rows["browInnerUp"] += 0.8 * manner.brows * raised
    rows["browOuterUpLeft"] += manner.brows * min(1, 1 + manner.brow_side) * raised
    rows["browOuterUpRight"] += manner.brows * min(1, 1 - manner.brow_side) * raised


def _let_rest(
    rows: Mapping[str, FloatArray], rest: Mapping[str, float], contact: FloatArray, gap: FloatArray,
) -> None:
    """Move all that is said away from the resting face: what parts lips gives way to contacts and what shuts them to an
    open mouth, corners that are drawn aside to rounded lips."""
    tucked = np.clip(rows["mouthRollLower"] / TUCK_ROLL, 0, 1)
    free = (1 - contact) * (1 - tucked)
    shut = 1 - np.clip(gap / OPEN_AT, 0, 1)
    flat = 1 - ROUND_TAKES * np.clip(2 * (rows["mouthPucker"] + rows["mouthFunnel"]), 0, 1)
    shares = {PARTING: free, SHUTTING: shut, WIDE: flat}
    for name, weight in rest.items():
        rows[name] += weight * next((share for kinds, share in shares.items() if name.startswith(kinds)), 1.0)


def _felt(motion: Motion, manner: Manner, closed: BoolArray) -> Motion:
    if not manner.mood:
        return motion
    amount = {manner.mood: np.full(len(motion.weights), manner.amount, np.float32)}
    return lay_on_face(lay_on_mouth(motion, amount, closed, MOOD_MOUTH), amount, closed, MOOD_MOUTH)
