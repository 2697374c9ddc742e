"""Find the times of the phones of a recording whose words are known, with pocketsphinx's acoustic model.

The model is English. Words of other languages are spelt with the nearest English phones, which is enough to find where
each phone begins; the phone classes that come out are those of the language. phone_check tells which results to trust.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...values.errors import EngineError
from ...values.types import FloatArray
from .phones import ARPABET, Phone, classes_of, merge_silences, split_evenly
from .utterance import SAMPLE_RATE_HZ

FRAME_S = 0.01
PAD_S = 0.25  # of quiet noise at both ends, so that the first and last phones do not swallow the pauses there
PAD_NOISE = 2  # int16 steps
BEAM = 1e-60  # wide: the phones of another language fit badly
MOST_SPELLINGS = 8
QUIET_DB = 40.0  # below the loudest frame: not speech, at the edges of a pause
STOPS = frozenset(["P", "B", "T", "D", "K", "G", "CH", "JH"])
LONGEST_FIRST_CLOSURE_S = 0.08  # of a stop after a pause, whose beginning nobody hears
SHORTEST_PHONE_S = 0.02

# Classes that the English model lacks, and other English phones that a class of another language may sound like.
NEAREST = {"AX": "AH", "UE": "UW", "OE": "ER"}
ALSO = {
    "R": ("D", "ER"), "HH": ("K",), "G": ("HH", "K"), "OW": ("AO",), "AA": ("AH",), "V": ("W", "F"), "AX": ("IH",),
    "UE": ("IY",), "Z": ("S",)
}


@dataclass(frozen=True)
class Spelling:
    """One way to say a word: the English model's phones, and for each the one or two classes that it stands for."""

    sounds: tuple[str, ...]
    classes: tuple[tuple[str, ...], ...]


Word = tuple[Spelling, ...]


class Aligner:
    """A pocketsphinx decoder, opened once; it learns the words that it is given.

    Raises:
        EngineError: pocketsphinx is not installed.
    """

    def __init__(self) -> None:
        model = str(Path(_pocketsphinx().get_model_path()) / "en-us" / "en-us")
        self._decoder = _pocketsphinx().Decoder(
            hmm=model, dict=os.devnull, lm=None, loglevel="FATAL", cmn="batch", bestpath=False,
            beam=BEAM, wbeam=BEAM, pbeam=BEAM,
        )
        self._names: dict[Word, str] = {}
        self._spellings: dict[str, Spelling] = {}

    def align(self, words: Sequence[Word], samples: NDArray[np.int16]) -> tuple[Phone, ...] | None:
        """Phones with times, silences among them; None where the words do not fit the sound.

        Args:
            samples: (n,) int16 at 16 kHz.
        """
        text = " ".join(self._name(word) for word in words if word)
        alignment = _alignment(self._decoder, text, _padded(samples))
        if alignment is None:
            return None
        phones = list(chain.from_iterable(self._phones_of(word) for word in alignment))
        found = sum(word.name in self._spellings for word in alignment)
        if not phones or found < sum(bool(word) for word in words):
            return None
        duration_s = samples.size / SAMPLE_RATE_HZ
        moved = [
            Phone(p.label, min(max(p.start_s - PAD_S, 0.0), duration_s), min(max(p.end_s - PAD_S, 0.0), duration_s))
            for p in phones
        ]
        return tuple(trim_pauses(merge_silences(moved), samples))

    def _name(self, word: Word) -> str:
        """The word's name in the decoder's dictionary, where it is put with all its spellings the first time."""
        if word not in self._names:
            name = self._names[word] = f"word{len(self._names)}"
            for i, spelling in enumerate(word):
                key = name if i == 0 else f"{name}({i + 1})"
                self._spellings[key] = spelling
                self._decoder.add_word(key, " ".join(spelling.sounds), False)
        return self._names[word]

    def _phones_of(self, word: Any) -> list[Phone]:  # noqa: ANN401  pocketsphinx has no types
        spelling = self._spellings.get(word.name)
        phones: list[Phone] = []
        for sound, classes in zip(word, spelling.classes if spelling else repeat(("SIL",)), strict=False):
            phones += split_evenly(classes, sound.start * FRAME_S, (sound.start + sound.duration) * FRAME_S)
        return phones


def align_english(samples: FloatArray, transcript: str, name: str) -> tuple[Phone, ...]:
    """Phones of a recording (n,) at 16 kHz that says the transcript, in words of pocketsphinx's own dictionary.

    With the decoder's usual beams and no schwas apart, as the labels of the evaluation were made.

    Raises:
        EngineError: pocketsphinx is not installed, its dictionary lacks a word, or the sound does not fit the text.
    """
    decoder = _pocketsphinx().Decoder(samprate=SAMPLE_RATE_HZ, loglevel="FATAL", bestpath=False)
    words = re.findall(r"[a-z']+", transcript.lower())
    unknown = [word for word in words if decoder.lookup_word(word) is None]
    if unknown or not words:
        missing = ", ".join(unknown) or "none at all"
        raise EngineError(
            f"Transcript of {name} has words that pocketsphinx does not know: {missing}. Spell them otherwise."
        )
    alignment = _alignment(decoder, " ".join(words), (np.clip(samples, -1, 1) * 32767).astype(np.int16))
    if alignment is None:
        raise EngineError(
            f"The sound of {name} does not fit its transcript ({len(words)} words). Check that they belong together."
        )
    phones: list[Phone] = []
    for entry in alignment.phones():
        symbol = str(entry.name).lower()
        classes = ("SIL",) if symbol.startswith("+") else classes_of(symbol, ARPABET, "pocketsphinx")
        phones += split_evenly(classes, entry.start * FRAME_S, (entry.start + entry.duration) * FRAME_S)
    return tuple(merge_silences(phones))


def foreign_word(classes: Sequence[str]) -> Word:
    """A word of any language from its phone classes, with the spellings that the English model may hear in it."""
    base = [NEAREST.get(label, label) for label in classes]
    spellings = [base]
    for label, others in ALSO.items():
        if label in classes:
            spellings += [[other if c == label else sound for c, sound in zip(classes, start, strict=True)]
                          for start in list(spellings) for other in others]
    if tuple(classes[-2:]) == ("AX", "N") and len(classes) > 2:  # Dutch and German leave such an n out
        spellings.insert(1, base[:-1])
    unique = list(dict.fromkeys(tuple(sounds) for sounds in spellings))[:MOST_SPELLINGS]
    return tuple(Spelling(sounds, tuple((label,) for label in classes[:len(sounds)])) for sounds in unique)


def english_spelling(sounds: Sequence[str]) -> Spelling:
    """From ARPAbet phones of pocketsphinx's dictionary or of flite ("ax" is kept apart as a class)."""
    return Spelling(tuple("AH" if s in ("ax", "AX") else s.upper() for s in sounds),
                    tuple(classes_of(s.lower(), ARPABET, "pocketsphinx") for s in sounds))


@cache
def english_dictionary() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Word in lower case -> its pronunciations in ARPAbet, from pocketsphinx's dictionary."""
    path = Path(_pocketsphinx().get_model_path()) / "en-us" / "cmudict-en-us.dict"
    entries: dict[str, list[tuple[str, ...]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *sounds = line.split()
        entries.setdefault(word.split("(")[0], []).append(tuple(sounds))
    return {word: tuple(sounds) for word, sounds in entries.items()}


def trim_pauses(phones: Sequence[Phone], samples: NDArray[np.int16]) -> list[Phone]:
    """Give the quiet beginning of a phone after a pause, and the quiet end of one before a pause, to the pause.

    Source: the aligner starts a clip's first phone at its first frame, however long nobody speaks.
    """
    loud_db = frame_levels_db(samples)
    threshold_db = loud_db.max(initial=-120.0) - QUIET_DB
    trimmed: list[Phone] = []
    for i, phone in enumerate(phones):
        start_s, end_s = phone.start_s, phone.end_s
        if phone.label != "SIL":
            first, last = round(start_s / FRAME_S), max(round(end_s / FRAME_S), round(start_s / FRAME_S) + 1)
            loud = np.flatnonzero(loud_db[first:last] > threshold_db)
            if loud.size and (i == 0 or phones[i - 1].label == "SIL"):
                closure_s = LONGEST_FIRST_CLOSURE_S if phone.label in STOPS else 0.0
                heard_s = (first + int(loud[0])) * FRAME_S - closure_s
                start_s = max(start_s, min(heard_s, end_s - SHORTEST_PHONE_S))
            if loud.size and phone.label not in STOPS and (i + 1 == len(phones) or phones[i + 1].label == "SIL"):
                end_s = min(end_s, max((first + int(loud[-1]) + 1) * FRAME_S, start_s + SHORTEST_PHONE_S))
        if start_s > phone.start_s:
            trimmed.append(Phone("SIL", phone.start_s, start_s))
        trimmed.append(Phone(phone.label, start_s, end_s))
        if end_s < phone.end_s:
            trimmed.append(Phone("SIL", end_s, phone.end_s))
    return merge_silences(trimmed)


def frame_levels_db(samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """(n_frames,) level of each 10 ms in dB, for samples (n,) int16 at 16 kHz."""
    length = round(FRAME_S * SAMPLE_RATE_HZ)
    frames = np.pad(samples.astype(np.float64), (0, -samples.size % length)).reshape(-1, length)
    levels: NDArray[np.float64] = 10 * np.log10(np.square(frames).mean(axis=1) + 1.0)
    return levels


def _pocketsphinx() -> Any:  # noqa: ANN401  it has no types
    try:
        import pocketsphinx
    except ImportError as error:
        raise EngineError("Aligning recordings needs pocketsphinx. Install the extra unitalker[learn].") from error
    return pocketsphinx


def _alignment(decoder: Any, text: str, samples: NDArray[np.int16]) -> Any:  # noqa: ANN401  pocketsphinx has no types
    """Two passes: which spelling of each word and where, then the phones inside; None where the text does not fit."""
    decoder.set_align_text(text)
    try:
        _decode(decoder, samples)
        if decoder.hyp() is None:
            return None
        decoder.set_alignment()
        _decode(decoder, samples)
        return decoder.get_alignment()
    except RuntimeError:
        return None


def _decode(decoder: Any, samples: NDArray[np.int16]) -> None:  # noqa: ANN401  pocketsphinx has no types
    decoder.start_utt()
    try:
        decoder.process_raw(samples.tobytes(), no_search=False, full_utt=True)
    finally:
        decoder.end_utt()


def _padded(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    noise = np.random.default_rng(0).integers(
        -PAD_NOISE, PAD_NOISE + 1, size=(2, round(PAD_S * SAMPLE_RATE_HZ)), dtype=np.int16
    )
    return np.concatenate([noise[0], samples, noise[1]])
