"""Moving, hiding and bringing back keys of one line: in every Blender, also in one without sound strips."""

from __future__ import annotations

import dataclasses

import bpy
import numpy as np
import pytest

from tests.counting import calls_during

from .conftest import curves, curves_in, jaw, make_face, own_action


@pytest.fixture
def said(ext, speech):
    """A face that says a file on frames 1 to 48, and another one on 101 to 148."""
    face = make_face(ext, "Face")
    for start in (1, 101):
        bpy.ops.unitalker.animate(audio=speech if start == 1 else copy_of(speech), character="Face", start_frame=start)
    return face


def copy_of(path):
    import shutil
    from pathlib import Path

    return str(shutil.copy(path, Path(path).with_name("second.wav")))


def moves(ext, face, name, by, span, cut=(False, False), token="t"):
    """One line goes by frames, and shows a span."""
    action = face.data.shape_keys.animation_data.action
    ledger = ext.module("addon.actions.ledger").Ledger.of(action)
    key, binding = next(iter(ledger.bindings.items()))
    line = next(line for line in binding.lines if line.endswith(name))
    note = ledger.note(key, line)
    zero = note.first_frame if note.zero is None else note.zero
    note = dataclasses.replace(note, hidden=token, zero=zero + by)
    return ext.module("addon.keying.moved_keys").Move(line, zero, zero + by, span, cut, 24.0, note)


def move(ext, face, *every):
    return ext.module("addon.keying.moved_keys").move(face.data.shape_keys.animation_data.action, every)


def test_one_line_moves_and_the_other_stays_to_the_bit(ext, said):
    before = jaw(said)
    assert move(ext, said, moves(ext, said, "speech.wav", 30, (31, 78))) == []
    after = jaw(said)
    np.testing.assert_array_equal(after[48:], before[48:])
    np.testing.assert_allclose(after[:48], before[:48] + np.array([30, 0], np.float32), atol=1e-4)


def test_hidden_keys_come_back_as_they_were(ext, said):
    before = {path: curve.evaluate(30) for path, curve in curves(said.data.shape_keys).items()}, jaw(said)
    move(ext, said, moves(ext, said, "speech.wav", 0, (20, 40), (True, True)))
    keys = jaw(said)
    assert keys[:21, 0].tolist() == list(range(20, 41)) and keys[0, 1] == keys[20, 1] == 0
    move(ext, said, moves(ext, said, "speech.wav", 0, (1, 48)))
    np.testing.assert_array_equal(jaw(said), before[1])
    assert {path: curve.evaluate(30) for path, curve in curves(said.data.shape_keys).items()} == before[0]


def test_hidden_keys_of_another_making_are_forgotten(ext, said):
    move(ext, said, moves(ext, said, "speech.wav", 0, (20, 40), (True, True)))
    move(ext, said, moves(ext, said, "speech.wav", 0, (1, 48), token="other"))
    assert jaw(said)[:21, 0].tolist() == list(range(20, 41))


def test_damaged_hidden_keys_are_no_error(ext, said):
    move(ext, said, moves(ext, said, "speech.wav", 0, (20, 40), (True, True)))
    said.data.shape_keys.animation_data.action["unitalker_hidden"] = "what is this"
    move(ext, said, moves(ext, said, "speech.wav", 0, (1, 48)))
    assert jaw(said)[:21, 0].tolist() == list(range(20, 41))


def test_two_lines_swap_places(ext, said):
    before = jaw(said)
    move(ext, said, moves(ext, said, "speech.wav", 100, (101, 148)), moves(ext, said, "second.wav", -100, (1, 48)))
    after = jaw(said)
    np.testing.assert_allclose(after[:48, 1], before[48:, 1], atol=1e-6)
    np.testing.assert_allclose(after[48:, 1], before[:48, 1], atol=1e-6)


def test_the_nla_strip_covers_what_the_action_covers(ext, speech):
    face = make_face(ext, "Face")
    own_action(face.data.shape_keys, {'key_blocks["eyeBlinkLeft"].value': [(1, 0.0), (200, 1.0)]})
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    strip = next(strip for track in face.data.shape_keys.animation_data.nla_tracks for strip in track.strips)
    action = strip.action
    ledger = ext.module("addon.actions.ledger").Ledger.of(action)
    (key, binding), = ledger.bindings.items()
    line, = binding.lines
    note = dataclasses.replace(ledger.note(key, line), zero=61)
    there = ext.module("addon.keying.moved_keys").Move(line, 1, 61, (61, 108), (False, False), 24.0, note)
    ext.module("addon.keying.moved_keys").move(action, [there])
    assert (strip.frame_start, strip.frame_end, strip.action_frame_start, strip.action_frame_end) == (61, 108, 61, 108)
    moved = curves_in(action, getattr(strip, "action_slot", None))['key_blocks["jawOpen"].value']
    assert moved.range()[0] == 61 and moved.range()[1] == 108
    assert [
        point.co[0] for point in curves(face.data.shape_keys)['key_blocks["eyeBlinkLeft"].value'].keyframe_points
    ] == [1, 200]


def test_moving_a_line_is_little_work(ext, said):
    moved = moves(ext, said, "speech.wav", 1, (2, 49))
    assert calls_during(lambda: move(ext, said, moved)) < 80_000
    assert jaw(said)[0, 0] == 2
