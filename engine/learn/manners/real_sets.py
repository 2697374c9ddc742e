"""Data sets of one annotation, 52 channels at 25 frames a second, from recordings: a teacher's, animators', a film's.

What a codebook learns clean motion from, and what joins it as tracked. Readers of folders as in faces/readers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ...audio.read import read_audio
from ...values.channels import ARKIT_52
from ...values.errors import SettingError
from ...values.types import FloatArray, Motion
from ..data.filmed_lips import MOTION, REPORTED_EVERY, is_filmed
from ..faces.readers import ARKIT, SOUNDS, open_set
from ..faces.samples import DataSet, Recording, Sample
from .real_manners import ARRAYS, FPS, REPORTED, animated_clips, animated_take, spoken, tracked_motion

SET_FPS = 25
EVERY = round(FPS) // SET_FPS
TEACHER = "mini"            # whose motion a sound without a face gets
VAL, TEST = 3, 4            # of each five clips, the one that chooses and the one that is tested


def open_any_set(reader: str, folder: Path) -> DataSet:
    """A data set on disk. Raises SettingError: no such reader, or not its layout."""
    if reader not in READERS:
        return open_set(reader, folder)
    if not folder.is_dir():
        raise SettingError(f"Data set folder not found: {folder}. Check the path.")
    return READERS[reader](folder)


def taught(folder: Path) -> DataSet:
    """A folder of sounds, moved by the bundled model: its teacher's visemes, clean and without a person."""
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in SOUNDS[:-1]]
    return _set(folder, [(file.stem, partial(_taught, file)) for file in files], "sounds")


def animated(folder: Path) -> DataSet:
    """FACEGOOD's Mandarin clips, as animators keyed them; what they lack is the teacher's."""
    clips = animated_clips(folder) if (folder / ARRAYS).exists() else {}
    clips = {name: motion for name, motion in clips.items() if name not in REPORTED}
    readers = [(name, partial(_animated, folder / f"{name}.flac", motion)) for name, motion in sorted(clips.items())]
    return _set(folder, readers, ARRAYS)


def filmed(folder: Path) -> DataSet:
    """Films of one talker with a tracker's own curves, in the layout of grid_s1; every fifth clip is tested."""
    if not is_filmed(folder):
        raise SettingError(f"{folder} has no {MOTION} with words.json. Give a folder of filmed lips.")
    with np.load(folder / MOTION, allow_pickle=False) as film:
        tracked = {name: film[name] for name in ("clips", "start", "frames", "curves", "names", "fps")}
    recordings = []
    for number, name in enumerate(map(str, tracked["clips"])):
        place = number % REPORTED_EVERY
        split = "test" if place == 0 else "val" if place == VAL else "train"
        read = partial(_filmed, folder, tracked, name)
        recordings.append(Recording(name, split, partial(_sample, read, folder.name)))
    return DataSet(folder.name, ARKIT, (folder.name,), tuple(recordings))


READERS: Mapping[str, Callable[[Path], DataSet]] = {"taught": taught, "animated": animated, "filmed": filmed}

Read = Callable[[], tuple[FloatArray, FloatArray]]      # samples (n,), and weights (t, 52) at SET_FPS


def _set(folder: Path, readers: Sequence[tuple[str, Read]], wanted: str) -> DataSet:
    if not readers:
        raise SettingError(f"{folder} holds no {wanted}. Check the path.")
    splits = {VAL: "val", TEST: "test"} if len(readers) > TEST else {}
    recordings = tuple(
        Recording(name, splits.get(number % (TEST + 1), "train"), partial(_sample, read, folder.name))
        for number, (name, read) in enumerate(readers)
    )
    return DataSet(folder.name, ARKIT, (folder.name,), recordings)


def _sample(read: Read, speaker: str) -> Sample:
    samples, weights = read()
    return Sample(samples, weights, np.zeros(len(ARKIT_52), np.float32), ARKIT, SET_FPS, speaker)


def _taught(file: Path) -> tuple[FloatArray, FloatArray]:
    samples = read_audio(file).samples
    return samples, spoken(samples, TEACHER).weights[::EVERY]


def _animated(file: Path, motion: Motion) -> tuple[FloatArray, FloatArray]:
    samples = read_audio(file).samples
    return samples, animated_take(samples, motion, TEACHER).motion[::EVERY]


def _filmed(folder: Path, tracked: Mapping[str, np.ndarray], name: str) -> tuple[FloatArray, FloatArray]:
    motion = tracked_motion(tracked, [name])
    weights = np.zeros((len(motion.weights), len(ARKIT_52)), np.float32)
    for column, channel in enumerate(ARKIT_52):
        if channel in motion.channels:
            weights[:, column] = motion[channel]
    return read_audio(folder / "sound" / f"{name}.opus").samples, weights
