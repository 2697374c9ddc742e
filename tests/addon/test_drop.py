"""Sound files dropped on the 3D view or opened from the search: Blender's FileHandler calls the operator that is called
here."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from .conftest import jaw, make_face, needs_aud, write_wav


@pytest.fixture
def preferences(ext):
    own = ext.module("addon.host.preferences").own(bpy.context)
    yield own
    own.generate_on_drop = True


def drop(*paths: str, **given: object) -> set[str]:
    """As Blender calls it for files that were dropped."""
    files = [{"name": os.path.basename(path)} for path in paths]
    return bpy.ops.unitalker.sound_open(filepath=paths[0], directory=os.path.dirname(paths[0]), files=files, **given)


def test_a_dropped_sound_makes_lip_sync_from_the_current_frame(ext, face, speech, preferences):
    bpy.context.scene.frame_set(30)
    assert drop(speech, character="Face") == {'FINISHED'}
    settings = bpy.context.scene.unitalker
    assert (settings.audio, settings.start_frame, settings.character) == (speech, 30, face)
    assert settings.source == ('STRIP' if bpy.app.build_options.audaspace else 'FILE')      # heard, where it can be
    assert jaw(face)[0, 0] == 30 and len(jaw(face)) == 48


def test_the_preferences_may_ask_for_the_choice_alone(ext, face, speech, preferences):
    preferences.generate_on_drop = False
    drop(speech, character="Face")
    assert bpy.context.scene.unitalker.audio == speech and not len(bpy.data.actions)
    drop(speech, character="Face", generate=True)       # whoever calls it decides
    assert len(jaw(face)) == 48


def test_without_a_character_the_sound_is_only_chosen(ext, speech, preferences):
    assert drop(speech) == {'FINISHED'}
    assert bpy.context.scene.unitalker.audio == speech and not len(bpy.data.actions)


def test_an_unknown_character_leaves_the_panels(ext, face, speech, preferences):
    bpy.context.scene.unitalker.character = face
    drop(speech, character="Nobody")
    assert bpy.context.scene.unitalker.character == face and len(jaw(face)) == 48


def test_a_name_that_is_not_ascii(ext, face, tmp_path, preferences):
    import numpy as np

    path = write_wav(tmp_path / "Größe 声 – take 1.wav", 0.3 * np.sin(np.arange(16000) / 5))
    drop(path, character="Face")
    assert len(jaw(face)) == 24


def test_a_file_that_is_no_sound_is_one_error(ext, face, tmp_path, preferences):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    with pytest.raises(RuntimeError, match=r"broken\.wav"):
        drop(str(broken), character="Face")
    assert not len(bpy.data.actions)


def test_several_sounds_become_lines_with_the_characters_of_their_names(ext, speech, tmp_path, preferences):
    anna, bert = make_face(ext, "Anna"), make_face(ext, "Bert")
    paths = [str(tmp_path / name) for name in ("01_bert.wav", "02_anna.wav")]
    for path in paths:
        Path(path).write_bytes(Path(speech).read_bytes())
    bpy.context.scene.frame_set(12)
    assert drop(*paths) == {'FINISHED'}
    rows = bpy.context.scene.unitalker_cast.rows
    assert [(row.source, row.audio, row.character, row.start_frame) for row in rows] == [
        ('FILE', paths[0], bert, 12), ('FILE', paths[1], anna, 12)
    ]
    assert not len(bpy.data.actions)


# ---- the handler

def test_the_handler_takes_what_blender_plays_in_the_3d_view_only(ext):
    handler = bpy.types.UNITALKER_FH_sound
    assert handler.bl_import_operator == "unitalker.sound_open"
    assert {".wav", ".mp3", ".flac", ".ogg", ".m4a", ".opus"} <= set(handler.bl_file_extensions.split(";"))
    assert handler.poll_drop(SimpleNamespace(area=SimpleNamespace(type='VIEW_3D')))
    assert not handler.poll_drop(SimpleNamespace(area=SimpleNamespace(type='SEQUENCE_EDITOR')))
    assert not handler.poll_drop(SimpleNamespace(area=None))


def test_outside_of_the_view_nothing_is_under_the_pointer(ext):
    under = ext.module("addon.ui.dropped").under_pointer
    assert under(SimpleNamespace(region=None, space_data=None), None) == ""
    assert under(
        SimpleNamespace(region=SimpleNamespace(type='UI'), space_data=SimpleNamespace(region_3d=object())), None
    ) == ""


# ---- into the sequencer

@needs_aud
def test_a_chosen_file_becomes_a_strip_above_the_others(ext, speech):
    settings, strips = bpy.context.scene.unitalker, ext.module("addon.sound.strips")
    settings.source, settings.audio, settings.start_frame = 'FILE', speech, 20
    for channel in (1, 2):
        assert bpy.ops.unitalker.sound_to_strip() == {'FINISHED'}
        strip = next(strip for strip in strips.sound_strips(bpy.context.scene) if strip.name == settings.strip)
        assert (strip.channel, strips.handles(strip)[0], settings.source) == (channel, 20, 'STRIP')
        assert bpy.path.abspath(strip.sound.filepath) == speech


def test_without_a_file_there_is_nothing_to_put_there(ext):
    with pytest.raises(RuntimeError, match="Choose a sound file in Audio first"):
        bpy.ops.unitalker.sound_to_strip()


def test_a_missing_file_is_one_error(ext, tmp_path):
    bpy.context.scene.unitalker.audio = str(tmp_path / "gone.wav")
    with pytest.raises(RuntimeError, match=r"not found: .*gone\.wav"):
        bpy.ops.unitalker.sound_to_strip()
