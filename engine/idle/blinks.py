"""Idle motion, what a face does besides speaking, each part with its amount, all from one seed: blinks and brows.

Laid over motion on the scene's clock. Moments are drawn one after the other from the start of the clip, each from what
was drawn before and from the sound up to LOOK_AHEAD_S later: the same seed and sound give the same motion, and what
comes later in a clip never changes what was before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..motion.lip_contact import has_lips, opening
from ..motion.smooth import smooth_step
from ..values.channels import ARKIT_52, HEAD_ANGLES
from ..values.settings import MAX_LIFE
from ..values.types import BoolArray, FloatArray, Life, Motion
from . import head_gaze_breath, listening
from .head_gaze_breath import stream
from .prosody import FUTURE_S, Prosody

LOOK_AHEAD_S = 2 * FUTURE_S + 1.0       # prosody of the sound, and how far a moment may be moved

# Rate: 26 a minute in conversation, 17 at rest, 4.5 in reading (Bentivoglio et al. 1997); 32 in conversation (Chidi-
# Egboka et al. 2022). A natural performance has that of people who talk; Lips Only that of version 0.1.
BLINKS_PER_MIN = 17.0
TALKING_BLINKS_PER_MIN = 29.5
BLINK_SPREAD = 0.5              # standard deviation of the logarithm of intervals: long tails, as people have
LEAST_INTERVAL_S = 0.45
BLINK_PULL_S = 1.2              # a blink moves to a pause so near: speakers blink most there (Nakano, Kitazawa 2010)
REACHED = 16                    # more pauses do not lie within reach of one blink: 1.2 s both ways, pauses of 0.16 s
PULLED = 0.8                    # share of the blinks that do where they can
# Whole blinks take 0.1 to 0.4 s and open in about twice the time in which they close (VanderWerf et al. 2003, Caffier
# et al. 2003).
CLOSING_S, SHUT_S, OPENING_S = (0.06, 0.10), (0.0, 0.04), (0.13, 0.22)
DEPTH = (0.93, 1.0)
TALKING_DEPTH = (1.0, 1.0)      # full closure looks most natural, also on a cartoon (Trutoiu et al. 2011) ...
LATER_LID_S = (0.0, 0.012)      # ... and one lid opens a little after the other; by more it would be a wink
SQUINT, CHEEK = 0.12, 0.06      # share of a blink in eyeSquint and cheekSquint
EYE_BUSY = 0.05                 # weight at which the model itself moves the lids
CLEAR_S = 0.1                   # free of such motion before and after a blink

# Brows rise with accents of the voice, a little ahead of them (Cave et al. 1996, Flecha-Garcia 2010); how often and how
# far is our choice.
RAISE_LEAD_S = 0.06
LEAST_RAISE_GAP_S = 2.2
RAISE_CHANCE = 0.65             # of a full stress, where the last raise is long enough ago
RAISE_UP_S, RAISE_HELD_S, RAISE_DOWN_S = (0.12, 0.18), (0.05, 0.25), (0.25, 0.45)
RAISE_HEIGHT = 0.45             # of browInnerUp on a full stress
RAISE_OUTER = (0.5, 1.0)        # share of it in browOuterUp
# A raise begins before the stressed word and is up just after it begins (Kim et al. 2014).
TALKING_RAISE_TOP_S = 0.04
STRONG_FROM = 0.45              # stress from which cheeks and nose tighten
CHEEK_RISE_S, CHEEK_FALL_S = 0.12, 0.28
CHEEK_HEIGHT, NOSE_SHARE = 0.2, 0.35
NOSE_PARTED_FROM, NOSE_PARTED_AT = 0.15, 0.3    # seen lip opening: a wrinkled nose lifts the lip, not near contacts
LOOK_LID, LOOK_WIDE = 0.25, 0.2     # share of eyeLookDown in eyeBlink, of eyeLookUp in eyeWide: lids follow the eye
LIVELY = {"blinks": 1.05, "brows": 1.5, "head": 1.5, "eyes": 1.25, "breath": 1.25, "cheeks": 1.5, "asymmetry": 1.3}
END_MARGIN_S = 0.04             # the first and last moments of a clip stay at rest

_BLINK = {"eyeBlink": 1.0, "eyeSquint": SQUINT, "cheekSquint": CHEEK}


@dataclass(frozen=True)
class Blink:
    """One blink: the second at which the lids have closed, how long each part lasts, and how far they close, 0 to 1."""

    second: float
    closing_s: float
    shut_s: float
    opening_s: float
    depth: float
    later_s: float = 0.0        # by which the right lid opens later; below 0 the left one


@dataclass(frozen=True)
class Raise:
    """One brow raise: the second of its top, how long each part lasts, and the height of the inner and outer brow."""

    second: float
    up_s: float
    held_s: float
    down_s: float
    inner: float
    outer: float


def add_idle_motion(motion: Motion, prosody: Prosody | None, life: Life) -> Motion:
    """The motion with what the face does besides speaking.

    Args:
        motion: ARKit motion on the scene's clock, limited to 0..1; other motion passes unchanged.
        prosody: of its sound; None where nothing moves (is_moving).
    Returns:
        New weights; with life.head the channels HEAD_ANGLES and with life.breath the channel "breath" more, and lids,
        brows and eyes that the model's own channels lack. Lips do not move.
    """
    if prosody is None or not is_moving(life) or not has_lips(motion.channels):
        return motion
    face, life = _Face(motion), lively(life)
    if life.blinks:
        _blink(face, prosody, life)
    if life.brows:
        _raise_brows(face, prosody, life)
    if life.head or life.eyes:
        angles = head_gaze_breath.head_angles(prosody, len(motion.weights), motion.fps, life)
        if life.head:
            face.set(dict(zip(HEAD_ANGLES, angles.T, strict=True)))
        if life.eyes and not face.moves("eyeLook"):
            face.set(head_gaze_breath.gaze(angles, motion.fps, life))
            if life.is_natural:
                _follow_with_lids(face)
    if life.cheeks:
        _tighten_cheeks(face, motion, prosody, life.cheeks)
    if life.breath:
        own = listening.silent(prosody) if life.is_listening else prosody
        face.set({"breath": head_gaze_breath.breath(own, len(motion.weights), motion.fps, life)})
    return face.motion()


def is_moving(life: Life) -> bool:
    """Whether any amount is above 0."""
    return any(getattr(life, name) for name in Life.LABELS)


def lively(life: Life) -> Life:
    """The amounts as they are moved by: a lively performance does more of all."""
    if life.performance != "lively":
        return life
    return replace(life, **{name: min(MAX_LIFE, more * getattr(life, name)) for name, more in LIVELY.items()})


def moved_by(life: Life) -> frozenset[str]:
    """The channels that idle motion moves and the voice hardly does, as far as their amounts are above 0."""
    amounts = dict.fromkeys(("eyeBlink", "eyeSquint", "eyeWide"), life.blinks)
    amounts |= {"brow": life.brows, "eyeLook": life.eyes}
    prefixes = tuple(prefix for prefix, amount in amounts.items() if amount)
    names = {name for name in ARKIT_52 if name.startswith(prefixes)} if prefixes else set()
    head = set(HEAD_ANGLES) if life.head else set()
    breath = {"breath"} if life.breath else set()
    return frozenset(names | head | breath)


class _Face:
    """Motion in work: channels that can be raised or set, in the order in which they came."""

    def __init__(self, motion: Motion) -> None:
        self._motion = motion
        self._rows = {name: motion.weights[:, column] for column, name in enumerate(motion.channels)}
        self.n_frames, self.fps = len(motion.weights), motion.fps

    def moves(self, prefix: str) -> bool:
        """Whether the model itself moves channels of this kind."""
        return any(bool((row > EYE_BUSY).any()) for name, row in self._rows.items() if name.startswith(prefix))

    def busy(self, prefix: str) -> BoolArray:
        """Frames (n_frames,) on which it does."""
        rows = [row > EYE_BUSY for name, row in self._rows.items() if name.startswith(prefix)]
        return np.asarray(np.any(rows, axis=0) if rows else np.zeros(self.n_frames, np.bool_))

    def lift(self, name: str, row: FloatArray) -> None:
        """Raise a channel to at least these weights (n_frames,)."""
        self._rows[name] = np.maximum(self._rows.get(name, np.float32(0)), row)

    def row(self, name: str) -> FloatArray:
        """The weights (n_frames,) of a channel; 0 where there is none."""
        return self._rows.get(name, np.zeros(self.n_frames, np.float32))

    def set(self, rows: dict[str, FloatArray]) -> None:
        """Replace channels, or add them."""
        self._rows.update(rows)

    def motion(self) -> Motion:
        """All of it."""
        weights = np.stack(list(self._rows.values()), axis=1).astype(np.float32)
        return Motion(weights, tuple(self._rows), self.fps)


def _blink(face: _Face, prosody: Prosody, life: Life) -> None:
    seconds = np.arange(face.n_frames) / face.fps
    lids = {side: np.zeros(face.n_frames, np.float32) for side in ("Left", "Right")}
    busy = face.busy("eyeBlink")
    for blink in blinks(prosody, face.n_frames / face.fps, life):
        top = np.round(blink.second * face.fps) / face.fps          # on a frame, so that the eye is seen shut
        first, last = top - blink.closing_s, top + blink.shut_s + blink.opening_s + abs(blink.later_s)
        near = busy[max(0, int((first - CLEAR_S) * face.fps)):int((last + CLEAR_S) * face.fps) + 1]
        if first < END_MARGIN_S or last > seconds[-1] - END_MARGIN_S or near.any():
            continue
        span = _frames(first, last, face.fps)
        closing = smooth_step(1 - (top - seconds[span]) / blink.closing_s)
        for side, later_s in (("Left", -blink.later_s), ("Right", blink.later_s)):
            opened = (seconds[span] - top - blink.shut_s - max(0.0, later_s)) / blink.opening_s
            opening_lid = smooth_step(1 - opened) ** 1.5        # fast, then slow
            shape = np.where(seconds[span] <= top, closing, opening_lid) * np.float32(blink.depth)
            lids[side][span] = np.maximum(lids[side][span], shape)
    for name, share in _BLINK.items():
        for side, lid in lids.items():
            face.lift(name + side, np.asarray(share * lid, np.float32))


def blinks(prosody: Prosody, duration_s: float, life: Life) -> Iterator[Blink]:
    """Blinks of a clip, in order; life.blinks times BLINKS_PER_MIN on average, drawn to pauses and ends of phrases."""
    random = stream(life.seed, "blinks")
    mean_s = 60 / (_blinks_per_min(life) * life.blinks)
    later = stream(life.seed, "later lid")
    median_s = max(mean_s / np.exp(BLINK_SPREAD**2 / 2), LEAST_INTERVAL_S)
    reach_s = min(BLINK_PULL_S, 0.6 * mean_s)
    last_s = -mean_s * random.random()
    while last_s < duration_s:
        drawn, pulled, place = random.normal(), random.random() < PULLED, random.random()
        closing_s, shut_s, opening_s, depth = (float(random.uniform(*ends)) for ends in _blink_ranges(life))
        wanted_s = last_s + max(LEAST_INTERVAL_S, median_s * float(np.exp(BLINK_SPREAD * drawn)))
        second = wanted_s
        if pulled and life.is_listening:
            second = listening.blink_moment(prosody, wanted_s, place)
        elif pulled:
            second = _quiet_moment(prosody, wanted_s, reach_s, place)
        second = max(second, last_s + LEAST_INTERVAL_S)
        later_s = float(later.uniform(*LATER_LID_S)) * (1 if later.random() < 0.5 else -1)
        if second >= 0:
            yield Blink(second, closing_s, shut_s, opening_s, depth, later_s if life.asymmetry else 0.0)
        last_s = second


def _blinks_per_min(life: Life) -> float:
    if life.is_listening:
        return listening.BLINKS_PER_MIN
    return TALKING_BLINKS_PER_MIN if life.is_natural else BLINKS_PER_MIN


def _blink_ranges(life: Life) -> tuple[tuple[float, float], ...]:
    """Seconds in which lids close, stay shut and open, and how far they close."""
    if life.is_listening:
        return listening.CLOSING_S, listening.SHUT_S, listening.OPENING_S, TALKING_DEPTH
    return CLOSING_S, SHUT_S, OPENING_S, TALKING_DEPTH if life.is_natural else DEPTH


def _quiet_moment(prosody: Prosody, wanted_s: float, reach_s: float, place: float) -> float:
    """The wanted moment if the voice pauses then, or has no pause within reach; else just after the nearest phrase."""
    first_s, last_s = wanted_s - reach_s, wanted_s + reach_s
    first = bisect_left(prosody.pauses, (first_s, 0.0))
    candidates = prosody.pauses[max(0, first - 1):first + REACHED]
    near = [(start, stop) for start, stop in candidates if start < last_s and stop > first_s]
    if any(start <= wanted_s <= stop for start, stop in near) or not near:
        return wanted_s
    start, stop = min(near, key=lambda pause: min(abs(pause[0] - wanted_s), abs(pause[1] - wanted_s)))
    return start + place * min(0.25, stop - start)


def _raise_brows(face: _Face, prosody: Prosody, life: Life) -> None:
    seconds = np.arange(face.n_frames) / face.fps
    inner, outer = np.zeros(face.n_frames, np.float32), np.zeros(face.n_frames, np.float32)
    for lift in raises(prosody, life):
        first, last = lift.second - lift.up_s, lift.second + lift.held_s + lift.down_s
        if first < END_MARGIN_S or last > seconds[-1] - END_MARGIN_S:
            continue
        span = _frames(first, last, face.fps)
        share = np.minimum((seconds[span] - first) / lift.up_s, (last - seconds[span]) / lift.down_s)
        shape = smooth_step(share)
        inner[span] = np.maximum(inner[span], shape * np.float32(lift.inner))
        outer[span] = np.maximum(outer[span], shape * np.float32(lift.outer))
    face.lift("browInnerUp", inner)
    for side in ("Left", "Right"):
        face.lift("browOuterUp" + side, outer)


def raises(prosody: Prosody, life: Life) -> Iterator[Raise]:
    """Brow raises of a clip, in order, on some of its stressed syllables."""
    last_s = -LEAST_RAISE_GAP_S
    random = stream(life.seed, "brows")
    for stress in prosody.stresses:
        chance, height = random.random(), float(random.uniform(0.7, 1.1))
        ranges = (RAISE_UP_S, RAISE_HELD_S, RAISE_DOWN_S, RAISE_OUTER)
        up_s, held_s, down_s, share = (float(random.uniform(*ends)) for ends in ranges)
        if stress.second - last_s < LEAST_RAISE_GAP_S or chance > RAISE_CHANCE * (0.4 + 0.6 * stress.strength):
            continue
        inner = min(1.0, life.brows * RAISE_HEIGHT * height * (0.5 + 0.5 * stress.strength))
        top_s = stress.start_s + TALKING_RAISE_TOP_S if life.is_natural else stress.second - RAISE_LEAD_S
        yield Raise(top_s, up_s, held_s, down_s, inner, inner * share)
        last_s = stress.second


def _tighten_cheeks(face: _Face, motion: Motion, prosody: Prosody, amount: float) -> None:
    """Cheeks, and the nose where the lips are apart, on strong syllables."""
    seconds, row = np.arange(face.n_frames) / face.fps, np.zeros(face.n_frames, np.float32)
    for stress in prosody.stresses:
        if stress.strength >= STRONG_FROM:
            span = _frames(stress.second - CHEEK_RISE_S, stress.second + CHEEK_FALL_S, face.fps)
            away = seconds[span] - stress.second
            shape = smooth_step(1 - np.where(away < 0, -away / CHEEK_RISE_S, away / CHEEK_FALL_S))
            row[span] = np.maximum(row[span], np.float32(amount * CHEEK_HEIGHT * stress.strength) * shape)
    apart = smooth_step((opening(motion) - NOSE_PARTED_FROM) / (NOSE_PARTED_AT - NOSE_PARTED_FROM))
    for side in ("Left", "Right"):
        face.lift("cheekSquint" + side, row)
        face.lift("noseSneer" + side, np.asarray(NOSE_SHARE * row * apart, np.float32))


def _follow_with_lids(face: _Face) -> None:
    """Lower the lids as the eyes look down, raise them as they look up; a blink stays as shut as it is."""
    for side in ("Left", "Right"):
        lid, wide = face.row("eyeBlink" + side), face.row("eyeWide" + side)
        follow = LOOK_LID * face.row("eyeLookDown" + side)
        face.set({
            "eyeBlink" + side: lid + follow * (1 - lid),
            "eyeWide" + side: wide + LOOK_WIDE * face.row("eyeLookUp" + side) * (1 - wide) * (1 - lid),
        })


def _frames(first_s: float, last_s: float, fps: float) -> slice:
    """The frames from one moment of a clip to another."""
    return slice(max(0, int(first_s * fps)), int(last_s * fps) + 2)
