"""Where the overlay's waveform, phones and curves lie in pixels. Plain values: no Blender, no graphics card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...engine.values.phones import PHONES, Phone, mouth_kind
from .peaks import Peaks

Array = NDArray[np.float32]

PHONES_SHARE, PHONES_MOST_PX = 0.34, 18.0       # of a band's height, for the boxes of the phones
LEAST_SPLIT_PX = 30.0           # a lower band is not divided
LEAST_BOX_PX = 1.0              # narrower boxes are drawn so wide
CURVE_MARGIN_PX = 2.0
POINTS_PER_PX = 1.0             # more points of a curve than this are thinned out


@dataclass(frozen=True)
class DrawnCurve:
    """Values (n,) on whole frames from first_frame on; low and high are drawn at the band's bottom and top."""

    name: str
    first_frame: float
    values: Array
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class DrawnTake:
    """What is drawn of one take.

    Attributes:
        sound_frame: frame on which second 0 of the sound falls. fps: frames per second.
        first_frame, last_frame: of the keys; second 0 of the phones falls on the first one.
    """

    name: str
    sound_frame: float
    fps: float
    first_frame: float
    last_frame: float
    peaks: Peaks | None
    phones: tuple[Phone, ...]
    curves: tuple[DrawnCurve, ...]


@dataclass(frozen=True)
class View:
    """A region's time axis: frame at its left edge, frames per pixel, width in pixels."""

    left_frame: float
    frames_per_px: float
    width_px: int

    def x(self, frame: float | Array) -> float | Array:
        """Pixels from the left edge."""
        return (frame - self.left_frame) / self.frames_per_px


@dataclass(frozen=True)
class Band:
    """A horizontal strip of a region, in pixels."""

    bottom: float
    top: float


@dataclass(frozen=True)
class Box:
    """One phone in pixels, and its kind of mouth."""

    left: float
    right: float
    label: str
    kind: str


def span(track: DrawnTake, view: View) -> tuple[float, float]:
    """The visible part of a take, left and right in pixels; right is not after left when nothing of it is visible."""
    return max(0.0, view.x(track.first_frame)), min(float(view.width_px), view.x(track.last_frame + 1))


def split(band: Band, has_phones: bool) -> tuple[Band, Band]:
    """A band's parts for the phones, at the bottom, and for waveform and curves; a low band holds the phones alone."""
    if has_phones and band.top - band.bottom < LEAST_SPLIT_PX:
        return band, Band(band.top, band.top)
    height = min(PHONES_MOST_PX, (band.top - band.bottom) * PHONES_SHARE) if has_phones else 0.0
    return Band(band.bottom, band.bottom + height), Band(band.bottom + height, band.top)


def boxes(track: DrawnTake, view: View) -> list[Box]:
    """The phones that are visible, silence left out; of those that share a pixel the first one counts."""
    found: list[Box] = []
    for phone in track.phones:
        left, right = (view.x(track.first_frame + second * track.fps) for second in (phone.start_s, phone.end_s))
        if phone.label == PHONES[0] or right <= 0 or left >= view.width_px:
            continue
        if right - left < LEAST_BOX_PX and found and left < found[-1].right:
            continue
        found.append(Box(left, max(right, left + LEAST_BOX_PX), phone.label.lower(), mouth_kind(phone.label)))
    return found


def wave_outline(track: DrawnTake, view: View, band: Band) -> Array:
    """The waveform as a strip of triangles: corners (2 n, 2), below and above in turn, a pair per pixel.

    (0, 2) without sound.
    """
    left, right = span(track, view)
    first, count = int(np.ceil(left)), int(right) - int(np.ceil(left))
    if track.peaks is None or count < 2 or band.top <= band.bottom:
        return np.zeros((0, 2), np.float32)
    from_s = (view.left_frame + first * view.frames_per_px - track.sound_frame) / track.fps
    columns = track.peaks.columns(from_s, view.frames_per_px / track.fps, count)
    middle, half = (band.bottom + band.top) / 2, (band.top - band.bottom) / 2
    corners = np.empty((count, 2, 2), np.float32)
    corners[..., 0] = (first + np.arange(count))[:, None]
    corners[:, 0, 1] = middle + half * np.minimum(columns[:, 0], -0.5 / max(half, 1.0))        # silence is a thin line
    corners[:, 1, 1] = middle + half * np.maximum(columns[:, 1], 0.5 / max(half, 1.0))
    return corners.reshape(-1, 2)


def curve_line(curve: DrawnCurve, view: View, band: Band) -> Array:
    """The visible part of a curve as points (n, 2)."""
    last = len(curve.values) - 1
    low = max(0, int(np.floor(view.left_frame - curve.first_frame)) - 1)
    high = min(last, int(np.ceil(view.left_frame + view.width_px * view.frames_per_px - curve.first_frame)) + 1)
    if high <= low or band.top - band.bottom < 3 * CURVE_MARGIN_PX:
        return np.zeros((0, 2), np.float32)
    rows = _telling(curve.values[low:high + 1], max(1, int(view.frames_per_px / POINTS_PER_PX))) + low
    share = ((curve.values[rows] - curve.low) / max(curve.high - curve.low, 1e-6)).clip(0, 1)
    bottom, top = band.bottom + CURVE_MARGIN_PX, band.top - CURVE_MARGIN_PX
    return np.column_stack([view.x(curve.first_frame + rows), bottom + share * (top - bottom)]).astype(np.float32)


def _telling(values: Array, stride: int) -> NDArray[np.intp]:
    """Rows to draw: all, or of each stride rows the lowest and the highest, so that no peak is lost."""
    if stride < 2 or len(values) < 4 * stride:
        return np.arange(len(values))
    whole = len(values) // stride * stride
    parts = values[:whole].reshape(-1, stride)
    starts = np.arange(len(parts)) * stride
    rows = np.stack([starts + parts.argmin(1), starts + parts.argmax(1)], 1)
    return np.unique(np.append(rows.ravel(), [0, len(values) - 1]))


def readable(found: Sequence[Box], widths: Sequence[float], margin_px: float) -> list[Box]:
    """The boxes that have room for their label; widths: of the labels, in pixels."""
    return [box for box, width in zip(found, widths, strict=True) if box.right - box.left >= width + margin_px]
