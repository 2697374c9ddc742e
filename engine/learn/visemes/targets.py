"""What the face does on each phone, as weights of the model's curves, and how firmly each phone insists on it.

Read with the pictures of docs/MODEL.md, which are drawn from these numbers (tests/demo/phone_chart.py).
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from ...values.types import FloatArray
from ..synth.phones import PHONE_INDEX, PHONES

# Curves of the model; one that ends in a side-less name of ARKit drives both sides.
CURVES = (
    "jawOpen", "mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile", "jawForward",
    "mouthDimple", "mouthShrugLower", "mouthShrugUpper", "tongueOut", "mouthClose", "mouthPress", "mouthRollLower",
    "mouthRollUpper", "cheekPuff", "cheekSquint", "noseSneer", "mouthFrown",
)
BLENDED = 12  # so many come from the targets; the rest follows from them or from the hard constraints

# phone: jaw, funnel, pucker, lowerDown, upperUp, stretch, smile | strength of jaw, rounding, lips
_TARGETS = """
SIL 0   0   0   0   0   0   0    | 1   1   1
AA  .59 .05 0   .15 .05 .02 .02  | 1   .7  .9
AE  .52 0   0   .26 .11 .18 .08  | 1   .8  .9
AH  .40 .02 0   .19 .07 .05 .02  | .8  .6  .8
AO  .46 .48 .17 .13 .05 0   0    | .95 1   .9
EH  .36 0   0   .21 .08 .15 .08  | .85 .7  .9
ER  .23 .24 .22 .16 .06 0   0    | .8  .8  .8
IH  .20 0   0   .26 .09 .13 .10  | .7  .6  .8
IY  .15 0   0   .32 .15 .27 .25  | .85 .9  1
OW  .36 .40 .40 .07 .02 0   0    | .9  1   .9
UH  .20 .25 .38 .12 .04 0   0    | .75 .8  .8
UW  .15 .20 .68 .06 .01 0   0    | .85 1   1
AX  .25 .02 .02 .20 .08 .04 .02  | .55 .3  .5
UE  .14 .24 .66 .08 .03 0   0    | .85 1   1
OE  .28 .38 .42 .10 .03 0   0    | .85 1   .9
W   .11 .18 .80 .04 0   0   0    | .9  1.1 1
R   .15 .29 .30 .12 .05 0   0    | .6  .65 .7
Y   .13 0   0   .24 .11 .18 .15  | .6  .3  .6
SH  .07 .48 .27 .30 .15 0   0    | 1.1 .8  .9
ZH  .07 .48 .27 .30 .15 0   0    | 1.1 .8  .9
CH  .07 .48 .27 .29 .14 0   0    | 1.1 .8  .9
JH  .07 .48 .27 .29 .14 0   0    | 1.1 .8  .9
S   .04 0   0   .30 .12 .23 .10  | 1.2 .2  .9
Z   .04 0   0   .30 .12 .23 .10  | 1.1 .2  .9
TH  .13 0   0   .24 .08 .06 .03  | .8  .15 .7
DH  .13 0   0   .22 .07 .06 .03  | .6  .15 .5
T   .10 0   0   .21 .08 .08 .04  | .55 .12 .4
D   .11 0   0   .20 .07 .08 .04  | .5  .12 .4
N   .14 0   0   .20 .08 .07 .04  | .4  .12 .4
L   .20 0   0   .16 .06 .05 .03  | .45 .12 .5
K   .17 0   0   .18 .06 .06 .03  | .3  .1  .25
G   .17 0   0   .18 .06 .06 .03  | .3  .1  .25
NG  .17 0   0   .18 .06 .06 .03  | .3  .1  .25
HH  .20 0   0   .18 .06 .03 .02  | .1  .1  .1
P   .08 0   0   0   0   .02 .02  | .85 .2  .6
B   .08 0   0   0   0   .02 .02  | .85 .2  .6
M   .08 0   0   0   0   .02 .02  | .85 .2  .6
F   .08 0   0   .05 .20 .04 .02  | .85 .2  .9
V   .08 0   0   .05 .20 .04 .02  | .8  .2  .8
"""
_SMALL_TARGETS: Mapping[str, Mapping[str, float]] = {
    "jawForward": {"SH": .14, "ZH": .14, "CH": .14, "JH": .14, "S": .07, "Z": .07, "TH": .03, "DH": .03, "UW": .04, "W": .04},
    "mouthDimple": {"IY": .06, "EH": .04, "S": .05, "Z": .05, "AE": .03, "IH": .03},
    "mouthShrugLower": {"SH": .12, "ZH": .12, "CH": .12, "JH": .12, "P": .12, "B": .12, "M": .12, "R": .04},
    "mouthShrugUpper": {"P": .06, "B": .06, "M": .06, "F": .05, "V": .05, "SH": .06, "ZH": .06, "CH": .06, "JH": .06},
    "tongueOut": {"TH": .30, "DH": .26, "L": .08},
}


@lru_cache(maxsize=1)
def viseme_tables() -> tuple[FloatArray, FloatArray]:
    """Targets (phones, BLENDED) and strengths (phones, 3: jaw, rounding, lips), float32."""
    targets = np.zeros((len(PHONES), BLENDED), np.float32)
    strengths = np.zeros((len(PHONES), 3), np.float32)
    for line in _TARGETS.strip().splitlines():
        left, right = line.split("|")
        label, *values = left.split()
        row = PHONE_INDEX[label]
        targets[row, :7] = [float(v) for v in values]
        strengths[row] = [float(v) for v in right.split()]
    for name, small in _SMALL_TARGETS.items():
        for label, value in small.items():
            targets[PHONE_INDEX[label], CURVES.index(name)] = value
    assert (strengths.sum(axis=1) > 0).all(), "a phone without a target"
    return targets, strengths
