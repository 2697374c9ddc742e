"""What is other about a face that listens: when it blinks, nods and looks, by the pauses of the voice that it hears.

A listener blinks 0.25 to 0.5 s after the speaker, at pauses and ends (Nakano and Kitazawa 2010), at the resting rate,
since listening alone does not raise it (Brych et al. 2021, Bentivoglio et al. 1997). Listeners look at the speaker for
75 % of the time, 3 s at a time (Argyle and Cook 1976). Nods as an answer follow pauses (Ward and Tsukahara 2000); their
sizes and number are our choice, by eye.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..audio.pitch import RATE_HZ
from ..motion.smooth import smooth_step
from .prosody import Prosody

BLINKS_PER_MIN = 17.0
AFTER_S = (0.25, 0.5)           # of a blink after the voice stops
BLINK_REACH_S = 2.0             # a blink moves to a pause so near
CLOSING_S, SHUT_S, OPENING_S = (0.06, 0.08), (0.0, 0.03), (0.11, 0.16)     # small: short, and shut for a moment
LEAST_PAUSE_S = 0.2             # a shorter pause is no end of a phrase
AT_SPEAKER_S, AWAY_S, LONGEST_S = 3.0, 1.0, 8.0
NOD_CHANCE = 0.45               # of a nod after a pause
LEAST_NODS_GAP_S = 2.5
NOD_AFTER_S, NOD_S = (0.15, 0.45), (0.38, 0.55)     # after the voice stops; length of one nod
NOD_RAD = (0.022, 0.045)        # 1.3 to 2.6 degrees, less with each of up to three
NOD_LESS = 0.65

Rows = NDArray[np.float64]


def silent(prosody: Prosody) -> Prosody:
    """The listener's own voice: none, for as long as the speaker's."""
    end_s = len(prosody.speaking) / RATE_HZ
    return replace(
        prosody, speaking=np.zeros_like(prosody.speaking), pauses=((0.0, end_s),),
        semitones=np.zeros_like(prosody.semitones), stresses=(),
    )


def stops(prosody: Prosody) -> list[float]:
    """The seconds at which the voice that is heard stops for a pause, or for good."""
    return [start for start, stop in prosody.pauses if start > 0 and stop - start >= LEAST_PAUSE_S]


def blink_moment(prosody: Prosody, wanted_s: float, place: float) -> float:
    """A blink's second: soon after the nearest stop of the voice, where one is near. place: 0..1, how soon."""
    near = [stop for stop in stops(prosody) if abs(stop - wanted_s) < BLINK_REACH_S]
    if not near:
        return wanted_s
    return min(near, key=lambda stop: abs(stop - wanted_s)) + AFTER_S[0] + place * (AFTER_S[1] - AFTER_S[0])


def nods(prosody: Prosody, seconds: Rows, random: np.random.Generator) -> Rows:
    """Downward pitch (n,) of one to three nods after some stops of the voice."""
    pitch, last_s = np.zeros(len(seconds)), -LEAST_NODS_GAP_S
    for stop in stops(prosody):
        chance, size, count = random.random(), random.uniform(*NOD_RAD), 1 + int(random.integers(3))
        after_s, length_s = random.uniform(*NOD_AFTER_S), random.uniform(*NOD_S)
        if chance > NOD_CHANCE or stop - last_s < LEAST_NODS_GAP_S:
            continue
        last_s = stop
        for number in range(count):
            middle = stop + after_s + (number + 0.5) * length_s
            pitch += size * NOD_LESS**number * smooth_step(1 - 2 * np.abs(seconds - middle) / length_s)
    return pitch
