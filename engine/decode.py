"""Turn feature windows and a style into face motion.

Knows the decoder, one head and how windows are joined; knows nothing of sound or of scene time. Each window goes through decoder and head
by itself; purely convolutional models are trimmed to what does not see the window's edge, so the joined result equals the whole; others
are cross-faded over the shared stretch, as the reference does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from . import lips, runtime
from .encode import FeatureWindow, windows
from .errors import ModelError
from .models import Head, Model
from .style import Style
from .types import SAMPLE_RATE_HZ, FloatArray, Motion


@dataclass(frozen=True)
class Decoder:
    """The opened graphs that follow the encoder; phones is None for a model that names no phones."""

    model: Model
    head: Head
    graph: runtime.Graph
    phones: runtime.Graph | None


@dataclass(frozen=True)
class Decoded:
    """Head output, and how sure the phone graph is that the lips touch.

    Attributes:
        motion: as the head gives it, not clamped, at the head's frame rate.
        contact: (n_frames, 2) scores 0..1 of lip closure (p b m) and lip-teeth contact (f v); None without phones.
    """

    motion: Motion
    contact: FloatArray | None


def decode(feature_windows: Iterable[FeatureWindow], decoder: Decoder, style: Style, n_samples: int) -> Decoded:
    """Decode the windows of one clip and join them.

    Args:
        feature_windows: windows of the clip, in order.
        decoder: opened decoder, head and phone graph.
        style: wanted style, pivot and strength.
        n_samples: length of the clip.
    Returns:
        Motion of frame_count(n_samples) frames, at the head's frame rate.
    """
    head, encoder = decoder.head, decoder.model.encoder
    spans = windows(n_samples, encoder)
    joined = np.zeros((frame_count(n_samples, head, encoder.rate_hz), len(head.channels) + len(lips.CONTACT_CLASSES)), np.float32)
    overlap = round(encoder.overlap_s * head.fps)
    for index, window in enumerate(feature_windows):
        values = _decode_window(window, decoder, style)
        first = round(spans[index][0] / SAMPLE_RATE_HZ * head.fps)
        if index:
            shared = min(overlap, len(values))
            fade = _trim(shared) if encoder.context_s is not None else np.linspace(0, 1, shared, dtype=np.float32)
            values[:shared] = fade[:, None] * values[:shared] + (1 - fade[:, None]) * joined[first:first + shared]
        joined[first:first + len(values)] = values[:len(joined) - first]
    motion = Motion(joined[:, :len(head.channels)], head.channels, float(head.fps))
    return Decoded(motion, joined[:, len(head.channels):] if decoder.phones else None)


def frame_count(n_samples: int, head: Head, rate_hz: int) -> int:
    """Frames of a head for a clip: every started frame without resampling, else the reference's round(seconds * fps)."""
    if head.resample == "none":
        return -(-n_samples * rate_hz // SAMPLE_RATE_HZ)
    return round(n_samples / SAMPLE_RATE_HZ * head.fps)


def _trim(shared: int) -> FloatArray:
    """Weights that switch from one window to the next in the middle of what they share."""
    return (np.arange(shared) >= shared // 2).astype(np.float32)


def _decode_window(window: FeatureWindow, decoder: Decoder, style: Style) -> FloatArray:
    """(frames, channels + contact classes) of one window."""
    head = decoder.head
    n_frames = frame_count(window.stop - window.start, head, decoder.model.encoder.rate_hz)
    features = resample(window.features, n_frames, head.align_corners) if head.resample == "features" else window.features
    hidden = _hidden(features, style, decoder)
    weights = hidden @ head.weight + head.bias
    if head.resample == "output":
        weights = resample(weights, n_frames, head.align_corners)
    contact = np.zeros((len(weights), len(lips.CONTACT_CLASSES)), np.float32)
    if decoder.phones:
        scores = lips.contact_scores(decoder.phones.run({"features": window.features[None]})[0], decoder.model.phones)
        contact = scores if len(scores) == len(weights) else resample(scores, len(weights), head.align_corners)
    return np.concatenate([weights, contact], axis=1)


def _hidden(features: FloatArray, style: Style, decoder: Decoder) -> FloatArray:
    """Decoder output (t, d); strength moves it along the line from the pivot's to the style's."""
    if style.strength == 1 or np.array_equal(style.vector, style.pivot):
        return _run(features, style.vector, decoder)
    pivot = _run(features, style.pivot, decoder)
    if style.strength == 0:
        return pivot
    return pivot + np.float32(style.strength) * (_run(features, style.vector, decoder) - pivot)


def _run(features: FloatArray, style: FloatArray, decoder: Decoder) -> FloatArray:
    hidden = decoder.graph.run({"features": features[None], "style": style[None]})
    if hidden.ndim != 3 or hidden.shape[1:] != (len(features), len(decoder.head.weight)):
        raise ModelError(
            f"decoder.onnx of model {decoder.model.folder} gives shape {hidden.shape} for {len(features)} frames, "
            f"head {decoder.head.id} needs (1, {len(features)}, {len(decoder.head.weight)}). Export the model again."
        )
    return np.asarray(hidden[0])


def resample(rows: FloatArray, n_rows: int, align_corners: bool) -> FloatArray:
    """Linear interpolation of (n, c) to (n_rows, c), as torch's interpolate does with and without align_corners."""
    n = len(rows)
    if align_corners:
        position = np.linspace(0, n - 1, n_rows) if n_rows > 1 else np.zeros(1)
    else:
        position = np.clip((np.arange(n_rows) + 0.5) * n / n_rows - 0.5, 0, n - 1)
    low = np.minimum(position.astype(np.int64), max(n - 2, 0))
    part = (position - low).astype(np.float32)[:, None]
    return np.asarray(rows[low] * (1 - part) + rows[np.minimum(low + 1, n - 1)] * part, np.float32)
