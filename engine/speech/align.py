"""Find when each phone is spoken: of a transcript, or of nothing but the sound.

Works on the phone head's scores; knows nothing of text or of faces. A transcript may leave out what is spoken and may
hold what is not: phones can be skipped at a price, and between words anything may sound at a price. Memory does not
grow with the clip beyond the result: the search holds a band of the transcript, and what lies far behind it is settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..values.phones import Phone
from ..values.types import FloatArray, IntArray

FLOOR = 1e-3                # least score of a phone: dialects and slips of the tongue must not stop the search
SKIP_COST = 6.0             # nats for each phone of the transcript that is not there
SHORT_COST = 2.5            # of them for a phone that lasts a single frame
FILLER_COST = 3.0           # nats a frame for sound between words that the transcript does not have
SWITCH_COST = 2.0           # nats to change the phone where no transcript says it
BAND = 2500                 # states of the search, two for each phone: over a minute of speech
BAND_STEP = 25              # frames after which the band follows
SETTLED, UNSETTLED = 2000, 1000     # frames that are decided at a time, and that stay open: 20 s
CHUNK, CHUNK_MARGIN = 1500, 100     # frames of a free search, and what it looks at on both sides


@dataclass(frozen=True)
class Alignment:
    """A transcript laid over the sound.

    Attributes:
        labels: (n_frames,) index of the phone on each frame, -1 where something else is spoken.
        places: (n_frames,) which phone of the transcript, or place between words: rises from one to the next.
        fit: nats a frame of speech by which the transcript explains the sound worse than any phones would; best is 0.
    """

    labels: IntArray
    places: IntArray
    fit: float


def log_scores(logits: FloatArray) -> FloatArray:
    """Logarithm of the phone probabilities (t, n) from phone logits (t, n)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), np.float32)


def align(scores: FloatArray, words: Sequence[Sequence[int]], silence: int) -> Alignment:
    """Lay the phones of a transcript over the sound.

    Args:
        scores: (n_frames, n_phones) of log_scores.
        words: index of each phone, word by word; between words silence may last as long as it likes.
        silence: index of the silence.
    """
    floored = np.logaddexp(scores, np.float32(np.log(FLOOR)))
    best = floored.max(axis=1)
    between = np.maximum(floored[:, silence], best - FILLER_COST)
    columns, costs, places = _states(words, scores.shape[1])
    path, total = _search(np.concatenate([floored, between[:, None]], axis=1), columns, costs)
    is_speech = scores.argmax(axis=1) != silence
    labels = columns[path]
    pause = floored[:, silence] >= best - FILLER_COST
    labels = np.where(labels < scores.shape[1], labels, np.where(pause, silence, -1))
    return Alignment(labels, places[path], float((best.sum() - total) / max(1, is_speech.sum())))


def free_labels(scores: FloatArray) -> IntArray:
    """The phone of each frame (n_frames,) without a transcript: the best path with a price for each change."""
    n_frames, n_phones = scores.shape
    if n_frames <= CHUNK:
        return np.asarray(_free_search(scores[None])[0])
    n_chunks = -(-n_frames // CHUNK)
    padded = np.zeros((CHUNK_MARGIN + n_chunks * CHUNK + CHUNK_MARGIN, n_phones), np.float32)
    padded[CHUNK_MARGIN:CHUNK_MARGIN + n_frames] = scores
    spans = np.arange(n_chunks)[:, None] * CHUNK + np.arange(CHUNK + 2 * CHUNK_MARGIN)
    labels = _free_search(padded[spans])
    return np.asarray(labels[:, CHUNK_MARGIN:-CHUNK_MARGIN].reshape(-1)[:n_frames])


def to_phones(
    labels: IntArray, names: Sequence[str], rate_hz: float, places: IntArray | None = None,
) -> tuple[Phone, ...]:
    """Runs of equal labels (n_frames,) as phones without gaps, which change half-way between frames.

    Args:
        places: (n_frames,) parts two equal phones in a row.
    """
    marks = labels if places is None else places * (len(names) + 1) + labels
    starts = np.flatnonzero(np.diff(marks, prepend=marks[0] - 1))
    edges = np.append((starts - 0.5).clip(0), len(labels)) / rate_hz
    return tuple(Phone(names[labels[start]], float(edges[i]), float(edges[i + 1])) for i, start in enumerate(starts))


def _states(words: Sequence[Sequence[int]], between: int) -> tuple[IntArray, FloatArray, IntArray]:
    """Column of the scores, cost of skipping and place in the transcript for each state.

    Each phone has two states; between words, before and after them anything may sound.
    """
    columns, costs, places = [between], [0.0], [0]
    for word in words:
        for phone in word:
            columns += [phone, phone]
            costs += [SKIP_COST - SHORT_COST, SHORT_COST]
            places += [places[-1] + 1] * 2
        columns.append(between)
        costs.append(0.0)
        places.append(places[-1] + 1)
    return np.array(columns, np.intp), np.array(costs, np.float32), np.array(places, np.intp)


def _search(scores: FloatArray, columns: IntArray, costs: FloatArray) -> tuple[IntArray, float]:
    """The best state on each frame (n_frames,), and the score of that path. States rise; skipped ones have a price."""
    n_frames, n_states = len(scores), len(columns)
    width = min(BAND, n_states)
    before = np.concatenate([[0], np.cumsum(costs, dtype=np.float64)])       # price of all states before this one
    path = np.zeros(n_frames, np.intp)
    low, settled = 0, 0
    lows = np.zeros(n_frames, np.intp)
    jumps = np.zeros((min(n_frames, SETTLED + UNSETTLED), width), np.int16)
    index = np.arange(width)
    values = scores[0, columns[:width]] - before[:width]
    for frame in range(1, n_frames):
        if width < n_states and frame % BAND_STEP == 0:
            values, low = _follow(values, low, n_states)
        lows[frame] = low
        if frame - settled == len(jumps):
            path[settled:frame] = _trace(jumps, lows[settled:frame], int(values.argmax()) + lows[frame - 1])
            jumps[:UNSETTLED] = jumps[-UNSETTLED:]
            settled = frame - UNSETTLED
        leave, enter = before[low + 1:low + width + 1], before[low:low + width]
        reach = values + leave
        furthest = np.maximum.accumulate(reach)
        source = np.maximum.accumulate(np.where(reach >= furthest, index, 0))
        entered = furthest[:-1] - enter[1:]
        moves = entered > values[1:]
        jumps[frame - settled, 1:] = np.where(moves, index[1:] - source[:-1], 0)
        values[1:] = np.where(moves, entered, values[1:])
        values += scores[frame, columns[low:low + width]]
    final = values + before[low + 1:low + width + 1] - before[-1]
    last = int(final.argmax())
    path[settled:] = _trace(jumps[:n_frames - settled], lows[settled:], last + low)
    return path, float(final[last])


def _follow(values: NDArray[np.float64], low: int, n_states: int) -> tuple[NDArray[np.float64], int]:
    """Move the band so that its best state lies in its first third."""
    shift = min(max(0, int(values.argmax()) - len(values) // 3), n_states - len(values) - low)
    if not shift:
        return values, low
    return np.concatenate([values[shift:], np.full(shift, -np.inf)]), low + shift


def _trace(jumps: NDArray[np.int16], lows: IntArray, last: int) -> IntArray:
    """States (n,) that lead to the state `last` on the last of n frames."""
    path = np.zeros(len(jumps), np.intp)
    state = last
    for frame in range(len(jumps) - 1, -1, -1):
        path[frame] = state
        state -= int(jumps[frame, state - lows[frame]])
    return path


def _free_search(scores: FloatArray) -> IntArray:
    """Best path (n_chunks, t) through each chunk of scores (n_chunks, t, n_phones)."""
    n_chunks, n_frames, _ = scores.shape
    values = scores[:, 0].copy()
    stays = np.zeros(scores.shape, np.bool_)
    best = np.zeros((n_chunks, n_frames), np.intp)
    for frame in range(1, n_frames):
        best[:, frame] = values.argmax(axis=1)
        change = values.max(axis=1, keepdims=True) - SWITCH_COST
        stays[:, frame] = values >= change
        values = np.maximum(values, change) + scores[:, frame]
    labels = np.zeros((n_chunks, n_frames), np.intp)
    state, rows = values.argmax(axis=1), np.arange(n_chunks)
    for frame in range(n_frames - 1, -1, -1):
        labels[:, frame] = state
        state = np.where(stays[rows, frame, state], state, best[:, frame])
    return labels
