"""The take that is played, drawn over the editors and filmed: which one it is, its sound, its strip and its phones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bpy

from ...engine import EngineError, RigError
from ...engine.values import types
from ...engine.values.phones import Phone
from ..keying.vertex_head import SolvedMesh
from ..sound import clip
from ..sound.scene_strips import shift_between
from ..sound.strips import active_sound, find_marked, handles, sequencer_scene
from . import callbacks, make, takes


def all_of(context: bpy.types.Context, character: str = "") -> list[takes.Take]:
    """The takes of a character ("" is the panel's), in the order of their frames. Raises RigError: no character."""
    settings = context.scene.unitalker
    return takes.takes_of(context, character or settings.character_name, settings.with_related)


def chosen(context: bpy.types.Context, character: str = "") -> takes.Take:
    """The take of the active sound strip, else at the current frame, else the nearest. Raises RigError without any."""
    return choose(all_of(context, character), context.scene.frame_current, active_sound(context))


def choose(known: Sequence[takes.Take], frame: float, strip: str) -> takes.Take:
    """The take whose strip is active, else at a frame, else the nearest. Raises RigError without any."""
    if not known:
        raise RigError("This character has no lip sync yet. Press Generate Lip Sync first.")
    named = next((take for take in known if strip and take.line == strip), None)
    return named or min(known, key=lambda take: max(take.first_frame - frame, frame - take.last_frame, 0.0))


def request_of(context: bpy.types.Context, take: takes.Take) -> make.Request | None:
    """What listening to a take's sound needs; None where that is not known, or the sound is gone."""
    try:
        return takes.request(context, take, {})
    except EngineError:
        return None


def known_phones(context: bpy.types.Context, take: takes.Take) -> tuple[Phone, ...] | None:
    """The phones of a take where the artist edited them or has them on the timeline; else None."""
    if take.phones is not None:
        return tuple(Phone(*row) for row in take.phones)
    found = (find(context, take) for find in callbacks.phones_on_timeline)
    return next((phones for phones in found if phones is not None), None)


def model_phones(request: make.Request, cancelled: Callable[[], bool] = types.never) -> tuple[Phone, ...]:
    """The phones of a sound as the model finds them; () for a model without phones, or a sound that cannot be read.

    Quick where the engine still has them. On any thread.
    """
    try:
        result = make.compute(request, cancelled=cancelled)
    except EngineError:
        return ()
    return (result.animation if isinstance(result, SolvedMesh) else result).phones


def strip_of(context: bpy.types.Context, take: takes.Take) -> tuple[tuple[str, str], int]:
    """Name and mark of a take's strip, and the frames from its clock to the scene's; ("", "") without a strip."""
    edit = sequencer_scene(context)
    mark = take.clip.mark if take.clip else ""
    strip = find_marked(edit, mark, take.line)
    if strip is None:
        return ("", ""), 0
    left, right = handles(strip)
    return (strip.name, mark), shift_between(edit, context.scene, left, right)


def play_sound(context: bpy.types.Context, take: takes.Take) -> object | None:
    """Start the sound of a take; its handle, None where the scene plays it or it is gone. Raises EngineError kinds."""
    request = None if _is_in_scene(context, take) else request_of(context, take)
    return clip.play(request.clip) if request is not None else None


def _is_in_scene(context: bpy.types.Context, take: takes.Take) -> bool:
    """Whether the scene plays a take's sound by itself: as a strip of its own, or as a speaker."""
    if sequencer_scene(context) == context.scene and strip_of(context, take)[0][0]:
        return True
    speaker = bpy.data.objects.get(take.line)
    return speaker is not None and speaker.type == 'SPEAKER' and speaker.data.sound is not None
