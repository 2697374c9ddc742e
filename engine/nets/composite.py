"""Composite and Regional: speech drives the face in the manner of a reference motion of any length and content.

Source: Wu et al., "Speech-Driven 3D Face Animation with Composite and Regional Facial Movements" (ACM Multimedia 2023),
sections 3.1 to 3.3. Where the paper and its released code differ, the code's numbers are the
default and `paper` takes the text's: identity leaves the reference by its own mean face instead of the neutral one, the
sound is normalised over time before the style scales it, and the deviation of velocities is not looked at. Parameters
have the names of the released checkpoint. Works alike on vertices and on channels, whose neutral face is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .layers import resample

OUTPUT_SCALE = 0.1
STYLE_STRIDES = (2, 1, 2, 1)
BODY_BLOCKS = 8
EPSILON = 1e-5  # of the deviation over time, in the paper's normalisation


@dataclass(frozen=True)
class CompositeConfig:
    """Sizes of a Composite; the defaults are those of the released code.

    Attributes:
        motion_dim: numbers of a frame: channels, or three for each vertex.
        feature_dim: of the encoder's output.
        width: of the body; a style has twice as many numbers.
        style_width: of the style encoder.
        paper: the text's variant instead of the code's.
    """

    motion_dim: int
    feature_dim: int = 1024
    width: int = 256
    style_width: int = 512
    paper: bool = False


class ResidualBlock(nn.Module):
    """Conv BatchNorm PReLU Conv BatchNorm beside a shortcut; nothing follows their sum. The second one has the stride.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.shortcut_layer = nn.Sequential(
            nn.Conv1d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm1d(out_channels),
        ) if in_channels != out_channels else None
        self.res_layer = nn.Sequential(
            nn.Conv1d(in_channels, out_channels, 3, padding=1, bias=False), nn.BatchNorm1d(out_channels),
            nn.PReLU(out_channels),
            nn.Conv1d(out_channels, out_channels, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm1d(out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, t) -> (batch, out_channels, ceil(t / stride))."""
        shortcut = x[..., ::self.stride] if self.shortcut_layer is None else self.shortcut_layer(x)
        changed: Tensor = self.res_layer(x) + shortcut
        return changed


class ResNet1d(nn.Module):
    """Residual blocks in a row; convolutions start as Kaiming et al. have it (fan out, ReLU)."""

    def __init__(self, in_channels: int, channels: int, strides: Sequence[int]) -> None:
        super().__init__()
        widths = [in_channels] + [channels] * (len(strides) - 1)
        self.body = nn.Sequential(
            *(ResidualBlock(width, channels, stride) for width, stride in zip(widths, strides, strict=True))
        )
        for module in self.modules():
            if isinstance(module, nn.Conv1d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, t) -> (batch, channels, t after all strides)."""
        out: Tensor = self.body(x)
        return out


class Composite(nn.Module):
    """Features of a sound and a reference motion in, motion out."""

    def __init__(self, config: CompositeConfig) -> None:
        super().__init__()
        self.config = config
        self.template_layer = nn.Linear(config.motion_dim, config.width, bias=False)
        self.audio_linear_layer = nn.Sequential(
            nn.Conv1d(config.feature_dim, config.width, 1), nn.BatchNorm1d(config.width)
        )
        self.exp_layer = ResNet1d(config.width, config.style_width, STYLE_STRIDES)
        n_statistics = 2 if config.paper else 3
        self.exp_sigma_mu_layer = nn.Linear(n_statistics * config.style_width, 2 * config.width)
        self.fusion_layer = ResNet1d(config.width, config.width, (1,) * BODY_BLOCKS)

    @property
    def reach_frames(self) -> int:
        """One-sided reach of the body, in frames."""
        return 2 * BODY_BLOCKS

    def forward(self, features: Tensor, reference: Tensor, neutral: Tensor, n_frames: int) -> Tensor:
        """Motion in the manner of the reference.

        Args:
            features: (batch, t, feature_dim) of the encoder.
            reference: (batch, u, motion_dim), a face at least 9 frames long, on the neutral face of this speaker.
            neutral: (batch, motion_dim).
        Returns:
            (batch, n_frames, motion_dim).
        """
        return neutral[:, None] + self.offsets(self.hidden(features, self.style(reference, neutral), neutral, n_frames))

    def style(self, reference: Tensor, neutral: Tensor) -> Tensor:
        """The style (batch, 2 width) of a reference: factors of the sound's channels, then what is added to them."""
        without = reference.mean(1) if self.config.paper else neutral
        moved = self.exp_layer(self.template_layer(reference - without[:, None]).transpose(1, 2))
        style: Tensor = self.exp_sigma_mu_layer(self._statistics(moved))
        return style

    def hidden(self, features: Tensor, style: Tensor, neutral: Tensor, n_frames: int) -> Tensor:
        """What the tied embedding turns into motion, (batch, n_frames, width)."""
        sound = self.audio_linear_layer(features.transpose(1, 2))
        sound = resample(sound.transpose(1, 2), n_frames, align_corners=False).transpose(1, 2)
        if self.config.paper:
            deviation, mean = torch.std_mean(sound, dim=2, keepdim=True)
            sound = (sound - mean) / (deviation + EPSILON)
        factor, shift = style[:, :self.config.width, None], style[:, self.config.width:, None]
        fused: Tensor = self.fusion_layer(sound * factor + shift + self.template_layer(neutral)[..., None])
        return fused.transpose(1, 2)

    def offsets(self, hidden: Tensor) -> Tensor:
        """(batch, t, width) -> motion relative to the neutral face (batch, t, motion_dim)."""
        return OUTPUT_SCALE * (hidden @ self.template_layer.weight)

    def sparsity(self) -> Tensor:
        """Sum of the embedding's magnitudes: kept small, each hidden value moves one region of the face (section 3.3).
        """
        return self.template_layer.weight.abs().sum()

    def _statistics(self, moved: Tensor) -> Tensor:
        deviation, mean = torch.std_mean(moved, dim=2)
        if self.config.paper:
            return torch.cat([mean, deviation], dim=1)
        velocity = moved[..., 1:] - moved[..., :-1]      # diff has no ONNX operator
        return torch.cat([mean, deviation, velocity.std(dim=2)], dim=1)


class MannerComposite(nn.Module):
    """A Composite of channels, with what an animator's tool asks beside it.

    The null style is the mean style of plain references; a face that speaks in a style rests in the pose that the rest
    layer gives for it.
    """

    def __init__(self, config: CompositeConfig) -> None:
        super().__init__()
        self.composite = Composite(config)
        self.rest_layer = nn.Linear(2 * config.width, config.motion_dim)
        self.register_buffer("null_style", torch.zeros(2 * config.width))
        self.null_style: Tensor
        self._start_plain()

    def _start_plain(self) -> None:
        """Begin with blocks that hand on their input and a style that leaves the sound as it is: the released code's
        start gives motion a hundred times too large, and needs its 120 epochs."""
        with torch.no_grad():
            self.composite.exp_sigma_mu_layer.bias[:self.composite.config.width] = 1.0
            for block in (*self.composite.exp_layer.body, *self.composite.fusion_layer.body):
                block.res_layer[-1].weight.zero_()

    def style(self, reference: Tensor) -> Tensor:
        """(batch, u, channels) at any rate that the training had -> (batch, 2 width)."""
        return self.composite.style(reference, torch.zeros_like(reference[:, 0]))

    def hidden(self, features: Tensor, style: Tensor) -> Tensor:
        """(batch, t, feature_dim) and (batch, 2 width) -> (batch, t, width)."""
        neutral = features.new_zeros(features.shape[0], self.composite.config.motion_dim)
        return self.composite.hidden(features, style, neutral, features.shape[1])

    def forward(self, features: Tensor, style: Tensor) -> Tensor:
        """(batch, t, feature_dim) and (batch, 2 width) -> channels (batch, t, motion_dim)."""
        return self.composite.offsets(self.hidden(features, style))


def reconstruction_loss(motion: Tensor, target: Tensor) -> Tensor:
    """Squared distance of whole faces, the mean over frames and clips: (batch, t, motion_dim) each."""
    return ((motion - target) ** 2).sum() / (motion.shape[0] * motion.shape[1])
