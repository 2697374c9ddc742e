"""Names and orders of face channels, nothing else.

Sources: ARKit ARFaceAnchor.BlendShapeLocation names, in the column order of Live Link Face takes; Oculus LipSync viseme reference.
"""

from __future__ import annotations

ARKIT_52 = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft", "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight", "eyeWideRight",
    "jawForward", "jawRight", "jawLeft", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft", "mouthSmileLeft", "mouthSmileRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight",
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)

OCULUS_15 = (
    "viseme_sil", "viseme_PP", "viseme_FF", "viseme_TH", "viseme_DD", "viseme_kk", "viseme_CH", "viseme_SS",
    "viseme_nn", "viseme_RR", "viseme_aa", "viseme_E", "viseme_I", "viseme_O", "viseme_U",
)

# Live Link Face CSV: time code, count, the 52 channels with a capital first letter, then head and eye angles in radians.
LIVE_LINK_ANGLES = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch", "RightEyeRoll",
)
LIVE_LINK_COLUMNS = ("Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in ARKIT_52), *LIVE_LINK_ANGLES)

# Face regions for the gains; a channel outside them (eyes, tongue) is never scaled.
_REGION_PREFIXES = (("jaw", "jaw"), ("mouth", "lips"), ("cheek", "cheeks"), ("nose", "cheeks"), ("brow", "brows"))


def region(channel: str) -> str | None:
    """The face region of an ARKit channel: jaw, lips, cheeks, brows, or None. mouthClose follows the jaw, since it undoes its opening."""
    if channel == "mouthClose":
        return "jaw"
    return next((name for prefix, name in _REGION_PREFIXES if channel.startswith(prefix)), None)
