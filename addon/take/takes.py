"""The takes of a character: lines of sound, each with the options it was made with. Find, make again, clear, give away.

A take is made again from the features of its sound, which the engine caches, so that a change of style costs a fraction
of a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import bpy

from ...engine import RigError, SettingError
from ...engine.values.option_row import STYLE, Value
from ..actions.ledger import Span, TakeNote
from ..character import character as rig
from ..keying import clearing, notes, obstacles
from ..sound.clip import SoundClip
from ..sound.strips import sequencer_scene, sound_strips
from . import make, overlap
from .callbacks import end_previews
from .options import AS_0_1, OPTIONS, POINTERS, Options
from .properties import collect, data_block


@dataclass(frozen=True)
class Take:
    """One line of sound on one character.

    Attributes:
        line: name of its strip, file or speaker, under which the keys are noted. character: name of the object.
        first_frame, last_frame: of its keys. action: the Action that holds them.
        choices: the options that it was made with, by name; empty where that is not known.
        clip: the sound and where it starts; None where it has to be looked up by the choices.
        phones: (label, start, end in seconds) of each, where the user edited them; None takes what the model finds.
        fps: frames per second of the scene when it was made; None where that is not known.
    """

    line: str
    character: str
    first_frame: float
    last_frame: float
    action: str
    choices: Mapping[str, object]
    clip: SoundClip | None
    phones: tuple[tuple[str, float, float], ...] | None
    fps: float | None = None

    @property
    def known(self) -> bool:
        """Whether it is known how it was made; a take of an older version can only be cleared, or generated anew."""
        return bool(self.choices)


def takes_of(context: bpy.types.Context, character: str, with_related: bool = True) -> list[Take]:
    """The takes of a character, in the order of their frames.

    Args:
        character: name of an object; empty takes the active and the selected ones.
    Raises:
        RigError: no such object, or it can move nothing.
    """
    found = rig.gather(context, character, with_related)
    return [_take(note, found.name) for note in notes.all_of(found)]


def find(context: bpy.types.Context, character: str, line: str) -> Take:
    """One take of a character. Raises RigError, SettingError."""
    known = takes_of(context, character)
    found = next((take for take in known if take.line == line), None)
    if found is None:
        names = ", ".join(take.line for take in known) or "none"
        raise SettingError(f"Take not found: {line!r} on {character or 'the active object'}. It has: {names}.")
    return found


def chosen(context: bpy.types.Context, given: Mapping[str, object] = MappingProxyType({})) -> Take | None:
    """The take of the sound and the character that the panel shows, or that are given; None without any. Raises
    RigError."""
    values = collect(context, given)
    known = takes_of(context, values["character"], values["with_related"])
    if values["source"] == 'FILE':
        return _nearest_of_file(context, values, known)
    lines = _lines_meant(context, values)
    return next((take for line in lines for take in known if take.line == line), None)


def request(
    context: bpy.types.Context, take: Take, changes: Mapping[str, object], span: Span | None = None,
) -> make.Request:
    """What make.compute and make.write need to make a take again.

    Args:
        changes: options by name that are different now; "phones" for phones, where None takes what the model finds;
            "clip" for a clip that has moved.
        span: the only frames that may change; None makes all of it anew.
    Raises:
        EngineError: a kind of it for everything that the user can fix.
    """
    if not take.known:
        raise SettingError(
            f"How {take.line!r} was made is not known: an older version made it. Generate it again once."
        )
    options = {name: value for name, value in changes.items() if name not in ("phones", "clip")}
    values = {**collect(context, {}), **_usable(take.choices), **options}
    if values["punch_in"] and span is None:
        span = take.first_frame, take.last_frame            # no more of it than went in
    values |= {"character": take.character, "use_range": span is not None}
    if span is not None:
        values |= {"range_start": math.ceil(span[0]), "range_end": math.floor(span[1])}
    clip = changes.get("clip", take.clip)
    wanted = make.gather(context, Options(**values), _present(clip), changes.get("phones", take.phones))
    if take.choices.get("source") == 'FILE':
        wanted = replace(wanted, line=take.line)        # also where it moves
    if {"action", "destination"} & changes.keys():
        return wanted
    return replace(wanted, keys=replace(wanted.keys, action=""))    # in its Action, whatever name that has by now


def remake(
    context: bpy.types.Context, take: Take, changes: Mapping[str, object], span: Span | None = None,
) -> make.Summary:
    """Make a take again, at once; arguments and errors as for `request`. Its keys are replaced, never doubled."""
    wanted = request(context, take, changes, span)
    return make.write(wanted, make.compute(wanted))


def remake_live(
    context: bpy.types.Context, take: Take, changes: Mapping[str, object], span: Span | None = None,
) -> tuple[str, ...]:
    """As `remake`, while a slider moves; a sentence for each other line whose keys it replaces."""
    wanted = request(context, take, changes, span)
    result = make.compute(wanted)
    replaced = overlap.of_request(wanted, len(make.animation_of(result).motion.weights))
    make.write(wanted, result)
    return replaced


def forget(context: bpy.types.Context, take: Take) -> int:
    """Make it the artist's: the keys stay, and nothing of ours touches them again.

    Returns the number of curves. Raises RigError.
    """
    end_previews(context.scene)
    return clearing.release(_character(context, take), take.line)


def clear(context: bpy.types.Context, take: Take) -> int:
    """Remove one take and leave the others. Returns the number of curves that lost keys. Raises RigError."""
    end_previews(context.scene)
    return clearing.clear(_character(context, take), take.line)


def clear_frames(context: bpy.types.Context, character: str, with_related: bool, span: Span) -> int:
    """Remove the keys of our takes on some frames. Returns the number of curves that lost keys. Raises RigError."""
    end_previews(context.scene)
    return clearing.clear_frames(rig.gather(context, character, with_related), span)


def locked(context: bpy.types.Context, character: str, with_related: bool) -> list[str]:
    """Sentences on curves of ours that the artist locked, which nothing changes. Raises nothing."""
    try:
        return obstacles.locked_sentences(rig.gather(context, character, with_related))
    except RigError:            # a mesh with nothing but a cache
        return []


def style_of_panel(context: bpy.types.Context) -> dict[str, object]:
    """All choices of the panel but those that belong to the sound of a take, or say where its keys are."""
    chosen = collect(context, {})
    return {option.name: chosen[option.name] for option in OPTIONS if option.role == STYLE}


def load(context: bpy.types.Context, take: Take) -> int:
    """Set the panel to the choices that a take was made with. Returns how many were set."""
    settings = context.scene.unitalker
    live, settings.live = settings.live, False
    values = _usable(take.choices)
    values.pop("speak", None)               # the panel's next sound is another one
    if values.get("character"):
        values["character"] = take.character        # it may have been renamed, or be a copy of another character
    for name, value in values.items():
        setattr(settings, name, data_block(name, str(value)) if name in POINTERS else value)
    settings.live = live
    return len(values)


def _take(noted: notes.NotedLine, character: str) -> Take:
    note = noted.note or TakeNote()
    clip = notes.clip_of(note.clip) if note.clip is not None and not note.packed else None
    frames = noted.first_frame, noted.last_frame
    return Take(noted.line, character, *frames, noted.action, note.choices, clip, note.phones, note.fps)


def _character(context: bpy.types.Context, take: Take) -> rig.Character:
    return rig.gather(context, take.character, bool(take.choices.get("with_related", True)))


def _lines_meant(context: bpy.types.Context, values: Mapping[str, object]) -> list[str]:
    """Names under which the panel's sound may be noted."""
    if values["source"] == 'SPEAKER':
        return [str(values["speaker"])]
    edit = sequencer_scene(context)
    if values["strip"]:
        return _names_of_strip(str(values["strip"]), edit)
    active = edit.sequence_editor.active_strip if edit.sequence_editor else None
    strips = [active] if active is not None and active.type == 'SOUND' else sound_strips(edit)
    return _names_of_strip(strips[0].name, edit) if len(strips) == 1 else []


def _names_of_strip(name: str, edit: bpy.types.Scene) -> list[str]:
    """The name with its scene, which counts where a strip of another scene has the same name; then the name."""
    return [f"{name} ({edit.name})", name]


def _nearest_of_file(context: bpy.types.Context, values: Mapping[str, object], known: list[Take]) -> Take | None:
    """Of the takes of the panel's sound file the one that starts nearest to the panel's Start."""
    name = "/".join(Path(bpy.path.abspath(str(values["audio"]))).parts[-2:])
    character = rig.gather(context, str(values["character"]), bool(values["with_related"]))
    lines = {noted.line for noted in notes.of_file(character, name)}
    start = float(values["start_frame"])

    def distance(take: Take) -> float:
        return abs((take.clip.start_frame if take.clip else take.first_frame) - start)

    return min((take for take in known if take.line in lines), default=None, key=distance)


def _present(clip: object) -> SoundClip | None:
    """A clip whose file is still there; else it is looked up again, which says what is missing."""
    if not isinstance(clip, SoundClip):
        return None
    is_there = clip.packed is not None or (Path(clip.path).is_file() and not clip.retiming)
    return clip if is_there else None


def _usable(choices: Mapping[str, object]) -> dict[str, Value]:
    """Those noted options that this version understands, and what a take of 0.1 means by lacking others."""
    usable = {option.name: choices[option.name] for option in OPTIONS if option.accepts(choices.get(option.name))}
    return usable if not usable or "performance" in usable else {**AS_0_1, **usable}
