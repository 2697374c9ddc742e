"""What a user can choose for one clip: plain values with their ranges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, cast

from .errors import SettingError
from .own_moods import read_own_moods
from .phones import Phone

if TYPE_CHECKING:
    from .types import FloatArray

MAX_FPS = 1000.0
MAX_GAIN = 2.0
MAX_STRENGTH = 2.0
MAX_THREADS = 256           # more than any network here can use
MAX_KEY_ERROR = 0.5         # half of a slider's range: more would not be the same motion
MAX_ANTICIPATION_S = 0.5    # four frames of the slowest animation, 8 a second; speech itself leads by 0.2 at the most
MAX_DELAY_S = 1.25          # ten frames of the slowest animation
MAX_LIFE = 2.0
MAX_REFERENCE_S = 86_400.0  # a day: longer than any timeline
MAX_INTENSITY = 2.0
MAX_MOOD = 1.5
MAX_EMPHASIS = 2.0          # of a word; 1 is a clear stress
MAX_MOOD_EASE_S = 5.0
SPEAKING_RATES = (0.5, 2.0)     # slower or faster nobody talks, and espeak-ng does not
MAX_SEED = 2**31 - 1        # what Blender's integers hold
REGIONS = ("jaw", "lips", "cheeks", "brows")
# Finer ones, for gains alone.
MANNER_REGIONS = ("brows", "eyes", "cheeks", "upper_lip", "lower_lip", "jaw", "corners")
THIS_SOUND = "self"         # of Settings.voice
DEVICES = ("auto", "cpu", "cuda", "coreml", "directml")
MOODS = (
    "neutral", "happy", "sad", "angry", "afraid", "disgusted", "surprised", "contemptuous", "confident", "excited",
    "bored", "playful", "confused", "effort",
)
MOOD_AREAS = ("full", "upper")
PARTS = ("full", "mouth")
# Amounts of Life that a performance has where none is given. Lips: those of version 0.1.
PERFORMANCES = {
    "lips": {"blinks": 1.0},
    "natural": dict.fromkeys(("blinks", "brows", "head", "eyes", "breath", "cheeks", "asymmetry"), 1.0),
    "lively": dict.fromkeys(("blinks", "brows", "head", "eyes", "breath", "cheeks", "asymmetry"), 1.0),
    "listening": dict.fromkeys(("blinks", "head", "eyes", "breath", "asymmetry"), 1.0),
}
LISTENING = "listening"
_OF_PERFORMANCE = cast(float, None)


def _check_range(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingError(f"{what} must be from {low:,.10g} to {high:,.10g}, got {value}.")


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingError(f"Unknown {what}: {value!r}. Choose one of: {', '.join(choices)}.")


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
    """What a face does besides speaking: amount of each from 0 (off) over 1 (as people do) to 2; None takes the amount
    that the performance has.

    Attributes:
        blinks: how often. brows: raises on stressed syllables. head: small turns, nods and tilts.
        eyes: jumps of the gaze, and gaze that stays where it was while the head turns. breath: rise of the chest.
        seed: the same seed and sound give the same motion; another seed gives another choice of moments.
        cheeks: cheeks and nose on strong syllables. asymmetry: difference of the sides of the face.
        performance: "lips" (blinks alone, at the rate and sizes of version 0.1), "natural" (all of it, with the rates
            and timing of people who talk), "lively" (more of it) or "listening" (the face of somebody who hears this
            sound: the mouth rests, blinks and nods follow the pauses of the voice).
        look_at: yaw and pitch in radians (HEAD_ANGLES) of what the eyes rest on, one for each frame at Settings.fps;
            the last one stays, and none of them is straight ahead.
    Raises:
        SettingError: an amount or a seed outside its range, or an unknown performance.
    """

    blinks: float = _OF_PERFORMANCE
    brows: float = _OF_PERFORMANCE
    head: float = _OF_PERFORMANCE
    eyes: float = _OF_PERFORMANCE
    breath: float = _OF_PERFORMANCE
    seed: int = 0
    cheeks: float = _OF_PERFORMANCE
    asymmetry: float = _OF_PERFORMANCE
    performance: str = "lips"
    look_at: tuple[tuple[float, float], ...] = ()

    LABELS: ClassVar[dict[str, str]] = {
        "blinks": "blinks", "brows": "brow raises", "head": "head motion", "eyes": "eye motion", "breath": "breath",
        "cheeks": "cheek motion", "asymmetry": "asymmetry",
    }

    def __post_init__(self) -> None:
        _check_choice("performance", self.performance, tuple(PERFORMANCES))
        for name, label in self.LABELS.items():
            amount: float | None = getattr(self, name)
            if amount is None:
                amount = PERFORMANCES[self.performance].get(name, 0.0)
                object.__setattr__(self, name, amount)
            _check_range(f"Amount of {label}", amount, 0, MAX_LIFE)
        _check_range("Seed", self.seed, -MAX_SEED, MAX_SEED)

    @property
    def is_natural(self) -> bool:
        """Whether rates and timing are those of people who talk, not those of version 0.1."""
        return self.performance != "lips"

    @property
    def is_listening(self) -> bool:
        """Whether the face hears the sound and does not speak it."""
        return self.performance == LISTENING


@dataclass(frozen=True)
class Mood:
    """The feeling with which a clip is said.

    Attributes:
        kinds: a mood of MOODS, as "happy", "happy=0.6" or "happy=0.6,surprised=0.3"; empty is neutral. Tags such as
            [angry] in a transcript change it from there on.
        amount: factor of all of it, 0 to 1.5.
        area: "full", or "upper" for brows, eyes, cheeks and nose alone.
        mouth: share of the mood's mouth that is left while the character speaks, 0 to 1.
        onset_s, release_s: seconds in which it comes and goes.
        own: moods of the user beside those of MOODS, as JSON text (own_moods.py).
    Raises:
        SettingError: an unknown mood or area, a number outside its range, or own moods that cannot be read.
    """

    kinds: str = ""
    amount: float = 1.0
    area: str = "full"
    mouth: float = 0.33
    onset_s: float = 0.4
    release_s: float = 0.6
    own: str = ""

    def __post_init__(self) -> None:
        mood_amounts(self.kinds, self.own)
        _check_range("Amount of mood", self.amount, 0, MAX_MOOD)
        _check_choice("mood area", self.area, MOOD_AREAS)
        _check_range("Mouth of a mood while speaking", self.mouth, 0, 1)
        for what, seconds in (("Onset", self.onset_s), ("Release", self.release_s)):
            _check_range(f"{what} of a mood in seconds", seconds, 0, MAX_MOOD_EASE_S)


@dataclass(frozen=True)
class KeyedAmount:
    """The intensity, or a mood, that an artist keyed over a clip.

    Attributes:
        name: "intensity", a mood of MOODS or one of the user's own (Mood.own).
        values: one for each frame at Settings.fps from the start of the sound; the last one stays. Numbers out of range
            count as the nearest one in it.
    """

    name: str
    values: tuple[float, ...]


def mood_amounts(kinds: str, own: str = "") -> dict[str, float]:
    """Amount of each mood in "happy=0.6,surprised=0.3"; none for neutral. own: of Mood. Raises SettingError."""
    known = (*MOODS, *read_own_moods(own))
    amounts: dict[str, float] = {}
    for part in filter(None, map(str.strip, kinds.split(","))):
        name, _, text = part.partition("=")
        kind = name.strip().lower()
        _check_choice("mood", kind, known)
        try:
            amount = float(text or 1)
        except ValueError:
            raise SettingError(f"Mood {part!r} has no number after the sign. Write for example happy=0.6.") from None
        _check_range(f"Amount of mood {kind}", amount, 0, MAX_MOOD)
        if kind != "neutral" and amount:
            amounts[kind] = amount
    return amounts


@dataclass(frozen=True)
class RegionGains:
    """Factor per finer face region, 0 (still) to 2, on top of Gains; 1 leaves the motion as it is.

    Raises:
        SettingError: a gain outside 0..2.
    """

    brows: float = 1.0
    eyes: float = 1.0
    cheeks: float = 1.0
    upper_lip: float = 1.0
    lower_lip: float = 1.0
    jaw: float = 1.0
    corners: float = 1.0

    def __post_init__(self) -> None:
        for name in MANNER_REGIONS:
            _check_range(f"Gain of {name.replace('_', ' ')}", getattr(self, name), 0, MAX_GAIN)


@dataclass(frozen=True)
class Reference:
    """A manner of moving that new speech takes over: of a motion, or of a style that was saved.

    Attributes:
        name: what messages call it. digest: hash of its content, by which two are the same.
        weights: (n_frames, n_channels) of a motion; empty for a saved style. channels, fps: of the motion.
        vector: of a saved style; () for a motion. model_sha256: of the motion graph that made it.
        share: of the mixture, where several are mixed. unread: a sentence about what it holds beside, or "".
    """

    name: str
    digest: str
    weights: FloatArray = field(compare=False, repr=False)
    channels: tuple[str, ...] = field(default=(), repr=False)
    fps: float = 0.0
    vector: tuple[float, ...] = field(default=(), repr=False)
    model_sha256: str = ""
    share: float = 1.0
    unread: str = field(default="", compare=False)


@dataclass(frozen=True)
class Settings:
    """All that a user can choose for one clip.

    Attributes:
        model: id of a model folder, or a path to one.
        head: id of the head; empty takes the model's default.
        identity: "pivot", an id or label of the model, "#12" (row of the style table) or "blend:A=0.3,B=0.7".
        voice: file of a sound whose manner of speaking gives the style instead of an identity; THIS_SOUND takes that of
            the clip itself, empty takes none.
        strength: 0 (pivot) over 1 (the identity) to 2 (twice its difference from the pivot).
        reference: file of a motion or of a saved style, whose manner the speech takes over instead of an identity's;
            empty takes none. reference_start_s, reference_end_s: the part of the motion; an end of 0 takes all of it.
        reference_2, reference_mix: a second one, and its share of the mixture.
        references: the same as values, for callers that have no file; they go before the files.
        regions: factor per finer face region, on top of gains.
        fps: frames per second of the result, above 0.
        smooth: 0 (as the model gives it) to 1 (very soft); closed lips stay closed.
        gains: factor per face region.
        articulation: -1 (relaxed) to 1 (precise); 0 is as the model gives it. Closed lips stay closed.
        anticipation_s: how much earlier lips begin to round, open and spread, 0 to 0.5; lips meet when they did.
        delays: seconds by which each face region moves later.
        region_smooth: smoothing per face region, on top of smooth.
        life: the performance: blinks, brow raises, motion of head and eyes, breath, asymmetry.
        intensity: factor of all that the face does with the words and in its mood, 0 to 2; closed lips stay closed.
        mood: the feeling with which it is said.
        keyed: intensity, by which the other one is multiplied, and moods, which are added, over time.
        fit_lips: move weights until the lips meet on the rig's own mesh, where it comes with one.
        max_error: keys may be dropped while the curve moves by less than this; None keeps a key on every frame.
        device: auto | cpu | cuda | coreml | directml.
        threads: CPU threads; 0 takes all cores but one.
        raw: the head's exact output: none of the above but model, head, identity and strength, and no clamp or silence
            gate; windows are joined as the reference does.
        template: .npy file with the neutral face that the head's output is added to, flat and in the model's scale;
            empty takes the model's own.
        part: "full", or "mouth" for jaw, lips and tongue alone.
        over: motion file whose brows, eyes, cheeks, nose and head stay, to the bit, and get this sound's mouth; empty
            for none.
        transcript: what is said in the sound, None where it is not known; it sharpens the mouth. A text that does not
            fit is left out with a warning.
        picture: file with a still face, for models that make a talking face of it (PMMTalk); empty for none.
        language: that the transcript is in, for example "de" or "en-gb"; empty guesses it by the script (Latin letters:
            American English).
        speaking_rate: how fast a text without a sound is spoken, 0.5 to 2; 1 is 175 words a minute.
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
    voice: str = ""
    strength: float = 1.0
    reference: str = ""
    reference_start_s: float = 0.0
    reference_end_s: float = 0.0
    reference_2: str = ""
    reference_mix: float = 0.5
    references: tuple[Reference, ...] = ()
    regions: RegionGains = RegionGains()
    fps: float = 30.0
    smooth: float = 0.0
    gains: Gains = Gains()
    articulation: float = 0.0
    anticipation_s: float = 0.0
    delays: Delays = Delays()
    region_smooth: RegionSmooth = RegionSmooth()
    life: Life = Life()
    intensity: float = 1.0
    mood: Mood = Mood()
    keyed: tuple[KeyedAmount, ...] = ()
    fit_lips: bool = False
    max_error: float | None = None
    device: str = "auto"
    threads: int = 0
    raw: bool = False
    template: str = ""
    part: str = "full"
    over: str = ""
    transcript: str | None = None
    picture: str = ""
    language: str = ""
    speaking_rate: float = 1.0
    phones: tuple[Phone, ...] | None = None
    vertices: bool = True
    model_folders: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_choice("part of the face", self.part, PARTS)
        for amount in self.keyed:
            _check_choice("keyed amount", amount.name, ("intensity", *MOODS, *read_own_moods(self.mood.own)))
        _check_range("Strength", self.strength, 0, MAX_STRENGTH)
        _check_range("Share of the second reference", self.reference_mix, 0, 1)
        _check_range("Start of the reference in seconds", self.reference_start_s, 0, MAX_REFERENCE_S)
        _check_range("End of the reference in seconds", self.reference_end_s, 0, MAX_REFERENCE_S)
        _check_range("Smoothing", self.smooth, 0, 1)
        _check_range("Speaking rate", self.speaking_rate, *SPEAKING_RATES)
        _check_range("Intensity", self.intensity, 0, MAX_INTENSITY)
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
