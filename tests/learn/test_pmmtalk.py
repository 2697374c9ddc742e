"""PMMTalk-S from its recipe to what the engine plays: pieces equal the whole, cues change the face, stages differ."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import SettingError, Settings, Waveform, animate
from engine.learn.data import scenes as scenes_module
from engine.learn.data.scenes import Corpus, make_scenes
from engine.learn.export.from_run import export
from engine.learn.synth.phones import Phone
from engine.learn.synth.utterance import Utterance, save_shard
from engine.learn.systems.pmmtalk import CueTraining, PmmTalkVisemes, SharedEncoder, picture_loss
from engine.model import encode
from engine.model.folder import open_model
from engine.pipeline import forget_styles
from engine.systems import pmmtalk as system_module
from engine.systems.still import read_still
from engine.values.cache import forget_all
from engine.values.channels import ARKIT_32, ARKIT_52

TINY = Path(__file__).resolve().parent.parent / "data" / "tiny"
SIZES = {
    "cue_dim": 8, "style_dim": 8, "align_dim": 8, "period": 50, "reach_frames": 40, "text_dim": 8, "picture_dim": 8,
    "guess_dim": 8,
}


@pytest.fixture(autouse=True)
def nothing_kept():
    forget_all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model with random weights beside the tiny one, whose encoder it shares."""
    models = tmp_path_factory.mktemp("models")
    base = Path(shutil.copytree(TINY, models / "tiny"))
    torch.manual_seed(0)
    recipe = PmmTalkVisemes(base=str(base), sizes=SIZES)
    network = recipe.build().eval()
    torch.nn.init.normal_(network.fusion.heads["arkit52"].weight, std=0.1)
    export(recipe, network, models / "cues")
    return models / "cues"


def speech(seconds: float) -> Waveform:
    rng = np.random.default_rng(3)
    return Waveform((rng.normal(size=round(seconds * 16000)) * 0.1).astype(np.float32))


def settings(folder: Path, **changed: object) -> Settings:
    return replace(Settings(model=str(folder), threads=1, fps=50, raw=True, head="arkit52"), **changed)


def a_png(path: Path, seed: int = 0) -> str:
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(0, 255, (120, 96, 3), np.uint8)
    Image.fromarray(np.repeat(pixels[:12], 10, axis=0)).save(path)
    return str(path)


def test_the_folder_has_no_encoder_of_its_own_and_two_heads(folder):
    model = open_model(str(folder))
    assert model.encoder_folder == folder.parent / "tiny" and not (folder / "encoder.onnx").exists()
    assert model.head("").channels == ARKIT_32 and model.head("arkit52").channels == tuple(ARKIT_52)


@pytest.mark.parametrize("cue", ["sound", "picture"])
def test_pieces_with_a_cache_equal_the_whole(folder, monkeypatch, tmp_path, cue):
    """Also where a piece is shorter than what the cache remembers, and with an odd number of frames at the end."""
    wave, picture = speech(5.31), a_png(tmp_path / "face.png") if cue == "picture" else ""
    monkeypatch.setattr(system_module, "PIECE_FRAMES", 10**6)
    whole = animate(wave, settings(folder, picture=picture)).motion.weights
    monkeypatch.setattr(system_module, "PIECE_FRAMES", 30)
    forget_styles()
    pieces = animate(wave, settings(folder, picture=picture)).motion.weights
    assert len(whole) == 266
    assert float(np.abs(pieces - whole).max()) < 1e-4


def test_what_a_take_goes_through_takes_its_motion(folder):
    """Not raw: contacts, silence and the scene's clock, on the head that is chosen by itself."""
    result = animate(speech(1.0), Settings(model=str(folder), threads=1, fps=30))
    assert result.motion.weights.shape[0] == 30 and set(ARKIT_32) <= set(result.motion.channels)
    assert result.motion.weights.min() >= 0 and result.motion.weights.max() <= 1


def test_strength_goes_from_the_pivot_to_twice_the_style(folder):
    none, once, twice = (
        animate(speech(1.5), settings(folder, identity="wide", strength=strength)).motion.weights
        for strength in (0.0, 1.0, 2.0)
    )
    assert float(np.abs(once - none).max()) > 1e-3
    assert np.allclose(twice - once, once - none, atol=1e-5)


def test_a_change_of_model_listens_to_nothing_again(folder, monkeypatch):
    wave = speech(3.0)
    animate(wave, Settings(model=str(folder.parent / "tiny"), threads=1))
    monkeypatch.setattr(encode, "_encode_window", None)     # were it called, the test would fail
    animate(wave, settings(folder))


def test_a_transcript_is_heard_by_the_network(folder):
    """Words that the scores allow are laid over them: the phone rows change, and with them the face."""
    system = system_module.PmmTalkSystem(open_model(str(folder)), "cpu", 1)
    wave = speech(2.0)
    windows = list(encode.encode(wave, system.model, system.encoder))
    plain = system.track(settings(folder, raw=False))
    spoken = replace(plain, words=(("AA", "P", "IY"),), conditions="words")
    first, second = system.decode(windows, [plain, spoken], len(wave.samples))
    assert float(np.abs(first.motion.weights - second.motion.weights).max()) > 1e-4
    assert np.array_equal(first.scores, second.scores)


def test_a_face_picture_is_read(folder, tmp_path):
    one, other = (a_png(tmp_path / f"{seed}.png", seed) for seed in (1, 2))
    results = [animate(speech(1.0), settings(folder, picture=path)).motion.weights for path in ("", one, other)]
    assert not np.array_equal(results[0], results[1]) and not np.array_equal(results[1], results[2])


def test_a_model_without_pictures_says_so(folder, tmp_path):
    with pytest.raises(SettingError, match="reads no face picture"):
        animate(speech(0.5), Settings(model=str(TINY), picture=a_png(tmp_path / "face.png")))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_png_files_are_read_as_others_read_them(tmp_path, mode):
    """A photograph-like picture, which makes the writer use all kinds of filters."""
    from PIL import Image

    y, x = np.mgrid[:128, :128]
    pixels = np.stack([(x * y / 64 + np.random.default_rng(c).normal(size=x.shape)) % 256 for c in range(3)], 2)
    image = Image.fromarray(pixels.astype(np.uint8)).convert(mode)
    image.save(tmp_path / "a.png")
    whole = np.asarray(image.convert("RGB"), np.float32)[70:128, 35:93] / 255
    got = read_still(str(tmp_path / "a.png"))
    assert got.shape == (3, 48, 48)
    assert float(got.mean()) == pytest.approx(float((whole ** 2.2).mean()), abs=0.02)


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", None])
def test_what_is_no_picture_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "face.png"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError, match="cannot be read"):
        read_still(str(file))


class GreyFace:
    """Draws a grey square that grows with the jaw: stands for the head that is not in the checkout."""

    def draw(self, weights: np.ndarray, channels: tuple[str, ...], look: object) -> torch.Tensor:
        jaw = torch.from_numpy(weights[:, channels.index("jawOpen")])
        return jaw[:, None, None, None].expand(-1, 3, 48, 48).clone()


@pytest.fixture(scope="module")
def training(tmp_path_factory, folder) -> CueTraining:
    """Scenes of noise bursts with features of the tiny model's encoder."""
    work = tmp_path_factory.mktemp("work")
    rng = np.random.default_rng(0)
    labels = ["SIL", "P", "AA", "P", "IY", "F", "AA", "SIL"]
    phones = tuple(Phone(label, 0.1 * i, 0.1 * (i + 1)) for i, label in enumerate(labels))
    (work / "corpus").mkdir()
    spoken = [Utterance((rng.normal(size=12800) * 3000).astype(np.int16), phones, "v") for _ in range(3)]
    save_shard(work / "corpus" / "test_0.npz", spoken)
    recipe = PmmTalkVisemes(
        base=str(folder.parent / "tiny"), sizes=SIZES, batch_size=2, crop_s=1.0, lip_steps=2, lip_clips=2, stills=2,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenes_module, "SCENES_PER_FILE", 6)
        make_scenes(Corpus(work / "corpus", {}), work / "scenes", 0.02, SharedEncoder(open_model(recipe.base)))
    return CueTraining.open(recipe, work / "scenes", GreyFace())


def test_scenes_hold_the_features_of_the_shared_encoder(training):
    batch = training.batch(5, 5)
    assert batch.features.shape == (2, 50, 4) and batch.curves.shape == (2, 50, 52)
    assert torch.allclose(batch.text.sum(2), torch.ones(2, 50), atol=1e-4)


def test_the_generator_learns_first_and_alone(training):
    network = training.recipe.build().train()
    first, second = training.stages
    assert {name.split(".")[0] for name, _ in network.named_parameters() if first.trains(name)} == {"generator"}
    assert not any(second.trains(name) for name, _ in network.generator.named_parameters(prefix="generator"))
    pictures = training.losses(network, training.batch(0, 0))
    assert set(pictures.parts) == {"pictures"}
    later = training.losses(network, training.batch(3, 3))
    later.total.backward()
    assert all(weight.grad is None for weight in network.generator.parameters())
    assert network.reader.map.weight.grad is not None and network.guess.out.weight.grad is not None
    assert set(later.parts) == {"position", "motion", "temporal", "semantic", "guess"}


def test_pixels_that_change_count_more():
    still = torch.zeros(1, 3, 48, 48)
    wanted = torch.zeros(1, 2, 3, 48, 48)
    wanted[:, :, :, :24] = 0.5
    half_wrong = wanted.clone()
    half_wrong[:, :, :, 24:] = 0.5
    assert float(picture_loss(wanted, wanted, still)) == 0
    assert float(picture_loss(half_wrong, wanted, still)) == pytest.approx(0.5 / 5)      # 1 of 1 + 4 parts
    assert float(picture_loss(torch.zeros_like(wanted), wanted, still)) == pytest.approx(0.5 * 4 / 5)


def test_the_head_ends_as_the_best_fit(training):
    """On the crops that it was fitted on, no other head is better: errors are at right angles to the hidden state."""
    network = training.recipe.build().eval()
    fitting = replace(training, recipe=replace(training.recipe, fit_batches=3))
    batch = fitting.batch(fitting.recipe.lip_steps, 10**9)

    def error() -> float:
        given = {"audio": batch.features, "text": network.text(batch.text), "picture": network.guess(batch.features)}
        cues = {cue: network.fusion.projected(cue, rows) for cue, rows in given.items()}
        output = network.fusion(cues, network.fusion.styles[batch.identity], "arkit52")
        return float(((output - batch.curves) ** 2).mean().detach())

    before = error()
    fitting.finish(network)
    assert error() < 0.9 * before
