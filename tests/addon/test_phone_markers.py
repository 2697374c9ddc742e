"""Phones as timeline markers: shown, moved, renamed, copied and deleted as with Blender's own tools, and solved again
only round them."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import bpy
import numpy as np
import pytest

from tests.counting import calls_during

from .conftest import ROOT, curves, jaw, keys_of, make_face, needs_aud, write_wav

SAMPLE = str(ROOT / "tests" / "data" / "sample.flac")
MODEL = "mini"
CHANNELS = ("jawOpen", "mouthClose", "mouthPucker", "mouthPressLeft")


@pytest.fixture
def spoken(ext, face):
    """The sample sentence on the face at 24 frames per second, from frame 1 on."""
    bpy.context.scene.unitalker.model = MODEL
    bpy.context.scene.unitalker.use_blinks = False
    say()
    return face


def say(character="Face", **options):
    assert bpy.ops.unitalker.animate(audio=SAMPLE, character=character, **options) == {'FINISHED'}


def show(**options):
    assert bpy.ops.unitalker.phones_show(**options) == {'FINISHED'}
    return bpy.context.scene.unitalker_phones.takes[bpy.context.scene.unitalker_phones.active_take]


def markers():
    return [(marker.name, marker.frame) for marker in bpy.context.scene.timeline_markers]


def values(obj):
    return {path: keys_of(curve) for path, curve in curves(obj.data.shape_keys).items()}


def changed(before, after):
    """Frames on which any curve has another key, or none any more."""
    frames = set()
    for path in before:
        old, new = ({float(frame): value for frame, value in keys.tolist()} for keys in (before[path], after[path]))
        frames |= {frame for frame in old.keys() | new.keys() if old.get(frame) != new.get(frame)}
    return sorted(frames)


def a_vowel(take, after=0):
    """Number of a row of a vowel that is long enough to be seen, not beside a closure."""
    rows = list(take.rows)
    return next(
        i
        for i in range(after + 1, len(rows) - 1)
        if rows[i].label in ("AA", "AE", "AH", "EH", "IY", "ER", "OW", "IH") and rows[i].end_s - rows[i].start_s > 0.07
        and not {rows[i - 1].label, rows[i + 1].label} & {"P", "B", "M", "F", "V", "SIL"}
    )


def opening(obj, frame):
    """Of the lips, in jawOpen units."""
    found = curves(obj.data.shape_keys)
    at = {name: found[f'key_blocks["{name}"].value'].evaluate(frame) for name in (
        "jawOpen", "mouthClose", "mouthLowerDownLeft", "mouthUpperUpLeft", "mouthPressLeft", "mouthRollLower")}
    return at["jawOpen"] - at["mouthClose"] + 0.35 * (
        at["mouthLowerDownLeft"] + at["mouthUpperUpLeft"]
    ) - 0.15 * (at["mouthPressLeft"] + at["mouthRollLower"])


# ---- showing and hiding

def test_phones_stand_on_the_frames_on_which_they_begin(ext, spoken):
    take = show()
    assert len(take.rows) > 20
    assert markers() == [
        (ext.module("addon.phones.symbols").symbol(row.label), round(1 + row.start_s * 24)) for row in take.rows
    ]
    assert {"sil", "m", "b"} <= {name for name, _ in markers()}


def test_the_artists_own_markers_stay_whatever_they_are_called(ext, spoken):
    scene = bpy.context.scene
    for name, frame in (("p", 5), ("Shot 1", 1), ("AA", 30)):
        scene.timeline_markers.new(name, frame=frame)
    own = markers()
    show()
    scene.timeline_markers.new("Cut", frame=12)
    bpy.ops.unitalker.phones_hide()
    assert markers() == [*own, ("Cut", 12)]
    assert not len(scene.unitalker_phones.takes)


def test_showing_twice_doubles_nothing(ext, spoken):
    show()
    once = markers()
    take = show()
    assert markers() == once
    assert len(take.rows) == len(once)


def test_hidden_edits_come_back(ext, spoken):
    take = show()
    number = a_vowel(take)
    bpy.context.scene.timeline_markers[number].name = "m"
    bpy.ops.unitalker.phones_hide()
    assert markers() == []
    take = show()
    assert markers()[number][0] == "m"
    assert take.rows[number].label == "M"


def test_phones_of_a_saved_file_are_known_after_loading(ext, spoken, tmp_path):
    take = show()
    bpy.context.scene.timeline_markers[a_vowel(take)].name = "m"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shown.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shown.blend"))
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}
    bpy.ops.unitalker.phones_hide()
    assert markers() == []


# ---- what the artist does with markers

def test_a_renamed_marker_closes_the_lips_there_and_changes_no_key_elsewhere(ext, spoken):
    take = show()
    number = a_vowel(take)
    row = take.rows[number]
    middle = 1 + (row.start_s + row.end_s) / 2 * 24
    before, frame = values(spoken), round(middle)
    assert opening(spoken, frame) > 0.06
    bpy.context.scene.timeline_markers[number].name = "m"
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}
    assert opening(spoken, frame) < 0.06
    frames = changed(before, values(spoken))
    assert frames
    assert middle - 6 < frames[0] <= frame <= frames[-1] < middle + 6
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}
    assert changed(before, values(spoken)) == frames          # nothing more to apply


@pytest.mark.parametrize("name", ["m", "M", " m ", "p", "b"])
def test_names_are_understood_as_they_are_typed(ext, spoken, name):
    take = show()
    number = a_vowel(take)
    bpy.context.scene.timeline_markers[number].name = name
    bpy.ops.unitalker.phones_apply()
    assert take.rows[number].label == name.strip().upper()


def test_a_moved_marker_moves_the_boundary_and_keeps_the_others_to_the_millisecond(ext, spoken):
    take = show()
    number = a_vowel(take)
    before = [(row.label, row.start_s, row.end_s) for row in take.rows]
    bpy.context.scene.timeline_markers[number].frame += 1
    bpy.ops.unitalker.phones_apply()
    after = [(row.label, row.start_s, row.end_s) for row in take.rows]
    start = before[number][1] + 1 / 24
    assert after[number] == (before[number][0], pytest.approx(start, abs=1e-4), before[number][2])
    assert after[number - 1] == (before[number - 1][0], before[number - 1][1], pytest.approx(start, abs=1e-4))
    assert after[:number - 1] + after[number + 1:] == before[:number - 1] + before[number + 1:]


def test_a_deleted_marker_gives_its_time_to_the_phone_before(ext, spoken):
    take = show()
    number = next(i for i, row in enumerate(take.rows) if row.label in ("B", "M") and i > 1)
    label, end_s = take.rows[number - 1].label, take.rows[number].end_s
    scene, count = bpy.context.scene, len(take.rows)
    scene.timeline_markers.remove(scene.timeline_markers[number])
    bpy.ops.unitalker.phones_apply()
    assert len(take.rows) == count - 1
    assert (take.rows[number - 1].label, take.rows[number - 1].end_s) == (label, end_s)


def test_a_copied_marker_is_a_new_phone(ext, spoken):
    take = show()
    number = a_vowel(take)
    scene, count = bpy.context.scene, len(take.rows)
    frame = round(1 + (take.rows[number].start_s + take.rows[number].end_s) / 2 * 24)
    scene.timeline_markers.new("m", frame=frame)              # what Shift D and a rename leave behind
    bpy.ops.unitalker.phones_apply()
    assert len(take.rows) == count + 1
    assert [row.label for row in take.rows][number:number + 3] == [
        take.rows[number].label, "M", take.rows[number + 2].label
    ]
    assert opening(spoken, frame + 1) < 0.06


def test_all_markers_moved_at_once_move_all_phones(ext, spoken):
    take = show()
    starts = [row.start_s for row in take.rows]
    for marker in list(bpy.context.scene.timeline_markers)[1:]:
        marker.frame += 2
    ext.module("addon.phones.markers").sync(bpy.context.scene)
    assert [row.start_s for row in take.rows][1:-1] == pytest.approx(
        [start + 2 / 24 for start in starts[1:-1]], abs=1e-4
    )


def test_a_marker_moved_past_its_neighbour_changes_places_with_it(ext, spoken):
    take = show()
    number = a_vowel(take)
    first, second = take.rows[number - 1].label, take.rows[number].label
    placed = bpy.context.scene.timeline_markers
    placed[number - 1].frame = placed[number].frame + 1
    ext.module("addon.phones.markers").sync(bpy.context.scene)
    assert [row.label for row in take.rows][number - 1:number + 1] == [second, first]
    assert all(row.end_s > row.start_s for row in take.rows)


def test_a_name_that_is_no_phone_is_one_error_and_nothing_is_written(ext, spoken):
    take = show()
    number, before = a_vowel(take), values(spoken)
    bpy.context.scene.timeline_markers[number].name = "Explosion"
    with pytest.raises(
        RuntimeError, match=r"Marker 'Explosion' on frame \d+ names no phoneme\. Call it one of: sil p b m"
    ):
        bpy.ops.unitalker.phones_apply()
    assert changed(before, values(spoken)) == []
    bpy.context.scene.timeline_markers[number].name = "m"
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}
    assert changed(before, values(spoken))


def test_two_phones_on_one_moment_are_one_error(ext, spoken):
    take = show()
    number = a_vowel(take)
    take.rows[number].start_s = take.rows[number - 1].start_s
    take.rows[number - 1].end_s = take.rows[number].start_s
    with pytest.raises(RuntimeError, match=r"both begin on frame [\d.]+\. Move one of them, or delete it"):
        bpy.ops.unitalker.phones_apply()


@pytest.mark.parametrize("seed", range(40))
def test_each_of_blenders_own_tools_leaves_every_marker_known(ext, seed):
    """One tool at a time on a random choice of markers, phones and the artist's own among each other."""
    dice = np.random.default_rng(seed)
    match = ext.module("addon.phones.matching").match
    names = [str(name) for name in dice.choice(["sil", "p", "m", "AA", "IY", "t", "Shot", "F_10"], 60)]
    seen = list(zip(names, sorted(int(frame) for frame in dice.integers(1, 150, 60)), strict=True))
    chosen = set(dice.choice(60, dice.integers(1, 30), replace=False).tolist())
    by, tool = int(dice.integers(1, 9)), ("move", "rename", "delete", "copy")[seed % 4]
    moved = [
        (name, frame + by) if tool == "move" and i in chosen else ("m", frame) if tool == "rename"
        and i in chosen else (name, frame)
        for i, (name, frame) in enumerate(seen)
    ]
    now = [marker for i, marker in enumerate(moved) if tool != "delete" or i not in chosen]
    if tool == "copy":
        now += [(name, frame + by) for i, (name, frame) in enumerate(seen) if i in chosen]
    pairs = match(seen, now, frozenset(names) - {"Shot", "F_10"})
    assert sorted(i for i, _ in pairs if i is not None) == list(range(60))
    assert sorted(j for _, j in pairs if j is not None) == list(range(len(now)))
    if tool in ("move", "rename"):
        assert pairs == [(i, i) for i in range(60)]
    elif tool == "delete":
        assert sorted(seen[i] for i, j in pairs if j is None) == sorted(seen[i] for i in chosen)
        assert all(seen[i] == now[j] for i, j in pairs if i is not None and j is not None)
    else:
        assert [(i, j) for i, j in pairs if i is not None] == [(i, i) for i in range(60)]


def test_an_edit_in_the_list_sees_what_was_done_to_other_markers(ext, spoken):
    take = show()
    number = a_vowel(take)
    bpy.context.scene.timeline_markers[number + 2].name = "m"
    take.rows[number].kind = "OW"
    assert [markers()[number][0], markers()[number + 2][0]] == ["OW", "m"]
    assert (take.rows[number].label, take.rows[number + 2].label) == ("OW", "M")


# ---- the list

def test_fields_of_the_list_edit_the_phone_and_its_marker(ext, spoken):
    take = show()
    number = a_vowel(take)
    row, following = take.rows[number], take.rows[number + 1]
    row.kind = "OW"
    assert markers()[number][0] == "OW"
    end = row.end_frame
    row.end_frame = end - 1
    assert following.start_frame == pytest.approx(end - 1, abs=1e-3)
    assert markers()[number + 1][1] == round(end - 1)
    row.start_frame = row.start_frame + 0.5
    assert take.rows[number - 1].end_s == row.start_s
    row.start_frame = -999                                  # not before the phone before it begins
    assert row.start_s > take.rows[number - 1].start_s
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}


@pytest.mark.parametrize(("place", "at"), [('BEFORE', 0), ('AFTER', 1)])
def test_an_added_phone_takes_half_of_the_chosen_one(ext, spoken, place, at):
    take = show()
    number = a_vowel(take)
    take.active_row, count = number, len(take.rows)
    start_s, end_s, label = take.rows[number].start_s, take.rows[number].end_s, take.rows[number].label
    assert bpy.ops.unitalker.phone_add(label="M", place=place) == {'FINISHED'}
    pair = [take.rows[number], take.rows[number + 1]]
    assert [row.label for row in pair] == (["M", label] if at == 0 else [label, "M"])
    assert (pair[0].start_s, pair[1].end_s) == (start_s, end_s)
    assert pair[0].end_s == pair[1].start_s == pytest.approx((start_s + end_s) / 2)
    assert len(markers()) == len(take.rows) == count + 1
    assert take.active_row == number + at
    assert bpy.ops.unitalker.phone_remove() == {'FINISHED'}
    assert len(markers()) == len(take.rows) == count


# ---- takes

def test_edited_phones_outlive_a_change_of_style(ext, spoken):
    take = show()
    number = a_vowel(take)
    frame = round(1 + (take.rows[number].start_s + take.rows[number].end_s) / 2 * 24)
    bpy.context.scene.timeline_markers[number].name = "m"
    bpy.ops.unitalker.phones_apply()
    takes = ext.module("addon.take.takes")
    one = takes.find(bpy.context, "Face", ext.module("addon.phones.takes").take_of(bpy.context, take).line)
    assert one.phones[number][0] == "M"
    takes.remake(bpy.context, one, {"identity": "energetic", "strength": 1.5})
    assert opening(spoken, frame) < 0.06
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}       # still the same phones: nothing to do, no error
    bpy.context.scene.timeline_markers[number].name = "AA"
    bpy.ops.unitalker.phones_apply()
    assert opening(spoken, frame) > 0.06


def test_generate_again_keeps_edited_phones_as_long_as_the_sound_is_the_same(ext, spoken):
    take = show()
    number = a_vowel(take)
    frame = round(1 + (take.rows[number].start_s + take.rows[number].end_s) / 2 * 24)
    bpy.context.scene.timeline_markers[number].name = "m"
    bpy.ops.unitalker.phones_apply()
    say(identity="clear")
    assert opening(spoken, frame) < 0.06
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}
    say(audio_channel=1)                # other sound, as far as anybody knows
    assert opening(spoken, frame) > 0.06


def test_as_heard_takes_all_edits_back(ext, spoken):
    before = values(spoken)
    take = show()
    shown = markers()
    number = a_vowel(take)
    bpy.context.scene.timeline_markers[number].name = "m"
    bpy.ops.unitalker.phones_apply()
    bpy.context.scene.timeline_markers[number + 3].frame += 1
    assert bpy.ops.unitalker.phones_as_heard() == {'FINISHED'}
    assert markers() == shown
    after = values(spoken)
    assert all(np.abs(before[path] - after[path]).max() < 1e-5 for path in before)


def test_the_artists_changed_keys_elsewhere_stay(ext, spoken):
    curve = curves(spoken.data.shape_keys)['key_blocks["jawOpen"].value']
    take = show()
    number = a_vowel(take)
    far = len(curve.keyframe_points) - 3 if take.rows[number].end_s < 1.5 else 3
    curve.keyframe_points[far].co[1] = 0.777
    bpy.context.scene.timeline_markers[number].name = "m"
    bpy.ops.unitalker.phones_apply()
    assert jaw(spoken)[far, 1] == pytest.approx(0.777)


def test_two_takes_are_shown_side_by_side(ext, spoken):
    make_face(ext, "Other").location.x = 10
    bpy.context.view_layer.update()
    bpy.ops.unitalker.animate(audio=SAMPLE, character="Other", start_frame=200)
    show(character="Face", line="data/sample.flac")
    show(character="Other", line="data/sample.flac")
    shown = bpy.context.scene.unitalker_phones
    first, second = shown.takes
    assert len(markers()) == len(first.rows) + len(second.rows)
    before = values(bpy.data.objects["Face"]), values(bpy.data.objects["Other"])
    number = a_vowel(second)
    bpy.context.scene.timeline_markers[len(first.rows) + number].name = "m"
    bpy.ops.unitalker.phones_apply()
    assert changed(before[0], values(bpy.data.objects["Face"])) == []
    assert min(changed(before[1], values(bpy.data.objects["Other"]))) > 200
    shown.active_take = 0
    bpy.ops.unitalker.phones_hide()
    assert len(markers()) == len(shown.takes[0].rows)
    assert shown.takes[0].title == "data/sample.flac on Other"


def test_a_take_made_anew_with_other_words_says_so(ext, spoken):
    take = show()
    bpy.context.scene.timeline_markers[a_vowel(take)].name = "m"
    say(audio_channel=1)
    with pytest.raises(RuntimeError, match="was made anew since its phonemes were shown"):
        bpy.ops.unitalker.phones_apply()
    show()
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}


def test_a_take_that_moved_since_is_edited_where_it_is_now(ext, spoken):
    take = show()
    number, takes = a_vowel(take), ext.module("addon.take.takes")
    one = takes.find(bpy.context, "Face", "data/sample.flac")
    takes.remake(bpy.context, one, {"clip": dataclasses.replace(one.clip, start_frame=101.0)})
    bpy.context.scene.timeline_markers[number].name = "m"
    before = values(spoken)
    bpy.ops.unitalker.phones_apply()
    frame = round(101 + (take.rows[number].start_s + take.rows[number].end_s) / 2 * 24)
    assert opening(spoken, frame) < 0.06
    assert min(changed(before, values(spoken))) > frame - 14
    show()
    assert markers()[number] == ("m", round(101 + take.rows[number].start_s * 24))


def test_phones_are_applied_at_another_frame_rate_too(ext, spoken):
    take = show()
    number = a_vowel(take)
    middle_s = (take.rows[number].start_s + take.rows[number].end_s) / 2
    heard = [(row.start_s, row.end_s) for row in take.rows]
    bpy.context.scene.timeline_markers[number].name = "m"
    open_before = opening(spoken, 1 + middle_s * 24)
    bpy.context.scene.render.fps = 30
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}
    found = jaw(spoken)
    assert found[:, 0].tolist() == list(range(1, 1 + len(found))) and len(found) == pytest.approx(4.84 * 30, abs=2)
    assert opening(spoken, 1 + middle_s * 30) < 0.06 < open_before - 0.02
    np.testing.assert_allclose([(row.start_s, row.end_s) for row in take.rows], heard, atol=1e-4)
    assert markers()[number] == ("m", round(1 + heard[number][0] * 30))
    before = values(spoken)
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'} and changed(before, values(spoken)) == []
    other = next(i for i in range(number + 8, len(heard)) if take.rows[i].label not in ("P", "B", "M", "F", "V", "SIL"))
    bpy.context.scene.timeline_markers[other].name = "m"        # from now on the neighbourhood alone, as before
    bpy.ops.unitalker.phones_apply()
    frames = changed(before, values(spoken))
    assert frames and min(frames) > 1 + heard[other][0] * 30 - 24 and max(frames) < 1 + heard[other][1] * 30 + 24


@needs_aud
def test_a_trimmed_strip_keeps_its_phones_on_their_sounds_at_another_frame_rate(ext, spoken):
    from .strips import add_strip, set_handles

    strip = add_strip(SAMPLE, frame=1)
    set_handles(strip, left=12)
    bpy.ops.unitalker.clear(character="Face")
    assert bpy.ops.unitalker.animate(strip=strip.name, character="Face") == {'FINISHED'}
    take = show()
    number = a_vowel(take, 4)
    middle_s = 0.5 + (take.rows[number].start_s + take.rows[number].end_s) / 2        # of the whole sound
    bpy.context.scene.timeline_markers[number].name = "m"
    open_before = opening(spoken, 1 + middle_s * 24)
    bpy.context.scene.render.fps = 30
    bpy.ops.unitalker.phones_apply()
    start = take.first_frame - 15           # frame of the file's beginning: Blender keeps the seconds of a trim
    assert opening(spoken, start + middle_s * 30) < 0.08 < open_before - 0.02
    row = next(row for row in take.rows if row.label == "M" and row.start_s < middle_s - 0.5 < row.end_s)
    assert ("m", round(take.first_frame + row.start_s * 30)) in markers()


def test_apply_at_once_asks_before_it_makes_all_again_at_another_frame_rate(ext, spoken):
    take = show()
    bpy.context.scene.timeline_markers[a_vowel(take)].name = "m"
    before = values(spoken)
    bpy.context.scene.render.fps = 30
    watch = ext.module("addon.phones.watch")
    ext.module("addon.phones.markers").sync(bpy.context.scene)
    watch._solve(bpy.context, bpy.context.scene)
    assert changed(before, values(spoken)) == []
    assert bpy.context.scene.unitalker_phones.problem == (
        "The scene runs at 30 frames per second now, and the lip sync of 'data/sample.flac' was made at 24: press "
        "Apply Phoneme Edits, which makes all of it again."
    )


def test_without_a_take_there_is_one_error(ext, face):
    with pytest.raises(RuntimeError, match="no lip sync whose phonemes could be shown"):
        bpy.ops.unitalker.phones_show()
    assert markers() == []


def test_a_deleted_character_is_one_error(ext, spoken):
    take = show()
    bpy.context.scene.timeline_markers[a_vowel(take)].name = "m"
    bpy.data.objects.remove(spoken)
    with pytest.raises(RuntimeError, match="Face"):
        bpy.ops.unitalker.phones_apply()
    bpy.ops.unitalker.phones_hide()
    assert markers() == []


# ---- undo

def test_undo_takes_one_edit_back_in_one_step(ext, spoken):
    bpy.ops.ed.undo_push(message="start")
    take = show()
    bpy.ops.ed.undo_push(message="shown")
    number = a_vowel(take)
    old = markers()[number]
    bpy.context.scene.timeline_markers[number].name = "m"
    bpy.ops.ed.undo_push(message="renamed")
    before = values(bpy.data.objects["Face"])
    bpy.ops.unitalker.phones_apply()
    bpy.ops.ed.undo_push(message="applied")
    after = values(bpy.data.objects["Face"])
    assert changed(before, after)
    bpy.ops.ed.undo()
    assert changed(before, values(bpy.data.objects["Face"])) == []
    assert markers()[number][0] == "m"
    bpy.ops.ed.redo()
    assert changed(after, values(bpy.data.objects["Face"])) == []
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    assert markers()[number] == old
    take = bpy.context.scene.unitalker_phones.takes[0]
    assert ext.module("addon.phones.rows").edits(take) == 0
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}
    assert changed(before, values(bpy.data.objects["Face"])) == []


# ---- the watch

def test_the_watch_applies_what_rests_and_ends_when_nothing_is_shown(ext, spoken):
    watch = ext.module("addon.phones.watch")
    take = show()
    scene = bpy.context.scene
    scene.unitalker_phones.auto = True
    before, number = values(spoken), a_vowel(take)
    scene.timeline_markers[number].name = "m"
    assert watch.look(bpy.context)                      # sees it move: waits
    assert changed(before, values(spoken)) == []
    assert watch.look(bpy.context)                      # it rests: solves
    assert changed(before, values(spoken))
    solved = values(spoken)
    watch.look(bpy.context)
    assert changed(solved, values(spoken)) == []
    bpy.ops.unitalker.phones_hide()
    assert not watch.look(bpy.context)


def test_the_watch_does_not_make_again_what_was_undone(ext, spoken):
    watch = ext.module("addon.phones.watch")
    take = show()
    scene = bpy.context.scene
    scene.unitalker_phones.auto = True
    scene.timeline_markers[a_vowel(take)].name = "m"
    before = values(spoken)
    watch._after_undo()
    for _ in range(3):
        watch.look(bpy.context)
    assert changed(before, values(spoken)) == []


def test_the_watch_says_what_is_wrong_once(ext, spoken):
    watch = ext.module("addon.phones.watch")
    take = show()
    scene = bpy.context.scene
    scene.unitalker_phones.auto = True
    scene.timeline_markers[a_vowel(take)].name = "Explosion"
    for _ in range(3):
        watch.look(bpy.context)
    assert "names no phoneme" in scene.unitalker_phones.problem


def test_no_timer_is_left_after_hiding_loading_and_unregistering(ext, spoken, tmp_path):
    watch = ext.module("addon.phones.watch")
    show()
    assert bpy.app.timers.is_registered(watch._tick)
    bpy.ops.unitalker.phones_hide()
    assert not bpy.app.timers.is_registered(watch._tick)
    show()
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
    assert not bpy.app.timers.is_registered(watch._tick)
    watch.start()
    watch.unregister()
    assert not bpy.app.timers.is_registered(watch._tick)
    watch.register()


# ---- work

def test_a_minute_of_speech_is_shown_and_applied_in_bulk(ext, face, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    samples, rate = soundfile.read(SAMPLE)
    long = write_wav(tmp_path / "long.wav", np.tile(samples, int(60 / (len(samples) / rate)) + 1), rate)
    scene = bpy.context.scene
    scene.unitalker.model = MODEL
    bpy.ops.unitalker.animate(audio=long, character="Face")
    scene.unitalker.source, scene.unitalker.audio = 'FILE', long
    shown = []
    assert calls_during(lambda: shown.append(show())) < 200_000
    take = shown[0]
    assert len(take.rows) > 400
    number = a_vowel(take, 200)
    scene.timeline_markers[number].name = "m"
    assert calls_during(bpy.ops.unitalker.phones_apply) < 500_000       # for 78,000 keys


# ---- a timeline that is too low

def test_editors_too_low_for_markers_are_noticed(ext):
    seen = ext.module("addon.phones.panel").markers_are_seen

    def context(*heights: int) -> object:
        areas = [
            SimpleNamespace(type='DOPESHEET_EDITOR', regions=[SimpleNamespace(type='WINDOW', height=height)])
            for height in heights
        ]
        return SimpleNamespace(
            preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0)),
            window_manager=SimpleNamespace(windows=[SimpleNamespace(screen=SimpleNamespace(areas=areas))]),
        )

    assert not seen(context(40)) and seen(context(40, 200)) and seen(context())
