"""Does the mouth stay the same when the sound gets worse, and at rest when nobody speaks? `evaluate MODEL robustness`.

Each clip is animated clean and once per condition; what counts is the correlation of the curves, on the clean clip's
clock.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ...audio.read import read_audio
from ...values.types import FloatArray
from ..augment import colour, non_speech
from ..augment.music import with_music
from ..augment.noise import with_noise
from ..augment.rooms import in_room
from ..augment.tempo_and_pitch import pitch, speed, tempo
from ..data.evaluation_sets import SPEECH, data_folder, read_sets
from ..data.recordings import Clip
from ..synth.phones import BILABIALS
from . import tables
from .baselines import evaluation_settings, our_mouth
from .bootstrap import Figure, Ratio, Statistic, figure_of
from .metrics import FPS, NEAR_S, SHUT_BELOW, SeenMouth, correlation, moves, span
from .report import write_result
from .tables import Goal, shown, verdict

Change = Callable[[FloatArray, int], FloatArray]

CLEAN = "clean"
CURVES = ("opening", "jaw", "rounding", "closure")
MOST_CLIPS_PER_VOICE = 6  # so that no voice outweighs the others
SHORTEST_S = 1.0
GOOD, FAIR = Goal(0.90, 0.90), Goal(0.75, 0.75)
REST = Goal(0.05, 0.05, "below")
ROOM_DIRECT_DB = 6.0
NON_SPEECH_S, NON_SPEECH_SEEDS = 20.0, 3
RECORDED_NOISE = "singing_ja/background_20200530.flac"  # below speech/: a recorded room where nobody speaks


@dataclass(frozen=True)
class Condition:
    """One way in which a clip gets worse; `speed` is by how much it runs faster, goal None where nothing is asked."""

    name: str
    change: Change
    goal: Goal | None = GOOD
    speed: float = 1.0


@dataclass(frozen=True)
class ConditionReport:
    """Correlations by curve, and the share of p b m that are shut, against the clean clips."""

    name: str
    goal: Goal | None
    r: Mapping[str, Figure]
    pbm_shut: Figure

    @property
    def missed(self) -> list[str]:
        """Curves below the goal."""
        return [curve for curve, figure in self.r.items() if self.goal and self.goal.met(figure.value) is False]


@dataclass(frozen=True)
class RestReport:
    """Seen opening on a sound without speech: mean and largest, and the mean of jaw and rounding."""

    name: str
    seconds: float
    mean_opening: float
    largest_opening: float
    mean_jaw: float
    mean_rounding: float


def conditions() -> tuple[Condition, ...]:
    """All of them, in the order of the table."""
    goals = ((20, GOOD), (10, FAIR), (0, None))
    found = [Condition(CLEAN, lambda samples, _: samples, None)]
    found += [Condition(f"noise {snr} dB", partial(_seeded, with_noise, float(snr)), goal) for snr, goal in goals]
    found += [Condition(f"music {snr} dB", partial(_seeded, with_music, float(snr)), goal) for snr, goal in goals]
    found += [Condition(f"room {rt60_s} s", partial(_room, rt60_s)) for rt60_s in (0.3, 0.6)]
    found.append(Condition("telephone", lambda samples, _: colour.over_telephone(samples)))
    found.append(Condition("mp3 32 kb/s", partial(_plain, colour.as_mp3, 32)))
    for factor in (0.8, 0.9, 1.1, 1.25):
        found.append(Condition(f"tempo {factor:g}, pitch kept", partial(_plain, tempo, factor), speed=factor))
    for factor in (0.8, 1.25):
        found.append(Condition(f"tape speed {factor:g}", partial(_plain, speed, factor), speed=factor))
    for semitones in (-4, -2, 2, 4):
        found.append(Condition(f"pitch {semitones:+d}, formants kept", partial(_pitch, semitones, True)))
    found += [
        Condition(f"pitch {semitones:+d}, formants moved", partial(_pitch, semitones, False)) for semitones in (-4, 4)
    ]
    for decibel in (-30, -20, -10, 6, 12):
        found.append(Condition(f"gain {decibel:+d} dB", partial(_plain, colour.gain, float(decibel))))
    return tuple(found)


def command(options: argparse.Namespace) -> None:
    """`evaluate MODEL robustness [--data FOLDER] [--json [FILE]]`."""
    folder = data_folder(options.data)
    clips = chosen_clips(folder)
    clean = clean_mouths(clips, options.model)
    reports = [
        measure_condition(condition, clean, options.model)
        for condition in tqdm(conditions(), unit="condition", leave=False, disable=None)
    ]
    rests = rest_reports(options.model, folder / SPEECH / RECORDED_NOISE)
    content: dict[str, Any] = {
        "model": options.model, "clips": [clip.name for clip in clips],
        "conditions": [_row(report) for report in reports],
        "rest": [asdict(rest) for rest in rests],
    }
    write_result(options.json, content, lambda: table(clips, reports, rests))


def chosen_clips(data: Path) -> list[Clip]:
    """Clips of every set, the first few of each voice."""
    found: list[Clip] = []
    for recordings in read_sets(data):
        for clip in recordings.clips:
            of_this_voice = sum(other.voice == clip.voice for other in found)
            if of_this_voice < MOST_CLIPS_PER_VOICE and clip.samples.size >= SHORTEST_S * 16000:
                found.append(clip)
    return found


def clean_mouths(clips: Sequence[Clip], model: str) -> list[tuple[Clip, SeenMouth]]:
    """What the others are compared with."""
    return [(clip, our_mouth(clip.samples, evaluation_settings(model))) for clip in clips]


def measure_condition(condition: Condition, clean: Sequence[tuple[Clip, SeenMouth]], model: str) -> ConditionReport:
    """Animate every clip under a condition and compare with its clean mouth."""
    settings = evaluation_settings(model)
    weights: dict[str, list[float]] = {curve: [] for curve in CURVES}
    scores: dict[str, list[float]] = {curve: [] for curve in CURVES}
    shut: list[int] = []
    closers: list[int] = []
    for seed, (clip, mouth) in enumerate(clean):
        worse = on_clock(
            our_mouth(condition.change(clip.samples.astype(np.float64), seed), settings), len(mouth.opening),
            condition.speed
        )
        for curve in CURVES:
            wanted, given = getattr(mouth, curve), getattr(worse, curve)
            weights[curve].append(len(wanted) if moves(wanted) else 0)
            scores[curve].append(correlation(wanted, given))
        spans = [
            span(p.start_s - NEAR_S, p.end_s + NEAR_S, len(worse.opening)) for p in clip.phones if p.label in BILABIALS
        ]
        closers.append(len(spans))
        shut.append(sum(bool(worse.opening[frames].min() < SHUT_BELOW) for frames in spans))
    statistics: dict[str, Statistic] = {
        curve: Ratio(np.array(weights[curve]) * np.array(scores[curve]), np.array(weights[curve]), len(clean))
        for curve in CURVES
    }
    pbm = Ratio(np.array(shut), np.array(closers), sum(closers))
    return ConditionReport(
        condition.name, condition.goal, {name: figure_of(s) for name, s in statistics.items()}, figure_of(pbm)
    )


def on_clock(mouth: SeenMouth, n_frames: int, speed: float) -> SeenMouth:
    """The curves of a clip that ran `speed` times faster, on the clock of the clean clip with n_frames."""
    n = len(mouth.opening)
    at = np.arange(n_frames) / speed
    return SeenMouth(
        *(
            np.interp(at, np.arange(n), getattr(mouth, name))
            for name in ("opening", "jaw", "rounding", "tuck", "closure")
        )
    )


def rest_reports(model: str, recorded: Path | None = None) -> list[RestReport]:
    """The mouth on sounds without speech; `recorded` is one more sound file, if it is there."""
    settings = evaluation_settings(model)
    reports = []
    for name, make in non_speech.NON_SPEECH.items():
        mouths = [our_mouth(make(NON_SPEECH_S, seed), settings) for seed in range(NON_SPEECH_SEEDS)]
        reports.append(_rest(name, mouths))
        if name in {"applause", "music", "breath"}:
            reports.append(
                _rest(
                    f"{name}, 20 dB quieter",
                    [our_mouth(make(NON_SPEECH_S, seed) / 10, settings) for seed in range(NON_SPEECH_SEEDS)]
                )
            )
    if recorded is not None and recorded.exists():
        reports.append(_rest("recorded room", [our_mouth(read_audio(recorded).samples, settings)]))
    return reports


def table(clips: Sequence[Clip], reports: Sequence[ConditionReport], rests: Sequence[RestReport]) -> str:
    """Both tables with their goals."""
    rows = [["condition", *(f"r {curve} [95 %]" for curve in CURVES), "p/b/m shut", "goal", "", "missed by"]]
    for report in reports:
        lowest = min((figure.value for figure in report.r.values()), default=float("nan"))
        rows.append([
            report.name, *(tables.with_interval(report.r[curve]) for curve in CURVES),
            tables.number(report.pbm_shut.value), shown(report.goal),
            verdict(report.goal, lowest), ", ".join(report.missed),
        ])
    judged = [report for report in reports if report.goal]
    met = sum(not report.missed for report in judged)
    seconds, voices = sum(clip.samples.size for clip in clips) / 16000, len({clip.voice for clip in clips})
    quiet = [["nobody speaks", "seconds", "mean opening", "largest", "mean jaw", "mean rounding", "goal", ""]]
    for rest in rests:
        values = (rest.mean_opening, rest.largest_opening, rest.mean_jaw, rest.mean_rounding)
        quiet.append(
            [
                rest.name, f"{rest.seconds:.0f}", *(f"{value:.3f}" for value in values), shown(REST),
                verdict(REST, rest.mean_opening)
            ]
        )
    at_rest = sum(REST.met(rest.mean_opening) is True for rest in rests)
    return "\n".join([
        f"{len(clips)} clips, {seconds:.0f} s, {voices} voices: correlation with the curves of the clean clip",
        tables.aligned(rows),
        f"{met} of {len(judged)} goals met", "", tables.aligned(quiet), f"{at_rest} of {len(rests)} goals met",
    ])


def _rest(name: str, mouths: Sequence[SeenMouth]) -> RestReport:
    opening, jaw, rounding = (
        np.concatenate([getattr(mouth, curve) for mouth in mouths]).clip(0) for curve in ("opening", "jaw", "rounding")
    )
    return RestReport(
        name, opening.size / FPS, float(opening.mean()), float(opening.max()), float(jaw.mean()), float(rounding.mean())
    )


def _row(report: ConditionReport) -> dict[str, Any]:
    return {
        "name": report.name, "goal": report.goal.plain if report.goal else None, "missed": report.missed,
        "r": {name: asdict(figure) for name, figure in report.r.items()}, "pbm_shut": asdict(report.pbm_shut),
    }


def _seeded(
    change: Callable[[FloatArray, float, int], FloatArray], amount: float, samples: FloatArray, seed: int,
) -> FloatArray:
    return change(samples, amount, seed)


def _plain(
    change: Callable[[FloatArray, float], FloatArray], amount: float, samples: FloatArray, seed: int,
) -> FloatArray:
    return change(samples, amount)


def _room(rt60_s: float, samples: FloatArray, seed: int) -> FloatArray:
    return in_room(samples, rt60_s, ROOM_DIRECT_DB, seed)


def _pitch(semitones: float, keep_formants: bool, samples: FloatArray, seed: int) -> FloatArray:
    return pitch(samples, semitones, keep_formants)
