"""Turn sound into speech features, window by window: the expensive step, done once per clip.

Knows windows and the cache; knows nothing of styles or heads. Whatever the clip's length, one window is in work at a
time. Features of recent clips stay in memory, found again by the content of the sound, so that another style costs only
the decoder.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..values.cache import Cache
from ..values.errors import Cancelled, ModelError
from ..values.types import SAMPLE_RATE_HZ, Cancel, FloatArray, Progress, Waveform, never, no_progress
from . import runtime
from .folder import Encoder, Model

CACHE_BYTES = 256 * 2**20       # features of about 90 minutes of the bundled model; longer clips are not cached
RATE_TOLERANCE_FRAMES = 3       # an encoder without padding loses some at a window's ends
NORMALISE_EPSILON = 1e-7        # as in the reference's feature extractor


@dataclass(frozen=True)
class FeatureWindow:
    """Features of one stretch of sound.

    Attributes:
        start, stop: the stretch in samples.
        features: (t, c) float32 at the encoder's rate.
    """

    start: int
    stop: int
    features: FloatArray


def windows(n_samples: int, encoder: Encoder) -> list[tuple[int, int]]:
    """(start, stop) in samples of the windows that cover a clip; each shares encoder.overlap_s with the next one."""
    window = round(encoder.window_s * SAMPLE_RATE_HZ)
    hop = window - round(encoder.overlap_s * SAMPLE_RATE_HZ)
    count = max(0, math.ceil((n_samples - window) / hop)) + 1
    return [(index * hop, min(index * hop + window, n_samples)) for index in range(count)]


def encode(
    wave: Waveform, model: Model, graph: runtime.Graph, progress: Progress = no_progress, cancelled: Cancel = never,
) -> Iterator[FeatureWindow]:
    """Yield the feature windows of a clip in order, from the cache where it has them.

    Args:
        wave: mono 16 kHz sound.
        model: an opened model folder.
        graph: its encoder.onnx, opened.
        progress: gets the fraction of windows that are done, 0..1.
        cancelled: asked before each window.
    Raises:
        Cancelled: `cancelled` said so. ModelError: the graph does not fit model.json.
    """
    key = clip_key(wave, model)
    spans = windows(len(wave.samples), model.encoder)
    cached = cache.get(key)
    fresh: list[FeatureWindow] = []
    n_bytes = 0
    for index, span in enumerate(spans):
        if cancelled():
            raise Cancelled("Stopped; nothing was written.")
        window = cached[index] if cached else _encode_window(wave, span, model, graph)
        n_bytes += window.features.nbytes
        if cached is None and n_bytes <= cache.limit_bytes:
            fresh.append(window)
        yield window
        progress((index + 1) / len(spans))
    if cached is None and len(fresh) == len(spans):
        cache.put(key, tuple(fresh), n_bytes)


cache: Cache[tuple[FeatureWindow, ...]] = Cache(CACHE_BYTES)


def clip_key(wave: Waveform, model: Model) -> str:
    """Hash of a sound and of all that decides its features in this model."""
    digest = hashlib.blake2b(np.ascontiguousarray(wave.samples).data, digest_size=16)
    # large graphs have their weights in files beside them
    encoder_hashes = [entry for entry in model.hashes if entry[0].startswith("encoder.onnx")]
    digest.update(repr((encoder_hashes, model.encoder, model.normalise)).encode())
    return digest.hexdigest()


def _encode_window(wave: Waveform, span: tuple[int, int], model: Model, graph: runtime.Graph) -> FeatureWindow:
    start, stop = span
    samples = wave.samples[start:stop]
    if model.normalise == "clip":
        samples = _normalised(samples, *_mean_and_deviation(wave.samples))      # the reference normalises the file ...
        samples = _normalised(samples, *_mean_and_deviation(samples))           # ... and each of its windows again
    if model.encoder.context_s is not None:
        hop = SAMPLE_RATE_HZ // model.encoder.rate_hz
        samples = np.pad(samples, (0, -len(samples) % hop))     # a last, started feature frame is finished with silence
    features = graph.run({"wave": samples[None]})
    if features.ndim != 3 or features.shape[0] != 1:
        raise ModelError(
            f"encoder.onnx of model {model.folder} gives shape {features.shape}, (1, t, c) is needed. "
            "Export the model again."
        )
    wanted = len(samples) * model.encoder.rate_hz / SAMPLE_RATE_HZ
    if abs(features.shape[1] - wanted) > RATE_TOLERANCE_FRAMES:
        raise ModelError(
            f"encoder.onnx of model {model.folder} gives {features.shape[1]} features for "
            f"{len(samples) / SAMPLE_RATE_HZ:g} s, {model.encoder.rate_hz} Hz in model.json means {wanted:g}. "
            "Export the model again."
        )
    return FeatureWindow(start, stop, features[0])


def _mean_and_deviation(samples: FloatArray) -> tuple[float, float]:
    return float(samples.mean(dtype=np.float64)), math.sqrt(float(samples.var(dtype=np.float64)) + NORMALISE_EPSILON)


def _normalised(samples: FloatArray, mean: float, deviation: float) -> FloatArray:
    return ((samples - np.float32(mean)) / np.float32(deviation)).astype(np.float32)
