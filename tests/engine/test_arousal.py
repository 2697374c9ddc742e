"""What a voice tells of its mood: an intensity that follows effort, and laughs that are sure."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Waveform, animate, read_audio
from engine.idle.arousal import HIGHEST, LOWEST, arousal
from engine.values.phones import Phone
from engine.values.settings import Settings
from tests.engine.conftest import DATA

RATE = 16000
LAUGHED = ["HH", "AA"] * 7
SPOKEN = ["P", "AA", "T", "IY", "K", "EH", "S", "UW", "M", "AO", "L", "IH", "B", "AE"]


def phones(labels: list[str]) -> list[Phone]:
    """So many phones of 105 ms each from half a second on."""
    said = [Phone(label, 0.5 + 0.105 * number, 0.605 + 0.105 * number) for number, label in enumerate(labels)]
    return [Phone("SIL", 0, 0.5), *said, Phone("SIL", 1.97, 3)]



def voice(level: np.ndarray) -> Waveform:
    seconds = np.arange(len(level)) / RATE
    return Waveform((level * np.sign(np.sin(2 * np.pi * 140 * seconds)) * 0.3).astype(np.float32))


def notes() -> Waveform:
    """Seven notes of 75 ms every 210 ms that fall by 1.5 dB each."""
    level, seconds = np.zeros(3 * RATE), np.arange(3 * RATE) / RATE
    for number in range(7):
        start = 0.605 + 0.21 * number
        level[(seconds >= start) & (seconds < start + 0.075)] = 10 ** (-1.5 * number / 20)
    return voice(level)


def test_intensity_follows_effort_within_its_limits():
    seconds = np.arange(8 * RATE) / RATE
    found = arousal(voice(np.where(seconds < 4, 0.1, 1.0) * (0.1 + (np.sin(2 * np.pi * 2 * seconds) > 0))), ())
    calm, strong = (found.intensity[np.abs(found.seconds - at) < 1].mean() for at in (1.5, 6.0))
    assert calm < 0.9 and strong > 1.1
    assert found.intensity.min() >= LOWEST and found.intensity.max() <= HIGHEST


def test_a_clip_at_one_strength_is_left_alone():
    seconds = np.arange(8 * RATE) / RATE
    found = arousal(voice(0.2 + 0.8 * (np.sin(2 * np.pi * 2 * seconds) > 0)), ())
    assert np.abs(found.intensity - 1)[10:-10].max() < 0.12
    assert arousal(Waveform(np.zeros(RATE, np.float32)), ()).intensity.tolist() == [1] * 10


def test_a_laugh_is_even_falling_notes_of_one_vowel():
    (first, last), = arousal(notes(), phones(LAUGHED)).laughs
    assert first == pytest.approx(0.5, abs=0.15) and last == pytest.approx(2.0, abs=0.15)
    assert arousal(notes(), phones(SPOKEN)).laughs == () and arousal(notes(), ()).laughs == ()


def test_spoken_lines_do_not_laugh():
    wave = read_audio(DATA / "sample.flac")
    assert arousal(wave, animate(wave, Settings(threads=1)).phones).laughs == ()
