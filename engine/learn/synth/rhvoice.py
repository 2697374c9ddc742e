"""Speak with RHVoice, whose voices were built from recordings, and align what it said: it gives no phone times itself.

Only voices under LGPL-2.1-or-later are named here; several others of Debian's packages forbid changes or commercial
use.
"""

from __future__ import annotations

import random
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...values.errors import EngineError
from .align import Word
from .real import Tools, align_samples, read_samples
from .spelling import english_words, foreign_words
from .utterance import Utterance

VOICES: Mapping[str, str] = {  # voice -> language of espeak-ng that knows its words ("en": the English dictionary)
    "alan": "en", "bdl": "en", "clb": "en", "slt": "en",
    "aleksandr": "ru", "anna": "ru", "elena": "ru", "irina": "ru", "anatol": "uk", "natalia": "uk", "spomenka": "eo",
    "azamat": "ky", "nazgul": "ky",
}
RATE_PERCENT, PITCH_PERCENT = (80, 125), (85, 118)
TIMEOUT_S = 60


def speak_all(texts: Sequence[str], voice: str, rng: random.Random, tools: Tools) -> list[Utterance]:
    """Speak the lines at random rate and pitch; lines whose phones the aligners place differently are left out.

    Raises:
        EngineError: RHVoice or the voice is not installed.
    """
    utterances: list[Utterance] = []
    for text in texts:
        line = "".join(c for c in text if c.isalpha() or c in " ,.?!'").strip()
        language = VOICES[voice]
        words: Sequence[Word] = english_words(line) if language == "en" else foreign_words(line, language, tools.espeak)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "speech.wav"
            _speak(line, voice, path, rng)
            samples = read_samples(path)
        utterances += align_samples(samples, words, f"rhvoice {voice}", tools)
    return utterances


def _speak(text: str, voice: str, path: Path, rng: random.Random) -> None:
    command = [
        "RHVoice-test", "-p", voice, "-r", str(rng.randint(*RATE_PERCENT)), "-t", str(rng.randint(*PITCH_PERCENT)),
        "-o", str(path)
    ]
    try:
        subprocess.run(command, input=text.encode(), capture_output=True, timeout=TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineError(
            f"RHVoice failed with voice {voice}: {error}. Install rhvoice and its language package (non-free)."
        ) from error
    if not path.exists() or path.stat().st_size < 1000:
        raise EngineError(f"RHVoice voice {voice} said nothing for {text!r}. Is its language package installed?")
