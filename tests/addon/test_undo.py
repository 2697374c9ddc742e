"""One step of undo takes back all that a button did, and one of redo brings it again: keys, values, strips, the scene.
"""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import RATE_HZ, make_face, needs_aud, own_action, write_wav
from .strips import add_strip
from .test_capture import write_capture

JAW = 'key_blocks["jawOpen"].value'
SCENE = ("frame_start", "frame_end", "sync_mode", "use_preview_range")
CHOSEN = ("source", "audio", "strip", "transcript", "own_moods", "mood", "range_start", "range_end")


@pytest.fixture
def shot(ext, speech, tmp_path):
    """A face with keys of the artist, a take on frames 1 to 48, a short scene."""
    face = make_face(ext, "Face")
    own_action(face.data.shape_keys, {'key_blocks["browInnerUp"].value': [(frame, 0.3) for frame in range(1, 49)]})
    scene, settings = bpy.context.scene, bpy.context.scene.unitalker
    scene.frame_end, scene.sync_mode = 20, 'NONE'
    other = write_wav(tmp_path / "other.wav", 0.4 * np.sign(np.sin(np.arange(2 * RATE_HZ) / 20)))
    settings.character, settings.source, settings.audio = face, 'FILE', other
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    return face


@pytest.fixture
def capture(tmp_path):
    return write_capture(tmp_path / "take.csv")


def state() -> object:
    """All that the buttons here may change."""
    scene = bpy.context.scene
    rows = [(row.source, row.audio, row.start_frame, row.character and row.character.name, row.kind, row.use) for row in
            scene.unitalker_cast.rows]
    return (
        as_before.animation(), as_before.values(), strips(), rows, [marker.name for marker in scene.timeline_markers],
        [getattr(scene, name) for name in SCENE], [getattr(scene.unitalker, name) for name in CHOSEN],
    )


def strips() -> list[tuple[object, ...]]:
    editor = bpy.context.scene.sequence_editor
    found = (editor.strips if hasattr(editor, "strips") else editor.sequences) if editor else ()
    return sorted((strip.name, strip.channel, strip.sound.filepath) for strip in found)


def assert_one_step(press: Callable[[], set[str]]) -> None:
    bpy.ops.ed.undo_push(message="before")
    before = state()
    assert press() == {'FINISHED'}
    after = state()
    assert after != before
    bpy.ops.ed.undo()
    assert state() == before
    bpy.ops.ed.redo()
    assert state() == after


@pytest.mark.parametrize(("name", "given"), [
    ("redo_mouth", {}),
    ("punch_in", {"use_range": True, "range_start": 10, "range_end": 24}),
    ("continue_last", {}),
    ("clean_action", {}),
    ("mood_from_voice", {}),
    ("mood_on_frames", {"mood": "angry", "first": 5, "last": 40}),
    ("cast_add", {"what": 'EMPTY'}),
])
def test_one_undo_takes_back(shot, name, given):
    assert_one_step(lambda: getattr(bpy.ops.unitalker, name)('EXEC_DEFAULT', True, **given))


def test_one_undo_takes_back_a_text_without_a_voice(shot):
    pytest.importorskip("espeakng_loader")
    assert_one_step(lambda: bpy.ops.unitalker.speak_text('EXEC_DEFAULT', True, speak="Maybe Bob knows."))


def test_one_undo_takes_back_a_capture(shot, capture):
    assert_one_step(lambda: bpy.ops.unitalker.capture_import('EXEC_DEFAULT', True, filepath=capture))


def test_one_undo_takes_back_a_mood_of_the_sliders(shot):
    shot.data.shape_keys.key_blocks["mouthSmileLeft"].value = 0.6
    assert_one_step(lambda: bpy.ops.unitalker.mood_from_sliders('EXEC_DEFAULT', True, name="Smirk"))


def test_one_undo_takes_back_all_lines_of_the_scene(ext, shot, speech):
    make_face(ext, "Other").location.x = 9
    bpy.context.view_layer.update()
    for start, name in ((1, "Face"), (101, "Other")):
        row = bpy.context.scene.unitalker_cast.add()
        row.source, row.audio, row.start_frame, row.character = 'FILE', speech, start, bpy.data.objects[name]
    assert_one_step(lambda: bpy.ops.unitalker.cast_generate('EXEC_DEFAULT', True))


@needs_aud
def test_one_undo_takes_back_lines_of_strips(shot, speech):
    add_strip(speech).select = True
    assert_one_step(lambda: bpy.ops.unitalker.cast_add('EXEC_DEFAULT', True, what='ALL'))


@needs_aud
def test_one_undo_takes_back_the_strip_the_sync_and_the_length_of_a_file(shot):
    bpy.ops.unitalker.clear(character="Face")
    assert_one_step(lambda: bpy.ops.unitalker.animate('EXEC_DEFAULT', True, add_strip=True))
    assert strips() and bpy.context.scene.frame_end == 48 and bpy.context.scene.sync_mode == 'AUDIO_SYNC'


@needs_aud
def test_one_undo_takes_back_that_takes_of_a_replaced_recording_went(shot, speech):
    bpy.ops.unitalker.clear(character="Face")
    strip = add_strip(speech)
    bpy.ops.unitalker.animate(source='STRIP', strip=strip.name, character="Face")
    editor = bpy.context.scene.sequence_editor
    (editor.strips if hasattr(editor, "strips") else editor.sequences).remove(strip)
    assert_one_step(lambda: bpy.ops.unitalker.takes_clear_gone('EXEC_DEFAULT', True))
