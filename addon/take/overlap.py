"""Which lines the next one would write over, said before it is made: of the panel's sound, of a take, of a job."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import bpy

from ...engine import AudioError
from ..actions.ledger import TakeNote
from ..character import character as rig
from ..host.scene import scene_fps
from ..keying import overlaps
from ..keying.parts import Line
from ..sound import clip as sounds
from ..sound.clip import SoundClip
from ..sound.strips import pick, sequencer_scene
from . import make
from .options import Options
from .settings import key_options


def of_panel(
    context: bpy.types.Context, choices: Mapping[str, object], character: rig.Character,
    length_s: Callable[[str], float],
) -> tuple[str, ...]:
    """Sentences for what the panel's button would replace on its character, quickly.

    Args:
        choices: every option of the panel. length_s: seconds of a sound file, by its path.
    Raises:
        EngineError: a kind of it where the line could not be made.
    """
    options = Options(**choices)
    home = rig.home_scene(context, options.character)
    clip, fps = _place(context, options, home), scene_fps(home)
    whole_s = clip.length_s if math.isfinite(clip.length_s) else length_s(clip.path) - clip.first_s
    line = _line(make.line_name(options, clip, character), options, clip, max(1, round(whole_s * fps)))
    return overlaps.before(character.targets, line, key_options(options, fps))


def of_request(request: make.Request, frames: int) -> tuple[str, ...]:
    """Sentences for what a request of so many frames would replace."""
    if request.character is None:
        return ()
    line = line_of(request, frames)
    return overlaps.before(request.character.targets, line, request.keys)


def line_of(request: make.Request, frames: int) -> Line:
    """Where the keys of a request would lie."""
    return _line(request.line, request.options, request.clip, frames)


def _line(name: str, options: Options, clip: SoundClip, frames: int) -> Line:
    first = clip.start_frame + options.shift_frames
    last = first + frames - 1
    if options.use_range:
        first, last = max(first, options.range_start), min(last, options.range_end)
    return Line(name, first, last, 0.0, TakeNote(character=options.character))


def _place(context: bpy.types.Context, options: Options, home: bpy.types.Scene) -> SoundClip:
    """Where the panel's sound lies; of a strip without its file."""
    if options.source == 'STRIP':
        edit = sequencer_scene(context)
        return sounds.place_of(edit, pick(edit, options.strip), home)
    if options.source == 'FILE':
        return sounds.find_file(context, options.audio, options.start_frame, home)
    speaker = bpy.data.objects.get(options.speaker)
    if speaker is None or speaker.type != 'SPEAKER' or speaker.data.sound is None:
        raise AudioError(f"Speaker not found: {options.speaker!r}. Pick a speaker object that has a sound.")
    path = bpy.path.abspath(speaker.data.sound.filepath, library=speaker.data.sound.library)
    start = sounds.speaker_start(speaker, home)
    return SoundClip(options.speaker, path, None, **sounds.whole_from(start, scene_fps(home)))
