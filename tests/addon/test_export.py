"""Out of Blender: one plain Action from whatever plays, and what each of Blender's own exporters keeps of it, by round
trips."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest

from .conftest import curves, keys_of, make_face, needs_aud, own_action
from .strips import add_strip, set_handles

KEYS = ("jawOpen", "mouthSmileLeft", "mouthPucker")
FRAMES = (1, 7, 12, 24)
EXPORTED = {
    "glb": (
        lambda path: bpy.ops.export_scene.gltf(filepath=path), lambda path: bpy.ops.import_scene.gltf(filepath=path)
    ),
    "fbx": (
        lambda path: bpy.ops.export_scene.fbx(
            filepath=path, bake_anim_use_all_actions=False, bake_anim_use_nla_strips=False, bake_anim_simplify_factor=0
        ),
        lambda path: bpy.ops.import_scene.fbx(filepath=path, anim_offset=0.0),
    ),
    "usdc": (
        lambda path: bpy.ops.wm.usd_export(filepath=path, export_animation=True),
        lambda path: bpy.ops.wm.usd_import(filepath=path),
    ),
    "abc": (
        lambda path: bpy.ops.wm.alembic_export(filepath=path, start=1, end=24),
        lambda path: bpy.ops.wm.alembic_import(filepath=path, as_background_job=False),
    ),
}
ADD_ONS = {"glb": "io_scene_gltf2", "fbx": "io_scene_fbx"}
BUILT = {"usdc": "usd", "abc": "alembic"}


@pytest.fixture
def keyed(ext):
    """A face of three keys, two of them keyed by the artist, one by us in an NLA track beneath, and its mesh on
    FRAMES."""
    face = make_face(ext, "Face", KEYS)
    for index, block in enumerate(face.data.shape_keys.key_blocks[1:]):
        block.data[0].co.z, block.data[index].co.z = 0.0, 0.1 * (index + 1)
    random = np.random.default_rng(4)
    own_action(
        face.data.shape_keys,
        {f'key_blocks["{name}"].value': list(zip(range(1, 25), random.random(24), strict=True)) for name in KEYS[:2]},
    )
    types, rig, fcurves = (
        ext.module(name) for name in ("engine.values.types", "addon.character.character", "addon.keying.write")
    )
    seconds = np.arange(24) / 24
    given = {
        types.RigChannel("shape_key", name): types.Curve(seconds, random.random(24).astype(np.float32)) for name in KEYS
    }
    character = rig.gather(bpy.context, "Face", False)
    fcurves.write(
        character, types.RigCurves(given, "test", KEYS, ()), fcurves.Line("line", 1, 24, 24), fcurves.KeyOptions()
    )
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 24
    return face


def sliders(face):
    found = {}
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        found[frame] = [face.data.shape_keys.key_blocks[name].value for name in KEYS]
    return np.array(list(found.values()))


def shape(face):
    """Evaluated vertices on FRAMES, (frames, n, 3), in the world."""
    found = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(frame)
        evaluated = face.evaluated_get(bpy.context.evaluated_depsgraph_get())
        mesh = evaluated.to_mesh()
        found.append([face.matrix_world @ vertex.co for vertex in mesh.vertices])
        evaluated.to_mesh_clear()
    return np.array(found)


def available(ending):
    import addon_utils

    if ending in ADD_ONS:
        addon_utils.enable(ADD_ONS[ending])
        if not addon_utils.check(ADD_ONS[ending])[1]:
            pytest.skip(f"this Blender module comes without {ADD_ONS[ending]}")
    elif not getattr(bpy.app.build_options, BUILT[ending], False):
        pytest.skip(f"this Blender module is built without {BUILT[ending]}")


def there_and_back(ending, tmp_path):
    """Export the scene, import it into an empty one; the mesh that comes back."""
    available(ending)
    path = str(tmp_path / f"face.{ending}")
    write, read = EXPORTED[ending]
    write(path)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    available(ending)
    bpy.context.scene.render.fps = 24
    read(path)
    return next(obj for obj in bpy.data.objects if obj.type == 'MESH')


def test_baking_changes_nothing_that_is_seen_and_leaves_one_plain_action(keyed, ext):
    before = sliders(keyed)
    assert len(keyed.data.shape_keys.animation_data.nla_tracks) == 1 and before.std(0).min() > 0.05
    assert bpy.ops.unitalker.bake(character="Face") == {'FINISHED'}
    np.testing.assert_allclose(sliders(keyed), before, atol=1e-6)
    animation = keyed.data.shape_keys.animation_data
    assert animation.action.name == "Face Baked" and not animation.action.keys() and not len(animation.nla_tracks)
    assert (
        {len(curve.keyframe_points) for curve in curves(keyed.data.shape_keys).values()} == {24}
        and len(curves(keyed.data.shape_keys)) == 3
    )
    assert "Mine" in bpy.data.actions and bpy.data.actions["Mine"].use_fake_user
    # nothing there is ours
    assert ext.module("addon.keying.clearing").clear(
        ext.module("addon.character.character").gather(bpy.context, "Face", False)
    ) == 0
    np.testing.assert_allclose(sliders(keyed), before, atol=1e-6)


def test_layers_of_the_artist_are_flattened_and_muted(keyed):
    keys = keyed.data.shape_keys
    track = keys.animation_data.nla_tracks.new()
    layer = bpy.data.actions["Mine"].copy()
    layer.name = "Layer"
    strip = track.strips.new("layer", 1, layer)
    strip.blend_type, strip.influence = 'ADD', 0.25
    before = sliders(keyed)
    bpy.ops.unitalker.bake(character="Face", action="Flat")
    np.testing.assert_allclose(sliders(keyed), before, atol=1e-6)
    assert (
        keys.animation_data.action.name == "Flat" and [track.mute for track in keys.animation_data.nla_tracks] == [True]
    )


def test_bones_and_shape_keys_of_a_character_are_baked_together(ext):
    face = make_face(ext, "Face", KEYS)
    bpy.ops.object.armature_add()
    rig = bpy.context.view_layer.objects.active
    face.parent = rig
    bone = rig.pose.bones[0]
    bone.rotation_mode = 'XYZ'
    own_action(rig, {f'pose.bones["{bone.name}"].location': [(1, 0.0), (11, 1.0)]}, "Bones")
    own_action(face.data.shape_keys, {'key_blocks["jawOpen"].value': [(1, 0.0), (11, 0.5)]}, "Keys")
    assert bpy.ops.unitalker.bake(character=rig.name) == {'FINISHED'}
    bpy.context.scene.frame_set(6)
    assert (
        bone.location.x == pytest.approx(0.5, abs=0.02)
        and face.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(0.25, abs=0.02)
    )
    names = {owner.animation_data.action.name for owner in (rig, face.data.shape_keys)}
    assert len(names) == (1 if "slots" in bpy.types.Action.bl_rna.properties else 2)


def test_what_cannot_be_baked_is_said_so(ext):
    face = make_face(ext, "Face", KEYS)
    with pytest.raises(RuntimeError, match="Nothing on 'Face' is animated"):
        bpy.ops.unitalker.bake(character="Face")
    own_action(face.data.shape_keys, {'key_blocks["jawOpen"].value': [(1, 0.0), (11, 0.5)]})
    with pytest.raises(RuntimeError, match="Frames 9 to 2 cannot be baked"):
        bpy.ops.unitalker.bake(character="Face", frame_start=9, frame_end=2)
    assert [action.name for action in bpy.data.actions] == ["Mine"]


@pytest.mark.parametrize("ending", ["glb", "fbx", "usdc"])
def test_shape_key_animation_comes_back_with_its_values(keyed, tmp_path, ending):
    bpy.ops.unitalker.bake(character="Face")
    wanted, mesh = sliders(keyed), shape(keyed)
    back = there_and_back(ending, tmp_path)
    np.testing.assert_allclose(sliders(back), wanted, atol=1e-4)
    np.testing.assert_allclose(np.sort(shape(back), axis=1), np.sort(mesh, axis=1), atol=1e-4)


def test_alembic_keeps_the_moving_vertices_without_shape_keys(keyed, tmp_path):
    bpy.ops.unitalker.bake(character="Face")
    mesh = shape(keyed)
    back = there_and_back("abc", tmp_path)
    assert back.data.shape_keys is None and [modifier.type for modifier in back.modifiers] == ['MESH_SEQUENCE_CACHE']
    np.testing.assert_allclose(shape(back), mesh, atol=1e-4)


def test_fbx_as_its_dialogue_opens_loses_the_animation_of_shape_keys(keyed, tmp_path):
    """What docs/EXPORT.md and the panel warn of; when this fails, Blender has mended it and the warning can go."""
    available("fbx")
    bpy.ops.unitalker.bake(character="Face")
    path = str(tmp_path / "face.fbx")
    bpy.ops.export_scene.fbx(filepath=path)
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True)
    available("fbx")
    bpy.ops.import_scene.fbx(filepath=path)
    assert not bpy.data.actions


ENDINGS = {'LIVE_LINK': "take.csv", 'METAHUMAN_CSV': "take.metahuman.csv", 'METAHUMAN_JSON': "take.metahuman.json"}


def export_motion(folder, kind, speech):
    """Whatever ending was typed becomes the right one."""
    assert bpy.ops.unitalker.export_motion(
        kind=kind, filepath=str(folder / "take.metahuman.csv"), audio=speech, character="Face", use_blinks=False,
        taken_from='SOUND',
    ) == {'FINISHED'}
    return folder / ENDINGS[kind]


def test_motion_for_other_programs_is_what_generate_keys(ext, speech, tmp_path):
    face = make_face(ext, "Face", ("jawOpen", "mouthClose", "mouthPucker"))
    motion = ext.module("engine.files.motion").read_motion(export_motion(tmp_path, 'LIVE_LINK', speech))
    assert not bpy.data.actions
    bpy.ops.unitalker.animate(audio=speech, character="Face", preset="arkit52", use_blinks=False)
    keyed = keys_of(curves(face.data.shape_keys)['key_blocks["jawOpen"].value'])[:, 1]
    assert np.ptp(keyed) > 0.05
    assert motion["jawOpen"] == pytest.approx(keyed, abs=1e-3)


def test_what_plays_on_the_character_is_exported_with_edits(ext, speech, tmp_path):
    face = make_face(ext, "Face")
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    own = curves(face.data.shape_keys)['key_blocks["jawOpen"].value']
    own.keyframe_points[19].co[1] = 0.875
    own.update()
    played = [own.evaluate(frame) for frame in range(1, 49)]
    assert bpy.ops.unitalker.export_motion(
        filepath=str(tmp_path / "take.csv"), audio=speech, character="Face",
    ) == {'FINISHED'}
    motion = ext.module("engine.files.motion").read_motion(tmp_path / "take.csv")
    assert len(motion.weights) == 48 and motion.fps == 24
    assert motion["jawOpen"] == pytest.approx(played, abs=1e-6) and motion["jawOpen"][19] == pytest.approx(0.875)
    bare = make_face(ext, "Bare")
    with pytest.raises(RuntimeError, match="Nothing on 'Bare' is animated"):
        bpy.ops.unitalker.export_motion(filepath=str(tmp_path / "b.csv"), audio=speech, character=bare.name)


@pytest.mark.parametrize("kind", ['METAHUMAN_CSV', 'METAHUMAN_JSON'])
def test_metahuman_tables_hold_the_same_motion(ext, speech, tmp_path, kind):
    make_face(ext, "Face", ("jawOpen", "mouthClose", "mouthPucker"))
    jaw = ext.module("engine.files.motion").read_motion(export_motion(tmp_path, 'LIVE_LINK', speech))["jawOpen"]
    text = export_motion(tmp_path, kind, speech).read_text()
    if kind == 'METAHUMAN_CSV':
        rows = {name: values for name, *values in (line.split(",") for line in text.splitlines())}
    else:
        rows = {row.pop("Name"): list(row.values()) for row in json.loads(text)}
    assert np.array(rows["CTRL_expressions_jawOpen"], float) == pytest.approx(jaw, abs=1e-3)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["take.csv", ENDINGS[kind]])


@needs_aud
def test_the_first_key_of_a_file_is_its_time_0_and_what_that_is_in_scene_and_sound_is_said(ext, speech, tmp_path):
    make_face(ext, "Face", ("jawOpen", "mouthClose", "mouthPucker"))
    set_handles(add_strip(speech, frame=31), left=12)
    given = {"strip": "Line", "character": "Face", "anticipation": 3.0, "offset_lips": -3.0}
    options = ext.module("addon.take.properties").collect(bpy.context, given)
    line = ext.module("addon.export.motion").write(bpy.context, options, tmp_path / "take.csv")
    assert (tmp_path / "take.csv").read_text().splitlines()[1].startswith("00:00:00:00.000,")
    assert line.endswith("; its time 0 is frame 43, second 0.500 of the sound")


def test_a_folder_that_is_not_there_is_said_before_the_work(ext, speech, tmp_path):
    make_face(ext, "Face", ("jawOpen", "mouthClose", "mouthPucker"))
    with pytest.raises(RuntimeError, match=r"does not exist\. Make it"):
        bpy.ops.unitalker.export_motion(filepath=str(tmp_path / "none" / "take.csv"), audio=speech, character="Face")
    assert list(tmp_path.glob("take*")) == []
