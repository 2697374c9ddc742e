"""Compare a model with face curves that animators made from video of the speaker (the FACEGOOD layout)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...audio.read import read_audio
from ...pipeline import animate
from ...values.errors import EngineError
from ...values.types import FloatArray, Life, Motion, Settings
from ..data import split
from ..data.recordings import SAMPLES_PER_FRAME
from .baselines import loudness_mouth
from .bootstrap import Correlation, Figure, figure_of
from .metrics import FPS as MOUTH_FPS
from .metrics import seen_mouth

ARRAYS = "facegood_bs.npz"
FPS = 30.0
LARGEST_LAG_FRAMES = 6
PIECE_FRAMES = 150  # 5 s: what is drawn by the bootstrap; a clip is one long recording
STILL_BELOW = 0.01  # deviation of an animators' curve that a clip does not use
OURS, LOUDNESS = "ours", "loudness"

# By which a sum is divided: left and right, upper and lower are one movement.
SIDES: Mapping[str, int] = {"funnel": 4, "pucker": 2, "press": 2}

# What is compared: the animators' curves, summed.
THEIRS: Mapping[str, tuple[str, ...]] = {
    "jaw": ("mouth_stretch_c",),
    "round": ("mouth_oh_c", "mouth_funnel_dl", "mouth_oo_c"),
    "funnel": ("mouth_funnel_dl", "mouth_funnel_dr", "mouth_funnel_ul", "mouth_funnel_ur"),
    "pucker": ("mouth_pucker_l", "mouth_pucker_r"),
    "press": ("mouth_press_l", "mouth_press_r", "mouth_suck_dl", "mouth_suck_dr", "mouth_suck_ul", "mouth_suck_ur"),
}


@dataclass(frozen=True)
class PairedFigures:
    """Correlation with the animators' curve, as it is and at the best shift; lag_ms is positive where ours is late."""

    r: Figure
    best_r: Figure
    lag_ms: float


@dataclass(frozen=True)
class PairedCurves:
    """What is compared on one recording: sound (n,) at 16 kHz, ours and theirs by the names of THEIRS."""

    name: str
    samples: FloatArray
    ours: Mapping[str, FloatArray]
    theirs: Mapping[str, FloatArray]
    fps: float = FPS


@dataclass(frozen=True)
class PairedClip:
    """One recording: whether it may have been trained on, its curves, and figures by system and curve."""

    role: str
    curves: PairedCurves
    systems: Mapping[str, Mapping[str, PairedFigures]]

    @property
    def name(self) -> str:
        """Name of the recording."""
        return self.curves.name

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.curves.samples.size / 16000


def is_paired(dataset: Path) -> bool:
    """Whether a folder has this layout."""
    return (dataset / ARRAYS).exists()


def evaluate_paired(model: str, dataset: Path, identity: str = "pivot") -> list[PairedClip]:
    """Measure every clip of facegood_bs.npz (names, bs_<clip>) that lies beside it as <clip>.flac.

    Raises:
        EngineError: the arrays lack the curves that are compared.
    """
    with np.load(dataset / ARRAYS, allow_pickle=False) as arrays:
        names = [str(name) for name in arrays["names"]]
        clips = {key.removeprefix("bs_"): arrays[key] for key in arrays.files if key.startswith("bs_")}
    missing = sorted({name for group in THEIRS.values() for name in group} - set(names))
    if missing:
        raise EngineError(f"{dataset / ARRAYS} lacks the curves {', '.join(missing)}. Give the FACEGOOD arrays.")
    settings = Settings(model=model, identity=identity, fps=FPS, device="cpu", threads=1, life=Life(blinks=0))
    voices = split.by_clip(dataset.resolve().name)
    result = []
    for clip, curves in sorted(clips.items()):
        theirs = {
            name: curves[:, [names.index(part) for part in parts]].sum(axis=1) / SIDES.get(name, 1)
            for name, parts in THEIRS.items()
        }
        used = {name: curve for name, curve in theirs.items() if curve.std() > STILL_BELOW}
        role = voices[clip].role if clip in voices else split.REPORT
        result.append(_clip(dataset / f"{clip}.flac", used, settings, role))
    return result


def compared_curves(motion: Motion) -> dict[str, FloatArray]:
    """Our side of THEIRS, (n_frames,) each."""
    def total(*bases: str) -> FloatArray:
        return np.asarray(sum(motion[name].astype(np.float64) for name in bases))

    mouth = seen_mouth(motion.weights, motion.channels)
    return {
        "jaw": mouth.jaw, "round": mouth.rounding, "funnel": total("mouthFunnel"), "pucker": total("mouthPucker"),
        "press": total("mouthPressLeft", "mouthPressRight", "mouthRollLower", "mouthRollUpper"),
    }


def compare(ours: FloatArray, theirs: FloatArray) -> PairedFigures:
    """Correlate two curves at FPS; a shift of at most LARGEST_LAG_FRAMES is tried."""
    n = min(len(ours), len(theirs)) - LARGEST_LAG_FRAMES
    core = theirs[LARGEST_LAG_FRAMES:n].astype(np.float64)

    def at(shift: int) -> Correlation:
        moved = ours[LARGEST_LAG_FRAMES + shift:n + shift].astype(np.float64)
        return Correlation.of(_pieces(moved), _pieces(core))

    shifts = range(-LARGEST_LAG_FRAMES, LARGEST_LAG_FRAMES + 1)
    best = max(shifts, key=lambda shift: float(at(shift).estimate(np.ones((1, len(_pieces(core)))))[0]))
    return PairedFigures(figure_of(at(0)), figure_of(at(best)), best * 1000 / FPS)


def mean_of(clips: Sequence[PairedClip], system: str, curve: str, of: Callable[[PairedFigures], float]) -> float:
    """Mean over the clips that use a curve; NaN where none does."""
    values = [of(clip.systems[system][curve]) for clip in clips if curve in clip.systems.get(system, {})]
    return float(np.mean(values)) if values else float("nan")


def _clip(audio: Path, theirs: Mapping[str, FloatArray], settings: Settings, role: str) -> PairedClip:
    wave = read_audio(audio)
    ours = compared_curves(animate(wave, settings).motion)
    n_frames = -(-wave.samples.size // SAMPLES_PER_FRAME)
    loud = loudness_mouth(wave.samples, n_frames).jaw
    frames = np.arange(len(ours["jaw"])) * MOUTH_FPS / FPS
    systems = {
        OURS: {name: compare(ours[name], curve) for name, curve in theirs.items()},
        LOUDNESS: {"jaw": compare(np.interp(frames, np.arange(n_frames), loud), theirs["jaw"])}
        if "jaw" in theirs else {},
    }
    return PairedClip(role, PairedCurves(audio.stem, wave.samples, ours, theirs), systems)


def _pieces(curve: FloatArray) -> list[FloatArray]:
    return np.array_split(curve, max(1, round(len(curve) / PIECE_FRAMES)))
