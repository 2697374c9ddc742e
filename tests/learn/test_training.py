"""Data, loss, training steps and export, on a corpus of a few seconds and a network of a few thousand weights."""

from __future__ import annotations

import json
import math
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import Settings, Waveform, animate
from engine.learn.data import scenes as scenes_module
from engine.learn.data.batches import STYLE_NAMES, SceneBatches, frame_labels, pick_identity
from engine.learn.data.scenes import Corpus, make_scenes
from engine.learn.export import from_run as export_module
from engine.learn.synth.phones import PHONE_INDEX, Phone
from engine.learn.synth.utterance import Utterance, save_shard
from engine.learn.systems import moonshine_visemes as recipe_module
from engine.learn.systems.losses import CurveScale, curve_loss
from engine.learn.systems.moonshine_visemes import MoonshineVisemes, SceneTraining, overlap_s, to_arkit_tensor
from engine.learn.systems.start_from import start_from
from engine.learn.train import loop
from engine.learn.train.command import export_run, train
from engine.learn.train.run import TrainConfig, load_run, read_config
from engine.learn.visemes.curves import CURVES
from engine.model import folder as models
from engine.values.channels import ARKIT_52
from engine.values.errors import EngineError, OutputError, SettingError

SETTINGS = TrainConfig(steps=4, checkpoint_steps=2)
TINY = MoonshineVisemes(
    batch_size=2, crop_s=1.0, decoder_dim=8, style_dim=4, encoder_kind="mel",
    encoder={"bands": 16, "channels": 8, "dilations": (1, 2), "norm_reach_s": 0.3},
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """Six utterances of noise bursts."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    labels = ["SIL", "M", "AA", "P", "IY", "F", "UW", "SIL"]
    phones = tuple(Phone(label, 0.1 * i, 0.1 * (i + 1)) for i, label in enumerate(labels))
    for n in range(2):
        save_shard(
            folder / f"test_{n}.npz",
            [Utterance((rng.normal(size=12800) * 3000).astype(np.int16), phones, "v") for _ in range(3)],
        )
    return folder


@pytest.fixture(scope="module")
def scenes(corpus, tmp_path_factory) -> Path:
    """Two minutes of scenes of them, without a front end."""
    folder = tmp_path_factory.mktemp("scenes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenes_module, "SCENES_PER_FILE", 10)
        make_scenes(Corpus(corpus, {}), folder, 0.03, None)
    return folder


@pytest.fixture(scope="module")
def run(scenes, tmp_path_factory) -> Path:
    return train_tiny(scenes, tmp_path_factory.mktemp("run"))


def train_tiny(scenes: Path, folder: Path) -> Path:
    loop.train(TINY, SceneTraining.open(TINY, scenes), SETTINGS, folder)
    return folder


def weights_of(path: Path):
    return torch.load(path, weights_only=True)["average"]


def test_batch_has_320_samples_for_one_target_frame(scenes):
    batch = SceneBatches(scenes, 1.0, 3, 0.1).batch(0)
    assert batch.wave.shape == (3, 16000) and batch.curves.shape[:2] == (3, 50) and batch.phones.shape == (3, 50)
    assert torch.isfinite(batch.wave).all() and batch.wave.abs().max() <= 1


def test_same_seed_gives_the_same_batch(scenes):
    batches = SceneBatches(scenes, 1.0, 2, 0.1)
    assert torch.equal(batches.batch(5).wave, batches.batch(5).wave)
    assert not torch.equal(batches.batch(5).wave, batches.batch(6).wave)


def test_pivot_replaces_one_identity_in_ten():
    rng = random.Random(0)
    drawn = [pick_identity(2, len(STYLE_NAMES), 0.1, rng) for _ in range(5000)]
    assert drawn.count(len(STYLE_NAMES)) / 5000 == pytest.approx(0.1, abs=0.015)
    assert set(drawn) == {2, len(STYLE_NAMES)}


def test_frame_takes_the_phone_at_its_second():
    labels = frame_labels([Phone("M", 0.03, 0.05), Phone("AA", 0.05, 0.10)], 6)
    assert labels.tolist() == [PHONE_INDEX[name] for name in ("SIL", "SIL", "M", "AA", "AA", "SIL")]


def test_loss_of_the_mean_is_one_and_of_the_truth_zero():
    target = torch.rand(4, 50, 3)
    target[:, :, 2] = 0  # a channel that never moves
    scale = CurveScale(target, torch.ones(3))
    mean = target.mean(dim=(0, 1), keepdim=True).expand_as(target)
    assert float(curve_loss(target, target, scale, 1.5)) == 0
    assert float(curve_loss(mean, target, scale, 0.0)) == pytest.approx(1, abs=0.02)
    assert float(scale.level[2]) == 0


def test_learning_rate_warms_up_and_falls_in_the_second_half():
    settings = TrainConfig(steps=1000, warmup_steps=100, learning_rate=1.0)
    assert [loop.learning_rate(step, settings) for step in (0, 99, 500, 750, 1000)] == pytest.approx([
        0.01, 1, 1, 0.5, 0
    ])


def test_training_moves_speech_channels_only(run):
    head = weights_of(run / "last.pt")["heads.arkit52.weight"]
    assert head[ARKIT_52.index("jawOpen")].abs().max() > 0
    assert head[ARKIT_52.index("browInnerUp")].abs().max() == 0


def test_interrupted_and_resumed_training_equals_an_uninterrupted_one(scenes, run, tmp_path, monkeypatch):
    class Interrupted(Exception):
        pass

    def save_and_stop(*arguments):
        save_checkpoint(*arguments)
        raise Interrupted

    save_checkpoint = loop._checkpoint
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(loop, "_checkpoint", save_and_stop)
        train_tiny(scenes, tmp_path)
    assert torch.load(tmp_path / "last.pt", weights_only=True)["step"] == 2
    train_tiny(scenes, tmp_path)
    for name, value in weights_of(run / "last.pt").items():
        assert torch.allclose(weights_of(tmp_path / "last.pt")[name].float(), value.float(), atol=1e-6), name


def test_one_command_makes_the_corpus_trains_and_exports(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(recipe_module, "make_corpus", lambda folder, scale, data: shutil.copytree(corpus, folder))
    (tmp_path / "small.toml").write_text(
        'work = "work"\noutput = "model"\nsteps = 2\nbatch_size = 1\ncrop_s = 1.0\ndecoder_dim = 8\nstyle_dim = '
        '4\nencoder_kind = "mel"\nscenes_hours = 0.01\n'
        "[encoder]\nbands = 16\nchannels = 8\ndilations = [1]\nnorm_reach_s = 0.2\n", encoding="utf-8",
    )
    train(tmp_path / "small.toml")
    assert (tmp_path / "work" / "small" / "best.pt").exists()
    assert models.open_model(str(tmp_path / "model")).id == "model"


def test_no_corpus_is_an_error_with_the_next_step(tmp_path):
    with pytest.raises(EngineError, match=r"No corpus in .*Make it first"):
        Corpus(tmp_path, {})


def test_unknown_field_of_a_config_is_an_error(tmp_path):
    (tmp_path / "bad.toml").write_text("stepz = 3\n", encoding="utf-8")
    with pytest.raises(SettingError, match="stepz"):
        read_config(tmp_path / "bad.toml")


def test_config_of_the_bundled_model_can_be_read():
    settings, recipe = read_config(Path(__file__).parents[2] / "weights" / "mini.toml")
    assert settings.steps == 1000 and recipe.pivot_share == pytest.approx(0.1)


def test_exported_folder_gives_what_torch_gives(run, tmp_path):
    export_run(run, tmp_path / "tiny")
    _, model = load_run(run)
    wave = np.random.default_rng(1).normal(size=16000 * 3).astype(np.float32) * 0.1
    motion = animate(
        Waveform(wave), Settings(model=str(tmp_path / "tiny"), identity="clear", raw=True, device="cpu", threads=1)
    ).motion
    with torch.no_grad():
        wanted = model(torch.from_numpy(wave)[None], torch.tensor([STYLE_NAMES.index("clear")]), "arkit52")[0].numpy()
    assert motion.channels == tuple(ARKIT_52) and motion.fps == 50
    assert np.abs(motion.weights - wanted).max() < 1e-4


def test_exported_folder_in_windows_equals_the_whole(run, tmp_path, monkeypatch):
    monkeypatch.setattr(recipe_module, "WINDOW_S", 2.0)
    export_run(run, tmp_path / "windows")
    monkeypatch.setattr(recipe_module, "WINDOW_S", 60.0)
    export_run(run, tmp_path / "whole")
    wave = Waveform(np.random.default_rng(1).normal(size=16000 * 7).astype(np.float32) * 0.1)
    parts, whole = (
        animate(wave, Settings(model=str(tmp_path / name), raw=True, device="cpu", threads=1)).motion.weights
        for name in ("windows", "whole")
    )
    assert np.abs(parts - whole).max() < 1e-5


def test_exported_folder_says_what_it_is(run, tmp_path):
    export_run(run, tmp_path / "tiny")
    model = models.open_model(str(tmp_path / "tiny"))
    assert [identity.id for identity in model.identities] == ["pivot", *STYLE_NAMES] and model.pivot == 0
    assert model.phones[0] == "SIL" and len(model.phones) == len(PHONE_INDEX)
    assert model.encoder.overlap_s >= 2 * model.encoder.context_s
    assert not [path for path in tmp_path.iterdir() if path.name != "tiny"]


def test_pivot_row_of_the_folder_is_the_last_row_of_the_table(run, tmp_path):
    export_run(run, tmp_path / "tiny")
    table = weights_of(run / "best.pt")["styles"].numpy()
    assert np.array_equal(np.load(tmp_path / "tiny" / "identities.npy"), table[[-1, *range(len(STYLE_NAMES))]])


def test_too_large_a_folder_is_refused_and_nothing_is_written(run, tmp_path, monkeypatch):
    monkeypatch.setattr(export_module, "LARGEST_FOLDER_BYTES", 1000)
    with pytest.raises(OutputError, match="at most 1000"):
        export_run(run, tmp_path / "out" / "tiny")
    assert not list((tmp_path / "out").iterdir())


def test_a_folder_that_is_no_model_is_not_replaced(run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="no model folder"):
        export_run(run, tmp_path)
    assert (tmp_path / "notes.txt").exists()


def test_overlap_hides_both_edges():
    assert overlap_s(2.8675) == pytest.approx(5.74)
    assert math.isclose(overlap_s(0.06), 0.12)


def test_targets_are_spread_to_both_sides():
    curves = torch.rand(2, 5, len(CURVES))
    weights = to_arkit_tensor(curves)
    left, right = ARKIT_52.index("mouthPressLeft"), ARKIT_52.index("mouthPressRight")
    assert torch.equal(weights[:, :, left], weights[:, :, right]) and weights[:, :, left].abs().max() > 0


def test_model_json_is_plain(run, tmp_path):
    export_run(run, tmp_path / "tiny")
    info = json.loads((tmp_path / "tiny" / "model.json").read_text(encoding="utf-8"))
    assert (
        info["id"] == "tiny" and info["encoder"]["rate_hz"] == 50
        and set(info["sha256"]) >= {"encoder.onnx", "decoder.onnx", "phones.onnx"}
    )


def test_a_run_starts_from_an_exported_model(run, tmp_path):
    export_run(run, tmp_path / "model")
    recipe, trained = load_run(run)
    fresh = recipe.build().eval()
    start_from(fresh, tmp_path / "model")
    wave = torch.randn(1, 100 * 320, generator=torch.Generator().manual_seed(0)) * 0.1
    with torch.no_grad():
        ours, theirs = (network(wave, torch.tensor([2]), "arkit52") for network in (fresh, trained))
    assert theirs.abs().max() > 0
    torch.testing.assert_close(ours, theirs, atol=5e-3, rtol=0)     # the folder holds large matrices in half precision


def test_a_frozen_encoder_is_kept_to_the_byte_and_the_rest_learns(corpus, run, tmp_path, monkeypatch):
    first = tmp_path / "first"
    export_run(run, first)
    monkeypatch.setattr(recipe_module, "open_model", lambda _: models.open_model(str(first)))
    recipe = replace(TINY, start_from="first", frozen_encoder=True, phone_channels=6)
    monkeypatch.setattr(scenes_module, "SCENES_PER_FILE", 10)
    make_scenes(Corpus(corpus, {}), tmp_path / "scenes", 0.03, recipe.front_end())
    loop.train(recipe, SceneTraining.open(recipe, tmp_path / "scenes"), SETTINGS, tmp_path / "run")
    export_run(tmp_path / "run", tmp_path / "second")
    same = [(tmp_path / "second" / name).read_bytes() == (first / name).read_bytes()
            for name in ("encoder.onnx", "decoder.onnx", "phones.onnx")]
    assert same == [True, False, False]


def test_a_phone_head_with_frames_around_begins_as_the_linear_one(run, tmp_path):
    export_run(run, tmp_path / "linear")
    network, linear = replace(TINY, phone_channels=6).build().eval(), load_run(run)[1]
    start_from(network, tmp_path / "linear")
    features = torch.randn(1, 20, 8)
    assert torch.allclose(network.phone_head(features), linear.phone_head(features), atol=1e-3)


def test_a_frozen_encoder_without_a_model_is_refused():
    with pytest.raises(SettingError, match="start_from"):
        replace(TINY, frozen_encoder=True).load_published(TINY.build())
