"""The list of lines: adding, guessing, what each row chooses itself, all of them in one go, and what comes of each."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from .conftest import RATE_HZ, curves, jaw, keys_of, make_face, needs_aud, write_wav
from .strips import add_strip


@pytest.fixture
def cast(ext):
    """The list of the scene."""
    return bpy.context.scene.unitalker_cast


def people(ext, *names):
    """Faces that stand apart: what lies in another one counts as its part."""
    made = []
    for number, name in enumerate(names):
        made.append(make_face(ext, name))
        made[-1].location.x = 10 * number
    bpy.context.view_layer.update()
    return made


@pytest.fixture
def stereo(tmp_path):
    """Two seconds: the left channel speaks in the first, the right one in the second."""
    seconds = np.arange(2 * RATE_HZ) / RATE_HZ
    buzz = 0.5 * np.sign(np.sin(2 * np.pi * 120 * seconds))
    return write_wav(tmp_path / "dialogue.wav", np.stack([buzz * (seconds < 1), buzz * (seconds >= 1)], 1))


def add_file(cast, path, character, start=1.0):
    row = cast.add()
    row.source, row.audio, row.start_frame, row.character = 'FILE', path, start, character
    return row


def all_keys(obj):
    return np.stack([keys_of(curve) for _, curve in sorted(curves(obj.data.shape_keys).items())])


def loud(obj):
    keys = jaw(obj)
    return keys[keys[:, 1] > keys[:, 1].max() / 2, 0]


def test_all_lines_are_made_and_each_row_says_so(ext, cast, speech):
    anna, ben = people(ext, "Anna", "Ben")
    add_file(cast, speech, anna)
    add_file(cast, speech, ben, 101)
    assert bpy.ops.unitalker.cast_generate() == {'FINISHED'}
    assert [row.kind for row in cast.rows] == ['DONE', 'DONE']
    assert cast.result == "2 of 2 lines made" and not cast.failed
    assert "2.0 s of speech on frames 1 to 48." in cast.rows[0].result
    assert jaw(anna)[[0, -1], 0].tolist() == [1, 48] and jaw(ben)[[0, -1], 0].tolist() == [101, 148]


def test_the_list_gives_the_keys_of_the_button(ext, cast, speech):
    anna, ben = people(ext, "Anna", "Ben")
    add_file(cast, speech, anna)
    bpy.ops.unitalker.cast_generate()
    bpy.ops.unitalker.animate(audio=speech, character="Ben")
    np.testing.assert_array_equal(jaw(anna), jaw(ben))


def test_one_failing_line_stops_no_other(ext, cast, speech, tmp_path):
    anna, ben, cleo = people(ext, "Anna", "Ben", "Cleo")
    add_file(cast, str(tmp_path / "gone.wav"), anna)
    add_file(cast, speech, ben)
    add_file(cast, write_wav(tmp_path / "short.wav", np.zeros(100)), cleo)
    add_file(cast, speech, None)
    add_file(cast, write_wav(tmp_path / "silent.wav", np.zeros(RATE_HZ)), cleo, 201)
    assert bpy.ops.unitalker.cast_generate() == {'FINISHED'}
    assert [row.kind for row in cast.rows] == ['FAILED', 'DONE', 'FAILED', 'FAILED', 'WARNING']
    assert (
        "not found" in cast.rows[0].result and "too short" in cast.rows[2].result
        and "No character" in cast.rows[3].result
    )
    assert "silent" in cast.rows[4].result
    assert cast.result == "2 of 5 lines made, 1 with warnings, 3 failed: their rows say why" and cast.failed
    assert anna.data.shape_keys.animation_data is None
    assert len(jaw(ben)) == 48


def test_a_line_that_is_switched_off_is_left_out(ext, cast, speech):
    anna, ben = people(ext, "Anna", "Ben")
    add_file(cast, speech, anna).use = False
    add_file(cast, speech, ben)
    bpy.ops.unitalker.cast_generate()
    assert anna.data.shape_keys.animation_data is None and [row.kind for row in cast.rows] == ['NEW', 'DONE']
    cast.rows[1].use = False
    assert not bpy.ops.unitalker.cast_generate.poll()


def test_a_cancelled_job_writes_nothing(ext, cast, speech):
    make_face(ext, "Anna")
    add_file(cast, speech, bpy.data.objects["Anna"])
    add_file(cast, speech, bpy.data.objects["Anna"], 101)
    module, asked = ext.module("addon.cast.rows"), []

    def cancelled():
        asked.append(True)
        return len(asked) > 3

    entries = module.gather(bpy.context, cast.rows)
    with pytest.raises(ext.module("engine").Cancelled):
        module.compute(entries, lambda _fraction: None, cancelled)
    assert len(bpy.data.actions) == 0 and [row.kind for row in cast.rows] == ['NEW', 'NEW']


def test_one_progress_bar_runs_from_start_to_end(ext, cast, speech, tmp_path):
    anna = make_face(ext, "Anna")
    add_file(cast, speech, anna)
    add_file(cast, str(tmp_path / "gone.wav"), anna)
    add_file(cast, speech, anna, 101)
    module, told = ext.module("addon.cast.rows"), []
    module.compute(module.gather(bpy.context, cast.rows), told.append, lambda: False)
    assert told == sorted(told) and told[-1] == pytest.approx(1.0) and any(0.3 < fraction < 0.7 for fraction in told)


def test_undo_takes_all_lines_back_in_one_step(ext, cast, speech):
    anna, ben = people(ext, "Anna", "Ben")
    add_file(cast, speech, anna)
    add_file(cast, speech, ben, 101)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.unitalker.cast_generate('EXEC_DEFAULT', True)
    assert bpy.data.objects["Ben"].data.shape_keys.animation_data is not None
    bpy.ops.ed.undo()
    for name in ("Anna", "Ben"):
        animation = bpy.data.objects[name].data.shape_keys.animation_data
        assert animation is None or animation.action is None


def test_each_row_has_its_own_identity_and_channel(ext, cast, stereo):
    left, right, both, plain = people(ext, "Left", "Right", "Both", "Plain")
    for obj, channel in ((left, 1), (right, 2)):
        row = add_file(cast, stereo, obj)
        row.own_channel, row.audio_channel = True, channel
    row = add_file(cast, stereo, both)
    row.own_identity, row.identity = True, "wide"
    bpy.ops.unitalker.cast_generate()
    assert [row.kind for row in cast.rows] == ['DONE'] * 3, [row.result for row in cast.rows]
    assert loud(left).max() < 27 and loud(right).min() > 23 and loud(both).min() < 6 and loud(both).max() > 40
    bpy.ops.unitalker.animate(audio=stereo, character="Plain")
    assert all_keys(both).shape == all_keys(plain).shape
    assert np.abs(all_keys(both) - all_keys(plain)).max() > 0.01


def test_a_transcript_is_the_rows_own(ext, cast, speech):
    bpy.context.scene.unitalker.transcript = "what the panel says is not said in every line"
    row = add_file(cast, speech, make_face(ext, "Anna"))
    assert ext.module("addon.cast.rows").gather(bpy.context, [row])[0].request.settings.transcript is None
    row.transcript = "Bob"
    assert ext.module("addon.cast.rows").gather(bpy.context, [row])[0].request.settings.transcript == "Bob"
    row.transcript_text = bpy.data.texts.new("Words")
    row.transcript_text.write("Mabel")
    assert ext.module("addon.cast.rows").gather(bpy.context, [row])[0].request.settings.transcript == "Mabel"


def test_characters_that_were_renamed_or_deleted(ext, cast, speech):
    anna, ben = people(ext, "Anna", "Ben")
    add_file(cast, speech, anna)
    add_file(cast, speech, ben)
    anna.name = "Anne"
    bpy.data.objects.remove(ben)
    bpy.ops.unitalker.cast_generate()
    assert [row.kind for row in cast.rows] == ['DONE', 'FAILED'] and "No character" in cast.rows[1].result
    assert len(jaw(anna)) == 48


def test_the_list_survives_saving_and_loading(ext, cast, speech, tmp_path):
    add_file(cast, speech, make_face(ext, "Anna"), 31)
    bpy.ops.unitalker.cast_generate()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    row = bpy.context.scene.unitalker_cast.rows[0]
    assert (row.character.name, row.start_frame, row.kind) == ("Anna", 31, 'DONE')


def test_two_lines_on_the_same_frames_of_a_character_are_told(ext, cast, speech, tmp_path):
    anna = make_face(ext, "Anna")
    add_file(cast, speech, anna)
    add_file(cast, write_wav(tmp_path / "other.wav", np.full(2 * RATE_HZ, 0.2)), anna, 25)
    bpy.ops.unitalker.cast_generate()
    assert [row.kind for row in cast.rows] == ['DONE', 'WARNING'] and "'speech.wav'" in cast.rows[1].result


def test_remove_duplicate_and_move(ext, cast, speech):
    anna, ben = people(ext, "Anna", "Ben")
    add_file(cast, speech, anna)
    row = add_file(cast, speech, ben, 101)
    row.own_channel, row.audio_channel, row.transcript = True, 2, "Bob"
    uid = row.uid
    bpy.ops.unitalker.cast_duplicate()
    copy = cast.rows[2]
    assert (copy.character, copy.start_frame, copy.audio_channel, copy.transcript, cast.active) == (
        ben, 101, 2, "Bob", 2
    )
    assert copy.uid not in ("", uid)
    bpy.ops.unitalker.cast_move(direction='UP')
    assert cast.active == 1 and cast.rows[2].uid == uid
    bpy.ops.unitalker.cast_remove()
    assert [row.character for row in cast.rows] == [anna, ben] and cast.active == 1
    bpy.ops.unitalker.cast_remove()
    bpy.ops.unitalker.cast_remove()
    assert len(cast.rows) == 0 and not bpy.ops.unitalker.cast_remove.poll()


@pytest.mark.parametrize(("name", "expected"), [
    ("SH010_anna_v02.wav", "Anna"), ("ben-line 3.wav", "BenHead"), ("BenAngry.wav", "BenHead"), ("narrator.wav", None),
    ("line.001.wav", None),
])
def test_the_character_is_guessed_by_the_words_of_the_names(ext, cast, name, expected):
    people(ext, "Anna", "BenHead")
    row = add_file(cast, f"/sounds/{name}", None)
    found = ext.module("addon.cast.rows").guess(bpy.context, row)
    assert (found.name if found else None) == expected


def test_the_only_character_is_guessed_whatever_the_name(ext, cast):
    face = make_face(ext, "Hero")
    make_face(ext, "Teeth", ("jawOpen",)).parent = face
    row = add_file(cast, "/sounds/take 1.wav", None)
    assert ext.module("addon.cast.rows").guess(bpy.context, row) == face
    bpy.ops.unitalker.cast_guess()
    assert row.character == face


@needs_aud
def test_lines_for_the_strips_of_the_sequencer(ext, cast, speech):
    anna, ben = people(ext, "Anna", "Ben")
    for number, name in enumerate(("anna_1", "ben_1", "anna_2")):
        add_strip(speech, frame=1 + 60 * number, channel=1 + number, name=name).select = number != 1
    assert bpy.ops.unitalker.cast_add(what='SELECTED') == {'FINISHED'}
    assert [(row.strip, row.character) for row in cast.rows] == [("anna_1", anna), ("anna_2", anna)]
    assert bpy.ops.unitalker.cast_add(what='SELECTED') == {'CANCELLED'}
    bpy.ops.unitalker.cast_add(what='ALL')
    assert [(row.strip, row.character) for row in cast.rows] == [("anna_1", anna), ("anna_2", anna), ("ben_1", ben)]
    bpy.ops.unitalker.cast_generate()
    assert [row.kind for row in cast.rows] == ['DONE'] * 3
    assert jaw(anna)[[0, 47, 48, -1], 0].tolist() == [1, 48, 121, 168] and jaw(ben)[0, 0] == 61


@needs_aud
def test_a_row_knows_its_strip_under_another_name(ext, cast, speech):
    anna = make_face(ext, "Anna")
    strip = add_strip(speech, frame=31)
    bpy.ops.unitalker.cast_add(what='ALL')
    strip.name = "Scene 2"
    add_strip(speech, frame=301, channel=2, name="Line")
    bpy.ops.unitalker.cast_generate()
    assert cast.rows[0].strip == "Scene 2" and jaw(anna)[0, 0] == 31
    editor = bpy.context.scene.sequence_editor
    (editor.strips if hasattr(editor, "strips") else editor.sequences).remove(strip)
    bpy.ops.unitalker.cast_generate()
    assert cast.rows[0].kind == 'FAILED' and "not found: 'Scene 2'" in cast.rows[0].result


@needs_aud
def test_lines_of_one_name_in_two_scenes_do_not_replace_each_other(ext, cast, speech):
    anna, other = make_face(ext, "Anna"), bpy.data.scenes.new("Second")
    other.render.fps = 24
    add_strip(speech, frame=31)
    add_strip(speech, frame=201, scene=other)
    for scene in (bpy.context.scene, other):
        row = cast.add()
        row.scene, row.strip, row.character = scene, "Line", anna
    bpy.ops.unitalker.cast_generate()
    assert [row.kind for row in cast.rows] == ['DONE', 'DONE'], [row.result for row in cast.rows]
    assert jaw(anna)[:, 0].tolist() == [*range(31, 79), *range(201, 249)]


@needs_aud
def test_a_character_in_another_scene_than_the_list(ext, cast, speech):
    shot, anna = bpy.data.scenes.new("Shot"), make_face(ext, "Anna")
    shot.render.fps = 24
    bpy.context.scene.collection.objects.unlink(anna)
    shot.collection.objects.link(anna)
    add_strip(speech, frame=31)
    bpy.ops.unitalker.cast_add(what='ALL')
    assert cast.rows[0].character == anna
    bpy.ops.unitalker.cast_generate()
    assert cast.rows[0].kind == 'DONE' and jaw(anna)[0, 0] == 31


def test_a_row_with_its_own_mood_shows_it_and_the_others_do_not(ext, cast, speech):
    anna, ben = people(ext, "Anna", "Ben")
    add_file(cast, speech, anna)
    row = add_file(cast, speech, ben)
    row.own_mood, row.mood = True, "angry"
    bpy.ops.unitalker.cast_generate()
    brows = [dict(curves(face.data.shape_keys))['key_blocks["browDownLeft"].value'] for face in (anna, ben)]
    assert keys_of(brows[0])[:, 1].max() < 0.05 and keys_of(brows[1])[:, 1].max() > 0.5


@needs_aud
def test_listeners_are_added_for_all_who_say_nothing_meanwhile(ext, cast, speech):
    anna, ben, cleo = people(ext, "Anna", "Ben", "Cleo")
    for number, face in enumerate((anna, ben, cleo)):
        scene = bpy.context.scene
        strip = add_strip(speech, 1 + 200 * (number // 2), number + 1)
        row = cast.add()
        row.scene, row.strip, row.character = scene, strip.name, face
    assert bpy.ops.unitalker.cast_add(what='LISTENERS') == {'FINISHED'}
    added = [(row.strip, row.character.name) for row in cast.rows if row.listens]
    first, second, third = (row.strip for row in list(cast.rows)[:3])      # Anna and Ben talk at the same time
    assert added == [(first, "Cleo"), (second, "Cleo"), (third, "Anna"), (third, "Ben")]
    assert bpy.ops.unitalker.cast_add(what='LISTENERS') == {'CANCELLED'}


def test_a_listener_keeps_its_mouth_shut_blinks_and_looks_at_who_speaks(ext, cast, speech):
    anna, ben = people(ext, "Anna", "Ben")      # Ben stands to the left of Anna, who looks along -Y
    add_file(cast, speech, anna)
    row = add_file(cast, speech, ben)
    row.listens = True
    bpy.ops.unitalker.cast_generate()
    found = {path: keys_of(curve)[:, 1] for path, curve in curves(ben.data.shape_keys).items()}
    assert jaw(anna)[:, 1].max() > 0.05 and found['key_blocks["jawOpen"].value'].max() == 0
    into, out = (found[f'key_blocks["eyeLook{way}Left"].value'] for way in ("In", "Out"))
    assert into.max() > 0.3 and out.max() < 0.1       # Anna is to Ben's right
