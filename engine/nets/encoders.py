"""Speech encoders: a wave in, features at 50 Hz out. The registry at the end knows the published ones too."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..model.folder import open_model
from ..model.runtime import open_graph
from .layers import DilatedBlock, LogMel, PowerSpectrum, SlidingNorm
from .moonshine import MoonshineFront
from .pretrained import PUBLISHED, PretrainedEncoder, make_pretrained

RATE_HZ = 50
SAMPLES_PER_FRAME = 320  # 16 kHz


class SpeechEncoder(nn.Module):
    """What every encoder offers.

    Attributes:
        dim: channels of the features.
        context_s: one-sided reach in seconds, or None where every frame sees the whole clip.
    """

    dim: int
    context_s: float | None

    def forward(self, wave: Tensor) -> Tensor:
        """(batch, samples) at 16 kHz -> (batch, t, dim) at 50 Hz."""
        raise NotImplementedError

    def front(self, wave: Tensor) -> Tensor:
        """The part that is never trained, so that what it gives can be kept; here nothing: the wave itself."""
        return wave

    def context(self, front: Tensor) -> Tensor:
        """What front() gave -> (batch, t, dim)."""
        result: Tensor = self(front)
        return result


@dataclass(frozen=True)
class MelEncoderConfig:
    """Sizes of a MelEncoder.

    Attributes:
        bands: mel bands between low_hz and high_hz.
        channels: width of the body.
        dilations: one residual block each, in frames of 20 ms.
        norm_reach_s: one-sided reach of the sliding normalisation.
        dropout: after the stem, of whole channels, while training.
    """

    bands: int = 80
    low_hz: float = 40.0
    high_hz: float = 7800.0
    channels: int = 224
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 2, 4, 8, 1)
    norm_reach_s: float = 1.8
    dropout: float = 0.05


class MelEncoder(SpeechEncoder):
    """Mel bands, sliding normalisation and a dilated convolutional body: small enough for any computer."""

    STEM_KERNEL = 5  # at 100 Hz
    HALVING_KERNEL = 4  # stride 2: 100 Hz -> 50 Hz

    def __init__(self, config: MelEncoderConfig) -> None:
        super().__init__()
        self.power = PowerSpectrum()
        self.mel = LogMel(config.bands, config.low_hz, config.high_hz)
        self.norm = SlidingNorm(config.bands, config.norm_reach_s)
        self.stem = nn.Conv1d(config.bands, config.channels, self.STEM_KERNEL, padding=self.STEM_KERNEL // 2)
        self.halve = nn.Conv1d(config.channels, config.channels, self.HALVING_KERNEL, stride=2, padding=1)
        self.dropout = nn.Dropout1d(config.dropout)
        self.blocks = nn.ModuleList(DilatedBlock(config.channels, dilation) for dilation in config.dilations)
        self.last_norm = nn.BatchNorm2d(config.channels)
        self.dim = config.channels
        self.context_s = self._context_s(config)

    def forward(self, wave: Tensor) -> Tensor:
        """(batch, 320 t) -> (batch, t, dim); frame i is centred on second i / 50."""
        return self.from_power(self.power(wave))

    def from_power(self, power: Tensor) -> Tensor:
        """(batch, 257, 2 t) power spectrum, where training augments it, -> (batch, t, dim)."""
        x = self.norm(*self.mel(power))
        x = nn.functional.gelu(self.stem(x))
        x = self.dropout(self.halve(x))[:, :, None].contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x)
        features: Tensor = nn.functional.gelu(self.last_norm(x))[:, :, 0]
        return features.transpose(1, 2)

    def _context_s(self, config: MelEncoderConfig) -> float:
        """Reach of one feature frame, from the layer sizes: samples of the spectrum, frames of 10 ms and of 20 ms."""
        frames_10ms = self.STEM_KERNEL // 2 + self.HALVING_KERNEL // 2 + 1  # the norm works on pairs: one more
        frames_20ms = self.norm.reach_pairs + sum(config.dilations)
        samples = PowerSpectrum.REACH_SAMPLES + frames_10ms * PowerSpectrum.HOP + frames_20ms * SAMPLES_PER_FRAME
        return samples / 16000


@dataclass(frozen=True)
class MoonshineEncoderConfig:
    """Sizes of a MoonshineEncoder.

    Attributes:
        layers: of the frozen front end, whose states are taken.
        mel: the mel branch beside it, which keeps time to 10 ms; its channels, without a body of its own.
        channels, dilations: of the body.
        dropout: of the front end's values and of the mel branch's channels, while training.
    """

    layers: tuple[int, ...] = (3, 5)
    bands: int = 80
    low_hz: float = 40.0
    high_hz: float = 7800.0
    mel: int = 96
    channels: int = 208
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 1)
    norm_reach_s: float = 1.8
    dropout: float = 0.1


class MoonshineEncoder(SpeechEncoder):
    """A published recogniser's frozen front end, and mel bands for exact timing; a dilated body learns from both."""

    context_s = None        # the front end sees a window as a whole

    def __init__(self, config: MoonshineEncoderConfig) -> None:
        super().__init__()
        self.front_end = MoonshineFront(config.layers)
        self.power = PowerSpectrum()
        self.mel = LogMel(config.bands, config.low_hz, config.high_hz)
        self.norm = SlidingNorm(config.bands, config.norm_reach_s)
        self.stem = nn.Conv1d(config.bands, config.mel, MelEncoder.STEM_KERNEL, padding=MelEncoder.STEM_KERNEL // 2)
        self.halve = nn.Conv1d(config.mel, config.channels, MelEncoder.HALVING_KERNEL, stride=2, padding=1)
        self.front_end_dropout, self.mel_dropout = nn.Dropout(config.dropout), nn.Dropout1d(config.dropout)
        self.listen = nn.Linear(self.front_end.dim, config.channels)
        self.blocks = nn.ModuleList(DilatedBlock(config.channels, dilation) for dilation in config.dilations)
        self.last_norm = nn.BatchNorm2d(config.channels)
        self.dim = config.channels

    def forward(self, wave: Tensor) -> Tensor:
        """(batch, samples) -> (batch, t, dim), t = samples / 320 rounded up; frame i is centred on second i / 50."""
        n_frames = (wave.shape[1] + SAMPLES_PER_FRAME - 1) // SAMPLES_PER_FRAME
        wave = nn.functional.pad(wave, (0, SAMPLES_PER_FRAME - 1))[:, :n_frames * SAMPLES_PER_FRAME]
        return self.from_front_end(self.front_end(wave), wave)

    def from_front_end(self, states: Tensor, wave: Tensor) -> Tensor:
        """States of the front end (batch, t, front_end.dim) and the wave (batch, 320 t) -> (batch, t, dim)."""
        x = nn.functional.gelu(self.stem(self.norm(*self.mel(self.power(wave)))))
        x = self.halve(self.mel_dropout(x)) + self.listen(self.front_end_dropout(states)).transpose(1, 2)
        x = x[:, :, None].contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x)
        features: Tensor = nn.functional.gelu(self.last_norm(x))[:, :, 0]
        return features.transpose(1, 2)


class BundledEncoder(SpeechEncoder):
    """The encoder of a model folder as it is, never trained; dilated blocks behind it, which begin as nothing, are."""

    context_s = None

    def __init__(self, model: str = "mini", dilations: Sequence[int] = ()) -> None:
        """model: id or folder of a model whose system is unitalker. Raises ModelError: none there."""
        super().__init__()
        self.source = open_model(model)
        self.dim = self.front_dim = self.front(torch.zeros(1, 20 * SAMPLES_PER_FRAME)).shape[2]
        self.blocks = nn.ModuleList(DilatedBlock(self.dim, dilation) for dilation in dilations)
        for block in self.blocks:
            assert isinstance(block, DilatedBlock)
            nn.init.zeros_(block.conv.weight)
            nn.init.zeros_(block.conv.bias)  # type: ignore[arg-type]

    def front(self, wave: Tensor) -> Tensor:
        """(batch, samples) -> (batch, t, front_dim), without gradient."""
        graph = open_graph(self.source.encoder_file, "cpu", 1)      # not a part of the network, which is copied
        rows = [graph.run({"wave": one[None].cpu().numpy()})[0] for one in wave]
        return torch.from_numpy(np.stack(rows)).to(wave.device)

    def context(self, front: Tensor) -> Tensor:
        """(batch, t, front_dim) -> (batch, t, dim)."""
        if not len(self.blocks):
            return front
        x = front.transpose(1, 2)[:, :, None].contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            x = block(x)
        return x[:, :, 0].transpose(1, 2)

    def forward(self, wave: Tensor) -> Tensor:
        """(batch, samples) -> (batch, t, dim)."""
        return self.context(self.front(wave))


Encoder = SpeechEncoder | PretrainedEncoder

ENCODERS: Mapping[str, Callable[[Any], Encoder]] = {
    "mel": lambda config: MelEncoder(MelEncoderConfig(**config)),
    "moonshine": lambda config: MoonshineEncoder(MoonshineEncoderConfig(**config)),
    "bundled": lambda config: BundledEncoder(**config),
    **{kind: partial(make_pretrained, kind) for kind in PUBLISHED},
}


def make_encoder(kind: str, config: Mapping[str, Any]) -> Encoder:
    """Build an encoder by its registry name.

    Args:
        kind: "mel", "moonshine" or one of pretrained.PUBLISHED.
        config: for mel and moonshine the fields of their configs, else see pretrained.make_pretrained.
    Raises:
        ValueError: no such kind, or a local folder that does not fit it.
    """
    if kind not in ENCODERS:
        raise ValueError(f"Encoder kind {kind!r} is unknown. Known: {', '.join(ENCODERS)}.")
    return ENCODERS[kind](config)
