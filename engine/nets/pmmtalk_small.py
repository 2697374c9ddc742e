"""PMMTalk-S: PMMTalk on the features of a bundled model's encoder, small enough to ship.

Text cue: rows of phone probabilities, of the phone graph or of an aligned transcript. Picture cue: an embedding of a
talking lower face, made by a small generator from the features and a still picture and read by a picture encoder, or
guessed from the features alone (`PseudoPicture`) by what learned from that. Text and guess see a little of the future,
as the paper's encoders see all of it; what fuses the cues is causal. Sizes, lower face and guess are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .layers import TcnBlock
from .pmmtalk import AUDIO, CUES, PICTURE, TEXT, Fusion, FusionConfig

SIDE = 48                   # pixels of a picture
TEXT_DILATIONS = (1, 2, 4)
PICTURE_RATE = 2            # features for one picture: 50 and 25 a second
REACH_FRAMES = 16           # more than any of the cues sees to one side; even, so that pictures stay in step


@dataclass(frozen=True)
class SmallConfig:
    """Sizes of a SmallPmmTalk.

    Attributes:
        features, phones: widths of the encoder's features and of the phone probabilities.
        fusion: identities, heads and sizes of the fusion; its widths are those that follow from the rest.
        text_dim, picture_dim: widths of the two cues.
        guess_dim: width of the guess's convolutions.
    """

    features: int
    phones: int
    fusion: FusionConfig
    text_dim: int = 64
    picture_dim: int = 64
    guess_dim: int = 128

    @classmethod
    def of(
        cls, features: int, phones: int, identities: tuple[str, ...], heads: Mapping[str, int],
        sizes: Mapping[str, int],
    ) -> SmallConfig:
        """sizes: fields of this class or of FusionConfig."""
        own = {name: value for name, value in sizes.items() if name in ("text_dim", "picture_dim", "guess_dim")}
        text_dim, picture_dim = own.get("text_dim", cls.text_dim), own.get("picture_dim", cls.picture_dim)
        widths = {AUDIO: features, TEXT: text_dim, PICTURE: picture_dim}
        rest = {name: value for name, value in sizes.items() if name not in own}
        return cls(features, phones, FusionConfig(widths, identities, heads, **rest), **own)


class TextCue(nn.Module):
    """Phone probabilities in, a cue that knows the phones around out: 140 ms to either side."""

    def __init__(self, phones: int, dim: int) -> None:
        super().__init__()
        self.map = nn.Linear(phones, dim)
        self.convs = nn.ModuleList(nn.Conv1d(dim, dim, 3, padding=d, dilation=d) for d in TEXT_DILATIONS)

    def forward(self, phones: Tensor) -> Tensor:
        """(b, t, phones) -> (b, t, dim)."""
        x: Tensor = self.map(phones).transpose(1, 2)
        for conv in self.convs:
            x = x + functional.gelu(conv(x))
        return x.transpose(1, 2)


class PseudoPicture(nn.Module):
    """What the picture encoder would see, guessed from the features: two convolution blocks, kernel 3."""

    def __init__(self, features: int, dim: int, picture_dim: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(TcnBlock(features, dim), TcnBlock(dim, dim))
        self.out = nn.Linear(dim, picture_dim)

    def forward(self, features: Tensor) -> Tensor:
        """(b, t, features) -> (b, t, picture_dim)."""
        guess: Tensor = self.out(self.blocks(features.transpose(1, 2)).transpose(1, 2))
        return guess


class LipGenerator(nn.Module):
    """Features and a still lower face in, a lower face that speaks out: 25 pictures a second."""

    CHANNELS = (16, 32, 48)     # of the still picture at a half, a quarter and an eighth of its side
    AUDIO_DIM = 64

    def __init__(self, features: int) -> None:
        super().__init__()
        first, second, third = self.CHANNELS
        self.audio = nn.Sequential(
            nn.Conv1d(features, self.AUDIO_DIM, 5, PICTURE_RATE, 2), nn.ReLU(),
            nn.Conv1d(self.AUDIO_DIM, self.AUDIO_DIM, 3, 1, 1), nn.ReLU(),
        )
        self.still = nn.ModuleList([_smaller(3, first), _smaller(first, second), _smaller(second, third)])
        self.place = nn.Linear(self.AUDIO_DIM, third * (SIDE // 8) ** 2)
        self.up = nn.ModuleList([_same(2 * third, 64), _same(64 + second, 32), _same(32 + first, 16)])
        self.out = nn.Sequential(_same(16 + 3, 16), nn.Conv2d(16, 3, 1), nn.Sigmoid())

    def forward(self, features: Tensor, still: Tensor) -> Tensor:
        """(b, t, features) and (b, 3, 48, 48) in 0..1, red first -> (b, ceil(t / 2), 3, 48, 48)."""
        heard = self.audio(features.transpose(1, 2)).transpose(1, 2)
        batch, frames = heard.shape[:2]
        seen = [still]
        for part in self.still:
            seen.append(part(seen[-1]))
        x = self.place(heard).reshape(batch * frames, self.CHANNELS[2], SIDE // 8, SIDE // 8)
        for part, beside in zip((*self.up, self.out), reversed(seen), strict=True):
            repeated = beside[:, None].expand(-1, frames, -1, -1, -1).reshape(batch * frames, *beside.shape[1:])
            if x.shape[2] != beside.shape[2]:
                x = functional.interpolate(x, scale_factor=2.0)
            x = part(torch.cat([x, repeated], dim=1))
        pictures: Tensor = x.reshape(batch, frames, 3, SIDE, SIDE)
        return pictures


class LipReader(nn.Module):
    """Pictures of a lower face in, an embedding for each feature frame out."""

    CHANNELS = (8, 16, 32, 48)

    def __init__(self, dim: int) -> None:
        super().__init__()
        sizes = zip((3, *self.CHANNELS), self.CHANNELS, strict=False)
        self.cnn = nn.Sequential(*(_smaller(a, b) for a, b in sizes))
        self.map = nn.Linear(self.CHANNELS[-1] * (SIDE // 16) ** 2, dim)
        self.over_time = nn.Conv1d(dim, dim, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """(b, t, 3, 48, 48) -> (b, 2 t, dim)."""
        batch, frames = pictures.shape[:2]
        rows = self.map(self.cnn(pictures.flatten(0, 1)).flatten(1)).reshape(batch, frames, -1)
        repeated = rows.repeat_interleave(PICTURE_RATE, dim=1).transpose(1, 2)
        smooth: Tensor = self.over_time(repeated)
        return smooth.transpose(1, 2)


class SmallPmmTalk(nn.Module):
    """Cues and fusion. The generator is trained first and by itself; `seen` sends no gradient into it."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__()
        self.config = config
        self.text = TextCue(config.phones, config.text_dim)
        self.guess = PseudoPicture(config.features, config.guess_dim, config.picture_dim)
        self.generator = LipGenerator(config.features)
        self.reader = LipReader(config.picture_dim)
        self.fusion = Fusion(config.fusion)

    def seen(self, features: Tensor, still: Tensor) -> Tensor:
        """The embedding of the talking face that features and a still picture make -> (b, t, picture_dim)."""
        with torch.no_grad():
            pictures = self.generator(features, still)
        embedding: Tensor = self.reader(pictures)[:, :features.shape[1]]
        return embedding


class WithStill(nn.Module):
    """Generator and reader as one step: what a still picture of the user's brings."""

    def __init__(self, network: SmallPmmTalk) -> None:
        super().__init__()
        self.generator, self.reader = network.generator, network.reader

    def forward(self, features: Tensor, still: Tensor) -> Tensor:
        """(1, t, features), t even, and (1, 3, 48, 48) -> (1, t, picture_dim)."""
        embedding: Tensor = self.reader(self.generator(features, still))
        return embedding


class Streamed(nn.Module):
    """The fusion as a graph for one piece: what it needs of earlier ones goes in, what later ones need comes out."""

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.fusion = fusion

    def forward(self, cues: Tensor, style: Tensor, first: Tensor, past: Tensor) -> Tensor:
        """Hidden state, then own keys and values (1, t, dim + 2 dim layers).

        Args:
            cues: features, text and picture beside each other (1, t, sum of their widths).
            style: (1, style_dim). first: (1,) int64 number of the first frame.
            past: (1, p, 2 dim layers) keys and values of the frames before.
        """
        widths = self.fusion.config.widths
        given = zip(CUES, torch.split(cues, [widths[cue] for cue in CUES], dim=2), strict=True)
        projected = {cue: self.fusion.projected(cue, rows) for cue, rows in given}
        return torch.cat(self.fusion.hidden(projected, style, first, past), dim=2)


def _smaller(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, 2, 1), nn.ReLU())


def _same(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, 1, 1), nn.ReLU())
