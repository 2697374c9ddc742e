"""UniTalker at its real sizes with random weights, and a plain rendering of how the released code runs it.

The reference's way: torch on the CPU, the encoder runs anew for each of the eight data sets, wav2vec2 hands out every
attention map, a clip is not cut. WavLM there takes torch's own attention with a full bias and hands out no maps.
Weights are those of the model folder beside it, so that both must give the same motion.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from engine.learn.data.official import DATASETS, Dataset, Pca, name_rows
from engine.learn.export.converted_folder import write_whole
from engine.learn.faces.folder_contents import Contents, HeadFiles
from engine.nets.layers import resample
from engine.nets.pretrained import PUBLISHED, hf_config
from engine.nets.unitalker import TcnDecoder, UniTalker, UniTalkerConfig, frame_count
from engine.values.types import FloatArray

KINDS = {"B": "wavlm-base-plus", "L": "wav2vec2-large-xlsr-53"}
DECODER_DIM, STYLE_DIM, COEFFICIENTS = 256, 64, 512     # of the released checkpoints
WIDTHS = {
    "BIWI_23370_vertices": 70110, "FLAME_5023_vertices": 15069, "meshtalk_6172_vertices": 18516,
    "3DETF_blendshape_weight": 52, "flame_params_from_dadhead": 413, "inhouse_blendshape_weight": 51,
}       # numbers per frame


def make(size: str, folder: Path) -> None:
    """Write `folder`/checkpoint.safetensors, and `folder`/model as `convert` writes it. Size is a key of KINDS."""
    torch.manual_seed(0)
    outputs = {name: COEFFICIENTS if "vertices" in name else width for name, width in WIDTHS.items()}
    rows, pivot, _ = name_rows(
        tuple(DATASETS.values()), 1 + sum(dataset.subjects for dataset in DATASETS.values()), None
    )
    model = UniTalker(UniTalkerConfig(
        KINDS[size], DECODER_DIM, STYLE_DIM, tuple(row.id for row in rows[:-1]), outputs, interpolate_pos=1,
    )).eval().requires_grad_(False)
    for head in model.heads.values():
        assert isinstance(head, nn.Linear)
        nn.init.normal_(head.weight, std=0.02)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "checkpoint.safetensors"
    )
    heads = {dataset.annotation: dataset for dataset in reversed(DATASETS.values())}
    files = {
        name: HeadFiles(heads[name], np.zeros(width, np.float32), _pca(width) if "vertices" in name else None)
        for name, width in WIDTHS.items()
    }
    write_whole(
        model, folder / "model", Contents(files, rows, pivot, PUBLISHED[KINDS[size]].normalise, "features"), "fp32"
    )


def _pca(width: int) -> Pca:
    random = np.random.default_rng(width)
    return Pca(
        random.standard_normal((COEFFICIENTS, width), np.float32) * np.float32(1e-3),
        random.standard_normal(width, np.float32),
    )


@dataclass(frozen=True)
class Reference:
    """The parts that the released code holds in memory."""

    encoder: Any
    keeps_maps: bool
    decoder: TcnDecoder
    tensors: dict[str, Tensor]
    bases: dict[str, Tensor]

    @torch.no_grad()
    def run(self, wave: FloatArray, datasets: list[Dataset]) -> list[FloatArray]:
        """Motion of normalised sound (n,) for each data set's head and first speaker, one after the other."""
        results = []
        for dataset in datasets:
            output = self.encoder(torch.from_numpy(wave)[None], output_attentions=self.keeps_maps)
            features = resample(output.last_hidden_state, frame_count(len(wave), dataset.fps))
            hidden = self.decoder(features, self.tensors["styles"][first_row(dataset), None])
            motion = functional.linear(
                hidden, *(self.tensors[f"heads.{dataset.annotation}.{name}"] for name in ("weight", "bias"))
            )[0]
            if dataset.annotation in self.bases:
                motion = motion @ self.bases[dataset.annotation] + self.tensors[f"{dataset.annotation}/mean"]
            results.append(motion.numpy())
            del output
        return results


def first_row(dataset: Dataset) -> int:
    """Row of the style table where this data set's speakers begin."""
    names = list(DATASETS)
    return sum(DATASETS[name].subjects for name in names[:names.index(dataset.id)])


def open_reference(size: str, folder: Path) -> Reference:
    """The reference's parts, with the weights that make() wrote."""
    import transformers

    published = PUBLISHED[KINDS[size]]
    tensors = load_file(folder / "checkpoint.safetensors")
    config = hf_config({"model_type": published.model_type, **published.sizes})
    config._attn_implementation = "eager"
    with torch.device("meta"):
        encoder = (transformers.WavLMModel if size == "B" else transformers.Wav2Vec2Model)(config)
        decoder = TcnDecoder(config.hidden_size, DECODER_DIM, STYLE_DIM)
    if size == "B":
        _without_maps()
    for module, prefix in ((encoder, "encoder.model."), (decoder, "decoder.")):
        module.load_state_dict(
            {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)},
            assign=True,
        )
        module.eval().requires_grad_(False)
    with np.load(folder / "model" / "heads.npz") as arrays:
        tensors |= {name: torch.from_numpy(arrays[name]) for name in arrays if name.endswith("/mean")}
    bases = {
        name: torch.from_numpy(np.load(folder / "model" / f"{name}.pca.npy")) for name in WIDTHS if "vertices" in name
    }
    return Reference(encoder, size == "L", decoder, tensors, bases)


def _without_maps() -> None:
    """transformers' WavLM of today always has its attention maps made; the version that the reference pins does not.
    This process ends soon."""
    whole = functional.multi_head_attention_forward
    functional.multi_head_attention_forward = lambda *values, **named: whole(
        *values, **{**named, "need_weights": False}
    )
