"""Try It: head, sample, view and keys in one step, beside whatever the scene has."""

from __future__ import annotations

import bpy
import pytest

from .conftest import ROOT, jaw, keys_of, needs_aud, own_action

SAMPLE_FRAMES = 116         # 4.843 s at 24 frames per second


def names(collection: object) -> set[str]:
    return {item.name for item in collection}


@pytest.fixture
def tried(ext):
    """The empty scene after Try It, with the bundled model."""
    bpy.context.scene.unitalker.model = "mini"
    assert bpy.ops.unitalker.try_it() == {'FINISHED'}
    return bpy.context.scene.unitalker


def test_it_makes_keys_that_open_the_mouth(tried):
    keys = jaw(tried.character)
    assert len(keys) == SAMPLE_FRAMES and keys[0, 0] == bpy.context.scene.frame_start
    assert keys[:, 1].max() > 0.2 and keys[:, 1].min() < 0.05
    assert "52 channels mapped, 0 missing" in tried.result_counts and not tried.result_failed
    assert len(tried.result_mapped.splitlines()) == 52 and tried.result_missing == ""


@needs_aud
def test_the_sample_lies_in_the_sequencer_and_in_the_file(ext, tried):
    strips = ext.module("addon.sound.strips")
    strip, = strips.sound_strips(bpy.context.scene)
    assert (tried.source, tried.strip) == ('STRIP', strip.name)
    assert strip.sound.packed_file is not None and strips.handles(strip)[0] == bpy.context.scene.frame_start


def test_the_sample_of_the_zip_is_the_one_of_the_tests(ext):
    shipped = ext.module("addon.ui.sample").SAMPLE
    assert shipped.read_bytes() == (ROOT / "tests" / "data" / "sample.flac").read_bytes()


def test_a_scene_without_camera_gets_one_that_sees_the_whole_head(tried):
    from bpy_extras.object_utils import world_to_camera_view

    scene, face = bpy.context.scene, tried.character
    bpy.context.view_layer.update()
    seen = [world_to_camera_view(scene, scene.camera, face.matrix_world @ vertex.co) for vertex in face.data.vertices]
    assert all(0 < place.x < 1 and 0 < place.y < 1 and place.z > 0 for place in seen)
    assert max(place.y for place in seen) - min(place.y for place in seen) > 0.6


def test_what_is_in_the_scene_stays_as_it_is(ext):
    bpy.ops.mesh.primitive_cube_add(size=2, location=(3, 0, 0))
    cube, camera = bpy.context.object, bpy.data.objects.new("Shot", bpy.data.cameras.new("Shot"))
    bpy.context.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    action = own_action(cube, {"location": [(1, 3.0), (9, 5.0)]})
    before = (
        cube.matrix_world.copy(), camera.matrix_world.copy(), bpy.context.scene.frame_current,
        bpy.context.scene.frame_end,
    )
    bpy.context.scene.unitalker.model = "mini"
    bpy.ops.unitalker.try_it()
    assert (
        cube.matrix_world, camera.matrix_world, bpy.context.scene.frame_current, bpy.context.scene.frame_end
    ) == before
    assert bpy.context.scene.camera == camera and cube.animation_data.action == action
    curve = (action.layers[0].strips[0].channelbag(action.slots[0]) if hasattr(action, "slots") else action).fcurves[0]
    assert keys_of(curve).tolist() == [[1, 3], [9, 5]]
    face = bpy.context.scene.unitalker.character
    bpy.context.view_layer.update()
    left = min((face.matrix_world @ vertex.co).x for vertex in face.data.vertices)
    assert left > 4.5           # clear of the cube, which ends at 4


def test_one_undo_takes_all_of_it_back(ext):
    bpy.ops.mesh.primitive_cube_add()
    bpy.context.scene.unitalker.model = "mini"
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.unitalker.try_it()
    # the module pushes no step of its own: one for the operator, as the window does
    bpy.ops.ed.undo_push(message="Try Lip Sync")
    assert "LipSync Head" in bpy.data.objects
    bpy.ops.ed.undo()
    assert names(bpy.data.objects) == {"Cube"} and not len(bpy.data.actions) and bpy.context.scene.camera is None
    editor, settings = bpy.context.scene.sequence_editor, bpy.context.scene.unitalker
    assert editor is None or not len(editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)
    assert settings.character is None and settings.strip == "" and settings.result == ""


def test_twice_gives_two_heads_side_by_side(tried):
    first = tried.character
    bpy.ops.unitalker.try_it()
    assert tried.character != first and tried.character.location.x > first.location.x + 1
    assert len(jaw(first)) == len(jaw(tried.character)) == SAMPLE_FRAMES


def test_a_model_that_is_missing_leaves_the_head_and_says_why(ext):
    bpy.context.scene.unitalker.model = "gone"
    with pytest.raises(RuntimeError, match=r"The head is there, its keys are not: .*gone"):
        bpy.ops.unitalker.try_it()
    assert "LipSync Head" in bpy.data.objects and not len(bpy.data.actions)


def test_edit_mode_is_refused_with_the_reason(ext):
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode='EDIT')
    with pytest.raises(RuntimeError, match="Leave Edit Mode first"):
        bpy.ops.unitalker.try_it()
    bpy.ops.object.mode_set(mode='OBJECT')


# ---- when the panel shows it

def test_it_is_offered_until_there_is_a_face_or_a_sound(ext, speech):
    catalog, settings = ext.module("addon.take.catalog"), bpy.context.scene.unitalker
    assert catalog.nothing_chosen(bpy.context)
    settings.audio = speech
    assert not catalog.nothing_chosen(bpy.context)
    settings.audio = ""
    settings.model = "mini"
    bpy.ops.unitalker.try_it()
    assert not catalog.nothing_chosen(bpy.context)


def test_it_is_not_offered_beside_a_face_that_is_not_selected(ext, face):
    face.select_set(False)
    bpy.context.view_layer.objects.active = None
    assert not ext.module("addon.take.catalog").nothing_chosen(bpy.context)
