"""Text without a voice: what espeak-ng says of it as a sound file, which a take then has as it has any other sound."""

from __future__ import annotations

import hashlib
import os
import re
import wave
from pathlib import Path

from ...engine import speak
from ..host.preferences import user_folder

FOLDER = "placeholders"         # of the user's own: a file that is gone is made again from its take's words
NAME_LETTERS = 24               # of the words, in the name of the file and so of the take


def sound_file(text: str, language: str, rate: float) -> str:
    """The sound file of a text, made where it is not there yet.

    Raises:
        SettingError: no words, or an unknown language. InstallError: no espeak-ng.
    """
    mark = hashlib.sha256(repr((text, language, round(rate, 4))).encode()).hexdigest()[:8]
    words = re.sub(r"[^\w]+", " ", text).strip()[:NAME_LETTERS].strip()
    path = Path(user_folder(FOLDER, create=True)) / f"{words} {mark}.wav"
    if not path.is_file():
        samples, rate_hz = speak(text, language, rate)
        part = path.with_suffix(".part")
        with wave.open(str(part), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate_hz)
            file.writeframes(samples)
        os.replace(part, path)
    return str(path)
