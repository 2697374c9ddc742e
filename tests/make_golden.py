"""Make tests/data/golden: two tiny UniTalker checkpoints in the official layout, and what they give. Run `python
tests/make_golden.py` in an environment with the extra `learn`, only when `tests/learn/test_parity_unitalker.py` has
passed against the reference's own fixtures: the numbers recorded here are our network's, and stand for the reference's
where those fixtures are absent.

wavlm: TCN decoder, adaptor behind the encoder, old spelling of weight norm, PCA heads. wav2vec2: normalised sound,
    transformer decoder, adaptor inside the encoder, two-layer heads, no pivot row.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from engine.learn.data.official import CHANNELS, DATASETS
from engine.nets.pretrained import PretrainedEncoder, hf_config
from engine.nets.transformer import periodic_positions
from engine.nets.unitalker import UniTalker, UniTalkerConfig, frame_count

GOLDEN = Path(__file__).resolve().parent / "data" / "golden"
N_SAMPLES = 14_480                  # 0.905 s: 27.15 frames at 30 fps, 22.6 at 25
PCA_WIDTH, N_VERTICES, PERIOD = 3, 4, 7
SUBJECTS = 2
TINY = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24, "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}


@dataclass(frozen=True)
class Golden:
    """One checkpoint of the set."""

    encoder: dict[str, Any]
    normalise: bool
    datasets: tuple[str, ...]
    config: dict[str, Any]


GOLDENS = {
    "wavlm": Golden(
        {
            "model_type": "wavlm", "feat_extract_norm": "group", "conv_bias": False, "do_stable_layer_norm": False,
            **TINY,
        }, False,
        ("D0", "D1", "D3", "D6"), {"decoder_type": "conv", "interpolate_pos": 1, "random_id_prob": 0.1, "headlayer": 1},
    ),
    "wav2vec2": Golden(
        {
            "model_type": "wav2vec2", "feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True,
            **TINY,
        }, True,
        ("D1", "D5"),
        {"decoder_type": "transformer", "interpolate_pos": 0, "random_id_prob": 0.0, "period": PERIOD, "headlayer": 2},
    ),
}


def wave() -> np.ndarray:
    """Swelling tones (N_SAMPLES,) float32, made of nothing but sines so that every machine makes the same."""
    seconds = np.arange(N_SAMPLES) / 16000
    tones = sum(
        np.sin(2 * np.pi * hz * seconds + hz) / (1 + number) for number, hz in enumerate((140, 333, 710, 1490, 3120))
    )
    return np.asarray(0.12 * tones * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * seconds)), np.float32)


def main() -> None:
    torch.set_num_threads(1)
    for number, (name, golden) in enumerate(GOLDENS.items()):
        torch.manual_seed(number)
        write(GOLDEN / name, golden)


def write(folder: Path, golden: Golden) -> None:
    """Write one checkpoint's files."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(5)
    model = make_model(golden)
    (folder / "config.json").write_text(json.dumps(golden.encoder, indent=1) + "\n")
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"do_normalize": golden.normalise, "sampling_rate": 16000}) + "\n"
    )
    described = {name: {
        "dirname": DATASETS[name].folder, "annot_type": DATASETS[name].annotation, "scale": DATASETS[name].scale,
        "subjects": SUBJECTS,
        "pca": DATASETS[name].pca,
    } for name in golden.datasets}
    fields = {
        "MODEL": {"dataset": ",".join(golden.datasets), "pca_dim": PCA_WIDTH, **golden.config},
        "dataset_config": described,
    }
    (folder / "official.yaml").write_text(json.dumps(fields, indent=1) + "\n")      # JSON is YAML
    save_file(official_names(model), folder / "checkpoint.safetensors")
    save_expected(folder, golden, model, random)


def make_model(golden: Golden) -> UniTalker:
    """A network with lively random weights: zero heads would prove nothing."""
    transformer = golden.config["decoder_type"] == "transformer"
    model = UniTalker(UniTalkerConfig(
        encoder_kind=golden.encoder["model_type"], decoder_dim=8, style_dim=8 if transformer else 64,
        identities=("",) * (SUBJECTS * len(golden.datasets)),
        heads={DATASETS[name].annotation: width(name) for name in golden.datasets},
        decoder_kind="transformer" if transformer else "tcn", period=PERIOD,
        interpolate_pos=golden.config["interpolate_pos"],
        head_layers=golden.config["headlayer"], pivot=golden.config["random_id_prob"] > 0,
    ), PretrainedEncoder(hf_config(golden.encoder))).eval().requires_grad_(False)
    for name, tensor in model.named_parameters():
        if name.startswith("heads."):
            tensor.normal_(std=0.4)
        elif tensor.ndim == 1:
            tensor.add_(0.2 * torch.randn_like(tensor))
        elif "rel_attn_embed" in name or "gru_rel_pos" in name:
            tensor.normal_()
        elif "original0" not in name and "styles" not in name:
            tensor.normal_(std=1.4 / np.sqrt(tensor[0].numel()))
    return model


def width(dataset: str) -> int:
    """Outputs of a data set's head."""
    return PCA_WIDTH if DATASETS[dataset].pca else len(CHANNELS[DATASETS[dataset].annotation])


def official_names(model: UniTalker) -> dict[str, torch.Tensor]:
    """The network's tensors under the released code's names; WavLM with the older spelling of weight norm."""
    pairs = (
        ("encoder.model.", "audio_encoder."), ("decoder.map.", "decoder.audio_feature_map."),
        (".residual.", ".residual_layer.0."),
        ("decoder.blocks.", "decoder.tcn.first_net.conv_layers."), (".norm.norm.", ".norm."),
        ("decoder.self_attention.in_proj.", "decoder.transformer_decoder.layers.0.self_attn.in_proj_"),
        ("decoder.self_attention.", "decoder.transformer_decoder.layers.0.self_attn."),
        ("decoder.cross.in_proj.", "decoder.transformer_decoder.layers.0.multihead_attn.in_proj_"),
        ("decoder.cross.", "decoder.transformer_decoder.layers.0.multihead_attn."),
        ("decoder.linear", "decoder.transformer_decoder.layers.0.linear"),
        ("decoder.norm", "decoder.transformer_decoder.layers.0.norm"),
    )
    named = {}
    for name, tensor in model.state_dict().items():
        for ours, official in pairs:
            name = name.replace(ours, official)     # noqa: PLW2901  one rename after the other
        if name == "styles":
            name = "decoder.learnable_style_emb.weight"     # noqa: PLW2901
        if name.startswith("heads."):
            parts = name.split(".")
            layer = ["head_layer"] if len(parts) == 4 else []
            name = ".".join(["out_head_dict", parts[1], *layer, *parts[2:]])      # noqa: PLW2901
        if "gru_rel_pos_const" in "".join(model.state_dict()):
            name = name.replace("parametrizations.weight.original0", "weight_g")      # noqa: PLW2901
            name = name.replace("parametrizations.weight.original1", "weight_v")      # noqa: PLW2901
        named[name] = tensor.contiguous()
    if model.config.decoder_kind == "transformer":
        repeats = 3000 // PERIOD + 1
        named["decoder.PPE.pe"] = periodic_positions(
            PERIOD, model.config.decoder_dim
        ).repeat(repeats, 1)[None].contiguous()
    return named


def save_expected(folder: Path, golden: Golden, model: UniTalker, random: np.random.Generator) -> None:
    """PCA files, neutral faces, and the motion of every head for the first and the last row of the style table."""
    samples = wave()
    if golden.normalise:
        samples = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    expected = {}
    for name in golden.datasets:
        dataset = DATASETS[name]
        place = folder / "data" / dataset.folder
        place.mkdir(parents=True, exist_ok=True)
        size = 3 * N_VERTICES if dataset.pca else width(name)
        template = random.normal(size=(6, size)).astype(np.float32)
        np.save(place / "id_template.npy", template)
        components, mean = random.normal(
            size=(PCA_WIDTH + 1, size)
        ).astype(np.float32), random.normal(size=size).astype(np.float32)
        if dataset.pca:
            np.savez(
                place / "pca.npz", components_to_data=components, original_data_mean=mean,
                data_components_mean=np.zeros(9, np.float32),
            )
        for row in (0, len(model.styles) - 1):
            n_frames = frame_count(N_SAMPLES, dataset.fps)
            motion = model.frames(
                torch.from_numpy(samples)[None].float(), n_frames, torch.tensor([row]), dataset.annotation
            )[0].numpy()
            motion = motion @ components[:PCA_WIDTH] + mean if dataset.pca else motion
            expected[f"{dataset.annotation}|{row}"] = motion + template[dataset.demo_row] * np.float32(dataset.scale)
    np.savez(folder / "expected.npz", **expected)


if __name__ == "__main__":
    main()
