"""When the face moves: shapes that begin earlier than the voice does, and regions that move later or earlier.

Between gains and the scene's clock. Contacts are measured and sealed by the caller; they are handed in where time
itself must heed them. Knows ARKit channels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..values.channels import region
from ..values.settings import REGIONS
from ..values.types import BoolArray, Delays, FloatArray, Motion
from .lip_contact import has_lips, nearness, tucked_frames
from .retime import rows_at
from .smooth import EASE_IN_S, gaussian

Seconds = NDArray[np.float64]

PARTING = ("mouthLowerDown", "mouthUpperUp")
SHAPES = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthSmile", "mouthDimple", "mouthStretch")     # these begin early
REST_BELOW = 0.05           # weight of every channel of jaw and lips below which a mouth rests
FULL_UNTIL = 0.5            # share of the lead by which a shape is already complete; before that it rises
SQUEEZE = 2.0               # a delay comes in over so many times its length: at most 1.5 times as fast at the ends
LEAST_JAW = 0.02            # jaw opening below which nothing can be said of the share that mouthClose undoes
SHARE_BLEND_S = 0.02        # how softly that share changes


def anticipate(motion: Motion, lead_s: float, closed: BoolArray) -> Motion:
    """Let opening, rounding and spreading begin earlier, and end when they did.

    Where the lips touch, or the lower lip the teeth, they stay so: only the jaw opens beneath them, as it does in
    speech. Lips that part after a contact do not part before it.

    Args:
        motion: ARKit motion.
        lead_s: how much earlier a shape begins; half of that earlier it is complete.
        closed: (n_frames,) contacts that stay, of `speaking_contacts`.
    Source: in speech lips round 0.1 s and more before a rounded vowel (Perkell and Matthies 1992). The curve is ours.
    """
    if lead_s <= 0 or not has_lips(motion.channels) or len(motion.weights) < 2:
        return motion
    until = closed | tucked_frames(motion)
    keep = nearness(until, motion.fps)
    early = motion.weights.copy()
    free, parting = _columns(motion, SHAPES), _columns(motion, PARTING)
    early[:, free] = _early(motion.weights[:, free], lead_s, motion.fps)
    parted = motion.weights[:, parting]
    early[:, parting] = keep * parted + (1 - keep) * _early(parted, lead_s, motion.fps, until)
    gap = (motion["jawOpen"] - motion["mouthClose"])[:, None]
    gap = keep * gap + (1 - keep) * _early(gap, lead_s, motion.fps, until)
    after = replace(motion, weights=early)
    after["mouthClose"][:] = np.maximum(after["jawOpen"] - gap[:, 0], 0)
    return after


def speaking_contacts(motion: Motion, closed: BoolArray) -> BoolArray:
    """The contacts without those of a resting mouth, whose lips may open before the first sound."""
    mouth = np.array([region(channel) in ("jaw", "lips") for channel in motion.channels])
    return np.asarray(closed & (motion.weights[:, mouth] >= REST_BELOW).any(axis=1))


def _columns(motion: Motion, names: tuple[str, ...]) -> BoolArray:
    return np.array([channel.removesuffix("Left").removesuffix("Right") in names for channel in motion.channels])


def _early(rows: FloatArray, lead_s: float, fps: float, until: BoolArray | None = None) -> FloatArray:
    """The largest of what comes within the lead, the later the less: (n, c). The first frame stays at rest.

    Args:
        until: (n,) frames beyond which nothing is looked for.
    """
    reach = lead_s * fps + 1        # frames at which it counts nothing any more
    most = rows.copy()
    in_sight = np.ones(len(rows), np.bool_)
    for ahead in range(1, min(int(np.ceil(reach)), len(rows))):
        weight = np.float32(min(1.0, (1 - ahead / reach) / (1 - FULL_UNTIL)))
        in_sight = in_sight[:-1] if until is None else in_sight[:-1] & ~until[ahead:]
        np.maximum(most[:-ahead], weight * rows[ahead:], out=most[:-ahead], where=in_sight[:, None])
    ramp = np.minimum(np.arange(len(rows)) / (EASE_IN_S * fps), 1).astype(np.float32)[:, None]
    return np.asarray(rows + ramp * (most - rows), np.float32)


def delay(motion: Motion, delays: Delays, closed: BoolArray) -> Motion:
    """Move face regions later or earlier in time; lips that move apart from the jaw stay as closed as they were.

    Nothing is lost at the ends of the clip: a delay comes in and goes out gently there, so that the face still starts
    and ends as it did.

    Args:
        closed: (n_frames,) where the lips touch before the delay.
    """
    if delays == Delays() or len(motion.weights) < 2:
        return motion
    weights = motion.weights.copy()
    for name in REGIONS:
        columns = np.array([region(channel) == name for channel in motion.channels])
        if getattr(delays, name) and columns.any():
            moments = _warped(len(weights), motion.fps, getattr(delays, name))
            weights[:, columns] = rows_at(motion.weights[:, columns], moments * motion.fps)
    after = replace(motion, weights=weights)
    if has_lips(motion.channels):
        _close_with_jaw(motion, after, closed, delays.lips)
    return after


def delayed_frames(closed: BoolArray, fps: float, delay_s: float) -> BoolArray:
    """Where contacts (n_frames,) are once the lips move later."""
    moments = _warped(len(closed), fps, delay_s)
    seconds = np.arange(len(closed)) / fps
    moved = np.zeros(len(closed), np.bool_)
    moved[np.round(np.interp(seconds[closed], moments, seconds) * fps).astype(np.int64)] = True
    return moved


def _close_with_jaw(before: Motion, after: Motion, closed: BoolArray, lips_s: float) -> None:
    """Set mouthClose on the lips' clock: the share of the jaw that it undoes stays, however the jaw goes on its own."""
    share = np.where(closed, 1.0, before["mouthClose"] / np.maximum(before["jawOpen"], LEAST_JAW)).clip(0, 1)
    soft = gaussian(share.astype(np.float32)[:, None], SHARE_BLEND_S * before.fps)
    moments = _warped(len(closed), before.fps, lips_s)
    rows = np.concatenate([before["jawOpen"][:, None], before["mouthClose"][:, None], soft], axis=1)
    jaw, close, soft_share = rows_at(rows, moments * before.fps).T
    followed = close + soft_share * (after["jawOpen"] - jaw)
    after["mouthClose"][:] = np.clip(followed, 0, np.maximum(after["jawOpen"], close))


def _warped(n_frames: int, fps: float, delay_s: float) -> Seconds:
    """The moment that is seen on each frame (n_frames,): earlier by the delay, except near the ends."""
    seconds = np.arange(n_frames) / fps
    if not delay_s:
        return seconds
    from_ends = np.minimum(seconds, seconds[-1] - seconds)
    return np.asarray(seconds - delay_s * np.minimum(from_ends / (SQUEEZE * abs(delay_s)), 1))
