"""What a user can choose for one clip: plain values with their ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .errors import SettingError
from .phones import Phone

MAX_FPS = 1000.0
MAX_GAIN = 2.0
MAX_STRENGTH = 2.0
MAX_THREADS = 256           # more than any network here can use
MAX_KEY_ERROR = 0.5         # half of a slider's range: more would not be the same motion
MAX_ANTICIPATION_S = 0.5    # four frames of the slowest animation, 8 a second; speech itself leads by 0.2 at the most
MAX_DELAY_S = 1.25          # ten frames of the slowest animation
MAX_LIFE = 2.0
MAX_SEED = 2**31 - 1        # what Blender's integers hold
REGIONS = ("jaw", "lips", "cheeks", "brows")
DEVICES = ("auto", "cpu", "cuda", "coreml", "directml")


def _check_range(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingError(f"{what} must be from {low:,.10g} to {high:,.10g}, got {value}.")


@dataclass(frozen=True)
class _PerRegion:
    """A number per face region, within the limits of its kind."""

    jaw: float = 0.0
    lips: float = 0.0
    cheeks: float = 0.0
    brows: float = 0.0

    WHAT: ClassVar[str]
    LIMITS: ClassVar[tuple[float, float]]

    def __post_init__(self) -> None:
        for name in REGIONS:
            _check_range(f"{self.WHAT} of {name}", getattr(self, name), *self.LIMITS)


@dataclass(frozen=True)
class Gains(_PerRegion):
    """Factor per face region, 0 (still) to 2 (twice as much); 1 leaves the model's motion as it is.

    Raises:
        SettingError: a gain outside 0..2.
    """

    jaw: float = 1.0
    lips: float = 1.0
    cheeks: float = 1.0
    brows: float = 1.0

    WHAT = "Gain"
    LIMITS = (0, MAX_GAIN)


@dataclass(frozen=True)
class Delays(_PerRegion):
    """Seconds by which a face region moves later (negative: earlier), -1.25 to 1.25. Contacts go with the lips.

    Raises:
        SettingError: a delay outside its range.
    """

    WHAT = "Delay"
    LIMITS = (-MAX_DELAY_S, MAX_DELAY_S)


@dataclass(frozen=True)
class RegionSmooth(_PerRegion):
    """Smoothing per face region, 0 to 1, on top of Settings.smooth and on the same scale.

    Raises:
        SettingError: an amount outside 0..1.
    """

    WHAT = "Smoothing"
    LIMITS = (0, 1)


@dataclass(frozen=True)
class Life:
    """What a face does besides speaking: amount of each from 0 (off) over 1 (as people do) to 2.

    Attributes:
        blinks: how often. brows: raises on stressed syllables. head: small turns, nods and tilts.
        eyes: small jumps of the gaze, and gaze that stays where it was while the head turns.
        breath: rise of the chest.
        seed: the same seed and sound give the same motion; another seed gives another choice of moments.
    Raises:
        SettingError: an amount or a seed outside its range.
    """

    blinks: float = 1.0
    brows: float = 0.0
    head: float = 0.0
    eyes: float = 0.0
    breath: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for label, amount in (
            ("blinks", self.blinks), ("brow raises", self.brows), ("head motion", self.head), ("eye motion", self.eyes),
            ("breath", self.breath),
        ):
            _check_range(f"Amount of {label}", amount, 0, MAX_LIFE)
        _check_range("Seed", self.seed, -MAX_SEED, MAX_SEED)


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
        articulation: -1 (relaxed) to 1 (precise); 0 is as the model gives it. Closed lips stay closed.
        anticipation_s: how much earlier lips begin to round, open and spread, 0 to 0.5; lips meet when they did.
        delays: seconds by which each face region moves later.
        region_smooth: smoothing per face region, on top of smooth.
        life: blinks, brow raises, motion of head and eyes, breath.
        max_error: keys may be dropped while the curve moves by less than this; None keeps a key on every frame.
        device: auto | cpu | cuda | coreml | directml.
        threads: CPU threads; 0 takes all cores but one.
        raw: the head's exact output: none of the above but model, head, identity and strength, and no clamp or silence
            gate; windows are joined as the reference does.
        template: .npy file with the neutral face that the head's output is added to, flat and in the model's scale;
            empty takes the model's own.
        transcript: what is said in the sound, None where it is not known; it sharpens the mouth. A text that does not
            fit is left out with a warning.
        language: that the transcript is in, for example "de" or "en-gb"; empty guesses it by the script (Latin letters:
            American English).
        phones: what is spoken when, for the whole clip, where the user knows better than the model; None takes what
            the model finds.
        vertices: a head with a PCA basis gives vertices; False leaves it at the coefficients (60 s of BIWI at 25 fps:
            3 MB instead of 421 MB).
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
    articulation: float = 0.0
    anticipation_s: float = 0.0
    delays: Delays = Delays()
    region_smooth: RegionSmooth = RegionSmooth()
    life: Life = Life()
    max_error: float | None = None
    device: str = "auto"
    threads: int = 0
    raw: bool = False
    template: str = ""
    transcript: str | None = None
    language: str = ""
    phones: tuple[Phone, ...] | None = None
    vertices: bool = True
    model_folders: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_range("Strength", self.strength, 0, MAX_STRENGTH)
        _check_range("Smoothing", self.smooth, 0, 1)
        _check_range("Articulation", self.articulation, -1, 1)
        _check_range("Anticipation in seconds", self.anticipation_s, 0, MAX_ANTICIPATION_S)
        if not 0 < self.fps <= MAX_FPS:
            raise SettingError(
                f"Frame rate must be above 0 and at most {MAX_FPS:g}, got {self.fps}. "
                "Set it in Output > Frame Rate, or with --fps."
            )
        if self.max_error is not None and not 0 < self.max_error <= MAX_KEY_ERROR:
            raise SettingError(
                f"Key reduction error must be above 0 and at most {MAX_KEY_ERROR}, got {self.max_error}. "
                "Leave it out to key every frame."
            )
        if not 0 <= self.threads <= MAX_THREADS:
            raise SettingError(f"Threads must be 0 (all cores but one) to {MAX_THREADS}, got {self.threads}.")
