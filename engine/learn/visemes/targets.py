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
    "jawOpen", "mouthFunnel", "mouthPucker", "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile",
    "jawForward", "mouthDimple", "mouthShrugLower", "mouthShrugUpper", "tongueOut", "mouthClose", "mouthPress",
    "mouthRollLower", "mouthRollUpper", "cheekPuff", "cheekSquint", "noseSneer", "mouthFrown",
)
BLENDED = 12  # so many come from the targets; the rest follows from them or from the hard constraints

# phone: jaw, funnel, pucker, lowerDown, upperUp, stretch, smile | strength of jaw, rounding, lips
_TARGETS = """
SIL 0    0    0    0    0    0    0   | 1   1   1
AA  .56  .05  0    .15  .05  .02  .02 | 1   .7   .9
AE  .49  0    0    .28  .13  .18  .08 | 1   .8   .9
AH  .40  .02  0    .20  .08  .05  .02 | .8   .6   .8
AO  .41  .44  .20  .10  .04  0    0   | .95   1   .9
EH  .38  0    0    .38  .20  .15  .08 | .85   .7   .9
ER  .22  .24  .22  .16  .06  0    0   | .8   .8   .8
IH  .23  0    0    .52  .32  .14  .10 | .7   .6   .8
IY  .16  0    0    .44  .24  .27  .25 | .85   .9   1
OW  .35  .36  .44  .10  .03  0    0   | .9   1   .9
UH  .15  .20  .42  .22  .09  0    0   | .75   .8   .8
UW  .14  .16  .72  .18  .05  0    0   | .85   1   1
AX  .25  .02  .02  .22  .10  .04  .02 | .55   .3   .5
UE  .15  .20  .70  .22  .08  0    0   | .85   1   1
OE  .26  .34  .46  .10  .03  0    0   | .85   1   .9
W   .11  .10  .86  .10  0    0    0   | .9   1.1   1
R   .07  .20  .42  .03  0    0    0   | .6   .65   .7
Y   .14  0    0    .30  .15  .18  .15 | .6   .3   .6
SH  .10  .48  .27  .34  .18  0    0   | 1.1   .8   .9
ZH  .10  .48  .27  .34  .18  0    0   | 1.1   .8   .9
CH  .10  .48  .27  .33  .17  0    0   | 1.1   .8   .9
JH  .10  .48  .27  .33  .17  0    0   | 1.1   .8   .9
S   .08  0    0    .52  .36  .22  .10 | 1.2   .2   .9
Z   .07  0    0    .40  .22  .23  .10 | 1.1   .2   .9
TH  .09  0    0    .08  0    .06  .03 | .8   .15   .7
DH  .09  0    0    .12  .02  .06  .03 | .6   .15   .5
T   .12  0    0    .30  .16  .08  .04 | .55   .12   .4
D   .12  0    0    .22  .08  .08  .04 | .5   .12   .4
N   .13  0    0    .10  .02  .07  .04 | .4   .12   .4
L   .22  0    0    .20  .08  .05  .03 | .45   .08   .5
K   .18  0    0    .22  .09  .06  .03 | .3   .1   .25
G   .17  0    0    .19  .07  .06  .03 | .3   .1   .25
NG  .17  0    0    .18  .06  .06  .03 | .3   .1   .25
HH  .20  0    0    .18  .06  .03  .02 | .1   .1   .1
P   .12  0    0    0    0    .02  .02 | .85   .1   .6
B   .12  0    0    0    0    .02  .02 | .85   .1   .6
M   .12  0    0    0    0    .02  .02 | .85   .1   .6
F   .08  0    0    .05  .20  .04  .02 | .85   .2   .9
V   .08  0    0    .05  .20  .04  .02 | .8   .2   .8
"""
_SMALL_TARGETS: Mapping[str, Mapping[str, float]] = {
    "jawForward": {
        "SH": .14, "ZH": .14, "CH": .14, "JH": .14, "S": .07, "Z": .07, "TH": .03, "DH": .03, "UW": .04, "W": .04
    },
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
