"""Files that version 0.1 saved (tests/make_files_of_0_1.py): their takes are known, made again, followed and cleared as
0.1 did."""

from __future__ import annotations

import shutil
from pathlib import Path

import bpy
import numpy as np
import pytest

from .conftest import ROOT, TINY, curves, curves_in, jaw, keys_of, needs_aud, write_buzz
from .strips import move, set_handles

FILES = ROOT / "tests" / "data" / "files_of_0_1"
SMILE = 'key_blocks["mouthSmileLeft"].value'
LIPS_SINCE_0_1 = 0.005      # of a weight: a funnel counts as parted lips now, so a closure undoes it
MOUTHS_SINCE_0_1 = 0.06     # of a weight: the typical mouths of edited phones were measured anew


@pytest.fixture
def opened(ext, tmp_path):
    """Opens one of the files, with its sound beside it and its model among the user's."""
    models = Path(ext.module("addon.host.preferences").user_folder("models", create=True))
    shutil.copytree(TINY, models / "tiny", dirs_exist_ok=True)
    write_buzz(tmp_path / "speech.wav")

    def open_file(name):
        shutil.copy(FILES / name, tmp_path)
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / name), load_ui=False)

    return open_file


@pytest.fixture
def takes(ext):
    return ext.module("addon.take.takes")


def takes_of(takes, character):
    return [
        (take.line, take.first_frame, take.last_frame, take.known) for take in takes.takes_of(bpy.context, character)
    ]


def keys_of_strip(obj):
    """Every key of the lip sync that plays from a strip of the NLA, by data path."""
    strip, = (strip for track in obj.data.shape_keys.animation_data.nla_tracks for strip in track.strips)
    return {
        path: keys_of(curve) for path, curve in curves_in(strip.action, getattr(strip, "action_slot", None)).items()
    }


def all_keys(obj):
    return {path: keys_of(curve) for path, curve in curves(obj.data.shape_keys).items()}


def assert_same(keys, before, tolerance=LIPS_SINCE_0_1):
    assert keys.keys() == before.keys() and len(keys)
    for path in before:
        np.testing.assert_allclose(keys[path], before[path], atol=tolerance)


def test_one_take_is_listed_and_made_again_as_it_was(ext, opened, takes):
    opened("one_take.blend")
    face = bpy.data.objects["Face"]
    assert takes_of(takes, "Face") == [("shots/speech.wav", 11, 58, True)]
    take, = takes.takes_of(bpy.context, "Face")
    assert take.choices["strength"] == 1.5 and take.choices["gain_jaw"] == 2 and take.fps == 24 and take.phones is None
    before = all_keys(face)
    takes.remake(bpy.context, take, {})
    assert_same(all_keys(face), before)
    assert takes_of(takes, "Face") == [("shots/speech.wav", 11, 58, True)] and len(bpy.data.actions) == 1
    takes.remake(bpy.context, takes.find(bpy.context, "Face", "shots/speech.wav"), {"gain_jaw": 0.5})
    assert jaw(face)[:, 1].max() == pytest.approx(0.48, abs=0.01) and jaw(face)[[0, -1], 0].tolist() == [11, 58]


def test_one_take_is_cleared_and_the_pose_from_before_comes_back(ext, opened, takes):
    opened("one_take.blend")
    face = bpy.data.objects["Face"]
    assert takes.clear(bpy.context, takes.find(bpy.context, "Face", "shots/speech.wav")) == 6
    assert (
        takes_of(takes, "Face") == [] and not len(bpy.data.actions)
        and face.data.shape_keys.animation_data.action is None
    )
    values = {block.name: block.value for block in face.data.shape_keys.key_blocks if block.value}
    assert values in ({"mouthSmileLeft": 0.25}, {"Basis": 1.0, "mouthSmileLeft": 0.25})


def test_the_edited_phones_of_a_strip_are_kept_when_it_is_made_again(ext, opened, takes):
    opened("nla_edited_phones.blend")
    face = bpy.data.objects["Face"]
    take, = takes.takes_of(bpy.context, "Face")
    assert take.phones == (("AA", 0.0, 1.0), ("M", 1.0, 2.0)) and take.known
    before = keys_of_strip(face)
    takes.remake(bpy.context, take, {})
    assert_same(keys_of_strip(face), before, MOUTHS_SINCE_0_1)
    assert takes.find(bpy.context, "Face", take.line).phones == take.phones
    strip, = (strip for track in face.data.shape_keys.animation_data.nla_tracks for strip in track.strips)
    assert (strip.influence, strip.frame_start, strip.frame_end) == (0.75, 1, 48)
    assert keys_of(curves(face.data.shape_keys)[SMILE]).tolist() == [[1, 0], [40, 1]]


def test_an_edit_that_was_not_applied_waits_in_the_list(ext, opened, takes):
    opened("nla_edited_phones.blend")
    shown, = bpy.context.scene.unitalker_phones.takes
    assert [(row.label, row.start_s, row.end_s) for row in shown.rows] == [("AA", 0, 1), ("M", 1, 1.5), ("F", 1.5, 2)]
    assert [(marker.name, marker.frame) for marker in bpy.context.scene.timeline_markers] == [
        ("AA", 1), ("m", 25), ("f", 37)
    ]
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}
    assert takes.takes_of(bpy.context, "Face")[0].phones == (("AA", 0.0, 1.0), ("M", 1.0, 1.5), ("F", 1.5, 2.0))


def test_a_strip_is_cleared_and_the_artists_action_stays(ext, opened, takes):
    opened("nla_edited_phones.blend")
    face = bpy.data.objects["Face"]
    takes.clear(bpy.context, takes.takes_of(bpy.context, "Face")[0])
    animation = face.data.shape_keys.animation_data
    assert takes_of(takes, "Face") == [] and animation.action.name == "Mine" and not len(animation.nla_tracks)
    assert keys_of(curves(face.data.shape_keys)[SMILE]).tolist() == [[1, 0], [40, 1]]


@needs_aud
def test_two_takes_follow_their_strips_on(ext, opened, takes):
    opened("two_followed_strips.blend")
    anna, ben = bpy.data.objects["Anna"], bpy.data.objects["Ben"]
    assert (
        takes_of(takes, "Anna") == [("Anna line", 21, 68, True)]
        and takes_of(takes, "Ben") == [("Ben line", 113, 148, True)]
    )
    follow, before = ext.module("addon.follow.follow"), (jaw(anna), jaw(ben))
    assert follow.update().moved == 0
    np.testing.assert_array_equal(jaw(anna), before[0])
    strips = bpy.context.scene.sequence_editor.strips_all
    move(strips["Anna line"], 31)
    set_handles(strips["Ben line"], left=0)
    assert follow.update().moved == 2
    np.testing.assert_allclose(jaw(anna), before[0] + np.array([10, 0], np.float32), atol=1e-4)
    assert jaw(ben)[[0, -1], 0].tolist() == [101, 148]
    # the keys from before the trim are there again
    np.testing.assert_allclose(jaw(ben)[:, 1], before[0][:, 1], atol=1e-5)


@needs_aud
def test_two_followed_takes_are_made_again_and_cleared_one_by_one(ext, opened, takes):
    opened("two_followed_strips.blend")
    anna, ben = bpy.data.objects["Anna"], bpy.data.objects["Ben"]
    before = all_keys(anna), all_keys(ben)
    takes.remake(bpy.context, takes.find(bpy.context, "Anna", "Anna line"), {})
    assert_same(all_keys(anna), before[0])
    assert takes_of(takes, "Anna") == [("Anna line", 21, 68, True)]
    takes.clear(bpy.context, takes.find(bpy.context, "Anna", "Anna line"))
    assert takes_of(takes, "Anna") == [] and takes_of(takes, "Ben") == [("Ben line", 113, 148, True)]
    assert_same(all_keys(ben), before[1])
