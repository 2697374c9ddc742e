"""The sound strips of a sequencer, and when each is audible, under one name where Blender 4.2 to 5.3 have several.

Main thread only. Reads; the one thing it writes is a mark on a strip (`mark`), by which takes and rows find it again
after it was renamed.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import bpy

from ...engine import AudioError
from ..host.scene import scene_fps
from .retiming_keys import keys_of

SEVERAL = "Pick one"            # shown in the empty field when several sound strips could be meant
MARK = "unitalker"              # custom property of a strip that a take or a row speaks of


@dataclass(frozen=True)
class AudibleSpan:
    """When a strip is audible, in frames of its own scene.

    Attributes:
        first, right: first whole frame, and the frame after the last one.
        zero: frame on which second 0 of its file falls, audible or trimmed away; not so for a retimed strip.
        fps: of its scene.
        retiming: frames of its retiming keys, as retiming_of gives them; empty for a strip at its own speed.
    """

    first: int
    right: int
    zero: float
    fps: float
    retiming: tuple[int, ...]


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose strips the sequencer shows: from 5.0 on the workspace may name another than the active scene."""
    return getattr(context.workspace, "sequencer_scene", None) or context.scene


def all_strips(scene: bpy.types.Scene) -> bpy.types.bpy_prop_collection:
    """Every strip of a scene that has a sequence editor, those inside meta strips too."""
    editor = scene.sequence_editor
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all


def sound_strips(scene: bpy.types.Scene) -> list[bpy.types.Strip]:
    """Every sound strip of a scene, those inside meta strips too, in the order in which they start."""
    if scene.sequence_editor is None:
        return []
    sounds = [strip for strip in all_strips(scene) if strip.type == 'SOUND']
    return sorted(sounds, key=lambda strip: (handles(strip)[0], strip.name))


def active_sound(context: bpy.types.Context) -> str:
    """Name of the active strip of the sequencer if it is a sound strip, else ""."""
    editor = sequencer_scene(context).sequence_editor
    active = editor.active_strip if editor is not None else None
    return active.name if active is not None and active.type == 'SOUND' else ""


def strip_in_use(context: bpy.types.Context) -> str:
    """Name of the sound strip that an empty field means; empty without sound strips, SEVERAL when it is not clear."""
    if name := active_sound(context):
        return name
    names = [strip.name for strip in sound_strips(sequencer_scene(context))]
    return names[0] if len(names) == 1 else (SEVERAL if names else "")


def frames_of(context: bpy.types.Context, name: str) -> str:
    """First and last frame on which a strip is heard, for panels; empty takes the one in use, "" without any."""
    editor = sequencer_scene(context).sequence_editor
    strip = all_strips(editor.id_data).get(name or strip_in_use(context)) if editor is not None else None
    if strip is None or strip.type != 'SOUND':
        return ""
    first, right = audible_frames(strip)
    return f"{first} - {right - 1}"


def pick(scene: bpy.types.Scene, name: str) -> bpy.types.Strip:
    """The sound strip of this name; empty takes the active one, or the only one. Raises AudioError."""
    strips = sound_strips(scene)
    if not strips:
        raise AudioError(
            f"Scene {scene.name!r} has no sound strip. "
            "Add one in the Video Sequencer (Add > Sound), or pick a sound file."
        )
    if not name:
        active = scene.sequence_editor.active_strip
        if active is not None and active.type == 'SOUND':
            return active
        if len(strips) == 1:
            return strips[0]
    for strip in strips:
        if strip.name == name:
            return strip
    known = ", ".join(strip.name for strip in strips)
    problem = f"Sound strip not found: {name!r}" if name else f"{len(strips)} sound strips and none is chosen"
    raise AudioError(f"{problem} in scene {scene.name!r}. Pick one of: {known}.")


def mark(strip: bpy.types.Strip, scene: bpy.types.Scene) -> str:
    """The mark of a strip, made now where it has none.

    A copied or split strip has its original's mark and gets its own. A strip of a linked scene cannot be marked: "".
    """
    own = mark_of(strip)
    if scene.library is None and (not own or _original([strip, *marked(scene, own, strip)]) != strip):
        own = uuid.uuid4().hex[:12]
        strip[MARK] = f"{own} {strip.name}"
    return own


def mark_of(strip: bpy.types.Strip) -> str:
    """The mark of a strip, or ""."""
    return str(strip.get(MARK, "")).partition(" ")[0]


def marked(scene: bpy.types.Scene, wanted: str, but: bpy.types.Strip | None = None) -> list[bpy.types.Strip]:
    """The sound strips that have a mark: one, or several after it was split or copied."""
    found = [strip for strip in sound_strips(scene) if mark_of(strip) == wanted]
    return [strip for strip in found if but is None or strip.name != but.name]


def all_marks() -> tuple[str, ...]:
    """The marks of all sound strips of this file: quick, for drawings that look whether one came or went."""
    edited = [scene for scene in bpy.data.scenes if scene.sequence_editor is not None]
    return tuple(mark_of(strip) for scene in edited for strip in all_strips(scene) if strip.type == 'SOUND')


def is_gone(wanted: str, name: str) -> bool:
    """Whether no scene has the strip of a mark any more; without a mark nothing is gone."""
    return bool(wanted) and all(find_marked(scene, wanted, name) is None for scene in bpy.data.scenes)


def _original(strips: list[bpy.types.Strip]) -> bpy.types.Strip:
    """Which of several strips with one mark was there first: the one that kept its name, else the shortest."""
    def order(strip: bpy.types.Strip) -> tuple[bool, int, str]:
        marked_as = str(strip.get(MARK, "")).partition(" ")[2]
        return marked_as != strip.name, len(strip.name), strip.name

    return min(strips, key=order)


def find_marked(scene: bpy.types.Scene, wanted: str, name: str) -> bpy.types.Strip | None:
    """The sound strip with a mark, whatever it is called now; without a mark, the one of this name; None: deleted.

    Looks at the name first: that is one look-up, and a copy that still shares the mark has another name.
    """
    if scene.sequence_editor is None:
        return None
    strip = all_strips(scene).get(name)
    if strip is not None and strip.type == 'SOUND' and mark_of(strip) == wanted:
        return strip
    found = marked(scene, wanted) if wanted else []
    return _original(found) if found else None


def audible_span(scene: bpy.types.Scene, strip: bpy.types.Strip) -> AudibleSpan:
    """When a strip is audible. Raises AudioError when its handles hide all of it."""
    fps = scene_fps(scene)
    left, right = audible_frames(strip)
    zero = zero_frame(strip, fps)
    retiming = retiming_of(strip)
    first = left if retiming else max(left, math.floor(zero))
    if right <= first:
        raise AudioError(
            f"Nothing of strip {strip.name!r} can be heard between frames {left} and {right}. "
            "Move its handles over the sound."
        )
    return AudibleSpan(first, right, float(left) if retiming else zero, fps, retiming)


def retiming_of(strip: bpy.types.Strip) -> tuple[int, ...]:
    """Where the retiming keys of a strip lie, counted from the first one; () when it plays at its own speed.

    Those of a meta strip around it follow. Raises AudioError.
    """
    try:
        around = (strip, strip.parent_meta())
        return tuple(round(key.frame) for of in around if of is not None for key in keys_of(of))
    except LookupError as error:
        raise AudioError(
            f"The speed of strip {strip.name!r} cannot be read in Blender {bpy.app.version_string} ({error}). "
            "Render the sound to a file and pick that."
        ) from error


def handles(strip: bpy.types.Strip) -> tuple[int, int]:
    """First frame of a strip and the frame after its last; named anew in 5.2."""
    if hasattr(strip, "left_handle"):
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def is_muted(scene: bpy.types.Scene, strip: bpy.types.Strip) -> bool:
    """Whether a strip, a meta strip around it, or the channel of one of them is muted."""
    for around in with_parents(strip):
        holder = around.parent_meta() or scene.sequence_editor
        if around.mute or holder.channels[around.channel].mute:
            return True
    return False


def is_hidden(strip: bpy.types.Strip) -> bool:
    """Whether its handles, or those of the meta strips around it, leave nothing of a strip."""
    left, right = audible_frames(strip)
    return right <= left


def audible_frames(strip: bpy.types.Strip) -> tuple[int, int]:
    """The frames on which a strip can be heard: its own handles, cut by those of the meta strips around it."""
    spans = [handles(around) for around in with_parents(strip)]
    return max(left for left, _ in spans), min(right for _, right in spans)


def with_parents(strip: bpy.types.Strip) -> Iterator[bpy.types.Strip]:
    while strip is not None:
        yield strip
        strip = strip.parent_meta()


def content_start(strip: bpy.types.Strip) -> tuple[int, int]:
    """The frame on which a strip's content starts, and how many frames of the file a hard trim took off before it."""
    if hasattr(strip, "content_start"):
        return int(strip.content_start), strip.content_trim_start
    return int(strip.frame_start), getattr(strip, "animation_offset_start", 0)


def zero_frame(strip: bpy.types.Strip, fps: float) -> float:
    """The frame on which second 0 of the sound file falls, audible or trimmed away: measured with a click track."""
    start, trim = content_start(strip)
    return start - trim + getattr(strip, "sound_offset", 0.0) * fps
