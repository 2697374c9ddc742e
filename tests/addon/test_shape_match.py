"""Match by Shape on characters: other axes, several meshes, masks, markers; a proposal changes nothing until it is
saved."""

from __future__ import annotations

import json
import math
from pathlib import Path

import bpy
import numpy as np
import pytest

from .conftest import make_face


@pytest.fixture
def head(ext):
    """The test head with keys whose names say nothing, and true name by new name."""
    bpy.ops.unitalker.add_test_head()
    face = bpy.context.view_layer.objects.active
    truth = {
        name: f"key {number}"
        for number, name in enumerate(sorted(ext.module("engine.values.channels").ARKIT_52, key=hash_of))
    }
    for obj in (face, *face.children):
        for block in obj.data.shape_keys.key_blocks[1:] if obj.data.shape_keys else ():
            block.name = truth[block.name]
    return face, {new: name for name, new in truth.items()}


def hash_of(name):
    return sum(ord(letter) * (index + 7) ** 3 for index, letter in enumerate(name)) % 9973


def found_right(truth):
    rows = bpy.context.scene.unitalker_shapes.rows
    return [row.channel for row in rows if [truth[key] for key, _ in json.loads(row.keys)] == [row.channel]]


def match():
    assert bpy.ops.unitalker.shape_match() == {'FINISHED'}
    return bpy.context.scene.unitalker_shapes


def sliders(face):
    return [
        block.value for obj in (face, *face.children) if obj.data.shape_keys for block in obj.data.shape_keys.key_blocks
    ]


@pytest.mark.parametrize(
    ("scale", "rotation"),
    [((1, 1, 1), (0, 0, 0)), ((100, 100, 100), (math.pi / 2, 0, 0)), ((0.3, 0.3, 0.3), (0.5, -0.7, 2.0))],
)
def test_a_scrambled_head_is_matched_wherever_it_lies_and_nothing_moves(head, scale, rotation):
    face, truth = head
    face.scale, face.rotation_euler, face.location = scale, rotation, (3, 4, 5)
    bpy.context.view_layer.update()
    before = sliders(face)
    state = match()
    assert len(found_right(truth)) == 52 and state.unmatched == "" and sliders(face) == before
    assert all(row.use for row in state.rows) and not bpy.data.actions


def test_a_mirrored_object_has_its_own_left(head):
    face, truth = head
    face.scale = (-1, 1, 1)
    bpy.context.view_layer.update()
    match()
    rows = {row.channel: truth[json.loads(row.keys)[0][0]] for row in bpy.context.scene.unitalker_shapes.rows}
    assert (
        rows["mouthSmileLeft"] == "mouthSmileRight" and rows["eyeBlinkRight"] == "eyeBlinkLeft"
        and rows["jawOpen"] == "jawOpen"
    )


def test_masks_of_shape_keys_count(head, ext):
    """One movement of both sides, twice, each masked to a side: the usual way to split a smile."""
    face, truth = head
    names = {name: new for new, name in truth.items()}
    blocks = face.data.shape_keys.key_blocks
    left, right = blocks[names["mouthSmileLeft"]], blocks[names["mouthSmileRight"]]
    points = {block: np.empty(3 * len(block.data), np.float32) for block in (left, right, blocks[0])}
    for block, values in points.items():
        block.data.foreach_get("co", values)
    both = points[left] + points[right] - points[blocks[0]]
    for block, sign in ((left, 1), (right, -1)):
        block.data.foreach_set("co", both)
        group = face.vertex_groups.new(name=block.name)
        group.add([vertex.index for vertex in face.data.vertices if sign * vertex.co.x > 0], 1.0, 'REPLACE')
        block.vertex_group = group.name
    match()
    assert {"mouthSmileLeft", "mouthSmileRight"} <= set(found_right(truth))


def test_show_sets_the_sliders_of_one_channel_and_puts_them_back(head):
    face, truth = head
    state = match()
    before = sliders(face)
    state.active = [row.channel for row in state.rows].index("jawOpen")
    bpy.ops.unitalker.shape_show()
    key = next(new for new, name in truth.items() if name == "jawOpen")
    teeth = next(child for child in face.children if child.name.startswith("LipSync Teeth"))
    assert face.data.shape_keys.key_blocks[key].value == 1 and teeth.data.shape_keys.key_blocks[key].value == 1
    # clicking another row shows that one
    state.active = [row.channel for row in state.rows].index("mouthPucker")
    assert face.data.shape_keys.key_blocks[key].value == 0 and sum(sliders(face)) > 0
    bpy.ops.unitalker.shape_show()
    assert sliders(face) == before and state.shown == ""


def test_the_saved_preset_is_chosen_and_drives_the_head(head, ext, speech):
    face, truth = head
    state = match()
    for row in state.rows:
        row.use = row.channel != "mouthPucker"
    assert bpy.ops.unitalker.shape_save(name="Creature") == {'FINISHED'}
    settings = bpy.context.scene.unitalker
    folder = Path(ext.module("addon.host.preferences").user_folder("presets"))
    targets = json.loads((folder / f"{settings.preset}.json").read_text())["targets"]
    assert settings.preset == "creature" and len(targets) == 51
    assert bpy.ops.unitalker.animate(audio=speech, character=face.name) == {'FINISHED'}
    key = next(new for new, name in truth.items() if name == "jawOpen")
    bpy.context.scene.frame_set(25)
    assert face.data.shape_keys.key_blocks[key].value > 0.1
    (folder / f"{settings.preset}.json").unlink()


def test_an_unwanted_preset_is_not_written(head, ext):
    folder = Path(ext.module("addon.host.preferences").user_folder("presets", create=True))
    before = sorted(folder.iterdir())
    state = match()
    for row in state.rows:
        row.use = False
    with pytest.raises(RuntimeError, match="No channel is ticked"):
        bpy.ops.unitalker.shape_save(name="Empty")
    bpy.ops.unitalker.shape_close()
    assert sorted(folder.iterdir()) == before and not len(state.rows)


def test_markers_are_guessed_can_be_moved_and_place_the_head(head, ext):
    face, truth = head
    face.rotation_euler, face.scale = (1.1, 0.2, -0.4), (20, 20, 20)
    bpy.context.view_layer.update()
    assert bpy.ops.unitalker.shape_markers() == {'FINISHED'}
    landmarks = ext.module("addon.head.load").LANDMARKS
    markers = {obj["unitalker_marker"]: obj for obj in bpy.context.scene.objects if "unitalker_marker" in obj}
    assert set(markers) == set(landmarks)
    for name, point in landmarks.items():
        there = face.matrix_world.inverted() @ markers[name].matrix_world.translation
        assert np.linalg.norm(np.array(there) * 1000 - point) < 4, name         # mm
    match()
    assert len(found_right(truth)) == 52
    swapped = [
        markers[f"Mouth Corner {side}"] for side in ("Left", "Right")
    ] + [markers[f"Eye Outer {side}"] for side in ("Left", "Right")]
    places = [marker.location.copy() for marker in swapped]
    for marker, place in zip(swapped, (places[1], places[0], places[3], places[2]), strict=True):
        marker.location = place
    bpy.context.view_layer.update()
    with pytest.raises(RuntimeError, match="changed over"):
        bpy.ops.unitalker.shape_match()
    for name in list(markers)[3:]:
        bpy.data.objects.remove(markers[name])
    with pytest.raises(RuntimeError, match="3 of the 8 markers"):
        bpy.ops.unitalker.shape_match()
    bpy.ops.unitalker.shape_markers(remove=True)
    assert not [obj for obj in bpy.context.scene.objects if "unitalker_marker" in obj]


def test_what_cannot_be_matched_is_said_so(ext):
    bpy.ops.object.add(type='EMPTY')
    with pytest.raises(RuntimeError, match="no shape keys"):
        bpy.ops.unitalker.shape_match()
    still = make_face(ext, "Still", ("one", "two"))
    for block in still.data.shape_keys.key_blocks:
        block.data[0].co.z = 0.0
    bpy.context.scene.unitalker.character = still
    with pytest.raises(RuntimeError, match=r"shape keys of this mesh move nothing \(one, two\)"):
        bpy.ops.unitalker.shape_match()
    bpy.ops.object.mode_set(mode='EDIT')
    with pytest.raises(RuntimeError, match="Edit Mode"):
        bpy.ops.unitalker.shape_match()
    assert not len(bpy.context.scene.unitalker_shapes.rows)


def test_driven_keys_are_not_proposed(head):
    face, truth = head
    key = next(new for new, name in truth.items() if name == "jawOpen")
    for obj in (face, *face.children):
        if obj.data.shape_keys and key in obj.data.shape_keys.key_blocks:
            obj.data.shape_keys.key_blocks[key].driver_add("value")
    state = match()
    assert key not in {name for row in state.rows for name, _ in json.loads(row.keys)} and "jawOpen" in state.unmatched


@pytest.mark.parametrize(("score", "rival", "ticked"), [(0.6, 0.3, True), (0.6, 0.55, False), (0.4, 0.0, False)])
def test_a_row_is_ticked_only_when_it_is_likely_and_clear(ext, score, rival, ticked):
    module = ext.module("addon.shape_match.match")
    match = ext.module("engine.geometry.shape_match").ChannelMatch("jawOpen", (("Key 1", 1.0),), score, rival)
    proposal = ext.module("engine.geometry.shape_match").ShapeProposal((match,), (), (), None)
    module.show_proposal(bpy.context, proposal)
    assert [row.use for row in bpy.context.scene.unitalker_shapes.rows] == [ticked]
    module.close(bpy.context)


def test_a_row_has_two_pictures_until_the_proposal_is_closed(ext, head):
    state = match()
    pictures = ext.module("addon.shape_match.pictures")
    jaw, brow = (next(row for row in state.rows if row.channel == channel) for channel in ("jawOpen", "browDownLeft"))
    for row in (jaw, brow, jaw):
        assert len(pictures.icons(row.channel, row.keys)) == 2
    drawn = {name: np.array(picture.image_pixels_float) for name, picture in pictures._state["pictures"].items()}
    assert len(drawn) == 4         # each once
    pose, keys = drawn["pose jawOpen"], drawn[f"keys {jaw.keys}"]
    # the scrambled head is the test head
    assert np.mean(np.abs(pose - keys) > 0.1) < 0.05 < np.mean(np.abs(pose - drawn["pose browDownLeft"]) > 0.1)
    bpy.ops.unitalker.shape_close()
    assert pictures.icons("jawOpen", "[]") is None
