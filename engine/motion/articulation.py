"""How clearly the mouth speaks: from relaxed, which undershoots and lags, to precise, which is crisp and full.

Works on jaw, lips, cheek puff and tongue of ARKit motion; other channels pass unchanged.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..values.channels import region
from ..values.types import FloatArray, Motion
from . import lip_contact, smooth

PRECISE_NARROW_S, PRECISE_WIDE_S = 0.018, 0.10      # standard deviations: what is between them, syllables and sounds, grows; jitter of single frames does not
PRECISE_CONTRAST = 0.9      # how much it grows
PRECISE_FULLNESS = 0.12     # how much all grows besides, so that long vowels do too
RELAXED_S = 0.035           # standard deviation of the filter: halves what moves five times a second
RELAXED_FULLNESS = -0.2


def articulate(motion: Motion, amount: float) -> Motion:
    """Speak more clearly or more lazily; lips that touch still touch.

    Args:
        motion: ARKit motion, limited to 0..1.
        amount: -1 (relaxed) to 1 (precise); 0 returns the motion itself.
    Returns:
        Weights that may be outside 0..1.
    Source: for precise a difference of Gaussians is added, as unsharp masking does for pictures; clear speech moves farther and faster than
    casual speech (Perkell et al. 2002), casual speech undershoots its targets (Lindblom 1963). The amounts are ours, by eye.
    """
    if amount == 0 or not lip_contact.has_lips(motion.channels) or len(motion.weights) < 2:
        return motion
    shut = lip_contact.shut_frames(motion)
    columns = np.array([region(name) in ("jaw", "lips") or name in ("tongueOut", "cheekPuff") for name in motion.channels])
    changed = motion.weights.copy()
    changed[:, columns] = (_precise if amount > 0 else _relaxed)(motion, abs(amount))[:, columns]
    jaw, close = (motion.channels.index(name) for name in ("jawOpen", "mouthClose"))
    np.minimum(changed[:, close], np.maximum(changed[:, jaw], 0), out=changed[:, close])       # lips that met may not pass through each other
    return lip_contact.keep_shut(replace(motion, weights=changed), shut)


def _precise(motion: Motion, amount: float) -> FloatArray:
    band = smooth.gaussian(motion.weights, PRECISE_NARROW_S * motion.fps) - smooth.gaussian(motion.weights, PRECISE_WIDE_S * motion.fps)
    return np.asarray((motion.weights + amount * PRECISE_CONTRAST * band) * (1 + amount * PRECISE_FULLNESS), np.float32)


def _relaxed(motion: Motion, amount: float) -> FloatArray:
    soft = smooth.around_closures(motion, smooth.gaussian(motion.weights, max(amount * RELAXED_S * motion.fps, smooth.LEAST_SIGMA)))
    return np.asarray(soft.weights * (1 + amount * RELAXED_FULLNESS), np.float32)
