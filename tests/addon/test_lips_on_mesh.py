"""Lips on the character's own mesh: fitted by default, said in numbers; empty keys are left out, raised keys named."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from .conftest import ROOT, Extension, curves, in_empty_scene, keys_of

SPEECH = ROOT / "tests" / "data" / "sample.flac"


@pytest.fixture
def head(package) -> tuple[Extension, object]:
    ext = in_empty_scene(package)
    return ext, ext.module("addon.ui.test_head").build_test_head(bpy.context)


def scale_key(face: object, name: str, factor: float) -> None:
    """Make a key of a face and its parts move so many times as far."""
    for obj in (face, *face.children):
        keys = obj.data.shape_keys
        if keys is None or name not in keys.key_blocks:
            continue
        values, rest = (np.empty(3 * len(obj.data.vertices), np.float32) for _ in range(2))
        keys.key_blocks[name].data.foreach_get("co", values)
        keys.reference_key.data.foreach_get("co", rest)
        keys.key_blocks[name].data.foreach_set("co", rest + factor * (values - rest))


def generate(face: object, **options: object) -> bpy.types.PropertyGroup:
    bpy.ops.unitalker.animate(audio=str(SPEECH), character=face.name, model="mini", **options)
    return bpy.context.scene.unitalker


def closings(face: object) -> np.ndarray:
    curve = curves(face.data.shape_keys)['key_blocks["mouthClose"].value']
    return np.array([key.co[1] for key in curve.keyframe_points])


def test_a_closing_key_that_closes_too_much_is_keyed_less(head):
    _, face = head
    scale_key(face, "mouthClose", 1.4)
    settings = generate(face, fit_lips=False)
    plain, said = closings(face), settings.result_details
    settings = generate(face)
    assert settings.fit_lips and closings(face).max() < 0.9 * plain.max()
    assert "before fitting" in settings.result_details and "before fitting" not in said
    assert "Lips meet on 0 of" in said and "Lips meet on 0 of" not in settings.result_details


def test_generate_equals_the_engine_on_the_same_mesh(head):
    ext, face = head
    generate(face)
    engine, arrays = ext.module("engine"), ext.module("addon.character.mesh_arrays")
    found = ext.module("addon.character.character").gather(bpy.context, face.name)
    mesh = arrays.face_mesh(found.shaped_objects())
    rig = engine.Rig(shape_keys=frozenset(mesh.names), mesh=mesh)
    fps = bpy.context.scene.render.fps / bpy.context.scene.render.fps_base
    made = engine.animate(engine.read_audio(str(SPEECH)), engine.Settings(fps=fps, fit_lips=True), rig)
    wanted = made.curves.curves[engine.RigChannel("shape_key", "mouthClose")].values
    assert closings(face) == pytest.approx(wanted, abs=1e-5)


def test_shapes_are_read_again_only_when_they_change(head):
    ext, face = head
    arrays = ext.module("addon.character.mesh_arrays")
    objects = ext.module("addon.character.character").gather(bpy.context, face.name).shaped_objects()
    first = arrays.face_mesh(objects)
    assert arrays.face_mesh(objects) is first
    scale_key(face, "jawOpen", 0.5)
    changed = arrays.face_mesh(objects)
    row = first.names.index("jawOpen")
    assert changed is not first
    assert np.abs(changed.moves[row]).max() == pytest.approx(np.abs(first.moves[row]).max() / 2, rel=1e-3)


def test_empty_keys_are_left_out_and_named(head):
    ext, face = head
    scale_key(face, "mouthPucker", 0.0)
    names = ext.module("addon.character.character").gather(bpy.context, face.name).rig("auto", ())
    assert names.empty_keys == {"mouthPucker"} and "mouthPucker" not in names.shape_keys
    settings = generate(face)
    assert "Empty shape keys that move nothing are left out: mouthPucker" in settings.result_details
    assert 'key_blocks["mouthPucker"].value' not in curves(face.data.shape_keys)
    settings.character = face
    assert "mouthPucker" in ext.module("addon.take.catalog").fit(bpy.context).line


def test_an_empty_key_that_a_driver_reads_is_no_empty_key(head):
    ext, face = head
    scale_key(face, "mouthPucker", 0.0)
    driver = face.driver_add("scale", 0).driver
    variable = driver.variables.new()
    variable.targets[0].id_type, variable.targets[0].id = 'KEY', face.data.shape_keys
    variable.targets[0].data_path = 'key_blocks["mouthPucker"].value'
    names = ext.module("addon.character.character").gather(bpy.context, face.name).rig("auto", ())
    assert not names.empty_keys and "mouthPucker" in names.shape_keys


def test_a_jaw_that_hardly_moves_is_said(head):
    _, face = head
    scale_key(face, "jawOpen", 0.01)
    assert "The mouth stays shut" in generate(face).result_details


def test_a_head_without_its_jaw_is_refused_with_the_empty_key(head):
    _, face = head
    scale_key(face, "jawOpen", 0.0)
    with pytest.raises(RuntimeError, match="Empty shape keys that move nothing are left out: jawOpen"):
        generate(face)


def test_a_face_whose_own_keys_work_takes_their_preset_beside_empty_ones(head):
    ext, face = head
    for name, source in (("A", "jawOpen"), ("I", "mouthStretchLeft"), ("U", "mouthPucker"), ("E", "mouthSmileLeft"),
                         ("O", "mouthFunnel")):
        face.data.shape_keys.key_blocks[source].name = f"Fcl_MTH_{name}"
    for block in face.data.shape_keys.key_blocks:
        if not block.name.startswith(("Fcl_MTH", "Basis")):
            scale_key(face, block.name, 0.0)
    for name in ext.module("engine.values.channels").ARKIT_52:
        if name not in face.data.shape_keys.key_blocks:
            face.shape_key_add(name=name, from_mix=False)
    for child in list(face.children):
        bpy.data.objects.remove(child)
    names = ext.module("addon.character.character").gather(bpy.context, face.name).rig("auto", ())
    assert len(names.empty_keys) == 52
    assert ext.module("engine.rig.presets").choose(names).id == "vroid"
    said = generate(face).result_details        # the check on the mesh, after the keys that work
    assert "Lips meet on" in said and "are left out: browDownLeft" in said
    assert keys_of(curves(face.data.shape_keys)['key_blocks["Fcl_MTH_A"].value'])[:, 1].max() > 0.2


def test_a_raised_key_that_holds_the_mouth_open_is_named(head):
    _, face = head
    block = face.shape_key_add(name="viseme_aa", from_mix=False)
    values = np.empty(3 * len(face.data.vertices), np.float32)
    face.data.shape_keys.key_blocks["jawOpen"].data.foreach_get("co", values)
    block.data.foreach_set("co", values)
    block.value = 0.5
    assert "viseme_aa is at 0.50 and moves the lips by" in generate(face).result_details
    block.value = 0.0
    assert "viseme_aa" not in generate(face).result_details
