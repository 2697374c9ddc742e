"""UniTalker's transformer decoder: one layer over the whole clip, causal, with a bias against the far past.

Kept from the reference: the query is the style vector plus a periodic position code, never earlier motion; frame t
attends to audio frame t only, so cross-attention is its value and output map (query and key weights are there and have
no effect); the self-attention bias falls by whole periods. Mended: no limit of 3000 frames, masks made as long as the
clip, any batch size. Source: specs of the released code; Fan et al., "FaceFormer" (CVPR 2022), for position code and
bias.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class BiasedSelfAttention(nn.Module):
    """Causal self-attention; per head the logit falls by a slope for every whole period that a key lies back."""

    HEADS = 4

    def __init__(self, dim: int, period: int, dropout: float) -> None:
        super().__init__()
        self.in_proj = nn.Linear(dim, 3 * dim)
        self.out_proj = nn.Linear(dim, dim)
        self.period, self.dropout = period, dropout

    def forward(self, x: Tensor) -> Tensor:
        """(batch, t, dim) -> the same shape."""
        batch, frames, dim = x.shape
        split = self.in_proj(x).reshape(batch, frames, 3, self.HEADS, dim // self.HEADS).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)
        dropout = self.dropout if self.training else 0.0
        positions = torch.arange(frames, device=x.device)
        bias = periodic_bias(positions, positions, self.period, self.HEADS).to(x.dtype)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=dropout)
        result: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return result


class CrossValue(nn.Module):
    """Cross-attention to one audio frame each: value map, output map. in_proj also holds idle query and key maps."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.in_proj = nn.Linear(dim, 3 * dim)
        self.out_proj = nn.Linear(dim, dim)

    def forward(self, memory: Tensor) -> Tensor:
        """(batch, t, dim) -> the same shape."""
        start = 2 * memory.shape[2]
        value = functional.linear(memory, self.in_proj.weight[start:], self.in_proj.bias[start:])
        result: Tensor = self.out_proj(value)
        return result


class TransformerDecoder(nn.Module):
    """Features and a style vector (as wide as the decoder) in, hidden state out."""

    reach_frames: int | None = None  # sees the whole past

    def __init__(self, feature_dim: int, dim: int, period: int) -> None:
        super().__init__()
        self.map = nn.Linear(feature_dim, dim)
        self.self_attention = BiasedSelfAttention(dim, period, dropout=0.1)
        self.cross = CrossValue(dim)
        self.linear1, self.linear2 = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))
        self.dropout = nn.Dropout(0.1)
        self.register_buffer("positions", periodic_positions(period, dim), persistent=False)
        self.positions: Tensor

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """(batch, t, feature_dim) and (batch, dim) -> (batch, t, dim)."""
        memory = self.map(features)
        frames = torch.arange(features.shape[1], device=features.device)
        x = self.dropout(style[:, None] + self.positions[frames % len(self.positions)])
        x = self.norm1(x + self.dropout(self.self_attention(x)))
        x = self.norm2(x + self.dropout(self.cross(memory)))
        change = self.linear2(self.dropout(functional.relu(self.linear1(x))))
        hidden: Tensor = self.norm3(x + self.dropout(change))
        return hidden


def periodic_positions(period: int, dim: int) -> Tensor:
    """One period of the sine and cosine code (period, dim); even channels are sines, dim is even."""
    rates = torch.exp(torch.arange(0, dim, 2, dtype=torch.float32, device="cpu") * (-math.log(10000.0) / dim))
    angles = torch.arange(period, dtype=torch.float32, device="cpu")[:, None] * rates
    return torch.stack([torch.sin(angles), torch.cos(angles)], dim=2).flatten(1)


def periodic_bias(queries: Tensor, keys: Tensor, period: int, heads: int) -> Tensor:
    """Bias of attention between frame numbers (q,) and (k,): (heads, q, k).

    Minus infinity for the future, else - slope * whole periods back; for 4 heads slopes 1/4, 1/16, 1/64, 1/256. `heads`
    is a power of two.
    """
    back = queries[:, None] - keys[None, :]
    slopes = 2.0 ** (-8.0 / heads * torch.arange(1, heads + 1, device=queries.device))
    periods = torch.div(back.clamp_min(0), period, rounding_mode="floor")
    bias = -slopes[:, None, None] * periods.float()
    return bias.masked_fill(back < 0, -math.inf)
