"""Layers that the networks of this family share; every one has a finite, known reach in time."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def resample(x: Tensor, n_frames: int, align_corners: bool = True) -> Tensor:
    """The frequency adaptor: (batch, t, channels) -> (batch, n_frames, channels) by linear interpolation.

    With align_corners, as UniTalker has it, first and last frame stay first and last; a single frame is the first.
    """
    if n_frames == x.shape[1]:
        return x
    return functional.interpolate(
        x.transpose(1, 2), size=n_frames, mode="linear", align_corners=align_corners
    ).transpose(1, 2)


class ChannelLayerNorm(nn.Module):
    """Layer normalisation over the channels of (batch, channels, time)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, time) -> the same shape."""
        normed: Tensor = self.norm(x.transpose(1, 2))
        return normed.transpose(1, 2)


class TcnBlock(nn.Module):
    """ReLU(LayerNorm(Conv1d(x)) + residual), kernel 3, zero padding 1 (specs: UniTalker's convolutional decoder).

    The residual is a convolution of its own where the widths differ, else the input.
    """

    REACH_FRAMES = 1

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, 3, padding=1)
        self.norm = ChannelLayerNorm(out_channels)
        self.residual: nn.Module = (
            nn.Identity() if in_channels == out_channels else nn.Conv1d(in_channels, out_channels, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, time) -> (batch, out_channels, time)."""
        return functional.relu(self.norm(self.conv(x)) + self.residual(x))


class DilatedBlock(nn.Module):
    """x + Conv(GELU(BatchNorm(x))) along time, kernel 3 at a dilation; reach is the dilation.

    Works on images of height 1 in channels-last order: on a CPU torch then trains a third faster than with Conv1d.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels, (1, 3), padding=(0, dilation), dilation=(1, dilation))
        self.reach_frames = dilation

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, 1, time) -> the same shape."""
        change: Tensor = self.conv(functional.gelu(self.norm(x)))
        return x + change


class PowerSpectrum(nn.Module):
    """Power spectrum as a strided convolution, so that it exports to ONNX as it is trained.

    Frames come every 10 ms from 25 ms Hann windows. Frame j is centred on sample 160 j - 80, so that a pair of frames
    (2 i, 2 i + 1) is centred on sample 320 i. A full-scale sine has power 1 in its bin.
    """

    HOP, WINDOW, FFT = 160, 400, 512  # samples at 16 kHz
    BINS = FFT // 2 + 1
    LEFT_PADDING = WINDOW // 2 + HOP // 2
    REACH_SAMPLES = LEFT_PADDING

    def __init__(self) -> None:
        super().__init__()
        n = torch.arange(self.WINDOW, dtype=torch.float64)
        window = 0.5 - 0.5 * torch.cos(2 * math.pi * (n + 0.5) / self.WINDOW)
        window = window * (2.0 / window.sum())
        angle = 2 * math.pi * torch.outer(torch.arange(self.BINS, dtype=torch.float64), n) / self.FFT
        kernel = torch.cat([torch.cos(angle), -torch.sin(angle)]) * window
        self.register_buffer("kernel", kernel[:, None].float(), persistent=False)
        self.kernel: Tensor

    def forward(self, wave: Tensor) -> Tensor:
        """(batch, 320 t) samples -> (batch, 257, 2 t) power."""
        padded = functional.pad(wave[:, None], (self.LEFT_PADDING, 0))
        parts = functional.conv1d(padded, self.kernel, stride=self.HOP)
        return parts[:, :self.BINS] ** 2 + parts[:, self.BINS:] ** 2


class LogMel(nn.Module):
    """Logarithm of mel band power, floored so that noise under about -70 dBFS is nothing."""

    FLOOR = 1e-9  # power per bin; white noise of -60 dBFS has 1.5e-8

    def __init__(self, bands: int, low_hz: float, high_hz: float) -> None:
        super().__init__()
        self.register_buffer("filters", mel_filters(bands, low_hz, high_hz)[:, :, None], persistent=False)
        self.filters: Tensor

    def forward(self, power: Tensor) -> tuple[Tensor, Tensor]:
        """(batch, 257, frames) -> log mel (batch, bands, frames) and loudness (batch, 1, frames), mean band power."""
        mel = functional.conv1d(power, self.filters)
        return torch.log(mel + self.FLOOR), mel.mean(dim=1, keepdim=True)


class SlidingNorm(nn.Module):
    """Subtract from each band its loudness-weighted mean of the near past and future.

    A voice's level and the microphone's colour cancel, as with normalisation over a clip, but the reach is finite, so a
    long clip in windows gives what it gives as a whole. A small constant weight on a usual spectrum keeps quiet noise
    quiet where nobody speaks.
    """

    LOUDNESS_POWER = 0.3  # weight of a frame = power ** 0.3: speech counts, noise between words little
    USUAL_WEIGHT = 0.006  # the weight of noise of about -52 dBFS
    USUAL_LOG_MEL = (-9.0, -14.0)  # lowest and highest band
    LOWEST, SCALE = -8.0, 1.0 / 3.0  # nepers

    def __init__(self, bands: int, reach_s: float) -> None:
        super().__init__()
        self.reach_pairs = round(reach_s * 50)
        n = torch.arange(-self.reach_pairs, self.reach_pairs + 1)
        kernel = torch.cos(0.5 * math.pi * n / (self.reach_pairs + 1)) ** 2
        self.register_buffer("kernel", (kernel / kernel.sum())[None, None].float(), persistent=False)
        self.register_buffer("usual", torch.linspace(*self.USUAL_LOG_MEL, bands)[None, :, None], persistent=False)
        self.kernel: Tensor
        self.usual: Tensor

    def forward(self, log_mel: Tensor, loudness: Tensor) -> Tensor:
        """(batch, bands, 2 t) and (batch, 1, 2 t) -> (batch, bands, 2 t), about -2.7..2."""
        batch, bands, frames = log_mel.shape
        weight = (loudness + 1e-12) ** self.LOUDNESS_POWER
        sums = torch.cat([log_mel * weight, weight], dim=1)
        pairs = functional.avg_pool1d(sums, 2).reshape(batch * (bands + 1), 1, frames // 2)
        local = functional.conv1d(pairs, self.kernel, padding=self.reach_pairs).reshape(batch, bands + 1, frames // 2)
        weighted, total = local[:, :bands], local[:, bands:]
        mean = (weighted + self.USUAL_WEIGHT * self.usual) / (total + self.USUAL_WEIGHT)
        mean = mean[:, :, :, None].expand(batch, bands, frames // 2, 2).reshape(batch, bands, frames)
        return (log_mel - mean).clamp_min(self.LOWEST) * self.SCALE


def mel_filters(bands: int, low_hz: float, high_hz: float) -> Tensor:
    """Triangular mel filters (bands, 257), each summing to 1 (a mean of bin powers)."""
    def to_mel(hz: float) -> float:
        return 2595.0 * math.log10(1.0 + hz / 700.0)

    mels = torch.linspace(to_mel(low_hz), to_mel(high_hz), bands + 2, dtype=torch.float64)
    edges_hz = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    bins_hz = torch.arange(PowerSpectrum.BINS, dtype=torch.float64) * 16000 / PowerSpectrum.FFT
    rise = (bins_hz - edges_hz[:-2, None]) / (edges_hz[1:-1] - edges_hz[:-2])[:, None]
    fall = (edges_hz[2:, None] - bins_hz) / (edges_hz[2:] - edges_hz[1:-1])[:, None]
    filters = torch.minimum(rise, fall).clamp_min(0.0)
    empty = filters.sum(1) == 0  # a band narrower than a bin takes the nearest one
    nearest = (bins_hz - edges_hz[1:-1, None]).abs().argmin(1)
    filters[empty, nearest[empty]] = 1.0
    return (filters / filters.sum(1, keepdim=True)).float()
