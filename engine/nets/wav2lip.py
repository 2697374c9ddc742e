"""Wav2Lip's generator: a talking lower face from sound and a face picture, as PMMTalk uses it, frozen.

Written from the published sizes; weights have the names of the released checkpoint, which is the user's to bring.
Source: Prajwal et al., "A Lip Sync Expert Is All You Need for Speech to Lip Generation in the Wild" (ACM MM 2020).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 96                   # pixels of a picture
MEL_BANDS, MEL_COLUMNS = 80, 16
COLUMNS_A_SECOND = 80
FFT, HOP = 800, 200         # samples at 16 kHz
PRE_EMPHASIS = 0.97
LOW_HZ, HIGH_HZ = 55.0, 7600.0
LEAST_AMPLITUDE = 1e-5
REFERENCE_DB, LOWEST_DB = 20.0, 100.0
LARGEST = 4.0               # mel values are -4 to 4
# Slaney's mel scale: a line to 1000 Hz, above it a logarithm with 27 steps for a factor of 6.4.
LINE_HZ, KNEE_HZ, STEPS, FACTOR = 200.0 / 3, 1000.0, 27.0, 6.4


class _Block(nn.Module):
    """Convolution and batch norm, with the input added where it says so, and ReLU."""

    def __init__(self, conv: nn.Module, channels: int, adds_input: bool = False) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(conv, nn.BatchNorm2d(channels))
        self.adds_input = adds_input

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv_block(x)
        return functional.relu(y + x if self.adds_input else y)


def _conv(
    before: int, after: int, kernel: int = 3, stride: int | tuple[int, int] = 1, padding: int | None = None,
) -> _Block:
    padding = kernel // 2 if padding is None else padding
    return _Block(nn.Conv2d(before, after, kernel, stride, padding), after)


def _same(channels: int, count: int) -> list[_Block]:
    return [_Block(nn.Conv2d(channels, channels, 3, 1, 1), channels, adds_input=True) for _ in range(count)]


def _larger(before: int, after: int) -> _Block:
    return _Block(nn.ConvTranspose2d(before, after, 3, 2, 1, 1), after)


class Wav2Lip(nn.Module):
    """Mel windows and faces in, faces that speak out."""

    def __init__(self, base: int = 16) -> None:
        """base: channels of the first layer, of which all others are multiples; the published network has 16."""
        super().__init__()
        c = [base * 2 ** power for power in range(6)]   # 16, 32, 64, 128, 256, 512
        top, counts = c[-1], (2, 3, 2, 2, 1)
        smaller = zip(pairwise(c), counts, strict=True)
        self.face_encoder_blocks = nn.ModuleList([
            nn.Sequential(_conv(6, base, 7)),
            *(nn.Sequential(_conv(a, b, stride=2), *_same(b, count)) for (a, b), count in smaller),
            nn.Sequential(_conv(top, top, padding=0), _conv(top, top, 1)),
        ])
        self.audio_encoder = nn.Sequential(
            _conv(1, c[1]), *_same(c[1], 2), _conv(c[1], c[2], stride=(3, 1)), *_same(c[2], 2),
            _conv(c[2], c[3], stride=3), *_same(c[3], 2), _conv(c[3], c[4], stride=(3, 2)), *_same(c[4], 1),
            _conv(c[4], top, padding=0), _conv(top, top, 1),
        )
        first = _Block(nn.ConvTranspose2d(2 * top, top, 3, 1, 0), top)
        larger = (
            (2 * top, top), (top + c[4], 24 * base), (24 * base + c[3], c[4]), (c[4] + c[2], c[3]), (c[3] + c[1], c[2]),
        )
        self.face_decoder_blocks = nn.ModuleList([
            nn.Sequential(_conv(top, top, 1)), nn.Sequential(first, *_same(top, 1)),
            *(nn.Sequential(_larger(a, b), *_same(b, 2)) for a, b in larger),
        ])
        self.output_block = nn.Sequential(_conv(c[2] + base, c[1]), nn.Conv2d(c[1], 3, 1), nn.Sigmoid())

    def forward(self, mel: Tensor, face: Tensor) -> Tensor:
        """(n, 1, 80, 16) of `windows` and (n, 6, 96, 96) of `face_input` -> (n, 3, 96, 96) in 0..1, blue first."""
        seen = []
        for block in self.face_encoder_blocks:
            face = block(face)
            seen.append(face)
        x = self.audio_encoder(mel)
        for block, beside in zip(self.face_decoder_blocks, reversed(seen), strict=True):
            x = torch.cat([block(x), beside], dim=1)
        picture: Tensor = self.output_block(x)
        return picture


def face_input(picture: Tensor) -> Tensor:
    """A face (3, 96, 96) in 0..1, blue first -> (1, 6, 96, 96): its upper half alone, then all of it."""
    upper = picture.clone()
    upper[:, SIDE // 2:] = 0
    return torch.cat([upper, picture])[None]


def log_mel(wave: Tensor) -> Tensor:
    """(n,) at 16 kHz -> (80, 1 + n // 200), each value from -4 to 4."""
    emphasised = torch.cat([wave[:1], wave[1:] - PRE_EMPHASIS * wave[:-1]])
    spectrum = torch.stft(
        emphasised, FFT, HOP, window=torch.hann_window(FFT), center=True, pad_mode="constant", return_complex=True,
    ).abs()
    decibels = 20 * torch.log10((slaney_filters() @ spectrum).clamp_min(LEAST_AMPLITUDE)) - REFERENCE_DB
    return (2 * LARGEST * (decibels + LOWEST_DB) / LOWEST_DB - LARGEST).clamp(-LARGEST, LARGEST)


def windows(mel: Tensor, n_frames: int, fps: float) -> Tensor:
    """(80, c) of log_mel -> (n_frames, 1, 80, 16): 200 ms from each picture on; the last ones end with the sound."""
    mel = functional.pad(mel, (0, max(0, MEL_COLUMNS - mel.shape[1])), value=-LARGEST)
    last = mel.shape[1] - MEL_COLUMNS
    firsts = [min(int(frame * COLUMNS_A_SECOND / fps), last) for frame in range(n_frames)]
    return torch.stack([mel[None, :, first:first + MEL_COLUMNS] for first in firsts])


def slaney_filters() -> Tensor:
    """Triangular mel filters (80, 401), each of the area that its width in hertz makes 1."""
    low, high = _to_mel(LOW_HZ), _to_mel(HIGH_HZ)
    edges = torch.tensor([_to_hz(low + (high - low) * i / (MEL_BANDS + 1)) for i in range(MEL_BANDS + 2)])
    bins = torch.arange(FFT // 2 + 1) * 16000 / FFT
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.minimum(rise, fall).clamp_min(0) * (2 / (edges[2:] - edges[:-2]))[:, None]


def _to_mel(hz: float) -> float:
    knee = KNEE_HZ / LINE_HZ
    return hz / LINE_HZ if hz < KNEE_HZ else knee + STEPS * math.log(hz / KNEE_HZ) / math.log(FACTOR)


def _to_hz(mel: float) -> float:
    knee = KNEE_HZ / LINE_HZ
    return mel * LINE_HZ if mel < knee else KNEE_HZ * math.exp(math.log(FACTOR) * (mel - knee) / STEPS)
