"""`finetune` of the Composite: a head for the vertices of the user's own takes, on the network as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine import Motion, Settings, animate, reference_of
from engine.__main__ import run
from engine.learn.data.official import Dataset
from engine.model.folder import open_model
from engine.values.channels import ARKIT_52
from engine.values.types import Waveform

from .faces import make_set, syllables

WIDTH, FPS = 18, 25


@pytest.fixture(scope="module")
def carried(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    make_set(folder, Dataset("V", "V", "my_vertices", 1.0, 2, True, FPS), WIDTH, FPS, seconds=1.5, seed=3)
    assert run(["finetune", "composite", str(folder / "V"), "--reader", "a2f", "-o", str(folder / "mine")]) == 0
    return folder / "mine"


def test_the_network_stays_and_has_a_head_of_vertices(carried):
    model, before = open_model(str(carried)), open_model("composite")
    assert model.system == "composite" and model.head("").id == "my_vertices" and model.head("").space == "vertices"
    same = ("decoder.onnx", "motion.onnx", "identities.npy")
    assert [dict(model.hashes)[name] for name in same] == [dict(before.hashes)[name] for name in same]


def test_its_vertices_follow_the_sound_as_the_takes_do(carried):
    loudness, sound = syllables(np.random.default_rng(9), 1.5)
    made = animate(Waveform(sound), Settings(str(carried), raw=True, threads=1, device="cpu")).motion
    heard = np.interp(np.arange(len(made.weights)) / FPS, np.arange(len(loudness)) / 16000, loudness)
    assert made.fps == FPS and made.weights.shape[1] == WIDTH
    moved = made.weights - made.weights.mean(axis=0)
    assert np.corrcoef(moved.mean(axis=1), heard)[0, 1] > 0.8


def test_a_reference_still_changes_what_it_gives(carried):
    _, sound = syllables(np.random.default_rng(9), 1.5)
    wide = np.abs(np.sin(np.arange(100)[:, None] * np.linspace(0.2, 0.5, 52))).astype(np.float32)
    plain = Settings(str(carried), raw=True, threads=1, device="cpu")
    styled = replace(plain, references=(reference_of(Motion(wide, ARKIT_52, 25.0), "wide"),))
    first, second = (animate(Waveform(sound), settings).motion.weights for settings in (plain, styled))
    assert np.abs(first - second).max() > 1e-3
