"""`blender -b FILE --command unitalker ...`, called as Blender calls it."""

from __future__ import annotations

import bpy
import pytest

from .conftest import TINY, jaw


@pytest.fixture
def run(ext):
    return ext.module("addon.command").run


def test_file_is_keyed_and_saved_beside_the_original(run, face, speech, tmp_path, capsys):
    shot, out = tmp_path / "shot.blend", tmp_path / "out.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(shot))
    before = shot.read_bytes()
    status = run([
        "--audio", speech, "--character", "Face", "--model", TINY, "--strength", "1.2", "--start-frame", "11", "--save",
        str(out),
    ])
    assert status == 0
    assert shot.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.blend", "shot.blend"]
    assert "52 channels" in capsys.readouterr().out
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert jaw(bpy.data.objects["Face"])[0, 0] == 11


def test_options_that_are_not_given_come_from_the_panel(run, face, speech, tmp_path):
    bpy.context.scene.unitalker.shift_frames = 5
    assert run(["--audio", speech, "--character", "Face", "--save", str(tmp_path / "out.blend")]) == 0
    assert jaw(face)[0, 0] == 6


def test_max_error_asks_for_fewer_keys(run, face, speech, tmp_path):
    assert run([
        "--audio", speech, "--character", "Face", "--max-error", "0.05", "--save", str(tmp_path / "out.blend")
    ]) == 0
    assert len(jaw(face)) < 48


@pytest.mark.parametrize(("arguments", "says"), [
    (["--character", "Nobody"], "Character not found: 'Nobody'"),
    (["--character", "Face", "--identity", "grumpy"], "grumpy"),
    (["--character", "Face", "--model", "none such"], "none such"),
    (["--character", "Face", "--preset", "none such"], "none such"),
    (["--character", "Face", "--strength", "7"], "7"),
])
def test_what_the_user_can_mend_is_one_line_and_status_1(run, face, speech, tmp_path, capsys, arguments, says):
    out = tmp_path / "out.blend"
    assert run(["--audio", speech, *arguments, "--save", str(out)]) == 1
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1 and error.startswith("unitalker: ")
    assert not out.exists() and len(bpy.data.actions) == 0


def test_saving_over_the_open_file_is_refused(run, face, speech, tmp_path, capsys):
    shot = tmp_path / "shot.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(shot))
    assert run(["--audio", speech, "--character", "Face", "--save", str(shot)]) == 1
    assert "Give a new name" in capsys.readouterr().err


def test_a_missing_folder_is_said_before_the_work(run, face, speech, tmp_path, capsys):
    assert run(["--audio", speech, "--character", "Face", "--save", str(tmp_path / "no" / "out.blend")]) == 1
    assert "Folder not found" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [[], ["--character", "Face"], ["--strip", "a", "--audio", "b", "--character", "c", "--save", "d"], ["--frob"]],
)
def test_wrong_usage_is_status_2(run, capsys, arguments):
    assert run(arguments) == 2
    assert "usage: blender -b FILE.blend --command unitalker" in capsys.readouterr().err


def test_help_is_status_0(run, capsys):
    assert run(["--help"]) == 0
    assert "--character" in capsys.readouterr().out
