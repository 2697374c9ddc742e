"""Sound with the motion of a face: what every reader gives, and how it is prepared for training.

Kept from the released code of UniTalker: 60 and 100 fps are thinned by dropping frames without a low-pass; sound is
normalised after it was cut to 20 s; frame and sample counts are Python's round of the common duration.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...values.errors import EngineError, SettingError
from ...values.types import SAMPLE_RATE_HZ, FloatArray

LONGEST_S = 20.0
SHORTEST_S = 0.5        # shorter items are left out of training
KEPT_FRAMES = {25: 1, 30: 1, 50: 1, 60: 2, 100: 4}     # annotation rate -> every so many frames
NORMALISE_EPSILON = 1e-7
VERTICES, BLENDSHAPES, FLAME = "vertices", "blendshapes", "flame"
SPLITS = ("train", "val", "test")
SHOWN = 5               # faulty files that an error names

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Space:
    """What the numbers of a frame are; data sets with the same annotation share a head.

    Attributes:
        annotation: id of the head.
        kind: VERTICES (x y z of vertex 0, then of vertex 1), BLENDSHAPES or FLAME.
        width: numbers of a frame.
        channels: their names, where they have some.
    """

    annotation: str
    kind: str
    width: int
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One recording.

    Attributes:
        wave: (n,) mono, 16 kHz.
        motion: (t, width) at fps, in the set's own units; template: (width,), the neutral face of the speaker.
        identity: name of the speaker; text: what is said, where that is known.
    """

    wave: FloatArray
    motion: NDArray[np.floating]
    template: NDArray[np.floating]
    space: Space
    fps: int
    identity: str
    text: str = ""

    @property
    def duration_s(self) -> float:
        """Of what sound and motion share, at most LONGEST_S."""
        return min(len(self.wave) / SAMPLE_RATE_HZ, len(self.motion) / self.fps, LONGEST_S)


@dataclass(frozen=True)
class Recording:
    """A sample that is read when it is asked for; read raises EngineError with the name of the file at fault."""

    name: str
    split: str
    read: Callable[[], Sample]


@dataclass(frozen=True)
class DataSet:
    """A data set of one annotation.

    Attributes:
        identities: its speakers, in the order of their rows of the style table.
        scale: factor of motion and template; a network's output stays in scaled units.
        basis: the PCA that was released with it, if any.
    """

    name: str
    space: Space
    identities: tuple[str, ...]
    recordings: tuple[Recording, ...] = field(repr=False)
    scale: float = 1.0
    basis: Path | None = None

    def samples(self, split: str, normalise: bool) -> Iterator[tuple[str, Sample]]:
        """(name, prepared sample) of each recording of a split; a faulty file is named in the log and left out.

        Raises:
            EngineError: nothing but faults.
        """
        chosen, faults = [item for item in self.recordings if item.split == split], []
        for item in chosen:
            try:
                sample = prepared(item.read(), self.scale, normalise)
            except EngineError as error:
                faults.append(f"{item.name}: {error}")
                log.warning("%s: %s is left out. %s", self.name, item.name, error)
                continue
            if sample.duration_s >= SHORTEST_S:
                yield item.name, sample
        if chosen and len(faults) == len(chosen):
            raise SettingError(f"No file of {self.name}, {split}, can be used. {' '.join(faults[:SHOWN])}")


def prepared(sample: Sample, scale: float, normalise: bool) -> Sample:
    """Thinned, scaled, cut to what sound and motion share, and normalised where the encoder wants that.

    Raises:
        SettingError: a frame rate or a width that is not the annotation's, or numbers that are not finite.
    """
    thinned = _thinned(sample)
    duration_s = thinned.duration_s
    wave = thinned.wave[:round(duration_s * SAMPLE_RATE_HZ)]
    if normalise and len(wave):
        wave = (wave - wave.mean()) / np.sqrt(wave.var() + NORMALISE_EPSILON)
    motion = thinned.motion[:round(duration_s * thinned.fps)]
    motion = np.asarray(motion.reshape(len(motion), -1) * scale, np.float32)
    template = np.asarray(thinned.template.reshape(-1) * scale, np.float32)
    if motion.shape[1:] != (sample.space.width,) or template.shape != (sample.space.width,):
        raise SettingError(
            f"It has {motion.shape[1:]} numbers a frame and a neutral face of {template.shape}, "
            f"{sample.space.annotation} has {sample.space.width}."
        )
    if not (np.isfinite(motion).all() and np.isfinite(template).all() and np.isfinite(wave).all()):
        raise SettingError("It holds numbers that are not finite.")
    return replace(thinned, wave=np.asarray(wave, np.float32), motion=motion, template=template)


def _thinned(sample: Sample) -> Sample:
    if sample.fps not in KEPT_FRAMES:
        raise SettingError(
            f"Motion has {sample.fps} fps, {', '.join(map(str, KEPT_FRAMES))} can be used. Resample it first."
        )
    step = KEPT_FRAMES[sample.fps]
    return replace(sample, motion=sample.motion[::step], fps=sample.fps // step)
