"""Vertex heads on a mesh of their topology: PCA shape keys, exact playback from a point cache, and clearing both."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import TINY, curves, keys_of, make_face

N_VERTICES, N_COMPONENTS = 20, 5
HEAD = "FLAME_20_vertices"
MODIFIER = "Lip Sync"


@pytest.fixture
def model(ext, tmp_path) -> Path:
    """The tiny model with one more head: vertices through five components, each smaller than the last."""
    return make_model(tmp_path / "vertices")


def make_model(folder: Path, seed: int = 3) -> Path:
    shutil.copytree(TINY, folder)
    random = np.random.default_rng(seed)
    info = json.loads((folder / "model.json").read_text())
    arrays = dict(np.load(folder / "heads.npz"))
    n_hidden = arrays["arkit52/W"].shape[0]
    components = np.linalg.qr(random.normal(size=(3 * N_VERTICES, N_COMPONENTS)))[0].T.astype(np.float32)
    arrays |= {
        f"{HEAD}/W": (
            random.normal(size=(n_hidden, N_COMPONENTS)) * 0.1 * 0.2 ** np.arange(N_COMPONENTS)
        ).astype(np.float32),
        f"{HEAD}/b": np.zeros(N_COMPONENTS, np.float32),
        f"{HEAD}/mean": (0.01 * random.normal(size=3 * N_VERTICES)).astype(np.float32),
        f"{HEAD}/template": random.normal(size=3 * N_VERTICES).astype(np.float32),
    }
    np.savez(folder / "heads.npz", **arrays)
    np.save(folder / "pca.npy", components)
    for name in ("heads.npz", "pca.npy"):
        info["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    info["heads"].append({
        "id": HEAD, "space": "vertices", "pca": "pca.npy", "fps": 25,
        "resample": {"where": "features", "align_corners": True},
    })
    (folder / "model.json").write_text(json.dumps({**info, "id": folder.name}))
    bpy.context.scene.unitalker.model = str(folder)
    bpy.context.scene.unitalker.head = HEAD
    return folder


def make_mesh(model: Path, matrix: object = None, name: str = "Topology") -> object:
    """A mesh whose vertices are the head's neutral face, moved by a matrix."""
    vertices = np.load(model / "heads.npz")[f"{HEAD}/template"].reshape(-1, 3)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata((vertices if matrix is None else vertices @ np.array(matrix).T).tolist(), [], [])
    obj = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(obj)
    bpy.context.view_layer.objects.active = obj
    return obj


def expected(ext, model: Path, speech: str, **options: object) -> np.ndarray:
    """(frames, n, 3) as the engine gives them."""
    engine, strip_audio = ext.module("engine"), ext.module("addon.sound.clip")
    wave = strip_audio.read(strip_audio.find_file(bpy.context, speech, 1.0))
    motion = engine.animate(wave, engine.Settings(model=str(model), head=HEAD, fps=24.0, **options)).motion
    return motion.weights.reshape(len(motion.weights), -1, 3)


def shown(obj: object, frame: int) -> np.ndarray:
    """(n, 3) vertices as Blender shows them on a frame."""
    bpy.context.scene.frame_set(frame)
    mesh = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    values = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", values)
    return values.reshape(-1, 3)


def worst(obj: object, wanted: np.ndarray) -> float:
    """The largest distance of any vertex on some frames."""
    return max(float(np.linalg.norm(shown(obj, 1 + row) - wanted[row], axis=1).max()) for row in (0, 13, 25, 30, 47))


# ---- shape keys

def test_all_components_show_what_the_head_gives(ext, model, speech):
    obj = make_mesh(model)
    assert bpy.ops.unitalker.animate(audio=speech, vertex_error=0.001, identity="wide") == {'FINISHED'}
    assert [block.name for block in obj.data.shape_keys.key_blocks][:3] == ["Basis", f"{HEAD} mean", f"{HEAD} 001"]
    wanted = expected(ext, model, speech, identity="wide")
    assert np.ptp(wanted, axis=0).max() > 0.01
    assert worst(obj, wanted) < 1e-4


def test_fewer_components_stay_within_the_stated_accuracy(ext, model, speech):
    obj = make_mesh(model)
    size = np.linalg.norm(np.ptp(shown(obj, 1), axis=0))
    wanted = expected(ext, model, speech)
    numbers = []
    for percent in (2.0, 0.1, 0.02):
        bpy.ops.unitalker.animate(audio=speech, vertex_error=percent)
        assert worst(obj, wanted) <= percent / 100 * size + 1e-5
        numbers.append(len(obj.data.shape_keys.key_blocks) - 2)
        assert f"{numbers[-1]} of {N_COMPONENTS} PCA shape keys" in bpy.context.scene.unitalker.result_counts
        bpy.ops.unitalker.clear()
    assert numbers == sorted(numbers) and numbers[0] < numbers[-1]


def test_mesh_in_other_units_and_axes_moves_the_same_way(ext, model, speech):
    matrix = 100 * np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])       # metres to centimetres, y up to z up
    obj = make_mesh(model, matrix)
    bpy.ops.unitalker.animate(audio=speech, vertex_error=0.001)
    assert worst(obj, expected(ext, model, speech) @ matrix.T) < 0.01


def test_again_replaces_and_other_lines_and_own_keys_stay(ext, model, speech):
    obj = make_mesh(model)
    obj.shape_key_add(name="Basis")
    obj.shape_key_add(name="My Smile", from_mix=False).value = 0.0
    for start in (1, 1, 101, 1):
        bpy.ops.unitalker.animate(audio=speech, start_frame=start, vertex_error=0.5)
    names = [block.name for block in obj.data.shape_keys.key_blocks]
    assert len(names) == len(set(names)) and names[:3] == ["Basis", "My Smile", f"{HEAD} mean"]
    assert len(bpy.data.actions) == 1
    bpy.ops.unitalker.clear()
    assert [block.name for block in obj.data.shape_keys.key_blocks] == ["Basis", "My Smile"]


def test_clear_leaves_the_mesh_as_it_was(ext, model, speech):
    obj = make_mesh(model)
    before = shown(obj, 1)
    bpy.ops.unitalker.animate(audio=speech)
    bpy.ops.unitalker.clear()
    assert obj.data.shape_keys is None and not [action for action in bpy.data.actions if action.users]
    np.testing.assert_array_equal(shown(obj, 30), before)


@pytest.mark.parametrize("damage", [
    lambda note: "not json", lambda note: "[]", lambda note: '{"later": 1}', lambda note: 5, lambda note: "[" * 100_000,
    lambda note: json.dumps({**note, "units": "12"}), lambda note: json.dumps({**note, "units": note["units"][1:]}),
    lambda note: json.dumps({**note, "units": [0.0, *note["units"][1:]]}),
    lambda note: json.dumps({**note, "units": [float("nan"), *note["units"][1:]]}),
    lambda note: json.dumps({**note, "names": None}),
    lambda note: json.dumps({**note, "names": [1, *note["names"][1:]]}),
    lambda note: json.dumps({**note, "model": 1}), lambda note: json.dumps({**note, "made_basis": "no"}),
])
def test_damaged_note_counts_as_none_and_is_mended_by_making_the_line_again(ext, model, speech, damage):
    obj = make_mesh(model)
    bpy.ops.unitalker.animate(audio=speech)
    keys = obj.data.shape_keys
    names, note = [block.name for block in keys.key_blocks], json.loads(keys["unitalker_pca"])
    keys["unitalker_pca"] = damage(note)
    with contextlib.suppress(RuntimeError):
        bpy.ops.unitalker.clear()
    assert [block.name for block in keys.key_blocks] == names
    bpy.ops.unitalker.animate(audio=speech)
    assert [block.name for block in keys.key_blocks] == names
    assert json.loads(keys["unitalker_pca"]) == {**note, "made_basis": False}


def test_model_that_came_back_with_fewer_components_takes_over(ext, model, speech):
    obj = make_mesh(model)
    bpy.ops.unitalker.animate(audio=speech, vertex_error=0.001)
    keys = obj.data.shape_keys
    note = json.loads(keys["unitalker_pca"])
    more = N_COMPONENTS + 1 - len(note["units"])
    keys["unitalker_pca"] = json.dumps({
        **note, "names": note["names"] + ["x"] * more, "units": note["units"] + [1.0] * more
    })
    assert bpy.ops.unitalker.animate(audio=speech) == {'FINISHED'}
    assert "gave way" in bpy.context.scene.unitalker.result_details


def test_a_take_that_is_mine_keeps_its_shape_keys_and_curves(ext, model, speech):
    obj = make_mesh(model)
    bpy.ops.unitalker.animate(audio=speech, character=obj.name, vertex_error=0.001)
    takes = ext.module("addon.take.takes")
    take, = takes.takes_of(bpy.context, obj.name)
    assert takes.forget(bpy.context, take) == 6
    before = as_before.animation(), [shown(obj, frame).tolist() for frame in (1, 24)]
    bpy.ops.unitalker.clear(character=obj.name)
    assert (as_before.animation(), [shown(obj, frame).tolist() for frame in (1, 24)]) == before
    with pytest.raises(RuntimeError, match="is free"):
        bpy.ops.unitalker.animate(audio=speech, character=obj.name, vertex_error=0.001)
    assert (as_before.animation(), [shown(obj, frame).tolist() for frame in (1, 24)]) == before


def test_shape_keys_need_no_vertices_of_the_engine(ext, model, speech, monkeypatch):
    obj = make_mesh(model)
    monkeypatch.setattr(ext.module("engine.pipeline"), "to_vertices", lambda *_: pytest.fail("vertices were made"))
    assert bpy.ops.unitalker.animate(audio=speech) == {'FINISHED'}
    assert len(obj.data.shape_keys.key_blocks) > 2


def test_tweak_mode_is_refused_with_nothing_changed(ext, model, speech):
    obj = make_mesh(model)
    bpy.ops.unitalker.animate(audio=speech, vertex_error=2.0)
    keys = obj.data.shape_keys
    names, animation = [block.name for block in keys.key_blocks], keys.animation_data
    action, slot = animation.action, getattr(animation, "action_slot", None)
    animation.action = None
    track = animation.nla_tracks.new()
    strip = track.strips.new("Take", 1, action)
    if slot is not None:
        strip.action_slot = slot
    track.select = strip.select = True
    with contextlib.suppress(AttributeError, RuntimeError):
        animation.use_tweak_mode = True
    if not animation.use_tweak_mode:
        pytest.skip("this Blender does not enter tweak mode without an NLA editor")
    for call in (lambda: bpy.ops.unitalker.animate(audio=speech, vertex_error=0.001), bpy.ops.unitalker.clear):
        with pytest.raises(RuntimeError, match="NLA tweak mode"):
            call()
    assert [block.name for block in keys.key_blocks] == names


def test_another_head_takes_over(ext, model, speech, tmp_path):
    obj = make_mesh(model)
    bpy.ops.unitalker.animate(audio=speech, vertex_error=0.001)
    make_model(tmp_path / "other", seed=4)
    bpy.ops.unitalker.animate(audio=speech, vertex_error=0.5)
    assert "gave way" in bpy.context.scene.unitalker.result_details
    assert all(obj.data.shape_keys.path_resolve(path) is not None for path in curves(obj.data.shape_keys))


def test_fewer_keys_drops_keys(ext, model, speech):
    obj = make_mesh(model)
    bpy.ops.unitalker.animate(audio=speech, reduce=True, max_error=0.01)
    assert len(keys_of(curves(obj.data.shape_keys)[f'key_blocks["{HEAD} mean"].value'])) == 2


# ---- point cache

def test_cache_plays_exactly_what_the_head_gives(ext, model, speech, tmp_path):
    obj = make_mesh(model)
    obj.modifiers.new("Smooth", 'SMOOTH').show_viewport = False
    result = bpy.ops.unitalker.animate(
        audio=speech, vertex_mode='CACHE', cache_folder=str(tmp_path / "cache"), start_frame=11
    )
    assert result == {'FINISHED'} and obj.modifiers[0].name == MODIFIER
    assert [file.suffix for file in (tmp_path / "cache").iterdir()] == [".pc2"]
    wanted = expected(ext, model, speech)
    assert max(np.abs(shown(obj, 11 + row) - wanted[row]).max() for row in (0, 20, 47)) < 1e-5


def test_cache_lies_beside_the_saved_file_and_is_found_after_loading(ext, model, speech, tmp_path):
    obj = make_mesh(model)
    with pytest.raises(RuntimeError, match="not saved yet"):
        bpy.ops.unitalker.animate(audio=speech, vertex_mode='CACHE')
    assert not obj.modifiers
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.unitalker.animate(audio=speech, vertex_mode='CACHE')
    assert obj.modifiers[0].filepath.startswith("//shot lip sync cache")
    wanted = expected(ext, model, speech)
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    np.testing.assert_allclose(shown(bpy.data.objects["Topology"], 21), wanted[20], atol=1e-5)


def test_cache_and_keys_replace_each_other_and_clear_removes_the_modifier(ext, model, speech, tmp_path):
    obj = make_mesh(model)
    options = {"audio": speech, "cache_folder": str(tmp_path)}
    for _ in range(2):
        bpy.ops.unitalker.animate(vertex_mode='CACHE', **options)
    assert len(obj.modifiers) == 1
    bpy.ops.unitalker.clear()
    assert not obj.modifiers
    bpy.ops.unitalker.animate(vertex_mode='CACHE', **options)
    bpy.ops.unitalker.animate(vertex_mode='KEYS', **options)
    assert not obj.modifiers and obj.data.shape_keys is not None


# ---- what does not fit

def test_mesh_of_another_topology_is_refused(ext, model, speech):
    make_face(ext, "Face")
    with pytest.raises(RuntimeError, match="20 vertices; of this character 'Face' has 3"):
        bpy.ops.unitalker.animate(audio=speech)


def test_panel_says_whether_a_mesh_fits(ext, model, speech):
    make_face(ext, "Face")
    catalog = ext.module("addon.take.catalog")
    assert "20 vertices; of this character 'Face' has 3" in catalog.fit(bpy.context).problem
    bpy.context.scene.unitalker.character = make_mesh(model)
    assert catalog.fit(bpy.context).line == f"Topology: 20 vertices, as head {HEAD} moves"


def test_vertices_in_another_order_are_said(ext, model, speech):
    obj = make_mesh(model)
    flat = shown(obj, 1)[::-1].ravel()
    obj.data.vertices.foreach_set("co", flat)
    bpy.ops.unitalker.animate(audio=speech)
    assert "another order" in bpy.context.scene.unitalker.result_details


def test_blendshapes_stay_the_default(ext, model, face, speech):
    bpy.context.scene.unitalker.head = ""
    assert bpy.ops.unitalker.animate(audio=speech) == {'FINISHED'}
    assert len(curves(face.data.shape_keys)) == 52


def test_head_picker_lists_the_models_heads(ext, model):
    settings = bpy.context.scene.unitalker
    assert [item[0] for item in ext.module("addon.take.catalog").head_items(settings, None)] == [
        "AUTO", "arkit52", "before", "after", HEAD
    ]
    assert settings.head_pick == HEAD and ext.module("addon.take.catalog").gives_vertices(settings)
    settings.head_pick = "AUTO"
    assert settings.head == "" and not ext.module("addon.take.catalog").gives_vertices(settings)
    settings.head = HEAD
    settings.model_pick = "mini"
    assert settings.head == ""
