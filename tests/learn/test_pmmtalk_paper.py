"""The recipe of the paper's PMMTalk: published networks from folders, in tiny; a run, its score, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.learn.data.official import Dataset
from engine.learn.systems.pmmtalk_paper import KIND, PmmTalkPaper
from engine.learn.systems.unitalker import SetSpec
from engine.learn.train import loop
from engine.learn.train.run import TrainConfig, load_run, read_config
from engine.nets.pretrained import make_pretrained
from engine.nets.wav2lip import Wav2Lip
from engine.values.errors import SettingError

from .faces import make_set

RECIPES = Path(__file__).parents[2] / "engine" / "learn" / "recipes"
SHAPE = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}
RECIPE = PmmTalkPaper(
    sets=(SetSpec("a2f", "A"),), random=True, shape=SHAPE, letters=7, lip_base=1, picture_channels=(8, 16),
    sizes={"cue_dim": 8, "style_dim": 8, "align_dim": 8}, crop_s=0.4,
)
SETTINGS = TrainConfig(
    recipe="pmmtalk_paper", steps=3, learning_rate=1e-3, weight_decay=0.0, warmup_steps=0, decay=False, ema=0.0,
    checkpoint_steps=3,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("sets")
    make_set(folder, Dataset("A", "A", "inhouse_blendshape_weight", 1.0, 2), 51, 30, seed=5)
    make_set(folder, Dataset("V", "V", "mesh_vertices", 1.0, 2, True), 18, 30, seed=6)
    return folder


@pytest.fixture(scope="module")
def training(root, tmp_path_factory):
    return RECIPE.prepare(tmp_path_factory.mktemp("work"), root)


def test_a_run_trains_what_the_paper_trains_and_is_scored(training, tmp_path):
    loop.train(RECIPE, training, SETTINGS, tmp_path)
    recipe, network = load_run(tmp_path)
    assert recipe.identities == ("A/Ann", "A/Ben") and training.score(network).value < 0
    fresh = recipe.build()
    saved = torch.load(tmp_path / "last.pt", weights_only=True)
    assert saved["step"] == 3 and network.fusion.heads["arkit32"].weight.abs().sum() > 0
    assert not any(weight.requires_grad for weight in fresh.lips.parameters())


def test_sound_and_motion_of_a_crop_are_of_one_moment_and_have_the_32_channels(training):
    batch = training.batch(0, 1)
    assert batch.channels.shape == (1, 12, 32) and batch.wave.shape == (1, 6400)
    absent = [training.batch(step % 4, 100 + step) for step in range(300)]
    share = [sum(bool(getattr(batch, name)) for batch in absent) / len(absent) for name in ("no_text", "no_picture")]
    assert all(0.2 < one < 0.4 for one in share)


def test_networks_come_from_the_users_folders(tmp_path):
    import transformers

    torch.manual_seed(3)
    config = transformers.Wav2Vec2Config(**SHAPE, vocab_size=9)
    audio, text = transformers.Wav2Vec2Model(config), transformers.Wav2Vec2ForCTC(config)
    text.wav2vec2.feature_extractor.load_state_dict(audio.feature_extractor.state_dict())
    audio.save_pretrained(tmp_path / "audio")
    text.save_pretrained(tmp_path / "text")
    lips = Wav2Lip(1)
    torch.save(
        {"state_dict": {f"module.{name}": value for name, value in lips.state_dict().items()}}, tmp_path / "lips.pth",
    )
    recipe = replace(
        RECIPE, random=False, audio=str(tmp_path / "audio"), text=str(tmp_path / "text"),
        lips=str(tmp_path / "lips.pth"), identities=("a",),
    )
    network = recipe.build()
    assert network.shares_front and network.recogniser.lm_head.out_features == 9
    assert torch.equal(network.recogniser.lm_head.weight, text.lm_head.weight)
    layer = "encoder.layers.0.feed_forward.intermediate_dense.weight"
    assert torch.equal(network.encoder.model.state_dict()[layer], audio.state_dict()[layer])
    assert all(torch.equal(value, lips.state_dict()[name]) for name, value in network.lips.state_dict().items())
    with pytest.raises(SettingError, match="has no lm_head"):
        replace(recipe, text=str(tmp_path / "audio")).build()


def test_what_is_missing_is_said(root, tmp_path):
    with pytest.raises(SettingError, match="names no audio, text, lips"):
        replace(RECIPE, random=False).build()
    with pytest.raises(SettingError, match="V lacks 32 of the 32 channels"):
        replace(RECIPE, sets=(SetSpec("a2f", "V"),)).prepare(tmp_path, root)
    with pytest.raises(SettingError, match="is no model folder"):
        RECIPE.folder(RECIPE.build())


def test_the_recipe_can_be_read():
    settings, recipe = read_config(RECIPES / "pmmtalk_paper.toml")
    assert settings.epochs == 80 and recipe.loss.motion == 10 and make_pretrained(KIND, SHAPE).dim == 16
