"""A voice's manner becomes a style of the bundled model: what is heard, what it changes, and what is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from engine import Settings, Waveform, animate, read_audio
from engine.__main__ import run
from engine.audio.voice_manner import manner_statistics
from engine.learn.manners.voice_manners import MANNERS, fit_ear, manners_of, utterance_of
from engine.model.folder import open_model
from engine.model.voice_style import hear_style
from engine.values.errors import SettingError
from engine.values.settings import THIS_SOUND

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample.flac"
TINY = Path(__file__).resolve().parents[1] / "data" / "tiny"
SETTINGS = Settings(device="cpu", threads=1, raw=True)


@cache
def sample() -> Waveform:
    return read_audio(SAMPLE)


@cache
def in_manners() -> dict[str, Waveform]:
    utterance = utterance_of(sample(), "sample")
    made = dict(manners_of(utterance, random.Random(1)))
    return {**{name: Waveform(np.asarray(samples, np.float32)) for name, samples in made.items()}, "calm": sample()}


@pytest.mark.parametrize("manner", ["calm", "shouted", "whispered", "sung"])
def test_manners_of_a_voice_are_heard(manner):
    heard = hear_style(in_manners()[manner], open_model("mini"))
    assert heard.heard.split(":")[0] == manner and heard.manners[manner] > 0.5


def test_what_is_heard_moves_the_mouth_as_its_style_says():
    model = open_model("mini")
    shout = hear_style(in_manners()["shouted"], model)
    ids = [identity.id for identity in model.identities]
    wanted = model.styles[ids.index("energetic")] - model.styles[model.pivot]
    moved = shout.vector - model.styles[model.pivot]
    assert float(moved @ wanted) / (np.linalg.norm(moved) * np.linalg.norm(wanted)) > 0.8


def test_a_borrowed_manner_changes_the_motion_and_is_said(tmp_path):
    soundfile.write(tmp_path / "shout.flac", in_manners()["shouted"].samples, 16000)
    plain = animate(sample(), SETTINGS)
    own = animate(sample(), replace(SETTINGS, voice=THIS_SOUND))
    borrowed = animate(sample(), replace(SETTINGS, voice=str(tmp_path / "shout.flac")))
    jaw = [made.motion["jawOpen"].std() for made in (plain, own, borrowed)]
    assert borrowed.heard.startswith("shouted: Energetic ") and own.heard.startswith("calm")
    assert jaw[2] > 1.1 * jaw[0] and abs(jaw[1] - jaw[0]) < 0.05 * jaw[0] and plain.heard == ""


def test_strength_counts_from_the_pivot(tmp_path):
    soundfile.write(tmp_path / "shout.flac", in_manners()["shouted"].samples, 16000)
    none = animate(sample(), replace(SETTINGS, voice=str(tmp_path / "shout.flac"), strength=0.0))
    assert np.array_equal(none.motion.weights, animate(sample(), SETTINGS).motion.weights)


def test_the_recordings_level_does_not_count():
    quiet = Waveform(sample().samples * np.float32(0.05))
    assert np.allclose(manner_statistics(quiet), manner_statistics(sample()), atol=0.05)


@pytest.mark.parametrize("samples", [np.zeros(32000, np.float32), np.ones(2000, np.float32) * 0.1])
def test_without_speech_the_pivot_stays(samples):
    model = open_model("mini")
    heard = hear_style(Waveform(samples), model)
    assert np.array_equal(heard.vector, model.styles[model.pivot]) and "too little speech" in heard.heard


def test_a_model_without_an_ear_for_voices_says_so():
    with pytest.raises(SettingError, match="cannot take its style from a voice"):
        animate(sample(), replace(SETTINGS, model=str(TINY), voice=THIS_SOUND))


def test_the_command_line_says_what_it_heard(tmp_path, capsys):
    assert run(["animate", str(SAMPLE), "-o", str(tmp_path / "a.npz"), "--voice", "self", "--device", "cpu"]) == 0
    assert "voice: calm: neutral style" in capsys.readouterr().out


def test_an_ear_learns_to_tell_clusters_apart():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(MANNERS)), 30)
    numbers = rng.normal(size=(len(labels), 8)) + 3 * np.eye(8)[labels % 8]
    ear = fit_ear(numbers, labels.tolist())
    assert (ear.scores(numbers).argmax(axis=1) == labels).mean() > 0.9
