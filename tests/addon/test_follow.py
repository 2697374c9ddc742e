"""Takes follow their strips: keys where the sound is, after moves, trims, slips, cuts, renames; the artist's keys and
other takes stay to the bit."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from tests.counting import calls_during

from .conftest import RATE_HZ, curves, jaw, keys_of, make_face, needs_aud, write_wav
from .strips import FPS, add_strip, move, retime, sequencer, set_handles

pytestmark = needs_aud
JAW = 'key_blocks["jawOpen"].value'


@pytest.fixture(scope="session")
def babble(tmp_path_factory):
    """Four seconds, loud and soft by turns, no two seconds alike."""
    seconds = np.arange(4 * RATE_HZ) / RATE_HZ
    loud = np.interp(seconds, np.arange(0, 4.01, 0.2), np.random.default_rng(3).uniform(0.05, 0.9, 21))
    return write_wav(tmp_path_factory.mktemp("sound") / "babble.wav", loud * np.sign(np.sin(2 * np.pi * 130 * seconds)))


@pytest.fixture
def take(ext, babble):
    """A face that says the strip "Line", which starts on frame 31; the strip."""
    make_face(ext, "Face")
    strip = add_strip(babble, frame=31)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    return strip


def face():
    return bpy.data.objects["Face"]


def follow(ext):
    return ext.module("addon.follow.follow").update()


def snapshot(obj=None):
    """Every key of the character, channel by channel, with its handles."""
    fields = ext_fields()
    return {
        path: {name: read(curve, name, width) for name, width in fields.items()}
        for path, curve in curves((obj or face()).data.shape_keys).items()
    }


def ext_fields():
    return {"co": 2, "handle_left": 2, "handle_right": 2}


def read(curve, name, width):
    values = np.empty(len(curve.keyframe_points) * width, np.float32)
    curve.keyframe_points.foreach_get(name, values)
    return values.reshape(-1, width)


def later(points, frames):
    return points + np.array([frames, 0], np.float32)


def edit(path, frame, value):
    """What an artist does: pull one key."""
    curve = curves(face().data.shape_keys)[path]
    next(point for point in curve.keyframe_points if abs(point.co[0] - frame) < 0.01).co[1] = value
    curve.update()


def handle(strip, side):
    return (
        f"{side}_handle" if hasattr(strip, "left_handle")
        else {"left": "frame_final_start", "right": "frame_final_end"}[side]
    )


def test_a_moved_strip_takes_its_keys_along_to_the_bit(ext, take):
    edit(JAW, 50, 0.77)
    before = snapshot()
    move(take, 131)
    assert follow(ext).moved == 1
    after = snapshot()
    assert before.keys() == after.keys()
    for path, fields in before.items():
        for name, values in fields.items():
            np.testing.assert_allclose(after[path][name], later(values, 100), atol=1e-4)
    assert jaw(face())[:, 0].tolist() == list(range(131, 227))
    assert keys_of(curves(face().data.shape_keys)[JAW])[119 - 100, 1] == pytest.approx(0.77)
    assert follow(ext).moved == 0


def test_other_takes_and_keys_of_the_artist_stay(ext, take, babble):
    add_strip(babble, frame=401, channel=2, name="Other")
    bpy.ops.unitalker.animate(strip="Other", character="Face")
    curve = curves(face().data.shape_keys)[JAW]
    curve.keyframe_points.insert(300, 0.5)
    curve.update()
    before = jaw(face())
    move(take, 91)
    assert follow(ext).moved == 1
    after = jaw(face())
    np.testing.assert_array_equal(after[after[:, 0] > 250], before[before[:, 0] > 250])
    assert after[after[:, 0] < 250, 0].tolist() == list(range(91, 187))


def test_a_trim_hides_keys_and_brings_the_face_to_rest_and_a_longer_strip_brings_them_back(ext, take):
    edit(JAW, 36, 0.66)
    edit(JAW, 120, 0.55)
    before = snapshot()
    setattr(take, handle(take, "left"), 61)
    setattr(take, handle(take, "right"), 101)
    assert follow(ext).moved == 1
    shown = jaw(face())
    assert shown[:, 0].tolist() == list(range(61, 101))
    assert shown[0, 1] == shown[-1, 1] == 0                         # cut in mid-word, and no mouth stays open
    whole = before[JAW]["co"]
    middle = (shown[:, 0] > 63) & (shown[:, 0] < 97)
    np.testing.assert_array_equal(shown[middle], whole[(whole[:, 0] > 63) & (whole[:, 0] < 97)])
    setattr(take, handle(take, "left"), 31)
    setattr(take, handle(take, "right"), 127)
    report = follow(ext)
    assert report.moved == 1 and report.left == ()
    after = snapshot()
    for path, fields in before.items():
        np.testing.assert_allclose(after[path]["co"], fields["co"], atol=1e-4)
    assert "unitalker_hidden" not in face().data.shape_keys.animation_data.action


def test_a_trim_a_move_and_a_longer_strip_again(ext, take):
    before = jaw(face())
    set_handles(take, left=20, right=30)
    follow(ext)
    move(take, 61)
    follow(ext)
    assert jaw(face())[[0, -1], 0].tolist() == [81, 126]
    set_handles(take, left=0, right=0)
    follow(ext)
    np.testing.assert_allclose(jaw(face()), later(before, 30), atol=1e-4)


def test_a_slip_shifts_the_content_between_the_handles(ext, take):
    set_handles(take, left=24, right=24)
    follow(ext)
    before = jaw(face())
    move(take, 41)
    set_handles(take, left=14, right=34)        # the same frames, ten frames earlier in the sound
    follow(ext)
    after = jaw(face())
    assert after[:, 0].tolist() == before[:, 0].tolist() == list(range(55, 103))
    np.testing.assert_allclose(after[14:40, 1], before[4:30, 1], atol=1e-5)


def test_a_key_at_a_cut_that_the_artist_set_stays(ext, take):
    set_handles(take, right=30)
    follow(ext)
    last = jaw(face())[-1, 0]
    edit(JAW, last, 0.4)
    set_handles(take, right=0)
    follow(ext)
    keys = jaw(face())
    assert keys[keys[:, 0] == last, 1] == pytest.approx(0.4)
    assert keys[:, 0].tolist() == list(range(31, 127))


def test_lines_that_move_as_a_group_do_not_touch_each_other(ext, take, babble):
    add_strip(babble, frame=127, channel=1, name="Next")
    bpy.ops.unitalker.animate(strip="Next", character="Face")
    before = jaw(face())
    for strip in bpy.context.scene.sequence_editor.strips_all:
        move(strip, (31 if strip.name == "Line" else 127) + 48)
    assert follow(ext).moved == 2
    np.testing.assert_allclose(jaw(face()), later(before, 48), atol=1e-4)


def test_what_lies_behind_another_take_comes_back(ext, take, babble):
    other = add_strip(babble, frame=151, channel=2, name="Other")
    bpy.ops.unitalker.animate(strip="Other", character="Face")
    before = jaw(face())
    move(take, 101)             # its last frames now lie under the other one
    report = follow(ext)
    assert report.behind == ("Line",)
    keys = jaw(face())
    np.testing.assert_array_equal(keys[keys[:, 0] >= 151], before[before[:, 0] >= 151])
    assert keys[0, 0] == 101 and len(np.unique(keys[:, 0])) == len(keys)
    move(take, 31)
    follow(ext)
    np.testing.assert_allclose(jaw(face()), before, atol=1e-4)
    assert other.name == "Other"


def test_a_cut_strip_becomes_two_takes_and_no_key_changes(ext, take):
    before = snapshot()
    first, second = cut(take, 79)
    follow(ext)
    after = snapshot()
    for path, fields in before.items():
        np.testing.assert_array_equal(after[path]["co"], fields["co"])
    assert lines(ext) == {first.name: (31, 78), second.name: (79, 126)}
    move(second, second_start(second) + 50)
    follow(ext)
    keys = jaw(face())
    assert keys[:, 0].tolist() == [*range(31, 79), *range(129, 177)]
    assert keys[47, 1] == keys[48, 1] == 0                          # apart, both ends come to rest
    move(second, second_start(second) - 50)
    follow(ext)
    np.testing.assert_allclose(jaw(face()), before[JAW]["co"], atol=1e-4)


def second_start(strip):
    return strip.content_start if hasattr(strip, "content_start") else strip.frame_start


def lines(ext):
    return {line.name: line.span for line in ext.module("addon.follow.plan").lines()}


def cut(strip, frame):
    other = strip.split(frame, 'SOFT')
    assert other is not None
    return (strip, other) if getattr(strip, handle(strip, "left")) < frame else (other, strip)


def test_a_copied_strip_is_no_part_of_the_take(ext, take, babble):
    copy = add_strip(babble, frame=200, channel=3, name="Line.001")
    copy["unitalker"] = take["unitalker"]
    before = snapshot()
    assert follow(ext).moved == 0
    np.testing.assert_array_equal(snapshot()[JAW]["co"], before[JAW]["co"])
    assert list(lines(ext)) == ["Line"]


def test_a_renamed_strip_renames_its_take(ext, take):
    take.name = "Better Name"
    follow(ext)
    assert list(lines(ext)) == ["Better Name"]
    move(take, 61)
    assert follow(ext).moved == 1
    bpy.ops.unitalker.animate(strip="Better Name", character="Face")
    assert jaw(face())[:, 0].tolist() == list(range(61, 157))


def test_a_deleted_strip_leaves_its_keys(ext, take):
    before = jaw(face())
    editor = bpy.context.scene.sequence_editor
    (editor.strips if hasattr(editor, "strips") else editor.sequences).remove(take)
    assert follow(ext).moved == 0
    np.testing.assert_array_equal(jaw(face()), before)


def test_fewer_keys_keep_their_curve_when_they_are_cut(ext, babble):
    make_face(ext, "Face")
    strip = add_strip(babble, frame=31)
    bpy.ops.unitalker.animate(strip="Line", character="Face", reduce=True, max_error=0.02)
    curve = curves(face().data.shape_keys)[JAW]
    before, whole = [curve.evaluate(frame) for frame in range(66, 95)], jaw(face())
    set_handles(strip, left=30, right=24)
    follow(ext)
    curve = curves(face().data.shape_keys)[JAW]
    assert curve.range()[0] == 61 and curve.range()[1] == 102
    np.testing.assert_allclose([curve.evaluate(frame) for frame in range(66, 95)], before, atol=0.03)
    set_handles(strip, left=0, right=0)
    follow(ext)
    np.testing.assert_allclose(jaw(face()), whole, atol=1e-4)


def test_more_of_the_sound_is_listened_to_when_asked(ext, babble):
    make_face(ext, "Face")
    strip = add_strip(babble, frame=31)
    set_handles(strip, left=24, right=24)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    edit(JAW, 70, 0.71)
    set_handles(strip, left=0, right=12)
    report = follow(ext)
    assert [change.listen for change in report.left] == ["more of it can be heard now"]
    assert jaw(face())[:, 0].tolist() == list(range(55, 103))
    assert bpy.ops.unitalker.follow() == {'FINISHED'}
    keys = jaw(face())
    assert keys[:, 0].tolist() == list(range(31, 115))
    assert keys[keys[:, 0] == 70, 1] == pytest.approx(0.71)         # the artist's word in the middle stays
    assert follow(ext).left == ()
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    again = jaw(face())
    apart = np.abs(keys[:, 1] - again[:, 1])
    assert apart[(keys[:, 0] < 52) | (keys[:, 0] > 106)].max() < 0.02


def test_the_frame_rate_changes_when_asked(ext, take):
    bpy.context.scene.render.fps = 30
    report = follow(ext)
    assert [change.listen for change in report.left] == ["the scene runs at 30 frames per second now"]
    assert len(jaw(face())) == 96
    bpy.ops.unitalker.follow()
    keys = jaw(face())
    first, right = getattr(take, handle(take, "left")), getattr(take, handle(take, "right"))
    assert keys[0, 0] == first and keys[-1, 0] == min(right, first + 4 * 30) - 1
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    np.testing.assert_allclose(jaw(face()), keys, atol=1e-5)
    assert follow(ext).left == ()


def test_another_speed_is_listened_to_when_asked(ext, babble):
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    from .conftest import TINY

    bpy.context.scene.render.fps, bpy.context.scene.unitalker.model = FPS, TINY
    make_face(ext, "Face")
    strip = add_strip(babble, frame=31)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    before = jaw(face())
    retime(strip, {61: 81})
    report = follow(ext)
    assert [change.listen for change in report.left] == ["its speed changed"]
    bpy.ops.unitalker.follow()
    assert follow(ext).left == ()
    keys = jaw(face())
    assert np.abs(keys[20:60, 1] - before[20:60, 1]).max() > 0.05
    move(strip, 131)
    assert follow(ext).moved == 1
    np.testing.assert_allclose(jaw(face()), later(keys, 100), atol=1e-4)


def test_undo_takes_strip_and_keys_back_together(ext, take):
    bpy.ops.ed.undo_push(message="take")
    before = jaw(face())
    move(bpy.context.scene.sequence_editor.strips_all["Line"], 91)
    bpy.ops.ed.undo_push(message="moved")
    follow(ext)                                     # after the push, as the timer does
    assert jaw(face())[0, 0] == 91
    bpy.ops.ed.undo()
    follow(ext)
    np.testing.assert_allclose(jaw(face()), before, atol=1e-4)
    bpy.ops.ed.redo()
    follow(ext)
    np.testing.assert_allclose(jaw(face()), later(before, 60), atol=1e-4)
    bpy.ops.ed.undo()
    follow(ext)
    np.testing.assert_allclose(jaw(face()), before, atol=1e-4)


def test_hidden_keys_survive_saving_and_loading(ext, take, tmp_path):
    before = jaw(face())
    set_handles(take, left=30)
    follow(ext)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    set_handles(bpy.context.scene.sequence_editor.strips_all["Line"], left=0)
    assert follow(ext).moved == 1
    np.testing.assert_allclose(jaw(face()), before, atol=1e-4)


def test_a_strip_of_our_own_in_the_nla_covers_the_moved_frames(ext, babble):
    from .conftest import own_action

    make_face(ext, "Face")
    own_action(face().data.shape_keys, {'key_blocks["eyeBlinkLeft"].value': [(1, 0.0), (200, 1.0)]})
    strip = add_strip(babble, frame=31)
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    own = [one for track in face().data.shape_keys.animation_data.nla_tracks for one in track.strips]
    assert [(one.frame_start, one.frame_end) for one in own] == [(31, 126)]
    move(strip, 231)
    follow(ext)
    own = [one for track in face().data.shape_keys.animation_data.nla_tracks for one in track.strips]
    assert [(one.frame_start, one.frame_end) for one in own] == [(231, 326)]
    assert [(one.action_frame_start, one.action_frame_end) for one in own] == [(231, 326)]


def test_a_speaker_that_starts_later(ext, babble):
    make_face(ext, "Face")
    bpy.context.scene.frame_set(13)
    bpy.ops.object.speaker_add()
    speaker = bpy.context.view_layer.objects.active
    speaker.data.sound = bpy.data.sounds.load(babble)
    bpy.ops.unitalker.animate(source='SPEAKER', speaker=speaker.name, character="Face")
    assert jaw(face())[0, 0] == 13
    strip = speaker.animation_data.nla_tracks[0].strips[0]
    strip.frame_end += 20
    strip.frame_start += 20
    assert follow(ext).moved == 1
    assert jaw(face())[:, 0].tolist() == list(range(33, 129))


def test_the_switch_is_the_scenes(ext, take):
    bpy.context.scene.unitalker_cast.follow = False
    move(take, 91)
    ext.module("addon.follow.watch").follow_now(bpy.context)
    assert jaw(face())[0, 0] == 31
    bpy.context.scene.unitalker_cast.follow = True
    ext.module("addon.follow.watch").follow_now(bpy.context)
    assert jaw(face())[0, 0] == 91


def test_a_look_at_twenty_takes_costs_little(ext, take, babble):
    for number in range(20):
        add_strip(babble, frame=200 + 100 * number, channel=2, name=f"Line {number}")
        bpy.ops.unitalker.animate(strip=f"Line {number}", character="Face")
    plan = ext.module("addon.follow.plan")
    assert plan.changes() == []
    assert calls_during(plan.changes) < 10_000


def test_ledgers_of_actions_that_are_gone_are_forgotten(ext, take):
    plan = ext.module("addon.follow.plan")
    for _ in range(4):
        bpy.data.actions.remove(face().data.shape_keys.animation_data.action)
        bpy.ops.unitalker.animate(strip="Line", character="Face")
        assert plan.changes() == []
    assert len(plan._known) <= 2 * len(bpy.data.actions)


def test_a_moved_meta_strip_takes_the_keys_along(ext, take):
    editor = bpy.context.scene.sequence_editor
    meta = (editor.strips if hasattr(editor, "strips") else editor.sequences).new_meta("Meta", 3, 1)
    take.move_to_meta(meta)
    setattr(meta, handle(meta, "right"), 127)
    setattr(meta, handle(meta, "left"), 31)
    assert follow(ext).moved == 0
    move(meta, (meta.content_start if hasattr(meta, "content_start") else meta.frame_start) + 40)
    assert follow(ext).moved == 1
    assert jaw(face())[:, 0].tolist() == list(range(71, 167))
    setattr(meta, handle(meta, "right"), 121)
    follow(ext)
    assert jaw(face())[:, 0].tolist() == list(range(71, 121))


def test_a_take_that_moved_is_made_again_where_it_lies(ext, take):
    takes = ext.module("addon.take.takes")
    move(take, 131)
    set_handles(take, left=24)
    follow(ext)
    takes.remake(bpy.context, takes.find(bpy.context, "Face", "Line"), {"gain_jaw": 0.5})
    keys = jaw(face())
    assert keys[:, 0].tolist() == list(range(155, 227))
    bpy.ops.unitalker.animate(strip="Line", character="Face", gain_jaw=0.5)
    np.testing.assert_allclose(jaw(face()), keys, atol=1e-5)
    set_handles(take, left=0)
    # of the earlier style nothing comes back
    assert [change.listen for change in follow(ext).left] == ["more of it can be heard now"]
    assert jaw(face())[:, 0].tolist() == list(range(155, 227))


def test_a_take_of_a_range_stays_a_range(ext, babble):
    make_face(ext, "Face")
    strip = add_strip(babble, frame=31)
    bpy.ops.unitalker.animate(strip="Line", character="Face", use_range=True, range_start=50, range_end=80)
    before = jaw(face())
    move(strip, 131)
    report = follow(ext)
    assert report.moved == 1 and report.left == ()
    np.testing.assert_allclose(jaw(face()), later(before, 100), atol=1e-4)


def test_frames_that_the_artist_made_his_own_stay(ext, take, babble):
    add_strip(babble, frame=301, channel=2, name="Other")
    bpy.ops.unitalker.animate(strip="Other", character="Face")
    takes = ext.module("addon.take.takes")
    takes.forget(bpy.context, takes.find(bpy.context, "Face", "Line"))
    before = jaw(face())
    move(take, 131)
    move(bpy.context.scene.sequence_editor.strips_all["Other"], 401)
    assert follow(ext).moved == 1
    after = jaw(face())
    np.testing.assert_array_equal(after[after[:, 0] < 200], before[before[:, 0] < 200])
    assert after[-1, 0] == before[-1, 0] + 100


def test_a_renamed_strip_is_made_again_in_place(ext, take):
    bpy.context.scene.unitalker_cast.follow = False
    take.name = "Better Name"
    move(take, 61)
    bpy.ops.unitalker.animate(strip="Better Name", character="Face")
    assert jaw(face())[:, 0].tolist() == list(range(61, 157)) and list(lines(ext)) == ["Better Name"]


def test_the_piece_of_a_cut_strip_that_was_made_by_itself_stays(ext, take):
    bpy.context.scene.unitalker_cast.follow = False
    _, second = cut(take, 79)
    bpy.ops.unitalker.animate(strip=second.name, character="Face", gain_jaw=0.5)
    before = jaw(face())
    bpy.ops.unitalker.animate(strip="Line", character="Face")
    after = jaw(face())
    np.testing.assert_array_equal(after[after[:, 0] >= 79], before[before[:, 0] >= 79])
    assert after[:, 0].tolist() == list(range(31, 127))


def test_another_sound_is_listened_to_when_asked(ext, take, tmp_path):
    before = jaw(face())
    other = write_wav(
        tmp_path / "retake.wav", np.sin(np.arange(4 * RATE_HZ) / 20) * (np.arange(4 * RATE_HZ) > 2 * RATE_HZ)
    )
    take.sound = bpy.data.sounds.load(other)
    assert [change.listen for change in follow(ext).left] == ["it has another sound now"]
    np.testing.assert_array_equal(jaw(face()), before)
    bpy.ops.unitalker.follow()
    assert follow(ext).left == ()
    assert jaw(face())[5:40, 1].max() < 0.05 < jaw(face())[60:90, 1].min()


@pytest.mark.parametrize("seed", [1, 3])
def test_whatever_is_done_to_strips_nothing_is_lost(ext, take, babble, seed):
    add_strip(babble, frame=201, channel=2, name="Other")
    bpy.ops.unitalker.animate(strip="Other", character="Face", reduce=True, max_error=0.02)
    curve = curves(face().data.shape_keys)[JAW]
    for frame, value in ((-3000, 0.3), (3000.5, 0.6)):
        curve.keyframe_points.insert(frame, value)
    curve.update()
    before, start, choose = snapshot(), {"Line": 31, "Other": 201}, np.random.default_rng(seed)
    strips = bpy.context.scene.sequence_editor.strips_all
    for step in range(25):
        strip = strips[str(choose.choice(["Line", "Other"]))]
        what = choose.choice(["move", "near", "trim", "slip"])
        if what in ("move", "near"):
            move(
                strip,
                int(choose.integers(-400, 400) if what == "move" else choose.integers(-90, 90)) + start[strip.name],
            )
        elif what == "trim":
            set_handles(strip, left=int(choose.integers(0, 45)), right=int(choose.integers(0, 45)))
        else:
            set_handles(strip, left=0, right=0)
            move(strip, second_start(strip) - 7)
            set_handles(strip, left=17, right=20)
        if choose.random() < 0.7:
            report = follow(ext)
            assert report.left == (), (seed, step, what)
            for curve in curves(face().data.shape_keys).values():
                frames = keys_of(curve)[:, 0]
                assert (np.diff(frames) > 0).all(), (seed, step, what)
        if choose.random() < 0.1:
            bpy.ops.ed.undo_push(message="step")
    for strip in strips:
        set_handles(strip, left=0, right=0)
        move(strip, start[strip.name])
    follow(ext)
    after = snapshot()
    assert before.keys() == after.keys()
    for path, fields in before.items():
        np.testing.assert_allclose(after[path]["co"], fields["co"], atol=2e-4, err_msg=f"{seed} {path}")


needs_ripple = pytest.mark.skipif(bpy.app.version < (5, 3, 0), reason="Blender has no ripple edits before 5.3")


@pytest.fixture
def two_takes(ext, take, babble):
    """The take from frame 31 and another, on another face and channel, from frame 201."""
    make_face(ext, "Anna")
    later_strip = add_strip(babble, frame=201, channel=2, name="Other")
    bpy.ops.unitalker.animate(strip="Other", character="Anna")
    return take, later_strip


def ripple(operator, strip, **options):
    """What the artist does in the Sequencer with one strip selected."""
    scene = bpy.context.scene
    for other in scene.sequence_editor.strips_all:
        other.select = other == strip
    scene.sequence_editor.active_strip = strip
    with bpy.context.temp_override(**sequencer(), scene=scene):
        assert getattr(bpy.ops.sequencer, operator)(**options) == {'FINISHED'}


@needs_ripple
def test_takes_behind_a_ripple_delete_move_with_their_strips(ext, two_takes):
    before, anna = jaw(face()), jaw(bpy.data.objects["Anna"])
    ripple("ripple_delete", two_takes[0])
    moved = 201 - bpy.context.scene.sequence_editor.strips_all["Other"].left_handle
    assert moved == 96
    assert follow(ext).moved == 1
    np.testing.assert_allclose(jaw(bpy.data.objects["Anna"]), anna - [moved, 0], atol=1e-4)
    np.testing.assert_array_equal(jaw(face()), before)      # the keys of a strip that was deleted stay


@needs_ripple
def test_a_ripple_trim_cuts_one_take_and_moves_those_behind_it(ext, two_takes):
    before, anna = jaw(face()), jaw(bpy.data.objects["Anna"])
    bpy.context.scene.frame_set(55)
    ripple("ripple_trim", two_takes[0], side='LEFT')
    assert two_takes[0].left_handle == 31 and two_takes[1].left_handle == 201 - 24
    assert follow(ext).moved == 2
    np.testing.assert_allclose(jaw(bpy.data.objects["Anna"]), anna - [24, 0], atol=1e-4)
    after, inside = jaw(face()), 31 + 6         # away from the cut, where the mouth comes from rest
    assert (after[0, 0], after[-1, 0]) == (31, 31 + 96 - 24 - 1)
    np.testing.assert_allclose(
        after[after[:, 0] >= inside], before[before[:, 0] >= inside + 24] - [24, 0], atol=1e-4
    )
