"""A sound file in the panel's own Generate: it becomes a strip that is heard, all in one step or not at all; and takes
whose strips were deleted."""

from __future__ import annotations

import shutil

import bpy
import pytest

from .conftest import curves, keys_of, make_face, needs_aud

pytestmark = needs_aud


def settings() -> object:
    return bpy.context.scene.unitalker


def strips() -> list[object]:
    editor = bpy.context.scene.sequence_editor
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences) if editor else []


@pytest.fixture
def chosen(ext, face, speech):
    scene = bpy.context.scene
    scene.frame_end, scene.sync_mode = 20, 'NONE'
    settings().source, settings().audio, settings().start_frame = 'FILE', speech, 11.0
    return scene


def press() -> set[str]:
    return bpy.ops.unitalker.animate(add_strip=True)


def test_a_file_is_heard_after_generate(ext, chosen):
    assert press() == {'FINISHED'}
    strip, = strips()
    assert (strip.frame_final_start if not hasattr(strip, "left_handle") else strip.left_handle) == 11
    assert (settings().source, settings().strip) == ('STRIP', strip.name)
    assert chosen.sync_mode == 'AUDIO_SYNC' and chosen.frame_end >= 58
    said = settings().result_details
    assert "was added to the Sequencer" in said and "Sync to Audio" in said
    assert f"ends on frame {chosen.frame_end}" in said


def test_its_keys_are_those_of_the_file_and_follow_the_strip(ext, chosen, face):
    bpy.ops.unitalker.animate()
    from_file = {name: keys_of(curve).copy() for name, curve in curves(face.data.shape_keys).items()}
    bpy.ops.unitalker.clear()
    press()
    for name, curve in curves(face.data.shape_keys).items():
        assert keys_of(curve) == pytest.approx(from_file[name], abs=1e-6)
    assert not ext.module("addon.follow.plan").changes()
    strips()[0].channel = 3
    if hasattr(strips()[0], "content_start"):
        strips()[0].content_start += 5
    else:
        strips()[0].frame_start += 5
    bpy.ops.unitalker.follow()
    assert keys_of(next(iter(curves(face.data.shape_keys).values())))[0, 0] == 16


def test_generating_again_adds_no_second_strip(ext, chosen, speech):
    press()
    settings().source, settings().audio = 'FILE', speech
    press()
    assert len(strips()) == 1


def test_a_script_adds_nothing(ext, chosen):
    assert bpy.ops.unitalker.animate() == {'FINISHED'}
    assert not strips() and settings().source == 'FILE' and chosen.frame_end == 20


def test_a_longer_scene_and_another_sync_stay(ext, chosen):
    chosen.frame_end, chosen.sync_mode = 500, 'FRAME_DROP'
    press()
    assert chosen.frame_end == 500 and chosen.sync_mode == 'FRAME_DROP'


def test_nothing_is_left_where_the_take_cannot_be_written(ext, chosen, monkeypatch):
    make = ext.module("addon.take.make")

    def refuse(*_words):
        raise ext.module("engine").RigError("It is gone.")

    monkeypatch.setattr(make, "write", refuse)
    with pytest.raises(RuntimeError, match="It is gone"):
        press()
    assert not strips() and settings().source == 'FILE' and chosen.sync_mode == 'NONE' and chosen.frame_end == 20


# ---- a replaced recording

def delete(name: str) -> None:
    editor = bpy.context.scene.sequence_editor
    held = editor.strips if hasattr(editor, "strips") else editor.sequences
    held.remove(held[name])


def rows(ext) -> list[tuple[str, bool]]:
    ext.module("addon.take_list.list").fill(bpy.context)
    return [(row.line, row.gone) for row in bpy.context.window_manager.unitalker_takes]


def test_a_take_without_its_strip_is_marked_and_can_be_removed(ext, chosen, face, speech, tmp_path):
    press()
    old = settings().strip
    assert rows(ext) == [(old, False)]
    delete(old)
    assert ext.module("addon.take_list.list").is_stale(bpy.context) and rows(ext) == [(old, True)]
    assert "Remove 1 Take Without Its Strip" in offered()
    retake = shutil.copy(speech, tmp_path / "retake.wav")
    settings().source, settings().audio, settings().start_frame = 'FILE', str(retake), 30.0
    press()
    new = settings().strip
    first = keys_of(next(iter(curves(face.data.shape_keys).values())))[0, 0]
    assert first == 11      # what the old one left
    assert bpy.ops.unitalker.takes_clear_gone() == {'FINISHED'}
    assert rows(ext) == [(new, False)] and offered() == []
    assert keys_of(next(iter(curves(face.data.shape_keys).values())))[0, 0] >= 29


def offered() -> list[str]:
    from . import drawn

    found = drawn.draw(bpy.types.UNITALKER_PT_generate).buttons
    return [text for operator, text in found if operator == "unitalker.takes_clear_gone"]


def test_nothing_is_removed_while_every_strip_is_there(ext, chosen):
    press()
    with pytest.raises(RuntimeError, match="has its strip"):
        bpy.ops.unitalker.takes_clear_gone()


def test_a_face_of_another_name_keeps_its_takes(ext, chosen, speech):
    press()
    make_face(ext, "Anna")
    bpy.ops.unitalker.animate(audio=speech, character="Anna")
    delete(settings().strip)
    bpy.ops.unitalker.takes_clear_gone(character="Face")
    assert ext.module("addon.take.takes").takes_of(bpy.context, "Anna")
