"""How clearly the mouth speaks: from relaxed, which undershoots and lags, to precise, which is crisp and full.

Works on jaw, lips, cheek puff and tongue of ARKit motion; other channels pass unchanged. Knows nothing of lip contacts.
Source: clear speech moves farther and faster than casual speech (Perkell et al. 2002), casual speech undershoots its
targets (Lindblom 1963). The amounts are ours, by eye.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..values.channels import region
from ..values.types import BoolArray, Motion
from .lip_contact import has_lips
from .smooth import LEAST_SIGMA, gaussian

# Standard deviations: what lies between them, syllables and sounds, grows; the jitter of single frames does not.
PRECISE_NARROW_S, PRECISE_WIDE_S = 0.018, 0.10
PRECISE_CONTRAST = 0.9      # how much it grows
PRECISE_FULLNESS = 0.12     # how much all grows besides, so that long vowels do too
RELAXED_S = 0.035           # standard deviation of the filter: halves what moves five times a second
RELAXED_FULLNESS = -0.2


def relax(motion: Motion, amount: float) -> Motion:
    """Slur the mouth, for amounts below 0 (-1 is fully relaxed); `articulate` then makes it smaller too."""
    if amount >= 0 or not has_lips(motion.channels) or len(motion.weights) < 2:
        return motion
    weights = motion.weights.copy()
    columns = _mouth(motion)
    weights[:, columns] = gaussian(weights[:, columns], max(-amount * RELAXED_S * motion.fps, LEAST_SIGMA))
    return replace(motion, weights=weights)


def articulate(motion: Motion, amount: float) -> Motion:
    """Make the mouth's motion crisper and fuller, or smaller.

    Args:
        motion: ARKit motion, limited to 0..1.
        amount: -1 (relaxed) to 1 (precise); 0 returns the motion itself.
    Returns:
        Weights that may be outside 0..1. mouthClose stays below jawOpen: lips that met may not pass through each other.
    Source: for precise a difference of Gaussians is added, as unsharp masking does for pictures.
    """
    if amount == 0 or not has_lips(motion.channels) or len(motion.weights) < 2:
        return motion
    weights = motion.weights.copy()
    columns = _mouth(motion)
    mouth = motion.weights[:, columns]
    if amount > 0:
        band = gaussian(mouth, PRECISE_NARROW_S * motion.fps) - gaussian(mouth, PRECISE_WIDE_S * motion.fps)
        weights[:, columns] = (mouth + amount * PRECISE_CONTRAST * band) * (1 + amount * PRECISE_FULLNESS)
    else:
        weights[:, columns] = mouth * (1 - amount * RELAXED_FULLNESS)
    jaw, close = (motion.channels.index(name) for name in ("jawOpen", "mouthClose"))
    weights[:, close] = np.minimum(weights[:, close], np.maximum(weights[:, jaw], 0))
    return replace(motion, weights=weights)


def _mouth(motion: Motion) -> BoolArray:
    others = ("tongueOut", "cheekPuff")
    return np.array([region(name) in ("jaw", "lips") or name in others for name in motion.channels])
