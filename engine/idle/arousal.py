"""What a voice alone tells of its mood: how strongly it is spoken, and where it laughs.

Effort, pitch and pace rise together with arousal, whatever the feeling (Scherer 2003, Juslin and Laukka 2003), so they
propose an intensity. Which feeling it is they do not tell: that stays with the animator, but for laughter. A laugh is a
row of notes of about 75 ms every 210 ms that fall in loudness (Provine and Yong 1991; Bachorowski et al. 2001); even
syllables of speech look the same, so the phones have to be those of a laugh too: one vowel again and again, and breath.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..audio.level import block_power
from ..audio.pitch import RATE_HZ
from ..motion.smooth import gaussian, runs
from ..values.phones import VOWELS, Phone
from ..values.types import BoolArray, FloatArray, Waveform
from .prosody import Prosody, prosody

STEP_S = 0.1                # between two proposed values
SOFT_S = 0.45               # standard deviation: a phrase is calm or excited, not a syllable
EFFORT_DB, PITCH_SEMITONES, PACE = 9.0, 5.0, 0.4    # above what the clip has on average, that each count in full
SHARES = (0.24, 0.12, 0.06)     # of effort, pitch and pace in the factor: our choice
LOWEST, HIGHEST = 0.7, 1.4
FEWEST_SPEECH_S = 0.4       # of speech, from which an average can be told
LAUGH_NOTES = 4             # so many notes in a row at least: three equal syllables are common in speech
LAUGH_GAP_S = (0.15, 0.27)  # from note to note
UNEVEN = 0.16               # of the gaps: standard deviation over mean; syllables of speech differ by far more
DIP_DB = 7.0                # between two notes of a laugh the voice nearly stops
FLOOR_DB = 40.0             # below the loudest moment: what is quieter than that counts as silence
NOTE_S = 0.02               # standard deviation with which notes are looked for
LAUGHED_SHARE, LAUGHED_VOWELS = 0.75, 2     # of a laugh's time in vowels, h and silence; different vowels in it
RISE_DB = 3.0               # from note to note: laughs fall


@dataclass(frozen=True)
class Arousal:
    """Proposed factors of the intensity, and where a voice laughs.

    Attributes:
        seconds, intensity: (n,) each; 1 is how this clip is spoken on average.
        laughs: first and last second of each laugh.
    """

    seconds: FloatArray
    intensity: FloatArray
    laughs: tuple[tuple[float, float], ...]


def arousal(wave: Waveform, phones: Sequence[Phone]) -> Arousal:
    """How strongly a clip is spoken over its time. phones: of the clip; without any it has no laugh for sure."""
    heard = prosody(wave)
    level = np.asarray(10 * np.log10(np.maximum(block_power(wave), 1e-12)), np.float32)[:len(heard.speaking)]
    speaking = heard.speaking
    end_s = len(speaking) / RATE_HZ
    seconds = np.arange(0, end_s, STEP_S, dtype=np.float32)
    laughs = tuple(span for span in _laughs(level, speaking) if _is_laughed(span, phones))
    if speaking.sum() < FEWEST_SPEECH_S * RATE_HZ:
        return Arousal(seconds, np.ones(len(seconds), np.float32), laughs)
    parts = (
        (level - level[speaking].mean()) / EFFORT_DB, heard.semitones / PITCH_SEMITONES,
        (_pace(heard) - 1) / PACE,
    )
    mixed = sum(share * np.clip(part, -2, 2) for share, part in zip(SHARES, parts, strict=True))
    told = 1 + _soft(np.asarray(mixed, np.float32), speaking)
    frames = np.arange(len(told)) / RATE_HZ
    return Arousal(seconds, np.interp(seconds, frames, told).clip(LOWEST, HIGHEST).astype(np.float32), laughs)


def _soft(values: FloatArray, counted: BoolArray) -> FloatArray:
    """The mean (n,) of the counted values around each frame; 0 far from all of them."""
    both = np.stack([np.where(counted, values, 0), counted], axis=1).astype(np.float32)
    sums = gaussian(both, SOFT_S * RATE_HZ)
    return np.asarray(sums[:, 0] / np.maximum(sums[:, 1], 0.1), np.float32)


def _pace(heard: Prosody) -> FloatArray:
    """Stressed syllables a second around each frame (n,), over those of the whole clip in speech."""
    beats = np.zeros(len(heard.speaking), np.float32)
    for stress in heard.stresses:
        beats[min(int(stress.second * RATE_HZ), len(beats) - 1)] = 1
    near = gaussian(np.stack([beats, heard.speaking], axis=1).astype(np.float32), 2 * SOFT_S * RATE_HZ)
    usual = beats.sum() / max(1, heard.speaking.sum())
    if not usual:
        return np.ones(len(beats), np.float32)
    return np.asarray(near[:, 0] / np.maximum(near[:, 1], 0.2) / usual, np.float32)


def _laughs(level: FloatArray, speaking: BoolArray) -> tuple[tuple[float, float], ...]:
    """First and last second of each row of notes that is even, interrupted and falling."""
    heard = np.maximum(level, level.max(initial=-120.0) - FLOOR_DB)
    smooth = gaussian(heard[:, None], NOTE_S * RATE_HZ)[:, 0]
    inner = (smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:]) & speaking[1:-1]
    tops = np.flatnonzero(inner) + 1
    links = np.array([_follows(smooth, first, second) for first, second in pairwise(tops.tolist())], np.bool_)
    found = []
    for first, stop in runs(links):
        notes = tops[first:stop + 1]
        gaps = np.diff(notes)
        falls = smooth[notes[-1]] < smooth[notes[0]] + 1
        if len(notes) >= LAUGH_NOTES and falls and gaps.std() < UNEVEN * gaps.mean():
            found.append((float(notes[0]) / RATE_HZ - 0.1, float(notes[-1]) / RATE_HZ + 0.15))
    return tuple(found)


def _is_laughed(span: tuple[float, float], phones: Sequence[Phone]) -> bool:
    """Whether the phones of a span are those of a laugh."""
    parts = [(min(phone.end_s, span[1]) - max(phone.start_s, span[0]), phone.label) for phone in phones]
    inside = [(length_s, label) for length_s, label in parts if length_s > 0]
    vowels = {label for _, label in inside if label in VOWELS}
    laughed_s = sum(length_s for length_s, label in inside if label in VOWELS or label in ("HH", "SIL"))
    return 0 < len(vowels) <= LAUGHED_VOWELS and laughed_s >= LAUGHED_SHARE * (span[1] - span[0])


def _follows(level: FloatArray, first: int, second: int) -> bool:
    """Whether two tops of loudness can be notes of one laugh."""
    gap_s = (second - first) / RATE_HZ
    if not LAUGH_GAP_S[0] <= gap_s <= LAUGH_GAP_S[1]:
        return False
    dip = level[first:second].min()
    return bool(min(level[first], level[second]) - dip >= DIP_DB and level[second] - level[first] < RISE_DB)
