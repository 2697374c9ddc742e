"""The networks on small random sizes: reach in time, normalisation, styles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from engine.nets.encoders import SAMPLES_PER_FRAME, make_encoder
from engine.nets.layers import PowerSpectrum, mel_filters
from engine.nets.unitalker import UniTalker, UniTalkerConfig

TINY_ENCODER = {"bands": 20, "channels": 12, "dilations": (1, 3), "norm_reach_s": 0.4}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def tiny_model() -> UniTalker:
    config = UniTalkerConfig(
        encoder_kind="mel", encoder=TINY_ENCODER, decoder_dim=10, style_dim=4, identities=("a", "b"), heads={"face": 5},
        phones=6,
    )
    model = UniTalker(config).eval()
    torch.nn.init.normal_(model.heads["face"].weight)
    return model


def noise(frames: int, level: float = 0.1):
    return level * torch.randn(1, frames * SAMPLES_PER_FRAME)


def run(model: UniTalker, wave, row: int = 0) -> np.ndarray:
    with torch.no_grad():
        return model(wave, torch.tensor([row]), "face")[0].numpy()


def test_one_frame_for_every_320_samples():
    assert run(tiny_model(), noise(37)).shape == (37, 5)


def test_trimmed_window_equals_the_whole():
    model, wave = tiny_model(), noise(200)
    reach = math.ceil(model.context_s * 50 - 1e-9)
    whole, part = run(model, wave), run(model, wave[:, 40 * SAMPLES_PER_FRAME:160 * SAMPLES_PER_FRAME])
    assert np.abs(whole[40 + reach:160 - reach] - part[reach:-reach]).max() < 1e-5
    assert np.abs(whole[40:160] - part).max() > 1e-2  # else the test would see nothing


def test_context_is_neither_too_short_nor_much_too_long():
    model, wave = tiny_model(), noise(200)
    changed = wave.clone()
    changed[:, 100 * SAMPLES_PER_FRAME:] = noise(100)
    frames = 100 - np.flatnonzero(np.abs(run(model, wave) - run(model, changed)).max(axis=1) > 0)[0]
    assert model.context_s * 50 - 4 <= frames <= math.ceil(model.context_s * 50)


def test_level_of_the_voice_cancels():
    encoder = make_encoder("mel", TINY_ENCODER).eval()
    wave = noise(100, 0.1) * (1 + torch.sin(torch.arange(32000) / 800))
    with torch.no_grad():
        loud, soft = encoder.norm(*encoder.mel(encoder.power(wave))), encoder.norm(
            *encoder.mel(encoder.power(0.3 * wave))
        )
    assert (loud - soft).abs().max() < 0.25  # nepers / 3; the level itself changed by 0.8


def test_noise_below_60_dbfs_is_not_raised_to_the_level_of_speech():
    encoder = make_encoder("mel", TINY_ENCODER).eval()
    with torch.no_grad():
        quiet = encoder.norm(*encoder.mel(encoder.power(noise(150, 10 ** (-62 / 20)))))
        speech_like = encoder.norm(*encoder.mel(encoder.power(noise(150, 0.1))))
    assert quiet.mean() < speech_like.mean() - 0.8


def test_full_scale_sine_has_power_one():
    seconds = torch.arange(50 * SAMPLES_PER_FRAME) / 16000
    power = PowerSpectrum()(torch.sin(2 * math.pi * 1000 * seconds)[None])
    assert power.shape == (1, 257, 100)
    assert power[0, 32, 20:80].mean() == pytest.approx(1, abs=0.02)  # bin 32 is 1000 Hz


def test_frame_pairs_are_centred_on_their_second():
    wave = torch.zeros(1, 40 * SAMPLES_PER_FRAME)
    wave[0, 20 * SAMPLES_PER_FRAME] = 1.0
    power = PowerSpectrum()(wave)[0].sum(0)
    centre = float((power * torch.arange(80)).sum() / power.sum())
    assert centre == pytest.approx(40.5, abs=0.05)  # frames 40 and 41 are pair 20


def test_every_mel_filter_is_a_mean():
    assert torch.allclose(mel_filters(80, 40, 7800).sum(1), torch.ones(80))


def test_head_starts_at_zero_and_pivot_is_the_last_row():
    model = UniTalker(UniTalkerConfig("mel", 8, 4, ("a", "b", "c"), {"face": 5}, 0, TINY_ENCODER)).eval()
    assert not run(model, noise(10)).any()
    assert model.pivot_index == 3 and model.styles.shape == (4, 4) and model.phone_head is None


def test_style_changes_the_motion():
    model, wave = tiny_model(), noise(30)
    assert np.abs(run(model, wave, 0) - run(model, wave, 1)).max() > 0.01


def test_unknown_encoder_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'sound' is unknown. Known: mel, moonshine, bundled, wavlm"):
        make_encoder("sound", {})
