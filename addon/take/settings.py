"""What the options of a take ask of the engine and of the key writer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import bpy

from ...engine import Reference, SettingError, Settings, reference_of
from ...engine.values.option_row import settings_by, with_fields
from ...engine.values.phones import Phone
from ...engine.values.settings import THIS_SOUND
from ..actions.face_motion import face_motion
from ..actions.ledger import TimedPhone
from ..host.preferences import EnginePreferences
from ..keying.parts import KeyOptions
from ..keying.vertex_head import VertexOptions
from .options import OPTIONS, Options


def settings_of(
    options: Options, preferences: EnginePreferences, fps: float, phones: tuple[Phone, ...] | None = None,
) -> Settings:
    """What the engine is asked for; frames become seconds. Raises SettingError."""
    fields = settings_by(OPTIONS, "Settings", asdict(options), fps)
    fields |= {"identity": _identity(options), "transcript": _transcript(options)}
    if options.style_from != 'FILE':
        fields |= {"reference": "", "reference_2": ""}
    fields["voice"] = (options.voice or THIS_SOUND) if options.style_from == 'VOICE' else ""
    fields["picture"] = bpy.path.abspath(options.picture)
    start = Settings(
        references=_references(options, preferences.preset_folders, fps),
        fps=fps, phones=phones, vertices=options.vertex_mode == 'CACHE', device=preferences.device,
        threads=preferences.threads, model_folders=preferences.model_folders,
    )
    return with_fields(start, fields)


def key_options(options: Options, fps: float) -> KeyOptions:
    """How the keys are written."""
    return with_fields(KeyOptions(), settings_by(OPTIONS, "KeyOptions", asdict(options), fps))


def vertex_options(options: Options, fps: float) -> VertexOptions:
    """How a head that gives vertices is played."""
    fields = settings_by(OPTIONS, "VertexOptions", asdict(options), fps)
    return VertexOptions(**fields, max_error=options.max_error if options.reduce else None)


def phones_of(phones: Sequence[TimedPhone] | None) -> tuple[Phone, ...] | None:
    """Phones for the engine."""
    if phones is None:
        return None
    return tuple(Phone(str(label), float(start_s), float(end_s)) for label, start_s, end_s in phones)


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
        raise SettingError(
            f"Blend {identity!r} cannot be mixed with another identity. "
            "Write blend:relaxed=0.3,clear=0.7, or leave out the second one."
        ) from None


def _references(options: Options, preset_folders: tuple[str, ...], fps: float) -> tuple[Reference, ...]:
    """The Action whose manner is taken over; () where the style is from elsewhere. Raises EngineError kinds."""
    if options.style_from != 'ACTION':
        return ()
    action = bpy.data.actions.get(options.reference_action)
    if action is None:
        lack = f"{options.reference_action!r} is not in this file" if options.reference_action else "none is chosen"
        raise SettingError(f"Style From is Action, and {lack}. Choose an Action of a speaking face.")
    frames = options.reference_first, options.reference_last
    motion, unread = face_motion(action, options.reference_slot, frames, fps, preset_folders)
    return (reference_of(motion, action.name, unread=unread),)


def _transcript(options: Options) -> str | None:
    """The words to follow; None without any. Raises SettingError."""
    if not options.transcript_text:
        return options.transcript or None
    text = bpy.data.texts.get(options.transcript_text)
    if text is None:
        raise SettingError(
            f"Text not found: {options.transcript_text!r}. Choose a text data-block of this file, or leave it out."
        )
    return text.as_string()
