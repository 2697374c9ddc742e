"""FaceFormer: an autoregressive decoder that is given its own last frame, a style, and the sound of that frame.

Kept from the reference where it changes numbers: the style is the start token and is added to each frame that is fed
back; with teacher forcing the first row is the motion map of a still face, so it also has that map's bias; frame t
attends to its own audio rows alone (one, or two at 25 frames a second); the self-attention bias falls by whole periods.
Mended: no limit of 600 frames, and keys and values of earlier frames stay in a cache instead of being made anew for
each frame, which gives the same numbers since the decoder is causal. Source: Fan et al., "FaceFormer" (CVPR 2022),
sections 3.2 and 3.3; specs of the released code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .transformer import periodic_bias, periodic_positions

DROPOUT = 0.1
HEADS = 4


@dataclass(frozen=True)
class DecoderSizes:
    """Sizes of an autoregressive decoder.

    Attributes:
        feature_dim: channels of the speech features; dim: width of the decoder, and length of a style vector.
        layers: FaceFormer has 1, CodeTalker 6, or 12 for BIWI.
        period: of position code and attention bias, in frames: the frame rate.
        span: audio rows of one frame: 1, or 2 where features at 50 Hz meet 25 frames a second.
    """

    feature_dim: int
    dim: int = 64
    layers: int = 1
    period: int = 30
    span: int = 1


class DecoderLayer(nn.Module):
    """Post-norm: causal self-attention with a periodic bias, attention to the frame's own audio rows, feed-forward."""

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        dim = sizes.dim
        self.self_attention, self.cross = Projections(dim), Projections(dim)
        self.linear1, self.linear2 = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        for linear in (self.linear1, self.linear2):
            nn.init.xavier_uniform_(linear.weight)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))
        self.dropout = nn.Dropout(DROPOUT)
        self.period = sizes.period

    def forward(self, x: Tensor, memory: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """New frames after those of a cache.

        Args:
            x: (batch, n, dim) new frames; memory: (batch, n, span, dim) their audio rows.
            past: (2, batch, heads, t, dim / heads) keys and values of the t frames before.
        Returns:
            (batch, n, dim), and the cache with t + n frames.
        """
        query, key, value = self.self_attention.split(x)
        past = torch.cat([past, torch.stack([key, value])], dim=3)
        frames = torch.arange(past.shape[3], device=x.device)
        bias = periodic_bias(frames[frames.shape[0] - x.shape[1]:], frames, self.period, HEADS).to(x.dtype)
        attended = self.self_attention.mix(query, past[0], past[1], bias, self.training)
        x = self.norm1(x + self.dropout(attended))
        x = self.norm2(x + self.dropout(self._listen(x, memory)))
        change = self.linear2(self.dropout(functional.relu(self.linear1(x))))
        return self.norm3(x + self.dropout(change)), past

    def _listen(self, x: Tensor, memory: Tensor) -> Tensor:
        """(batch, n, dim) of the frames' own audio rows; each frame is a batch entry of its own."""
        batch, frames, dim = x.shape
        query, _, _ = self.cross.split(x.reshape(batch * frames, 1, dim))
        _, key, value = self.cross.split(memory.reshape(batch * frames, -1, dim))
        return self.cross.mix(query, key, value, None, self.training).reshape(batch, frames, dim)


class Projections(nn.Module):
    """Query, key, value and output maps of attention with HEADS heads."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.in_proj, self.out_proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.in_proj.weight)
        nn.init.zeros_(self.in_proj.bias)
        nn.init.zeros_(self.out_proj.bias)

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(batch, n, dim) -> query, key and value, each (batch, heads, n, dim / heads)."""
        batch, frames, dim = x.shape
        query, key, value = self.in_proj(x).reshape(batch, frames, 3, HEADS, dim // HEADS).permute(2, 0, 3, 1, 4)
        return query, key, value

    def mix(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, training: bool) -> Tensor:
        """Attention and output map: (batch, n, dim)."""
        dropout = DROPOUT if training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=dropout)
        result: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return result


class Decoder(nn.Module):
    """Frames that are fed back in, hidden states out; a step at a time with a cache, or all at once."""

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.layers = nn.ModuleList(DecoderLayer(sizes) for _ in range(sizes.layers))
        self.dropout = nn.Dropout(DROPOUT)
        self.register_buffer("positions", periodic_positions(sizes.period, sizes.dim), persistent=False)
        self.positions: Tensor

    def empty_cache(self, batch: int = 1) -> Tensor:
        """Of no frame: (layers, 2, batch, heads, 0, dim / heads)."""
        return self.positions.new_zeros(len(self.layers), 2, batch, HEADS, 0, self.sizes.dim // HEADS)

    def forward(self, x: Tensor, memory: Tensor, cache: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, n, dim) new frames with their audio rows (batch, n, span, dim) -> hidden (batch, n, dim), cache."""
        frames = cache.shape[4] + torch.arange(x.shape[1], device=x.device)
        x = self.dropout(x + self.positions[frames % self.sizes.period])
        grown = []
        for layer, past in zip(self.layers, cache.unbind(0), strict=True):
            x, longer = layer(x, memory, past)
            grown.append(longer)
        return x, torch.stack(grown)

    def unroll(
        self, memory: Tensor, style: Tensor, feed_back: Callable[[Tensor], Tensor], n_frames: int,
    ) -> Tensor:
        """Free running: each frame is given what `feed_back` makes of the last hidden state, plus the style.

        Args:
            memory: (batch, n_frames, span, dim); style: (batch, dim).
        Returns:
            Hidden states (batch, n_frames, dim), with their gradient.
        """
        x, cache = style[:, None], self.empty_cache(len(style))
        rows = []
        for frame in range(n_frames):
            hidden, cache = self(x, memory[:, frame:frame + 1], cache)
            rows.append(hidden)
            x = feed_back(hidden) + style[:, None]
        return torch.cat(rows, dim=1)


class FaceFormer(nn.Module):
    """Speech features and a style vector in, motion as offsets from the neutral face out.

    The styles table has one row for each speaker of the training; a style from a voice replaces a row of it.
    """

    def __init__(self, sizes: DecoderSizes, outputs: int, speakers: int) -> None:
        super().__init__()
        self.sizes, self.outputs = sizes, outputs
        self.map = nn.Linear(sizes.feature_dim, sizes.dim)
        self.motion_in, self.motion_out = nn.Linear(outputs, sizes.dim), nn.Linear(sizes.dim, outputs)
        nn.init.zeros_(self.motion_out.weight)
        nn.init.zeros_(self.motion_out.bias)
        bound = speakers ** -0.5        # of a linear map without bias from one-hot vectors
        self.styles = nn.Parameter(torch.empty(speakers, sizes.dim).uniform_(-bound, bound))
        self.decoder = Decoder(sizes)

    def memory(self, features: Tensor, n_frames: int) -> Tensor:
        """(batch, t, feature_dim) -> (batch, n_frames, span, dim); the last row is repeated where sound ends early."""
        return by_frames(self.map(features), n_frames, self.sizes.span)

    def forward(self, features: Tensor, style: Tensor, n_frames: int) -> Tensor:
        """Free running: (batch, t, feature_dim) and styles (batch, dim) -> offsets (batch, n_frames, outputs)."""
        hidden = self.decoder.unroll(self.memory(features, n_frames), style, self.feed_back, n_frames)
        offsets: Tensor = self.motion_out(hidden)
        return offsets

    def feed_back(self, hidden: Tensor) -> Tensor:
        """What the next frame is given of a hidden state (batch, n, dim): its motion, through the motion map."""
        given: Tensor = self.motion_in(self.motion_out(hidden))
        return given

    def teacher_forced(self, features: Tensor, style: Tensor, offsets: Tensor) -> Tensor:
        """As forward, but each frame is given the true offsets (batch, n_frames, outputs) of the frame before."""
        before = functional.pad(offsets[:, :-1], (0, 0, 1, 0))
        x = self.motion_in(before) + style[:, None]
        hidden, _ = self.decoder(x, self.memory(features, offsets.shape[1]), self.decoder.empty_cache(len(x)))
        predicted: Tensor = self.motion_out(hidden)
        return predicted


def by_frames(rows: Tensor, n_frames: int, span: int) -> Tensor:
    """(batch, t, dim) -> (batch, n_frames, span, dim): rows cut, or the last one repeated."""
    wanted = torch.arange(n_frames * span, device=rows.device).clamp_max(rows.shape[1] - 1)
    return rows[:, wanted].reshape(len(rows), n_frames, span, -1)
