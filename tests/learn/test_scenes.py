"""Scenes: speech joined and changed, with its phones in time."""

from __future__ import annotations

import random

import numpy as np
import pytest

from engine.learn.augment.colour import mu_law
from engine.learn.augment.recording import AugmentConfig, augment
from engine.learn.augment.rooms import in_soft_room
from engine.learn.data import scenes
from engine.learn.data.scenes import Corpus, load_scenes, make_scene, make_scenes
from engine.learn.synth.phones import Phone
from engine.learn.synth.utterance import Utterance, save_shard
from engine.values.errors import EngineError

RATE_HZ = 16000


def utterance(label: str, hz: float) -> Utterance:
    """Half a second of silence, a tone, silence."""
    tone = np.sin(2 * np.pi * hz * np.arange(RATE_HZ // 2) / RATE_HZ) * 20000
    samples = np.concatenate([np.zeros(RATE_HZ // 2), tone, np.zeros(RATE_HZ // 2)]).astype(np.int16)
    return Utterance(samples, (Phone("SIL", 0, 0.5), Phone(label, 0.5, 1.0), Phone("SIL", 1.0, 1.5)), label)


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    save_shard(tmp_path / "synth_0.npz", [utterance("AA", 300)] * 9)
    save_shard(tmp_path / "real_0.npz", [utterance("M", 600)])
    return Corpus(tmp_path, {"real_": 0.4})


def test_share_of_a_source_does_not_depend_on_its_size(corpus):
    rng = random.Random(0)
    drawn = [corpus.draw(rng).voice for _ in range(3000)]
    assert drawn.count("M") / 3000 == pytest.approx(0.4, abs=0.03)


def test_phones_lie_where_their_sound_is(corpus):
    sounds, silences = [], []
    for seed in range(12):
        scene = make_scene(corpus, None, seed)
        power = scene.wave.astype(np.float32).reshape(-1, 320).std(axis=1)
        if power.max() < 0.02:
            continue
        for phone in scene.phones:
            first, last = round(max(phone.start_s, 0) * 50) + 2, round(phone.end_s * 50) - 2
            if first < last <= len(power):
                (silences if phone.label == "SIL" else sounds).append(float(np.median(power[first:last]) / power.max()))
    assert np.median(sounds) > 0.4 and np.median(silences) < 0.15


def test_scene_of_a_seed_is_always_the_same(corpus):
    a, b = make_scene(corpus, None, 3), make_scene(corpus, None, 3)
    assert np.array_equal(a.wave, b.wave) and a.phones == b.phones
    assert not np.array_equal(a.wave[:1000], make_scene(corpus, None, 4).wave[:1000])


def test_scenes_are_read_back_as_they_were_made(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "SCENES_PER_FILE", 3)
    make_scenes(corpus, tmp_path / "scenes", 0.02, None)
    read = load_scenes(tmp_path / "scenes")
    made = make_scene(corpus, None, 1)
    assert (
        np.array_equal(read[1].wave, made.wave) and [p.label for p in read[1].phones] == [p.label for p in made.phones]
    )
    assert read[1].phones[-1].end_s == pytest.approx(made.phones[-1].end_s, abs=1e-5)


def test_interrupted_making_goes_on(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(scenes, "SCENES_PER_FILE", 2)
    make_scenes(corpus, tmp_path / "scenes", 0.02, None)
    paths = sorted((tmp_path / "scenes").glob("*.npz"))
    kept = paths[0].stat().st_mtime_ns
    paths[-1].unlink()
    make_scenes(corpus, tmp_path / "scenes", 0.02, None)
    assert paths[-1].exists() and paths[0].stat().st_mtime_ns == kept


def test_no_scenes_is_an_error_with_the_next_step(tmp_path):
    with pytest.raises(EngineError, match=r"No scenes in .*Make them first"):
        load_scenes(tmp_path)


def test_augmentation_keeps_time():
    wave = np.zeros(RATE_HZ * 2, np.float32)
    wave[RATE_HZ:RATE_HZ + 160] = 0.5
    calm = AugmentConfig(noise=0, backdrop=0, hum=0, clip=0)
    for seed in range(20):
        out = augment(wave, [], calm, np.random.default_rng(seed))
        assert abs(int(np.abs(out).argmax()) - RATE_HZ) < 400
        assert np.isfinite(out).all() and np.abs(out).max() <= 1


def test_room_adds_a_tail_and_keeps_the_direct_sound():
    wave = np.zeros(RATE_HZ, np.float32)
    wave[1000] = 1
    out = in_soft_room(wave, 0.3, 6.0, np.random.default_rng(0))
    assert out[1000] == pytest.approx(1, abs=1e-5) and np.abs(out[:1000]).max() < 1e-6
    assert (out[1001:] ** 2).sum() == pytest.approx(10 ** -0.6, rel=0.05)


def test_telephone_code_is_coarse_but_near():
    wave = np.linspace(-1, 1, 1000, dtype=np.float32)
    assert np.abs(mu_law(wave) - wave).max() < 0.05 and len(np.unique(mu_law(wave))) < 260


def test_silence_becomes_noise_not_speech():
    out = augment(np.zeros(RATE_HZ, np.float32), [], AugmentConfig(noise=1), np.random.default_rng(0))
    assert out.any() and np.isfinite(out).all()
