"""Takes: what is kept of how a line was made; made again, cleared, given to the artist; and the artist's own keys
beside all that."""

from __future__ import annotations

import dataclasses
import json
import shutil

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import curves, jaw, keys_of, make_face, own_action

JAW, SMILE = 'key_blocks["jawOpen"].value', 'key_blocks["mouthSmileLeft"].value'


def animate(speech, **options):
    return bpy.ops.unitalker.animate(audio=str(speech), character="Face", **options)


@pytest.fixture
def takes(ext):
    return ext.module("addon.take.takes")


@pytest.fixture
def second(speech, tmp_path):
    """The same sound under another name."""
    return str(shutil.copy(speech, tmp_path / "second.wav"))


def one(takes, line="speech.wav"):
    return next(take for take in takes.takes_of(bpy.context, "Face") if take.line.endswith(line))


def record(action):
    return json.loads(action["unitalker"])


def all_keys():
    return as_before.animation()[0]


# ---- what is kept

def test_a_take_keeps_its_choices_its_clip_and_its_frames(ext, face, speech, takes):
    animate(speech, start_frame=11, gain_jaw=0.5, reduce=True, max_error=0.02)
    take = one(takes)
    assert (take.first_frame, take.last_frame, take.character, take.action) == (11, 58, "Face", "Face Lip Sync")
    assert (
        take.choices["gain_jaw"] == 0.5 and take.choices["reduce"] is True
        and take.choices["max_error"] == pytest.approx(0.02)
    )
    assert (take.clip.path, take.clip.start_frame, take.clip.first_s) == (speech, 11, 0)
    assert take.known and take.phones is None


def test_takes_survive_saving_and_loading(ext, face, speech, takes, tmp_path):
    animate(speech, gain_jaw=0.5)
    before = one(takes)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert one(takes) == before


def test_a_file_with_plain_spans_is_read_cleared_and_made_again(ext, face, speech, takes):
    animate(speech)
    action, = bpy.data.actions
    note = record(action)
    old = {"lines": {name: entry[:2] for lines in note["spans"].values() for name, entry in lines.items()}}
    action["unitalker"] = json.dumps({**{name: note[name] for name in ("rest", "moved", "sliders")}, **old})
    take = one(takes)
    assert (take.first_frame, take.last_frame, take.known) == (1, 48, False)
    with pytest.raises(ext.module("engine.values.errors").SettingError, match="older version made it"):
        takes.remake(bpy.context, take, {})
    animate(speech, start_frame=101)
    assert jaw(face)[[0, -1], 0].tolist() == [101, 148] and one(takes).known


@pytest.mark.parametrize("note", [
    "", "[]", '{"takes": 3}', '{"spans": {"1": []}}', '{"spans": [1], "mine": 4}',
    '{"spans": {"1": {"a": [1, 2]}}, "mine": {"1": [[3]]}}', "[" * 4000,
    '{"lines": {"a": "b"}, "takes": {"x": []}}',
])
def test_notes_that_cannot_be_read_count_as_none(ext, face, speech, takes, note):
    animate(speech)
    bpy.data.actions[0]["unitalker"] = note
    assert takes.takes_of(bpy.context, "Face") == []
    animate(speech)
    assert len(jaw(face)) == 48 and one(takes).known


def test_choices_of_a_later_version_are_taken_as_far_as_they_are_understood(ext, face, speech, takes):
    animate(speech, gain_jaw=0.5)
    action, = bpy.data.actions
    note = record(action)
    for how in note["takes"].values():
        how["choices"] |= {"hologram": True, "destination": 'CLOUD', "smooth": "very", "seed": 4}
        how["clip"] |= {"reverb": 3}
    action["unitalker"] = json.dumps(note)
    before = jaw(face)
    takes.remake(bpy.context, one(takes), {})
    np.testing.assert_array_equal(jaw(face), before)
    assert one(takes).choices["seed"] == 4 and "hologram" not in one(takes).choices


def test_a_note_without_end_is_left_out(ext, face, speech, takes):
    module = ext.module("addon.actions.ledger")
    ledger = module.Ledger()
    too_long = module.TakeNote(choices={"transcript": "a" * module.MAX_NOTE_BYTES})
    ledger.put("1", "line", module.KeyedLine(1, 2, "take"), too_long)
    assert ledger.binding("1").spans == {"line": (1, 2)} and ledger.note("1", "line") is None


# ---- made again

def test_made_again_a_take_is_the_same_and_nothing_is_doubled(ext, face, speech, takes):
    animate(speech, start_frame=11, shift_frames=-2, interpolation='BEZIER', gain_jaw=0.5)
    before = all_keys()
    bpy.context.scene.unitalker.gain_jaw = 2            # the panel says something else by now
    takes.remake(bpy.context, one(takes), {})
    assert all_keys() == before and len(bpy.data.actions) == 1


def test_made_again_with_changes_only_these_differ(ext, face, speech, takes):
    animate(speech, start_frame=11, smooth=0.5)
    before = jaw(face)
    takes.remake(bpy.context, one(takes), {"gain_jaw": 0.5})
    np.testing.assert_allclose(jaw(face)[:, 1], before[:, 1] / 2, atol=1e-6)
    assert one(takes).choices["gain_jaw"] == 0.5 and one(takes).choices["smooth"] == 0.5


def test_made_again_in_the_action_that_holds_it_whatever_its_name(ext, face, speech, takes):
    make_face(ext, "Teeth", ("jawOpen",)).parent = face
    animate(speech, action="Take 1")
    before = as_before.animation()
    for number, action in enumerate(bpy.data.actions):
        action.name = f"Best {number}"
    takes.remake(bpy.context, one(takes), {})
    assert (
        {action.name.split()[0] for action in bpy.data.actions} == {"Best"} and len(bpy.data.actions) == len(before[0])
    )
    assert [curves_ for _, curves_ in sorted(as_before.animation()[0].items())] == [
        curves_ for _, curves_ in sorted(before[0].items())
    ]
    assert one(takes).choices["action"] == "Take 1"


def test_edited_phones_go_with_the_take(ext, face, speech, takes, monkeypatch):
    animate(speech)
    engine, asked = ext.module("engine"), []
    true = engine.animate
    monkeypatch.setattr(
        engine, "animate",
        lambda wave, settings, *rest: (
            asked.append(settings.phones),
            true(wave, settings.__class__(**{**settings.__dict__, "phones": None}), *rest),
        )[1],
    )
    takes.remake(bpy.context, one(takes), {"phones": [("SIL", 0.0, 0.5), ("AA", 0.5, 2.0)]})
    assert one(takes).phones == (("SIL", 0.0, 0.5), ("AA", 0.5, 2.0))
    takes.remake(bpy.context, one(takes), {"gain_jaw": 0.5})
    takes.remake(bpy.context, one(takes), {"phones": None})
    assert [phones and [(phone.label, phone.start_s, phone.end_s) for phone in phones] for phones in asked] == [
        [("SIL", 0.0, 0.5), ("AA", 0.5, 2.0)], [("SIL", 0.0, 0.5), ("AA", 0.5, 2.0)], None]
    assert one(takes).phones is None


def test_a_take_whose_sound_is_gone_says_so(ext, face, speech, takes, tmp_path):
    path = shutil.copy(speech, tmp_path / "gone.wav")
    animate(path)
    before = all_keys()
    (tmp_path / "gone.wav").unlink()
    with pytest.raises(ext.module("engine").AudioError, match="Sound file not found"):
        takes.remake(bpy.context, one(takes, "gone.wav"), {})
    assert all_keys() == before


def test_the_sound_is_decoded_once(ext, face, speech, takes, monkeypatch):
    audio, count = ext.module("addon.sound.clip"), []
    ext.module("addon.sound.cache").forget()
    true = audio.read
    monkeypatch.setattr(audio, "read", lambda clip: (count.append(clip), true(clip))[1])
    animate(speech)
    for gain in (0.5, 1.5):
        takes.remake(bpy.context, one(takes), {"gain_jaw": gain})
    assert len(count) == 1


def test_a_sound_file_that_changes_is_read_again(ext, face, speech, takes, tmp_path):
    path = shutil.copy(speech, tmp_path / "line.wav")
    animate(path)
    from .conftest import write_wav

    write_wav(tmp_path / "line.wav", np.zeros(16_000))
    takes.remake(bpy.context, one(takes, "line.wav"), {})
    assert len(jaw(face)) == 24 and not jaw(face)[:, 1].any()


def test_loading_a_take_sets_the_panel(ext, face, speech, takes):
    animate(speech, start_frame=11, gain_jaw=0.5, identity_2="pivot", use_head_motion=True)
    settings = bpy.context.scene.unitalker
    settings.gain_jaw, settings.use_head_motion, settings.live = 2.0, False, True
    takes.load(bpy.context, one(takes))
    assert (settings.gain_jaw, settings.use_head_motion, settings.identity_2, settings.start_frame) == (
        0.5, True, "pivot", 11
    )
    assert settings.character == face and settings.source == 'FILE' and settings.audio == speech and settings.live


# ---- clear

def test_clearing_one_take_leaves_the_other_key_by_key(ext, face, speech, second, takes):
    animate(second, start_frame=101)
    alone = all_keys()["Face Lip Sync"]
    animate(speech)
    assert takes.clear(bpy.context, one(takes)) == 52
    assert all_keys()["Face Lip Sync"] == alone
    assert [take.line.endswith("second.wav") for take in takes.takes_of(bpy.context, "Face")] == [True]
    assert takes.clear(bpy.context, one(takes, "second.wav")) == 52 and len(bpy.data.actions) == 0


def test_clearing_a_take_leaves_keys_that_overlap_to_the_other(ext, face, speech, second, takes):
    animate(speech)
    animate(second, start_frame=31)
    after = jaw(face)[30:]
    takes.clear(bpy.context, one(takes))
    np.testing.assert_array_equal(jaw(face), after)


def test_clearing_a_take_beneath_the_artists_action_shortens_the_strip(ext, face, speech, second, takes):
    keys = face.data.shape_keys
    own_action(keys, {SMILE: [(1, 0.3)]})
    animate(speech)
    animate(second, start_frame=101)
    strip = keys.animation_data.nla_tracks[0].strips[0]
    assert (strip.frame_start, strip.frame_end) == (1, 148)
    takes.clear(bpy.context, one(takes))
    assert (strip.frame_start, strip.frame_end, strip.scale) == (101, 148, 1)


# ---- make it mine

def test_mine_keeps_every_key_and_loses_every_mark(ext, face, speech, takes):
    animate(speech)
    before = all_keys()
    assert takes.forget(bpy.context, one(takes)) == 52
    assert all_keys() == before and not bpy.data.actions[0].keys()
    assert takes.takes_of(bpy.context, "Face") == []


def test_what_is_mine_is_not_touched_by_clear_generate_and_make_again(ext, face, speech, second, takes):
    animate(speech)
    takes.forget(bpy.context, one(takes))
    before = all_keys()["Face Lip Sync"]
    assert bpy.ops.unitalker.clear(character="Face") == {'CANCELLED'}
    with pytest.raises(RuntimeError, match="No channel of 'Face' is free"):
        animate(speech)
    animate(second, start_frame=31, existing='LAYER')
    takes.remake(bpy.context, one(takes, "second.wav"), {"gain_jaw": 0.5})
    assert all_keys()["Face Lip Sync"] == before
    bpy.ops.unitalker.clear(character="Face")
    assert (
        all_keys() == {"Face Lip Sync": before} and face.data.shape_keys.animation_data.action.name == "Face Lip Sync"
    )


def test_one_take_of_two_is_mine_and_the_other_still_ours(ext, face, speech, second, takes):
    animate(speech)
    animate(second, start_frame=101)
    mine = {path: keys_of(curve)[:48] for path, curve in curves(face.data.shape_keys).items()}
    takes.forget(bpy.context, one(takes))
    assert [take.first_frame for take in takes.takes_of(bpy.context, "Face")] == [101]

    def still_mine():
        return (
            all((keys_of(curve)[:48] == mine[path]).all() for path, curve in curves(face.data.shape_keys).items())
            and len(curves(face.data.shape_keys)) == 52
        )

    takes.remake(bpy.context, one(takes, "second.wav"), {"gain_jaw": 0.5})
    assert still_mine()
    found = one(takes, "second.wav")
    # 31 to 48 are mine
    takes.remake(bpy.context, found, {"clip": dataclasses.replace(found.clip, start_frame=31.0)})
    assert still_mine() and jaw(face)[[48, -1], 0].tolist() == [49, 78]
    with pytest.raises(RuntimeError, match=r"Frames 1 to 48 are yours since Make It Mine"):
        animate(speech)
    assert still_mine()
    takes.clear_frames(bpy.context, "Face", True, (1, 60))
    assert still_mine() and jaw(face)[48, 0] == 61
    bpy.ops.unitalker.clear(character="Face")
    assert still_mine() and len(jaw(face)) == 48
    assert (
        not bpy.data.actions["Face Lip Sync"].keys()
        and face.data.shape_keys.animation_data.action.name == "Face Lip Sync"
    )


def test_mine_of_several_meshes_and_of_a_copied_character(ext, face, speech, takes):
    make_face(ext, "Teeth", ("jawOpen",)).parent = face
    animate(speech)
    copy = face.copy()
    copy.data = face.data.copy()
    bpy.context.scene.collection.objects.link(copy)
    copy.location.x = 9
    bpy.context.view_layer.update()
    before = {action.name: all_keys()[action.name] for action in bpy.data.actions}
    takes.forget(bpy.context, one(takes))
    assert {name: keys for name, keys in all_keys().items() if name in before} == before
    copied = next(take for take in takes.takes_of(bpy.context, copy.name))
    takes.remake(bpy.context, copied, {"gain_jaw": 0.5})
    for action, keys in before.items():
        if not bpy.data.actions[action].keys():
            assert all_keys()[action] == keys
    assert takes.takes_of(bpy.context, "Face") == []


# ---- undo

def step(name, call, *arguments):
    bpy.ops.ed.undo_push(message="before")
    call(*arguments)
    bpy.ops.ed.undo_push(message=name)


@pytest.mark.parametrize("what", ["remake", "forget", "clear", "clear_frames"])
def test_each_is_one_step_of_undo_and_redo(ext, face, speech, second, takes, what):
    own_action(face.data.shape_keys, {SMILE: [(1, 0.3), (20, 0.5)]})
    animate(speech)
    animate(second, start_frame=101)
    context, take = bpy.context, one(takes)
    before = as_before.animation(), [dict(action.items()) for action in bpy.data.actions]
    step(what, {
        "remake": lambda: takes.remake(context, take, {"gain_jaw": 0.5}), "forget": lambda: takes.forget(context, take),
        "clear": lambda: takes.clear(context, take),
        "clear_frames": lambda: takes.clear_frames(context, "Face", True, (10, 20)),
    }[what])
    after = as_before.animation(), [dict(action.items()) for action in bpy.data.actions]
    assert after != before
    for _ in range(2):
        bpy.ops.ed.undo()
        assert (as_before.animation(), [dict(action.items()) for action in bpy.data.actions]) == before
        bpy.ops.ed.redo()
        assert (as_before.animation(), [dict(action.items()) for action in bpy.data.actions]) == after


def test_slots_of_two_characters_in_one_action_have_takes_of_their_own(ext, face, speech, takes):
    other = make_face(ext, "Other")
    other.location.x = 9
    bpy.context.view_layer.update()
    animate(speech, action="Take")
    bpy.ops.unitalker.animate(audio=speech, character="Other", action="Take", start_frame=101)
    before = keys_of(curves(other.data.shape_keys)[JAW])
    takes.remake(bpy.context, one(takes), {"gain_jaw": 0.5})
    assert jaw(face)[[0, -1], 0].tolist() == [1, 48]
    animate(speech, action="Take", start_frame=31)
    assert jaw(face)[[0, -1], 0].tolist() == [31, 78]
    bpy.ops.unitalker.clear(character="Face")
    np.testing.assert_array_equal(keys_of(curves(other.data.shape_keys)[JAW]), before)
    assert [take.first_frame for take in takes.takes_of(bpy.context, "Other")] == [101]
