"""Tell which aligned recordings to trust: the phone scores of a bundled model have to find the same times.

The two share nothing: pocketsphinx's model is English and hears single phones, the bundled one learnt from synthetic
speech of many languages. Where a text does not fit its recording they wander apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...model.folder import open_model
from ...model.runtime import Graph, open_graph
from ...values.errors import EngineError
from ...values.types import FloatArray
from .phones import PHONES, Phone

STEP_S = 0.01  # of the scores: the 20 ms model runs twice, on the sound as it is and 10 ms later
HOP = 320  # samples of one model frame
MODEL_LATENESS_S = 0.010  # its boundaries against pocketsphinx's, median on 350 phones of real English
LARGEST_MEAN_DIFFERENCE_S = 0.045
LEAST_MEAN_SCORE = -2.2  # log probability per frame
UNREACHED = -1e9
CHANGE_COST = 0.3


@dataclass(frozen=True)
class Agreement:
    """Mean distance of the phones' beginnings in seconds, and the model's log probability per frame."""

    difference_s: float
    score: float

    @property
    def is_good(self) -> bool:
        """Whether to train on the recording."""
        return self.difference_s <= LARGEST_MEAN_DIFFERENCE_S and self.score >= LEAST_MEAN_SCORE


class PhoneCheck:
    """A bundled model's phone scores.

    Raises:
        EngineError: the model is missing or has no phone graph.
    """

    def __init__(self, model: str = "mini") -> None:
        folder = open_model(model).folder
        if not (folder / "phones.onnx").exists():
            raise EngineError(f"Model {model} has no phones.onnx, which the check of aligned recordings needs.")
        self._encoder: Graph = open_graph(folder / "encoder.onnx", "cpu", 1)
        self._phones: Graph = open_graph(folder / "phones.onnx", "cpu", 1)

    def agreement(self, phones: Sequence[Phone], samples: NDArray[np.int16]) -> Agreement:
        """Compare aligned phones of samples (n,) int16 16 kHz with the model's own times for the same phones."""
        spoken = [p for p in phones if p.label != "SIL"]
        if not spoken:
            return Agreement(float("inf"), UNREACHED)
        starts_s, score = best_starts(self.log_scores(samples), [p.label for p in spoken])
        differences = np.abs(starts_s - MODEL_LATENESS_S - np.array([p.start_s for p in spoken]))
        return Agreement(float(differences.mean()), score)

    def log_scores(self, samples: NDArray[np.int16]) -> FloatArray:
        """(n_steps, len(PHONES)) log probabilities, one row each STEP_S."""
        wave = samples.astype(np.float32) / 32768
        halves = []
        for delay in (0, HOP // 2):
            shifted = np.pad(wave[delay:], (0, delay + -samples.size % HOP)).astype(np.float32)
            features = self._encoder.run({"wave": shifted[None]})
            halves.append(self._phones.run({"features": features})[0].astype(np.float64))
        n_frames = min(len(half) for half in halves)
        logits = np.stack([half[:n_frames] for half in halves], axis=1).reshape(2 * n_frames, -1)
        logits -= logits.max(axis=1, keepdims=True)
        scores: FloatArray = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return scores


def best_starts(log_scores: FloatArray, labels: Sequence[str]) -> tuple[FloatArray, float]:
    """Begin of each phone in seconds on the best path, and the path's mean score; a pause may stand anywhere.

    Args:
        log_scores: (n_steps, len(PHONES)).
        labels: classes of n phones, none of them SIL.
    """
    states = np.array([PHONES.index(name) for label in labels for name in ("SIL", label)] + [PHONES.index("SIL")])
    silent = np.arange(states.size) % 2 == 0
    emitted = log_scores[:, states]
    total = np.full(states.size, UNREACHED)
    total[:2] = emitted[0, :2]
    came_from = np.zeros(emitted.shape, np.int64)
    skips = np.full(states.size, UNREACHED)  # from a phone over the pause to the next phone
    for step in range(1, len(emitted)):
        skips[2:] = np.where(silent[2:], UNREACHED, total[:-2] - CHANGE_COST)
        moves = np.stack([total, np.concatenate([[UNREACHED], total[:-1] - CHANGE_COST]), skips])
        came_from[step] = moves.argmax(axis=0)
        total = moves.max(axis=0) + emitted[step]
    state = int(np.argmax(total[-2:])) + states.size - 2
    mean_score = float(total[state]) / len(emitted)
    path = np.zeros(len(emitted), np.int64)
    for step in range(len(emitted) - 1, -1, -1):
        path[step] = state
        state -= int(came_from[step, state])
    return np.searchsorted(path, np.arange(1, states.size, 2)) * STEP_S, mean_score
