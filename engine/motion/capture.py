"""Clean captured face motion: fill gaps, put frames on a clock, take the resting face out, find how sound and film lie.

Nothing here guesses where the face was lost for long: such a clip is refused. What is taken out is returned, so that it
can be put back. Source: order of steps and limits of the study on learning from video (drop, fill, resample, smooth,
neutral); least-squares smoothing of Savitzky and Golay (1964) over five frames.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..values.errors import SettingError
from ..values.types import FloatArray, Motion
from .retime import rows_at
from .smooth import runs

MOST_LOST = 0.05            # share of frames without a face, beyond which a clip is refused
MOST_GAP_FRAMES = 5         # of one gap that is filled
SMOOTHING = np.array([-3, 12, 17, 12, -3]) / 35     # a parabola through five frames
NEUTRAL_PERCENTILE = 5.0
QUIETEST = 0.3              # share of the frames that count as silent: the quietest ones
LARGEST_NEUTRAL = 0.9       # of a channel: more is a face that never rests, and the rest of it is noise
SEARCH_S = 0.4              # by which sound and film may lie apart
LIKELY_S = 0.15             # standard deviation of how far they do
LOUD_DB = 30.0              # below the loudest frame: quieter ones count as this
LAG_FRAMES = 2              # beyond which the user is told
SCALES = (0.6, 1.8)         # lowest and highest factor of a channel
LARGE_PERCENTILE = 95.0
LEAST_USED = 0.05           # of a channel at LARGE_PERCENTILE: less says nothing of a person's scale


@dataclass(frozen=True)
class Cleaned:
    """A capture that was cleaned.

    Attributes:
        motion: (t, k) at the wanted rate, 0..1, before the resting face is taken out.
        lost_share: of the frames; longest_gap: frames.
    """

    motion: Motion
    lost_share: float
    longest_gap: int


def clean(
    seconds: NDArray[np.float64], values: FloatArray, names: tuple[str, ...], fps: float, smooth: bool = True,
) -> Cleaned:
    """Fill short gaps, resample to a frame rate by the frames' times, smooth, and keep to 0..1.

    Args:
        values: (t, k), NaN where the face was lost.
    Raises:
        SettingError: too much was lost.
    """
    lost = np.asarray(~np.isfinite(values).all(axis=1), np.bool_)
    share, gaps = float(lost.mean()), [last - first for first, last in runs(lost)]
    longest = max(gaps, default=0)
    if share > MOST_LOST or longest > MOST_GAP_FRAMES:
        raise SettingError(
            f"The face was lost on {share:.0%} of the frames, longest for {longest} in a row; at most {MOST_LOST:.0%} "
            f"and {MOST_GAP_FRAMES} can be filled. Film the whole face in even light, or cut the clip there."
        )
    frames = np.arange(len(seconds), dtype=np.float64)
    kept = np.flatnonzero(~lost)
    times = np.arange(round((seconds[-1] - seconds[0]) * fps) + 1) / fps
    where = np.interp(np.interp(times, seconds - seconds[0], frames), frames[kept], np.arange(len(kept)))
    rows = rows_at(np.asarray(values[kept], np.float32), where.astype(np.float32))
    if smooth and len(rows) >= len(SMOOTHING):
        padded = np.pad(rows, ((2, 2), (0, 0)), mode="edge")
        rows = np.stack([np.convolve(column, SMOOTHING, "valid") for column in padded.T], axis=1)
    return Cleaned(Motion(np.clip(rows, 0, 1).astype(np.float32), names, fps), share, longest)


def resting_face(motions: list[Motion], levels: list[FloatArray]) -> FloatArray:
    """The resting face (k,) of one person: what each channel has at least while nobody speaks.

    Args:
        motions: all clips of the person, cleaned. levels: for each, the loudness (t,) at its frames.
    """
    pairs = zip(motions, levels, strict=True)
    silent = [motion.weights[level <= np.quantile(level, QUIETEST)] for motion, level in pairs]
    rest = np.percentile(np.concatenate(silent), NEUTRAL_PERCENTILE, axis=0)
    return np.asarray(np.minimum(rest, LARGEST_NEUTRAL), np.float32)


def without_rest(motion: Motion, rest: FloatArray) -> Motion:
    """Motion counted from the resting face (k,), stretched so that 1 stays 1; with_rest undoes it."""
    return replace(motion, weights=np.clip((motion.weights - rest) / (1 - rest), 0, 1).astype(np.float32))


def with_rest(motion: Motion, rest: FloatArray) -> Motion:
    """Motion with the resting face (k,) put back."""
    return replace(motion, weights=np.asarray(motion.weights * (1 - rest) + rest, np.float32))


def personal_scale(motions: list[Motion], usual: list[Motion]) -> FloatArray:
    """Factor of each channel (k,) that brings a person's large movements to the usual size of the same sounds.

    Args:
        motions: of the person, without rest. usual: of the same clips, by a model; channels of the same names.
    """
    ours, theirs = (np.percentile(np.concatenate([m.weights for m in given]), LARGE_PERCENTILE, axis=0) for given in (
        motions, usual
    ))
    is_used = (ours > LEAST_USED) & (theirs > LEAST_USED)
    return np.asarray(np.where(is_used, np.clip(theirs / np.maximum(ours, 1e-6), *SCALES), 1.0), np.float32)


def lag_s(motion: Motion, level: FloatArray) -> float:
    """By how many seconds the mouth comes after the sound; negative where it comes before.

    Args:
        level: loudness (t,) at the motion's frames.
    """
    heard = np.maximum(level.astype(np.float64), level.max() - LOUD_DB)
    jaw, sound = _standard(motion["jawOpen"].astype(np.float64)), _standard(heard)
    reach = min(round(SEARCH_S * motion.fps), len(jaw) // 3)
    if reach < 1 or not jaw.any() or not sound.any():
        return 0.0
    shifts = np.arange(-reach, reach + 1)
    fits = np.array([_fit(jaw, sound, shift) for shift in shifts.tolist()])
    fits *= np.exp(-0.5 * (shifts / motion.fps / LIKELY_S) ** 2)    # syllables repeat: far fits are mostly other ones
    best = int(fits.argmax())
    return (best - reach + _peak_offset(fits, best)) / motion.fps


def _fit(jaw: FloatArray, sound: FloatArray, shift: int) -> float:
    """Mean product of the jaw with the sound `shift` frames before it."""
    if shift >= 0:
        return float((jaw[shift:] * sound[:len(sound) - shift]).mean())
    return float((jaw[:shift] * sound[-shift:]).mean())


def _peak_offset(fits: FloatArray, best: int) -> float:
    """Where a parabola through the best fit and its neighbours has its top, -0.5..0.5 of a frame."""
    if not 0 < best < len(fits) - 1:
        return 0.0
    before, at, after = fits[best - 1:best + 2]
    bend = before - 2 * at + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < 0 else 0.0


def _standard(track: FloatArray) -> FloatArray:
    spread = float(track.std())
    return np.asarray((track - track.mean()) / spread if spread > 0 else np.zeros_like(track))


