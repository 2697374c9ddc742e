"""The plain values that cross borders: between the steps of the engine, and from the add-on to the engine.

Knows nothing of files, models or Blender.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .errors import AudioError, SettingError
from .phones import Phone

FloatArray = NDArray[np.float32]
Progress = Callable[[float], None]
Cancel = Callable[[], bool]

SAMPLE_RATE_HZ = 16_000     # what every speech encoder of this family is trained on
MAX_FPS = 1000.0
MAX_GAIN = 2.0
MAX_STRENGTH = 2.0
MAX_THREADS = 256           # more than any network here can use
MAX_KEY_ERROR = 0.5         # half of a slider's range: more would not be the same motion


def _check_range(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingError(f"{what} must be from {low:g} to {high:g}, got {value}.")


@dataclass(frozen=True)
class Waveform:
    """Mono sound at 16 kHz; samples (n,) float32, full scale is +-1. read_audio() and from_array() make one of any sound.

    Raises:
        AudioError: samples of another shape or number type, or none at all.
    """

    samples: FloatArray

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32 or not len(self.samples):
            raise AudioError(f"Sound must be (n,) float32 at 16 kHz, got shape {self.samples.shape} {self.samples.dtype}. Take from_array(samples, rate).")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ


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
class Gains:
    """Factor per face region, 0 (still) to 2 (twice as much); 1 leaves the model's motion as it is.

    Raises:
        SettingError: a gain outside 0..2.
    """

    jaw: float = 1.0
    lips: float = 1.0
    cheeks: float = 1.0
    brows: float = 1.0

    def __post_init__(self) -> None:
        for name in ("jaw", "lips", "cheeks", "brows"):
            _check_range(f"Gain of {name}", getattr(self, name), 0, MAX_GAIN)


@dataclass(frozen=True)
class Settings:
    """All that a user can choose for one clip.

    Attributes:
        model: id of a model folder, or a path to one.
        head: id of the head; empty takes the model's default.
        identity: "pivot", an id or label of the model, "#12" (row of the style table) or "blend:A=0.3,B=0.7".
        strength: 0 (pivot) over 1 (the identity) to 2 (twice its difference from the pivot).
        fps: frames per second of the result, above 0.
        smooth: 0 (as the model gives it) to 1 (very soft); closed lips stay closed.
        gains: factor per face region.
        max_error: keys may be dropped while the curve moves by less than this; None keeps a key on every frame.
        device: auto | cpu | cuda | coreml | directml.
        threads: CPU threads; 0 takes all cores but one.
        raw: the head's exact output: no clamp, gain, smoothing, retiming or silence gate; windows are joined as the reference does.
        template: .npy file with the neutral face that the head's output is added to, flat and in the model's scale; empty takes the model's own.
        transcript: what is said in the sound, None where it is not known; it sharpens the mouth. A text that does not fit is left out with a warning.
        language: that the transcript is in, for example "de" or "en-gb"; empty guesses it by the script (Latin letters: American English).
        vertices: a head with a PCA basis gives vertices; False leaves it at the coefficients (60 s of BIWI at 25 fps: 3 MB instead of 421 MB).
        model_folders: folders that hold the user's own model folders, searched before the bundled ones.
    Raises:
        SettingError: a number outside its range.
    """

    model: str = "mini"
    head: str = ""
    identity: str = "pivot"
    strength: float = 1.0
    fps: float = 30.0
    smooth: float = 0.0
    gains: Gains = Gains()
    max_error: float | None = None
    device: str = "auto"
    threads: int = 0
    raw: bool = False
    template: str = ""
    transcript: str | None = None
    language: str = ""
    vertices: bool = True
    model_folders: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_range("Strength", self.strength, 0, MAX_STRENGTH)
        _check_range("Smoothing", self.smooth, 0, 1)
        if not 0 < self.fps <= MAX_FPS:
            raise SettingError(f"Frame rate must be above 0 and at most {MAX_FPS:g}, got {self.fps}. Set it in Output > Frame Rate, or with --fps.")
        if self.max_error is not None and not 0 < self.max_error <= MAX_KEY_ERROR:
            raise SettingError(f"Key reduction error must be above 0 and at most {MAX_KEY_ERROR}, got {self.max_error}. Leave it out to key every frame.")
        if not 0 <= self.threads <= MAX_THREADS:
            raise SettingError(f"Threads must be 0 (all cores but one) to {MAX_THREADS}, got {self.threads}.")


@dataclass(frozen=True, order=True)
class RigChannel:
    """One thing on a character that can be keyed.

    Attributes:
        kind: "shape_key" (name is the key), "bone" (name is the bone) or "property" (name is its data path on the object).
        path: for a bone: location, rotation_euler, rotation_quaternion or scale; else empty.
        index: component of a vector path, 0 for a single number.
    """

    kind: str
    name: str
    path: str = ""
    index: int = 0


@dataclass(frozen=True)
class Rig:
    """The names of what one character can move, over all its meshes and armatures.

    Attributes:
        preset: name of a preset, a path to a JSON file, or "auto" to take the best match.
        preset_folders: folders that hold the user's own presets, searched before the bundled ones.
        source: channel set of the motion; "auto" takes a preset that reads it. animate() sets it to what the head gives.
        driven: those that a driver moves everywhere on the character: keys there would do nothing, so "auto" does not count them.
        limits: lowest and highest value to which a constraint holds a bone's location, for control bones that know how far they go.
    """

    shape_keys: frozenset[str] = frozenset()
    bones: frozenset[str] = frozenset()
    properties: frozenset[str] = frozenset()
    preset: str = "auto"
    preset_folders: tuple[str, ...] = ()
    source: str = "arkit52"
    driven: frozenset[RigChannel] = frozenset()
    limits: Mapping[RigChannel, tuple[float, float]] = field(default_factory=dict)


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
        stepped: values hold until the next key; a curve has keys only where it changes, so keys may lie on different frames.
    """

    curves: Mapping[RigChannel, Curve]
    preset: str
    mapped: tuple[str, ...]
    missing: tuple[str, ...]
    stepped: bool = False


@dataclass(frozen=True)
class Animation:
    """The result of one `animate` call.

    Attributes:
        motion: face motion on the scene's clock, in the model's channels (vertices for a head with a PCA basis, unless Settings.vertices is False).
        curves: the same on the rig's channels; None when no rig was given.
        device: where the network ran, for example "cpu".
        warnings: sentences for the user, for example a device that could not be used.
        coefficients: PCA coefficients behind the vertices; None where motion is what the head gives.
        phones: what is said when, without gaps from start to end: of the transcript where one fits, else as heard; () for a model without phones.
    """

    motion: Motion
    curves: RigCurves | None = None
    device: str = "cpu"
    warnings: tuple[str, ...] = field(default=())
    coefficients: Motion | None = None
    phones: tuple[Phone, ...] = ()


def no_progress(fraction: float) -> None:
    """Progress callable for callers that show none."""


def never() -> bool:
    """Cancel callable for callers that never cancel."""
    return False
