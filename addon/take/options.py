"""All that an animator can choose for one take, and what the engine and the key writer make of it."""

from __future__ import annotations

from dataclasses import dataclass

import bpy

from ...engine import Delays, Gains, Life, RegionSmooth, SettingError, Settings
from ...engine.values.phones import Phone
from ..actions.nla import Strip
from ..host.preferences import EnginePreferences
from ..keying import notes, parts, vertex_head


@dataclass(frozen=True)
class Options:
    """All that an animator can choose; properties.py explains each and holds the defaults.

    Attributes:
        source: 'STRIP', 'FILE' or 'SPEAKER', which of strip, audio and speaker counts.
        transcript: what is said, empty for none; transcript_text: name of a text data-block that counts instead.
        reduce: whether keys are dropped where the curve moves by less than max_error.
        start_frame: for a file. shift_frames: added to every key, negative lets the mouth lead.
    """

    source: str
    strip: str
    audio: str
    speaker: str
    transcript: str
    transcript_text: str
    language: str
    start_frame: float
    shift_frames: float
    character: str
    with_related: bool
    preset: str
    model: str
    head: str
    vertex_mode: str
    vertex_error: float
    cache_folder: str
    identity: str
    identity_2: str
    identity_mix: float
    strength: float
    articulation: float
    anticipation: float
    smooth: float
    gain_jaw: float
    gain_lips: float
    gain_cheeks: float
    gain_brows: float
    smooth_jaw: float
    smooth_lips: float
    smooth_cheeks: float
    smooth_brows: float
    offset_jaw: float
    offset_lips: float
    offset_cheeks: float
    offset_brows: float
    use_blinks: bool
    blinks: float
    use_brow_raises: bool
    brow_raises: float
    use_head_motion: bool
    head_motion: float
    use_eye_motion: bool
    eye_motion: float
    use_breath: bool
    breath: float
    seed: int
    audio_channel: int
    use_range: bool
    range_start: int
    range_end: int
    crossfade: float
    destination: str
    nla_blend: str
    nla_influence: float
    action: str
    interpolation: str
    existing: str
    sliders: str
    reduce: bool
    max_error: float


def settings_of(options: Options, preferences: EnginePreferences, fps: float, phones: tuple[Phone, ...] | None = None) -> Settings:
    """What the engine is asked for; frames become seconds. Raises SettingError."""
    return Settings(
        model=options.model, head=options.head, identity=_identity(options), strength=options.strength, smooth=options.smooth, fps=fps,
        gains=Gains(options.gain_jaw, options.gain_lips, options.gain_cheeks, options.gain_brows),
        articulation=options.articulation, anticipation_s=options.anticipation / fps,
        delays=Delays(*(frames / fps for frames in (options.offset_jaw, options.offset_lips, options.offset_cheeks, options.offset_brows))),
        region_smooth=RegionSmooth(options.smooth_jaw, options.smooth_lips, options.smooth_cheeks, options.smooth_brows),
        life=Life(
            blinks=options.blinks * options.use_blinks, brows=options.brow_raises * options.use_brow_raises,
            head=options.head_motion * options.use_head_motion, eyes=options.eye_motion * options.use_eye_motion,
            breath=options.breath * options.use_breath, seed=options.seed,
        ),
        transcript=_transcript(options), language=options.language, phones=phones,
        max_error=options.max_error if options.reduce else None, vertices=options.vertex_mode == 'CACHE',
        device=preferences.device, threads=preferences.threads, model_folders=preferences.model_folders,
    )


def key_options(options: Options) -> parts.KeyOptions:
    """How the keys are written."""
    strip = Strip(options.nla_blend, options.nla_influence)
    return parts.KeyOptions(options.action, options.interpolation, options.existing, options.sliders, options.destination, strip)


def vertex_options(options: Options) -> vertex_head.VertexOptions:
    """How a head that gives vertices is played."""
    return vertex_head.VertexOptions(
        options.vertex_mode, options.vertex_error / 100, options.cache_folder, options.max_error if options.reduce else None,
    )


def phones_of(phones: notes.Phones) -> tuple[Phone, ...] | None:
    """Phones for the engine."""
    return None if phones is None else tuple(Phone(str(label), float(start_s), float(end_s)) for label, start_s, end_s in phones)


def _identity(options: Options) -> str:
    """One identity, or the blend of two, each of which may be a blend itself."""
    if not options.identity_2 or options.identity_mix <= 0:
        return options.identity
    if options.identity_mix >= 1:
        return options.identity_2
    shares = (1 - options.identity_mix, options.identity), (options.identity_mix, options.identity_2)
    return "blend:" + ",".join(part for share, identity in shares for part in _weighted(identity, share))


def _weighted(identity: str, share: float) -> list[str]:
    """The parts of a blend, all together with this share."""
    if not identity.startswith("blend:"):
        return [f"{identity or 'pivot'}={share:.9g}"]
    pairs = [part.rpartition("=") for part in identity.removeprefix("blend:").split(",")]
    try:
        total = sum(float(weight) for _, _, weight in pairs)
        return [f"{name}={share * float(weight) / total:.9g}" for name, _, weight in pairs]
    except (ValueError, ZeroDivisionError):
        raise SettingError(f"Blend {identity!r} cannot be mixed with another identity. Write blend:relaxed=0.3,clear=0.7, or leave out the second one.") from None


def _transcript(options: Options) -> str | None:
    """The words to follow; None without any. Raises SettingError."""
    if not options.transcript_text:
        return options.transcript or None
    text = bpy.data.texts.get(options.transcript_text)
    if text is None:
        raise SettingError(f"Text not found: {options.transcript_text!r}. Choose a text data-block of this file, or leave it out.")
    return text.as_string()
