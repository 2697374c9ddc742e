"""The losses of PMMTalk: motion, its change, and cues of one clip that must agree frame by frame and on the whole.

Source: Han et al., "PMMTalk" (2023), section 3; its equation (11) mixes logarithms twice, so the divergence is the
symmetric one that a co-author published with the same label (gain 10): with the plain identity as label, aligned cues
would cost more than random ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ...nets.pmmtalk import PAIRS

LABEL_GAIN = 10.0


@dataclass(frozen=True)
class CueWeights:
    """Weights of the four losses; those of the paper.

    Attributes:
        position, motion: of the channels, and of their change from frame to frame.
        temporal, semantic: of the agreement of cues, frame by frame and on the whole.
    """

    position: float = 1.0
    motion: float = 10.0
    temporal: float = 1e-4
    semantic: float = 1e-5


def temporal_loss(one: Tensor, other: Tensor, label_gain: float = LABEL_GAIN) -> Tensor:
    """How far the frames of two cues (b, t, d) are from naming each other, each row of length sqrt(d).

    The divergence of softmax(label_gain * identity) from the softmax of the similarities, in both directions.
    """
    frames, width = one.shape[1:]
    similar = one @ other.transpose(1, 2) / math.sqrt(width)
    label = torch.softmax(label_gain * torch.eye(frames, device=one.device), dim=1).expand(len(one), -1, -1)
    either = [
        functional.kl_div(scores.log_softmax(dim=2), label, reduction="none").sum(dim=2).mean()
        for scores in (similar, similar.transpose(1, 2))
    ]
    return (either[0] + either[1]) / 2


def semantic_loss(one: Tensor, other: Tensor) -> Tensor:
    """1 - cosine of the means over time of two cues (b, t, d)."""
    return 1 - functional.cosine_similarity(one.mean(dim=1), other.mean(dim=1), dim=1).mean()


def alignment_losses(aligned: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`temporal` and `semantic`, means over the pairs of cues that are there; none for a single cue."""
    pairs = [(aligned[one], aligned[other]) for one, other in PAIRS if one in aligned and other in aligned]
    if not pairs:
        return {}
    return {
        "temporal": torch.stack([temporal_loss(*pair) for pair in pairs]).mean(),
        "semantic": torch.stack([semantic_loss(*pair) for pair in pairs]).mean(),
    }


def motion_losses(output: Tensor, target: Tensor, weight: Tensor | None = None) -> dict[str, Tensor]:
    """`position` and `motion` of channels (b, t, k): mean squared error of the values and of their first differences.

    Args:
        weight: (k,) factor of each channel; None is 1.
    """
    weight = torch.ones(output.shape[2], device=output.device) if weight is None else weight
    error = output - target
    return {"position": (error ** 2 * weight).mean(), "motion": (error.diff(dim=1) ** 2 * weight).mean()}


def weighted(losses: Mapping[str, Tensor], weights: CueWeights) -> Tensor:
    """The sum that is minimised."""
    return torch.stack([getattr(weights, name) * loss for name, loss in losses.items()]).sum()
