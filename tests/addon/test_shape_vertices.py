"""Keys from Vertices: a mesh that moves vertex by vertex becomes slider values of a mesh of its topology."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from .conftest import curves, keys_of

NAMES = ("jaw", "wide", "pucker", "brow")
N, FIRST, LAST = 150, 11, 40
# the capture lies on its side, and is 100 times as large
TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def make_mesh(name, points, moves):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], [(i, i + 1, i + 2) for i in range(0, N - 2, 3)])
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    if len(moves):
        obj.shape_key_add(name="Basis")
    for key, move in zip(NAMES, moves, strict=False):
        block = obj.shape_key_add(name=key, from_mix=False)
        block.data.foreach_set("co", (points + move).astype(np.float32).ravel())
        block.value = 0.0
    return obj


@pytest.fixture
def pair(ext):
    """A face with four keys, chosen in the panel; a capture of the same vertices with keyed values, (n_frames, 4), and
    the values."""
    random = np.random.default_rng(4)
    points, moves = random.normal(size=(N, 3)), 0.1 * random.normal(size=(len(NAMES), N, 3))
    face = make_mesh("Face", points, moves)
    capture = make_mesh("Capture", 100 * points @ TURN.T, 100 * moves @ TURN.T)
    values = np.clip(np.sin(np.arange(LAST - FIRST + 1)[:, None] / 4 + np.arange(4)) * 1.1, 0, 1)
    for column, name in enumerate(NAMES):
        block = capture.data.shape_keys.key_blocks[name]
        for row, value in enumerate(values[:, column]):
            block.value = value
            block.keyframe_insert("value", frame=FIRST + row)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = FIRST, LAST
    scene.frame_set(5)
    scene.unitalker.character = face
    scene.unitalker_vertices.source = capture
    return face, capture, values


def found(face):
    keyed = curves(face.data.shape_keys)
    return np.stack([keys_of(keyed[f'key_blocks["{name}"].value'])[:, 1] for name in NAMES], 1)


def test_sliders_of_a_turned_and_scaled_capture_come_back(pair):
    face, capture, values = pair
    assert bpy.ops.unitalker.shape_solve() == {'FINISHED'}
    np.testing.assert_allclose(found(face), values, atol=0.005)
    keyed = curves(face.data.shape_keys)['key_blocks["jaw"].value']
    assert keys_of(keyed)[:, 0].tolist() == list(range(FIRST, LAST + 1))
    assert bpy.context.scene.frame_current == 5 and len(curves(capture.data.shape_keys)) == 4


def test_the_preview_range_alone_is_solved_and_the_dustbin_takes_it_back(pair, ext):
    face, capture, values = pair
    scene = bpy.context.scene
    scene.use_preview_range, scene.frame_preview_start, scene.frame_preview_end = True, 20, 25
    bpy.ops.unitalker.shape_solve()
    np.testing.assert_allclose(found(face), values[9:15], atol=0.005)
    one, = ext.module("addon.take.takes").takes_of(bpy.context, "Face")
    assert (one.line, one.first_frame, one.last_frame, one.known) == ("Capture vertices", 20, 25, False)
    bpy.ops.unitalker.clear(character="Face")
    assert not curves(face.data.shape_keys) and len(curves(capture.data.shape_keys)) == 4


def test_a_mesh_without_keys_that_modifiers_move_is_read(pair):
    face, _, _ = pair
    plain = make_mesh("Plain", np.array([vertex.co for vertex in face.data.vertices]), ())
    plain.modifiers.new("Follow", 'DISPLACE').strength = 0.0
    bpy.context.scene.unitalker_vertices.source = plain
    bpy.ops.unitalker.shape_solve()
    assert np.abs(found(face)).max() == 0


def test_movement_that_no_key_makes_is_told(pair, ext):
    _, capture, _ = pair
    vertices = ext.module("addon.shape_match.vertices")
    only = capture.data.shape_keys.key_blocks["jaw"]
    strange = np.empty(3 * N, np.float32)
    only.data.foreach_get("co", strange)
    only.data.foreach_set("co", strange + np.random.default_rng(9).normal(0, 40, 3 * N).astype(np.float32))
    capture.data.update_tag()
    work = vertices.solve(vertices.gather(bpy.context, capture, 0.0))
    while True:
        try:
            next(work)
        except StopIteration as end:
            solved = end.value
            break
    text, _ = vertices.write(bpy.context, solved)
    assert 0.4 < solved.left_out < 1 and f"{solved.left_out:.0%} of the movement" in text


def refused(words):
    face = bpy.data.objects["Face"]
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.unitalker.shape_solve()
    assert not curves(face.data.shape_keys) and bpy.context.scene.frame_current == 5


def test_what_cannot_be_solved_is_one_sentence_and_nothing_is_written(pair):
    face, capture, _ = pair
    chosen = bpy.context.scene.unitalker_vertices
    chosen.source = face
    refused("Choose in Moving Mesh another mesh with as many vertices as 'Face' \\(150\\)")
    other = bpy.data.meshes.new("Other")
    other.from_pydata([(0, 0, 0)], [], [])
    chosen.source = bpy.data.objects.new("Other", other)
    refused("'Other' has 1 vertices, 'Face' has 150: keys can be solved between meshes of one topology alone")
    capture.modifiers.new("Smooth", 'SUBSURF').levels = 1
    chosen.source = capture
    refused("Modifiers make .* vertices of the 150 of 'Capture'. Switch them off")
    chosen.source = None
    refused("Choose a Moving Mesh first")


def test_stopping_half_way_leaves_everything_as_it_was(pair, ext):
    face, capture, _ = pair
    vertices = ext.module("addon.shape_match.vertices")
    work = vertices.solve(vertices.gather(bpy.context, capture, 0.0))
    while next(work) < 0.3:
        pass
    assert bpy.context.scene.frame_current > 5
    work.close()
    assert bpy.context.scene.frame_current == 5 and not curves(face.data.shape_keys)
