"""The training loss: curves, their change in time, and the phones."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class LossWeights:
    """Weights of the loss terms.

    Attributes:
        change: of the curves' first differences.
        phones: of the phone cross-entropy.
        label_smoothing: of the phone classes.
    """

    change: float = 1.5
    phones: float = 0.3
    label_smoothing: float = 0.05


class CurveScale:
    """Per-channel variance of sample curves and of their first differences; channels that never move get weight 0.

    Args:
        curves: (b, t, k) sample targets.
        importance: (k,) factor per channel.
    """

    SMALLEST_VARIANCE = 1e-7

    def __init__(self, curves: Tensor, importance: Tensor) -> None:
        self.level = self._weight(curves, importance)
        self.change = self._weight(curves.diff(dim=1), importance)

    def _weight(self, values: Tensor, importance: Tensor) -> Tensor:
        variance = values.flatten(0, 1).var(dim=0)
        moves = variance > self.SMALLEST_VARIANCE
        weight = torch.where(moves, importance / variance.clamp_min(self.SMALLEST_VARIANCE), torch.zeros(()))
        return weight / torch.where(moves, importance, torch.zeros(())).sum()


def curve_loss(output: Tensor, target: Tensor, scale: CurveScale, change_weight: float) -> Tensor:
    """Squared error over the channel variance, plus the same on first differences; 1 for a constant guess of the mean.

    Args:
        output, target: (b, t, k).
    """
    level = ((output - target) ** 2).mean(dim=(0, 1)) @ scale.level
    change = ((output.diff(dim=1) - target.diff(dim=1)) ** 2).mean(dim=(0, 1)) @ scale.change
    return level + change_weight * change


def phone_loss(logits: Tensor, labels: Tensor, label_smoothing: float) -> Tensor:
    """Cross-entropy of (b, t, p) logits with (b, t) classes."""
    return functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), label_smoothing=label_smoothing)
