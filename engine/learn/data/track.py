"""`track`: films of faces become a data set of curves, landmarks and sound, with a file that says how good each is.

Written for each film: NAME.npz (motion as `animate` writes it, and `landmarks`) and NAME.wav, which the reader `takes`
of `finetune` knows; for all of them quality.json, and people.json with each person's resting face and scale, so that
both can be taken back. A film that cannot be used is named with the reason, and the others go on.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from ...files.capture_file import level_at
from ...files.face_track import FaceTrack
from ...motion.capture import LAG_FRAMES, Cleaned, clean, lag_s, personal_scale, resting_face, without_rest
from ...motion.retime import retime
from ...pipeline import animate
from ...values.errors import SettingError
from ...values.messages import number_of
from ...values.types import SAMPLE_RATE_HZ, FloatArray, Life, Motion, Settings, Waveform
from .video import TrackedFilm, read_film

QUALITY, PEOPLE = "quality.json", "people.json"
LEAST_WEIGHT = 0.1          # of a film in training; 1 is one without faults
USUAL = Settings(raw=True, device="cpu", life=Life(blinks=0))       # whose size a person's movements are brought to

Read = Callable[[Path], TrackedFilm]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Quality:
    """What is known of one film.

    Attributes:
        person: who speaks. frames, fps, lost_share, longest_gap: of its pictures.
        lag_s: by how much the mouth comes after the sound. jaw_range: of jawOpen, after cleaning.
        weight: how often training draws it, LEAST_WEIGHT to 1.
    """

    person: str
    frames: int
    fps: float
    lost_share: float
    longest_gap: int
    lag_s: float
    jaw_range: float
    weight: float


@dataclass(frozen=True)
class _Clip:
    """A film on the way: cleaned, cut to its sound."""

    name: str
    person: str
    cleaned: Cleaned
    landmarks: FloatArray
    wave: Waveform

    @property
    def level(self) -> FloatArray:
        """Loudness (t,) in dB at the frames."""
        return level_at(self.wave, self.cleaned.motion)


def command(options: argparse.Namespace) -> None:
    """`track VIDEO... --landmarker FILE [--person NAME] [--fps N] -o DATASET`."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    read = partial(read_film, landmarker=options.landmarker)
    made = track(options.videos, read, options.output, options.person, options.fps)
    log.info("%s: %s", options.output, number_of(len(made), "film"))


def track(
    videos: Sequence[Path], read: Read, output: Path, person: str = "", fps: float = 0.0,
) -> dict[str, Quality]:
    """Track films into a data set.

    Args:
        read: what tracks a film.
        person: who speaks in all of them; empty: the folder that each lies in.
        fps: of the curves; 0 takes each film's own.
    Returns:
        The quality of each film that could be used.
    Raises:
        SettingError: none could be used; its reason, or the first one's. InstallError: the extra is missing.
    """
    output.mkdir(parents=True, exist_ok=True)
    clips, reasons = [], []
    for path in videos:
        try:
            clips.append(_clip(read(path), path, person, fps))
            log.info("%s: %s", path, number_of(len(clips[-1].cleaned.motion.weights), "frame"))
        except SettingError as error:
            reasons.append(error)
            log.warning("%s", error)
    if not clips:
        raise reasons[0] if reasons else SettingError("No film is given. Name one or more.")
    return _write(clips, output)


def _clip(film: TrackedFilm, path: Path, person: str, fps: float) -> _Clip:
    """Cleaned curves that begin and end with the sound."""
    seconds = film.track.seconds - film.sound_s
    inside = (seconds >= -0.5 / film.track.fps) & (seconds <= film.wave.duration_s)
    if inside.sum() < 2:
        raise SettingError(f"Film {path}: sound and pictures do not overlap. Export it again.")
    assert film.track.points is not None
    track = replace(
        film.track, seconds=film.track.seconds[inside], values=film.track.values[inside],
        points=film.track.points[inside],
    )
    try:
        cleaned = clean(track.seconds, track.values, track.names, fps or round(track.fps, 3))
    except SettingError as error:
        raise SettingError(f"Film {path}: {error}") from error
    start = max(0, round(float(seconds[inside][0]) * SAMPLE_RATE_HZ))
    wave = Waveform(film.wave.samples[start:])
    return _Clip(path.stem, person or path.resolve().parent.name, cleaned, _landmarks(track, cleaned), wave)


def _landmarks(track: FaceTrack, cleaned: Cleaned) -> FloatArray:
    """Landmarks (t, 478, 3) at the frames of the cleaned curves; the nearest one that was seen."""
    assert track.points is not None
    seen = np.flatnonzero(~track.lost)
    times = np.arange(len(cleaned.motion.weights)) / cleaned.motion.fps
    nearest = np.abs((track.seconds[seen] - track.seconds[0])[None] - times[:, None]).argmin(axis=1)
    return np.asarray(track.points[seen[nearest]], np.float32)


def _write(clips: Sequence[_Clip], output: Path) -> dict[str, Quality]:
    qualities, people = {}, {}
    for person in dict.fromkeys(clip.person for clip in clips):
        own = [clip for clip in clips if clip.person == person]
        names = own[0].cleaned.motion.channels
        rest = resting_face([clip.cleaned.motion for clip in own], [clip.level for clip in own])
        motions = [without_rest(clip.cleaned.motion, rest) for clip in own]
        scale = personal_scale(motions, [_usual(clip, motion) for clip, motion in zip(own, motions, strict=True)])
        people[person] = {"names": names, "rest": rest.tolist(), "scale": scale.tolist()}
        for clip, motion in zip(own, motions, strict=True):
            scaled = replace(motion, weights=np.clip(motion.weights * scale, 0, 1).astype(np.float32))
            _save(clip, scaled, output)
            qualities[clip.name] = _quality(clip, scaled)
    for file, content in ((QUALITY, {name: asdict(value) for name, value in qualities.items()}), (PEOPLE, people)):
        partial = output / f"{file}.part"
        partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        partial.replace(output / file)
    return qualities


def _usual(clip: _Clip, motion: Motion) -> Motion:
    """What the bundled model does with the same sound, in the clip's channels and at its rate."""
    made = retime(animate(clip.wave, USUAL).motion, motion.fps)
    columns = [made[name] if name in made.channels else np.zeros(len(made.weights)) for name in motion.channels]
    return Motion(np.stack(columns, axis=1).astype(np.float32), motion.channels, motion.fps)


def _save(clip: _Clip, motion: Motion, output: Path) -> None:
    partial = output / f"{clip.name}.part.npz"
    np.savez_compressed(
        partial, frames=motion.weights, channels=np.array(motion.channels), fps=np.float64(motion.fps),
        meta=np.array(json.dumps({"person": clip.person})), landmarks=clip.landmarks.astype(np.float16),
    )
    partial.replace(output / f"{clip.name}.npz")
    soundfile.write(output / f"{clip.name}.wav", clip.wave.samples, SAMPLE_RATE_HZ)


def _quality(clip: _Clip, motion: Motion) -> Quality:
    lag = lag_s(motion, clip.level)
    jaw = motion["jawOpen"]
    reach = float(np.percentile(jaw, 95) - np.percentile(jaw, 5))
    frames_off = abs(lag) * motion.fps
    if frames_off > LAG_FRAMES:
        log.warning(
            "%s: the mouth comes %+.0f ms after the sound, more than %d frames. Is the sound its own?",
            clip.name, lag * 1000, LAG_FRAMES,
        )
    faults = clip.cleaned.lost_share * 10 + max(0.0, frames_off - LAG_FRAMES) / 4 + (reach < 0.05)
    return Quality(
        clip.person, len(motion.weights), motion.fps, clip.cleaned.lost_share, clip.cleaned.longest_gap,
        round(lag, 3), round(reach, 3), round(max(LEAST_WEIGHT, 1 - faults), 3),
    )
