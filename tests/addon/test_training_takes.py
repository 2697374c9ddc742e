"""Export Takes for Training: every line of the scene with its sound, as the reader of takes wants it; whole or not at
all."""

from __future__ import annotations

import json
import wave

import bpy
import numpy as np
import pytest

from .conftest import curves, make_face, needs_aud, own_action, write_buzz, write_wav
from .strips import add_strip


def samples(path):
    with wave.open(str(path)) as file:
        assert file.getframerate() == 16000 and file.getnchannels() == 1
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767


def export(folder):
    return bpy.ops.unitalker.export_takes(filepath=str(folder))


def test_each_take_becomes_its_motion_with_edits_and_the_sound_of_the_same_frames(ext, speech, tmp_path):
    for name, start in (("Ann", 1), ("Ben", 31)):
        make_face(ext, name)
        bpy.ops.unitalker.animate(audio=speech, character=name, start_frame=start, with_related=False)
    own = curves(bpy.data.objects["Ben"].data.shape_keys)['key_blocks["jawOpen"].value']
    own.keyframe_points[20].co[1] = 0.875
    own.update()
    assert export(tmp_path / "takes") == {'FINISHED'}
    listed = json.loads((tmp_path / "takes" / "takes.json").read_text())
    assert [(piece["character"], piece["first_frame"], piece["seconds"]) for piece in listed] == [
        ("Ann", 1, 2.0), ("Ben", 31, 2.0),
    ]
    stem = tmp_path / "takes" / listed[1]["file"]
    motion = ext.module("engine.files.motion").read_motion(stem.with_name(f"{stem.name}.npz"))
    assert motion.fps == 24 and motion["jawOpen"][20] == pytest.approx(0.875)
    loud = np.abs(samples(stem.with_name(f"{stem.name}.wav"))) > 0.1
    assert len(loud) == 32000 and loud[8000:24000].mean() > 0.95 and not loud[:7900].any()


@needs_aud
def test_a_strip_that_the_artist_keyed_by_hand_is_written_too(ext, clicks, tmp_path):
    face = make_face(ext, "Face")
    add_strip(clicks, frame=13)
    with pytest.raises(RuntimeError, match="No line with keys and sound"):
        export(tmp_path / "takes")
    own_action(face.data.shape_keys, {'key_blocks["jawOpen"].value': [(13, 0.0), (37, 1.0), (61, 0.0)]})
    assert export(tmp_path / "takes") == {'FINISHED'}
    motion = ext.module("engine.files.motion").read_motion(tmp_path / "takes" / "Face" / "Line.npz")
    assert len(motion.weights) == 240 and motion["jawOpen"][24] == pytest.approx(1.0)
    peaks = np.abs(samples(tmp_path / "takes" / "Face" / "Line.wav")).reshape(10, -1).max(axis=1)
    assert peaks == pytest.approx((np.arange(10) + 1) / 20, abs=0.02)       # second i is a click of that height


def test_long_lines_are_written_in_pieces_and_words_with_whole_ones(ext, tmp_path):
    make_face(ext, "Face")
    seconds = np.arange(32 * 16000) / 16000
    long = write_wav(tmp_path / "long.wav", 0.5 * np.sign(np.sin(760 * seconds)) * (np.sin(6 * seconds) > 0))
    short = write_buzz(tmp_path / "short.wav")
    bpy.ops.unitalker.animate(audio=long, character="Face", start_frame=1)
    bpy.ops.unitalker.animate(audio=short, character="Face", start_frame=900, transcript="so")
    assert export(tmp_path / "takes") == {'FINISHED'}
    listed = json.loads((tmp_path / "takes" / "takes.json").read_text())
    assert [round(piece["seconds"], 1) for piece in listed] == [10.7, 10.7, 10.7, 2.0]
    assert [piece["text"] for piece in listed] == ["", "", "", "so"]
    words = tmp_path / "takes" / f"{listed[3]['file']}.txt"
    assert words.read_text() == "so\n"


def test_a_folder_of_something_else_is_never_touched_and_an_earlier_export_is_replaced(ext, speech, tmp_path):
    make_face(ext, "Face")
    bpy.ops.unitalker.animate(audio=speech, character="Face")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "novel.txt").write_text("once")
    with pytest.raises(RuntimeError, match="is no earlier export"):
        export(mine)
    assert [file.name for file in mine.iterdir()] == ["novel.txt"]
    assert export(tmp_path / "takes") == {'FINISHED'}
    (tmp_path / "takes" / "Face" / "stale.npz").write_bytes(b"")
    assert export(tmp_path / "takes") == {'FINISHED'}
    assert not (tmp_path / "takes" / "Face" / "stale.npz").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "takes"]


def test_lines_that_cannot_be_written_are_named_and_the_rest_goes_on(ext, speech, tmp_path):
    make_face(ext, "Face")
    gone = write_buzz(tmp_path / "gone.wav")
    bpy.ops.unitalker.animate(audio=gone, character="Face", start_frame=1)
    bpy.ops.unitalker.animate(audio=speech, character="Face", start_frame=101)
    (tmp_path / "gone.wav").unlink()
    ext.module("addon.sound.cache").forget()
    done = ext.module("addon.export.training").write(bpy.context, tmp_path / "takes")
    assert len(done.pieces) == 1 and len(done.left_out) == 1 and "gone.wav" in done.left_out[0]
