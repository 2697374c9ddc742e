"""Measure a model folder on real recordings, by the path that ships: engine.animate, ONNX Runtime, no torch."""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...pipeline import animate
from ...values.errors import EngineError
from ...values.types import FloatArray, Settings, Waveform
from ..augment.noise import with_noise
from ..augment.rooms import in_room
from ..data.evaluation_sets import PAIRED, SPEECH, EvaluationSet, data_folder, read_set, read_sets
from ..data.filmed_lips import is_filmed
from ..data.recordings import Clip
from . import robustness, tables
from .baselines import evaluation_settings, loudness_mouth, our_motion, our_mouth, rhubarb_mouth
from .bootstrap import Figure, figures
from .expression import evaluate_expression
from .filmed import evaluate_filmed
from .metrics import (
    ClipEvents,
    SeenMouth,
    formula_mouth,
    gather,
    gather_words,
    pool,
    pool_words,
    reference_mouth,
    seen_mouth,
)
from .paired import evaluate_paired, is_paired
from .pictures import draw_report
from .report import (
    FORMULA,
    LOUDNESS,
    NOISY,
    OURS,
    REFERENCE,
    UNSEEN,
    WITH_TRANSCRIPT,
    ModelReport,
    SetReport,
    write_result,
)

PAIRED_SET, FILMED_SET, EXPRESSED_SET = "facegood_zh", "grid_s1", "english_aligned"
RHUBARB_RUNS = {
    "Rhubarb words": "pocketSphinx", "Rhubarb + transcript": "pocketSphinx_with_transcript",
    "Rhubarb phonetic": "phonetic"
}
ROBUSTNESS = "robustness"  # a word in the place of a dataset
NOISE_SNR_DB, ROOM_RT60_S, ROOM_DIRECT_DB = 10.0, 0.4, 6.0

log = logging.getLogger(__name__)


def evaluate_all(model: str, dataset: Path, data: Path | None = None) -> ModelReport:
    """Measure a model on a folder, or on everything that is there (the word "speech").

    Args:
        model: id or folder.
        dataset: a folder of recordings, or Path("speech").
        data: folder with speech/ and paired/; by default one beside the checkout is looked for.
    Raises:
        EngineError: no such model, no recordings, broken labels.
    """
    if str(dataset) != SPEECH:
        if is_filmed(dataset):
            return ModelReport(model, (), (), (evaluate_filmed(model, dataset),))
        if is_paired(dataset):
            return ModelReport(model, (), tuple(evaluate_paired(model, dataset)))
        return ModelReport(model, tuple(evaluate_set(model, one) for one in read_set(dataset)), ())
    folder = data_folder(data)
    sets = tuple(evaluate_set(model, one) for one in read_sets(folder))
    paired, filmed = folder / PAIRED / PAIRED_SET, folder / PAIRED / FILMED_SET
    unseen = [
        clip
        for one in sets
        for clip in one.recordings.clips if one.recordings.name == EXPRESSED_SET and clip.name in one.recordings.unseen
    ]
    return ModelReport(
        model, sets, tuple(evaluate_paired(model, paired)) if is_paired(paired) else (),
        (evaluate_filmed(model, filmed),) if is_filmed(filmed) else (),
        evaluate_expression(model, unseen) if unseen else None,
    )


def evaluate(model: str, dataset: Path, identity: str = "pivot") -> SetReport:
    """Measure a model on one folder with phone times, and Rhubarb and the loudness baseline beside it.

    Args:
        model: id or folder.
        dataset: folder of recordings; Rhubarb's cues are used where they lie beside it.
        identity: speaking style; the pivot is what the measures are meant for.
    Returns:
        Columns "ours" (all voices), "ours, unseen voices" (those that never chose a checkpoint), "ours, room + noise",
        the baselines.
    Raises:
        EngineError: no such model, no recordings.
    """
    return evaluate_set(model, read_set(dataset)[0], identity)


def evaluate_set(model: str, recordings: EvaluationSet, identity: str = "pivot") -> SetReport:
    """As evaluate(), for a set that is already read."""
    settings = evaluation_settings(model, identity)
    animate(Waveform(np.zeros(16000, np.float32)), settings)  # opens the graphs, outside the clock
    clips = recordings.clips
    began_s = time.perf_counter()
    motions = {clip.name: our_motion(clip.samples, settings) for clip in clips}
    speed = recordings.seconds / (time.perf_counter() - began_s)
    ours = {name: seen_mouth(motion.weights, motion.channels) for name, motion in motions.items()}
    mouths: dict[str, dict[str, SeenMouth]] = {OURS: ours, WITH_TRANSCRIPT: with_transcript(recordings, settings)}
    if recordings.phones and recordings.cues is not None:
        mouths[NOISY] = {
            clip.name: our_mouth(in_noisy_room(clip.samples, seed), settings) for seed, clip in enumerate(clips)
        }
        mouths.update(_rhubarb(clips, recordings.cues))
    mouths[FORMULA] = {name: formula_mouth(motion.weights, motion.channels) for name, motion in motions.items()}
    mouths[LOUDNESS] = {clip.name: loudness_mouth(clip.samples, clip.frames) for clip in clips}
    if recordings.phones:
        mouths[REFERENCE] = {clip.name: reference_mouth(clip.phones, clip.frames) for clip in clips}
    mouths = {name: column for name, column in mouths.items() if column}
    gathered = {name: _gather(recordings, column, mouths.get(REFERENCE)) for name, column in mouths.items()}
    if 0 < len(recordings.unseen) < len(clips):
        gathered[UNSEEN] = {name: events for name, events in gathered[OURS].items() if name in recordings.unseen}
    pooled = pool if recordings.phones else pool_words
    order = dict.fromkeys((OURS, UNSEEN, WITH_TRANSCRIPT, *mouths))
    systems = {name: figures(pooled(_flat(gathered[name]))) for name in order if name in gathered}
    return SetReport(recordings, systems, _by_kind(recordings, gathered[OURS], pooled), mouths, speed)


def in_noisy_room(samples: FloatArray, seed: int) -> NDArray[np.float32]:
    """The recording with an exponential room tail and pink noise 10 dB below its mean level."""
    rng = np.random.default_rng(seed)
    wet = in_room(samples, ROOM_RT60_S, ROOM_DIRECT_DB, rng)
    return np.asarray(with_noise(wet, NOISE_SNR_DB, rng), np.float32)


def with_transcript(recordings: EvaluationSet, settings: Settings) -> dict[str, SeenMouth]:
    """Ours with the transcript; empty where one is unknown, or where this model or machine cannot use them."""
    if not all(clip.name in recordings.transcripts for clip in recordings.clips):
        return {}
    mouths = {}
    try:
        for clip in recordings.clips:
            text = recordings.transcripts[clip.name]
            with_text = replace(settings, transcript=text, language=recordings.language)
            mouths[clip.name] = our_mouth(clip.samples, with_text)
        return mouths
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
    of_kind = {
        kind: {name: events for name, events in gathered.items() if recordings.kinds.get(name) == kind}
        for kind in kinds
    }
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


def command(options: argparse.Namespace) -> None:
    """`evaluate MODEL DATASET [--data FOLDER] [--json [FILE]] [--pictures FOLDER]`."""
    if str(options.path) == ROBUSTNESS:
        robustness.command(options)
        return
    report = evaluate_all(options.model, options.path, options.data)
    if options.pictures:
        draw_report(report.sets, [clip.curves for clip in report.paired], options.pictures)
    write_result(options.json, tables.as_json(report), lambda: tables.speech(report))
