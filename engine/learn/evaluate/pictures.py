"""One picture per clip: the sound with its phones, and the curves of ours, of the reference and of a peer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...values.errors import OutputError
from ...values.types import FloatArray
from ..data.labels import Word, pauses
from ..data.recordings import Clip
from ..synth.phones import BILABIALS, LABIODENTALS
from .metrics import FPS, SHUT_BELOW, SeenMouth
from .paired import PairedCurves
from .report import LOUDNESS, OURS, REFERENCE, SetReport

PEERS = ("Rhubarb words", LOUDNESS)  # the first that there is
CURVES = (("opening", "lip opening"), ("rounding", "rounding"), ("tuck", "lip tuck"))
OURS_COLOUR, REFERENCE_COLOUR, PEER_COLOUR = "#c0392b", "#9aa5b1", "#2471a3"
CONTACT_COLOUR, TUCK_COLOUR = "#f6c9c4", "#f9e3b4"  # behind p b m, behind f v
# Of a picture: a longer clip is shown from LEAD_S before its first sound, and the title says so.
LONGEST_S, LEAD_S = 8.0, 0.3
INCHES_PER_S, SHORTEST_INCHES, DPI = 1.7, 6.0, 80
LOUD_FROM = 0.05  # of the peak: where the first sound is

Spans = Sequence[tuple[str, float, float]]  # phones or words with their seconds


@dataclass(frozen=True)
class PlottedCurve:
    """One line of a picture: values (n,) at a rate in Hz."""

    label: str
    values: FloatArray
    rate_hz: float = FPS


def draw_report(sets: Sequence[SetReport], paired: Sequence[PairedCurves], folder: Path) -> list[Path]:
    """Draw every clip into a folder, as <set>_<clip>.png.

    Raises:
        OutputError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Picture folder {folder} cannot be made ({error}). Give --pictures another folder."
        ) from error
    paths = []
    for report in sets:
        peer = next((name for name in PEERS if name in report.mouths), "")
        for clip in report.recordings.clips:
            mouths = {
                name: report.mouths[name][clip.name]
                for name in (OURS, REFERENCE, peer) if clip.name in report.mouths.get(name, {})
            }
            paths.append(folder / f"{report.recordings.name}_{clip.name}.png")
            title = f"{report.recordings.title}: {clip.name}"
            draw_clip(clip, mouths, title, paths[-1], report.recordings.words.get(clip.name, ()))
    for item in paired:
        paths.append(folder / f"facegood_zh_{item.name}.png")
        draw_paired(item, paths[-1])
    return paths


def draw_clip(clip: Clip, mouths: Mapping[str, SeenMouth], title: str, path: Path, words: Sequence[Word] = ()) -> None:
    """Draw one recording with its phones, or with its words where only they are known, and the mouths by system."""
    panels = [
        (label, [PlottedCurve(name, getattr(mouth, curve)) for name, mouth in mouths.items()])
        for curve, label in CURVES
    ]
    spans = [(p.label, p.start_s, p.end_s) for p in clip.phones] or _word_spans(words, clip.samples.size / 16000)
    _draw(clip.samples, spans, panels, title, path)


def draw_paired(item: PairedCurves, path: Path) -> None:
    """Draw a recording with ours against the animators' curves, both by their names."""
    panels = [
        (name, [PlottedCurve("ours", item.ours[name], item.fps), PlottedCurve("animators", theirs, item.fps)])
        for name, theirs in item.theirs.items()
    ]
    _draw(item.samples, [], panels, f"Mandarin, animators' curves: {item.name}", path)


def _draw(
    samples: FloatArray, spans: Spans, panels: Sequence[tuple[str, Sequence[PlottedCurve]]],
    title: str, path: Path,
) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    duration_s = samples.size / 16000
    start_s, end_s = _window(samples)
    size = (max(SHORTEST_INCHES, (end_s - start_s) * INCHES_PER_S), 1.1 + 1.15 * len(panels))
    figure, axes = pyplot.subplots(
        1 + len(panels), 1, sharex=True, figsize=size, dpi=DPI, height_ratios=[0.9, *[1.0] * len(panels)]
    )
    _draw_sound(axes[0], samples, [one for one in spans if start_s <= (one[1] + one[2]) / 2 < end_s])
    for axis, (label, tracks) in zip(axes[1:], panels, strict=True):
        _draw_tracks(axis, label, tracks, spans)
    handles, names = axes[1].get_legend_handles_labels()
    figure.legend(handles, names, loc="upper right", ncols=len(names), fontsize=8, frameon=False)
    figure.suptitle(
        title if duration_s <= LONGEST_S else f"{title} ({LONGEST_S:g} of {duration_s:.0f} s)", x=0.01, ha="left",
        fontsize=9
    )
    axes[-1].set_xlim(start_s, end_s)
    axes[-1].set_xlabel("seconds", fontsize=8)
    figure.tight_layout(pad=0.4, rect=(0, 0, 1, 0.95))
    figure.savefig(path, pil_kwargs={"optimize": True})
    pyplot.close(figure)


def _window(samples: FloatArray) -> tuple[float, float]:
    """What is shown, in seconds."""
    duration_s = samples.size / 16000
    if duration_s <= LONGEST_S:
        return 0.0, duration_s
    loud = np.flatnonzero(np.abs(samples) > LOUD_FROM * np.abs(samples).max())
    start_s = min(max(float(loud[0]) / 16000 - LEAD_S, 0.0) if loud.size else 0.0, duration_s - LONGEST_S)
    return start_s, start_s + LONGEST_S


def _draw_sound(axis: Any, samples: FloatArray, spans: Spans) -> None:  # noqa: ANN401  matplotlib
    """The waveform as its extremes in 5 ms, phones or words above it in two rows by turns."""
    whole = samples[:samples.size // 80 * 80].reshape(-1, 80)
    seconds = np.arange(len(whole)) * 0.005
    peak = max(float(np.abs(samples).max()), 1e-9)
    axis.fill_between(seconds, whole.min(axis=1) / peak, whole.max(axis=1) / peak, color="#566573", linewidth=0)
    for index, (label, start_s, end_s) in enumerate(spans):
        axis.axvline(start_s, color="#bdc3c7", linewidth=0.5)
        if label != "SIL":
            axis.text(
                (start_s + end_s) / 2, 1.12 if index % 2 else 1.48, label, ha="center", va="bottom", fontsize=6,
                clip_on=False
            )
    axis.set_ylim(-1.1, 1.1)
    axis.set_yticks([])
    axis.set_ylabel("sound", fontsize=8)


def _draw_tracks(axis: Any, label: str, tracks: Sequence[PlottedCurve], spans: Spans) -> None:  # noqa: ANN401
    for name, start_s, end_s in spans:
        if name in BILABIALS | LABIODENTALS:
            axis.axvspan(start_s, end_s, color=CONTACT_COLOUR if name in BILABIALS else TUCK_COLOUR, linewidth=0)
    for index, track in enumerate(tracks):
        seconds = np.arange(len(track.values)) / track.rate_hz
        if track.label in {REFERENCE, "animators"}:
            axis.fill_between(
                seconds, 0, track.values, color=REFERENCE_COLOUR, alpha=0.55, linewidth=0, label=track.label
            )
        else:
            colour, width = (OURS_COLOUR, 1.4) if index == 0 else (PEER_COLOUR, 0.9)
            axis.plot(seconds, track.values, color=colour, linewidth=width, label=track.label, zorder=3 - index * 0.1)
    if label == "lip opening":
        axis.axhline(SHUT_BELOW, color="#7f8c8d", linewidth=0.6, linestyle=":")
    axis.set_ylabel(label, fontsize=8)
    axis.tick_params(labelsize=7)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)


def _word_spans(words: Sequence[Word], duration_s: float) -> list[tuple[str, float, float]]:
    if not words:
        return []
    spans = [(word.text, word.start_s, word.end_s) for word in words]
    spans += [("SIL", start_s, end_s) for start_s, end_s in pauses(words, duration_s)]
    return sorted(spans, key=lambda span: span[1])
