"""The takes of a character: lines of sound that it says, each with the choices it was made with. Find, make again, change, give away.

A take is made again from the features that listening gave, which the engine keeps, so that a change of style costs a fraction of a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import bpy

from ...engine import SettingError
from ...engine.values.options import STYLE
from ..actions.ledger import Span, TakeNote
from ..character import character as rig
from ..keying import clearing, notes
from ..sound.clip import Clip
from ..sound.strips import sequencer_scene, sound_strips
from . import make
from .callbacks import end_previews
from .options import CHOICES, OPTIONS, POINTERS, Options
from .properties import collect, data_block


@dataclass(frozen=True)
class Take:
    """One line of sound on one character.

    Attributes:
        line: name of its strip, file or speaker, as the keys are noted by. character: name of the object.
        first_frame, last_frame: of its keys. action: the Action that holds them.
        choices: the options that it was made with, by name; empty where that is not known.
        clip: the sound and its place; None where it has to be looked up by the choices.
        phones: (label, start, end in seconds) of each, where the user edited them; None is as heard.
        fps: frames per second of the scene when it was made; None where that is not known.
    """

    line: str
    character: str
    first_frame: float
    last_frame: float
    action: str
    choices: Mapping[str, object]
    clip: Clip | None
    phones: tuple[tuple[str, float, float], ...] | None
    fps: float | None = None

    @property
    def known(self) -> bool:
        """Whether it is known how the take was made; a take of an older version can only be cleared, or generated anew."""
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
    found = next((one for one in known if one.line == line), None)
    if found is None:
        names = ", ".join(one.line for one in known) or "none"
        raise SettingError(f"Take not found: {line!r} on {character or 'the active object'}. It has: {names}.")
    return found


def chosen(context: bpy.types.Context) -> Take | None:
    """The take of the sound and the character that the panel shows; None where there is none yet. Raises RigError where there is no character."""
    values = collect(context, {})
    known = takes_of(context, values["character"], values["with_related"])
    if values["source"] == 'FILE':
        return _nearest_of_file(context, values, known)
    lines = _lines_meant(context, values)
    return next((one for line in lines for one in known if one.line == line), None)


def request(
    context: bpy.types.Context, one: Take, changes: Mapping[str, object], span: Span | None = None,
) -> make.Request:
    """What take.compute and take.write need to make a take again.

    Args:
        changes: options by name that are different now; "phones" for phones, None of which is as heard; "clip" for a clip that has moved.
        span: the only frames that may change; None makes all of it anew.
    Raises:
        EngineError: a kind of it for everything that the user can mend.
    """
    if not one.known:
        raise SettingError(f"How {one.line!r} was made is not known: an older version made it. Generate it again once.")
    values = {**collect(context, {}), **_usable(context, one.choices), **{name: value for name, value in changes.items() if name not in ("phones", "clip")}}
    values["character"] = one.character
    values["use_range"] = span is not None
    if span is not None:
        values["range_start"], values["range_end"] = math.ceil(span[0]), math.floor(span[1])
    clip = changes.get("clip", one.clip)
    phones = changes.get("phones", one.phones)
    wanted = make.gather(context, Options(**values), _present(clip), phones)
    if one.choices.get("source") == 'FILE':
        wanted = replace(wanted, line=one.line)         # also where it moves
    # it goes on where it is, whatever name that Action has by now
    return wanted if {"action", "destination"} & changes.keys() else replace(wanted, keys=replace(wanted.keys, action=""))


def remake(context: bpy.types.Context, one: Take, changes: Mapping[str, object], span: Span | None = None) -> make.Summary:
    """Make a take again, at once; arguments as for `request`. Its keys are replaced, never doubled. Raises EngineError kinds."""
    wanted = request(context, one, changes, span)
    return make.write(wanted, make.compute(wanted))


def forget(context: bpy.types.Context, one: Take) -> int:
    """Make it the artist's: the keys stay as they are and nothing of ours touches them again. Returns the number of curves. Raises RigError."""
    end_previews(context.scene)
    return clearing.release(_character(context, one), one.line)


def clear(context: bpy.types.Context, one: Take) -> int:
    """Remove one take and leave the others. Returns the number of curves that lost keys. Raises RigError."""
    end_previews(context.scene)
    return clearing.clear(_character(context, one), one.line)


def clear_frames(context: bpy.types.Context, character: str, with_related: bool, span: Span) -> int:
    """Remove the keys of our takes on some frames. Returns the number of curves that lost keys. Raises RigError."""
    end_previews(context.scene)
    return clearing.clear_frames(rig.gather(context, character, with_related), span)


def style_of_panel(context: bpy.types.Context) -> dict[str, object]:
    """All choices of the panel but those that belong to the sound of a take, or say where its keys are."""
    chosen = collect(context, {})
    return {option.name: chosen[option.name] for option in OPTIONS if option.role == STYLE}


def load(context: bpy.types.Context, one: Take) -> int:
    """Set the panel to the choices that a take was made with. Returns how many were set."""
    settings = context.scene.unitalker
    live, settings.live = settings.live, False
    values = _usable(context, one.choices)
    if values.get("character"):
        values["character"] = one.character         # it may have been renamed, or be a copy of the one that the take was made for
    for name, value in values.items():
        setattr(settings, name, data_block(name, str(value)) if name in POINTERS else value)
    settings.live = live
    return len(values)


def _take(noted: notes.NotedLine, character: str) -> Take:
    note = noted.note or TakeNote()
    clip = notes.clip_of(note.clip) if note.clip is not None and not note.packed else None
    return Take(noted.line, character, noted.first_frame, noted.last_frame, noted.action, note.choices, clip, note.phones, note.fps)


def _character(context: bpy.types.Context, one: Take) -> rig.Character:
    return rig.gather(context, one.character, bool(one.choices.get("with_related", True)))


def _lines_meant(context: bpy.types.Context, values: Mapping[str, object]) -> list[str]:
    """Names under which the panel's sound may be noted."""
    if values["source"] == 'SPEAKER':
        return [str(values["speaker"])]
    edit = sequencer_scene(context)
    if values["strip"]:
        return [f"{values['strip']} ({edit.name})", str(values["strip"])]       # the first where a strip of another scene has the name
    active = edit.sequence_editor.active_strip if edit.sequence_editor else None
    strips = [active] if active is not None and active.type == 'SOUND' else sound_strips(edit)
    return [f"{strips[0].name} ({edit.name})", strips[0].name] if len(strips) == 1 else []


def _nearest_of_file(context: bpy.types.Context, values: Mapping[str, object], known: list[Take]) -> Take | None:
    """Of the takes of the panel's sound file the one that starts nearest to the panel's Start."""
    name = "/".join(Path(bpy.path.abspath(str(values["audio"]))).parts[-2:])
    names = {note.line for note in notes.of_file(rig.gather(context, str(values["character"]), bool(values["with_related"])), name)}
    start = float(values["start_frame"])
    return min(
        (one for one in known if one.line in names), default=None,
        key=lambda one: abs((one.clip.start_frame if one.clip else one.first_frame) - start),
    )


def _present(clip: object) -> Clip | None:
    """A clip whose file is still there; else it is looked up again, which says what is missing."""
    return clip if isinstance(clip, Clip) and (clip.packed is not None or (Path(clip.path).is_file() and not clip.retiming)) else None


def _usable(context: bpy.types.Context, choices: Mapping[str, object]) -> dict[str, object]:
    """Those stored choices that this version understands."""
    properties = context.scene.unitalker.bl_rna.properties
    found: dict[str, object] = {}
    for name in CHOICES:
        value, rna = choices.get(name), properties.get(name)
        if rna is None or value is None:
            continue
        good = {
            'BOOLEAN': isinstance(value, bool), 'INT': isinstance(value, int) and not isinstance(value, bool),
            'FLOAT': isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value),
            'STRING': isinstance(value, str), 'POINTER': isinstance(value, str), 'ENUM': rna.type == 'ENUM' and value in rna.enum_items,
        }
        if good.get(rna.type, False):
            found[name] = value
    return found
