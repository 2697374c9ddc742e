"""Join what a model gives window by window into the motion of a whole clip.

Knows heads and how windows are joined; knows nothing of sound, of scene time or of what runs in a window. Windows of
purely convolutional models are trimmed to what does not see the window's edge, so the joined result equals the whole;
others are cross-faded over the shared stretch: in a straight line as the reference does where the exact output is
wanted, else along a curve without corners that leaves out the stretch next to each window's edge, where the encoder
lacks context.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..motion.retime import rows_at
from ..speech.align import log_scores
from ..values.errors import ModelError
from ..values.types import SAMPLE_RATE_HZ, FloatArray, Motion
from . import runtime
from .encode import FeatureWindow, windows
from .folder import Encoder, Model
from .heads import Head
from .style import Style

WindowRun = Callable[[FeatureWindow], tuple[Sequence[FloatArray], FloatArray | None]]

FADE_MARGIN = 0.1           # share of the overlap at either end in which one window alone counts


@dataclass(frozen=True)
class Track:
    """One wanted result of a clip, and its conditions.

    Attributes:
        template: neutral face added to the head's channels; None adds nothing. A head with a basis gets it later, with
            its vertices.
        exact: join windows as the reference does.
        warnings: sentences for the user about the conditions. heard: the manner of a voice that gave the style.
        rest: (k,) the face's pose while nobody speaks; None: 0.
        conditions: hash of what else the system is conditioned on; empty for nothing.
    """

    head: Head
    style: Style
    template: FloatArray | None = None
    exact: bool = False
    warnings: tuple[str, ...] = ()
    rest: FloatArray | None = None
    heard: str = ""
    conditions: str = ""


@dataclass(frozen=True)
class Decoded:
    """Head output, and what the phone graph recognised.

    Attributes:
        motion: as the head gives it (coefficients where it has a basis), not clamped, at the head's frame rate.
        scores: (t, n_phones) logarithm of the probability of each of the model's phones; None without phones.
        rate_hz: of the scores: the encoder's.
    """

    motion: Motion
    scores: FloatArray | None
    rate_hz: int


def decode(
    feature_windows: Iterable[FeatureWindow], model: Model, tracks: Sequence[Track], n_samples: int, run: WindowRun,
) -> list[Decoded]:
    """Decode the windows of one clip for all tracks in one go, and join them.

    Args:
        feature_windows: windows of the clip, in order; each is asked for once.
        n_samples: length of the clip.
        run: gives head output (frames, channels) of one window for each track, and its phone scores of phone_scores;
            None for a model that names no phones.
    Returns:
        One result per track, of frame_count(n_samples) frames at its head's frame rate.
    """
    spans = windows(n_samples, model.encoder)
    joined = [_empty(track, model, spans) for track in tracks]
    n_rows = -(-n_samples * model.encoder.rate_hz // SAMPLE_RATE_HZ)
    scores = np.zeros((n_rows, len(model.phones)), np.float32) if model.phones else None
    for window in feature_windows:
        outputs, window_scores = run(window)
        if scores is not None and window_scores is not None:
            _join_scores(scores, window_scores, window, model)
        for rows, track, values in zip(joined, tracks, outputs, strict=True):
            _join(rows, values, track, window, model)
    return [decoded(rows, track, model, scores) for rows, track in zip(joined, tracks, strict=True)]


def decoded(rows: FloatArray, track: Track, model: Model, scores: FloatArray | None) -> Decoded:
    """The result of a track from the output of its head (frames, channels). Raises ModelError: not finite."""
    if not np.isfinite(rows).all():
        raise ModelError(
            f"Model {model.folder}, head {track.head.id}, gives values that are not finite. "
            "Choose another device, or export the model again."
        )
    weights = rows if track.template is None or track.head.basis is not None else rows + track.template
    return Decoded(Motion(weights, track.head.channels, float(track.head.fps)), scores, model.encoder.rate_hz)


def joined_features(
    feature_windows: Iterable[FeatureWindow], encoder: Encoder, n_samples: int,
) -> Iterator[FloatArray]:
    """Features of a clip without their windows: pieces (t, c) in order, together one row for each started frame.

    What two windows share is faded over, or where nothing sees a window's edge switched in its middle.
    """
    tail: FloatArray | None = None
    overlap = round(encoder.overlap_s * encoder.rate_hz)
    for window in feature_windows:
        wanted = -(-(window.stop - window.start) * encoder.rate_hz // SAMPLE_RATE_HZ)
        rows = window.features[np.minimum(np.arange(wanted), len(window.features) - 1)]
        if tail is not None:
            shared = min(len(tail), len(rows))
            fade = _trim(shared) if encoder.context_s is not None else _fade(shared, exact=False)
            rows[:shared] = fade[:, None] * rows[:shared] + (1 - fade[:, None]) * tail[:shared]
        settled = len(rows) if window.stop >= n_samples else len(rows) - overlap
        yield rows[:settled]
        tail = rows[settled:]


def track_key(track: Track, model: Model) -> str:
    """Hash of all that decides what decode() gives for a track, apart from the features."""
    style, head = track.style, track.head
    facts = (
        model.hashes, model.phones, head.id, head.channels, head.fps, head.resample, head.align_corners, style.strength,
        track.exact, track.conditions,
    )
    digest = hashlib.blake2b(repr(facts).encode(), digest_size=16)
    template = None if head.basis is not None else track.template       # with a basis it is added to the vertices
    for values in (style.vector, style.pivot, template):
        digest.update(b"-" if values is None else np.ascontiguousarray(values).data)
    return digest.hexdigest()


def frame_count(n_samples: int, head: Head, rate_hz: int) -> int:
    """Frames of a head for a clip: every started frame, or with resampling the reference's round(seconds * fps)."""
    if head.resample == "none":
        return -(-n_samples * rate_hz // SAMPLE_RATE_HZ)
    return round(n_samples / SAMPLE_RATE_HZ * head.fps)


def _empty(track: Track, model: Model, spans: list[tuple[int, int]]) -> FloatArray:
    start, stop = spans[-1]
    first = round(start / SAMPLE_RATE_HZ * track.head.fps)
    n_frames = first + frame_count(stop - start, track.head, model.encoder.rate_hz)
    return np.zeros((n_frames, len(track.head.channels)), np.float32)


def _join(joined: FloatArray, values: FloatArray, track: Track, window: FeatureWindow, model: Model) -> None:
    """Write one window's values (frames, columns) into the clip's, over what the last window left there."""
    first = round(window.start / SAMPLE_RATE_HZ * track.head.fps)
    if window.start:
        shared = min(round(model.encoder.overlap_s * track.head.fps), len(values))
        fade = _trim(shared) if model.encoder.context_s is not None else _fade(shared, track.exact)
        values[:shared] = fade[:, None] * values[:shared] + (1 - fade[:, None]) * joined[first:first + shared]
    joined[first:first + len(values)] = values[:len(joined) - first]


def _trim(shared: int) -> FloatArray:
    """Weights that switch from one window to the next in the middle of what they share."""
    return (np.arange(shared) >= shared // 2).astype(np.float32)


def _fade(shared: int, exact: bool) -> FloatArray:
    """Weights (shared,) of the later window, 0 to 1: the reference's line, or a curve that is flat at both ends."""
    if exact:
        return np.linspace(0, 1, shared, dtype=np.float32)
    x = np.clip((np.linspace(0, 1, shared) - FADE_MARGIN) / (1 - 2 * FADE_MARGIN), 0, 1)
    return np.asarray(x ** 3 * (x * (6 * x - 15) + 10), np.float32)


def phone_scores(window: FeatureWindow, graph: runtime.Graph, model: Model) -> FloatArray:
    """Logarithm of the phone probabilities of one window (t, n_phones). Raises ModelError."""
    logits, phones = graph.run({"features": window.features[None]}), model.phones
    if logits.shape != (1, len(window.features), len(phones)):
        raise ModelError(
            f"phones.onnx of model {model.folder} gives shape {logits.shape}, "
            f"(1, {len(window.features)}, {len(phones)}) is needed for the phones of model.json. "
            "Export the model again."
        )
    return log_scores(logits[0])


def _join_scores(joined: FloatArray, scores: FloatArray, window: FeatureWindow, model: Model) -> None:
    """Write one window's scores into the clip's, from the middle of what it shares with the window before.

    An encoder that loses frames repeats its last.
    """
    rate_hz = model.encoder.rate_hz
    first = round(window.start / SAMPLE_RATE_HZ * rate_hz)
    skipped = round(model.encoder.overlap_s * rate_hz) // 2 if window.start else 0
    wanted = joined[first + skipped:-(-window.stop * rate_hz // SAMPLE_RATE_HZ)]
    wanted[:] = scores[np.minimum(np.arange(skipped, skipped + len(wanted)), len(scores) - 1)]


def resample(rows: FloatArray, n_rows: int, align_corners: bool) -> FloatArray:
    """Linear interpolation of (n, c) to (n_rows, c), as torch's interpolate does with and without align_corners.

    Positions are counted in single precision as there: over a window of 25 s others are up to 1e-4 of a row off.
    """
    n = len(rows)
    if n_rows == n:
        return rows
    number = np.arange(n_rows, dtype=np.float64)
    if align_corners:
        position = number * (np.float32(n - 1) / np.float32(max(1, n_rows - 1)))
    else:
        position = (number + 0.5) * (np.float32(n) / np.float32(n_rows)) - 0.5
    return rows_at(rows, position.astype(np.float32))
