"""PMMTalk in Blender: named in words, mouth and jaw alone, and nothing is listened to twice."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from .conftest import curves, curves_in, keys_of, own_action

PLAIN = {"model": "pmmtalk", "character": "Face", "use_blinks": False, "fit_lips": False}


def keyed(face: object) -> set[str]:
    """Shape keys in the active Action and in the strips of the NLA."""
    animation = face.data.shape_keys.animation_data
    strips = [strip for track in animation.nla_tracks for strip in track.strips]
    paths = [*curves(face.data.shape_keys)]
    paths += [path for strip in strips for path in curves_in(strip.action, getattr(strip, "action_slot", None))]
    return {path.split('"')[1] for path in paths}


def test_the_list_of_models_says_what_it_does(ext):
    items = ext.module("addon.take.catalog").model_items(bpy.context.scene.unitalker, None)
    named = {item[0]: item[1] for item in items}
    assert named["pmmtalk"] == "PMMTalk: voice and transcript; mouth, jaw, cheeks, nose"


@pytest.mark.parametrize("artists_own", [False, True])
def test_eyes_and_brows_stay_with_the_artist(ext, face, speech, artists_own):
    channels = ext.module("engine.values.channels")
    brow = 'key_blocks["browInnerUp"].value'
    if artists_own:
        own_action(face.data.shape_keys, {brow: [(1, 0.25), (30, 0.75)]})
    assert bpy.ops.unitalker.animate(audio=speech, **PLAIN) == {'FINISHED'}
    others = set(channels.ARKIT_52) - set(channels.ARKIT_32)
    assert {"jawOpen", "mouthPucker"} <= keyed(face)
    assert keyed(face) & others == ({"browInnerUp"} if artists_own else set())
    if artists_own:
        keys = keys_of(curves(face.data.shape_keys)[brow])
        assert np.array_equal(keys, np.array([[1, 0.25], [30, 0.75]], np.float32))


def test_blinks_are_added_where_they_are_wanted(ext, face, speech):
    assert bpy.ops.unitalker.animate(audio=speech, **{**PLAIN, "use_blinks": True, "performance": "lively"}) == {
        'FINISHED'
    }
    assert {"eyeBlinkLeft", "eyeBlinkRight"} <= keyed(face)


def test_a_change_of_model_listens_to_nothing_again(ext, face, speech, monkeypatch):
    assert bpy.ops.unitalker.animate(audio=speech, **{**PLAIN, "model": "mini"}) == {'FINISHED'}
    monkeypatch.setattr(ext.module("engine.model.encode"), "_encode_window", None)      # a call of it would fail
    assert bpy.ops.unitalker.animate(audio=speech, **PLAIN) == {'FINISHED'}
    assert "jawOpen" in keyed(face)
