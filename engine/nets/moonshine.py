"""The encoder of Moonshine Tiny (Useful Sensors, MIT licence): the front end of a speech recogniser, as it is
and never trained here.

Three convolutions over the bare wave (41.67 frames a second) and transformer layers with rotary positions (arXiv
2410.15608). It was trained on many thousands of people, so its features carry over to voices that no synthetic corpus
has. The weights have the names that `transformers` gives them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH, HEADS, INNER = 288, 8, 1152
ROTARY = 32                     # of the 36 values of each head
ROTARY_BASE = 10000.0
HOP = 384                       # samples of one frame at 16 kHz
CENTRE = 447                    # sample on which the first frame is centred
FRAME_SAMPLES = 320             # of what comes out
RIGHT_PADDING = 448


class MoonshineFront(nn.Module):
    """Wave in, hidden states of some layers out, brought to 50 Hz and to one size."""

    def __init__(self, layers: Sequence[int]) -> None:
        """layers: whose hidden states come out; 1 is the first transformer layer. No layer above the last is built."""
        super().__init__()
        self.taken = tuple(layers)
        self.conv1 = nn.Conv1d(1, WIDTH, 127, stride=64, bias=False)
        self.groupnorm = nn.GroupNorm(1, WIDTH, eps=1e-5)
        self.conv2 = nn.Conv1d(WIDTH, 2 * WIDTH, 7, stride=3)
        self.conv3 = nn.Conv1d(2 * WIDTH, WIDTH, 3, stride=2)
        self.layers = nn.ModuleList(MoonshineLayer() for _ in range(max(layers)))
        self.dim = WIDTH * len(self.taken)
        for parameter in self.parameters():
            parameter.requires_grad_(False)

    def forward(self, wave: Tensor) -> Tensor:
        """(batch, 320 t) -> (batch, t, dim); frame i is at second i / 50, each layer has mean 0, variance 1."""
        padded = functional.pad(wave, (CENTRE, RIGHT_PADDING))[:, None]
        x = self.groupnorm(torch.tanh(self.conv1(padded)))
        x = functional.gelu(self.conv2(x))
        x = functional.gelu(self.conv3(x)).transpose(1, 2)
        cosine, sine = _rotation(x.shape[1], x.device)
        taken = []
        for number, layer in enumerate(self.layers, start=1):
            x = layer(x, cosine, sine)
            if number in self.taken:
                taken.append(functional.layer_norm(x, (WIDTH,)))
        return _to_50_hz(torch.cat(taken, dim=2), wave.shape[1] // FRAME_SAMPLES)


class MoonshineLayer(nn.Module):
    """Self-attention over the whole clip and two linear layers, both behind a layer norm and added to their input."""

    def __init__(self) -> None:
        super().__init__()
        self.input_layernorm = nn.LayerNorm(WIDTH, bias=False)
        self.self_attn = nn.ModuleDict({f"{name}_proj": nn.Linear(WIDTH, WIDTH, bias=False) for name in "qkvo"})
        self.post_attention_layernorm = nn.LayerNorm(WIDTH, bias=False)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(WIDTH, INNER), "fc2": nn.Linear(INNER, WIDTH)})

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        """(batch, t, 288) and the rotation (t, 32) -> the same shape."""
        normed = self.input_layernorm(x)
        query, key, value = (self._heads(name, normed) for name in ("q_proj", "k_proj", "v_proj"))
        seen = functional.scaled_dot_product_attention(
            _rotated(query, cosine, sine), _rotated(key, cosine, sine), value
        )
        x = x + self.self_attn["o_proj"](seen.transpose(1, 2).reshape(x.shape))
        inner = functional.gelu(self.mlp["fc1"](self.post_attention_layernorm(x)))
        changed: Tensor = x + self.mlp["fc2"](inner)
        return changed

    def _heads(self, name: str, x: Tensor) -> Tensor:
        split: Tensor = self.self_attn[name](x).unflatten(2, (HEADS, WIDTH // HEADS))
        return split.transpose(1, 2)


def _rotation(n_frames: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine (t, 32) of each frame's turn; neighbouring values are a pair that turns together."""
    rates = ROTARY_BASE ** (-torch.arange(0, ROTARY, 2, device=device, dtype=torch.float32) / ROTARY)
    angles = torch.arange(n_frames, device=device)[:, None].float() * rates
    angles = torch.stack([angles, angles], dim=-1).flatten(1)
    return angles.cos(), angles.sin()


def _rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn the first values of (batch, heads, t, 36)."""
    turned, kept = x[..., :ROTARY], x[..., ROTARY:]
    quarter = torch.stack([-turned[..., 1::2], turned[..., 0::2]], dim=-1).flatten(-2)
    return torch.cat([turned * cosine + quarter * sine, kept], dim=-1)


def _to_50_hz(x: Tensor, n_frames: int) -> Tensor:
    """(batch, t, c) every 384 samples -> (batch, n_frames, c) every 320, by linear interpolation."""
    sixths = torch.arange(n_frames, device=x.device) * 5       # 384 / 320 = 6 / 5
    low = torch.div(sixths, 6, rounding_mode="floor")
    part = ((sixths - 6 * low).float() / 6)[None, :, None]
    high = torch.minimum(low + 1, torch.full_like(low, 1) * (x.shape[1] - 1))
    return x[:, low] * (1 - part) + x[:, high] * part
