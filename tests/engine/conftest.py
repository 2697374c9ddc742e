"""Fixtures of the engine tests: the tiny model, and sounds made by code."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from engine import Settings, Waveform
from engine.values.cache import forget_all

DATA = Path(__file__).resolve().parent.parent / "data"


@pytest.fixture(autouse=True)
def nothing_kept():
    forget_all()


@pytest.fixture
def tiny() -> Settings:
    return Settings(model=str(DATA / "tiny"), threads=1, fps=30)


@pytest.fixture
def tiny_copy(tmp_path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(DATA / "tiny", tmp_path / "tiny"))


@pytest.fixture
def syllables() -> Waveform:
    return make_syllables(6.0)


def make_syllables(duration_s: float, seed: int = 0) -> Waveform:
    """Noise bursts four times a second, with silence between them."""
    random = np.random.default_rng(seed)
    t = np.arange(round(duration_s * 16000)) / 16000
    loudness = np.maximum(np.sin(2 * np.pi * 4 * t), 0) * (0.3 + 0.2 * np.sin(2 * np.pi * 0.3 * t))
    return Waveform((loudness * random.normal(scale=0.6, size=len(t))).astype(np.float32))
