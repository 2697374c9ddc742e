"""`import`: a capture of another program becomes motion: cleaned, on a clock, without the resting face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..audio.level import level_of
from ..motion.capture import LAG_FRAMES, clean, lag_s, resting_face, without_rest
from ..values.errors import SettingError
from ..values.types import FloatArray, Motion, Waveform
from .face_track import FaceTrack, read_face_track

SHOWN = 6       # names in a sentence


@dataclass(frozen=True)
class Capture:
    """Motion of a capture; rest: the resting face (k,) that was taken out; notes: sentences for the user."""

    motion: Motion
    rest: FloatArray
    source: str
    notes: tuple[str, ...]


def read_capture(path: str | Path, fps: float = 0.0, wave: Waveform | None = None, keep_rest: bool = False) -> Capture:
    """Read, clean and resample a capture of curves.

    Args:
        fps: of the result; 0 takes the capture's own. wave: its sound, from the same moment on, for the check of the
            offset and for the resting face. keep_rest: leave the resting face in.
    Raises:
        OutputError: as read_face_track. SettingError: too much is lost, or it holds points without curves.
    """
    track = read_face_track(path)
    if not track.names:
        raise SettingError(
            f"Capture {path} holds {track.source} without curves. Give the head's keys for them (import --keys), or a "
            "capture of curves."
        )
    return of_track(track, fps or round(track.fps, 3), wave, keep_rest)


def of_track(track: FaceTrack, fps: float, wave: Waveform | None, keep_rest: bool = False) -> Capture:
    """As read_capture, of a track that is read already."""
    cleaned = clean(track.seconds, track.values, track.names, fps)
    motion = cleaned.motion
    level = level_at(wave, motion) if wave else motion.weights.sum(axis=1)        # a face at rest moves least
    rest = np.zeros(len(motion.channels), np.float32) if keep_rest else resting_face([motion], [level])
    notes = []
    if track.unknown:
        shown = ", ".join(track.unknown[:SHOWN])
        notes.append(f"{len(track.unknown)} columns are no ARKit channels and are left out: {shown}.")
    if cleaned.longest_gap:
        filled = f"{cleaned.lost_share:.1%} of the frames were lost and filled"
        notes.append(f"{filled}, at most {cleaned.longest_gap} in a row.")
    late_s = lag_s(motion, level) if wave and "jawOpen" in motion.channels else 0.0
    if abs(late_s) * motion.fps > LAG_FRAMES:
        off = f"The mouth comes {late_s * 1000:+.0f} ms after the sound"
        notes.append(f"{off}. Move the sound, or check that it is its own.")
    return Capture(without_rest(motion, rest), rest, track.source, tuple(notes))


def level_at(wave: Waveform, motion: Motion) -> FloatArray:
    """Loudness (t,) in dB at the frames."""
    level = level_of(wave)
    positions = np.arange(len(motion.weights)) / motion.fps / level.step_s
    return np.asarray(np.interp(positions, np.arange(len(level.loudest_db)), level.loudest_db), np.float32)
