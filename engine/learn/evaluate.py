"""Measure a model folder on real recordings, by the path that ships: engine.animate, ONNX Runtime, no torch."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pipeline import animate
from ..types import Settings, Waveform
from .baselines import loudness_mouth, rhubarb_mouth
from .metrics import FPS, Measures, SeenMouth, beats, measure, seen_mouth
from .paired import evaluate_paired, is_paired
from .recordings import RealSpeech

FloatArray = NDArray[Any]

RHUBARB_RUNS = {"Rhubarb words": "pocketSphinx", "Rhubarb + transcript": "pocketSphinx_with_transcript", "Rhubarb phonetic": "phonetic"}
CUES_BESIDE = ("rhubarb", "../../peer_outputs/rhubarb_aligned")  # of the dataset; where Rhubarb's cues may lie
NOISE_SNR_DB, ROOM_RT60_S, ROOM_DIRECT_DB = 10.0, 0.4, 6.0
LOUDNESS, OURS = "loudness", "ours"


@dataclass(frozen=True)
class Report:
    """Measures by name of the system; seconds of speech per second of work, on one thread."""

    columns: Mapping[str, Measures]
    speed: float


def command(options: argparse.Namespace) -> None:
    """`evaluate MODEL DATASET [--json]`: recordings with phone times, or with animators' curves (always as JSON)."""
    if is_paired(options.path):
        paired = {name: asdict(measures) for name, measures in evaluate_paired(options.model, options.path).items()}
        sys.stdout.write(json.dumps(paired, indent=1) + "\n")
        return
    report = evaluate(options.model, options.path)
    text = json.dumps({name: asdict(column) for name, column in report.columns.items()}, indent=1) if options.json else table(report)
    sys.stdout.write(text + "\n")


def evaluate(model: str, dataset: Path, identity: str = "pivot") -> Report:
    """Measure a model, and Rhubarb and the loudness baseline beside it.

    Args:
        model: id or folder.
        dataset: folder with phones.json and flac files; Rhubarb's cues are used where they lie beside it.
        identity: speaking style; the pivot is what the measures are meant for.
    Returns:
        Columns "ours" (all voices), "ours, unseen voices" (those that never chose a checkpoint), "ours, room + noise", the baselines.
    Raises:
        EngineError: no such model, no recordings.
    """
    speech = RealSpeech.read(dataset)
    settings = Settings(model=model, identity=identity, fps=FPS, device="cpu", threads=1)
    animate(Waveform(np.zeros(16000, np.float32)), settings)  # opens the graphs, outside the clock
    began_s = time.perf_counter()
    ours = {clip.name: _our_mouth(clip.samples, settings) for clip in speech.clips}
    speed = sum(clip.samples.size for clip in speech.clips) / 16000 / (time.perf_counter() - began_s)
    unseen = {clip.name for clip in speech.half_of_the_voices(second=True).clips}
    noisy = {clip.name: _our_mouth(in_noisy_room(clip.samples, seed), settings) for seed, clip in enumerate(speech.clips)}
    mouths: dict[str, dict[str, SeenMouth]] = {
        OURS: ours, "ours, unseen voices": {name: mouth for name, mouth in ours.items() if name in unseen}, "ours, room + noise": noisy,
        **_rhubarb(speech, dataset), LOUDNESS: {clip.name: loudness_mouth(clip.samples, clip.frames) for clip in speech.clips},
    }
    return Report({name: measure(column, speech.phones) for name, column in mouths.items() if column}, speed)


def table(report: Report) -> str:
    """A text table, one row per measure, and whether ours is at least as good as loudness on it."""
    names = list(report.columns)
    won = beats(report.columns[OURS], report.columns[LOUDNESS])
    verdict = {True: "yes", False: "NO", None: "one-sided"}
    rows = [["measure", *names, "beats loudness"]]
    for item in fields(Measures):
        values = [getattr(report.columns[name], item.name) for name in names]
        rows.append([item.name, *("-" if math.isnan(value) else f"{value:.2f}" for value in values), verdict[won.get(item.name)]])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, f"{report.speed:.0f} x real time on one thread"])


def in_noisy_room(samples: FloatArray, seed: int) -> NDArray[np.float32]:
    """The recording with an exponential room tail and pink noise 10 dB below its mean level."""
    rng = np.random.default_rng(seed)
    n_tail = round(ROOM_RT60_S * 16000)
    tail = rng.standard_normal(n_tail) * 10 ** (-3 * np.arange(n_tail) / n_tail)
    tail *= 10 ** (-ROOM_DIRECT_DB / 20) / np.sqrt((tail**2).sum())
    n_fft = 1 << int(np.ceil(np.log2(samples.size + n_tail)))
    wet = samples + np.fft.irfft(np.fft.rfft(samples, n_fft) * np.fft.rfft(tail, n_fft), n_fft)[:samples.size]
    spectrum = np.fft.rfft(rng.standard_normal(samples.size))
    pink = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.size), 1)), samples.size)
    pink *= np.sqrt((wet**2).mean() / (pink**2).mean()) * 10 ** (-NOISE_SNR_DB / 20)
    mixed = wet + pink
    return np.asarray(mixed / max(1.0, np.abs(mixed).max()), np.float32)


def _our_mouth(samples: FloatArray, settings: Settings) -> SeenMouth:
    motion = animate(Waveform(np.ascontiguousarray(samples, np.float32)), settings).motion
    return seen_mouth(motion.weights, motion.channels)


def _rhubarb(speech: RealSpeech, dataset: Path) -> dict[str, dict[str, SeenMouth]]:
    """Rhubarb's mouths by run; empty where no cues lie beside the dataset."""
    folder = next((dataset / name for name in CUES_BESIDE if (dataset / name).is_dir()), None)
    if folder is None:
        return {}
    found: dict[str, dict[str, SeenMouth]] = {title: {} for title in RHUBARB_RUNS}
    for clip in speech.clips:
        path = folder / f"{clip.name}.json"
        if not path.exists():
            continue
        cues = json.loads(path.read_text(encoding="utf-8"))
        for title, key in RHUBARB_RUNS.items():
            if cues.get(key):
                found[title][clip.name] = rhubarb_mouth(cues[key], clip.frames)
    return found


