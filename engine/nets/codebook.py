"""CodeTalker: a codebook of clean motion, and an autoregressive decoder that chooses its codes from speech.

Kept from the reference where it changes numbers: attention is scaled by the full width; positions are indexed by batch
row instead of time, so every frame gets the same vector ("constant"; "time" counts frames, for new training); instance
normalisation takes its statistics over the clip, also at inference, so a single first frame is doubled before it is
decoded. Offered beside it: a window of frames and feedback on every k-th frame only, since the motion decoder sees the
whole clip and has to run again for each frame that is fed back. Source: Xing et al., "CodeTalker" (CVPR 2023), sections
3.1 and 3.2; specs of the released code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from .faceformer import Decoder, DecoderSizes, by_frames
from .transformer import periodic_positions

SLOPE = 0.2             # of the leaky rectifiers
KERNEL = 5              # frames
DROPOUT = 0.1           # after the position code
COMMITMENT = 0.25       # weight of the encoder's pull towards its code
MOST_FRAMES = 5000      # of the position code by time


@dataclass(frozen=True)
class CodebookSizes:
    """Sizes of the motion autoencoder.

    Attributes:
        outputs: numbers of a frame of motion.
        codes, code_dim: codes of a frame, and the length of each; entries: of the codebook.
        width, layers, heads, inner: of both transformers; inner is that of the feed-forward.
        position: "constant", as the reference has it, or "time".
        bridged: linear maps between width and codes, and a last map without bias, as for BIWI.
    """

    outputs: int
    codes: int = 16
    code_dim: int = 64
    entries: int = 256
    width: int = 1024
    layers: int = 6
    heads: int = 8
    inner: int = 1536
    position: str = "constant"
    bridged: bool = False

    @property
    def code_width(self) -> int:
        """Numbers of all codes of a frame."""
        return self.codes * self.code_dim


class Quantised(NamedTuple):
    """Codes (batch, t, codes, code_dim) with a straight-through gradient, their entries (batch, t, codes), loss."""

    codes: Tensor
    indices: Tensor
    loss: Tensor


class Block(nn.Module):
    """Pre-norm attention over the whole clip, and a feed-forward; no dropout."""

    def __init__(self, sizes: CodebookSizes) -> None:
        super().__init__()
        width = sizes.width
        self.heads, self.scale = sizes.heads, width ** -0.5
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_qkv, self.to_out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        self.linear1, self.linear2 = nn.Linear(width, sizes.inner), nn.Linear(sizes.inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, t, width) -> the same shape."""
        batch, frames, width = x.shape
        split = self.to_qkv(self.norm1(x)).reshape(batch, frames, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, scale=self.scale)
        x = x + self.to_out(mixed.transpose(1, 2).flatten(2))
        change: Tensor = self.linear2(functional.gelu(self.linear1(self.norm2(x)), approximate="tanh"))
        return x + change


class Trunk(nn.Module):
    """What encoder and decoder share: a convolution, a map, the position code and the transformer."""

    def __init__(self, sizes: CodebookSizes) -> None:
        super().__init__()
        width = sizes.width
        self.conv = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, padding_mode="replicate")
        self.norm = nn.InstanceNorm1d(width)
        self.map = nn.Linear(width, width)
        self.blocks = nn.Sequential(*(Block(sizes) for _ in range(sizes.layers)))
        self.dropout = nn.Dropout(DROPOUT)
        n_positions = 1 if sizes.position == "constant" else MOST_FRAMES
        self.register_buffer("positions", periodic_positions(n_positions, width), persistent=False)
        self.positions: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """(batch, t, width) -> the same shape; t is at least 2."""
        x = self.norm(functional.leaky_relu(self.conv(x.transpose(1, 2)), SLOPE)).transpose(1, 2)
        frames = torch.arange(x.shape[1], device=x.device) % len(self.positions)
        hidden: Tensor = self.blocks(self.dropout(self.map(x) + self.positions[frames]))
        return hidden


class MotionCodebook(nn.Module):
    """The autoencoder of stage 1: offsets from the neutral face become codes, and codes become offsets."""

    def __init__(self, sizes: CodebookSizes) -> None:
        super().__init__()
        self.sizes = sizes
        width = sizes.width
        self.motion_in = nn.Linear(sizes.outputs, width)
        self.encoder, self.decoder = Trunk(sizes), Trunk(sizes)
        self.to_codes: nn.Module = nn.Linear(width, sizes.code_width) if sizes.bridged else nn.Identity()
        self.from_codes: nn.Module = nn.Linear(sizes.code_width, width) if sizes.bridged else nn.Identity()
        self.motion_out = nn.Linear(width, sizes.outputs, bias=not sizes.bridged)
        self.entries = nn.Parameter(torch.empty(sizes.entries, sizes.code_dim).uniform_(-1, 1) / sizes.entries)

    def forward(self, offsets: Tensor) -> tuple[Tensor, Quantised]:
        """Offsets (batch, t, outputs) -> their reconstruction, and the codes between."""
        quantised = self.quantise(self.encode(offsets))
        return self.decode(quantised.codes), quantised

    def encode(self, offsets: Tensor) -> Tensor:
        """(batch, t, outputs) -> features before they are quantised (batch, t, codes, code_dim)."""
        hidden = self.to_codes(self.encoder(functional.leaky_relu(self.motion_in(offsets), SLOPE)))
        features: Tensor = hidden.unflatten(2, (self.sizes.codes, self.sizes.code_dim))
        return features

    def quantise(self, features: Tensor) -> Quantised:
        """The nearest entry for each (batch, t, codes, code_dim)."""
        flat = features.reshape(-1, self.sizes.code_dim)
        squares = (flat ** 2).sum(1, keepdim=True) + (self.entries ** 2).sum(1) - 2 * flat @ self.entries.T
        indices = squares.argmin(dim=1)
        nearest = self.entries[indices].reshape(features.shape)
        loss = COMMITMENT * functional.mse_loss(features, nearest.detach()) + functional.mse_loss(
            nearest, features.detach()
        )
        return Quantised(features + (nearest - features).detach(), indices.reshape(features.shape[:3]), loss)

    def decode(self, codes: Tensor) -> Tensor:
        """(batch, t, codes, code_dim) -> offsets (batch, t, outputs)."""
        offsets: Tensor = self.motion_out(self.hidden(codes))
        return offsets

    def hidden(self, codes: Tensor) -> Tensor:
        """(batch, t, codes, code_dim) -> (batch, t, width), of which the motion is a linear map; t is at least 2."""
        hidden: Tensor = self.decoder(self.from_codes(codes.flatten(2)))
        return hidden


@dataclass(frozen=True)
class Feedback:
    """How often the motion decoder runs while codes are chosen.

    Attributes:
        every: frames from one run to the next; between them the last motion stays.
        window: most frames that it is given; 0 gives it all, as the reference does.
    """

    every: int = 1
    window: int = 0


class CodeTalker(nn.Module):
    """Speech features and a style vector in, codes and so motion out; the codebook stays as stage 1 left it."""

    def __init__(self, sizes: DecoderSizes, codebook: MotionCodebook, speakers: int) -> None:
        super().__init__()
        self.sizes = sizes
        self.codebook = codebook.requires_grad_(False)
        self.map = nn.Linear(sizes.feature_dim, sizes.dim)
        self.motion_in = nn.Linear(codebook.sizes.outputs, sizes.dim)
        self.to_features = nn.Linear(sizes.dim, codebook.sizes.code_width, bias=False)
        nn.init.zeros_(self.to_features.weight)
        self.styles = nn.Parameter(torch.randn(speakers, sizes.dim))
        self.decoder = Decoder(sizes)

    def memory(self, features: Tensor, n_frames: int) -> Tensor:
        """(batch, t, feature_dim) -> (batch, n_frames, span, dim)."""
        return by_frames(self.map(features), n_frames, self.sizes.span)

    def code_features(self, hidden: Tensor) -> Tensor:
        """Hidden states (batch, t, dim) -> features before they are quantised (batch, t, codes, code_dim)."""
        sizes = self.codebook.sizes
        features: Tensor = self.to_features(hidden).unflatten(2, (sizes.codes, sizes.code_dim))
        return features

    def teacher_forced(self, features: Tensor, style: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
        """Each frame is given the true offsets of the frame before.

        Returns:
            Offsets (batch, t, outputs), and code features (batch, t, codes, code_dim).
        """
        before = functional.pad(offsets[:, :-1], (0, 0, 1, 0))
        x = self.motion_in(before) + style[:, None]
        hidden, _ = self.decoder(x, self.memory(features, offsets.shape[1]), self.decoder.empty_cache(len(x)))
        wanted = self.code_features(hidden)
        return self.codebook.decode(self.codebook.quantise(wanted).codes), wanted

    @torch.no_grad()
    def forward(self, features: Tensor, style: Tensor, n_frames: int, feedback: Feedback | None = None) -> Tensor:
        """Free running: (batch, t, feature_dim), styles (batch, dim) -> offsets (batch, n_frames, outputs)."""
        feedback = feedback or Feedback()
        memory = self.memory(features, n_frames)
        x, cache = style[:, None], self.decoder.empty_cache(len(style))
        codes: list[Tensor] = []
        for frame in range(n_frames):
            hidden, cache = self.decoder(x, memory[:, frame:frame + 1], cache)
            codes.append(self.codebook.quantise(self.code_features(hidden)).codes)
            if frame % feedback.every == 0:
                x = self._fed_back(codes, feedback.window) + style[:, None]
        chosen = torch.cat(codes, dim=1)
        return self.codebook.decode(doubled(chosen))[:, :n_frames]

    def _fed_back(self, codes: list[Tensor], window: int) -> Tensor:
        """(batch, 1, dim) of the newest frame's motion."""
        given = torch.cat(codes[-window:] if window else codes, dim=1)
        motion = self.codebook.decode(doubled(given))[:, len(codes[-window:] if window else codes) - 1]
        fed_back: Tensor = self.motion_in(motion)[:, None]
        return fed_back


def doubled(codes: Tensor) -> Tensor:
    """Codes of a single frame twice, since they are normalised over time; more frames as they are."""
    return codes.repeat(1, 2, 1, 1) if codes.shape[1] == 1 else codes
