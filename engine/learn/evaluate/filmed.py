"""Compare a model with a talker's filmed lips (data/filmed_lips.py), on the clips that taught nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...values.types import SAMPLE_RATE_HZ, FloatArray
from ..data.filmed_lips import FilmedClip, filmed_clips
from .baselines import evaluation_settings, loudness_mouth, our_mouth
from .bootstrap import Correlation, Figure, Ratio, figure_of
from .lips import matched_shifts_ms
from .metrics import FPS, SeenMouth

LARGEST_SHIFT_S, SHIFT_STEP_S = 0.12, 0.01
ROWS = ("gap", "gap, speech", "jaw", "narrowing", "lag_ms", "mtm_ms")


@dataclass(frozen=True)
class FilmedReport:
    """Figures by system ("ours", "loudness") and row of ROWS.

    gap: r of the lips' gap, over whole clips and in speech. jaw: r with the chin. narrowing: r of pucker + funnel with
    how narrow the mouth is.
    lag_ms: shift of the best r of the gap, positive where ours is late. mtm_ms: mean size of the shift of matched
    extrema.
    """

    name: str
    clips: int
    seconds: float
    systems: Mapping[str, Mapping[str, Figure]]


def evaluate_filmed(model: str, dataset: Path, identity: str = "pivot") -> FilmedReport:
    """Measure a model. Raises EngineError: no such model, a sound is missing."""
    settings = evaluation_settings(model, identity)
    clips = list(filmed_clips(dataset, reported=True))

    def ours(clip: FilmedClip) -> SeenMouth:
        return our_mouth(clip.samples, settings)

    def loudness(clip: FilmedClip) -> SeenMouth:
        return loudness_mouth(clip.samples, round(clip.samples.size / SAMPLE_RATE_HZ * FPS))

    systems = {"ours": figures_of(clips, ours), "loudness": figures_of(clips, loudness)}
    return FilmedReport(
        dataset.resolve().name, len(clips), sum(clip.samples.size for clip in clips) / SAMPLE_RATE_HZ, systems
    )


def figures_of(clips: Sequence[FilmedClip], mouth_of: Callable[[FilmedClip], SeenMouth]) -> dict[str, Figure]:
    """The figures of any system that gives a mouth at FPS for a clip."""
    mouths = [mouth_of(clip) for clip in clips]
    films = {
        "gap": [clip.gap for clip in clips],
        "chin": [clip.chin for clip in clips],
        "narrow": [-clip.width for clip in clips],
    }
    gaps, jaws, rounding = (
        [_at(getattr(mouth, name), clip.seconds) for mouth, clip in zip(mouths, clips, strict=True)]
        for name in ("opening", "jaw", "rounding")
    )
    spoken = [clip.speaking for clip in clips]
    shifts = [matched_shifts_ms(gap, film, clip.fps) for gap, film, clip in zip(gaps, films["gap"], clips, strict=True)]
    return {
        "gap": figure_of(Correlation.of(gaps, films["gap"])),
        "gap, speech": figure_of(Correlation.of(_inside(gaps, spoken), _inside(films["gap"], spoken))),
        "jaw": figure_of(Correlation.of(jaws, films["chin"])),
        "narrowing": figure_of(Correlation.of(rounding, films["narrow"])),
        "lag_ms": _lag(mouths, clips),
        "mtm_ms": figure_of(
            Ratio(
                np.array([np.abs(row).sum() for row in shifts]),
                np.array([len(row) for row in shifts]),
                sum(map(len, shifts)),
            )
        ),
    }


def _lag(mouths: Sequence[SeenMouth], clips: Sequence[FilmedClip]) -> Figure:
    """The shift at which the gap fits best; without an interval."""
    films = [clip.gap for clip in clips]
    shifts = np.arange(-LARGEST_SHIFT_S, LARGEST_SHIFT_S + SHIFT_STEP_S / 2, SHIFT_STEP_S)
    fits = [
        figure_of(
            Correlation.of([_at(m.opening, clip.seconds + s) for m, clip in zip(mouths, clips, strict=True)], films)
        ).value
        for s in shifts
    ]
    return Figure(1000 * float(shifts[int(np.argmax(fits))]), float("nan"), float("nan"), len(clips))


def _at(curve: FloatArray, seconds: FloatArray) -> FloatArray:
    return np.asarray(np.interp(seconds * FPS, np.arange(len(curve)), curve))


def _inside(curves: Sequence[FloatArray], masks: Sequence[NDArray[np.bool_]]) -> list[FloatArray]:
    return [curve[mask] for curve, mask in zip(curves, masks, strict=True)]
