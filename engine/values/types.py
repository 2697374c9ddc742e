"""The plain values that cross borders: between the steps of the engine, and from the add-on to the engine.

Knows nothing of files, models or Blender. What a user can choose can be imported from here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import AudioError
from .lips import LipCheck
from .phones import Phone
from .settings import MAX_FPS, Delays, Gains, Life, Reference, RegionGains, RegionSmooth, Settings

__all__ = [
    "MAX_FPS", "SAMPLE_RATE_HZ", "Animation", "BoneRest", "BoolArray", "Cancel", "Curve", "Delays", "FloatArray",
    "Gains", "HeadMesh", "IntArray", "Level", "Life", "LipCheck", "LipContacts", "Motion", "Progress",
    "Reference", "RegionGains", "RegionSmooth", "Rig", "RigChannel", "RigCurves", "Settings", "Waveform", "never",
    "no_progress",
]

FloatArray = NDArray[np.floating]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.intp]
Progress = Callable[[float], None]
Cancel = Callable[[], bool]

SAMPLE_RATE_HZ = 16_000     # what every speech encoder of this family is trained on


@dataclass(frozen=True)
class Waveform:
    """Mono sound at 16 kHz, as read_audio() and from_array() make it.

    Attributes:
        samples: (n,) float32, full scale is +-1.
        warning: a sentence for the user where its file may be cut off, else "".
    Raises:
        AudioError: samples of another shape or number type, or none at all.
    """

    samples: FloatArray
    warning: str = ""

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32 or not len(self.samples):
            raise AudioError(
                f"Sound must be (n,) float32 at 16 kHz, got shape {self.samples.shape} {self.samples.dtype}. "
                "Take from_array(samples, rate)."
            )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class Level:
    """How loud a sound is.

    Attributes:
        loudest_db: (n,) loudest level around each moment in dBFS, at least -120.
        step_s: seconds from one value to the next; the first stands for second 0.
        silent: whether every sample is 0.
    """

    loudest_db: FloatArray
    step_s: float
    silent: bool


@dataclass(frozen=True)
class Motion:
    """Face motion: weights (n_frames, n_channels) float32; row i stands for second i / fps."""

    weights: FloatArray
    channels: tuple[str, ...]
    fps: float

    def __getitem__(self, channel: str) -> FloatArray:
        """The curve of one channel, (n_frames,)."""
        return self.weights[:, self.channels.index(channel)]


@dataclass(frozen=True)
class LipContacts:
    """Where the lips touch in a motion; nowhere if its channels do not tell.

    Attributes:
        closed: (n_frames,) whether they touch on a frame.
        slack: (n_frames,) how far every curve may move at once without parting them; infinite where they do not touch.
    """

    closed: BoolArray
    slack: FloatArray


@dataclass(frozen=True, order=True)
class RigChannel:
    """One thing on a character that can be keyed.

    Attributes:
        kind: "shape_key" (name is the key), "bone" (name is the bone) or "property" (name is its data path on the
            object).
        path: for a bone: location, rotation_euler, rotation_quaternion or scale; else empty.
        index: component of a vector path, 0 for a single number.
    """

    kind: str
    name: str
    path: str = ""
    index: int = 0


@dataclass(frozen=True)
class BoneRest:
    """How a bone lies at rest, in the space of its armature.

    Attributes:
        axes: rows of the matrix (3, 3) whose columns are the bone's own X, Y and Z.
        head: its root. parent: name of a bone; empty for none.
    """

    axes: tuple[float, float, float, float, float, float, float, float, float]
    head: tuple[float, float, float]
    parent: str


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """A head with its shape keys; two are the same only if they are one object, so results for it can be cached.

    Attributes:
        points: (n, 3) at rest; for the reference in millimetres, face towards -Y, up +Z, its left +X.
        triangles: (m, 3), may be none. moves: (n_keys, n, 3) displacements. names: of the keys.
    """

    points: NDArray[np.float64]
    triangles: IntArray
    moves: FloatArray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Rig:
    """The names of what one character can move, over all its meshes and armatures.

    Attributes:
        preset: name of a preset, a path to a JSON file, or "auto" to take the best match.
        preset_folders: folders that hold the user's own presets, searched before the bundled ones.
        source: channel set of the motion; "auto" takes a preset that reads it. animate() sets it to what the head
            gives.
        driven: those that a driver moves everywhere on the character: keys there would do nothing, so "auto" does not
            count them.
        limits: lowest and highest value to which a constraint holds a bone's location, for control bones.
        rest: how the bones lie; one that is not in it counts as pointing up with a roll of 0.
        posed: rotation (w, x, y, z) of bones that an artist turned by hand, in their own axes: what moves head and eyes
            starts there.
        empty_keys: shape keys that move nothing, and so are not among shape_keys.
        mesh: what the shape keys move, where lips are to be fitted to it.
        sampled: what channels of the face do to its meshes where more than shape keys moves the mouth: the names of its
            keys are channels (geometry/lip_samples.py).
    """

    shape_keys: frozenset[str] = frozenset()
    bones: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    preset: str = "auto"
    preset_folders: tuple[str, ...] = ()
    source: str = "arkit52"
    driven: frozenset[RigChannel] = frozenset()
    limits: Mapping[RigChannel, tuple[float, float]] = field(default_factory=dict)
    rest: Mapping[str, BoneRest] = field(default_factory=dict)
    posed: Mapping[str, tuple[float, float, float, float]] = field(default_factory=dict)
    empty_keys: frozenset[str] = frozenset()
    mesh: HeadMesh | None = field(default=None, compare=False, repr=False)
    sampled: HeadMesh | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Curve:
    """Keys of one rig channel: seconds (n,) float64 rising, from the start of the sound; values (n,) float32."""

    seconds: NDArray[np.float64]
    values: FloatArray


@dataclass(frozen=True)
class RigCurves:
    """What to key on a character.

    Attributes:
        curves: one curve per rig channel; bone rotations are radians.
        preset: name of the preset that made them.
        mapped: source channels that drive something on this rig.
        missing: source channels of the preset that found nothing on this rig.
        stepped: values hold until the next key; a curve has keys only where it changes, so keys may lie on different
            frames.
        life: those of the curves that blinks, brow raises, head, gaze and breath alone move: never keyed where an
            artist has keys.
    """

    curves: Mapping[RigChannel, Curve]
    preset: str
    mapped: tuple[str, ...]
    missing: tuple[str, ...]
    stepped: bool = False
    life: frozenset[RigChannel] = frozenset()


@dataclass(frozen=True)
class Animation:
    """The result of one `animate` call.

    Attributes:
        motion: face motion on the scene's clock, in the model's channels (vertices for a head with a PCA basis, unless
            Settings.vertices is False).
        contacts: where its lips touch.
        curves: the same on the rig's channels; None when no rig was given.
        device: where the network ran, for example "cpu".
        warnings: sentences for the user, for example a device that could not be used.
        coefficients: PCA coefficients behind the vertices; None where motion is what the head gives.
        lips: how they meet and part on the rig's mesh; None without one.
        phones: what is spoken when, without gaps from start to end: of the transcript where it fits, else what the
            model recognised; () for a model without phones.
        heard: the manner of the voice that gave the style, in words, such as "shouted: Energetic 1.2"; or "".
    """

    motion: Motion
    contacts: LipContacts
    curves: RigCurves | None = None
    device: str = "cpu"
    warnings: tuple[str, ...] = field(default=())
    coefficients: Motion | None = None
    phones: tuple[Phone, ...] = ()
    lips: LipCheck | None = None
    heard: str = ""


def no_progress(fraction: float) -> None:
    """Progress callable for callers that show none."""


def never() -> bool:
    """Cancel callable for callers that never cancel."""
    return False
