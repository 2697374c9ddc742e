"""When a strip with speed changes plays which second of its sound: constant speeds, freezes and gradual changes.

Read from the retiming keys and never played: `sound.mixdown` of such a strip reads memory that was never written
in every Blender before 2026-05, which now and then gives sound at the wrong time or ends Blender. The voice itself is
stretched to this clock at its own pitch, whatever the strip's Pitch Correction says: too low or too high it is none
that a model knows. Measured on speech at half the pace: the lips' motion agrees with that of the natural pace to 0.90
(correlation) instead of 0.79, at 1.4 times to 0.96 instead of 0.92, at twice to 0.81 instead of 0.60.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import bpy
import numpy as np
from numpy.typing import NDArray

from ...engine import AudioError
from .retiming_keys import RetimingKey, keys_of, n_content_frames
from .strips import content_start, zero_frame

STANDS = 1e-3           # frames of content in a frame: keys are single precision, so a freeze is not quite 0
SAME_SPEED = 0.01       # Blender draws a gradual change between speeds as near as that as a straight line


def clock_s(strip: bpy.types.Strip, first: int, right: int, fps: float) -> tuple[float, ...]:
    """Which second of its sound file a strip with speed changes plays on each frame from first to right.

    Raises:
        AudioError: this Blender keeps retiming keys in a way that is not known.
    """
    (start, trim), zero = content_start(strip), zero_frame(strip, fps)
    try:
        frames = np.arange(start, max(right, start + 1) + trim)
        speeds = _speeds(strip, frames - start)
        meta = strip.parent_meta()
        if meta is not None:        # of the meta strips around it Blender counts the innermost one
            speeds = speeds * _speeds(meta, frames - content_start(meta)[0])
    except LookupError as error:
        raise AudioError(
            f"Strip {strip.name!r} has speed changes, which cannot be read in Blender {bpy.app.version_string} "
            f"({error}). Remove them (Strip > Retiming > Reset), or render the sound to a file and pick that."
        ) from error
    origin = zero + trim
    if getattr(strip, "pitch_correction", False) and (speeds != 1).any():
        # What Blender plays then: a freeze does not stop the sound, and the speeds count from the start of the file.
        speeds = np.where(speeds == 0, 1.0, speeds)
        origin, trim = zero, 0
    played = np.concatenate([[0.0], np.cumsum(speeds)])
    of_content = np.interp(np.arange(first, right + 1) - origin, np.arange(len(played)), played)
    return tuple(((trim + of_content) / fps).tolist())


def _speeds(strip: bpy.types.Strip, frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """Frames of content that a strip plays in each of some frames, counted from its first key; 1 is its own speed.

    Before its first key a strip plays at its own speed, after the last one as it did before that.
    """
    keys = keys_of(strip)
    if not keys:
        return np.ones(len(frames))
    length = math.ceil(keys[-1].frame)
    content = n_content_frames(strip)
    speeds = np.diff(_shares(keys, np.arange(length + 1.0), content)) * content
    speeds[np.abs(speeds) < STANDS] = 0.0
    return np.where(frames < 0, 1.0, speeds[np.clip(frames, 0, length - 1)])


def _shares(keys: Sequence[RetimingKey], frames: NDArray[np.float64], content: int) -> NDArray[np.float64]:
    """The share of the content, so many frames long, that has been played on each frame from the first key on."""
    shares = np.interp(frames, [key.frame for key in keys], [key.share for key in keys])
    for number in range(1, len(keys) - 2):
        start, end = keys[number:number + 2]
        if start.starts_transition:
            within = (frames >= start.frame) & (frames <= end.frame)
            shares[within] = _arc(keys[number - 1:number + 3], frames[within], content)
    return shares


def _arc(around: Sequence[RetimingKey], frames: NDArray[np.float64], content: int) -> NDArray[np.float64]:
    """The share of the content during a gradual change: the circle that touches the straight lines beside it.

    Args:
        around: the key before the change, those at which it starts and ends, and the one after.
    """
    before, start, end, after = around
    step_in = (start.share - before.share) / (start.frame - before.frame)
    step_out = (after.share - end.share) / (after.frame - end.frame)
    if abs(step_in - step_out) * content < SAME_SPEED:
        return start.share + step_in * (frames - start.frame)
    # Its centre lies on both normals: frame + step * share is there what it is at the ends of the change.
    at_ends = start.frame + step_in * start.share, end.frame + step_out * end.share
    share = (at_ends[0] - at_ends[1]) / (step_in - step_out)
    frame = at_ends[0] - step_in * share
    radius = math.hypot(start.frame - frame, start.share - share)
    height = np.sqrt(np.maximum(radius**2 - (frames - frame)**2, 0))
    return share - height if share > start.share else share + height
