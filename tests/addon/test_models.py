"""Models in the panel: added to the user's folder, picked, removed; identities by group."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest

from .conftest import TINY, jaw


@pytest.fixture(autouse=True)
def empty_store(ext):
    """No user models before and after, and lists that know it."""
    store = Path(ext.module("addon.host.preferences").user_folder("models"))
    shutil.rmtree(store, ignore_errors=True)
    ext.module("addon.take.catalog").refresh()
    yield store
    shutil.rmtree(store, ignore_errors=True)


def make_model(folder: Path, n_identities: int = 3, **changes: object) -> Path:
    """A copy of the tiny model, named after its folder, with so many identities in groups of 100."""
    shutil.copytree(TINY, folder)
    info = json.loads((folder / "model.json").read_text())
    styles = np.load(folder / "identities.npy")
    np.save(folder / "identities.npy", styles[np.arange(n_identities) % len(styles)])
    info["sha256"]["identities.npy"] = hashlib.sha256((folder / "identities.npy").read_bytes()).hexdigest()
    others = [
        {"id": f"D{row // 100}_{row % 100}", "label": f"Speaker {row}", "group": f"D{row // 100}"}
        for row in range(n_identities - 1)
    ]
    info["identities"] = [{"id": "pivot", "label": "Neutral (pivot)", "group": "Styles"}, *others]
    (folder / "model.json").write_text(json.dumps({**info, "id": folder.name, "title": folder.name.title(), **changes}))
    return folder


def refused(path: Path, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        bpy.ops.unitalker.model_add(filepath=str(path))


def test_added_model_is_copied_chosen_and_makes_keys(ext, face, speech, tmp_path, empty_store):
    source = make_model(tmp_path / "actor")
    assert bpy.ops.unitalker.model_add(filepath=str(source)) == {'FINISHED'}
    shutil.rmtree(source)
    settings = bpy.context.scene.unitalker
    assert settings.model == "actor" and settings.model_pick == "actor"
    assert sorted(file.name for file in empty_store.iterdir()) == ["actor"]
    assert bpy.ops.unitalker.animate(audio=speech, character="Face", identity="D0_1") == {'FINISHED'}
    assert jaw(face)[:, 1].max() > 0.1


def test_model_json_may_be_picked_instead_of_its_folder(ext, tmp_path):
    make_model(tmp_path / "actor")
    assert bpy.ops.unitalker.model_add(filepath=str(tmp_path / "actor" / "model.json")) == {'FINISHED'}


def test_several_models_lie_side_by_side(ext, tmp_path):
    for name in ("one", "two"):
        bpy.ops.unitalker.model_add(filepath=str(make_model(tmp_path / name)))
    settings = bpy.context.scene.unitalker
    ids = [item[0] for item in ext.module("addon.take.catalog").model_items(settings, None)]
    assert ids.index("one") < ids.index("two") and "mini" in ids


def test_damaged_folder_is_refused_and_nothing_is_left(ext, tmp_path, empty_store):
    source = make_model(tmp_path / "actor")
    (source / "heads.npz").write_bytes(b"cut")
    refused(source, "heads.npz is damaged")
    assert not list(empty_store.parent.glob("adding-*")) and not list(empty_store.glob("*"))


def test_folder_without_a_model_is_refused(ext, tmp_path):
    refused(tmp_path, "model.json is missing")


def test_newer_schema_says_so(ext, tmp_path):
    refused(make_model(tmp_path / "actor", schema=2), "schema 2, this version reads 1. Update")


@pytest.mark.parametrize("name", ["../outside", "", ".hidden", "a:b"])
def test_id_that_is_no_folder_name_is_refused(ext, tmp_path, name):
    refused(make_model(tmp_path / "actor", id=name), "cannot be a folder's name")


def test_name_that_is_taken_is_refused(ext, tmp_path):
    refused(make_model(tmp_path / "copy", id="mini"), "'mini' is there already .*It stays")
    source = make_model(tmp_path / "actor")
    bpy.ops.unitalker.model_add(filepath=str(source))
    refused(source, "'actor' is there already .*Remove it first")


def test_removed_model_is_gone_and_the_bundled_one_chosen(ext, tmp_path, empty_store):
    source = make_model(tmp_path / "actor")
    bpy.ops.unitalker.model_add(filepath=str(source))
    settings = bpy.context.scene.unitalker
    settings.identity = "D0_1"
    assert bpy.ops.unitalker.model_remove() == {'FINISHED'}
    assert not (empty_store / "actor").exists() and (source / "model.json").exists()
    assert (settings.model, settings.identity) == ("mini", "pivot")


def test_removed_model_has_no_open_graphs_when_its_folder_goes(ext, face, speech, tmp_path, empty_store, monkeypatch):
    bpy.ops.unitalker.model_add(filepath=str(make_model(tmp_path / "actor")))
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    runtime, my_models = ext.module("engine.model.runtime"), ext.module("addon.models.my_models")
    left = []

    def opened() -> list[str]:
        return [key[0].name for key in runtime._open_graphs if key[0].parent.name == "actor"]

    class Store(type(Path())):
        def rename(self, target):
            left.append(opened())
            return super().rename(target)

    assert "encoder.onnx" in opened()
    monkeypatch.setattr(my_models, "Path", Store)
    assert bpy.ops.unitalker.model_remove() == {'FINISHED'}
    assert left == [[]] and not (empty_store / "actor").exists()


@pytest.mark.parametrize("model", ["mini", TINY, "", "../models/actor"])
def test_models_that_were_not_added_cannot_be_removed(ext, tmp_path, model):
    bpy.ops.unitalker.model_add(filepath=str(make_model(tmp_path / "actor")))
    bpy.context.scene.unitalker.model = model
    assert not bpy.ops.unitalker.model_remove.poll()
    with pytest.raises(ext.module("engine").ModelError, match="it stays"):
        ext.module("addon.models.my_models").remove(model)


def test_folder_that_broke_later_is_listed_with_its_reason_and_can_be_removed(ext, tmp_path, empty_store):
    bpy.ops.unitalker.model_add(filepath=str(make_model(tmp_path / "actor")))
    (empty_store / "actor" / "heads.npz").write_bytes(b"cut")
    catalog, settings = ext.module("addon.take.catalog"), bpy.context.scene.unitalker
    catalog.refresh()
    item = next(item for item in catalog.model_items(settings, None) if item[0] == "actor")
    assert "cannot be used" in item[1] and "heads.npz is damaged" in item[2]
    assert "heads.npz is damaged" in catalog.model_problem(settings)
    assert bpy.ops.unitalker.model_remove() == {'FINISHED'}
    assert not (empty_store / "actor").exists()


def test_hundreds_of_identities_are_grouped_and_searched(ext, tmp_path):
    bpy.ops.unitalker.model_add(filepath=str(make_model(tmp_path / "crowd", n_identities=935)))
    identities, settings = ext.module("addon.models.identities"), bpy.context.scene.unitalker
    groups = identities.groups("crowd")
    assert groups[0] == ("Styles", 1) and sum(count for _, count in groups) == 935 and len(groups) == 11
    assert len(identities.search_items(bpy.context, "crowd", "")) == 935
    assert identities.search_items(bpy.context, "crowd", "D3")[7] == ("D3_7", "D3: Speaker 307", "D3")
    assert bpy.ops.unitalker.identity_pick(identity="D9_33") == {'FINISHED'}
    assert settings.identity == "D9_33" and identities.label("crowd", settings.identity) == "Speaker 933"


def test_identity_that_another_model_lacks_gives_way_to_neutral(ext, tmp_path):
    bpy.ops.unitalker.model_add(filepath=str(make_model(tmp_path / "actor")))
    settings = bpy.context.scene.unitalker
    settings.identity = "D0_1"
    settings.model_pick = "mini"
    assert settings.identity == "pivot"
    settings.identity = "blend:pivot=1"
    settings.model_pick = "actor"
    assert settings.identity == "blend:pivot=1"
