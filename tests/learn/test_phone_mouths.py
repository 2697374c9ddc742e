"""The table of mouths that phone edits use: it is what the bundled model does, and a retyped phone comes near to the
real one."""

from __future__ import annotations

import ctypes.util
from dataclasses import replace

import numpy as np
import pytest

from engine import Settings, Waveform, animate
from engine.learn.synth.espeak import Espeak
from engine.learn.visemes.measure_mouths import measure
from engine.speech.coarticulation import table
from engine.values.phones import PHONES, Phone
from engine.values.types import Motion

pytestmark = pytest.mark.skipif(ctypes.util.find_library("espeak-ng") is None, reason="no espeak-ng library")

PAIRS = (
    ("pet", "pat"), ("beet", "boot"), ("ten", "men"), ("seat", "sheet"), ("pin", "fin"), ("tie", "my"),
    ("night", "fight"), ("sat", "mat"),
)
PLACES = (0.25, 0.5, 0.75)      # of a phone


def test_the_table_agrees_with_the_bundled_model():
    """Measured again on a quarter of the speech, which is other speech: frequent phones agree."""
    measured = measure(Settings.model, lines=40, foreign_lines=8)
    assert measured.channels == table().channels
    firm = [
        PHONES.index(label) for label in ("P", "B", "M", "F", "AA", "AE", "IY", "IH", "EH", "S", "W", "AX", "T", "L")
    ]
    assert np.abs(measured.targets[firm] - table().targets[firm]).mean() < 0.012
    assert np.corrcoef(measured.targets[firm].ravel(), table().targets[firm].ravel())[0, 1] > 0.97
    assert measured.explained.mean() > 0.7


def test_a_retyped_phone_is_nearer_to_the_spoken_one_than_to_what_it_was():
    """"Say pet again" retyped to "pat", against the model's own motion of "Say pat again", at three places of the
    phone."""
    program, plain = Espeak(), Settings(fps=50, device="cpu")
    before, after = [], []
    for said, wanted in PAIRS:
        spoken = [program.speak(f"Say {word} again to me.", "en-us", 150, 50, 50) for word in (said, wanted)]
        waves = [Waveform(utterance.samples.astype(np.float32) / np.float32(32768)) for utterance in spoken]
        other = next(
            i
            for i,
            (one, two) in enumerate(zip(spoken[0].phones, spoken[1].phones, strict=False)) if one.label != two.label
        )
        old, new = spoken[0].phones[other], spoken[1].phones[other]
        unedited, real = (animate(wave, plain) for wave in waves)
        told = with_phone(unedited.phones, replace(old, label=new.label))
        edited = animate(waves[0], replace(plain, phones=told))
        for place in PLACES:
            target = mouth(real.motion, new, place)
            before.append(np.square(mouth(unedited.motion, old, place) - target).sum())
            after.append(np.square(mouth(edited.motion, old, place) - target).sum())
    assert np.sqrt(np.mean(after)) < 0.45 * np.sqrt(np.mean(before))


def with_phone(phones: tuple[Phone, ...], new: Phone) -> tuple[Phone, ...]:
    """The phones with a new one in the place of what sounds then."""
    early = [
        replace(phone, end_s=min(phone.end_s, new.start_s)) for phone in phones if phone.start_s < new.start_s - 0.015
    ]
    late = [
        replace(phone, start_s=max(phone.start_s, new.end_s)) for phone in phones if phone.end_s > new.end_s + 0.015
    ]
    return (*early, new, *late)


def mouth(motion: Motion, phone: Phone, place: float) -> np.ndarray:
    columns = [motion.channels.index(name) for name in table().channels]
    return motion.weights[round((phone.start_s + place * (phone.end_s - phone.start_s)) * motion.fps), columns]
