"""UniTalker: one encoder, one decoder conditioned on a style vector, one linear head per annotation.

Source: Fan et al., "UniTalker: Scaling up Audio-Driven 3D Facial Animation through A Unified Model" (ECCV 2024), sections 3.1 and 3.2.
The bundled model `mini` is an instance with a MelEncoder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .encoders import RATE_HZ, SpeechEncoder, make_encoder
from .layers import TcnBlock


@dataclass(frozen=True)
class UniTalkerConfig:
    """Sizes of a UniTalker.

    Attributes:
        encoder_kind: name in encoders.ENCODERS, with its sizes in `encoder`.
        decoder_dim: width of the decoder; style_dim: length of a style vector.
        identities: one row of the style table each; the pivot is one more row, the last.
        heads: annotation name and its number of channels.
        phones: number of phone classes, 0 for no phone head.
    """

    encoder_kind: str
    decoder_dim: int
    style_dim: int
    identities: tuple[str, ...]
    heads: Mapping[str, int]
    phones: int = 0
    encoder: Mapping[str, Any] = field(default_factory=dict)


class TcnDecoder(nn.Module):
    """Features and a style vector in, hidden state out: a linear map and three convolution blocks."""

    BLOCKS = 3

    def __init__(self, feature_dim: int, dim: int, style_dim: int) -> None:
        super().__init__()
        self.map = nn.Linear(feature_dim, dim)
        self.dropout = nn.Dropout(0.1)
        widths = [dim + style_dim] + [dim] * self.BLOCKS
        self.blocks = nn.ModuleList(TcnBlock(a, b) for a, b in pairwise(widths))
        self.reach_frames = self.BLOCKS * TcnBlock.REACH_FRAMES

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """(batch, t, feature_dim) and (batch, style_dim) -> (batch, t, dim)."""
        mapped = self.dropout(self.map(features)).transpose(1, 2)
        repeated = style[:, :, None].expand(-1, -1, mapped.shape[2])
        x = torch.cat([mapped, repeated], dim=1)
        for block in self.blocks:
            x = block(x)
        return x.transpose(1, 2)


class UniTalker(nn.Module):
    """Encoder, decoder, style table with the pivot in its last row, heads (zero at the start), optional phone head."""

    def __init__(self, config: UniTalkerConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder: SpeechEncoder = make_encoder(config.encoder_kind, config.encoder)
        self.decoder = TcnDecoder(self.encoder.dim, config.decoder_dim, config.style_dim)
        self.styles = nn.Parameter(torch.randn(len(config.identities) + 1, config.style_dim))
        self.heads = nn.ModuleDict({name: _zero_linear(config.decoder_dim, size) for name, size in config.heads.items()})
        self.phone_head = nn.Linear(self.encoder.dim, config.phones) if config.phones else None

    @property
    def pivot_index(self) -> int:
        """Row of the style table that stands for everybody."""
        return len(self.config.identities)

    @property
    def context_s(self) -> float | None:
        """One-sided reach of encoder and decoder in seconds; None if the encoder sees the whole clip."""
        reach_s = self.encoder.context_s
        return None if reach_s is None else reach_s + self.decoder.reach_frames / RATE_HZ

    def forward(self, wave: Tensor, identity: Tensor, head: str) -> Tensor:
        """(batch, samples) and rows of the style table (batch,) -> (batch, t, channels of the head)."""
        return self.from_features(self.encoder(wave), identity, head)

    def from_features(self, features: Tensor, identity: Tensor, head: str) -> Tensor:
        """(batch, t, c) and rows of the style table (batch,) -> (batch, t, channels of the head)."""
        output: Tensor = self.heads[head](self.decoder(features, self.styles[identity]))
        return output


def _zero_linear(in_size: int, out_size: int) -> nn.Linear:
    linear = nn.Linear(in_size, out_size)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
