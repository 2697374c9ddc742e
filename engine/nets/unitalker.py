"""UniTalker: one encoder, one decoder conditioned on a style vector, heads per annotation.

Source: Fan et al., "UniTalker: Scaling up Audio-Driven 3D Facial Animation through A Unified Model" (ECCV 2024),
sections 3.1 and 3.2, and the specs of the released code. The bundled model `mini` is an instance with a MelEncoder,
without resampling. Kept from the reference where it changes numbers: a clip of n samples has round(n / 16000 * fps)
frames, Python's rounding to even; resampling maps end points onto each other; no style chosen means the last row of the
table, also where that is a person and no pivot; dropout comes before the style is appended; single-layer heads start at
zero, deeper ones do not; nothing is clamped. Mended, since it only crashes: a transformer decoder with the adaptor
behind it is refused when it is built.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .encoders import RATE_HZ, Encoder, make_encoder
from .layers import TcnBlock, resample
from .pretrained import PretrainedEncoder
from .transformer import TransformerDecoder


@dataclass(frozen=True)
class UniTalkerConfig:
    """Sizes of a UniTalker.

    Attributes:
        encoder_kind: name in encoders.ENCODERS, with its sizes in `encoder`.
        decoder_dim: width of the decoder; style_dim: length of a style vector, decoder_dim for a transformer.
        identities: one row of the style table each.
        heads: annotation name and its number of outputs (channels, or PCA coefficients).
        phones: number of phone classes, 0 for no phone head; phone_channels: width of a phone head that looks at
            frames around, 0 for a linear one.
        decoder_kind: "tcn" or "transformer"; period: of the transformer's position code, in frames.
        interpolate_pos: where features become frames: 0 between the encoder's convolutions and its transformer, 1
            behind the encoder, 2 behind the decoder, None nowhere (the motion has the encoder's rate).
        head_layers: linear layers of a head, tanh between them.
        pivot: whether one more row, the last, stands for everybody.
    """

    encoder_kind: str
    decoder_dim: int
    style_dim: int
    identities: tuple[str, ...]
    heads: Mapping[str, int]
    phones: int = 0
    phone_channels: int = 0
    encoder: Mapping[str, Any] = field(default_factory=dict)
    decoder_kind: str = "tcn"
    period: int = 30
    interpolate_pos: int | None = None
    head_layers: int = 1
    pivot: bool = True


class TcnDecoder(nn.Module):
    """Features and a style vector in, hidden state out: a linear map and three convolution blocks."""

    BLOCKS = 3

    def __init__(self, feature_dim: int, dim: int, style_dim: int) -> None:
        super().__init__()
        self.map = nn.Linear(feature_dim, dim)
        self.dropout = nn.Dropout(0.1)
        widths = [dim + style_dim] + [dim] * self.BLOCKS
        self.blocks = nn.ModuleList(TcnBlock(a, b) for a, b in pairwise(widths))
        self.reach_frames: int | None = self.BLOCKS * TcnBlock.REACH_FRAMES

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """(batch, t, feature_dim) and (batch, style_dim) -> (batch, t, dim)."""
        mapped = self.dropout(self.map(features)).transpose(1, 2)
        repeated = style[:, :, None].expand(-1, -1, mapped.shape[2])
        x = torch.cat([mapped, repeated], dim=1)
        for block in self.blocks:
            x = block(x)
        return x.transpose(1, 2)


class PhoneHead(nn.Module):
    """Phone scores from a few frames around each: which stop or hiss it was, its neighbours tell."""

    KERNEL = 5

    def __init__(self, feature_dim: int, channels: int, phones: int) -> None:
        super().__init__()
        pad = self.KERNEL // 2
        self.dropout = nn.Dropout(0.1)
        self.first = nn.Conv1d(feature_dim, channels, self.KERNEL, padding=pad)
        self.second = nn.Conv1d(channels, channels, self.KERNEL, padding=pad)
        self.skip = nn.Linear(feature_dim, phones)
        self.last = nn.Linear(channels, phones)

    def forward(self, features: Tensor) -> Tensor:
        """(batch, t, feature_dim) -> (batch, t, phones)."""
        x = nn.functional.gelu(self.first(self.dropout(features).transpose(1, 2)))
        x = x + nn.functional.gelu(self.second(x))
        scores: Tensor = self.skip(features) + self.last(self.dropout(x.transpose(1, 2)))
        return scores


class UniTalker(nn.Module):
    """Encoder, decoder, style table with the pivot in its last row, heads (zero at the start), optional phone head."""

    def __init__(self, config: UniTalkerConfig, encoder: Encoder | None = None) -> None:
        """encoder: taken instead of the one that the config describes.

        Raises:
            ValueError: sizes that do not go together.
        """
        super().__init__()
        self.config = config
        self.encoder: Encoder = make_encoder(config.encoder_kind, config.encoder) if encoder is None else encoder
        self.decoder = _decoder(config, self.encoder)
        self.styles = nn.Parameter(torch.randn(len(config.identities) + config.pivot, config.style_dim))
        self.heads = nn.ModuleDict(
            {name: _head(config.decoder_dim, size, config.head_layers) for name, size in config.heads.items()}
        )
        self.phone_head = _phone_head(config, self.encoder.dim)

    @property
    def pivot_index(self) -> int:
        """Row of the style table without a choice: the pivot, or without one the last person, as in the reference."""
        return len(self.styles) - 1

    @property
    def context_s(self) -> float | None:
        """One-sided reach of encoder and decoder in seconds; None if a part sees the whole clip."""
        reach_s, reach_frames = self.encoder.context_s, self.decoder.reach_frames
        return None if reach_s is None or reach_frames is None else reach_s + reach_frames / RATE_HZ

    def forward(self, wave: Tensor, identity: Tensor, head: str) -> Tensor:
        """(batch, samples) and style rows (batch,) -> (batch, t, outputs of the head) at the encoder's rate."""
        return self.from_features(self.encoder(wave), identity, head)

    def from_features(self, features: Tensor, identity: Tensor, head: str) -> Tensor:
        """(batch, t, c) and rows of the style table (batch,) -> (batch, t, outputs of the head)."""
        output: Tensor = self.heads[head](self.decoder(features, self.styles[identity]))
        return output

    def frames(self, wave: Tensor, n_frames: int, identity: Tensor, head: str) -> Tensor:
        """(batch, samples) and style rows (batch,) -> (batch, n_frames, outputs), at config.interpolate_pos."""
        return self.frames_of(self.encoder.front(wave), n_frames, identity, head)

    def frames_of(self, front: Tensor, n_frames: int, identity: Tensor, head: str) -> Tensor:
        """As frames(), from what the encoder's front gave."""
        hidden = self.hidden(self.features_of(front, n_frames), n_frames, self.styles[identity])
        output: Tensor = self.heads[head](hidden)
        return output

    def features(self, wave: Tensor, n_frames: int) -> Tensor:
        """(batch, samples) -> the decoder's input: n_frames rows, or the encoder's where the adaptor is later."""
        return self.features_of(self.encoder.front(wave), n_frames)

    def features_of(self, front: Tensor, n_frames: int) -> Tensor:
        """As features(), from what the encoder's front gave."""
        if self.config.interpolate_pos == 0:
            front = resample(front, n_frames)
        features: Tensor = self.encoder.context(front)
        return resample(features, n_frames) if self.config.interpolate_pos == 1 else features

    def hidden(self, features: Tensor, n_frames: int, style: Tensor) -> Tensor:
        """Decoder output (batch, n_frames, d) for `features` and style vectors (batch, s)."""
        hidden: Tensor = self.decoder(features, style)
        return resample(hidden, n_frames) if self.config.interpolate_pos == 2 else hidden


def frame_count(n_samples: int, fps: float) -> int:
    """Frames of 16 kHz samples at inference, .5 to even; in training the annotation's own frame count is taken."""
    return round(n_samples / 16000 * fps)


def _phone_head(config: UniTalkerConfig, feature_dim: int) -> nn.Linear | PhoneHead | None:
    if not config.phones:
        return None
    if not config.phone_channels:
        return nn.Linear(feature_dim, config.phones)
    return PhoneHead(feature_dim, config.phone_channels, config.phones)


def _decoder(config: UniTalkerConfig, encoder: Encoder) -> TcnDecoder | TransformerDecoder:
    if config.interpolate_pos == 0 and not isinstance(encoder, PretrainedEncoder):
        raise ValueError(
            f"Encoder {config.encoder_kind!r} cannot be resampled inside (interpolate_pos 0). Choose interpolate_pos "
            "1 or 2."
        )
    if config.interpolate_pos not in (None, 0, 1, 2):
        raise ValueError(f"interpolate_pos is {config.interpolate_pos}, must be 0, 1 or 2.")
    if config.decoder_kind == "tcn":
        return TcnDecoder(encoder.dim, config.decoder_dim, config.style_dim)
    if config.decoder_kind != "transformer":
        raise ValueError(f"Decoder kind {config.decoder_kind!r} is unknown. Known: tcn, transformer.")
    if config.style_dim != config.decoder_dim or config.interpolate_pos == 2:
        raise ValueError(
            f"A transformer decoder needs styles as wide as itself ({config.decoder_dim}, got {config.style_dim}) and "
            "interpolate_pos 0 or 1, "
            f"got {config.interpolate_pos}."
        )
    return TransformerDecoder(encoder.dim, config.decoder_dim, config.period)


def _head(in_size: int, out_size: int, layers: int) -> nn.Module:
    if layers == 1:
        return _zero_linear(in_size, out_size)
    hidden = [part for _ in range(layers - 1) for part in (nn.Linear(in_size, in_size), nn.Tanh())]
    return nn.Sequential(*hidden, nn.Linear(in_size, out_size))


def _zero_linear(in_size: int, out_size: int) -> nn.Linear:
    linear = nn.Linear(in_size, out_size)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
