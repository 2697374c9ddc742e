"""A text that nobody has said yet, as sound: espeak-ng speaks it, so that a face has something to follow meanwhile."""

from __future__ import annotations

import numpy as np

from ..audio.read import from_array
from ..values.types import Waveform
from . import g2p

FULL_SCALE = 32768.0
PLACEHOLDER = (
    "This is a placeholder: espeak-ng gave the times of the words, not a voice. Make it again when there is a sound."
)


def speak(text: str, language: str = "", speed: float = 1.0) -> Waveform:
    """The text as sound. Raises SettingError, InstallError as read_words does, AudioError: less than 0.1 s of it.

    Args:
        language: as for read_words. speed: 1 is 175 words a minute, a common rate of speech.
    """
    samples, rate_hz = g2p.speak(text, language, speed)
    return from_array(np.frombuffer(samples, "<i2").astype(np.float32) / FULL_SCALE, rate_hz)
