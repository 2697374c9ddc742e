"""How a head is held while it speaks: small turns, nods and tilts, the gaze, and breath.

Angles are in radians with the signs of channels.HEAD_ANGLES. What is not from a source is our choice, by eye.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from ..audio.pitch import RATE_HZ
from ..motion.smooth import gaussian, smooth_step
from ..values.channels import LOOK_RAD
from ..values.types import FloatArray, Life
from . import listening
from .prosody import Prosody

Random = np.random.Generator
Rows = NDArray[np.float64]

# Head motion in speech is small, slow and follows pitch and stress (Hadar et al. 1983, Munhall et al. 2004: most of it
# below 2 Hz, some degrees).
SWAY_RAD = (0.045, 0.024, 0.022)    # standard deviation of slow yaw, pitch and roll: 2.6, 1.4 and 1.3 degrees
SWAY_STEP_S = 0.8                   # a new direction so often
CALM_SHARE = 0.4                    # of the sway that is left in pauses
NOD_RAD = 0.06                      # 3.4 degrees on a full stress
NOD_DOWN_S, NOD_UP_S = 0.16, 0.34
TALKING_NOD_PEAK_S = (0.10, 0.18)   # a nod begins with the stressed word and peaks so long after (Kim et al. 2014)
LEAST_NOD_GAP_S, NOD_CHANCE = 0.55, 0.8
LIFT_RAD = 0.004                    # upwards for each semitone of pitch above the usual
SPEAKING_SOFT_S = 0.35              # how softly speech and pauses change the head
END_EASE_S = 0.4                    # a clip starts and ends with the head and eyes as they were

# Fixations of about half a second to a second between quick jumps whose time grows with their size (Carpenter 1988:
# 2.2 ms a degree and 21 ms); speakers look at their listener most of the time (Argyle and Cook 1976), so the gaze often
# comes back.
FIXATION_S, LEAST_FIXATION_S = 1.1, 0.25
JUMP_S, JUMP_S_PER_RAD = 0.021, 0.0022 * 57.3
GAZE_RAD = (0.075, 0.03)            # standard deviation of yaw and pitch: 4.3 and 1.7 degrees
HOME_CHANCE = 0.5                   # of looking straight at the listener
# A natural performance has spells: eyes rest on the listener for 2.2 s at a time, 60 % of the talk (PMC5844880), look
# away when a turn begins and back when it ends (Kendon 1967); within a spell they jump a little. Sizes are our choice.
MUTUAL_S, AVERTED_S, LEAST_SPELL_S, LONGEST_SPELL_S = 2.2, 1.45, 0.5, 4.5
AVERTED_RAD, AVERTED_DOWN_RAD = (0.09, 0.22), (0.03, 0.06)      # yaw to a side; mean and deviation downwards
WITHIN_RAD = {True: 0.016, False: 0.03}     # of a jump within a spell, on the listener's face and elsewhere
WITHIN_S = 0.7
FIRST_AWAY_S, LAST_MUTUAL_S = 0.3, 1.0
MAX_LOOK_RAD = 0.35                 # beyond which the head would turn too
# Eyes alone follow what is within 15 degrees, beyond it the head turns too (Stahl 1999), softly and not too far.
EYES_ALONE_RAD = 0.26
HEAD_TURN_RAD = (0.8, 0.45)         # yaw and pitch to which a look at something turns the head: our choice
HEAD_FOLLOWS_S = 0.2                # standard deviation of time with which it does

# At rest people breathe 12 to 20 times a minute and take 40 % of it to breathe in; in speech they breathe in within
# half a second, in pauses, and out for as long as they speak (Conrad and Schoenle 1979, Hixon 1987).
REST_CYCLE_S, REST_IN_S = 4.2, 1.6
SPEECH_IN_S, LEAST_IN_S = 0.5, 0.25
LEAST_BREATH_GAP_S, LEAST_PAUSE_S = 2.0, 0.2
OUT_S = 4.0                         # breath is out so long after it is in


def stream(seed: int, name: str) -> Random:
    """Random numbers of their own for each part, so that one amount does not change another part."""
    return np.random.default_rng([seed & 0xFFFFFFFF, zlib.crc32(name.encode())])


def head_angles(prosody: Prosody, n_frames: int, fps: float, life: Life) -> FloatArray:
    """Yaw, pitch and roll (n_frames, 3) times life.head."""
    seconds = np.arange(n_frames) / fps
    heard, prosody = prosody, listening.silent(prosody) if life.is_listening else prosody
    speaking = gaussian(prosody.speaking.astype(np.float32)[:, None], SPEAKING_SOFT_S * RATE_HZ)[:, 0]
    strength = CALM_SHARE + (1 - CALM_SHARE) * _at(speaking, seconds)
    angles = _sway(stream(life.seed, "head"), seconds) * strength[:, None]
    lift = gaussian(prosody.semitones[:, None], SPEAKING_SOFT_S / 2 * RATE_HZ)[:, 0]
    nods = listening.nods(heard, seconds, stream(life.seed, "nods")) if life.is_listening else None
    angles[:, 1] += (_nods(prosody, seconds, life) if nods is None else nods) - LIFT_RAD * _at(lift, seconds)
    turned = life.head * angles + min(life.head, 1.0) * _turn_to(look_at(life, n_frames), fps)
    return np.asarray(turned * _end_ease(seconds)[:, None], np.float32)


def look_at(life: Life, n_frames: int) -> Rows:
    """Yaw and pitch (n_frames, 2) of what the eyes rest on; 0 for straight ahead."""
    if not life.look_at:
        return np.zeros((n_frames, 2))
    frames = np.minimum(np.arange(n_frames), len(life.look_at) - 1)
    return np.asarray(life.look_at, np.float64)[frames]


def _turn_to(there: Rows, fps: float) -> Rows:
    """The part (n, 3) of a look at something that the head takes over from the eyes."""
    beyond = np.sign(there) * np.maximum(np.abs(there) - EYES_ALONE_RAD, 0.0)
    beyond = np.clip(beyond, -np.array(HEAD_TURN_RAD), HEAD_TURN_RAD)
    soft = gaussian(beyond.astype(np.float32), max(HEAD_FOLLOWS_S * fps, 0.3))
    return np.pad(soft, ((0, 0), (0, 1))).astype(np.float64)


def _sway(random: Random, seconds: Rows) -> Rows:
    """Slow wandering (n, 3): a cubic B-spline through random numbers, so that speed and direction change smoothly."""
    n_knots = int(seconds[-1] / SWAY_STEP_S) + 4
    knots = random.normal(size=(n_knots, 3)) * np.array(SWAY_RAD) * 1.5     # a spline goes between its knots
    position = seconds / SWAY_STEP_S
    first = position.astype(np.int64)
    t = (position - first)[:, None]
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    return np.asarray(sum(weight * knots[first + number] for number, weight in enumerate(weights)) / 6)


def _nods(prosody: Prosody, seconds: Rows, life: Life) -> Rows:
    """Downward pitch (n,) on stressed syllables."""
    random, nods, last_s = stream(life.seed, "nods"), np.zeros(len(seconds)), -LEAST_NOD_GAP_S
    for stress in prosody.stresses:
        chance, size = random.random(), random.uniform(0.6, 1.2)
        if stress.second - last_s < LEAST_NOD_GAP_S or chance > NOD_CHANCE:
            continue
        last_s = stress.second
        if life.is_natural:
            _add_nod(nods, seconds, stress.start_s, random.uniform(*TALKING_NOD_PEAK_S), size * stress.strength)
            continue
        first, last = np.searchsorted(seconds, (stress.second - 2.5 * NOD_DOWN_S, stress.second + 2.5 * NOD_UP_S))
        away = seconds[first:last] - stress.second
        width = np.where(away < 0, NOD_DOWN_S, NOD_UP_S) / 2
        nods[first:last] += NOD_RAD * size * stress.strength * np.exp(-0.5 * (away / width) ** 2)
    return nods


def _add_nod(nods: Rows, seconds: Rows, start_s: float, rise_s: float, strength: float) -> None:
    """A nod that begins at start_s and peaks rise_s later."""
    first, last = np.searchsorted(seconds, (start_s, start_s + rise_s + 1.5 * NOD_UP_S))
    away = seconds[first:last] - start_s - rise_s
    shape = np.where(away < 0, smooth_step(1 + away / rise_s), smooth_step(1 - away / (1.5 * NOD_UP_S)))
    nods[first:last] += NOD_RAD * strength * shape


def gaze(head: FloatArray, fps: float, life: Life) -> dict[str, FloatArray]:
    """ARKit eyeLook channels of both eyes: jumps times life.eyes, and eyes that stay where they look as the head turns.

    Args:
        head: (n_frames, 3) of head_angles.
    """
    seconds = np.arange(len(head)) / fps
    random = stream(life.seed, "eyes")
    jumps = life.eyes * (_spells(random, seconds, life) if life.is_natural else _looks(random, seconds))
    jumps += min(life.eyes, 1.0) * look_at(life, len(head))
    looks = (jumps - min(life.eyes, 1.0) * head[:, :2]) * _end_ease(seconds)[:, None]
    yaw, pitch = np.clip(looks, -MAX_LOOK_RAD, MAX_LOOK_RAD).T.astype(np.float32)
    right, left, down, up = (np.maximum(angle, 0) for angle in (yaw, -yaw, pitch, -pitch))
    angles = {
        "DownLeft": down, "DownRight": down, "UpLeft": up, "UpRight": up,
        "InLeft": right, "OutLeft": left, "InRight": left, "OutRight": right,
    }
    channels = {}
    for name, angle in angles.items():
        full = LOOK_RAD[name.removesuffix("Left").removesuffix("Right")]
        channels[f"eyeLook{name}"] = np.asarray(angle / full, np.float32)
    return channels


def _looks(random: Random, seconds: Rows) -> Rows:
    """Where the eyes look (n, 2), yaw and pitch: still, then at once elsewhere."""
    jumps = []
    now_s = 0.0
    while now_s < seconds[-1]:
        now_s += max(LEAST_FIXATION_S, random.gamma(2.0, FIXATION_S / 2))
        home, drawn = random.random() < HOME_CHANCE, random.normal(size=2)
        jumps.append((now_s, np.zeros(2) if home else drawn * np.array(GAZE_RAD)))
    return _jumping(jumps, seconds)


def _spells(random: Random, seconds: Rows, life: Life) -> Rows:
    """The same in spells: on the listener, then away, with small jumps within each."""
    jumps: list[tuple[float, Rows]] = []
    for start_s, stop_s, mutual in gaze_spells(stream(life.seed, "spells"), float(seconds[-1]), life.is_listening):
        side = 1 if random.random() < 0.5 else -1
        there = np.array([side * random.uniform(*AVERTED_RAD), random.normal(*AVERTED_DOWN_RAD)])
        at_s, home = start_s, np.zeros(2) if mutual else there
        while at_s == start_s or at_s < stop_s - LEAST_FIXATION_S:
            jumps.append((at_s, home + random.normal(size=2) * WITHIN_RAD[mutual]))
            at_s += max(LEAST_FIXATION_S, random.gamma(2.0, WITHIN_S / 2))
    return _jumping(jumps, seconds)


def gaze_spells(random: Random, end_s: float, listens: bool = False) -> list[tuple[float, float, bool]]:
    """First and last second of each spell, and whether the eyes rest on the other one, as in the last second.

    Args:
        listens: eyes that rest on a speaker, longer, and from the start.
    """
    means = (listening.AT_SPEAKER_S, listening.AWAY_S) if listens else (MUTUAL_S, AVERTED_S)
    longest_s = listening.LONGEST_S if listens else LONGEST_SPELL_S
    spells, now_s, mutual = [(0.0, FIRST_AWAY_S, True)], FIRST_AWAY_S, listens
    while now_s < end_s:
        mean_s = means[0] if mutual else means[1]
        lasts_s = LEAST_SPELL_S + random.gamma(2.0, (mean_s - LEAST_SPELL_S) / 2)
        stop_s = now_s + min(longest_s, lasts_s)
        if not mutual:
            stop_s = min(stop_s, end_s - LAST_MUTUAL_S)
        if stop_s > now_s:
            spells.append((now_s, stop_s, mutual))
        now_s, mutual = max(now_s, stop_s), not mutual
    return spells


def _jumping(jumps: list[tuple[float, Rows]], seconds: Rows) -> Rows:
    """Where the eyes look (n, 2) that jump to a direction at each of these seconds, as quickly as eyes do."""
    moments, places = [0.0], [np.zeros(2)]
    for second, there in jumps:
        takes_s = JUMP_S + JUMP_S_PER_RAD * float(np.hypot(*(there - places[-1])))
        moments += [second, second + takes_s]
        places += [places[-1], there]
    looked = np.array(places)
    return np.stack([np.interp(seconds, moments, looked[:, axis]) for axis in (0, 1)], axis=1)


def breath(prosody: Prosody, n_frames: int, fps: float, life: Life) -> FloatArray:
    """How far the chest has risen (n_frames,), 0 to life.breath: quickly in pauses of speech, else slowly."""
    seconds = np.arange(n_frames) / fps
    values = np.zeros(n_frames)
    for second, in_s in _breaths(prosody, seconds[-1], stream(life.seed, "breath")):
        now = float(np.interp(second, seconds, values))
        first, last = np.searchsorted(seconds, (second, second + in_s + OUT_S))
        away = seconds[first:last] - second
        rising = now + (1 - now) * smooth_step(away / in_s)
        values[first:last] = np.where(away < in_s, rising, 1 - smooth_step((away - in_s) / OUT_S))
    return np.asarray(life.breath * values * _end_ease(seconds), np.float32)


def _breaths(prosody: Prosody, duration_s: float, random: Random) -> list[tuple[float, float]]:
    """Second and length of each breath in: at the start of a pause in speech, and again while the pause lasts."""
    found: list[tuple[float, float]] = []
    last_s = -LEAST_BREATH_GAP_S
    for start, stop in prosody.pauses:
        if stop - start < LEAST_PAUSE_S:
            continue
        second = max(start, last_s + LEAST_BREATH_GAP_S)
        while second < min(stop, duration_s):
            usual_s = REST_IN_S if stop - second > REST_IN_S else min(SPEECH_IN_S, max(stop - second, LEAST_IN_S))
            found.append((second, usual_s * random.uniform(0.8, 1.0)))
            last_s = second
            second += REST_CYCLE_S * random.uniform(0.85, 1.15)
    return found


def _at(track: FloatArray, seconds: Rows) -> Rows:
    """A track at RATE_HZ at other moments."""
    return np.asarray(np.interp(seconds, np.arange(len(track)) / RATE_HZ, track))


def _end_ease(seconds: Rows) -> FloatArray:
    return smooth_step(np.minimum(seconds, seconds[-1] - seconds) / END_EASE_S)
