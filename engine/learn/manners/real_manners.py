"""Takes of people as manners: a talker whose lips were filmed, and animators who keyed Mandarin speech from video.

Both carry what was seen of a mouth, and less than 52 channels. What they lack is taken from the bundled model's motion
for the same sound, and so are the lips' contacts: a landmark a millimetre off opens lips that were shut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...audio.read import from_array, read_audio
from ...motion import lip_contact
from ...pipeline import animate
from ...values.channels import ARKIT_52
from ...values.types import SAMPLE_RATE_HZ, BoolArray, FloatArray, Life, Motion, Settings
from ..data.filmed_lips import MOTION, FilmedClip, filmed_clips

FPS = 50.0
ANIMATED, FILMED = "paired/facegood_zh", "paired/grid_s1"
ARRAYS, ANIMATED_FPS = "facegood_bs.npz", 30.0
REPORTED = ("1114_3_16",)       # of the animated clips: reports, teaches nothing
FILMED_EVERY = 5                # of the clips that may teach: 160 of 3 s hold all that is to be learned of one talker
LARGEST = 3.0                   # deviations from the talker's mean that a film is trusted to
QUIET_S = 0.1                   # from speech: the face rests

# Animated control -> channel, and its factor; controls of both sides end in l and r.
_ANIMATED: Mapping[str, tuple[tuple[str, float], ...]] = {
    "jawOpen": (("mouth_stretch_c", 0.85),),
    "mouthFunnel": (("mouth_oh_c", 0.7), *((f"mouth_funnel_{part}", 0.2) for part in ("dl", "dr", "ul", "ur"))),
    "mouthPucker": (("mouth_oo_c", 0.7), ("mouth_pucker_l", 0.45), ("mouth_pucker_r", 0.45)),
    "mouthRollLower": (("mouth_suck_dl", 0.5), ("mouth_suck_dr", 0.5)),
    "mouthRollUpper": (("mouth_suck_ul", 0.5), ("mouth_suck_ur", 0.5)),
    "mouthShrugLower": (("mouth_chinRaise_d", 1.0),), "mouthShrugUpper": (("mouth_chinRaise_u", 1.0),),
    "jawForward": (("jaw_thrust_c", 1.0),), "mouthLeft": (("mouth_sideways_l", 1.0),),
    "mouthRight": (("mouth_sideways_r", 1.0),),
}
_ANIMATED_SIDES = {
    "mouthLowerDown": ("mouth_lowerLipDepress",), "mouthUpperUp": ("mouth_upperLipRaise",),
    "mouthSmile": ("mouth_lipCornerPull", "mouth_lipCornerPullOpen"),
    "mouthStretch": ("mouth_lipStretch", "mouth_lipStretchOpen"), "mouthFrown": ("mouth_lipCornerDepress",),
    "mouthDimple": ("mouth_dimple",), "mouthPress": ("mouth_press",), "noseSneer": ("nose_wrinkle",),
    "cheekSquint": ("cheek_raise",),
}


@dataclass(frozen=True)
class RealTake:
    """Sound (n,) at 16 kHz, and at FPS motion (t, 52), what was filmed or keyed of it (t, 52), where it rests (t,)."""

    samples: FloatArray
    motion: FloatArray
    seen: FloatArray
    resting: BoolArray


def animated_takes(recordings: Path, model: str) -> list[RealTake]:
    """The clips of the animators that may teach; none where the recordings lack them."""
    source = recordings / ANIMATED
    if not (source / ARRAYS).exists():
        return []
    return [
        animated_take(read_audio(source / f"{clip}.flac").samples, motion, model)
        for clip, motion in sorted(animated_clips(source).items()) if clip not in REPORTED
    ]


def animated_clips(source: Path) -> dict[str, Motion]:
    """What the animators keyed of each clip of a folder."""
    with np.load(source / ARRAYS, allow_pickle=False) as arrays:
        names = [str(name) for name in arrays["names"]]
        return {
            key.removeprefix("bs_"): animated_motion(arrays[key], names)
            for key in arrays.files if key.startswith("bs_")
        }


def animated_motion(curves: FloatArray, names: Sequence[str]) -> Motion:
    """The animators' controls (t, k) as ARKit channels at their rate; channels that they lack are left out."""
    def total(controls: Sequence[tuple[str, float]]) -> FloatArray:
        return np.asarray(sum(factor * curves[:, names.index(name)] for name, factor in controls), np.float32)

    columns = {channel: total(controls) for channel, controls in _ANIMATED.items()}
    for channel, stems in _ANIMATED_SIDES.items():
        for side, letter in (("Left", "l"), ("Right", "r")):
            columns[channel + side] = total([(f"{stem}_{letter}", 1.0) for stem in stems])
    weights = np.clip(np.stack(list(columns.values()), axis=1), 0, 1)
    return Motion(weights, tuple(columns), ANIMATED_FPS)


def animated_take(samples: FloatArray, motion: Motion, model: str) -> RealTake:
    """A clip of the animators at FPS, on what the model gives for its sound."""
    base = spoken(samples, model)
    seen = _on_clock(motion, len(base.weights))
    rows = _rows(base)
    for channel in motion.channels:
        rows[channel][:] = seen[:, ARKIT_52.index(channel)]
    rows["mouthClose"][:] = np.minimum(rows["mouthClose"], rows["jawOpen"])
    return _take(samples, base, seen)


def filmed_takes(recordings: Path, model: str) -> list[RealTake]:
    """The filmed talker's clips that may teach; none where the recordings lack them."""
    source = recordings / FILMED
    if not (source / MOTION).exists():
        return []
    clips = list(filmed_clips(source, reported=False))[::FILMED_EVERY]
    with np.load(source / MOTION, allow_pickle=False) as film:
        tracked = {name: film[name] for name in ("clips", "start", "frames", "curves", "names", "fps")}
    seen = [tracked_motion(tracked, [clip.name]) for clip in clips]
    return filmed_motions(clips, [spoken(clip.samples, model) for clip in clips], seen)


def tracked_motion(film: Mapping[str, NDArray[Any]], names: Sequence[str]) -> Motion:
    """A tracker's own curves of some filmed clips, one after the other."""
    order = {str(name): number for number, name in enumerate(film["clips"])}
    parts = []
    for name in names:
        start = int(film["start"][order[name]])
        parts.append(film["curves"][start:start + int(film["frames"][order[name]])])
    channels = tuple(str(name) for name in film["names"])
    return Motion(np.concatenate(parts).astype(np.float32), channels, float(film["fps"]))


def filmed_motions(
    clips: Sequence[FilmedClip], given: Sequence[Motion], tracked: Sequence[Motion],
) -> list[RealTake]:
    """Filmed clips on a model's motion for their sounds: jaw, gap and width move as the film does.

    Films count in distances between the eyes, rigs in weights, so the films' mean and deviation become the model's.

    Args:
        given: what the model gives for each clip. tracked: what a tracker gave.
    """
    lips = [_lips(motion) for motion in given]
    films = [
        np.stack([_at(curve[:, None], _frames(clip, motion))[:, 0] for curve in (clip.chin, clip.gap, -clip.width)], 1)
        for clip, motion in zip(clips, given, strict=True)
    ]
    ours, theirs = np.concatenate(lips), np.concatenate(films)
    scale = ours.std(axis=0) / theirs.std(axis=0)
    far = LARGEST * theirs.std(axis=0)
    takes = []
    for clip, motion, film, curves in zip(clips, given, films, tracked, strict=True):
        wanted = ours.mean(axis=0) + scale * np.clip(film - theirs.mean(axis=0), -far, far)
        _move(motion, np.asarray(wanted, np.float32))
        takes.append(_take(clip.samples, motion, _on_clock(curves, len(motion.weights))))
    return takes


def _lips(motion: Motion) -> FloatArray:
    """Jaw, opening and narrowness (t, 3)."""
    narrow = motion["mouthPucker"] + motion["mouthFunnel"]
    return np.stack([motion["jawOpen"] - motion["mouthClose"], lip_contact.opening(motion), narrow], axis=1)


def _move(motion: Motion, wanted: FloatArray) -> None:
    """Give a motion the wanted jaw, opening and narrowness, in place; contacts stay."""
    rows, closed = _rows(motion), lip_contact.closed_frames(motion)
    free = ~closed
    jaw, gap, narrow = wanted.T
    rows["jawOpen"][free] = np.maximum(jaw + rows["mouthClose"], 0)[free]
    round_now = np.maximum(rows["mouthPucker"] + rows["mouthFunnel"], 1e-3)
    for name in ("mouthPucker", "mouthFunnel"):
        rows[name][free] *= (np.clip(narrow, 0, 1) / round_now)[free].clip(0, 3)
    lacking = np.where(free, gap - lip_contact.opening(motion), 0)
    for name in ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight"):
        rows[name][:] = np.maximum(rows[name] + lacking / 0.7, 0)
    rows["mouthClose"][:] = np.minimum(rows["mouthClose"], rows["jawOpen"] + 0.3 * rows["mouthFunnel"])


def spoken(samples: FloatArray, model: str) -> Motion:
    """What a model gives for a sound (n,): ARKIT_52 at FPS, without blinks."""
    settings = Settings(model=model, fps=FPS, device="cpu", threads=1, life=Life(blinks=0))
    motion = animate(from_array(samples, SAMPLE_RATE_HZ), settings).motion
    columns = [motion.channels.index(name) for name in ARKIT_52]
    return replace(motion, weights=motion.weights[:, columns].copy(), channels=ARKIT_52)


def _on_clock(motion: Motion, n_frames: int) -> FloatArray:
    """All of ARKIT_52 at FPS (n_frames, 52), 0 to 1; a channel that the motion lacks is 0."""
    rows = _at(motion.weights, np.arange(n_frames) / FPS * motion.fps)
    known = [channel for channel in ARKIT_52 if channel in motion.channels]
    whole = np.zeros((n_frames, len(ARKIT_52)), np.float32)
    whole[:, [ARKIT_52.index(channel) for channel in known]] = rows[:, [motion.channels.index(c) for c in known]]
    return np.clip(whole, 0, 1)


def _take(samples: FloatArray, motion: Motion, seen: FloatArray) -> RealTake:
    closed = lip_contact.closed_frames(motion)
    sealed, _ = lip_contact.seal(replace(motion, weights=np.clip(motion.weights, 0, 1)), closed & _pressed(motion))
    return RealTake(samples, sealed.weights, seen, _quiet(samples, len(motion.weights)))


def _pressed(motion: Motion) -> BoolArray:
    return np.asarray(motion["mouthPressLeft"] > lip_contact.PRESS / 2)


def _quiet(samples: FloatArray, n_frames: int) -> BoolArray:
    """Frames (n_frames,) in pauses: 30 dB below the loud parts, and QUIET_S from all that is louder."""
    hop = SAMPLE_RATE_HZ // round(FPS)
    padded = np.pad(samples, (0, max(0, n_frames * hop - len(samples))))[:n_frames * hop]
    level = np.sqrt((padded.reshape(n_frames, hop) ** 2).mean(axis=1))
    loud = level > np.percentile(level, 95) * 10 ** (-30 / 20)
    reach = round(QUIET_S * FPS)
    return np.asarray(np.convolve(loud, np.ones(2 * reach + 1), mode="same") == 0)


def _frames(clip: FilmedClip, motion: Motion) -> FloatArray:
    return np.arange(len(motion.weights)) / motion.fps * clip.fps


def _at(rows: FloatArray, frames: FloatArray) -> FloatArray:
    last = len(rows) - 1
    low = np.clip(np.floor(frames), 0, last).astype(np.intp)
    share = np.clip(frames - low, 0, 1)[:, None]
    return np.asarray(rows[low] * (1 - share) + rows[np.minimum(low + 1, last)] * share, np.float32)


def _rows(motion: Motion) -> dict[str, FloatArray]:
    """Each channel's weights: views, so that writing them writes the motion."""
    return {name: motion.weights[:, column] for column, name in enumerate(motion.channels)}
