"""Measure a model folder on real recordings, by the path that ships: engine.animate, ONNX Runtime, no torch."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline import animate
from ...values.errors import EngineError, OutputError
from ...values.types import Life, Settings, Waveform
from ..data.evaluation_sets import PAIRED, SPEECH, EvaluationSet, data_folder, read_set, read_sets
from ..data.recordings import Clip
from . import tables
from .baselines import loudness_mouth, rhubarb_mouth
from .bootstrap import Figure, figures
from .metrics import FPS, ClipEvents, Measures, SeenMouth, gather, pool, reference_mouth, seen_mouth
from .paired import PairedClip, evaluate_paired, is_paired
from .word_metrics import gather_words, pool_words

FloatArray = NDArray[Any]

ROBUSTNESS = "robustness"  # a word in the place of a dataset, as SPEECH
PAIRED_SET = "facegood_zh"
RHUBARB_RUNS = {"Rhubarb words": "pocketSphinx", "Rhubarb + transcript": "pocketSphinx_with_transcript", "Rhubarb phonetic": "phonetic"}
NOISE_SNR_DB, ROOM_RT60_S, ROOM_DIRECT_DB = 10.0, 0.4, 6.0
OURS, UNSEEN, NOISY, LOUDNESS, REFERENCE = "ours", "ours, unseen voices", "ours, room + noise", "loudness", "viseme model"
TOLD = "ours + transcript"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SetReport:
    """One set of recordings, measured.

    Attributes:
        systems: figures by system ("ours" are all voices) and measure.
        kinds: ours by kind of recording, and measure; empty where all clips are of one kind.
        mouths: what was measured, by system and clip.
        speed: seconds of speech per second of work, on one thread.
    """

    recordings: EvaluationSet
    systems: Mapping[str, Mapping[str, Figure]]
    kinds: Mapping[str, Mapping[str, Figure]]
    mouths: Mapping[str, Mapping[str, SeenMouth]]
    speed: float

    @property
    def columns(self) -> dict[str, Measures]:
        """Plain values by system, where phone times are known."""
        names = [item.name for item in fields(Measures)]
        return {name: Measures(**{m: column[m].value for m in names}) for name, column in self.systems.items() if names[0] in column}


@dataclass(frozen=True)
class Report:
    """All sets and the clips with animators' curves."""

    model: str
    sets: tuple[SetReport, ...]
    paired: tuple[PairedClip, ...]


def command(options: argparse.Namespace) -> None:
    """`evaluate MODEL DATASET [--data FOLDER] [--json [FILE]] [--pictures FOLDER]`."""
    if str(options.path) == ROBUSTNESS:
        from .robustness import command as robustness_command

        robustness_command(options)
        return
    report = evaluate_all(options.model, options.path, options.data)
    if options.pictures:
        from .pictures import draw_report

        draw_report(report.sets, [clip.curves for clip in report.paired], options.pictures)
    write_result(options.json, tables.as_json(report.model, report.sets, report.paired), lambda: tables.speech(report.sets, report.paired))


def write_result(json_to: str | None, content: dict[str, Any], text: Callable[[], str]) -> None:
    """The table on stdout, JSON instead of it ("-"), or both, the JSON in a file.

    Raises:
        OutputError: the file cannot be written.
    """
    if json_to == "-":
        sys.stdout.write(json.dumps(content, indent=1) + "\n")
        return
    sys.stdout.write(text() + "\n")
    if json_to:
        try:
            Path(json_to).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{json_to} cannot be written ({error}). Give --json another file.") from error


def evaluate_all(model: str, dataset: Path, data: Path | None = None) -> Report:
    """Measure a model on a folder, or on everything that is there (the word "speech").

    Args:
        model: id or folder.
        dataset: a folder of recordings, or Path("speech").
        data: folder with speech/ and paired/; by default one beside the checkout is looked for.
    Raises:
        EngineError: no such model, no recordings, broken labels.
    """
    if str(dataset) != SPEECH:
        if is_paired(dataset):
            return Report(model, (), tuple(evaluate_paired(model, dataset)))
        return Report(model, tuple(evaluate_set(model, one) for one in read_set(dataset)), ())
    folder = data_folder(data)
    sets = tuple(evaluate_set(model, one) for one in read_sets(folder))
    paired = folder / PAIRED / PAIRED_SET
    return Report(model, sets, tuple(evaluate_paired(model, paired)) if is_paired(paired) else ())


def evaluate(model: str, dataset: Path, identity: str = "pivot") -> SetReport:
    """Measure a model on one folder with phone times, and Rhubarb and the loudness baseline beside it.

    Args:
        model: id or folder.
        dataset: folder of recordings; Rhubarb's cues are used where they lie beside it.
        identity: speaking style; the pivot is what the measures are meant for.
    Returns:
        Columns "ours" (all voices), "ours, unseen voices" (those that never chose a checkpoint), "ours, room + noise", the baselines.
    Raises:
        EngineError: no such model, no recordings.
    """
    return evaluate_set(model, read_set(dataset)[0], identity)


def evaluate_set(model: str, recordings: EvaluationSet, identity: str = "pivot") -> SetReport:
    """As evaluate(), for a set that is already read."""
    settings = Settings(model=model, identity=identity, fps=FPS, device="cpu", threads=1, life=Life(blinks=0))
    animate(Waveform(np.zeros(16000, np.float32)), settings)  # opens the graphs, outside the clock
    clips = recordings.clips
    began_s = time.perf_counter()
    ours = {clip.name: our_mouth(clip.samples, settings) for clip in clips}
    speed = recordings.seconds / (time.perf_counter() - began_s)
    mouths: dict[str, dict[str, SeenMouth]] = {OURS: ours, TOLD: _told(recordings, settings)}
    if recordings.phones and recordings.cues is not None:
        mouths[NOISY] = {clip.name: our_mouth(in_noisy_room(clip.samples, seed), settings) for seed, clip in enumerate(clips)}
        mouths.update(_rhubarb(clips, recordings.cues))
    mouths[LOUDNESS] = {clip.name: loudness_mouth(clip.samples, clip.frames) for clip in clips}
    if recordings.phones:
        mouths[REFERENCE] = {clip.name: reference_mouth(clip.phones, clip.frames) for clip in clips}
    mouths = {name: column for name, column in mouths.items() if column}
    gathered = {name: _gather(recordings, column, mouths.get(REFERENCE)) for name, column in mouths.items()}
    if 0 < len(recordings.unseen) < len(clips):
        gathered[UNSEEN] = {name: events for name, events in gathered[OURS].items() if name in recordings.unseen}
    pooled = pool if recordings.phones else pool_words
    order = dict.fromkeys((OURS, UNSEEN, TOLD, *mouths))
    systems = {name: figures(pooled(_flat(gathered[name]))) for name in order if name in gathered}
    return SetReport(recordings, systems, _by_kind(recordings, gathered[OURS], pooled), mouths, speed)


def our_mouth(samples: FloatArray, settings: Settings) -> SeenMouth:
    """What the engine makes of a recording (n,), at settings.fps."""
    motion = animate(Waveform(np.ascontiguousarray(samples, np.float32)), settings).motion
    return seen_mouth(motion.weights, motion.channels)


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


def _told(recordings: EvaluationSet, settings: Settings) -> dict[str, SeenMouth]:
    """Ours with the transcript; empty where one is unknown, or where this model or machine cannot use them."""
    if not all(clip.name in recordings.transcripts for clip in recordings.clips):
        return {}
    texts = recordings.transcripts
    try:
        return {
            clip.name: our_mouth(clip.samples, replace(settings, transcript=texts[clip.name], language=recordings.language)) for clip in recordings.clips
        }
    except EngineError as error:
        log.warning("%s is not measured with its transcripts: %s", recordings.name, error)
        return {}


def _gather(
    recordings: EvaluationSet, mouths: Mapping[str, SeenMouth], references: Mapping[str, SeenMouth] | None,
) -> dict[str, list[ClipEvents]]:
    """Events of each clip; where only words are known, one item per word."""
    if references is not None:
        return {name: [gather(mouth, recordings.phones[name], references[name])] for name, mouth in mouths.items()}
    lengths_s = {clip.name: clip.samples.size / 16000 for clip in recordings.clips}
    return {name: gather_words(mouth, recordings.words[name], lengths_s[name]) for name, mouth in mouths.items()}


def _by_kind(
    recordings: EvaluationSet, gathered: Mapping[str, list[ClipEvents]], pooled: Callable[[Sequence[ClipEvents]], Any],
) -> dict[str, Mapping[str, Figure]]:
    kinds = dict.fromkeys(recordings.kinds.values())
    if len(kinds) < 2:
        return {}
    of_kind = {kind: {name: events for name, events in gathered.items() if recordings.kinds.get(name) == kind} for kind in kinds}
    return {kind: figures(pooled(_flat(events))) for kind, events in of_kind.items() if events}


def _flat(gathered: Mapping[str, list[ClipEvents]]) -> list[ClipEvents]:
    return [item for items in gathered.values() for item in items]


def _rhubarb(clips: Sequence[Clip], folder: Path) -> dict[str, dict[str, SeenMouth]]:
    """Rhubarb's mouths by run."""
    found: dict[str, dict[str, SeenMouth]] = {title: {} for title in RHUBARB_RUNS}
    for clip in clips:
        path = folder / f"{clip.name}.json"
        if not path.exists():
            continue
        cues = json.loads(path.read_text(encoding="utf-8"))
        for title, key in RHUBARB_RUNS.items():
            if cues.get(key):
                found[title][clip.name] = rhubarb_mouth(cues[key], clip.frames)
    return found
