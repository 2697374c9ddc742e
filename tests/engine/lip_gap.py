"""How far apart lips are, measured on a head: it judges closed lips in tests, so that the engine does not judge itself.

Six points of the lips on the mid-line of the ICT-FaceKit head (Li et al. 2020, MIT licence): how far a blendshape moves
them up, in millimetres. The gap is what is seen from the front: from the lowest of the upper lip to the highest of the
lower one.
"""

from __future__ import annotations

import numpy as np

from engine import Motion

TOUCHING_MM = 3.6       # a tenth of a wide-open mouth; the head's own lips at rest are 0.8 apart, 9 in speech
REST_MM = ((-29.2, -32.7, -33.2), (-34.0, -35.2, -38.7))        # heights on the upper lip, on the lower lip
MOVES_MM = {            # blendshape (each side of it): upper lip, lower lip
    "jawForward": ((-0.1, -0.1, -0.1), (-1.4, -1.4, -1.3)),
    "jawOpen": ((-2.5, -2.5, -2.5), (-35.2, -35.1, -35.4)),
    "mouthClose": ((-0.6, -0.7, -0.7), (38.2, 36.9, 36.6)),
    "mouthFunnel": ((6.2, 5.6, 5.2), (-8.3, -6.5, -9.6)),
    "mouthPucker": ((2.4, 0.2, -0.6), (0.2, 1.2, -1.8)),
    "mouthSmile": ((1.9, 1.9, 1.9), (1.9, 1.8, 1.9)),
    "mouthFrown": ((-0.5, -0.4, -0.4), (-0.3, -0.3, -0.2)),
    "mouthDimple": ((-0.1, 0.0, 0.0), (0.3, 0.2, 0.5)),
    "mouthRollLower": ((0.0, 0.0, 0.0), (3.7, 0.5, 7.8)),
    "mouthRollUpper": ((-3.4, 0.6, 2.1), (-0.1, -0.1, 0.0)),
    "mouthShrugLower": ((0.0, 0.0, 0.0), (6.9, 6.9, 7.2)),
    "mouthShrugUpper": ((6.1, 5.5, 5.1), (0.0, 0.0, 0.0)),
    "mouthPress": ((-0.5, -0.4, -0.3), (0.9, 0.9, 1.3)),
    "mouthLowerDown": ((0.0, 0.0, 0.0), (-3.4, -3.3, -3.4)),
    "mouthUpperUp": ((4.0, 3.9, 3.8), (0.3, 0.2, 0.2)),
    "cheekSquint": ((0.0, 0.0, 0.0), (-0.2, -0.2, -0.1)),
    "noseSneer": ((3.9, 3.6, 3.5), (0.4, 0.4, 0.4)),
}


def lip_gap_mm(motion: Motion) -> np.ndarray:
    """Seen gap between the lips (n_frames,); below 0 they overlap."""
    upper, lower = (np.tile(np.float64(heights), (len(motion.weights), 1)) for heights in REST_MM)
    for channel in motion.channels:
        moves = MOVES_MM.get(channel.removesuffix("Left").removesuffix("Right"))
        if moves:
            upper += np.outer(motion[channel], moves[0])
            lower += np.outer(motion[channel], moves[1])
    return upper.min(axis=1) - lower.max(axis=1)


def touching(motion: Motion) -> np.ndarray:
    """Frames (n_frames,) on which a viewer sees closed lips."""
    return lip_gap_mm(motion) < TOUCHING_MM
