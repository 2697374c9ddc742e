"""Published speech encoders (WavLM, wav2vec2, HuBERT) over `transformers`, from a local folder or with random weights.

Nothing is downloaded. What the UniTalker reference does and changes numbers is kept: no padding and no attention mask
are ever passed, so frames are those of the bare convolutions (49 for one second); waves are normalised outside, by the
clip, where the encoder's preprocessor says so; only the last hidden state is used; where the adaptor sits before the
context network, it works on the raw convolution features. Mended, numbers unchanged: the reference keeps every
attention map of wav2vec2, and WavLM's gated position bias there goes through a slow path; here attention is fused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_BASE = {
    "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    "feat_extract_norm": "group", "conv_bias": False, "do_stable_layer_norm": False, "layerdrop": 0.05,
}
_LARGE = {
    "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
    "feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True, "layerdrop": 0.1,
}
TransformersPart = Any  # transformers carries no types
WAVE_EPSILON = 1e-7                 # added to the variance of a wave
MASK = "wav2vec2.masked_spec_embed"  # of training alone
MODEL_TYPES = ("wavlm", "wav2vec2", "hubert")


@dataclass(frozen=True)
class Published:
    """A published encoder: where its config.json differs from transformers' defaults; whether waves are normalised."""

    repository: str
    model_type: str
    sizes: Mapping[str, Any]
    normalise: bool


PUBLISHED: Mapping[str, Published] = {
    "wavlm-base-plus": Published("microsoft/wavlm-base-plus", "wavlm", _BASE, False),
    "wavlm-base": Published("microsoft/wavlm-base", "wavlm", _BASE, False),
    "wav2vec2-base-960h": Published("facebook/wav2vec2-base-960h", "wav2vec2", {**_BASE, "layerdrop": 0.1}, True),
    "wav2vec2-large-xlsr-53": Published("facebook/wav2vec2-large-xlsr-53", "wav2vec2", _LARGE, True),
    "hubert-base": Published("facebook/hubert-base-ls960", "hubert", _BASE, True),
    "hubert-large": Published("facebook/hubert-large-ll60k", "hubert", _LARGE, True),
}


class PretrainedEncoder(nn.Module):
    """Convolutions (`front`), then a transformer (`context`); below `model` weights are named as in `transformers`."""

    context_s: float | None = None

    def __init__(self, config: TransformersPart) -> None:
        """config: a WavLMConfig, Wav2Vec2Config or HubertConfig of transformers."""
        super().__init__()
        self.model: Any = _model_class(config.model_type)(config)
        if config.model_type == "wavlm":
            for layer in self.model.encoder.layers:
                layer.attention = GatedAttention(layer.attention)
        self.dim: int = config.hidden_size
        self.front_dim: int = config.conv_dim[-1]

    def forward(self, wave: Tensor) -> Tensor:
        """(batch, samples) -> (batch, t, dim); t = 49 for 16000 samples, at least 400 samples."""
        return self.context(self.front(wave))

    def front(self, wave: Tensor) -> Tensor:
        """(batch, samples) -> convolution features (batch, t, front_dim)."""
        features: Tensor = self.model.feature_extractor(wave)
        return features.transpose(1, 2)

    def context(self, features: Tensor) -> Tensor:
        """Convolution features (batch, t, front_dim) -> last hidden state (batch, t, dim)."""
        projected = self.model.feature_projection(features)
        hidden = projected[0] if isinstance(projected, tuple) else projected
        if self.training:
            hidden = self.model._mask_hidden_states(hidden)
        states: Tensor = self.model.encoder(hidden)[0]
        return states

    def prepare_for_export(self) -> None:
        """Replace weight norm by its value, and the group norm by one that is as exact in ONNX Runtime."""
        nn.utils.parametrize.remove_parametrizations(self.model.encoder.pos_conv_embed.conv, "weight")
        for layer in self.model.feature_extractor.conv_layers:
            if isinstance(getattr(layer, "layer_norm", None), nn.GroupNorm):
                layer.layer_norm = TimeNorm(layer.layer_norm)


class GatedAttention(nn.Module):
    """WavLM's self-attention with gated relative position bias, fused; parts and names are those of transformers.

    Source: Chen et al., "WavLM" (2022), section 3.1; specs of the bias: 320 buckets, exact below 80 frames, logarithmic
    up to 800.
    """

    def __init__(self, source: TransformersPart) -> None:
        super().__init__()
        self.heads: int = source.num_heads
        self.q_proj, self.k_proj, self.v_proj = source.q_proj, source.k_proj, source.v_proj
        self.out_proj = source.out_proj
        self.gru_rel_pos_const, self.gru_rel_pos_linear = source.gru_rel_pos_const, source.gru_rel_pos_linear
        self.buckets: int = source.num_buckets
        self.max_distance: int = source.max_distance
        self.dropout: float = source.dropout
        if hasattr(source, "rel_attn_embed"):  # the first layer owns the bias, the others are handed it
            self.rel_attn_embed = source.rel_attn_embed

    def forward(
        self, hidden_states: Tensor, attention_mask: None = None, position_bias: Tensor | None = None,
        output_attentions: bool = False,
        index: int = 0,
    ) -> tuple[Tensor, None, Tensor]:
        """(batch, t, dim) -> the same shape, no attention map, and the bias (heads, t, t) for the next layer."""
        if position_bias is None:
            position_bias = self._position_bias(hidden_states.shape[1])
        query, key, value = (self._split(part(hidden_states)) for part in (self.q_proj, self.k_proj, self.v_proj))
        bias = self._gate(self._split(hidden_states)) * position_bias
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=dropout)
        return self.out_proj(mixed.transpose(1, 2).flatten(2)), None, position_bias

    def _split(self, x: Tensor) -> Tensor:
        """(batch, t, dim) -> (batch, heads, t, dim / heads)."""
        batch, frames, dim = x.shape
        return x.reshape(batch, frames, self.heads, dim // self.heads).transpose(1, 2)

    def _gate(self, x: Tensor) -> Tensor:
        """(batch, heads, t, dim / heads) -> (batch, heads, t, 1), from the layer's input."""
        scores = self.gru_rel_pos_linear(x)
        a, b = torch.sigmoid(
            scores[..., :4].sum(-1, keepdim=True)
        ), torch.sigmoid(scores[..., 4:].sum(-1, keepdim=True))
        gate: Tensor = a * (b * self.gru_rel_pos_const - 1.0) + 2.0
        return gate

    def _position_bias(self, frames: int) -> Tensor:
        """(heads, t, t); entry (i, j) depends on j - i only, so 2 t - 1 rows are looked up and spread."""
        positions = torch.arange(frames, device=self.rel_attn_embed.weight.device)
        distances = torch.cat([-positions.flip(0), positions[1:]])  # 1 - t .. t - 1
        rows = self.rel_attn_embed(self._bucket(distances))
        spread: Tensor = rows[positions[None, :] - positions[:, None] + positions[-1]]
        return spread.permute(2, 0, 1)

    def _bucket(self, distances: Tensor) -> Tensor:
        """Bucket of each key position minus query position."""
        half = self.buckets // 2
        exact = half // 2
        size = distances.abs()
        logarithm = torch.log(size.clamp_min(1).float() / exact) / math.log(self.max_distance / exact) * (half - exact)
        far = (exact + logarithm.clamp_min(0).long()).clamp_max(half - 1)
        return torch.where(size < exact, size, far) + half * (distances > 0).long()


class TimeNorm(nn.Module):
    """Group norm, one channel a group, with sums in two stages: ONNX Runtime's one-stage sums err by 6e-4 on 25 s."""

    BLOCK = 256  # steps summed first, about the square root of a window

    def __init__(self, source: nn.GroupNorm) -> None:
        super().__init__()
        assert source.num_groups == source.num_channels
        self.weight, self.bias, self.eps = source.weight, source.bias, source.eps

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, t) -> the same shape."""
        centred = x - self._mean(x)
        scale = torch.rsqrt(self._mean(centred * centred) + self.eps)
        return centred * (scale * self.weight[:, None]) + self.bias[:, None]

    def _mean(self, x: Tensor) -> Tensor:
        blocks = functional.avg_pool1d(functional.pad(x, (0, self.BLOCK - 1)), self.BLOCK)
        return blocks.sum(dim=2, keepdim=True) * (self.BLOCK / x.shape[2])


def make_pretrained(kind: str, config: Mapping[str, Any]) -> PretrainedEncoder:
    """A published encoder, or one of its shape.

    Args:
        kind: name in PUBLISHED.
        config: {"folder": path} reads config.json and, where it is there, model.safetensors of a local folder; any
            other entries replace sizes of the published config, with random weights.
    Raises:
        ValueError: the folder holds another type of model, or weights that do not fit.
    """
    published = PUBLISHED[kind]
    if "folder" not in config:
        return PretrainedEncoder(hf_config({"model_type": published.model_type, **published.sizes, **config}))
    folder = Path(str(config["folder"]))
    fields = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if fields.get("model_type") != published.model_type:
        raise ValueError(
            f"{folder} holds a {fields.get('model_type')!r}, {kind} is a {published.model_type!r}. Give the folder of "
            f"{published.repository}."
        )
    encoder = PretrainedEncoder(hf_config(fields))
    if (folder / "model.safetensors").is_file():
        _load_weights(encoder, folder / "model.safetensors")
    return encoder


class SpeakerNetwork(nn.Module):
    """A network that tells speakers apart, whose pooled projection describes a voice; never trained here.

    Source: the "2D-augmented" study's voice style; layers are mixed by learned weights, projected, and averaged over
    time, as in transformers' classifier of sequences. The classes themselves are names of VoxCeleb and are not used.
    """

    def __init__(self, config: TransformersPart, normalise: bool) -> None:
        """config: a Wav2Vec2Config. normalise: whether waves become ones of mean 0 and deviation 1."""
        import transformers

        super().__init__()
        self.model: Any = transformers.Wav2Vec2ForSequenceClassification(config)
        self.normalise = normalise
        self.numbers: int = config.classifier_proj_size
        self.requires_grad_(False).train(False)

    @torch.no_grad()
    def forward(self, wave: Tensor) -> Tensor:
        """(batch, samples) at 16 kHz -> (batch, numbers)."""
        if self.normalise:
            variance, mean = torch.var_mean(wave, dim=1, correction=0, keepdim=True)
            wave = (wave - mean) / torch.sqrt(variance + WAVE_EPSILON)
        outputs = self.model.wav2vec2(wave, output_hidden_states=True)
        hidden = outputs.last_hidden_state
        if self.model.config.use_weighted_layer_sum:
            layers = torch.stack(outputs.hidden_states, dim=1)
            hidden = (layers * functional.softmax(self.model.layer_weights, dim=-1)[:, None, None]).sum(dim=1)
        pooled: Tensor = self.model.projector(hidden).mean(dim=1)
        return pooled


def read_speaker_network(folder: Path) -> SpeakerNetwork:
    """The network of a local folder, such as superb/wav2vec2-base-superb-sid.

    Raises:
        ValueError: a file is missing, the folder holds another type of model, or weights that do not fit.
    """
    from safetensors.torch import load_file

    try:
        fields = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        steps = json.loads((folder / "preprocessor_config.json").read_text(encoding="utf-8"))
        given = {modern_weight_norm(name): tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    except OSError as error:
        raise ValueError(
            f"{folder} is no speaker network ({error}). It needs config.json, preprocessor_config.json and "
            "model.safetensors, as superb/wav2vec2-base-superb-sid has them."
        ) from error
    if fields.get("model_type") != "wav2vec2":
        raise ValueError(f"{folder} holds a {fields.get('model_type')!r}, a wav2vec2 is needed.")
    network = SpeakerNetwork(hf_config(fields), bool(steps.get("do_normalize")))
    wanted = network.model.state_dict()
    unfit = [name for name, tensor in wanted.items() if name not in given or given[name].shape != tensor.shape]
    wrong = sorted({*unfit, *(given.keys() - wanted.keys())} - {MASK})
    if wrong:
        raise ValueError(
            f"{folder} lacks, misshapes or adds {len(wrong)} weights of its config.json: {', '.join(wrong[:5])}. "
            "Download the folder again."
        )
    network.model.load_state_dict(given, strict=False)
    return network


def hf_config(fields: Mapping[str, Any]) -> TransformersPart:
    """The transformers config of a config.json's fields.

    Raises:
        ValueError: model_type is none of MODEL_TYPES, or sizes that do not go together.
    """
    import transformers

    classes = {
        "wavlm": transformers.WavLMConfig, "wav2vec2": transformers.Wav2Vec2Config, "hubert": transformers.HubertConfig
    }
    if fields.get("model_type") not in classes:
        raise ValueError(f"model_type is {fields.get('model_type')!r}, must be one of {', '.join(MODEL_TYPES)}.")
    known = {
        name: value
        for name, value in fields.items()
        if name not in ("model_type", "transformers_version", "torch_dtype", "dtype", "architectures")
    }
    try:
        return classes[fields["model_type"]](**known)
    except Exception as error:  # transformers' own checks raise kinds that changed from version to version
        raise ValueError(f"config.json describes no {fields['model_type']}: {error}") from error


def modern_weight_norm(name: str) -> str:
    """A weight's name with torch's newer spelling of weight norm: weight_g is original0, weight_v original1."""
    return name.replace(
        ".weight_g", ".parametrizations.weight.original0"
    ).replace(".weight_v", ".parametrizations.weight.original1")


def _model_class(model_type: str) -> TransformersPart:
    import transformers

    return {
        "wavlm": transformers.WavLMModel, "wav2vec2": transformers.Wav2Vec2Model, "hubert": transformers.HubertModel
    }[model_type]


def _load_weights(encoder: PretrainedEncoder, file: Path) -> None:
    """Weights of a published file, which may have a prefix such as "wav2vec2." and heads of other tasks besides."""
    from safetensors.torch import load_file

    wanted = encoder.model.state_dict()
    given = {modern_weight_norm(name): tensor for name, tensor in load_file(file).items()}
    prefixes = [
        prefix
        for prefix in ("", *(f"{model_type}." for model_type in MODEL_TYPES))
        if f"{prefix}encoder.layer_norm.weight" in given
    ]
    found = {name: given[prefix + name] for prefix in prefixes[:1] for name in wanted if prefix + name in given}
    wrong = [
        name
        for name, tensor in wanted.items()
        if name != "masked_spec_embed" and (name not in found or found[name].shape != tensor.shape)
    ]
    if wrong:
        raise ValueError(
            f"{file} lacks or misshapes {len(wrong)} weights of its config.json: {', '.join(wrong[:5])}. Download the "
            "folder again."
        )
    encoder.model.load_state_dict(found, strict=False)
