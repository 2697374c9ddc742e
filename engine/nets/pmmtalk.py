"""PMMTalk: face channels from a voice and from two cues made of it, a text and a talking face.

`Fusion` is what every size of it shares: projections of the three cues, style, causal self-attention with a bias
against the far past, heads, and the maps into the space where the cues are aligned. `PmmTalk` is the paper's network
around it: wav2vec 2.0 for the sound, a frozen recogniser for the text, Wav2Lip and an image encoder for the picture.
Kept from the paper: only the sound's transformer, the image encoder and what stands behind them are trained; one pass,
nothing fed back. Ours, where it is silent: the sizes, a learned null vector for each cue that is absent, an optional
reach of the attention. Source: Han et al., "PMMTalk: Speech-Driven 3D Facial Animation from Complementary Pseudo
Multi-modal Features" (2023).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import resample
from .pretrained import PretrainedEncoder
from .transformer import periodic_bias, periodic_positions
from .wav2lip import Wav2Lip, face_input, log_mel, windows

AUDIO, TEXT, PICTURE = "audio", "text", "picture"
CUES = (AUDIO, TEXT, PICTURE)
PAIRS = ((PICTURE, TEXT), (PICTURE, AUDIO), (TEXT, AUDIO))     # that are aligned with each other


@dataclass(frozen=True)
class FusionConfig:
    """Sizes of a Fusion; the defaults are the paper's, or ours where it is silent.

    Attributes:
        widths: of each cue as it comes in.
        cue_dim: of each cue in the decoder; style_dim: of a style. Together they are as wide as the decoder.
        identities: one row of the style table each; one more, the last, stands for nobody.
        heads: name and number of channels of each output.
        attention_heads: a power of two. period: of position code and bias, in frames.
        reach_frames: how far back a frame may look; None: to the beginning.
        align_dim: of the space in which cues are aligned.
    """

    widths: Mapping[str, int]
    identities: tuple[str, ...]
    heads: Mapping[str, int] = field(default_factory=lambda: {"arkit32": 32})
    cue_dim: int = 256
    style_dim: int = 64
    layers: int = 2
    attention_heads: int = 4
    period: int = 30
    reach_frames: int | None = None
    align_dim: int = 256
    dropout: float = 0.1

    @property
    def dim(self) -> int:
        """Width of the decoder."""
        return len(CUES) * self.cue_dim + self.style_dim


class CausalLayer(nn.Module):
    """Self-attention to frames that are there already, and two linear layers; layer norm behind each sum."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dim = heads, dim
        self.in_proj, self.out_proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.linear1, self.linear2 = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, past: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """(b, t, dim), keys and values (b, p, 2 dim) of earlier frames, bias (heads, t, p + t) -> (b, t, dim), own keys
        and values (b, t, 2 dim)."""
        query, own = self.in_proj(x).split([self.dim, 2 * self.dim], dim=2)
        key, value = torch.cat([past, own], dim=1).chunk(2, dim=2)
        scores = self._split(query) @ self._split(key).transpose(2, 3) / math.sqrt(self.dim // self.heads) + bias
        mixed = self.dropout(scores.softmax(dim=3)) @ self._split(value)
        x = self.norm1(x + self.dropout(self.out_proj(mixed.transpose(1, 2).flatten(2))))
        change = self.linear2(self.dropout(functional.relu(self.linear1(x))))
        x = self.norm2(x + self.dropout(change))
        return x, own

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.heads, self.dim // self.heads).transpose(1, 2)


class Fusion(nn.Module):
    """Cues and a style in, hidden state and channels out."""

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.config = config
        self.projections = nn.ModuleDict({cue: nn.Linear(config.widths[cue], config.cue_dim) for cue in CUES})
        self.nulls = nn.ParameterDict({cue: nn.Parameter(0.1 * torch.randn(config.cue_dim)) for cue in CUES})
        self.styles = nn.Parameter(torch.randn(len(config.identities) + 1, config.style_dim))
        self.layers = nn.ModuleList(
            CausalLayer(config.dim, config.attention_heads, config.dropout) for _ in range(config.layers)
        )
        self.heads = nn.ModuleDict({name: _zero_linear(config.dim, size) for name, size in config.heads.items()})
        self.aligners = nn.ModuleDict({
            cue: nn.Sequential(nn.Linear(config.widths[cue], config.align_dim), nn.LayerNorm(config.align_dim))
            for cue in CUES
        })
        self.dropout = nn.Dropout(config.dropout)
        self.register_buffer("positions", periodic_positions(config.period, config.dim), persistent=False)
        self.positions: Tensor

    @property
    def null_style(self) -> int:
        """Row of the style table that stands for nobody."""
        return len(self.styles) - 1

    def projected(self, cue: str, values: Tensor, absent: Tensor | None = None) -> Tensor:
        """(b, t, width) -> (b, t, cue_dim).

        Args:
            absent: (b,) bool, whose cue is replaced by the null vector.
        """
        given: Tensor = self.projections[cue](values)
        if absent is None:
            return given
        return torch.where(absent[:, None, None], self.nulls[cue], given)

    def hidden(
        self, cues: Mapping[str, Tensor], style: Tensor, first: Tensor | None = None, past: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Hidden state (b, t, dim), and the keys and values of these frames (b, t, 2 dim layers).

        Args:
            cues: projected, (b, t, cue_dim) each; one that is missing counts as absent.
            style: (b, style_dim).
            first: (1,) int64 number of the first frame; None is 0.
            past: (b, p, 2 dim layers) keys and values of the p frames before.
        """
        some = next(iter(cues.values()))
        batch, frames = some.shape[:2]
        parts = [cues[cue] if cue in cues else self.nulls[cue].expand(batch, frames, -1) for cue in CUES]
        x = torch.cat([*parts, style[:, None].expand(-1, frames, -1)], dim=2)
        numbers = torch.arange(frames, device=x.device)
        x = self.dropout(x + self.positions[(numbers if first is None else numbers + first) % self.config.period])
        if past is None:
            past = x.new_zeros(batch, 0, 2 * self.config.dim * self.config.layers)
        bias = self._bias(frames, past.shape[1], x.device)
        caches = []
        for layer, before in zip(self.layers, past.chunk(self.config.layers, dim=2), strict=True):
            x, own = layer(x, before, bias)
            caches.append(own)
        return x, torch.cat(caches, dim=2)

    def forward(self, cues: Mapping[str, Tensor], style: Tensor, head: str) -> Tensor:
        """As `hidden`, from the first frame on -> (b, t, channels of the head)."""
        channels: Tensor = self.heads[head](self.hidden(cues, style)[0])
        return channels

    def aligned(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Cues as they come in, (b, t, width) each -> (b, t, align_dim), rows of length sqrt(align_dim)."""
        return {cue: self.aligners[cue](rows) for cue, rows in values.items()}

    def _bias(self, frames: int, past: int, device: torch.device) -> Tensor:
        """(heads, t, p + t): minus infinity for the future and beyond the reach, else - slope * periods back."""
        queries, keys = torch.arange(past, past + frames, device=device), torch.arange(past + frames, device=device)
        bias = periodic_bias(queries, keys, self.config.period, self.config.attention_heads)
        if self.config.reach_frames is None:
            return bias
        return bias.masked_fill(queries[:, None] - keys[None, :] >= self.config.reach_frames, -math.inf)


class PictureEncoder(nn.Module):
    """Pictures of a clip in, one vector for each: a convolution network for each picture, then a transformer."""

    def __init__(self, channels: tuple[int, ...] = (32, 64, 128, 256, 512), layers: int = 2) -> None:
        super().__init__()
        sizes = zip((3, *channels), channels, strict=False)
        self.cnn = nn.Sequential(*(
            nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.BatchNorm2d(b), nn.ReLU()) for a, b in sizes
        ))
        self.dim = channels[-1]
        layer = nn.TransformerEncoderLayer(self.dim, 8, 2 * self.dim, 0.1, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """(t, 3, side, side) -> (1, t, dim)."""
        rows = self.cnn(pictures).mean(dim=(2, 3))
        rows = rows + periodic_positions(len(rows), self.dim).to(rows)
        mixed: Tensor = self.transformer(rows[None])
        return mixed


class Recogniser(nn.Module):
    """A frozen speech recogniser: an encoder of the same kind as the sound's, and a linear layer to its letters."""

    def __init__(self, encoder: PretrainedEncoder, letters: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.lm_head = nn.Linear(encoder.dim, letters)

    def forward(self, front: Tensor) -> Tensor:
        """Convolution features (b, t, 512) -> scores of the letters (b, t, letters), before any softmax."""
        scores: Tensor = self.lm_head(self.encoder.context(front))
        return scores


@dataclass(frozen=True)
class Given:
    """What is known of a clip beside its wave.

    Attributes:
        face: (3, 96, 96) in 0..1, blue first.
        n_frames: of the result. fps: its frames per second.
        style: (1, style_dim).
    """

    face: Tensor
    n_frames: int
    fps: float
    style: Tensor


class PmmTalk(nn.Module):
    """The paper's network. Encoders come with whatever weights they have; recogniser and Wav2Lip stay as they are."""

    def __init__(
        self, config: FusionConfig, encoder: PretrainedEncoder, recogniser: Recogniser, lips: Wav2Lip,
        pictures: PictureEncoder,
    ) -> None:
        super().__init__()
        self.encoder, self.recogniser, self.lips, self.pictures = encoder, recogniser, lips, pictures
        self.fusion = Fusion(config)
        self.shares_front = _same_weights(encoder.model.feature_extractor, recogniser.encoder.model.feature_extractor)
        if self.shares_front:
            recogniser.encoder.model.feature_extractor = encoder.model.feature_extractor
        for part in (recogniser, lips, encoder.model.feature_extractor):
            part.requires_grad_(False)

    def train(self, mode: bool = True) -> PmmTalk:
        """Training mode for what is trained; frozen parts never leave evaluation mode."""
        super().train(mode)
        for part in (self.recogniser, self.lips, self.encoder.model.feature_extractor):
            part.eval()
        return self

    def cues(self, wave: Tensor, given: Given) -> dict[str, Tensor]:
        """The three cues (1, n_frames, width) of a wave (1, n)."""
        with torch.no_grad():
            front = self.encoder.front(wave)
            letters = self.recogniser(front if self.shares_front else self.recogniser.encoder.front(wave))
            mel = windows(log_mel(wave[0]), given.n_frames, given.fps)
            spoken = self.lips(mel, face_input(given.face).expand(len(mel), -1, -1, -1))
        return {
            AUDIO: resample(self.encoder.context(front), given.n_frames),
            TEXT: resample(letters, given.n_frames),
            PICTURE: self.pictures(spoken),
        }

    def forward(self, wave: Tensor, given: Given, head: str = "arkit32") -> Tensor:
        """(1, n) -> (1, n_frames, channels)."""
        cues = self.cues(wave, given)
        projected = {cue: self.fusion.projected(cue, rows) for cue, rows in cues.items()}
        channels: Tensor = self.fusion(projected, given.style, head)
        return channels


def _same_weights(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def _zero_linear(in_size: int, out_size: int) -> nn.Linear:
    linear = nn.Linear(in_size, out_size)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
