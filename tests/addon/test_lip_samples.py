"""Lips of a mouth that bones or properties move: sampled on the posed mesh, fitted, and every pose given back."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import ROOT, curves, in_empty_scene
from .rigged_head import normal

SPEECH = str(ROOT / "tests" / "data" / "sample.flac")
HEAD_MM = 240.0
CLOSES = 0.7        # of the jaw: too little, so that lips stay open on p, b and m


def write_preset(folder, *targets: tuple[dict[str, object], dict[str, float]]) -> str:
    path = folder / "mouth.json"
    rows = [{"to": to, "from": sources} for to, sources in targets]
    path.write_text(json.dumps({"schema": 1, "name": "Mouth", "source": "arkit52", "targets": rows}))
    return str(path)


def jaw_rig(ext: object, folder) -> tuple[object, str]:
    """The test head without keys, its lower face bound to a jaw bone that closes too little."""
    made, engine = ext.module("addon.head.load").whole_head(), ext.module("engine")
    points, triangles, drop = normal(ext, engine.HeadMesh(made.points, made.triangles, made.moves, made.names))
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata((points * 0.05).tolist(), [], triangles.tolist())
    face = bpy.data.objects.new("Face", mesh)
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    for obj in (face, rig):
        bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode='EDIT')
    for name, height in (("head", 0.02), ("jaw", 0.03)):
        bone = rig.data.edit_bones.new(name)
        bone.head, bone.tail = (0.0, 0.08, height), (0.0, 0.02, height)
    bpy.ops.object.mode_set(mode='OBJECT')
    rig.pose.bones["jaw"].rotation_mode = 'YXZ'
    for name, weights in (("jaw", drop), ("head", 1 - drop)):
        group = face.vertex_groups.new(name=name)
        for vertex in np.flatnonzero(weights > 1e-3).tolist():
            group.add([vertex], float(weights[vertex]), 'REPLACE')
    face.parent = rig
    face.modifiers.new("Rig", 'ARMATURE').object = rig
    turn = {"kind": "bone", "bone": "jaw", "path": "rotation_euler", "index": 0, "unit": "degree"}
    return rig, write_preset(folder, (turn, {"jawOpen": -20.0, "mouthClose": 20.0 * CLOSES}))


def property_rig(ext: object, folder) -> tuple[object, str]:
    """The test head, whose keys are driven by custom properties of the head itself."""
    face = ext.module("addon.ui.test_head").build_test_head(bpy.context)
    targets = []
    for name, gain in (("jawOpen", 1.0), ("mouthClose", CLOSES)):
        face[f"ctrl_{name}"] = 0.0
        for obj in (face, *face.children):
            if obj.data.shape_keys is not None and name in obj.data.shape_keys.key_blocks:
                driver = obj.data.shape_keys.key_blocks[name].driver_add("value").driver
                driver.type, variable = 'SUM', driver.variables.new()
                variable.targets[0].id, variable.targets[0].data_path = face, f'["ctrl_{name}"]'
        targets.append(({"kind": "property", "path": f'["ctrl_{name}"]'}, {name: gain}))
    return face, write_preset(folder, *targets)


@pytest.fixture(params=[jaw_rig, property_rig])
def mouth(request, package, tmp_path):
    ext = in_empty_scene(package)
    return ext, *request.param(ext, tmp_path)


def generate(rig: object, preset: str, **options: object) -> str:
    bpy.ops.unitalker.animate(audio=SPEECH, character=rig.name, model="mini", preset=preset, start_frame=1, **options)
    return bpy.context.scene.unitalker.result_details


def request(ext: object, rig: object, preset: str) -> object:
    """What is read of the scene for a take."""
    collect, options = ext.module("addon.take.properties").collect, ext.module("addon.take.options").Options
    chosen = {"audio": SPEECH, "source": 'FILE', "character": rig.name, "model": "mini", "preset": preset}
    return ext.module("addon.take.make").gather(bpy.context, options(**collect(bpy.context, chosen)))


def tightest_mm(ext: object, rig: object, preset: str) -> np.ndarray:
    """The gap of each p, b and m on the mesh itself as it plays, on its tightest frame."""
    engine, samples = ext.module("engine"), ext.module("addon.character.lip_samples")
    layer, fps = bpy.context.view_layer, bpy.context.scene.render.fps
    objects = [obj for obj in bpy.context.scene.objects if obj.type == 'MESH']
    sampled = samples.sample(layer, ext.module("addon.character.character").gather(bpy.context, rig.name), objects,
                             engine.Rig(bones=frozenset({"jaw"}), properties=frozenset(
                                 {'["ctrl_jawOpen"]', '["ctrl_mouthClose"]'}), preset=preset))
    lips = ext.module("engine.geometry.lip_pairs").find_lips(
        sampled.mesh, {"jawOpen": 1.0}, {"jawOpen": 1.0, "mouthClose": 1.0}, stands=True)

    def height(points: np.ndarray) -> float:
        return (points[lips.pairs[:, 0]] - points[lips.pairs[:, 1]])[:, 2].mean()

    gaps = []
    for frame in range(1, 120):
        bpy.context.scene.frame_set(frame)
        points = samples._vertices(layer, objects)
        gaps.append(height(points))
    gaps = np.array(gaps) - height(sampled.mesh.points)
    phones = engine.animate(engine.read_audio(SPEECH), engine.Settings(fps=fps)).phones
    spans = [(phone.start_s, phone.end_s) for phone in phones if phone.label in "PBM"]
    windows = [gaps[max(round((start - 0.04) * fps), 0):round((end + 0.04) * fps) + 1] for start, end in spans]
    return np.array([window.min() for window in windows]) * HEAD_MM / lips.height


def test_lips_meet_on_a_mesh_that_bones_or_properties_move(mouth):
    ext, rig, preset = mouth
    assert "before fitting" not in generate(rig, preset, fit_lips=False)
    before = tightest_mm(ext, rig, preset)
    assert "before fitting" in generate(rig, preset)
    after = tightest_mm(ext, rig, preset)
    assert np.median(before) > 1.0 and len(after) > 3
    assert np.abs(after).max() < 0.5


def test_sampling_gives_every_pose_back_and_makes_no_key(mouth):
    ext, rig, preset = mouth
    if rig.pose:
        rig.pose.bones["jaw"].rotation_euler = (0.123456789, -0.2, 0.3)
    rig["ctrl_jawOpen"] = 0.123456789
    generate(rig, preset, fit_lips=False)
    before = as_before.values(), as_before.animation()
    request(ext, rig, preset)
    assert (as_before.values(), as_before.animation()) == before


def test_one_undo_takes_the_fitted_take_back(mouth):
    _, rig, preset = mouth
    name = rig.name
    bpy.ops.ed.undo_push(message="before")
    before = as_before.values()
    generate(rig, preset)
    bpy.ops.ed.undo_push(message="generated")
    bpy.ops.ed.undo()
    rig = bpy.data.objects[name]
    assert not curves(rig) and as_before.values() == before


def test_what_cannot_be_fitted_is_said(package, tmp_path):
    ext = in_empty_scene(package)
    rig, preset = jaw_rig(ext, tmp_path)
    bpy.data.objects["Face"].hide_set(True)
    assert "Lips are not fitted: no mesh of a fitting size is seen that the rig moves" in generate(rig, preset)
    bpy.data.objects["Face"].hide_set(False)
    bpy.context.view_layer.objects.active = bpy.data.objects["Face"]
    bpy.ops.object.mode_set(mode='EDIT')
    assert "Lips are not fitted: a mesh is in Edit Mode" in generate(rig, preset)
    bpy.ops.object.mode_set(mode='OBJECT')
    assert "Lips are not fitted" not in generate(rig, preset, fit_lips=False)
