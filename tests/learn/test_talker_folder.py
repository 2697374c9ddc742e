"""Converted FaceFormer and CodeTalker checkpoints give in ONNX Runtime what torch gives, and bad ones a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine import Settings, Waveform, animate
from engine.learn.export.convert import Sources, convert
from engine.learn.export.talker_checkpoint import read_talker
from engine.model.folder import open_model
from engine.nets.layers import resample
from engine.nets.pretrained import PretrainedEncoder, hf_config
from engine.nets.transformer import periodic_positions
from engine.systems import autoregressive
from engine.values.errors import ModelError, SettingError

VERTICES, SPEAKERS, DIM, FEATURES = 4, 3, 8, 16
ENCODER = {
    "model_type": "wav2vec2", "hidden_size": FEATURES, "num_hidden_layers": 1, "num_attention_heads": 2,
    "intermediate_size": 24, "conv_dim": [8] * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
    "feat_extract_norm": "group", "conv_bias": False, "do_stable_layer_norm": False,
}
WAVE = np.asarray(0.1 * np.sin(np.arange(2 * 16000) * 0.06) * np.sin(np.arange(2 * 16000) * 0.0007), np.float32)


def linear(name: str, inputs: int, outputs: int, bias: bool = True) -> dict[str, torch.Tensor]:
    made = {f"{name}.weight": torch.randn(outputs, inputs) * 0.5}
    return {**made, **({f"{name}.bias": torch.randn(outputs) * 0.1} if bias else {})}


def norm(name: str, width: int) -> dict[str, torch.Tensor]:
    return {f"{name}.weight": 1 + 0.1 * torch.randn(width), f"{name}.bias": 0.1 * torch.randn(width)}


def decoder_tensors(layers: int, period: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    encoder = PretrainedEncoder(hf_config(ENCODER))
    tensors = {f"audio_encoder.{name}": value for name, value in encoder.model.state_dict().items()}
    tensors |= linear("audio_feature_map", FEATURES, DIM) | linear("vertice_map", 3 * VERTICES, DIM)
    for number in range(layers):
        layer = f"transformer_decoder.layers.{number}"
        for part in ("self_attn", "multihead_attn"):
            tensors |= {f"{layer}.{part}.in_proj_weight": torch.randn(3 * DIM, DIM) * 0.5}
            tensors |= {f"{layer}.{part}.in_proj_bias": torch.randn(3 * DIM) * 0.1}
            tensors |= linear(f"{layer}.{part}.out_proj", DIM, DIM)
        tensors |= linear(f"{layer}.linear1", DIM, 2 * DIM) | linear(f"{layer}.linear2", 2 * DIM, DIM)
        for number_of_norm in (1, 2, 3):
            tensors |= norm(f"{layer}.norm{number_of_norm}", DIM)
    return {**tensors, "PPE.pe": periodic_positions(period, DIM).repeat(2, 1)[None]}


def faceformer_tensors(period: int = 30) -> dict[str, torch.Tensor]:
    tensors = decoder_tensors(1, period) | linear("vertice_map_r", DIM, 3 * VERTICES)
    return {**tensors, "obj_vector.weight": torch.randn(DIM, SPEAKERS)}


def codebook_tensors() -> dict[str, torch.Tensor]:
    width = 8       # two codes of four numbers; 8 heads of 1
    tensors = linear("encoder.vertice_mapping.0", 3 * VERTICES, width)
    tensors |= linear("decoder.vertice_map_reverse", width, 3 * VERTICES)
    for side, conv in (("encoder", "encoder.squasher"), ("decoder", "decoder.expander")):
        tensors |= {f"{conv}.0.0.weight": torch.randn(width, width, 5) * 0.3, f"{conv}.0.0.bias": torch.zeros(width)}
        tensors |= linear(f"{side}.{side}_linear_embedding.net", width, width)
        block = f"{side}.{side}_transformer.net"
        tensors |= norm(f"{block}.0.fn.norm", width) | norm(f"{block}.1.fn.norm", width)
        tensors |= linear(f"{block}.0.fn.fn.to_qkv", width, 3 * width, bias=False)
        tensors |= linear(f"{block}.0.fn.fn.to_out", width, width)
        tensors |= linear(f"{block}.1.fn.fn.l1", width, 12) | linear(f"{block}.1.fn.fn.l2", 12, width)
        tensors |= {f"{side}.{side}_pos_embedding.pe": torch.zeros(5, 1, width)}
    return {**tensors, "quantize.embedding.weight": torch.randn(16, 4)}


def codetalker_tensors() -> dict[str, torch.Tensor]:
    tensors = decoder_tensors(2, 30) | linear("feat_map", DIM, 8, bias=False)
    tensors |= {f"autoencoder.{name}": value for name, value in codebook_tensors().items()}
    return {**tensors, "learnable_style_emb.weight": torch.randn(SPEAKERS, DIM)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("talkers")
    encoder = place / "encoder"
    encoder.mkdir()
    (encoder / "config.json").write_text(json.dumps(ENCODER))
    (encoder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True, "sampling_rate": 16000}))
    np.save(place / "neutral.npy", np.linspace(0, 1, 3 * VERTICES, dtype=np.float32))
    for name, tensors in (("faceformer", faceformer_tensors()), ("codetalker", codetalker_tensors())):
        torch.save({"state_dict": {f"module.{key}": value for key, value in tensors.items()}, "epoch": 3},
                   place / f"{name}.pth.tar")
        convert(Sources(place / f"{name}.pth.tar", encoder, template=place / "neutral.npy"), place / name)
    return place


def by_torch(folder: Path, name: str, speaker: int, frames: int) -> np.ndarray:
    """The network of the checkpoint on WAVE, plus the neutral face."""
    talker, tensors = read_talker(folder / f"{name}.pth.tar")
    encoder = PretrainedEncoder(hf_config(ENCODER)).eval()
    encoder.model.load_state_dict(tensors)
    wave = torch.from_numpy(WAVE)[None]
    for _ in range(2):      # the reference normalises the file, and each window again
        wave = (wave - wave.mean()) / torch.sqrt(wave.var(correction=0) + 1e-7)
    with torch.no_grad():
        features = encoder.context(resample(encoder.front(wave), frames))
        motion = talker(features, talker.styles[speaker:speaker + 1], frames)[0].numpy()
    return motion + np.load(folder / "neutral.npy")


def settings(folder: Path, name: str, **changes) -> Settings:
    return Settings(model=str(folder / name), device="cpu", threads=1, **{"raw": True, "identity": "#1", **changes})


@pytest.mark.parametrize("name", ["faceformer", "codetalker"])
def test_a_converted_folder_gives_what_torch_gives(folder, name):
    motion = animate(Waveform(WAVE), settings(folder, name)).motion
    assert motion.fps == 30 and motion.weights.shape == (60, 3 * VERTICES)
    wanted = by_torch(folder, name, 1, 60)
    assert wanted.std() > 0.1 and np.abs(motion.weights - wanted).max() < 1e-4


def test_speakers_differ_and_strength_lies_on_the_line_between_them(folder, monkeypatch):
    first, second = (animate(Waveform(WAVE), settings(folder, "faceformer", identity=f"#{n}")) for n in (0, 1))
    assert np.abs(first.motion.weights - second.motion.weights).max() > 0.05
    model = open_model(str(folder / "faceformer"))
    assert [identity.id for identity in model.identities] == ["speaker_0", "speaker_1", "speaker_2"]


def test_several_styles_of_a_clip_are_those_of_single_calls(folder):
    from engine import animate_all

    both = animate_all(Waveform(WAVE), [settings(folder, "faceformer", identity=f"#{n}") for n in (0, 2)])
    alone = animate(Waveform(WAVE), settings(folder, "faceformer", identity="#2"))
    assert np.array_equal(both[1].motion.weights, alone.motion.weights)


def test_feedback_on_some_frames_only_is_near_and_not_equal(folder, monkeypatch):
    monkeypatch.setattr(autoregressive, "FEEDBACK_FRAMES", 20)
    exact, quick = (animate(Waveform(WAVE), settings(folder, "codetalker", raw=raw, fps=30.0)) for raw in (True, False))
    assert quick.motion.weights.shape == exact.motion.weights.shape
    assert np.isfinite(quick.motion.weights).all() and not np.array_equal(quick.motion.weights, exact.motion.weights)


def test_a_checkpoint_at_25_frames_gets_two_rows_of_sound(folder, tmp_path):
    save_file(faceformer_tensors(25), tmp_path / "biwi.safetensors")
    talker, _ = read_talker(tmp_path / "biwi.safetensors")
    assert talker.sizes.span == 2 and talker.sizes.period == 25


@pytest.mark.parametrize(("change", "message"), [
    (lambda t: t.pop("vertice_map_r.bias"), r"1 missing \(motion_out.bias\)"),
    (lambda t: t.update({"more.weight": torch.zeros(2)}), "1 unknown tensor: more.weight"),
    (lambda t: t.update({"vertice_map.weight": torch.zeros(DIM, 6)}), "misshapen"),
    (lambda t: t.pop("obj_vector.weight"), "lacks styles"),
    (lambda t: t.update({"audio_feature_map.bias": torch.full((DIM,), float("nan"))}), "not finite numbers"),
])
def test_damaged_checkpoints_are_refused_by_name(tmp_path, change, message):
    tensors = faceformer_tensors()
    change(tensors)
    save_file({name: value.contiguous() for name, value in tensors.items()}, tmp_path / "a.safetensors")
    with pytest.raises(ModelError, match=message):
        read_talker(tmp_path / "a.safetensors")


def test_stage_two_alone_asks_for_its_codebook(tmp_path):
    tensors = {name: value for name, value in codetalker_tensors().items() if not name.startswith("autoencoder.")}
    save_file(tensors, tmp_path / "stage2.safetensors")
    with pytest.raises(ModelError, match="--codebook"):
        read_talker(tmp_path / "stage2.safetensors")
    save_file(codebook_tensors(), tmp_path / "stage1.safetensors")
    talker, _ = read_talker(tmp_path / "stage2.safetensors", tmp_path / "stage1.safetensors")
    assert talker.codebook.sizes.codes == 2


def test_a_neutral_face_of_another_size_is_refused(folder, tmp_path):
    np.save(tmp_path / "short.npy", np.zeros(6, np.float32))
    sources = Sources(folder / "faceformer.pth.tar", folder / "encoder", template=tmp_path / "short.npy")
    with pytest.raises(SettingError, match="has 6 numbers, 12 finite ones are needed"):
        convert(sources, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_folder_with_another_cache_is_refused(folder, tmp_path):
    with pytest.raises(ModelError, match=r"talker.npz"):
        np.savez(tmp_path / "talker.npz", span=np.float32(1), cache=np.zeros(3, np.float32),
                 weight=np.zeros((2, 2), np.float32), bias=np.zeros(2, np.float32))
        autoregressive.read_talker(tmp_path)
