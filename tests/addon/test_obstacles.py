"""Keys that cannot be written or cannot show: known once, told before Generate, in the result and in reports."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from .conftest import curves, jaw, keys_of, make_face, needs_aud, own_action, write_buzz
from .strips import add_strip, move, set_handles

JAW = 'key_blocks["jawOpen"].value'
SMILE = 'key_blocks["mouthSmileLeft"].value'


def generate(speech, **more):
    bpy.ops.unitalker.animate(**{"audio": speech, "character": "Face", **more})
    return bpy.context.scene.unitalker.result_details


def told_before(ext):
    """What the Character panel says of the chosen character before anything is made."""
    bpy.context.scene.unitalker.character = bpy.data.objects.get("Face") or bpy.data.objects["Rig"]
    return "\n".join(ext.module("addon.take.catalog").obstacles(bpy.context))


def told(ext, speech, text, **more):
    """Whether a sentence is told before and in the result."""
    return [text in told_before(ext), text in generate(speech, **more)] == [True, True]


# ---- locked curves

def lock_by_hand(face, path=JAW):
    """Change a key by hand and lock its curve; the curve's keys."""
    curve = curves(face.data.shape_keys)[path]
    curve.keyframe_points[20].co[1] = 0.123
    curve.lock = True
    return keys_of(curve)


def test_locked_curve_keeps_its_keys_when_the_line_is_made_again(ext, face, speech):
    generate(speech)
    before = lock_by_hand(face)
    assert told(ext, speech, "jawOpen of 'Face': locked, left as it is", strength=1.5)
    np.testing.assert_array_equal(jaw(face), before)
    assert bpy.context.scene.unitalker.result_counts.startswith("51 curves")


def test_locked_group_keeps_all_of_its_curves(ext, face, speech):
    generate(speech)
    curves(face.data.shape_keys)[JAW].group.lock = True
    before = jaw(face)
    with pytest.raises(RuntimeError, match="No channel of 'Face' is free"):
        generate(speech, strength=1.5)
    np.testing.assert_array_equal(jaw(face), before)


def test_range_live_and_another_line_leave_a_locked_curve(ext, face, speech, tmp_path):
    generate(speech)
    before = lock_by_hand(face)
    generate(speech, use_range=True, range_start=10, range_end=30, strength=1.5)
    generate(write_buzz(tmp_path / "second.wav"), start_frame=25)
    bpy.ops.unitalker.regenerate_range(character="Face", line=speech_line(speech), start=5, end=12)
    np.testing.assert_array_equal(jaw(face), before)


def test_a_new_action_takes_the_locked_channel(ext, face, speech):
    generate(speech)
    lock_by_hand(face)
    assert "locked" not in generate(speech, action="Second try")
    assert len(curves(face.data.shape_keys)) == 52


@pytest.mark.parametrize("clear", ["clear", "take_clear", "clear_range"])
def test_clear_leaves_a_locked_curve_and_says_so(ext, face, speech, clear, capfd):
    generate(speech)
    before = lock_by_hand(face)
    arguments = {"clear_range": {"start": 1, "end": 60}, "take_clear": {"line": speech_line(speech)}}.get(clear, {})
    getattr(bpy.ops.unitalker, clear)(character="Face", **arguments)
    np.testing.assert_array_equal(jaw(face), before)
    left = curves(face.data.shape_keys)
    assert [path for path, curve in left.items() if len(curve.keyframe_points)] == [JAW]
    assert "jawOpen of 'Face': locked" in capfd.readouterr().out


def speech_line(speech):
    return "/".join(speech.split("/")[-2:])


def test_what_was_locked_is_cleared_once_it_is_unlocked(ext, face, speech):
    generate(speech)
    lock_by_hand(face)
    bpy.ops.unitalker.clear(character="Face")
    curves(face.data.shape_keys)[JAW].lock = False
    bpy.ops.unitalker.clear(character="Face")
    assert len(bpy.data.actions) == 0 and face.data.shape_keys.key_blocks["jawOpen"].value == 0


@needs_aud
def test_locked_curve_stays_when_its_strip_moves_and_that_is_said(ext, face, speech):
    strip = add_strip(speech, 1)
    generate("", strip="Line")
    before = lock_by_hand(face)
    move(strip, 101)
    assert bpy.ops.unitalker.follow() == {'FINISHED'}
    np.testing.assert_array_equal(jaw(face), before)
    assert keys_of(curves(face.data.shape_keys)[SMILE])[0, 0] == 101
    assert "jawOpen of 'Face Lip Sync': locked" in bpy.context.scene.unitalker_cast.follow_note


# ---- two lines on the same frames

@needs_aud
def test_a_line_over_another_one_says_so_in_the_panel(ext, face, speech):
    add_strip(speech, 1, 1, name="A")
    add_strip(speech, 13, 2, name="B")
    add_strip(speech, 301, 3, name="C")
    assert generate("", strip="A") == ""
    assert "It replaced keys of 'A', which says something on the same frames." in generate("", strip="B")
    assert generate("", strip="C") == ""
    assert "replaced" not in generate("", strip="B", action="Other")


def test_a_line_over_that_of_another_object_with_the_same_mesh_says_so(ext, face, speech, tmp_path):
    twin = bpy.data.objects.new("Twin", face.data)
    bpy.context.scene.collection.objects.link(twin)
    generate(speech)
    assert "It replaced keys of" in generate(write_buzz(tmp_path / "b.wav"), start_frame=20, character="Twin")
    assert "of 'Face', which says something on the same frames" in bpy.context.scene.unitalker.result_details
    assert "of 'Twin', which says" in generate(speech, start_frame=1)


def replaced_before(ext, **panel):
    """What the Character panel says of lines whose keys the panel's sound would replace."""
    settings = bpy.context.scene.unitalker
    for name, value in panel.items():
        setattr(settings, name, value)
    choices = ext.module("addon.take.properties").collect(bpy.context, {})
    return list(ext.module("addon.take.catalog").would_replace(bpy.context, choices))


@needs_aud
def test_a_line_over_another_one_is_said_before_it_is_made(ext, face, speech):
    for number, (name, start) in enumerate((("A", 1), ("B", 13), ("C", 49), ("D", 61)), 1):
        add_strip(speech, start, number, name=name)
    panel = {"source": 'STRIP', "character": face}
    assert replaced_before(ext, strip="A", **panel) == []
    generate("", strip="A")
    assert replaced_before(ext, strip="A", **panel) == [], "it is made again"
    said = ["Its keys replace those of 'A', which says something on the same frames."]
    assert replaced_before(ext, strip="B", **panel) == said
    assert replaced_before(ext, strip="C", **panel) == [], "A ends on frame 48"
    assert replaced_before(ext, strip="C", shift_frames=-1.0, **panel) == said
    bpy.context.scene.unitalker.shift_frames = 0
    assert replaced_before(ext, strip="B", use_range=True, range_start=49, range_end=60, **panel) == []
    bpy.context.scene.unitalker.use_range = False
    assert replaced_before(ext, strip="B", action="Other", **panel) == [], "keys of A stay where they are"


def test_a_file_over_the_line_of_another_object_with_its_mesh_is_said_before(ext, face, speech, tmp_path):
    twin = bpy.data.objects.new("Twin", face.data)
    bpy.context.scene.collection.objects.link(twin)
    generate(speech)
    panel = {"source": 'FILE', "audio": write_buzz(tmp_path / "b.wav"), "character": twin}
    assert replaced_before(ext, start_frame=48.0, **panel) == [
        "Its keys replace those of 'speech.wav' of 'Face', which says something on the same frames."
    ]
    assert replaced_before(ext, start_frame=49.0, **panel) == []
    assert replaced_before(ext, start_frame=-46.0, **panel) == [
        "Its keys replace those of 'speech.wav' of 'Face', which says something on the same frames."
    ], "its length is known before it is read: it ends on frame 1"
    assert replaced_before(ext, start_frame=-47.0, **panel) == []
    assert replaced_before(ext, start_frame=48.0, **{**panel, "audio": "/no/such.wav"}) == []


@needs_aud
def test_live_says_whose_keys_it_replaces(ext, face, speech, monkeypatch):
    add_strip(speech, 1, 1, name="A")
    add_strip(speech, 13, 2, name="B")
    generate("", strip="A")
    generate("", strip="B")
    settings = bpy.context.scene.unitalker
    settings.character, settings.source, settings.strip = face, 'STRIP', "A"
    monkeypatch.setattr(ext.module("addon.take.live"), "_may_run", lambda: True)
    settings.live = True
    settings.gain_jaw = 0.5
    assert settings.live_note == "Its keys replace those of 'B', which says something on the same frames."


@needs_aud
def test_lines_of_the_list_that_meet_are_named_before_all_are_made(ext, face, speech):
    add_strip(speech, 1, 1, name="A")
    add_strip(speech, 13, 2, name="B")
    add_strip(speech, 61, 3, name="C")
    bpy.ops.unitalker.cast_add(what='ALL')
    rows, length_s = bpy.context.scene.unitalker_cast.rows, ext.module("addon.take.catalog").length_s
    said = ext.module("addon.cast.rows").meeting_lines
    assert [(row.strip, row.character) for row in rows] == [("A", face), ("B", face), ("C", face)]
    assert said(bpy.context, rows, length_s) == [
        "'A' and 'B' lie on the same frames of 'Face': the later one of the list replaces keys of the other."
    ]
    rows[1].use = False
    assert said(bpy.context, rows, length_s) == []
    rows[1].use, rows[1].source, rows[1].audio, rows[1].start_frame = True, 'FILE', speech, 70
    assert said(bpy.context, rows, length_s) == [], "a file counts in the frames of this scene, not of the edit"
    rows[0].source, rows[0].audio, rows[0].start_frame = 'FILE', speech, 100
    assert "lie on the same frames of 'Face'" in said(bpy.context, rows, length_s)[0]


def test_the_same_line_on_two_objects_with_one_mesh_says_so(ext, face, speech):
    twin = bpy.data.objects.new("Twin", face.data)
    bpy.context.scene.collection.objects.link(twin)
    generate(speech)
    assert "of 'Face', which says something" in generate(speech, character="Twin")


# ---- keys that cannot show

def test_pin_of_the_shape_keys_is_said(ext, face, speech):
    face.show_only_shape_key = True
    assert told(ext, speech, "The pin of the shape keys of 'Face' is on")


def test_muted_curve_of_ours_is_said(ext, face, speech):
    generate(speech)
    curves(face.data.shape_keys)[JAW].mute = True
    assert told(ext, speech, "jawOpen of 'Face': muted, so nothing moves")


def test_muted_driver_holds_nothing(ext, face, speech):
    driver = face.data.shape_keys.key_blocks["jawOpen"].driver_add("value")
    driver.driver.expression, driver.mute = "0.0", True
    assert "driven" not in generate(speech)
    assert jaw(face)[:, 1].max() > 0.3


def test_a_key_that_a_driver_mutes_only_while_it_is_0_is_no_obstacle(ext, face, speech):
    block = face.data.shape_keys.key_blocks["jawOpen"]
    driver = block.driver_add("mute").driver
    variable = driver.variables.new()
    variable.name, variable.targets[0].id_type = "value", 'KEY'
    variable.targets[0].id, variable.targets[0].data_path = face.data.shape_keys, JAW
    driver.expression = "abs(value) < 0.001"
    block.mute = True
    assert "muted" not in told_before(ext) + generate(speech)


def test_broken_driver_is_keyed_and_said(ext, face, speech):
    driver = face.data.shape_keys.key_blocks["jawOpen"].driver_add("value").driver
    variable = driver.variables.new()
    variable.name, driver.expression = "lost", "lost"
    bpy.context.view_layer.update()
    assert told(ext, speech, "jawOpen of 'Face': keyed, though a broken driver is there")
    assert jaw(face)[:, 1].max() > 0.3


def test_curve_without_keys_is_not_the_artists(ext, face, speech):
    own_action(face.data.shape_keys, {JAW: []})
    assert "your own keys stay" not in generate(speech)
    bpy.context.scene.frame_set(24)
    assert face.data.shape_keys.key_blocks["jawOpen"].value > 0.3


def test_curve_without_keys_in_our_action_is_taken(ext, face, speech):
    generate(speech)
    curve = curves(face.data.shape_keys)[JAW]
    curve.group = None
    curve.keyframe_points.clear()
    assert "your own keys stay" not in generate(speech)
    assert len(jaw(face)) == 48 and curves(face.data.shape_keys)[JAW].group.name == "Lip Sync"


def test_muted_curve_of_the_artist_does_not_keep_the_jaw_shut(ext, face, speech):
    own_action(face.data.shape_keys, {JAW: [(1, 0.0), (50, 0.0)]})
    curves(face.data.shape_keys)[JAW].mute = True
    assert "your own keys stay" not in generate(speech)
    bpy.context.scene.frame_set(24)
    assert face.data.shape_keys.key_blocks["jawOpen"].value > 0.3
    assert len(bpy.data.actions["Mine"].fcurves if hasattr(bpy.data.actions["Mine"], "fcurves") else [1]) == 1


# ---- bones

@pytest.fixture
def rig(ext):
    """An armature as Rigify's face has it, for the bundled preset: bones jaw_master and its neighbours."""
    preset = ext.module("engine.rig.presets").choose(
        ext.module("engine").Rig(frozenset(), frozenset(), frozenset(), preset="rigify_face")
    )
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode='EDIT')
    root = armature.data.edit_bones.new("root")
    root.tail.z = 1
    for name in sorted({target.to.name for target in preset.targets if target.to.kind == "bone"}):
        bone = armature.data.edit_bones.new(name)
        bone.head, bone.tail, bone.parent = (0, 0, 1), (0, 1, 1), root
    bpy.ops.object.mode_set(mode='OBJECT')
    return armature


def test_rest_position_is_said(ext, rig, speech):
    rig.data.pose_position = 'REST'
    assert told(ext, speech, "The armature 'Rig' is at its rest position", character="Rig")


@pytest.mark.parametrize("kind", ["COPY_ROTATION", "COPY_TRANSFORMS", "DAMPED_TRACK", "IK"])
def test_constraint_over_a_keyed_bone_is_said(ext, rig, speech, kind):
    constraint = rig.pose.bones["jaw_master"].constraints.new(kind)
    constraint.target, constraint.subtarget = rig, "root"
    assert told(ext, speech, f"The constraint {constraint.name!r} decides where the bone 'jaw_master'", character="Rig")
    constraint.influence = 0.5
    assert "decides" not in told_before(ext) + generate(speech, character="Rig")


def test_limits_and_muted_constraints_are_no_obstacle(ext, rig, speech):
    bone = rig.pose.bones["jaw_master"]
    bone.constraints.new('LIMIT_ROTATION')
    constraint = bone.constraints.new('COPY_ROTATION')
    constraint.target, constraint.subtarget, constraint.mute = rig, "root", True
    assert "decides" not in told_before(ext) + generate(speech, character="Rig")


@pytest.mark.parametrize(("kind", "switches"), [
    ("LIMIT_ROTATION", ("use_limit_x", "use_limit_y", "use_limit_z")),
    ("LIMIT_LOCATION", ("use_min_x", "use_max_x", "use_min_y", "use_max_y", "use_min_z", "use_max_z")),
])
def test_a_limit_that_leaves_no_room_is_an_obstacle(ext, rig, speech, kind, switches):
    limit = rig.pose.bones["jaw_master"].constraints.new(kind)
    for switch in switches:
        setattr(limit, switch, True)
    assert told(ext, speech, f"The constraint {limit.name!r} decides where the bone 'jaw_master'", character="Rig")
    limit.max_x = limit.max_y = limit.max_z = 0.2
    assert "decides" not in told_before(ext)


def test_location_of_a_connected_bone_is_said(ext, rig, speech):
    bpy.ops.object.mode_set(mode='EDIT')
    rig.data.edit_bones["jaw_master"].use_connect = True
    bpy.ops.object.mode_set(mode='OBJECT')
    assert told(ext, speech, "jaw_master of 'Rig': location of a connected bone", character="Rig")


def test_whole_number_property_is_said(ext, rig, speech, tmp_path):
    rig["Open"], rig["Smile"] = 0, 0.0
    preset = tmp_path / "own.json"
    preset.write_text("""{"schema": 1, "name": "Own", "source": "arkit52", "targets": [
        {"to": {"kind": "property", "path": "[\\"Open\\"]"}, "from": {"jawOpen": 1.0}},
        {"to": {"kind": "property", "path": "[\\"Smile\\"]"}, "from": {"mouthSmileLeft": 1.0}}]}""")
    bpy.context.scene.unitalker.preset = str(preset)
    assert told(ext, speech, "Open of 'Rig': whole numbers", character="Rig", preset=str(preset))
    assert "Smile" not in bpy.context.scene.unitalker.result_details


def test_jaw_bone_that_nothing_moves_is_said_where_teeth_hang_on_it(ext, face, rig, speech):
    bpy.ops.object.mode_set(mode='EDIT')
    rig.data.edit_bones.new("CC_Base_JawRoot").tail.z = 1
    for bone in [bone for bone in rig.data.edit_bones if bone.name != "CC_Base_JawRoot"]:
        rig.data.edit_bones.remove(bone)
    bpy.ops.object.mode_set(mode='OBJECT')
    face.modifiers.new("Armature", 'ARMATURE').object = rig
    face.vertex_groups.new(name="CC_Base_JawRoot")
    assert "jaw bone" not in told_before(ext) + generate(speech)        # the face's own keys open it
    teeth = make_face(ext, "Teeth", ())
    teeth.modifiers.new("Armature", 'ARMATURE').object = rig
    teeth.vertex_groups.new(name="CC_Base_JawRoot")
    assert told(ext, speech, "Nothing moves the jaw bone 'CC_Base_JawRoot' of 'Rig', so 'Teeth' stays shut")
    rig.pose.bones["CC_Base_JawRoot"].driver_add("rotation_euler", 0).driver.expression = "0.2"
    assert "jaw bone" not in told_before(ext) + generate(speech)


# ---- NLA tracks, modes and modifiers that keep keys from showing

def played_from_nla(speech, face):
    generate(speech, destination='NLA')
    return face.data.shape_keys.animation_data.nla_tracks[0]


def test_a_locked_nla_track_keeps_its_strip_and_its_keys(ext, face, speech):
    track, actions = played_from_nla(speech, face), ext.module("addon.actions.actions")

    def keys():
        use, = actions.own_uses(face.data.shape_keys)
        return keys_of(next(curve for curve in actions.curves_of(use) if curve.data_path == JAW))

    before = keys()
    track.lock = True
    assert "The NLA track 'Lip Sync' of 'Face', which plays the lip sync, is locked" in told_before(ext)
    for act in (
        lambda: generate(speech, destination='NLA', gain_jaw=0.3, start_frame=20.0),
        lambda: bpy.ops.unitalker.clear(character="Face"),
    ):
        with pytest.raises(RuntimeError, match="is locked: it stays as it is"):
            act()
        np.testing.assert_array_equal(keys(), before)
    assert [(strip.frame_start, strip.frame_end) for strip in track.strips] == [(1, 48)]
    track.lock = False
    assert "locked" not in generate(speech, destination='NLA', gain_jaw=0.3)


def test_a_locked_track_of_the_artist_keeps_nobody_away(ext, face, speech):
    animation = face.data.shape_keys.animation_data_create()
    track = animation.nla_tracks.new()
    track.strips.new("Mine", 1, bpy.data.actions.new("Mine"))
    track.lock = True
    assert "locked" not in generate(speech)


@needs_aud
def test_a_take_on_a_locked_track_does_not_follow_and_that_is_said(ext, face, speech):
    strip = add_strip(speech, 1)
    generate("", strip="Line", destination='NLA')
    track = face.data.shape_keys.animation_data.nla_tracks[0]
    track.lock = True
    move(strip, 101)
    bpy.ops.unitalker.follow()
    assert "'Line' was not moved: The NLA track" in bpy.context.scene.unitalker_cast.follow_note
    assert [(one.frame_start, one.frame_end) for one in track.strips] == [(1, 48)]


def test_an_influence_of_0_is_said(ext, face, speech):
    strip = played_from_nla(speech, face).strips[0]
    strip.influence = 0
    assert "influence" not in told_before(ext), "Blender plays it whole until the influence is animated"
    strip.use_animated_influence = True
    assert told(ext, speech, "plays with an influence of 0, so nothing moves", destination='NLA')
    strip.fcurves.find("influence").keyframe_points[0].co[1] = 0.5
    assert "influence" not in told_before(ext)


def test_a_take_beside_the_artists_action_plays_and_no_influence_is_named(ext, face, speech):
    own_action(face.data.shape_keys, {'key_blocks["browInnerUp"].value': [(1, 0.3), (48, 0.3)]})
    assert "influence" not in generate(speech)


def test_the_influence_of_an_action_counts_only_beside_tracks(ext, face, speech):
    generate(speech)
    animation = face.data.shape_keys.animation_data
    animation.action_influence = 0
    assert "influence" not in told_before(ext), "Blender plays it whole where no track is"
    animation.nla_tracks.new()
    assert "plays with an influence of 0" in told_before(ext)


def test_edit_mode_is_said(ext, face, speech):
    bpy.context.view_layer.objects.active = face
    bpy.ops.object.mode_set(mode='EDIT')
    try:
        assert told(ext, speech, "'Face' is in Edit Mode, where it does not move")
    finally:
        bpy.ops.object.mode_set(mode='OBJECT')
    assert "Edit Mode" not in told_before(ext)


def test_a_modifier_that_replaces_the_keys_is_said(ext, face, speech):
    generate(speech)
    made = curves(face.data.shape_keys)[JAW].modifiers.new('GENERATOR')
    assert told(ext, speech, "jawOpen of 'Face': keyed, though an F-curve modifier replaces the keys")
    made.use_additive = True
    assert "modifier" not in told_before(ext)


def test_a_driver_without_variables_is_not_to_be_keyed_but_deleted(ext, face, speech):
    driver = face.data.shape_keys.key_blocks["jawOpen"].driver_add("value").driver
    driver.expression = "0.0"
    assert told(ext, speech, "jawOpen of 'Face': driven by nothing that has keys, left alone. Delete the driver")
    assert "Key what drives them" not in bpy.context.scene.unitalker.result_details


# ---- NLA tweak mode

@needs_aud
def test_update_moved_strips_names_the_take_that_tweak_mode_kept_back(ext, face, speech):
    strip = add_strip(speech, 1)
    generate("", strip="Line", destination='NLA')
    animation = face.data.shape_keys.animation_data
    animation.nla_tracks[0].strips[0].select = True
    animation.nla_tracks.active = animation.nla_tracks[0]
    animation.use_tweak_mode = True
    if not animation.use_tweak_mode:
        pytest.skip("this Blender does not enter tweak mode without an NLA editor")
    move(strip, 101)
    bpy.ops.unitalker.follow()
    note = bpy.context.scene.unitalker_cast.follow_note
    assert "'Line' was not moved: 'Face Lip Sync' is in NLA tweak mode" in note and "All takes lie" not in note
    assert "is in NLA tweak mode" in told_before(ext)


@needs_aud
def test_update_moved_strips_says_which_line_it_replaced(ext, face, speech):
    first = add_strip(speech, 1, 1, name="A")
    set_handles(first, right=24)
    add_strip(speech, 30, 2, name="B")
    generate("", strip="A")
    assert generate("", strip="B") == ""
    set_handles(first)
    assert bpy.ops.unitalker.follow() == {'FINISHED'}
    assert "'A': It replaced keys of 'B'" in bpy.context.scene.unitalker_cast.follow_note
