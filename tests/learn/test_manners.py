"""Manners and the recipe that learns them: what a manner does to speech, batches, the null, export, learned regions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine import Motion, Settings, animate, reference_of
from engine.audio.read import from_array
from engine.learn.data.filmed_lips import FilmedClip
from engine.learn.data.scenes import Scene
from engine.learn.export.from_run import export
from engine.learn.manners import real_manners
from engine.learn.manners.figures import learned_regions
from engine.learn.manners.manners import FPS, Manner, draw_manner, perform, rest_pose
from engine.learn.manners.performances import Performance, Performances, Performer, load_performances, make_performances
from engine.learn.manners.real_manners import animated_motion, filmed_motions
from engine.learn.synth.phones import Phone
from engine.learn.systems.composite import CompositeManners, PerformanceTraining, draw_batch
from engine.motion import lip_contact
from engine.values.channels import ARKIT_52
from engine.values.settings import MANNER_REGIONS

LABELS = ("SIL", "M", "AA", "P", "IY", "B", "UW", "F", "EH", "SIL", "T", "OW", "M", "AE", "SIL")
PHONES = tuple(Phone(label, 0.12 * i, 0.12 * (i + 1)) for i, label in enumerate(LABELS))
N_FRAMES = round(0.12 * len(LABELS) * FPS)
JAW, SMILE_L, SMILE_R = (ARKIT_52.index(name) for name in ("jawOpen", "mouthSmileLeft", "mouthSmileRight"))


def spoken(manner: Manner, efforts=None) -> Motion:
    return Motion(perform(PHONES, N_FRAMES, manner, efforts), ARKIT_52, FPS)


@pytest.mark.parametrize("seed", range(12))
def test_lips_meet_on_every_p_b_m_in_every_manner(seed):
    gap = lip_contact.opening(spoken(draw_manner(seed)))
    for phone in PHONES:
        if phone.label in "PBM":
            near = gap[round(phone.start_s * FPS):round(phone.end_s * FPS) + 2]
            assert near.min() < lip_contact.CLOSED_BELOW, phone


def test_a_seed_gives_its_manner_again_and_another_seed_another():
    assert draw_manner(7) == draw_manner(7) != draw_manner(8)


def test_a_face_rests_in_its_pose_and_speaks_from_there():
    manner = Manner(rest={"mouthSmileLeft": 0.4, "mouthSmileRight": 0.4, "browInnerUp": 0.3})
    pose, plain, moved = rest_pose(manner), spoken(Manner()), spoken(manner)
    assert pose[[SMILE_L, SMILE_R]] == pytest.approx([0.4, 0.4]) and pose.sum() == pytest.approx(1.1, abs=1e-5)
    assert np.allclose(moved["browInnerUp"], 0.3) and np.allclose(moved["jawOpen"], plain["jawOpen"])
    assert (moved["mouthSmileLeft"] >= plain["mouthSmileLeft"] - 1e-6).all()


def test_parted_lips_at_rest_give_way_to_contacts():
    parted = spoken(Manner(rest={"jawOpen": 0.16, "mouthLowerDownLeft": 0.1, "mouthLowerDownRight": 0.1}))
    closed = lip_contact.closed_frames(spoken(Manner())) & (spoken(Manner())["mouthPressLeft"] > 0.3)
    assert closed.any() and lip_contact.closed_frames(parted)[closed].all()
    assert lip_contact.opening(parted)[2] > 0.15


def test_one_side_leads():
    uneven = spoken(Manner(side=0.4))
    assert uneven["mouthLowerDownLeft"].std() > 1.8 * uneven["mouthLowerDownRight"].std()


def test_brows_rise_before_loud_vowels_alone():
    loud = [6.0 if index == 4 else 0.0 for index in range(len(PHONES))]
    brow = spoken(Manner(brows=0.5), loud)["browInnerUp"]
    middle_s = (PHONES[4].start_s + PHONES[4].end_s) / 2
    assert brow.max() > 0.3 and -0.16 < brow.argmax() / FPS - middle_s < -0.05
    assert not spoken(Manner(brows=0.5), [0.0] * len(PHONES))["browInnerUp"].any()


def test_a_mood_stands_in_the_resting_face():
    happy = rest_pose(Manner(mood="happy", amount=1.0))
    assert 0.2 < happy[SMILE_L] <= 0.8 and happy[ARKIT_52.index("cheekSquintLeft")] > 0.5


# ---- what people did

def test_animated_controls_become_channels_of_both_sides():
    names = sorted({name for controls in real_manners._ANIMATED.values() for name, _ in controls} | {
        f"{stem}_{side}" for stems in real_manners._ANIMATED_SIDES.values() for stem in stems for side in "lr"
    })
    curves = np.zeros((3, len(names)), np.float32)
    curves[1, names.index("mouth_stretch_c")] = 1.0
    curves[2, names.index("mouth_lipCornerPull_l")] = 0.5
    motion = animated_motion(curves, names)
    assert motion["jawOpen"] == pytest.approx([0, 0.85, 0])
    assert motion["mouthSmileLeft"][2] == 0.5 and motion["mouthSmileRight"][2] == 0


def test_a_filmed_jaw_moves_a_models_motion_and_keeps_its_contacts():
    base = spoken(Manner())
    kept = Motion(base.weights.copy(), base.channels, base.fps)
    film_frames = np.arange(round(N_FRAMES / 2))
    chin = np.sin(film_frames)
    film = FilmedClip("a", np.zeros(N_FRAMES * 320, np.float32), 25.0, chin, chin, -chin, chin > 2)
    take, = filmed_motions([film], [base], [Motion(chin[:, None] * 0.1 + 0.2, ("browInnerUp",), 25.0)])
    moved = Motion(take.motion, ARKIT_52, FPS)
    pressed = lip_contact.closed_frames(kept) & (kept["mouthPressLeft"] > 0.3)
    assert lip_contact.closed_frames(moved)[pressed].all()
    assert take.seen[:, ARKIT_52.index("browInnerUp")].max() > 0.25 and not take.seen[:, JAW].any()
    free = ~lip_contact.closed_frames(kept)
    seen = np.interp(np.arange(N_FRAMES) / 2, film_frames, chin)
    assert np.corrcoef((moved["jawOpen"] - moved["mouthClose"])[free], seen[free])[0, 1] > 0.8


# ---- batches and training

TINY = CompositeManners(batch_size=6, crop_s=0.6, reference_s=(1.0, 3.0), width=8, style_width=8, plain_share=0.3)


@pytest.fixture(scope="module")
def performances() -> Performances:
    """Four manners and the plain one, each in three takes; features are those of noise."""
    rng = np.random.default_rng(0)

    def performer(manner: Manner) -> Performer:
        motion = perform(PHONES, N_FRAMES, manner).astype(np.float16)
        features = [rng.normal(size=(N_FRAMES, 208)).astype(np.float16) for _ in range(3)]
        return Performer(tuple(Performance(rows, motion, motion) for rows in features), rest_pose(manner))

    return Performances(tuple(performer(draw_manner(seed)) for seed in range(4)), performer(Manner()), ())


def test_a_seed_gives_its_batch_again(performances):
    one, two, other = (draw_batch(performances, TINY, seed) for seed in (3, 3, 4))
    assert torch.equal(one.reference, two.reference) and torch.equal(one.target, two.target)
    assert one.features.shape == (6, 30, 208) and one.target.shape == (6, 30, 52)
    assert one.reference.shape[1] != other.reference.shape[1] or not torch.equal(one.reference, other.reference)


def test_references_of_others_words_last_between_their_ends(performances):
    lengths = {draw_batch(performances, TINY, seed).reference.shape[1] for seed in range(20)}
    assert min(lengths) >= 25 and max(lengths) <= 75 and len(lengths) > 5


def test_the_null_follows_plain_references_and_no_gradient(performances):
    torch.manual_seed(0)
    network = TINY.build().train()
    batch = draw_batch(performances, TINY, 0)
    assert batch.plain.any()
    PerformanceTraining.open(TINY, performances).losses(network, batch).total.backward()
    assert network.null_style.abs().sum() > 0 and not network.null_style.requires_grad
    assert network.composite.template_layer.weight.grad.abs().sum() > 0


def test_training_lowers_the_loss(performances):
    torch.manual_seed(0)
    network, training = TINY.build().train(), PerformanceTraining.open(TINY, performances)
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    totals = []
    for step in range(30):
        optimizer.zero_grad()
        loss = training.losses(network, training.batch(step, step)).total
        loss.backward()
        optimizer.step()
        totals.append(loss.item())
    assert np.mean(totals[-5:]) < 0.8 * np.mean(totals[:5])


def test_an_exported_network_speaks_in_the_manner_of_a_reference(performances, tmp_path):
    torch.manual_seed(0)
    network = TINY.build().eval()
    with torch.no_grad():
        network.rest_layer.weight.zero_()
        network.rest_layer.bias.copy_(torch.from_numpy(rest_pose(Manner(rest={"browInnerUp": 0.4}))))
    export(TINY, network, tmp_path / "exported")
    wave = from_array(np.random.default_rng(0).normal(0, 0.1, 32000).astype(np.float32), 16000)
    settings = Settings(model=str(tmp_path / "exported"), threads=1, raw=True)
    plain = animate(wave, settings).motion
    moved = animate(wave, replace(settings, references=(reference_of(spoken(draw_manner(3)), "take"),))).motion
    assert plain.weights.shape == moved.weights.shape == (100, 52)
    assert np.abs(plain.weights - moved.weights).max() > 1e-4


def test_learned_regions_are_shares_and_small_weights_do_not_count():
    embedding = np.full((2, 52), 1e-3, np.float32)
    embedding[0, JAW] = 1.0
    embedding[1, [SMILE_L, ARKIT_52.index("browInnerUp")]] = [0.6, 0.2]
    shares = learned_regions(embedding)
    assert shares.shape == (len(MANNER_REGIONS), 2) and shares.sum(axis=0) == pytest.approx([1, 1])
    assert shares[MANNER_REGIONS.index("jaw"), 0] == 1.0
    assert shares[MANNER_REGIONS.index("corners"), 1] == pytest.approx(0.75)


def test_performances_are_written_once_and_read_back(tmp_path, monkeypatch):
    waves = [np.zeros(N_FRAMES * 320, np.float16)] * 3
    scenes = [Scene(wave, np.zeros((N_FRAMES, 0), np.float16), PHONES, (0.0,) * len(PHONES)) for wave in waves]
    monkeypatch.setattr("engine.learn.manners.performances.load_scenes", lambda folder: scenes)
    model = TINY.encoder
    for _ in range(2):
        make_performances(tmp_path, tmp_path / "made", model, (3, 2))
    found = load_performances(tmp_path / "made", model)
    assert len(found.drawn) == 3 and len(found.plain.takes) == 3
    take = found.drawn[1].takes[0]
    assert take.features.shape == (N_FRAMES, 208)
    assert np.allclose(take.motion, perform(PHONES, N_FRAMES, draw_manner(1), [0.0] * len(PHONES)), atol=1e-3)
