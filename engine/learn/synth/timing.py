"""Check phone times against the sound: while the lips are shut, little above 600 Hz sounds.

For each p, b and m between vowels: where the level of 600-4000 Hz falls and rises fastest, against where the label
begins and ends. A stop with breath after its burst rises before its label ends; everything else should lie near 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from ...values.types import FloatArray
from .phones import VOWELS
from .utterance import SAMPLE_RATE_HZ, Utterance, load_shard

STEP_S = 0.005
BAND_HZ = (600.0, 4000.0)
SEARCH_S = 0.060  # around the label's edges
SMALLEST_STEP_DB = 6.0  # of the fall or rise; below it nothing moved
SHORTEST_S = 0.03


@dataclass(frozen=True)
class EdgeTimes:
    """Milliseconds by which the sound's fall and rise lie behind the label's edges, one row per closure: (n, 2)."""

    offsets_ms: FloatArray

    @property
    def medians_ms(self) -> tuple[float, float]:
        """Median of the falls and of the rises; nan where there are none."""
        finite = [column[np.isfinite(column)] for column in self.offsets_ms.T]
        fall, rise = (float(np.median(column)) if column.size else float("nan") for column in finite)
        return fall, rise


def closure_times(utterances: Iterable[Utterance]) -> dict[str, EdgeTimes]:
    """For each of P B M the edges of those that stand between vowels."""
    found: dict[str, list[tuple[float, float]]] = {"P": [], "B": [], "M": []}
    for utterance in utterances:
        level_db = band_level_db(utterance.samples)
        phones = utterance.phones
        for before, phone, after in zip(phones, phones[1:], phones[2:], strict=False):
            between_vowels = before.label in VOWELS and after.label in VOWELS
            if phone.label in found and between_vowels and phone.end_s - phone.start_s >= SHORTEST_S:
                middle_s = (phone.start_s + phone.end_s) / 2
                fall = _steepest(-level_db, phone.start_s, (phone.start_s - SEARCH_S, middle_s))
                rise = _steepest(level_db, phone.end_s, (middle_s, phone.end_s + SEARCH_S))
                found[phone.label].append((fall, rise))
    return {label: EdgeTimes(np.array(rows).reshape(-1, 2)) for label, rows in found.items()}


def band_level_db(samples: NDArray[np.int16]) -> FloatArray:
    """(n / 80,) level in the band, one value each 5 ms, 15 ms wide."""
    band = scipy.signal.sosfiltfilt(
        scipy.signal.butter(4, BAND_HZ, "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), samples.astype(np.float64)
    )
    hop = round(STEP_S * SAMPLE_RATE_HZ)
    power = np.square(np.pad(band, (0, -band.size % hop))).reshape(-1, hop).mean(axis=1)
    smooth: FloatArray = 10 * np.log10(np.convolve(power, np.ones(3) / 3, "same") + 10.0)
    return smooth


def _steepest(level_db: FloatArray, label_s: float, span_s: tuple[float, float]) -> float:
    """Milliseconds from the label's edge to the middle of the steepest 15 ms of rise; nan where it is small."""
    first, last = max(round(span_s[0] / STEP_S), 2), min(round(span_s[1] / STEP_S), len(level_db) - 3)
    if last <= first:
        return float("nan")
    steps = np.arange(first, last + 1)
    rises = level_db[steps + 1] - level_db[steps - 2]
    best = int(np.argmax(rises))
    if rises[best] < SMALLEST_STEP_DB:
        return float("nan")
    return float(steps[best] * STEP_S - label_s) * 1000


def timing_table(folder: Path, shards_each: int = 2) -> str:
    """Median fall and rise of each program's or real source's closures in a corpus folder, as a table."""
    groups: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*_*.npz")):
        if not path.name.startswith(("noise_", "curves_")):
            groups.setdefault(path.stem.rpartition("_")[0], []).append(path)
    lines = [
        f"{'source':34s} {'P fall':>8s} {'rise':>6s} {'n':>5s} {'B fall':>8s} {'rise':>6s} {'n':>5s} {'M fall':>8s} "
        f"{'rise':>6s} {'n':>5s}"
    ]
    for name, paths in groups.items():
        times = closure_times(u for path in paths[:shards_each] for u in load_shard(path))
        lines.append(f"{name:34s}" + _row(times))
    return "\n".join(lines)


def _row(times: Mapping[str, EdgeTimes]) -> str:
    return "".join(f" {t.medians_ms[0]:8.0f} {t.medians_ms[1]:6.0f} {len(t.offsets_ms):5d}" for t in times.values())
