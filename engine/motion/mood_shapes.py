"""Moods as combinations of the facial action units, and the ARKit channels that show a unit.

The combinations are those that the sources give for each emotion; how far each unit goes at an amount of 1 is our
choice, by eye. The channels of a unit follow Apple's descriptions of its blendshapes.

Sources: Ekman, Friesen and Hager 2002, Facial Action Coding System, Investigator's Guide (EMFACS tables: happy, sad,
angry, afraid, disgusted, surprised); Matsumoto and Ekman 2004 (contempt: one lip corner is tightened and raised);
Tracy and Robins 2004 (pride: a small smile, here confident); Craig, D'Mello et al. 2008 (confusion: AU 4, 7 and 12;
boredom: AU 43, hardly anything else); Prkachin and Solomon 2008 (effort and pain: AU 4, 6 or 7, 9 or 10); de Morree
and Marcora 2010 (effort: AU 4 grows with it). Excited and playful combine units of joy and surprise: our choice.
"""

from __future__ import annotations

# Channels of an action unit, without Left and Right where both sides have one.
UNITS: dict[str, dict[str, float]] = {
    "AU1": {"browInnerUp": 1.0},                        # inner brow raiser
    "AU2": {"browOuterUp": 1.0},                        # outer brow raiser
    "AU4": {"browDown": 1.0},                           # brow lowerer
    "AU5": {"eyeWide": 1.0},                            # upper lid raiser
    "AU6": {"cheekSquint": 1.0, "eyeSquint": 0.35},     # cheek raiser
    "AU7": {"eyeSquint": 1.0},                          # lid tightener
    "AU9": {"noseSneer": 1.0},                          # nose wrinkler
    "AU10": {"mouthUpperUp": 1.0},                      # upper lip raiser
    "AU12": {"mouthSmile": 1.0},                        # lip corner puller
    "AU14": {"mouthDimple": 1.0},                       # dimpler
    "AU15": {"mouthFrown": 1.0},                        # lip corner depressor
    "AU16": {"mouthLowerDown": 1.0},                    # lower lip depressor
    "AU17": {"mouthShrugLower": 1.0},                   # chin raiser
    "AU20": {"mouthStretch": 1.0},                      # lip stretcher
    "AU23": {"mouthRollUpper": 0.5, "mouthRollLower": 0.5},     # lip tightener
    "AU24": {"mouthPress": 1.0},                        # lip pressor
    "AU43": {"eyeBlink": 1.0},                          # eyes closing
}

# Units of each mood at an amount of 1; L and R before a unit stand for one side.
COMBINATIONS: dict[str, dict[str, float]] = {
    "happy": {"AU6": 0.9, "AU12": 0.9, "AU14": 0.08},
    "sad": {"AU1": 0.75, "AU4": 0.2, "AU15": 0.6, "AU17": 0.25, "AU43": 0.14},
    "angry": {"AU4": 0.85, "AU5": 0.25, "AU7": 0.5, "AU23": 0.25, "AU24": 0.35, "AU9": 0.12, "AU15": 0.12},
    "afraid": {"AU1": 0.8, "AU2": 0.4, "AU4": 0.25, "AU5": 0.65, "AU7": 0.1, "AU20": 0.5, "AU16": 0.15},
    "disgusted": {"AU9": 0.65, "AU10": 0.35, "AU4": 0.4, "AU6": 0.3, "AU7": 0.2, "AU15": 0.3, "AU17": 0.35},
    "surprised": {"AU1": 0.8, "AU2": 0.8, "AU5": 0.55},
    "contemptuous": {"RAU12": 0.3, "RAU14": 0.65, "AU7": 0.25, "LAU2": 0.3, "AU43": 0.08},
    "confident": {"AU12": 0.22, "AU14": 0.22, "AU7": 0.25, "AU4": 0.1, "AU2": 0.12},
    "excited": {"AU1": 0.4, "AU2": 0.5, "AU5": 0.35, "AU6": 0.35, "AU12": 0.55},
    "bored": {"AU43": 0.3, "AU1": 0.1, "AU15": 0.18, "AU17": 0.12},
    "playful": {"LAU12": 0.6, "RAU12": 0.3, "AU6": 0.35, "RAU2": 0.5, "LAU4": 0.15, "RAU14": 0.15},
    "confused": {"LAU4": 0.65, "RAU4": 0.3, "RAU2": 0.45, "AU7": 0.35, "LAU15": 0.2, "AU24": 0.15},
    "effort": {"AU4": 0.7, "AU6": 0.4, "AU7": 0.45, "AU9": 0.2, "AU20": 0.35, "AU24": 0.35},
}
UNSMILING = frozenset({"sad", "angry", "afraid", "disgusted", "effort"})      # a smile in speech contradicts them
_ONE_CHANNEL = frozenset({"browInnerUp", "mouthShrugLower", "mouthRollUpper", "mouthRollLower"})


def pose(kind: str) -> dict[str, float]:
    """ARKit channels of a mood at an amount of 1, each 0 to 1; empty for neutral."""
    channels: dict[str, float] = {}
    for unit, amount in COMBINATIONS.get(kind, {}).items():
        side, name = (unit[0], unit[1:]) if unit[0] in "LR" else ("", unit)
        for channel, share in UNITS[name].items():
            for full in _sides(channel, side):
                channels[full] = min(1.0, channels.get(full, 0.0) + share * amount)
    return channels


def _sides(channel: str, side: str) -> tuple[str, ...]:
    if channel in _ONE_CHANNEL:
        return (channel,)
    sides = {"L": ("Left",), "R": ("Right",)}.get(side, ("Left", "Right"))
    return tuple(channel + name for name in sides)
