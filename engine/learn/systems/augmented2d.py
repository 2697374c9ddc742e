"""Losses of the "2D-augmented" study: free running, codes of a clean codebook, pseudo labels, and pictures.

FaceFormer learns by running freely, with a gradient through its own feedback; the mean over frames and numbers is
meant where the study prints a sum, since only so its figures fit. CodeTalker learns its codebook on clean motion alone,
which stays as it is when pseudo labels join: what it can say is then clean, whatever neutral faces they assume.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...nets.codebook import CodeTalker, MotionCodebook
from ...nets.faceformer import FaceFormer
from .contract import Losses
from .photometric import Renderer, photometric_loss

PICTURE_FRAMES = 4          # of a clip that are rendered in a step
NULL_SHARE = 0.1            # of the clips whose voice is left out, so that none is a legal input


class VoiceStyle(nn.Module):
    """The style of a voice: a linear map of numbers that describe it, without a bias; a learned null for none."""

    def __init__(self, numbers: int, dim: int) -> None:
        super().__init__()
        self.map = nn.Linear(numbers, dim, bias=False)
        self.null = nn.Parameter(torch.zeros(dim))

    def forward(self, voice: Tensor) -> Tensor:
        """(batch, numbers) -> (batch, dim); while training some are replaced by the null."""
        style: Tensor = self.map(voice)
        if not self.training:
            return style
        left_out = torch.rand(len(style), 1, device=style.device) < NULL_SHARE
        return torch.where(left_out, self.null, style)


def free_running_losses(talker: FaceFormer, features: Tensor, style: Tensor, offsets: Tensor) -> Losses:
    """Of (batch, t, c) features, styles (batch, dim) and true offsets (batch, frames, outputs)."""
    motion = functional.mse_loss(talker(features, style, offsets.shape[1]), offsets)
    return Losses(motion, {"motion": motion})


def with_pictures(losses: Losses, predicted: Tensor, target: Tensor, renderer: Renderer, weight: float) -> Losses:
    """Losses with those of the renderings of a few frames drawn by chance: vertices (frames, v, 3)."""
    chosen = torch.randperm(len(predicted))[:PICTURE_FRAMES]
    pictures = photometric_loss(renderer, predicted[chosen], target[chosen])
    return Losses(losses.total + weight * pictures, {**losses.parts, "pictures": pictures})


def codebook_losses(codebook: MotionCodebook, offsets: Tensor) -> Losses:
    """Stage 1: absolute difference of the reconstruction, and the quantiser's loss."""
    motion, quantised = codebook(offsets)
    difference = functional.l1_loss(motion, offsets)
    return Losses(difference + quantised.loss, {"motion": difference, "codes": quantised.loss})


def talker_losses(
    talker: CodeTalker, features: Tensor, style: Tensor, offsets: Tensor, project: Tensor | None = None,
) -> Losses:
    """Stage 2, teacher-forced: squared differences of motion and of code features.

    Args:
        project: (batch,) bool, clips whose motion is first replaced by what the codebook can say of it (pseudo labels).
    """
    with torch.no_grad():
        codes = talker.codebook.quantise(talker.codebook.encode(offsets)).codes
        if project is not None:
            said = talker.codebook.decode(codes)
            offsets = torch.where(project[:, None, None], said, offsets)
    predicted, wanted = talker.teacher_forced(features, style, offsets)
    motion, chosen = functional.mse_loss(predicted, offsets), functional.mse_loss(wanted, codes)
    return Losses(motion + chosen, {"motion": motion, "codes": chosen})
