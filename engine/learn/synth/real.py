"""Real speech with known words, aligned: recordings in a folder that the user names.

A recording is kept only where two aligners find the same phone times.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from ...values.errors import EngineError
from . import stamps, zhuyin
from .align import Aligner, Word
from .espeak import Espeak
from .phone_check import PhoneCheck
from .phones import Phone
from .read_voices import READ_VOICES, sentences
from .spelling import english_words, foreign_words
from .utterance import PEAK, SAMPLE_RATE_HZ, Utterance, make_utterance

MATTHES = "speech/matthes_en"
EVALUATED = "speech/english_aligned"  # sentences that are in it are never trained on
KITTENS = "peer_outputs/rhubarb_ng/threelittlekittens_01_rountreesmith"
KITTENS_EVALUATED_S = 37.0  # its beginning belongs to the evaluation
LONGEST_UTTERANCE_S = 11.0
PAUSE_S = 0.18  # where a long recording may be cut
SHORTEST_S, SHORTEST_PHONES = 0.7, 5

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TranscribedRecording:
    """A sound file and the words in it; the language is one of espeak-ng."""

    path: Path
    voice: str
    text: str
    language: str = "en"


@dataclass(frozen=True)
class Tools:
    """What aligning needs; opened once per process."""

    aligner: Aligner
    check: PhoneCheck
    espeak: Espeak

    @classmethod
    def open(cls, espeak: Espeak) -> Tools:
        """Raises EngineError where pocketsphinx or the model that checks is missing."""
        return cls(Aligner(), PhoneCheck(), espeak)


def sources(recordings: Path | None) -> Mapping[str, int]:
    """Names of the sources that are there, with the number of shards that each is divided into."""
    found: dict[str, int] = {}
    if recordings is not None and (recordings / MATTHES).is_dir():
        found["matthes-en"] = 2
    if recordings is not None and (recordings / f"{KITTENS}.ogg").exists():
        found["kittens-en"] = 1
    if recordings is not None:
        found |= {name: voice.parts for name, voice in READ_VOICES.items() if (recordings / voice.folder).is_dir()}
    return {**found, **stamps.sources(), **zhuyin.sources()}


class RealVoices:
    """Aligned real speech; raises EngineError where a program or a recording is missing."""

    def __init__(self, recordings: Path | None, tools: Tools) -> None:
        self._recordings = recordings
        self._tools = tools
        self._parts = sources(recordings)

    def utterances(self, source: str, part: int) -> list[Utterance]:
        """The good utterances of one part of a source (see `sources`)."""
        if source == "kittens-en":
            return self._long_recording()
        if source in zhuyin.SPEAKERS:
            lines = [align_samples(samples, words, source, self._tools)
                     for samples, words in zhuyin.lines(source, part, read_samples)]
            return [utterance for line in lines for utterance in line]
        recordings = list(self._listed(source))[part::self._parts[source]]
        kept = [utterance for recording in recordings for utterance in align_recording(recording, self._tools)]
        log.info("%s, part %d: %d utterances of %d recordings", source, part, len(kept), len(recordings))
        return kept

    def _listed(self, source: str) -> Iterator[TranscribedRecording]:
        if source.startswith(stamps.PREFIX):
            language = source.removeprefix(stamps.PREFIX)
            return (TranscribedRecording(path, source, text, language)
                    for path, text in stamps.sentences(language, reported=False))
        assert self._recordings is not None
        return _read_voice(self._recordings, source) if source in READ_VOICES else _matthes(self._recordings)

    def _long_recording(self) -> list[Utterance]:
        """The reading of the kittens' story, cut at pauses; its transcript has slips, so each piece is checked."""
        assert self._recordings is not None
        base = self._recordings / KITTENS
        samples = read_samples(base.with_suffix(".ogg"))
        phones = self._tools.aligner.align(english_words(base.with_suffix(".txt").read_text(encoding="utf-8")), samples)
        if phones is None:
            raise EngineError(f"{base}.ogg does not fit its transcript. Give the recording that belongs to it.")
        pieces = cut_at_pauses([p for p in phones if p.start_s >= KITTENS_EVALUATED_S], LONGEST_UTTERANCE_S)
        return _good_pieces(samples, pieces, "reader of the kittens", self._tools)


def align_recording(recording: TranscribedRecording, tools: Tools) -> list[Utterance]:
    """One recording as an utterance, or the pieces of it that are good; empty where the words do not fit."""
    samples = read_samples(recording.path)
    if samples.size < SHORTEST_S * SAMPLE_RATE_HZ:
        return []
    if recording.language == "en":
        words: Sequence[Word] = english_words(recording.text)
    else:
        words = foreign_words(recording.text, recording.language, tools.espeak)
    return align_samples(samples, words, recording.voice, tools)


def align_samples(samples: NDArray[np.int16], words: Sequence[Word], voice: str, tools: Tools) -> list[Utterance]:
    """Samples (n,) int16 16 kHz that say the words; if the whole is not good, the phrases that are."""
    phones = tools.aligner.align(words, samples) if words else None
    if phones is None:
        return []
    whole = _good_pieces(samples, [phones], voice, tools)
    return whole or _good_pieces(samples, cut_at_pauses(phones, 0.0), voice, tools)


def read_samples(path: Path) -> NDArray[np.int16]:
    """(n,) int16 mono 16 kHz at the corpus's peak."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    wave = soxr.resample(samples.mean(axis=1), rate_hz, SAMPLE_RATE_HZ)
    wave -= wave.mean()
    scale = PEAK * 32767 / max(float(np.abs(wave).max(initial=0.0)), 1e-6)
    read: NDArray[np.int16] = np.round(wave * scale).astype(np.int16)
    return read


def cut_at_pauses(phones: Sequence[Phone], longest_s: float) -> list[list[Phone]]:
    """Phrases between pauses, joined again up to longest_s."""
    pieces: list[list[Phone]] = []
    phrase: list[Phone] = []
    for phone in phones:
        phrase.append(phone)
        if phone.label == "SIL" and phone.end_s - phone.start_s >= PAUSE_S:
            joined_s = phone.end_s - (pieces[-1][0].start_s if pieces else -1e9)
            if pieces and joined_s <= longest_s:
                pieces[-1] += phrase
            else:
                pieces.append(phrase)
            phrase = []
    if phrase:
        pieces.append(phrase)
    return pieces


def _good_pieces(
    samples: NDArray[np.int16], pieces: Sequence[Sequence[Phone]], voice: str, tools: Tools,
) -> list[Utterance]:
    """The pieces of a recording that are long enough and that both aligners time alike."""
    good = []
    for phones in pieces:
        start_s, end_s = phones[0].start_s, phones[-1].end_s
        moved = [Phone(p.label, p.start_s - start_s, p.end_s - start_s) for p in phones]
        part = samples[round(start_s * SAMPLE_RATE_HZ):round(end_s * SAMPLE_RATE_HZ)]
        if end_s - start_s < SHORTEST_S or not part.any() or len(phones) < SHORTEST_PHONES:
            continue
        utterance = make_utterance(part / 32768, SAMPLE_RATE_HZ, moved, voice)
        if tools.check.agreement(utterance.phones, utterance.samples).is_good:
            good.append(utterance)
    return good


def _matthes(recordings: Path) -> Iterator[TranscribedRecording]:
    evaluated = {path.stem for path in (recordings / EVALUATED).glob("*.flac")}
    for line in (recordings / MATTHES / "transcript.psv").read_text(encoding="utf-8").splitlines():
        name, _, text = line.split("|")
        path = recordings / MATTHES / f"{name}.flac"
        if name not in evaluated and path.exists():
            yield TranscribedRecording(path, "matthes", text)


def _read_voice(recordings: Path, name: str) -> Iterator[TranscribedRecording]:
    language = READ_VOICES[name].language
    return (
        TranscribedRecording(path, name, text, language) for path, text in sentences(recordings, name, reported=False)
    )
