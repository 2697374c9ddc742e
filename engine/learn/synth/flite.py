"""Speak with flite and read the phone end times that `-psdur` prints."""

import random
import subprocess
import tempfile
from pathlib import Path

import soundfile

from ...values.errors import EngineError
from .phones import ARPABET, Phone, classes_of, merge_silences, split_evenly
from .utterance import Utterance, make_utterance

MEAN_F0_HZ = {"slt": 170.0, "rms": 95.0, "awb": 130.0, "kal16": 105.0}
TIMEOUT_S = 60


def speak(text: str, voice: str, rng: random.Random) -> Utterance:
    """Speak one line with random duration stretch and mean pitch.

    Raises:
        EngineError: flite is missing or failed.
        PhoneSymbolError, ValueError: as in make_utterance.
    """
    stretch = rng.uniform(0.85, 1.3)
    f0_hz = MEAN_F0_HZ[voice] * rng.uniform(0.8, 1.3)
    with tempfile.TemporaryDirectory() as folder:
        wave_path = Path(folder) / "speech.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.3f}",
                   "--setf", f"int_f0_target_mean={f0_hz:.1f}", "-psdur", "-t", text, "-o", str(wave_path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise EngineError(f"flite failed on {text!r}: {error}. Install the package flite.") from error
        samples, rate_hz = soundfile.read(wave_path, dtype="float32")
    return make_utterance(samples, rate_hz, phones_from_durations(done.stdout, voice), f"flite {voice}")


def phones_from_durations(printed: str, voice: str) -> list[Phone]:
    """Phones from `name:end_s` fields separated by blanks."""
    phones: list[Phone] = []
    start_s = 0.0
    for field in printed.split():
        symbol, _, end = field.rpartition(":")
        phones.extend(split_evenly(classes_of(symbol, ARPABET, f"flite {voice}"), start_s, float(end)))
        start_s = float(end)
    return merge_silences(phones)
