"""How near the viseme model comes to animators' curves of real speech, and which targets they would rather have.

    python -m engine.learn.evaluate.calibration weights/mini DATA/paired/facegood_zh

The phones are what the model hears in the sound, so an error of hearing counts as one of the targets: read the
suggestions of frequent phones only, and with the phone chart beside them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...audio.read import read_audio
from ...pipeline import animate
from ...values.types import FloatArray, Settings
from ..synth.phones import PHONES, Phone
from ..visemes.curves import phone_shares, viseme_curves
from ..visemes.targets import CURVES, viseme_tables
from .paired import ARRAYS, FPS, compare

TRAINED = "1114_2_"  # the clips that targets may be fitted to; the others are held out
RIDGE_FRAMES = 40.0  # a target that was given counts as much as so many frames of the animators
FEWEST_FRAMES = 40  # a phone with less is not reported


@dataclass(frozen=True)
class Compared:
    """Curves of the viseme model, the animators' that mean the same, and the group whose dominance they follow."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    group: str


COMPARED: Mapping[str, Compared] = {
    "jaw": Compared(("jawOpen",), ("mouth_stretch_c",), "jaw"),
    "rounding": Compared(
        ("mouthFunnel", "mouthPucker"), ("mouth_oh_c", "mouth_funnel_dl", "mouth_oo_c", "mouth_pucker_l"), "rounding"
    ),
    "lower lip": Compared(("mouthLowerDown",), ("mouth_lowerLipDepress_l",), "lips"),
    "upper lip": Compared(("mouthUpperUp",), ("mouth_upperLipRaise_l",), "lips"),
    "press": Compared(("mouthPress",), ("mouth_press_l", "mouth_suck_dl", "mouth_suck_ul"), ""),
}


@dataclass(frozen=True)
class RecognisedClip:
    """A recording: the phones that the model recognises, the animators' curves (n_frames,) by the names of COMPARED."""

    name: str
    phones: Sequence[Phone]
    theirs: Mapping[str, FloatArray]

    @property
    def frames(self) -> int:
        """At the animators' rate."""
        return len(self.theirs["jaw"])


def recognised_clips(model: str, dataset: Path) -> list[RecognisedClip]:
    """The recordings of a FACEGOOD folder with the phones that a model hears in them."""
    with np.load(dataset / ARRAYS, allow_pickle=False) as arrays:
        names = [str(name) for name in arrays["names"]]
        curves = {key.removeprefix("bs_"): arrays[key] for key in arrays.files if key.startswith("bs_")}
    clips = []
    for clip, values in sorted(curves.items()):
        recognised = animate(
            read_audio(dataset / f"{clip}.flac"), Settings(model=model, fps=FPS, device="cpu", threads=1)
        ).phones
        theirs = {
            name: values[:, [names.index(part) for part in pair.theirs]].sum(axis=1) for name, pair in COMPARED.items()
        }
        clips.append(
            RecognisedClip(clip, [Phone(phone.label, phone.start_s, phone.end_s) for phone in recognised], theirs)
        )
    return clips


def correlations(clip: RecognisedClip) -> dict[str, tuple[float, float, float]]:
    """By the names of COMPARED: r with the animators' curves, the best r, and its shift in ms (ours late)."""
    curves = viseme_curves(clip.phones, FPS, clip.frames)
    found = {}
    for name, pair in COMPARED.items():
        figures = compare(curves[:, [CURVES.index(curve) for curve in pair.ours]].sum(axis=1), clip.theirs[name])
        found[name] = (figures.r.value, figures.best_r.value, figures.lag_ms)
    return found


def suggested_targets(clips: Sequence[RecognisedClip], name: str) -> dict[str, tuple[float, float]]:
    """Target of each frequent phone as it is, and as ridge regression on the animators' curves has it, on our scale."""
    pair = COMPARED[name]
    shares = np.concatenate(
        [phone_shares(clip.phones, FPS, clip.frames, pair.group) for clip in clips]
    ).astype(np.float64)
    wanted = np.concatenate([clip.theirs[name] for clip in clips])
    given = viseme_tables()[0][:, [CURVES.index(curve) for curve in pair.ours]].sum(axis=1).astype(np.float64)
    as_given = shares @ given
    scale = float(as_given @ wanted) / float(as_given @ as_given)
    weights = shares.T @ shares + RIDGE_FRAMES * np.eye(len(given))
    fitted = np.linalg.solve(weights, shares.T @ (wanted / scale) + RIDGE_FRAMES * given)
    frequent = shares.sum(axis=0) > FEWEST_FRAMES
    return {phone: (float(given[i]), float(fitted[i])) for i, phone in enumerate(PHONES) if frequent[i]}


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a model that hears phones")
    parser.add_argument("dataset", type=Path, help="a folder in the FACEGOOD layout")
    options = parser.parse_args()
    clips = recognised_clips(options.model, options.dataset)
    sys.stdout.write("\n".join(_report(clips)) + "\n")


def _report(clips: Sequence[RecognisedClip]) -> list[str]:
    lines = []
    for clip in clips:
        role = "fitted" if clip.name.startswith(TRAINED) else "held out"
        figures = (
            f"{name} {r:.3f} (best {best:.3f} at {lag_ms:+.0f} ms)"
            for name, (r, best, lag_ms) in correlations(clip).items()
        )
        lines.append("  ".join((clip.name, role, *figures)))
    fitting = [clip for clip in clips if clip.name.startswith(TRAINED)]
    for name, pair in COMPARED.items():
        if pair.group and fitting:
            suggested = (
                f"{phone} {now:.2f}>{then:.2f}" for phone, (now, then) in suggested_targets(fitting, name).items()
            )
            lines.append("  ".join((name, *suggested)))
    return lines


if __name__ == "__main__":
    main()
