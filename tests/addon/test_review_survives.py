"""What an artist does beside the panel: hand-made keys and strips, renaming, copies of characters and scenes, files of
an older Blender."""

from __future__ import annotations

import dataclasses
import json

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import RATE_HZ, curves, jaw, make_face, needs_aud, write_wav
from .strips import add_strip, move, set_handles

JAW = 'key_blocks["jawOpen"].value'


@pytest.fixture(scope="session")
def babble(tmp_path_factory):
    """Four seconds, loud and soft by turns."""
    seconds = np.arange(4 * RATE_HZ) / RATE_HZ
    loud = np.interp(seconds, np.arange(0, 4.01, 0.2), np.random.default_rng(3).uniform(0.05, 0.9, 21))
    return write_wav(tmp_path_factory.mktemp("sound") / "babble.wav", loud * np.sign(np.sin(2 * np.pi * 130 * seconds)))


def animate(speech, **options):
    return bpy.ops.unitalker.animate(audio=str(speech), character="Face", **options)


def say_strip(babble):
    strip = add_strip(babble, frame=31)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    return strip


def action_of(obj):
    return obj.data.shape_keys.animation_data.action


def copy_of(obj):
    """Shift D, with an Action of its own."""
    other = obj.copy()
    other.data = obj.data.copy()
    bpy.context.scene.collection.objects.link(other)
    other.location.x = 50
    action = action_of(obj).copy()
    player = other.data.shape_keys.animation_data
    player.action = action
    if hasattr(action, "slots"):
        player.action_slot = action.slots[0]
    return other


# ---- hand-made keys and strips
@pytest.mark.parametrize("button", ["clear", "take_clear"])
def test_clearing_leaves_hand_made_keys_outside_of_the_line_however_often(ext, face, speech, button):
    animate(speech)
    curve = curves(face.data.shape_keys)[JAW]
    curve.keyframe_points.insert(200, 0.7)
    curve.update()
    line = ext.module("addon.take.takes").takes_of(bpy.context, "Face")[0].line
    getattr(bpy.ops.unitalker, button)(character="Face", **({"line": line} if button == "take_clear" else {}))
    assert jaw(face).tolist() == [[200, pytest.approx(0.7)]]
    assert list(curves(face.data.shape_keys)) == [JAW]
    assert bpy.ops.unitalker.clear(character="Face") == {'CANCELLED'}
    assert len(jaw(face)) == 1


def test_a_strip_by_which_the_artist_plays_the_take_again_stays(ext, face, speech):
    animate(speech, destination='NLA')
    player = face.data.shape_keys.animation_data
    first = player.nla_tracks[0].strips[0]
    again = player.nla_tracks.new()
    again.name = "Again"
    strip = again.strips.new("again", 300, first.action)
    if hasattr(strip, "action_slot"):
        strip.action_slot = first.action_slot
    strip.action_frame_start, strip.action_frame_end, strip.extrapolation = (
        first.action_frame_start, first.action_frame_end, 'NOTHING'
    )
    before = as_before.animation()[1]
    animate(speech, destination='NLA')
    assert as_before.animation()[1] == before
    bpy.ops.unitalker.clear(character="Face")
    assert not len(player.nla_tracks)


@needs_aud
def test_what_is_made_mine_keeps_no_mark_of_ours(ext, face, babble):
    strip = say_strip(babble)
    set_handles(strip, left=20)
    ext.module("addon.follow.follow").update()
    action = action_of(face)
    assert "unitalker_hidden" in action
    bpy.ops.unitalker.take_mine(character="Face", line="Line")
    assert not {"unitalker", "unitalker_slots", "unitalker_hidden"} & set(action.keys())


# ---- renaming
@pytest.mark.parametrize("again", [False, True])
def test_renamed_shapes_get_value_and_slider_back(ext, face, speech, again):
    blocks = face.data.shape_keys.key_blocks
    for block in blocks:
        block.slider_max = 0.2
    blocks["jawOpen"].value, blocks["mouthClose"].value = 0.15, 0.1
    animate(speech)
    blocks["jawOpen"].name, blocks["mouthClose"].name = "JawOpen", "MouthClose"
    bpy.context.scene.frame_set(25)
    if again:
        animate(speech)
    bpy.ops.unitalker.clear(character="Face")
    assert [blocks[name].value for name in ("JawOpen", "MouthClose")] == pytest.approx([0.15, 0.1])
    assert {round(block.slider_max, 5) for block in blocks[1:]} == {0.2}


@pytest.mark.parametrize("copied", [False, True])
def test_choices_of_a_take_are_loaded_for_the_character_that_has_it(ext, face, speech, copied):
    animate(speech)
    if copied:
        face = copy_of(face)
    else:
        face.name = "Anna"
    settings = bpy.context.scene.unitalker
    settings.character = face
    take = ext.module("addon.take.takes").takes_of(bpy.context, face.name, False)[0]
    bpy.ops.unitalker.take_load(character=face.name, line=take.line)
    assert settings.character == face


# ---- copies
@needs_aud
def test_a_copied_character_is_listened_to_as_the_original_is(ext, face, babble):
    strip = add_strip(babble, frame=31)
    set_handles(strip, right=40)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    other = copy_of(face)
    set_handles(strip, right=0)
    bpy.ops.unitalker.follow()
    assert jaw(face)[-1, 0] == jaw(other)[-1, 0] == 126
    assert not ext.module("addon.follow.follow").update().left


@needs_aud
def test_in_a_full_copy_of_a_scene_each_character_follows_its_own_strip(ext, face, babble):
    strip = say_strip(babble)
    before = jaw(face)
    bpy.ops.scene.new(type='FULL_COPY')
    scene = bpy.context.scene
    other = next(obj for obj in scene.objects if obj.type == 'MESH')
    if action_of(other) == action_of(face):
        pytest.skip("this Blender does not copy Actions with a scene")
    editor = scene.sequence_editor
    twin = (editor.strips if hasattr(editor, "strips") else editor.sequences)[0]
    move(twin, 61)
    ext.module("addon.follow.follow").update()
    assert np.array_equal(jaw(face), before)
    assert jaw(other)[0, 0] == before[0, 0] + 30
    move(strip, 11)
    ext.module("addon.follow.follow").update()
    assert jaw(face)[0, 0] == before[0, 0] - 20
    assert jaw(other)[0, 0] == before[0, 0] + 30


@needs_aud
def test_an_earlier_take_that_plays_no_more_asks_for_nothing(ext, face, babble):
    add_strip(babble, frame=31)
    for name in ("First", "Second"):
        bpy.ops.unitalker.animate(strip="Line", character="Face", action=name)
    bpy.context.scene.render.fps = 30
    bpy.ops.unitalker.follow()
    assert not ext.module("addon.follow.follow").update().left


# ---- files of Blender 4.2 in a later one
@pytest.mark.skipif(
    "slots" not in bpy.types.Action.bl_rna.properties if bpy else True,
    reason="an Action has no slots before Blender 4.4",
)
def test_takes_and_frames_of_the_artist_in_a_file_without_slots_are_known(ext, face, speech, tmp_path):
    second = write_wav(tmp_path / "second.wav", np.sin(np.arange(RATE_HZ) / 9))
    animate(speech)
    animate(second, start_frame=100)
    first, _ = takes = ext.module("addon.take.takes").takes_of(bpy.context, "Face")
    bpy.ops.unitalker.take_mine(character="Face", line=first.line)
    mine = jaw(face)[jaw(face)[:, 0] < 60]
    action = action_of(face)
    place = str(action.slots[0].handle)
    notes = json.loads(action["unitalker"])
    action["unitalker"] = json.dumps({
        name: {"": value[place]} if isinstance(value, dict) and place in value else value
        for name, value in notes.items()
    })
    assert [take.line for take in ext.module("addon.take.takes").takes_of(bpy.context, "Face")] == [takes[1].line]
    takes = ext.module("addon.take.takes")
    found = takes.takes_of(bpy.context, "Face")[0]
    takes.remake(bpy.context, found, {"clip": dataclasses.replace(found.clip, start_frame=40.0)})
    kept = jaw(face)[:, 0] < 48.5
    assert np.array_equal(jaw(face)[kept], mine)
    assert jaw(face)[~kept, 0].tolist() == list(range(49, 64))          # and none where it lay before
    bpy.ops.unitalker.clear(character="Face")
    assert np.array_equal(jaw(face), mine)


@pytest.mark.skipif(
    "slots" in bpy.types.Action.bl_rna.properties if bpy else True, reason="Blender 4.4 and later read all slots"
)
def test_takes_of_a_file_of_a_later_blender_are_known_and_made_whole_again(ext, face, speech):
    """As 4.2 reads a file of 4.5: both meshes play one Action with the curves of the first, and the notes name
    slots."""
    other = make_face(ext, "Teeth", ("jawOpen", "mouthClose"))
    other.parent = face
    animate(speech)
    whole, teeth = jaw(face), jaw(other)
    action, second = (obj.data.shape_keys.animation_data.action for obj in (face, other))
    other.data.shape_keys.animation_data.action = action
    notes, notes_of_teeth = (json.loads(one["unitalker"]) for one in (action, second))
    bpy.data.actions.remove(second)
    for name, places in notes.items():
        if isinstance(places, dict) and "" in places:
            notes[name] = {"71": notes_of_teeth[name][""], "72": places[""]}
    action["unitalker"] = json.dumps(notes)
    list_, takes = ext.module("addon.take_list.list"), ext.module("addon.take.takes")
    list_.fill(bpy.context)
    assert list_.is_of_later_blender()
    one, = takes.takes_of(bpy.context, "Face")
    assert (one.first_frame, one.last_frame, one.known) == (1, 48, True)
    takes.remake(bpy.context, one, {})
    assert np.array_equal(jaw(face), whole) and np.array_equal(jaw(other), teeth)
    assert [len(curves(obj.data.shape_keys)) for obj in (face, other)] == [52, 2]
    list_.fill(bpy.context)
    assert not list_.is_of_later_blender() and len(takes.takes_of(bpy.context, "Face")) == 1
    bpy.ops.unitalker.clear(character="Face")
    assert not curves(face.data.shape_keys) and not curves(other.data.shape_keys)


@pytest.mark.parametrize(
    "wrong", [{"rest": 5}, {"rest": {"a|x": "u"}}, {"sliders": {"jawOpen": "a"}}, {"sliders": {"x": [1]}}, {"moved": 7}]
)
def test_notes_of_another_kind_count_as_not_there(ext, face, speech, wrong):
    animate(speech)
    action = action_of(face)
    notes = json.loads(action["unitalker"])
    place = next(iter(notes["spans"]))
    action["unitalker"] = json.dumps({**notes, **{name: {place: value} for name, value in wrong.items()}})
    assert animate(speech) == {'FINISHED'}
    assert bpy.ops.unitalker.clear(character="Face") == {'FINISHED'}
    assert not curves(face.data.shape_keys)


@needs_aud
def test_strips_of_one_name_in_two_scenes_are_two_takes(ext, face, babble):
    add_strip(babble, frame=31)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    first = jaw(face)
    other = bpy.data.scenes.new("Two")
    other.collection.objects.link(face)
    other.render.fps, other.unitalker.model = 24, bpy.context.scene.unitalker.model
    add_strip(babble, frame=331, scene=other)
    for _ in range(2):
        with bpy.context.temp_override(scene=other, view_layer=other.view_layers[0]):
            bpy.ops.unitalker.animate(strip="Line", character="Face")
            assert ext.module("addon.take.takes").find(bpy.context, "Face", "Line (Two)").first_frame == 331
    after = jaw(face)
    assert np.array_equal(after[after[:, 0] < 200], first)
    assert len(after) == 2 * len(first)


# ---- settings of the render
@pytest.mark.parametrize(
    ("media", "kind"),
    [('IMAGE', 'OPEN_EXR'), ('MULTI_LAYER_IMAGE', 'OPEN_EXR_MULTILAYER'), ('VIDEO', 'FFMPEG'), ('IMAGE', 'JPEG')],
)
def test_the_format_of_the_render_comes_back_with_its_depth(ext, tmp_path, media, kind):
    image = bpy.context.scene.render.image_settings
    if hasattr(image, "media_type"):
        image.media_type = media
    image.file_format = kind
    if "EXR" in kind:
        image.color_depth = '32'
    names = (
        "media_type", "file_format", "color_mode", "color_depth", "compression", "quality", "exr_codec",
        "color_management",
    )
    before = [getattr(image, name, None) for name in names]
    with ext.module("addon.host.borrowed").borrowed(
        ext.module("addon.pictures.picture")._format(bpy.context.scene, str(tmp_path / "x.png"))
    ):
        assert image.file_format == 'PNG'
    assert [getattr(image, name, None) for name in names] == before
