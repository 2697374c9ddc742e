"""Live: a change of style is in the keys at once, in one step of undo; nothing else changes, and nothing is ever
raised."""

from __future__ import annotations

import bpy
import numpy as np
import pytest

from . import as_before
from .conftest import curves, curves_in, jaw, keys_of, own_action

JAW, SMILE = 'key_blocks["jawOpen"].value', 'key_blocks["mouthSmileLeft"].value'


@pytest.fixture
def live(ext, face, speech, monkeypatch):
    """The panel's settings with Live on and one take, as in a window."""
    module = ext.module("addon.take.live")
    monkeypatch.setattr(module, "_may_run", lambda: ext.module("addon.host.job").Job.current is None)
    settings = bpy.context.scene.unitalker
    settings.source, settings.audio, settings.character = 'FILE', speech, face
    bpy.ops.unitalker.animate()
    settings.live = True
    return settings


PARTS = ("brow_raises", "head_motion", "eye_motion", "breath", "cheek_motion", "asymmetry")


def test_every_choice_of_style_is_applied_at_once(ext, face, live, monkeypatch):
    engine, asked = ext.module("engine"), []
    true = engine.animate
    monkeypatch.setattr(
        engine, "animate", lambda wave, settings, *rest: (asked.append(settings), true(wave, settings, *rest))[1]
    )
    changes = {
        "strength": 0.5, "articulation": 0.5, "anticipation": 2.0, "smooth": 0.25, "seed": 5, "identity": "#0",
        "identity_2": "pivot", "identity_mix": 0.25, "intensity": 1.25, "performance": "lively", "mood": "happy=0.5",
        "mood_amount": 0.5, "own_moods": '{"smirk": {"browDownLeft": 0.5}}',
        "look_at": bpy.data.objects["Face"],
        "mood_area": "upper", "mood_mouth": 0.5, "mood_onset": 0.1, "mood_release": 0.1,
        **{f"gain_{region}": 0.5 for region in ("jaw", "lips", "cheeks", "brows")},
        **{f"offset_{region}": 2.0 for region in ("jaw", "lips", "cheeks", "brows")},
        **{f"smooth_{region}": 0.5 for region in ("jaw", "lips", "cheeks", "brows")},
        **{f"region_{region}": 0.5 for region in ext.module("engine.values.settings").MANNER_REGIONS},
        "voice": "a.wav", "reference": "a.csv", "reference_2": "b.csv", "reference_mix": 0.25, "style_from": 'IDENTITY',
        "reference_action": None, "reference_slot": "Face", "reference_first": 1,
        "reference_last": 9,
        "fit_lips": False, "use_blinks": False, **{f"use_{name}": True for name in PARTS},
        **dict.fromkeys(("blinks", *PARTS), 0.5),
    }
    assert set(changes) == set(ext.module("addon.take.options").LIVE)
    for number, (name, value) in enumerate(changes.items(), 1):
        setattr(live, name, value)
        assert len(asked) == number and live.live_note == "", (name, live.live_note)
    last = asked[-1]
    assert (last.strength, last.articulation, last.smooth, last.life.seed) == (0.5, 0.5, 0.25, 5)
    assert (
        last.anticipation_s == pytest.approx(2 / 24) and last.delays.cheeks == pytest.approx(2 / 24)
        and last.region_smooth.lips == 0.5
    )
    assert last.gains.brows == 0.5 and last.identity == "blend:#0=0.75,pivot=0.25"
    assert (last.life.blinks, last.life.brows, last.life.head, last.life.eyes, last.life.breath) == (
        0, 0.5, 0.5, 0.5, 0.5
    )
    assert len(bpy.data.actions) == 1 and jaw(face)[[0, -1], 0].tolist() == [1, 48]


def test_the_keys_follow_the_slider(face, live):
    full = jaw(face)
    for gain in (0.25, 0.5, 0.75):
        live.gain_jaw = gain
        np.testing.assert_allclose(jaw(face)[:, 1], full[:, 1] * gain, atol=1e-6)
    live.live = False
    live.gain_jaw = 2.0
    np.testing.assert_allclose(jaw(face)[:, 1], full[:, 1] * 0.75, atol=1e-6)


def test_the_face_moves_without_a_change_of_frame(face, live):
    keys = face.data.shape_keys
    loud = int(jaw(face)[jaw(face)[:, 1].argmax(), 0])
    bpy.context.scene.frame_set(loud)
    before = keys.key_blocks["jawOpen"].value
    live.gain_jaw = 0.5
    bpy.context.view_layer.update()
    assert keys.key_blocks["jawOpen"].value == pytest.approx(before / 2, abs=1e-5)
    evaluated = face.evaluated_get(bpy.context.evaluated_depsgraph_get())
    assert (
        evaluated.data.shape_keys is None
        or evaluated.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(before / 2, abs=1e-5)
    )


def test_a_drag_is_one_step_of_undo(face, live):
    bpy.ops.ed.undo_push(message="before")
    before = as_before.animation()
    for gain in (0.9, 0.7, 0.5):            # Blender pushes one step when the mouse is released
        bpy.context.scene.unitalker.gain_jaw = gain
    bpy.ops.ed.undo_push(message="drag")
    after = as_before.animation()
    for _ in range(2):
        bpy.ops.ed.undo()
        assert as_before.animation() == before and bpy.context.scene.unitalker.gain_jaw == 1.0
        bpy.ops.ed.redo()
        assert as_before.animation() == after and bpy.context.scene.unitalker.gain_jaw == 0.5


def test_operators_with_the_same_choices_do_not_start_it(ext, face, live, speech, monkeypatch):
    monkeypatch.setattr(ext.module("addon.take.live"), "_remake", lambda _context: pytest.fail("Live ran"))
    bpy.ops.unitalker.animate(gain_jaw=0.5)
    assert len(jaw(face)) == 48


def test_it_does_not_start_itself(ext, live, monkeypatch):
    module, calls = ext.module("addon.take.live"), []
    true = module._remake

    def again(context):
        calls.append(1)
        context.scene.unitalker.gain_lips = 0.1 * len(calls)        # as a callback that sets another choice would
        return true(context)

    monkeypatch.setattr(module, "_remake", again)
    live.gain_jaw = 0.5
    assert len(calls) == 1


# ---- what it says instead of raising

def test_without_a_take_it_says_so(ext, face, live):
    bpy.ops.unitalker.clear()
    live.gain_jaw = 0.5
    assert live.live_note.startswith("Live waits for a take") and len(bpy.data.actions) == 0
    bpy.ops.unitalker.animate()
    live.gain_jaw = 0.75
    assert live.live_note == ""


def test_an_error_is_one_line_and_changes_nothing(ext, face, live):
    before = as_before.animation()
    live.identity = "nobody"
    assert "has no identity 'nobody'" in live.live_note and "\n" not in live.live_note
    assert as_before.animation() == before
    live.identity = "pivot"
    assert live.live_note == ""
    bpy.data.objects.remove(face)
    live.gain_jaw = 0.5
    assert live.live_note


def test_a_bug_is_told_and_not_raised(ext, face, live, monkeypatch, caplog):
    monkeypatch.setattr(ext.module("addon.keying.write"), "write", lambda *_: 1 / 0)
    before = as_before.animation()
    live.gain_jaw = 0.5
    assert "A bug stopped the change" in live.live_note and "ZeroDivisionError" in caplog.text
    assert as_before.animation() == before


def test_it_rests_in_background_beside_a_worker_and_while_rendering(ext, face, live, monkeypatch):
    module, job = ext.module("addon.take.live"), ext.module("addon.host.job")
    monkeypatch.setattr(module, "_remake", lambda _context: pytest.fail("Live ran"))
    monkeypatch.setattr(job.Job, "current", object())
    live.gain_jaw = 0.5
    monkeypatch.undo()
    assert not module._may_run()            # the module of the tests is Blender in background
    live.gain_jaw = 0.75
    assert jaw(face)[:, 1].max() > 0.5


# ---- beside the artist's keys

@pytest.mark.parametrize("existing", ['KEEP', 'LAYER'])
def test_hand_made_keys_on_other_layers_stay(ext, face, speech, live, existing):
    bpy.ops.unitalker.clear()
    keys = face.data.shape_keys
    own_action(keys, {SMILE: [(1, 0.3), (20.5, 0.9)], JAW: [(3, 0.1)]})
    live.existing = existing
    bpy.ops.unitalker.animate()
    by_hand = own_action(keys, {SMILE: [(5, 0.4)]}, "By Hand") if existing == 'KEEP' else None
    before = {name: curves_ for name, curves_ in as_before.animation()[0].items() if name in ("Mine", "By Hand")}
    for gain in (0.5, 0.25):
        live.gain_lips = gain
    assert live.live_note == ""
    assert {name: curves_ for name, curves_ in as_before.animation()[0].items() if name in before} == before
    assert by_hand is None or keys.animation_data.action == by_hand


def test_hand_made_edits_outside_of_the_range_stay(face, live):
    curve = curves(face.data.shape_keys)[JAW]
    curve.keyframe_points[4].co[1] = 0.77
    live.use_range, live.range_start, live.range_end, live.crossfade = True, 20, 30, 2.0
    before = keys_of(curve)
    for gain in (0.1, 0.9, 0.5):
        live.gain_jaw = gain
    after = jaw(face)
    np.testing.assert_array_equal(after[[*range(19), *range(30, 48)]], before[[*range(19), *range(30, 48)]])
    np.testing.assert_allclose(after[22:27, 1], before[22:27, 1] / 2, atol=1e-6)
    # half way in the fade, after three changes
    np.testing.assert_allclose(after[20, 1], (before[20, 1] + before[20, 1] / 2) / 2, atol=1e-6)


def test_a_strip_stays_a_strip(face, live):
    bpy.ops.unitalker.animate(destination='NLA', nla_influence=0.5)
    live.gain_jaw = 0.5
    strip, = (strip for track in face.data.shape_keys.animation_data.nla_tracks for strip in track.strips)
    assert face.data.shape_keys.animation_data.action is None and strip.influence == 0.5
    assert len(keys_of(curves_in(strip.action, getattr(strip, "action_slot", None))[JAW])) == 48
