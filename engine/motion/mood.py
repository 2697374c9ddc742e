"""Lay a mood over motion: the mouth steps back while the character speaks, brows, eyes and cheeks stay.

Jaw and tongue belong to speech. What of a mood would part lips, or press them, fades out near the lips' contacts, and
mouthClose takes back what the rest of it does to their gap there, so that p, b and m close when and for as long as they
do without it. Knows ARKit channels.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ..values.own_moods import Pose, read_own_moods
from ..values.settings import MAX_MOOD, Mood, mood_amounts
from ..values.types import BoolArray, FloatArray, Motion
from .lip_contact import CLOSED_BELOW, REFERENCE_GAP, has_lips, opening, reference_gap
from .mood_shapes import COMBINATIONS, UNSMILING, pose
from .smooth import gaussian, smooth_step

PARTS_LIPS = ("mouthUpperUp", "mouthLowerDown", "noseSneer")
CLOSES_LIPS = ("mouthPress", "mouthRoll", "mouthShrug")
PARTED_FROM, PARTED_AT = CLOSED_BELOW + 0.04, 0.30      # seen opening at which a mood begins to part lips, and does
JUST_CLOSED = CLOSED_BELOW - 1e-4
CONTACT_S = 0.06            # from lips that nearly meet, within which a mood parts nothing
REST_FROM_S, REST_AT_S = 0.10, 0.45     # lips that stay closed so long to both sides begin to rest, and rest
ROUND_FROM, ROUND_AT = 0.15, 0.6        # pucker and funnel that push the corners of a mood aside, and do so wholly
STRETCH_FOR_SMILE = 0.6     # of a vowel's smile that is left as stretched lips in a mood that never smiles
NOSE_AT_REST = 0.5          # of a wrinkled nose that closed lips allow: more would part them
TURN_PAUSE_S = 0.3          # a pause so long ends a phrase: the next one may have another pose of the same mood
TURN_SOFT_S = 0.12          # standard deviation with which one pose turns into the next
STERN = {"mouthFrown": 0.2, "browDown": 0.4, "noseSneer": 0.4}      # an own mood with as much of it never smiles
SOFT_S = 0.03               # standard deviation by which the shares change softly
_DIMPLE = "mouthDimple"     # rolls the lower lip a little
_WIDE = ("mouthSmile", "mouthStretch", "mouthFrown")


@dataclass(frozen=True)
class MoodChange:
    """From a second of the clip on, the amounts of moods."""

    second: float
    amounts: tuple[tuple[str, float], ...]


def mood_tracks(
    changes: Sequence[MoodChange], mood: Mood, end_s: float, seconds: NDArray[np.float64],
    keyed: Mapping[str, FloatArray] = MappingProxyType({}),
) -> dict[str, FloatArray]:
    """Amount of each mood (n,) at some seconds of a clip, 0 to 1.5; moods that never come are left out.

    Each begins half of its onset before the words that ask for it, and comes and goes within the clip.

    Args:
        changes: in order, those of the transcript. end_s: of the clip.
        keyed: amounts (n,) of moods that an artist keyed, which are added.
    """
    spans = [MoodChange(0.0, tuple(mood_amounts(mood.kinds, mood.own).items())), *changes]
    tracks: dict[str, FloatArray] = {}
    for number, change in enumerate(spans):
        first_s = max(0.0, change.second - mood.onset_s / 2)
        is_last = number + 1 == len(spans)
        last_s = end_s if is_last else max(0.0, spans[number + 1].second + mood.release_s / 2)
        risen = _ramp(seconds - first_s, mood.onset_s) * _ramp(last_s - seconds, mood.release_s)
        for kind, amount in change.amounts:
            full = np.asarray(min(MAX_MOOD, amount * mood.amount) * risen, np.float32)
            tracks[kind] = np.maximum(tracks.get(kind, np.float32(0)), full)
    within = _ramp(seconds, mood.onset_s) * _ramp(end_s - seconds, mood.release_s)
    for kind, amounts in keyed.items():
        more = np.asarray(mood.amount * within * amounts, np.float32)
        tracks[kind] = np.clip(tracks.get(kind, np.float32(0)) + more, 0, MAX_MOOD)
    return {kind: track for kind, track in tracks.items() if track.any()}


def own_poses(own: str) -> dict[str, Pose]:
    """Each pose of the user's own moods by the name of its track."""
    moods = read_own_moods(own)
    return {f"{kind}#{number}": pose for kind, poses in moods.items() for number, pose in enumerate(poses)}


def in_turn(
    tracks: dict[str, FloatArray], own: str, pauses: Sequence[tuple[float, float]], seed: int,
    seconds: NDArray[np.float64],
) -> dict[str, FloatArray]:
    """The tracks with one for each pose of the user's own moods: every phrase has the next one, never the same twice.

    Args:
        pauses: first and last second of each pause of the voice. seed: decides the order.
    """
    moods, found = read_own_moods(own), {}
    for kind, track in tracks.items():
        if kind not in moods:
            found[kind] = track
            continue
        for number, share in enumerate(_turns(len(moods[kind]), pauses, seed, seconds)):
            found[f"{kind}#{number}"] = track * share
    return {kind: track for kind, track in found.items() if track.any()}


def _turns(
    count: int, pauses: Sequence[tuple[float, float]], seed: int, seconds: NDArray[np.float64],
) -> FloatArray:
    """How much of each of so many poses shows (count, n): 1 in its phrases, in a shuffled order."""
    ends = [(start + stop) / 2 for start, stop in pauses if start > 0 and stop - start >= TURN_PAUSE_S]
    random, order = np.random.default_rng([seed & 0xFFFFFFFF, zlib.crc32(b"turns")]), [-1]
    while len(order) < len(ends) + 2:
        drawn = random.permutation(count).tolist()
        order += drawn[::-1] if count > 1 and drawn[0] == order[-1] else drawn
    chosen = np.array(order[1:])[np.searchsorted(ends, seconds)] if ends else np.full(len(seconds), order[1])
    shares = np.asarray(chosen == np.arange(count)[:, None], np.float32)
    step_s = float(seconds[1] - seconds[0]) if len(seconds) > 1 else 1.0
    return gaussian(np.ascontiguousarray(shares.T), max(TURN_SOFT_S / step_s, 0.3)).T


def lay_on_mouth(
    motion: Motion, tracks: dict[str, FloatArray], closed: BoolArray, share: float,
    own: Mapping[str, Pose] = MappingProxyType({}),
) -> Motion:
    """Motion with the mouth of its moods.

    Args:
        motion: ARKit motion on the clock of the tracks; closed: (n_frames,) where its lips touch.
        share: of the mood's mouth that is left in speech; of its corners, by which a mood is told and which leave the
            lips to meet and round, the square root. own: poses of own_poses.
    """
    poses = _poses(tracks, own, mouth=True)
    unsmiling = sum((tracks[kind] for kind in tracks if _never_smiles(kind, own)), np.float32(0))
    if not tracks or not has_lips(motion.channels):
        return motion
    rows = {name: motion.weights[:, column] for column, name in enumerate(motion.channels)}
    _take_smile(rows, np.asarray(np.clip(unsmiling, 0, 1), np.float32))
    resting = _resting(closed, motion.fps)
    left = share + (1 - share) * resting
    corners = math.sqrt(share)
    wide = (corners + (1 - corners) * resting) * _unrounded(rows, motion.fps)
    parted = share * _parted(motion)
    shares = {
        PARTS_LIPS: np.where(closed, 0, parted), CLOSES_LIPS: resting, (_DIMPLE,): np.maximum(resting, parted),
        _WIDE: wide,
    }
    for name, amount in poses.items():
        shown = next((kind for prefixes, kind in shares.items() if name.startswith(prefixes)), left)
        _add(rows, name, np.minimum(amount * shown, 1))
    felt = _with_rows(motion, rows)
    free = np.where(closed, 1, np.maximum(opening(felt) - CLOSED_BELOW, 0))
    return _with_gap_of(motion, felt, closed, free)


def _never_smiles(kind: str, own: Mapping[str, Pose]) -> bool:
    """Whether a smile in speech contradicts a mood."""
    if kind not in own:
        return kind in UNSMILING
    most = {part: max((own[kind].get(part + side, 0) for side in ("Left", "Right")), default=0) for part in STERN}
    smiles = any(own[kind].get("mouthSmile" + side, 0) for side in ("Left", "Right"))
    return not smiles and any(most[part] >= least for part, least in STERN.items())


def lay_on_face(
    motion: Motion, tracks: dict[str, FloatArray], closed: BoolArray, share: float,
    own: Mapping[str, Pose] = MappingProxyType({}),
) -> Motion:
    """Motion with brows, eyes, cheeks and nose of its moods; a shut eye stays shut, and no lips move."""
    poses = _poses(tracks, own, mouth=False)
    if not poses or not has_lips(motion.channels):
        return motion
    rows = {name: motion.weights[:, column] for column, name in enumerate(motion.channels)}
    parted = np.maximum(share * _parted(motion), NOSE_AT_REST * _resting(closed, motion.fps))
    for name, amount in poses.items():
        awake = 1 - rows.get("eyeBlink" + name.removeprefix("eyeWide"), 0) if name.startswith("eyeWide") else 1
        _add(rows, name, np.minimum(amount * (parted if name.startswith(PARTS_LIPS) else awake), 1))
    return _with_gap_of(motion, _with_rows(motion, rows), closed)


def _poses(tracks: dict[str, FloatArray], own: Mapping[str, Pose], mouth: bool) -> dict[str, FloatArray]:
    """Weight (n,) of each channel of the moods that belongs to the mouth, or does not."""
    poses: dict[str, FloatArray] = {}
    for kind, track in tracks.items():
        for name, weight in (own[kind] if kind in own else pose(kind)).items():
            if name.startswith("mouth") == mouth:
                poses[name] = poses.get(name, np.float32(0)) + np.float32(weight) * track
    return poses


def _take_smile(rows: dict[str, FloatArray], amount: FloatArray) -> None:
    """Smiles of vowels and hisses become stretched lips."""
    for side in ("Left", "Right"):
        smile = rows.get("mouthSmile" + side)
        if smile is not None and amount.any():
            rows["mouthSmile" + side] = smile * (1 - amount)
            _add(rows, "mouthStretch" + side, STRETCH_FOR_SMILE * smile * amount)


def _resting(closed: BoolArray, fps: float) -> FloatArray:
    """How far the lips rest (n_frames,): 0 within REST_FROM_S of lips that part, 1 beyond REST_AT_S; ends count as
    closed."""
    frames = np.arange(len(closed))
    parted = np.flatnonzero(~closed)
    if not len(parted):
        return np.ones(len(closed), np.float32)
    after = np.minimum(np.searchsorted(parted, frames), len(parted) - 1)
    before = np.maximum(after - 1, 0)
    away = np.minimum(np.abs(frames - parted[after]), np.abs(frames - parted[before])) / fps
    return smooth_step((away - REST_FROM_S) / (REST_AT_S - REST_FROM_S))


def _parted(motion: Motion) -> FloatArray:
    """How far a mood may part lips (n_frames,): not at all within CONTACT_S of lips that nearly meet."""
    reach = max(1, round(CONTACT_S * motion.fps))
    gap = np.pad(opening(motion), reach, mode="edge")
    least = np.lib.stride_tricks.sliding_window_view(gap, 2 * reach + 1).min(axis=1)
    return smooth_step((least - PARTED_FROM) / (PARTED_AT - PARTED_FROM))


def _with_gap_of(
    motion: Motion, felt: Motion, closed: BoolArray, free: FloatArray | float = 1.0,
) -> Motion:
    """The felt motion with the gap of the other one where its lips nearly meet in speech: raised cheeks part lips a
    little and dimples draw them together, which would move the moments when they meet and part.

    Args:
        free: how far lips may close (n_frames,) before a frame counts as a contact that was none.
    """
    near = (1 - _parted(motion)) * (1 - _resting(closed, motion.fps))
    change = near * (reference_gap(felt) - reference_gap(motion)) / -REFERENCE_GAP["mouthClose"]
    least = np.where(closed, opening(felt) - JUST_CLOSED, -1)      # a contact stays one
    weights = felt.weights.copy()
    column = felt.channels.index("mouthClose")
    close = weights[:, column]
    weights[:, column] = np.clip(close + np.maximum(np.minimum(change, free), least), 0, np.maximum(1, close))
    return replace(felt, weights=weights)


def _unrounded(rows: dict[str, FloatArray], fps: float) -> FloatArray:
    rounding = rows.get("mouthPucker", np.float32(0)) + rows.get("mouthFunnel", np.float32(0))
    return _soft(1 - np.clip((rounding - ROUND_FROM) / (ROUND_AT - ROUND_FROM), 0, 1), fps)


def _soft(share: FloatArray, fps: float) -> FloatArray:
    return gaussian(np.asarray(share, np.float32)[:, None], max(SOFT_S * fps, 0.3))[:, 0]


def _ramp(seconds: NDArray[np.float64], length_s: float) -> FloatArray:
    return smooth_step(seconds / max(length_s, 1e-3))


def _add(rows: dict[str, FloatArray], name: str, amount: FloatArray) -> None:
    """Add to a channel, the less the further it is already, so that it never passes 1."""
    row = rows.get(name)
    if row is not None:
        rows[name] = row + np.asarray(amount, np.float32) * np.clip(1 - row, 0, 1)


def _with_rows(motion: Motion, rows: dict[str, FloatArray]) -> Motion:
    weights = np.stack([rows[name] for name in motion.channels], axis=1).astype(np.float32)
    return replace(motion, weights=weights)


assert COMBINATIONS.keys() >= UNSMILING
