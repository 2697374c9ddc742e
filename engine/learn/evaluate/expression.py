"""What a voice does beside its phones: effort, loudness, laughter. On voices that taught nothing, changed by signal
processing.

Recordings of shouting, whispering and laughing people could not be had; the evaluated recordings are changed as the
corpus's are, so these rows say whether a mouth follows the sound of effort, not how people look.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...values.settings import Life
from ...values.types import FloatArray, Settings
from ..data.recordings import Clip
from ..synth.laughter import LAUGHED, laugh
from ..synth.performance import perform
from ..synth.utterance import SAMPLE_RATE_HZ, Utterance
from .baselines import evaluation_settings, our_mouth
from .bootstrap import Correlation, Figure, Ratio, figure_of
from .metrics import FPS, SeenMouth, reference_mouth, span

LONGEST_S = 8.0  # of a clip that is changed
FEWEST_CLIPS = 3  # of a voice, to say what is loud for it
BREATH = "HH"
EFFORT_ALONE = Life(0, 0, 0, 0, 0, cheeks=0, asymmetry=0, performance="natural")    # Lips Only does not follow effort
ROWS = (
    "shouted",
    "whispered",
    "effort",
    "loudness",
    "loudness, shouted",
    "loudness, whispered",
    "laughter",
    "laughter, breath",
)


@dataclass(frozen=True)
class ExpressionReport:
    """Figures by row of ROWS.

    shouted, whispered: spread of the lips' gap in speech against the plain recording's. effort: r of a clip's size,
    its phones' share taken out, with loudness and tilt relative to its voice. loudness: r of level and gap in speech,
    plain and changed (SLCC). laughter: mean gap on its bursts, and on the breath between them.
    """

    clips: int
    figures: Mapping[str, Figure]


def evaluate_expression(model: str, clips: Sequence[Clip]) -> ExpressionReport:
    """Measure a model on the clips given, which should be those that only report."""
    settings = replace(evaluation_settings(model), life=EFFORT_ALONE)
    short = [clip for clip in clips if clip.samples.size <= LONGEST_S * SAMPLE_RATE_HZ and len(clip.phones) > 1]
    plain = [_utterance(clip) for clip in short]
    found: dict[str, Figure] = {}
    spreads = {"plain": _measured(plain, settings)}
    for way in ("shouted", "whispered"):
        spreads[way] = _measured([perform(one, way, random.Random(seed)) for seed, one in enumerate(plain)], settings)
    for way in ("shouted", "whispered"):
        spoken = np.array([one.spread for one in spreads[way]])
        found[way] = figure_of(Ratio(spoken, np.array([one.spread for one in spreads["plain"]]), len(plain)))
    found["effort"] = _effort(short, spreads["plain"])
    for name, way in (("loudness", "plain"), ("loudness, shouted", "shouted"), ("loudness, whispered", "whispered")):
        found[name] = figure_of(
            Correlation.of([one.level_db for one in spreads[way]], [one.gap for one in spreads[way]])
        )
    laughs = [one for seed, utterance in enumerate(plain) if (one := laugh(utterance, random.Random(seed))) is not None]
    for name, labels in (("laughter", LAUGHED), ("laughter, breath", frozenset([BREATH]))):
        values = [_gaps_on(one, labels, settings) for one in laughs]
        found[name] = figure_of(
            Ratio(np.array([v.sum() for v in values]), np.array([v.size for v in values]), sum(v.size for v in values))
        )
    return ExpressionReport(len(short), {name: found[name] for name in ROWS})


@dataclass(frozen=True)
class _Size:
    """One clip in speech: gap and level (n,), spread of the gap, spread that the viseme model has there, and level
    and tilt in dB."""

    gap: FloatArray
    level_db: FloatArray
    spread: float
    wanted: float
    loudness_db: float
    tilt_db: float


def _measured(utterances: Sequence[Utterance], settings: Settings) -> list[_Size]:
    return [_size(one, our_mouth(one.samples / 32768, settings)) for one in utterances]


def _size(utterance: Utterance, mouth: SeenMouth) -> _Size:
    n = len(mouth.opening)
    speech = np.zeros(n, bool)
    for phone in utterance.phones:
        if phone.label != "SIL":
            speech[span(phone.start_s, phone.end_s, n)] = True
    level_db, tilt_db = _levels(utterance.samples / 32768, n)
    wanted = reference_mouth(utterance.phones, n).opening
    loud = speech & (level_db > level_db[speech].max() - 30)
    return _Size(
        mouth.opening[speech],
        level_db[speech],
        float(mouth.opening[speech].std()),
        float(wanted[speech].std()),
        float(level_db[loud].mean()),
        float(tilt_db[loud].mean()),
    )


def _levels(wave: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """(n,) level in dB, and how much stronger 1 to 4 kHz are than what lies below 700 Hz."""
    hop = round(SAMPLE_RATE_HZ / FPS)
    padded = np.pad(wave, (hop // 2, n * hop + 2 * hop))
    frames = np.stack([padded[i * hop : i * hop + 2 * hop] for i in range(n)]) * np.hanning(2 * hop)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2 + 1e-9
    hz = np.fft.rfftfreq(2 * hop, 1 / SAMPLE_RATE_HZ)
    high, low = (
        10 * np.log10(power[:, (hz > first) & (hz < last)].sum(axis=1)) for first, last in ((1000, 4000), (80, 700))
    )
    return 10 * np.log10(power.sum(axis=1)), high - low


def _effort(clips: Sequence[Clip], sizes: Sequence[_Size]) -> Figure:
    """r over clips of the voices that have several: all relative to the voice."""
    effort: list[FloatArray] = []
    size: list[FloatArray] = []
    for voice in dict.fromkeys(clip.voice for clip in clips):
        own = [one for clip, one in zip(clips, sizes, strict=True) if clip.voice == voice]
        if len(own) >= FEWEST_CLIPS:
            effort.append(_standard([one.loudness_db for one in own]) + _standard([one.tilt_db for one in own]))
            size.append(_standard([float(np.log(one.spread / one.wanted)) for one in own]))
    return figure_of(Correlation.of(effort, size))


def _standard(values: Sequence[float]) -> FloatArray:
    array = np.array(values)
    return np.asarray((array - array.mean()) / max(float(array.std()), 1e-9))


def _gaps_on(utterance: Utterance, labels: frozenset[str], settings: Settings) -> FloatArray:
    gap = our_mouth(utterance.samples / 32768, settings).opening
    return np.array([gap[span(p.start_s, p.end_s, len(gap))].mean() for p in utterance.phones if p.label in labels])


def _utterance(clip: Clip) -> Utterance:
    return Utterance(np.round(clip.samples * 32767).astype(np.int16), clip.phones, clip.voice)
