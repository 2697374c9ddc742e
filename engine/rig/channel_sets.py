"""Turn motion from one set of face channels into another: ARKit 52, 51 and 32, Oculus 15, FLAME.

All go by way of ARKit 52. What each step keeps:
* 51 and 32 to 52: exact; channels that the smaller set lacks stay still. Back: exact for the channels it has.
* Oculus 15 to 52: each viseme becomes its pose in presets/oculus15.json, mixed by weight. Back: bounded least squares
  over the same poses, so that visemes come back where their poses differ; DD, nn and kk, which ARKit cannot tell apart,
  share what they had together.
* FLAME 413 to 52 and back: the jaw alone, as an angle. FLAME's expression numbers are directions of its own statistics;
  without the licensed FLAME mesh nobody can say which smile they are, so they stay 0 and do not become lips. What
  mouthClose undoes of jawOpen, the angle leaves out.
Lips that touch before touch after, in every set that can tell.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from ..motion.lip_contact import seal
from ..values.channels import ARKIT_32, ARKIT_51, ARKIT_52, FLAME_413, LIFE, OCULUS_15
from ..values.errors import SettingError
from ..values.messages import number_of
from ..values.types import FloatArray, Motion
from . import viseme_mix
from .names import first_names
from .preset_file import data_folder, load_preset

SETS = {"arkit52": ARKIT_52, "arkit51": ARKIT_51, "arkit32": ARKIT_32, "oculus15": OCULUS_15, "flame413": FLAME_413}
JAW_OPEN_RAD = 0.32     # jawOpen = 1 moves the chin 35 mm on the ICT head, 110 mm from the joint
JAW_SIDE_RAD = 0.09     # jawLeft = 1, as 10 mm at the chin
CLOSED_VISEME = 0.5     # weight of viseme_PP from which the lips touch


def set_of(motion: Motion) -> str:
    """The set that the motion's channels are, in whatever order; head and breath (channels.LIFE) may come on top.

    Raises:
        SettingError: none of SETS has exactly these channels.
    """
    face = [channel for channel in motion.channels if channel not in LIFE]
    for name, channels in SETS.items():
        if set(channels) == set(face) and len(channels) == len(face):
            return name
    there = f"{number_of(len(motion.channels), 'channel')} ({first_names(motion.channels)})"
    raise SettingError(f"Motion with {there} is in none of the sets {', '.join(SETS)}.")


def convert(motion: Motion, wanted: str) -> Motion:
    """The same motion in the channels of another set, in that set's own order; head and breath follow as they are.

    Args:
        motion: in exactly the channels of one of SETS.
        wanted: a key of SETS.
    Raises:
        SettingError: the motion is in none of SETS, or wanted is no such set.
    """
    if wanted not in SETS:
        raise SettingError(f"There is no channel set {wanted!r}. Choose one of {', '.join(SETS)}.")
    source = set_of(motion)
    life = _select(motion, tuple(channel for channel in LIFE if channel in motion.channels))
    face = _select(motion, SETS[wanted]) if source == wanted else _convert(motion, source, wanted)
    weights = np.concatenate([face.weights, life.weights], axis=1)
    return replace(face, weights=weights, channels=(*face.channels, *life.channels))


def _convert(motion: Motion, source: str, wanted: str) -> Motion:
    return _from_arkit(_to_arkit(motion, source), wanted)


def _to_arkit(motion: Motion, source: str) -> Motion:
    if source == "oculus15":
        weights = _select(motion, OCULUS_15).weights @ _viseme_poses()
        arkit = replace(motion, weights=np.asarray(weights, np.float32), channels=ARKIT_52)
        return seal(arkit, motion["viseme_PP"] > CLOSED_VISEME)[0]
    if source == "flame413":
        arkit = replace(motion, weights=np.zeros((len(motion.weights), len(ARKIT_52)), np.float32), channels=ARKIT_52)
        arkit["jawOpen"][:] = np.clip(motion["jawX"] / JAW_OPEN_RAD, 0, 1)
        arkit["jawLeft"][:] = np.clip(motion["jawY"] / JAW_SIDE_RAD, 0, 1)
        arkit["jawRight"][:] = np.clip(-motion["jawY"] / JAW_SIDE_RAD, 0, 1)
        return arkit
    return _select(motion, ARKIT_52)


def _from_arkit(arkit: Motion, wanted: str) -> Motion:
    if wanted == "oculus15":
        poses = [dict(zip(ARKIT_52, map(float, row), strict=True)) for row in _viseme_poses()]
        return replace(arkit, weights=np.ascontiguousarray(viseme_mix.mix(arkit, poses).T), channels=OCULUS_15)
    if wanted == "flame413":
        flame = replace(arkit, weights=np.zeros((len(arkit.weights), len(FLAME_413)), np.float32), channels=FLAME_413)
        flame["jawX"][:] = JAW_OPEN_RAD * np.maximum(arkit["jawOpen"] - arkit["mouthClose"], 0)
        flame["jawY"][:] = JAW_SIDE_RAD * (arkit["jawLeft"] - arkit["jawRight"])
        return flame
    return _select(arkit, SETS[wanted])


def _select(motion: Motion, channels: tuple[str, ...]) -> Motion:
    """Channels by name and in this order; those that the motion lacks are 0."""
    columns = {channel: i for i, channel in enumerate(motion.channels)}
    weights = np.zeros((len(motion.weights), len(channels)), np.float32)
    for i, channel in enumerate(channels):
        if channel in columns:
            weights[:, i] = motion.weights[:, columns[channel]]
    return replace(motion, weights=weights, channels=channels)


@lru_cache(maxsize=1)
def _viseme_poses() -> FloatArray:
    """ARKit pose of each Oculus viseme (15, 52), from the bundled preset."""
    targets = {target.to.name: dict(target.sources) for target in load_preset(data_folder() / "oculus15.json").targets}
    return np.array([[targets[viseme].get(channel, 0.0) for channel in ARKIT_52] for viseme in OCULUS_15], np.float32)
