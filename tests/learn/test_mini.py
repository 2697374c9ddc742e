"""The bundled model, by the path that ships: what an animator would notice first."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import Settings, Waveform, animate
from engine.learn.evaluate.evaluate import evaluate, in_noisy_room
from engine.learn.evaluate.metrics import SHUT_BELOW, beats, seen_mouth
from engine.learn.evaluate.report import LOUDNESS, OURS
from engine.learn.synth import flite
from engine.model.folder import open_model
from engine.values.channels import ARKIT_52

ROOT = Path(__file__).parents[2]
REAL_SPEECH = ROOT.parent / "shared" / "data" / "speech" / "english_aligned"
MINI = Settings(model="mini", fps=50, device="cpu", threads=1)
SENTENCE = "Bob put five maps by my window. Pam may move both lamps."

needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


def mouth(samples: np.ndarray, settings: Settings = MINI):
    motion = animate(Waveform(samples.astype(np.float32)), settings).motion
    return seen_mouth(motion.weights, motion.channels)


def speech():
    return flite.speak(SENTENCE, "slt", random.Random(3))


def test_folder_is_small_and_has_five_styles_beside_the_pivot():
    folder = ROOT / "weights" / "mini"
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 15_000_000
    model = open_model(str(folder))
    assert model.identities[0].id == model.identities[model.pivot].id == "pivot"
    assert {"relaxed", "clear", "wide", "rounded", "soft"} <= {identity.id for identity in model.identities}
    assert model.head("arkit52").channels == tuple(ARKIT_52)


@pytest.mark.parametrize("level_db", [-60, -45, -30])
def test_noise_does_not_move_the_mouth(level_db):
    noise = np.random.default_rng(0).normal(size=16000 * 8) * 10 ** (level_db / 20)
    assert mouth(noise).opening.max() < 0.25
    assert mouth(noise).opening.mean() < 0.06


def test_mains_hum_does_not_move_the_mouth():
    seconds = np.arange(16000 * 8) / 16000
    hum = sum(np.sin(2 * np.pi * 50 * k * seconds) / k for k in (1, 2, 3, 5)) * 0.03
    assert mouth(hum).opening.mean() < 0.06


@needs_flite
def test_lips_meet_on_p_b_m_of_a_synthetic_voice():
    utterance = speech()
    opening = mouth(utterance.samples / 32768).opening
    closers = [p for p in utterance.phones if p.label in "PBM"]
    lowest = [opening[int(p.start_s * 50) - 1:int(p.end_s * 50) + 3].min() for p in closers]
    assert len(closers) >= 12
    assert np.mean(np.array(lowest) < SHUT_BELOW) >= 0.85


@needs_flite
def test_styles_are_seen():
    samples = speech().samples / 32768
    seen = {
        name: mouth(samples, replace(MINI, identity=name))
        for name in ("pivot", "relaxed", "clear", "wide", "rounded", "soft", "energetic")
    }
    jaw = {name: float(value.jaw.mean()) for name, value in seen.items()}
    rounding = {name: float(value.rounding.mean()) for name, value in seen.items()}
    assert jaw["soft"] < 0.8 * jaw["pivot"] < 0.8 * 0.9 * jaw["energetic"]
    assert jaw["relaxed"] < 0.9 * jaw["clear"]
    assert rounding["rounded"] > 1.25 * rounding["wide"]


@needs_flite
def test_a_quiet_voice_moves_the_mouth_as_a_loud_one():
    samples = speech().samples / 32768
    loud, quiet = mouth(samples), mouth(samples * 0.1)
    assert np.corrcoef(loud.opening, quiet.opening)[0, 1] > 0.95


@needs_flite
def test_noise_and_room_leave_the_motion_alike():
    samples = (speech().samples / 32768).astype(np.float32)
    assert np.corrcoef(mouth(samples).jaw, mouth(in_noisy_room(samples, 0)).jaw)[0, 1] > 0.75


@pytest.mark.skipif(not REAL_SPEECH.is_dir(), reason="../shared with the real recordings is absent")
def test_mini_beats_loudness_on_real_speech():
    report = evaluate("mini", REAL_SPEECH)
    lost = [name for name, won in beats(report.columns[OURS], report.columns[LOUDNESS]).items() if not won]
    assert lost == []
    assert report.columns[OURS].r_lip > 0.7
