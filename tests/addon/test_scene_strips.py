"""A character whose scene an edit shows through other scenes, metas and speed changes: keys lie on its own frames."""

from __future__ import annotations

import bpy
import pytest

from .conftest import jaw, make_face, needs_aud
from .strips import FPS, add_strip, retime

pytestmark = needs_aud


@pytest.fixture
def edits(ext, speech):
    """Edit shows Sequence from frame 101, Sequence shows Shot from frame 51; a sound lies on frame 201 of Edit."""
    shot = bpy.context.scene
    shot.name = "Shot"
    make_face(ext, "Face")
    sequence, edit = bpy.data.scenes.new("Sequence"), bpy.data.scenes.new("Edit")
    for scene in (shot, sequence, edit):
        scene.render.fps, scene.frame_start, scene.frame_end = FPS, 1, 500
    show(sequence, shot, 51)
    show(edit, sequence, 101)
    add_strip(speech, 201, 1, edit)
    use(edit)
    return shot, sequence, edit


def show(scene, other, frame, channel=2):
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    return strips.new_scene("Shows " + other.name, other, channel, frame)


def use(edit):
    """Let the Sequencer show an edit: another scene than the character's from 5.0 on."""
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = edit


def first_key(edit):
    """Generate in the scene that the Sequencer shows, which before 5.0 is the active one."""
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.ops.unitalker.animate(strip="Line", character="Face")
        details = bpy.context.scene.unitalker.result_details
    else:
        edit.unitalker.model = bpy.context.scene.unitalker.model
        bpy.context.window.scene = edit
        bpy.ops.unitalker.animate(strip="Line", character="Face")
        details = edit.unitalker.result_details
    assert "No scene strip" not in details
    return jaw(bpy.data.objects["Face"])[0, 0]


def test_a_scene_strip_in_a_scene_strip(ext, edits):
    assert first_key(edits[2]) == 51        # 201 of Edit is 101 of Sequence, which is 51 of Shot


def test_three_deep_with_frames_that_start_elsewhere(ext, edits, speech):
    shot, sequence, edit = edits
    shot.frame_start, sequence.frame_start = 1001, 11
    film = bpy.data.scenes.new("Film")
    film.render.fps, film.frame_end = FPS, 900
    show(film, edit, 301)
    add_strip(speech, 501, 1, film)
    use(film)
    assert first_key(film) == 1061      # 201 of Edit, 111 of Sequence, 1061 of Shot


def test_a_scene_that_shows_itself_through_another_ends(ext, edits):
    _, sequence, edit = edits
    show(sequence, edit, 1, 3)
    assert first_key(edit) == 51


def test_the_scene_strip_that_shows_most_of_the_line_counts(ext, edits):
    shot, _, edit = edits
    edit.sequence_editor.strips_all[0].mute = True
    for other in [strip for strip in edit.sequence_editor.strips_all if strip.type == 'SCENE']:
        other.mute = True
    show(edit, shot, 191, 4)
    assert first_key(edit) == 11


def test_of_two_that_show_the_whole_line_the_upper_one_is_seen(ext, edits):
    shot, sequence, _ = edits
    show(sequence, shot, 71, 3)
    assert first_key(edits[2]) == 31        # 101 of Sequence is 51 of Shot below, and 31 above


def test_a_scene_strip_in_a_meta(ext, edits):
    edit = edits[2]
    strip = next(strip for strip in edit.sequence_editor.strips_all if strip.type == 'SCENE')
    editor = edit.sequence_editor
    meta = (editor.strips if hasattr(editor, "strips") else editor.sequences).new_meta("Meta", 5, 1)
    strip.move_to_meta(meta)
    ends = ("left_handle", "right_handle") if hasattr(meta, "left_handle") else ("frame_final_start", "frame_final_end")
    for name, frame in zip(ends, (101, 600), strict=True):
        setattr(meta, name, frame)
    assert first_key(edit) == 51


def test_speed_changes_beside_the_line_are_followed_and_upon_it_refused(ext, edits):
    sequence = edits[1]
    strip = sequence.sequence_editor.strips_all[0]
    window = bpy.context.window
    was = window.scene
    window.scene = sequence
    use(sequence)
    retime(strip, {401: 401, 451: 471})     # slower from frame 401 on
    window.scene = was
    use(edits[2])
    keyed = first_key(edits[2])
    assert keyed == 51
    window.scene = sequence
    use(sequence)
    retime(strip, {81: 81, 121: 141})
    window.scene = was
    use(edits[2])
    with pytest.raises(RuntimeError, match="has speed changes, which cannot be followed"):
        first_key(edits[2])


def test_another_rate_between_is_refused(ext, edits):
    edits[1].render.fps = 25
    with pytest.raises(RuntimeError, match="runs at 24 frames per second and 'Sequence'"):
        first_key(edits[2])


def test_a_line_beside_its_scene_says_so(ext, edits, speech):
    edit = edits[2]
    next(strip for strip in edit.sequence_editor.strips_all if strip.type == 'SCENE').scene = edits[0]
    for strip in edit.sequence_editor.strips_all:
        if strip.type == 'SOUND':
            setattr(strip, "content_start" if hasattr(strip, "content_start") else "frame_start", 1)
    with pytest.raises(AssertionError):
        first_key(edit)
    details = bpy.context.scene.unitalker.result_details
    assert "No scene strip of 'Edit' shows 'Shot' while 'Line' is heard" in details
    assert jaw(bpy.data.objects["Face"])[0, 0] == 1


# ---- frame rates

@pytest.mark.parametrize("rate", [(30000, 1001.0), (2997, 100.0), (30, 1.001)])
def test_29_97_is_one_rate_however_it_is_written(ext, edits, rate):
    for scene in edits:
        scene.render.fps, scene.render.fps_base = 30, 1.001
    edits[2].render.fps, edits[2].render.fps_base = rate
    edits[1].render.fps, edits[1].render.fps_base = 30000, 1001.0
    assert first_key(edits[2]) == 51


def test_a_take_stays_and_takes_ranges_when_its_rate_is_written_otherwise(ext, speech):
    face, scene = make_face(ext, "Face"), bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.001
    add_strip(speech, 1)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    scene.render.fps, scene.render.fps_base = 30000, 1001.0
    before = jaw(face)
    assert bpy.ops.unitalker.follow() == {'CANCELLED'} and jaw(face).tolist() == before.tolist()
    assert bpy.ops.unitalker.animate(
        strip="Line", character="Face", use_range=True, range_start=10, range_end=20) == {'FINISHED'}


def test_other_rates_stay_others(ext):
    same = ext.module("addon.host.scene").same_rate
    assert same(30 / 1.001, 30000 / 1001) and same(24 / 1.001, 23.976) and same(60 / 1.001, 59.94)
    assert not same(24, 23.976) and not same(29.97, 30) and not same(23.98, 23.976)
