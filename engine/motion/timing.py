"""When the face moves: shapes that begin earlier than the voice does, and regions that move later or earlier than others.

Between gains and the scene's clock. A lip contact stays where its sound is; a delay of the lips takes the contacts with it. Knows ARKit channels.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..values.channels import region
from ..values.settings import REGIONS
from ..values.types import Delays, FloatArray, Motion
from . import lip_contact, smooth

Seconds = NDArray[np.float64]

PARTING = ("mouthLowerDown", "mouthUpperUp")
SHAPES = ("jawOpen", "mouthFunnel", "mouthPucker", "mouthSmile", "mouthDimple", "mouthStretch")       # what begins early, beneath closed lips too
REST_BELOW = 0.05           # weight of every channel of jaw and lips below which a mouth rests
FULL_UNTIL = 0.5            # share of the lead by which a shape is already complete; before that it rises
SQUEEZE = 2.0               # at the clip's ends a delay comes in over so many times its length: the face then moves at most 1.5 times as fast
LEAST_JAW = 0.02            # jaw opening below which nothing can be said of the share that mouthClose undoes
SHARE_BLEND_S = 0.02        # how softly that share changes


def anticipate(motion: Motion, lead_s: float) -> Motion:
    """Let opening, rounding and spreading begin earlier, and end when they did.

    Where the lips touch, or the lower lip the teeth, they stay so: only the jaw opens beneath them, as it does in speech.

    Args:
        motion: ARKit motion, limited to 0..1.
        lead_s: how much earlier a shape begins; half of that earlier it is complete.
    Source: in speech lips round 0.1 s and more before a rounded vowel (Perkell and Matthies 1992). The curve of the lead is ours.
    """
    if lead_s <= 0 or not lip_contact.has_lips(motion.channels) or len(motion.weights) < 2:
        return motion
    contact = lip_contact.shut_frames(motion) & ~_resting(motion)
    closed = contact | lip_contact.tucked_frames(motion)
    kept = smooth.nearness(closed, motion.fps)
    early = motion.weights.copy()
    free, parting = _columns(motion, SHAPES), _columns(motion, PARTING)
    early[:, free] = _early(motion.weights[:, free], lead_s, motion.fps)
    early[:, parting] = kept * motion.weights[:, parting] + (1 - kept) * _early(motion.weights[:, parting], lead_s, motion.fps, closed)
    gap = (motion["jawOpen"] - motion["mouthClose"])[:, None]
    gap = kept * gap + (1 - kept) * _early(gap, lead_s, motion.fps, closed)
    after = replace(motion, weights=early)
    after["mouthClose"][:] = np.maximum(after["jawOpen"] - gap[:, 0], 0)
    return lip_contact.keep_shut(after, contact)


def _columns(motion: Motion, names: tuple[str, ...]) -> lip_contact.BoolArray:
    return np.array([channel.removesuffix("Left").removesuffix("Right") in names for channel in motion.channels])


def _resting(motion: Motion) -> lip_contact.BoolArray:
    """Frames on which the mouth does nothing (n_frames,): lips that only touch because nobody speaks may open before the first sound."""
    mouth = np.array([region(channel) in ("jaw", "lips") for channel in motion.channels])
    return np.asarray((motion.weights[:, mouth] < REST_BELOW).all(axis=1))


def _early(rows: FloatArray, lead_s: float, fps: float, closed: lip_contact.BoolArray | None = None) -> FloatArray:
    """The largest of what comes within the lead, the later the less: (n, c). The first frame stays at rest.

    Args:
        closed: (n,) frames beyond which nothing is looked for: lips that part after a contact do not part before it.
    """
    reach = lead_s * fps + 1        # frames at which it counts nothing any more
    most = rows.copy()
    in_sight = np.ones(len(rows), np.bool_)
    for ahead in range(1, min(int(np.ceil(reach)), len(rows))):
        weight = np.float32(min(1.0, (1 - ahead / reach) / (1 - FULL_UNTIL)))
        in_sight = in_sight[:-1] if closed is None else in_sight[:-1] & ~closed[ahead:]
        np.maximum(most[:-ahead], weight * rows[ahead:], out=most[:-ahead], where=in_sight[:, None])
    ramp = np.minimum(np.arange(len(rows)) / (smooth.EASE_IN_S * fps), 1).astype(np.float32)[:, None]
    return np.asarray(rows + ramp * (most - rows), np.float32)


def delay(motion: Motion, delays: Delays) -> Motion:
    """Move face regions later or earlier in time; contacts go with the lips.

    Nothing is lost at the ends of the clip: a delay comes in and goes out gently there, so that the face still starts and ends as it did.
    """
    if delays == Delays() or len(motion.weights) < 2:
        return motion
    seconds = np.arange(len(motion.weights)) / motion.fps
    weights = motion.weights.copy()
    for name in REGIONS:
        columns = np.array([region(channel) == name for channel in motion.channels])
        if getattr(delays, name) and columns.any():
            weights[:, columns] = _at(motion.weights[:, columns], _warped(seconds, getattr(delays, name)), motion.fps)
    if not lip_contact.has_lips(motion.channels):
        return replace(motion, weights=weights)
    return _contacts_with_lips(motion, replace(motion, weights=weights), seconds, delays.lips)


def _contacts_with_lips(before: Motion, after: Motion, seconds: Seconds, lips_s: float) -> Motion:
    """mouthClose on the lips' clock, as far as the jaw goes on its own, and contacts at the moments to which the lips took them."""
    shut = lip_contact.shut_frames(before)
    on_lips = _warped(seconds, lips_s)
    share = np.where(shut, 1.0, before["mouthClose"] / np.maximum(before["jawOpen"], LEAST_JAW)).clip(0, 1)
    soft = smooth.gaussian(share.astype(np.float32)[:, None], SHARE_BLEND_S * before.fps)
    jaw, close, soft = (_at(rows, on_lips, before.fps)[:, 0] for rows in (before["jawOpen"][:, None], before["mouthClose"][:, None], soft))
    after["mouthClose"][:] = np.clip(close + soft * (after["jawOpen"] - jaw), 0, np.maximum(after["jawOpen"], close))
    moved = np.zeros(len(shut), np.bool_)
    moved[np.round(np.interp(seconds[shut], on_lips, seconds) * before.fps).astype(np.int64)] = True
    return lip_contact.keep_shut(after, moved)


def _warped(seconds: Seconds, delay_s: float) -> Seconds:
    """The moment that is seen at each moment: earlier by the delay, except near the ends."""
    if not delay_s:
        return seconds
    from_ends = np.minimum(seconds, seconds[-1] - seconds)
    return np.asarray(seconds - delay_s * np.minimum(from_ends / (SQUEEZE * abs(delay_s)), 1))


def _at(rows: FloatArray, moments: Seconds, fps: float) -> FloatArray:
    """Rows (n, c) at moments (m,) in seconds, straight lines between frames."""
    position = np.clip(moments * fps, 0, len(rows) - 1)
    low = np.minimum(position.astype(np.int64), len(rows) - 2)
    part = (position - low).astype(np.float32)[:, None]
    return np.asarray(rows[low] * (1 - part) + rows[low + 1] * part, np.float32)
