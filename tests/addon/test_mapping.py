"""Mapping by hand: rows, preview, suggestions, two poses, saving; and what each failure leaves as it was."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import bpy
import pytest

from . import as_before
from .conftest import ROOT, curves, make_face, own_action


@pytest.fixture(autouse=True)
def presets_folder(ext):
    """The user's presets folder with one preset in it; empty again afterwards."""
    folder = Path(ext.module("addon.host.preferences").user_folder("presets", create=True))
    shutil.copy(ROOT / "presets" / "arkit52.json", folder / "kept.json")
    ext.module("addon.take.catalog").refresh()
    yield folder
    shutil.rmtree(folder)
    ext.module("addon.take.catalog").refresh()


@pytest.fixture
def odd(ext):
    """A face with names that no preset has, and a child armature with a jaw bone and two dials."""
    obj = make_face(ext, "Odd", ("Mouth Open", "Smile_L", "Smile_R", 'say "ah"\\', "Ümlaut 口"))
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    armature.data.edit_bones.new("jaw").tail.z = 1
    bpy.ops.object.mode_set(mode='OBJECT')
    armature.pose.bones["jaw"].rotation_mode = 'QUATERNION'
    armature["Pucker"] = 0.1
    armature.pose.bones["jaw"]["Steps"] = 3
    armature.parent = obj
    obj.active_shape_key_index = 0
    bpy.context.view_layer.objects.active = obj
    bpy.context.scene.unitalker.character = obj
    return obj


def mapping():
    return bpy.context.scene.unitalker_mapping


def start(empty=True):
    assert bpy.ops.unitalker.mapping_start(empty=empty) == {'FINISHED'}
    return mapping()


def add_row(control, channel, weight=1.0, kind='shape_key', **fields):
    bpy.ops.unitalker.mapping_add()
    row = mapping().targets[mapping().active]
    row.kind, row.control = kind, control
    for name, value in fields.items():
        setattr(row, name, value)
    row.sources[0].channel, row.sources[0].weight = channel, weight
    return row


def value(obj, key):
    return obj.data.shape_keys.key_blocks[key].value


def remove_all(rows):
    rows.clear()


def unmatched():
    found = {}
    for hint in mapping().hints:
        found.setdefault(hint.channel, []).append(hint.control)
    return found


def refused(operator, message, folder, **options):
    """The operator fails with this message, and keys, values and files are as before."""
    before = as_before.animation(), as_before.values(), as_before.files(folder)
    with pytest.raises(RuntimeError, match=message):
        operator(**options)
    assert (as_before.animation(), as_before.values(), as_before.files(folder)) == before


# ---- rows

def test_a_mapping_made_by_hand_drives_the_character(ext, odd, speech, presets_folder):
    start()
    add_row("Mouth Open", "jawOpen", 0.5)
    add_row('say "ah"\\', "jawOpen", 0.8)
    add_row("Ümlaut 口", "jawOpen", 0.6)
    add_row("jaw", "jawOpen", 18.0, 'bone', path='rotation_euler', axis='0')
    add_row('["Pucker"]', "jawOpen", 2.0, 'property')
    mapping().title = "By hand"
    assert bpy.ops.unitalker.mapping_save() == {'FINISHED'}
    assert bpy.context.scene.unitalker.preset == "by_hand" and not mapping().changed
    assert bpy.ops.unitalker.animate(audio=speech, character="Odd") == {'FINISHED'}
    keys = {
        path: max(key.co[1] for key in curve.keyframe_points) for path, curve in curves(odd.data.shape_keys).items()
    }
    peak = keys['key_blocks["Mouth Open"].value'] / 0.5
    assert peak > 0.1
    assert keys['key_blocks["say \\"ah\\"\\\\"].value'] == pytest.approx(0.8 * peak, rel=1e-4)
    assert keys['key_blocks["Ümlaut 口"].value'] == pytest.approx(0.6 * peak, rel=1e-4)
    rig = curves(bpy.data.objects["Rig"])
    angle = max(2 * math.asin(key.co[1]) for key in rig['pose.bones["jaw"].rotation_quaternion1'].keyframe_points)
    assert angle == pytest.approx(math.radians(18 * peak), rel=1e-3)
    bpy.context.scene.frame_set(24)
    assert value(odd, 'say "ah"\\') > 0.05 and value(odd, "Ümlaut 口") > 0.05      # the escaped paths lead to the keys


def test_editing_a_preset_keeps_every_field_of_it(ext, face, tmp_path, presets_folder):
    preset_file, presets = ext.module("engine.rig.preset_file"), ext.module("engine.rig.presets")
    for path in sorted((ROOT / "presets").glob("*.json")):
        if path.name in preset_file.NOT_PRESETS:
            continue
        preset = preset_file.load_preset(path)
        ext.module("addon.mapping.mapping").open_preset(bpy.context, preset)
        again = ext.module("addon.mapping.rows").to_preset(mapping())
        assert presets.save_preset(again, tmp_path).read_text() == presets.save_preset(
            preset, tmp_path / "whole"
        ).read_text(), path.name


def test_a_row_starts_with_the_active_shape_key_or_bone(ext, odd):
    start()
    odd.active_shape_key_index = 2
    bpy.ops.unitalker.mapping_add()
    assert mapping().targets[0].control == "Smile_L"
    bpy.ops.unitalker.mapping_add()
    assert mapping().targets[1].control == ""           # mapped already


def test_removed_rows_and_channels_are_gone(ext, odd):
    start()
    add_row("Mouth Open", "jawOpen")
    bpy.ops.unitalker.mapping_channel_add()
    assert len(mapping().targets[0].sources) == 2
    bpy.ops.unitalker.mapping_channel_remove(index=1)
    assert len(mapping().targets[0].sources) == 1
    bpy.ops.unitalker.mapping_remove()
    assert len(mapping().targets) == 0
    with pytest.raises(RuntimeError, match="No row of the mapping is chosen"):
        bpy.ops.unitalker.mapping_remove()


def test_a_row_of_another_kind_rests_and_ends_where_that_kind_does(ext, odd):
    start()
    bpy.ops.unitalker.mapping_add()
    row = mapping().targets[0]
    assert (row.limited, row.offset) == (True, 0.0)
    row.kind, row.path = 'bone', 'scale'
    assert (row.limited, row.offset) == (False, 1.0)        # at 0 a still face would collapse the bone
    row.path = 'location'
    assert (row.limited, row.offset) == (False, 0.0)


# ---- preview

def test_dragging_moves_the_character_and_stopping_gives_the_old_values_back_exactly(ext, odd):
    rig = bpy.data.objects["Rig"]
    odd.data.shape_keys.key_blocks["Mouth Open"].value = 0.123456789
    rig["Pucker"], rig.pose.bones["jaw"]["Steps"] = 0.1, 3
    rig.pose.bones["jaw"].rotation_quaternion = (0.9, 0.1, 0.2, 0.3)
    before, animation = as_before.values(), as_before.animation()
    start()
    row = add_row("Mouth Open", "jawOpen", 0.5)
    add_row("jaw", "jawOpen", 18.0, 'bone', path='rotation_euler', axis='0')
    add_row('["Pucker"]', "jawOpen", 2.0, 'property')
    add_row('pose.bones["jaw"]["Steps"]', "jawOpen", 7.0, 'property')
    assert as_before.values() == before                 # nothing moves without Preview
    bpy.ops.unitalker.mapping_preview()
    assert value(odd, "Mouth Open") == pytest.approx(0.5)
    row.gain = 1.5
    assert value(odd, "Mouth Open") == pytest.approx(0.75)
    mapping().amount = 0.5
    assert value(odd, "Mouth Open") == pytest.approx(0.375)
    assert rig["Pucker"] == pytest.approx(1.0) and rig.pose.bones["jaw"]["Steps"] == 3
    assert 2 * math.acos(rig.pose.bones["jaw"].rotation_quaternion[0]) == pytest.approx(math.radians(9), abs=1e-4)
    bpy.ops.unitalker.mapping_preview()
    assert as_before.values() == before and as_before.animation() == animation


def test_another_row_moves_and_the_first_goes_back(ext, odd):
    start()
    add_row("Mouth Open", "jawOpen")
    add_row("Smile_L", "mouthSmileLeft")
    bpy.ops.unitalker.mapping_preview()
    assert (value(odd, "Mouth Open"), value(odd, "Smile_L")) == (0.0, 1.0)
    mapping().active = 0
    assert (value(odd, "Mouth Open"), value(odd, "Smile_L")) == (1.0, 0.0)


def test_channels_that_pull_both_ways_are_previewed_one_by_one(ext, odd):
    start()
    row = add_row("jaw", "jawLeft", 1.0, 'bone', path='location', axis='0')
    bpy.ops.unitalker.mapping_channel_add()
    row.sources[1].channel, row.sources[1].weight = "jawRight", -1.0
    bpy.ops.unitalker.mapping_preview()
    bone = bpy.data.objects["Rig"].pose.bones["jaw"]
    assert bone.location.x == 0
    row.sources[0].shown = False
    assert bone.location.x == -1


def test_what_the_artist_moves_while_previewing_stays(ext, odd):
    start()
    add_row("Mouth Open", "jawOpen", 0.5)
    bpy.ops.unitalker.mapping_preview()
    odd.data.shape_keys.key_blocks["Mouth Open"].value = 0.9
    bpy.ops.unitalker.mapping_preview()
    assert value(odd, "Mouth Open") == pytest.approx(0.9)


def test_a_saved_file_holds_the_old_values_and_the_preview_goes_on(ext, odd, tmp_path):
    odd.data.shape_keys.key_blocks["Mouth Open"].value = 0.25
    start()
    add_row("Mouth Open", "jawOpen")
    bpy.ops.unitalker.mapping_preview()
    path = str(tmp_path / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    assert value(odd, "Mouth Open") == 1.0 and mapping().preview
    bpy.ops.wm.open_mainfile(filepath=path)
    assert value(bpy.data.objects["Odd"], "Mouth Open") == 0.25 and not mapping().preview
    assert mapping().targets[0].control == "Mouth Open"


def test_undo_while_previewing_never_loses_the_old_values(ext, odd):
    odd.data.shape_keys.key_blocks["Mouth Open"].value = 0.25
    start()
    row = add_row("Mouth Open", "jawOpen")
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.unitalker.mapping_preview()
    row.gain = 0.5
    bpy.ops.ed.undo_push(message="gain")
    mapping().targets[0].gain = 0.7
    bpy.ops.ed.undo_push(message="gain")
    bpy.ops.ed.undo()
    assert (
        mapping().targets[0].gain == pytest.approx(0.5)
        and value(bpy.data.objects["Odd"], "Mouth Open") == pytest.approx(0.5)
    )
    assert mapping().preview
    bpy.ops.unitalker.mapping_preview()
    assert value(bpy.data.objects["Odd"], "Mouth Open") == 0.25


def test_generating_while_previewing_keeps_the_true_rest(ext, face, speech):
    bpy.context.scene.unitalker.character = face
    face.data.shape_keys.key_blocks["jawOpen"].value = 0.25
    start(empty=False)
    mapping().active = next(i for i, row in enumerate(mapping().targets) if row.control == "jawOpen")
    bpy.ops.unitalker.mapping_preview()
    assert value(face, "jawOpen") == 1.0
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    bpy.ops.unitalker.clear(character="Face")
    assert value(face, "jawOpen") == 0.25 and not mapping().preview


def test_a_renamed_object_gets_its_values_back_and_a_removed_one_stops_nothing(ext, odd):
    start()
    add_row("Mouth Open", "jawOpen")
    bpy.ops.unitalker.mapping_preview()
    odd.name = "Renamed"
    mapping().amount = 0.5
    assert value(odd, "Mouth Open") == 0.5
    bpy.ops.unitalker.mapping_preview()
    assert value(odd, "Mouth Open") == 0.0
    bpy.ops.unitalker.mapping_preview()
    bpy.data.objects.remove(odd)
    mapping().amount = 0.7
    assert not mapping().preview


def test_driven_controls_are_not_fought(ext, odd):
    odd.data.shape_keys.key_blocks["Mouth Open"].driver_add("value").driver.expression = "0.25"
    start()
    add_row("Mouth Open", "jawOpen")
    bpy.ops.unitalker.mapping_preview()
    assert value(odd, "Mouth Open") != 1.0 and mapping().shown_values == ""


def test_closing_gives_the_values_back(ext, odd):
    start()
    add_row("Mouth Open", "jawOpen")
    bpy.ops.unitalker.mapping_preview()
    bpy.ops.unitalker.mapping_close()
    assert value(odd, "Mouth Open") == 0.0 and not mapping().is_open and len(mapping().targets) == 0


# ---- suggestions

def test_suggestions_are_shown_and_nothing_is_mapped_before_a_click(ext, odd):
    start()
    found = unmatched()
    assert (
        found["jawOpen"][0] == "Mouth Open" and found["mouthSmileLeft"] == ["Smile_L"]
        and found["mouthSmileRight"] == ["Smile_R"]
    )
    assert found["mouthPucker"] == ['["Pucker"]'] and found["tongueOut"] == [""]
    assert len(mapping().targets) == 0 and as_before.values()[0]["Key", "Mouth Open"][0] == 0


def test_an_accepted_suggestion_becomes_a_row_and_leaves_the_list(ext, odd):
    start()
    bpy.ops.unitalker.mapping_accept(channel="mouthSmileLeft", kind="shape_key", control="Smile_L")
    row, = mapping().targets
    assert (row.control, row.sources[0].channel, row.limited, row.found) == ("Smile_L", "mouthSmileLeft", True, True)
    assert (
        "mouthSmileLeft" not in unmatched()
        and "Smile_L" not in [control for controls in unmatched().values() for control in controls]
    )


def test_a_control_that_the_character_lacks_is_marked_and_its_channel_stays_unmatched(ext, odd):
    start()
    assert not add_row("Gone", "jawOpen").found and "jawOpen" in unmatched()
    add_row("Mouth Open", "mouthClose")
    assert mapping().targets[1].found and "mouthClose" not in unmatched()


# ---- two poses

def test_two_poses_teach_a_channel_keys_bones_and_properties(ext, odd):
    rig, keys = bpy.data.objects["Rig"], odd.data.shape_keys.key_blocks
    start()
    mapping().channel = "jawOpen"
    assert bpy.ops.unitalker.mapping_record_rest() == {'FINISHED'}
    keys["Mouth Open"].value = 0.75
    rig.pose.bones["jaw"].rotation_quaternion = (math.cos(math.radians(10)), math.sin(math.radians(10)), 0, 0)
    rig.pose.bones["jaw"].location.y = -0.2
    rig["Pucker"] = 0.6
    assert bpy.ops.unitalker.mapping_record_extreme() == {'FINISHED'}
    rows = {
        (row.control, row.path if row.kind == 'bone' else "", row.axis): row.sources[0].weight
        for row in mapping().targets
    }
    assert rows == pytest.approx({
        ("Mouth Open", "", '0'): 0.75, ("jaw", "location", '1'): -0.2, ("jaw", "rotation_euler", '0'): 20.0,
        ('["Pucker"]', "", '0'): 0.5,
    }, abs=1e-4)
    extreme = as_before.values()
    keys["Mouth Open"].value, rig["Pucker"], rig.pose.bones["jaw"].location.y = 0.0, 0.1, 0.0
    rig.pose.bones["jaw"].rotation_quaternion = (1, 0, 0, 0)
    bpy.ops.unitalker.mapping_preview()
    assert value(odd, "Mouth Open") == pytest.approx(extreme[0]["Key", "Mouth Open"][0], abs=1e-5)
    assert tuple(rig.pose.bones["jaw"].rotation_quaternion) == pytest.approx(
        (math.cos(math.radians(10)), math.sin(math.radians(10)), 0, 0), abs=1e-5
    )


def test_learning_uses_the_presets_own_spelling(ext):
    face = make_face(ext, "Face", ("JawOpen", "MouthClose"))
    bpy.context.scene.unitalker.character = face
    start()
    add_row("jawOpen", "jawOpen", 0.3)
    mapping().channel = "jawOpen"
    bpy.ops.unitalker.mapping_record_rest()
    face.data.shape_keys.key_blocks["JawOpen"].value = 0.9
    bpy.ops.unitalker.mapping_record_extreme()
    row, = mapping().targets
    assert row.control == "jawOpen" and row.sources[0].weight == pytest.approx(0.9)


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda: None, "Nothing moved between rest and extreme"),
    (lambda: setattr(mapping(), "channel", "jawOpne"), "No channel is chosen for the two poses"),
    (
        lambda: setattr(bpy.context.scene.unitalker, "character", bpy.data.objects["Other"]),
        "The rest pose is of 'Odd', the character is 'Other' now",
    ),
    (lambda: add_row("", "jawOpen"), "1 row to finish or remove"),
])
def test_a_pose_that_teaches_nothing_is_one_error(ext, odd, presets_folder, spoil, message):
    make_face(ext, "Other", ("Mouth Open",)).location.x = 9
    bpy.context.view_layer.update()
    start()
    mapping().channel = "jawOpen"
    bpy.ops.unitalker.mapping_record_rest()
    spoil()
    rows = len(mapping().targets)
    refused(bpy.ops.unitalker.mapping_record_extreme, message, presets_folder)
    assert len(mapping().targets) == rows


def test_the_extreme_waits_for_the_rest(ext, odd):
    start()
    assert not bpy.ops.unitalker.mapping_record_extreme.poll()


# ---- saving and sharing

@pytest.mark.parametrize(("spoil", "message"), [
    (lambda: setattr(mapping(), "title", " "), "The mapping has no name"),
    (lambda: remove_all(mapping().targets), "mapping 'Mine' is empty"),
    (lambda: add_row("", "jawOpen"), "Row 2 of the mapping moves nothing yet"),
    (lambda: remove_all(mapping().targets[0].sources), r"Mouth Open \(row 1\) has no channel"),
    (
        lambda: setattr(mapping().targets[0].sources[0], "channel", "jawOpne"),
        "'jawOpne' is no face channel. Did you mean 'jawOpen'",
    ),
    (lambda: setattr(mapping().targets[0].sources[0], "channel", ""), "a channel is not chosen"),
    (lambda: add_row("Mouth Open", "mouthClose"), "Mouth Open stands in rows 1 and 2"),
    (lambda: setattr(mapping().targets[0].sources.add(), "channel", "jawOpen"), "has the channel 'jawOpen' twice"),
    (lambda: setattr(mapping().targets[0], "combine", "min"), "two or more channels where combine is min"),
    (
        lambda: setattr(add_row("", "jawOpen", kind='property'), "control", 'bpy.ops.wm.quit_blender()'),
        "a custom property as",
    ),
])
@pytest.mark.parametrize("way", ["save", "export"])
def test_a_mapping_that_cannot_be_saved_is_one_error_and_nothing_is_written(
    ext, odd, presets_folder, tmp_path, spoil, message, way
):
    own_action(odd.data.shape_keys, {'key_blocks["Mouth Open"].value': [(1, 0.0), (10, 1.0)]})
    start()
    add_row("Mouth Open", "jawOpen")
    mapping().title = "Mine"
    spoil()
    if way == "save":
        refused(bpy.ops.unitalker.mapping_save, message, presets_folder)
    else:
        refused(bpy.ops.unitalker.mapping_export, message, tmp_path, filepath=str(tmp_path / "share.json"))
    assert bpy.context.scene.unitalker.preset == "auto"


def test_an_exported_mapping_comes_back_by_import(ext, odd, tmp_path, presets_folder):
    start()
    add_row("Mouth Open", "jawOpen", 0.1)
    mapping().title = "Shared"
    path = tmp_path / "share.json"
    assert bpy.ops.unitalker.mapping_export(filepath=str(path)) == {'FINISHED'}
    assert json.loads(path.read_text())["targets"] == [
        {"to": {"kind": "shape_key", "name": "Mouth Open"}, "from": {"jawOpen": 0.1}}
    ]
    assert bpy.ops.unitalker.preset_load(filepath=str(path)) == {'FINISHED'}
    assert (presets_folder / "shared.json").read_text() == path.read_text()
    bpy.ops.unitalker.mapping_start(empty=False)
    assert mapping().title == "Shared" and mapping().targets[0].control == "Mouth Open"


def test_export_to_where_nobody_may_write_is_one_error(ext, odd, tmp_path, presets_folder):
    start()
    add_row("Mouth Open", "jawOpen")
    refused(
        bpy.ops.unitalker.mapping_export, "cannot be written to", presets_folder,
        filepath=str(tmp_path / "none" / "share.json"),
    )


def test_import_spares_another_preset_of_the_same_name(ext, odd, tmp_path, presets_folder):
    for weight in (0.1, 0.2, 0.2):
        path = tmp_path / "friend.json"
        target = {"to": {"kind": "shape_key", "name": "Mouth Open"}, "from": {"jawOpen": weight}}
        path.write_text(json.dumps({"schema": 1, "name": "Friend", "source": "arkit52", "targets": [target]}))
        bpy.ops.unitalker.preset_load(filepath=str(path))
    names = {
        json.loads(path.read_text())["name"]: json.loads(path.read_text())["targets"][0]["from"]["jawOpen"]
        for path in presets_folder.glob("friend*")
    }
    assert names == {"Friend": 0.1, "Friend 2": 0.2}


def test_a_character_that_is_gone_is_one_error(ext, presets_folder):
    refused(bpy.ops.unitalker.mapping_start, "No character is chosen", presets_folder)


# ---- presets from strangers

HEAD = '{"schema": 1, "name": "Evil",\n "source": "arkit52",\n'
TARGET = ' "targets": [{"to": {"kind": "shape_key", "name": "Mouth Open"},\n  "from": {"jawOpen": 1.0}'
HOSTILE = {
    "huge": (b"[" + b"1," * 600_000 + b"1]", "larger than 1,000,000 bytes"),
    "deep": (HEAD + ' "targets": ' + "[" * 300_000, r"line 3, targets(\[0\])+.*nested too deeply"),
    "nan": (HEAD + TARGET.replace("1.0", "NaN") + "}]}", r"line 4, targets\[0\]\.from\.jawOpen: NaN is not a number"),
    "infinity": (HEAD + TARGET.replace("1.0", "-Infinity") + "}]}", r"line 4, targets\[0\]\.from\.jawOpen: -Infinity"),
    "too_large": (
        HEAD + TARGET.replace("1.0", "1e400") + "}]}", r"line 4, targets\[0\]\.from\.jawOpen: the number 1e400"
    ),
    "twice": (
        HEAD + TARGET + ',\n  "gain": 1, "gain": 2}]}', r"line 5, targets\[0\]\.gain: the key 'gain' stands twice"
    ),
    "wrong_type": (
        HEAD + TARGET + ',\n  "gain": [1]}]}',
        r"line 5, targets\[0\]\.gain: \[1\] is not allowed; it must be of type number",
    ),
    "truth": (HEAD + TARGET + ',\n  "offset": true}]}', r"line 5, targets\[0\]\.offset: True is not allowed"),
    "driver": (HEAD + TARGET + ',\n  "driver": "CANARY"}]}', r"line 5, targets\[0\]: 'driver' is not allowed"),
    "expression": (
        HEAD + ' "expression": "CANARY",\n' + TARGET + "}]}", "line 3, top level: 'expression' is not allowed"
    ),
    "code_path": (
        HEAD + TARGET.replace(
            '"kind": "shape_key", "name": "Mouth Open"', '"kind": "property",\n "path": "CANARY"'
        ) + "}]}", r"line 4, targets\[0\]\.to\.path: .*a custom property as",
    ),
    "foreign_path": (
        HEAD + TARGET.replace(
            '"kind": "shape_key", "name": "Mouth Open"', r'"kind": "property", "path": "data[\"x\"].y"'
        ) + "}]}", r"line 3, targets\[0\]\.to\.path",
    ),
    "bone_path": (
        HEAD + TARGET.replace(
            '"kind": "shape_key", "name": "Mouth Open"', '"kind": "bone", "bone": "jaw", "path": "matrix"'
        ) + "}]}", r"line 3, targets\[0\]\.to\.path: 'matrix' is not allowed",
    ),
    "control_character": (
        HEAD.replace("Evil", "../..\\u0000/etc/passwd") + TARGET + "}]}", "line 1, name: .*without control characters"
    ),
    "half_character": (HEAD.replace("Evil", "\\ud800") + TARGET + "}]}", "line 1, name holds half a character"),
    "cut_off": (HEAD + TARGET, "not valid JSON: line 4"),
    "not_text": (b"\x80\x81\x82", "not UTF-8"),
    "empty": ("", "not valid JSON: line 1"),
    "newer": ('{"schema": 99}', "schema 99; this version reads up to 1"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_preset_is_one_error_runs_nothing_and_changes_nothing(ext, odd, tmp_path, presets_folder, kind):
    content, message = HOSTILE[kind]
    canary = tmp_path / "canary"
    if isinstance(content, str):
        content = content.replace("CANARY", f"__import__('pathlib').Path('{canary}').touch()").encode()
    source = tmp_path / "evil.json"
    source.write_bytes(content)
    own_action(odd.data.shape_keys, {'key_blocks["Mouth Open"].value': [(1, 0.0), (10, 1.0)]})
    start()
    add_row("Mouth Open", "jawOpen")
    refused(bpy.ops.unitalker.preset_load, r"evil\.json.*" + message, presets_folder, filepath=str(source))
    assert not canary.exists() and source.read_bytes() == content
    assert bpy.context.scene.unitalker.preset == "auto" and len(mapping().targets) == 1


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "C:\\Windows\\x", "con", "..", "a/b", "😀" * 70])
def test_a_name_that_is_a_path_stays_in_the_folder(ext, odd, tmp_path, presets_folder, name):
    start()
    add_row("Mouth Open", "jawOpen")
    mapping().title = name
    outside = as_before.files(presets_folder.parent.parent)
    assert bpy.ops.unitalker.mapping_save() == {'FINISHED'}
    made = set(as_before.files(presets_folder.parent.parent)) - set(outside)
    assert len(made) == 1 and (presets_folder.parent.parent / made.pop()).parent == presets_folder


def test_code_in_a_name_is_only_a_name(ext, odd, tmp_path, presets_folder, speech):
    canary = tmp_path / "canary"
    code = f"__import__('pathlib').Path('{canary}').touch()"
    odd.data.shape_keys.key_blocks["Smile_L"].name = code[:60]
    start()
    add_row(code[:60], "jawOpen")
    mapping().title = code[:80]
    bpy.ops.unitalker.mapping_save()
    bpy.ops.unitalker.animate(audio=speech, character="Odd")
    assert (
        list(curves(odd.data.shape_keys)) == [f'key_blocks["{bpy.utils.escape_identifier(code[:60])}"].value']
        and not canary.exists()
    )
