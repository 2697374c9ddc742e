"""Names and orders of face channels, nothing else.

Sources: ARKit ARFaceAnchor.BlendShapeLocation names, in the column order of Live Link Face takes; Oculus LipSync viseme
reference; orders of the UniTalker data sets from EmoTalk's published list (ETF_52) and the author's answer in
X-niper/UniTalker issue 5 (ARKIT_51: the first 24 names are sure, the rest was matched with two other public lists that
begin alike); FLAME vector of DAD-3DHeads.
"""

from __future__ import annotations

from functools import lru_cache

ARKIT_52 = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft",
    "eyeWideLeft",
    "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight", "eyeSquintRight",
    "eyeWideRight",
    "jawForward", "jawRight", "jawLeft", "jawOpen",
    "mouthClose", "mouthFunnel", "mouthPucker", "mouthRight", "mouthLeft", "mouthSmileLeft", "mouthSmileRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight",
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)

ETF_52 = tuple(sorted(ARKIT_52))        # 3D-ETF (HDTF, RAVDESS): alphabetical

# 3D-CAVFA (PMMTalk): lips, jaw and cheeks; the paper gives the number, the choice follows from it and those words.
ARKIT_32 = tuple(name for name in ARKIT_52 if not name.startswith(("eye", "brow", "tongue")))

ARKIT_51 = (        # UniTalker's own Chinese speech and songs: ARKit without the tongue, in their own order
    "eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeWideLeft", "eyeWideRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight",
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "jawOpen", "mouthClose", "jawLeft", "jawRight", "jawForward",
    "mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthRollUpper",
    "mouthRollLower",
    "mouthSmileLeft", "mouthSmileRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthFunnel",
    "mouthLeft", "mouthRight",
    "mouthShrugLower", "mouthShrugUpper", "noseSneerLeft", "noseSneerRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight",
)

FLAME_413 = (
    *(f"shape{number:03d}" for number in range(300)), *(f"expression{number:03d}" for number in range(100)),
    "jawX", "jawY", "jawZ",         # axis times angle in radians
    # not driven by speech:
    *(f"headRotation{number}" for number in range(6)), "headX", "headY", "headZ", "headScale",
)

OCULUS_15 = (
    "viseme_sil", "viseme_PP", "viseme_FF", "viseme_TH", "viseme_DD", "viseme_kk", "viseme_CH", "viseme_SS",
    "viseme_nn", "viseme_RR", "viseme_aa", "viseme_E", "viseme_I", "viseme_O", "viseme_U",
)

# Live Link Face CSV: time code, count, the 52 channels with a capital first letter, then angles in radians.
LIVE_LINK_ANGLES = (
    "HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll", "RightEyeYaw", "RightEyePitch",
    "RightEyeRoll",
)
LIVE_LINK_COLUMNS = (
    "Timecode", "BlendShapeCount", *(name[0].upper() + name[1:] for name in ARKIT_52), *LIVE_LINK_ANGLES,
)

# What a head does besides its face, as engine/idle makes it; presets read it as the channels of any source. Radians
# with the signs of Live Link Face (whose eye angles show them, below): yaw to the character's right, pitch downwards,
# roll towards its right shoulder; breath 0 (out) to 1 (in).
HEAD_ANGLES = ("headYaw", "headPitch", "headRoll")
LIFE = (*HEAD_ANGLES, "breath")

# Radians that an eye turns for a weight of 1. Source: regression over two public takes of Live Link Face (in .62,
# out .57, down .62, up .46; r = 1.0).
LOOK_RAD = {"In": 0.62, "Out": 0.57, "Down": 0.62, "Up": 0.46}


@lru_cache(maxsize=4)
def vertex_channels(n_vertices: int) -> tuple[str, ...]:
    """Names of flat vertex coordinates: v0.x, v0.y, v0.z, v1.x and so on."""
    return tuple(f"v{vertex}.{axis}" for vertex in range(n_vertices) for axis in "xyz")


# What is made anew where a performance keeps brows, eyes, cheeks, nose and head.
MOUTH = tuple(name for name in ARKIT_52 if name.startswith(("jaw", "mouth", "tongue")))

# Face regions for the gains; a channel outside them (eyes, tongue) is never scaled.
_REGION_PREFIXES = (("jaw", "jaw"), ("mouth", "lips"), ("cheek", "cheeks"), ("nose", "cheeks"), ("brow", "brows"))


def region(channel: str) -> str | None:
    """The face region of an ARKit channel: jaw, lips, cheeks, brows, or None. mouthClose undoes the jaw's opening."""
    if channel == "mouthClose":
        return "jaw"
    return next((name for prefix, name in _REGION_PREFIXES if channel.startswith(prefix)), None)


# Finer regions (settings.MANNER_REGIONS), by what a channel moves most on a head: a test measures it on two.
_MANNER_PREFIXES = (
    ("brow", "brows"), ("eye", "eyes"), ("cheek", "cheeks"), ("nose", "cheeks"), ("jaw", "jaw"), ("tongue", "jaw"),
    ("mouthClose", "jaw"), ("mouthUpperUp", "upper_lip"), ("mouthRollUpper", "upper_lip"),
    ("mouthShrugUpper", "upper_lip"), ("mouthLowerDown", "lower_lip"), ("mouthRollLower", "lower_lip"),
    ("mouthShrugLower", "lower_lip"), ("mouthFunnel", "lower_lip"), ("mouthPress", "lower_lip"), ("mouth", "corners"),
)


def manner_region(channel: str) -> str | None:
    """The region of settings.MANNER_REGIONS to which an ARKit channel belongs; None for another channel."""
    return next((name for prefix, name in _MANNER_PREFIXES if channel.startswith(prefix)), None)
