"""The transcript in the panel, the operator and the command: the same keys as the engine gives."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest

from tests.needs import needs_espeak_in_blender

from .conftest import ROOT, curves, jaw

pytestmark = needs_espeak_in_blender
SOUND = str(ROOT / "tests" / "data" / "sample.flac")
TEXT = json.loads((ROOT / "tests" / "data" / "sample.json").read_text(encoding="utf-8"))["text"]


@pytest.fixture
def mini(ext, face):
    """The bundled model, which knows phones."""
    bpy.context.scene.unitalker.model = "mini"
    return face


def keys(obj) -> dict[str, np.ndarray]:
    return {
        path: np.array([point.co.y for point in curve.keyframe_points])
        for path, curve in curves(obj.data.shape_keys).items()
    }


def animate(**options):
    return bpy.ops.unitalker.animate(audio=SOUND, character="Face", **options)


def test_operator_keys_equal_the_engines_curves(ext, mini):
    animate(transcript=TEXT)
    engine = ext.module("engine")
    motion = engine.animate(engine.read_audio(SOUND), engine.Settings(fps=24, transcript=TEXT)).motion
    plain = engine.animate(engine.read_audio(SOUND), engine.Settings(fps=24)).motion
    made = keys(mini)
    for channel in ("jawOpen", "mouthClose", "mouthPucker"):
        assert made[f'key_blocks["{channel}"].value'] == pytest.approx(motion[channel], abs=1e-5)
    assert np.abs(motion["mouthPucker"] - plain["mouthPucker"]).max() > 0.05, "the transcript changed nothing"


@pytest.mark.parametrize("with_given_name", [False, True])
def test_line_and_text_block_give_the_same_keys(ext, mini, with_given_name):
    animate(transcript=TEXT)
    line = keys(mini)
    bpy.ops.unitalker.clear(character="Face")
    block = bpy.data.texts.new("Script")
    block.write(TEXT.replace(" ", "\n"))
    if with_given_name:
        animate(transcript_text="Script")
    else:
        bpy.context.scene.unitalker.transcript_text = block
        animate()
    assert keys(mini).keys() == line.keys()
    assert all(np.array_equal(values, line[path]) for path, values in keys(mini).items())


def test_a_given_transcript_counts_instead_of_the_panels_text(ext, mini):
    bpy.context.scene.unitalker.transcript_text = bpy.data.texts.new("Empty")
    animate(transcript=TEXT)
    assert len(jaw(mini)) > 90


def test_words_of_another_sound_are_a_warning_and_the_sound_alone_counts(ext, mini):
    animate()
    alone = keys(mini)
    bpy.ops.unitalker.clear(character="Face")
    animate(transcript="Seven silver swans swam slowly southwards yesterday")
    assert "does not fit the sound: its phones" in bpy.context.scene.unitalker.result_details
    assert all(np.array_equal(values, alone[path]) for path, values in keys(mini).items())


@pytest.mark.parametrize(("options", "message"), [
    ({"transcript": "?!"}, "has no words"),
    ({"transcript": "Hello", "language": "xx-yy"}, "Unknown transcript language"),
    ({"transcript_text": "None such"}, "Text not found: 'None such'"),
])
def test_what_cannot_be_used_is_one_error_and_no_keys(ext, mini, options, message):
    with pytest.raises(RuntimeError, match=message):
        animate(**options)
    assert len(bpy.data.actions) == 0


def test_an_empty_text_block_is_one_error(ext, mini):
    bpy.data.texts.new("Empty")
    with pytest.raises(RuntimeError, match="has no words"):
        animate(transcript_text="Empty")


def test_command_gives_the_operators_keys(ext, mini, tmp_path, capsys):
    animate(transcript=TEXT, start_frame=1)
    wanted = keys(mini)
    bpy.ops.unitalker.clear(character="Face")
    (tmp_path / "words.txt").write_text(TEXT, encoding="utf-8")
    run, out = ext.module("addon.command").run, tmp_path / "out.blend"
    assert run([
        "--audio", SOUND, "--character", "Face", "--transcript-file", str(tmp_path / "words.txt"), "--language",
        "en-us", "--save", str(out),
    ]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(out))
    made = keys(bpy.data.objects["Face"])
    assert all(np.array_equal(values, wanted[path]) for path, values in made.items()) and made.keys() == wanted.keys()


@pytest.mark.parametrize(("arguments", "message"), [
    (["--transcript", ""], "has no words"),
    (["--transcript-file", "none.txt"], "none.txt cannot be read"),
    (["--transcript-text", "None such"], "Text not found"),
])
def test_command_says_what_is_wrong_in_one_line(ext, mini, tmp_path, capsys, arguments, message):
    out = tmp_path / "out.blend"
    assert ext.module("addon.command").run([
        "--audio", SOUND, "--character", "Face", *arguments, "--save", str(out)
    ]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and not out.exists()


def test_language_field_offers_what_can_be_read(ext, mini):
    assert {"de", "en-us", "ja"} <= set(ext.module("addon.take.choices")._search_languages(None, bpy.context, ""))


def test_transcript_and_its_text_are_saved_with_the_file(ext, mini, tmp_path):
    settings = bpy.context.scene.unitalker
    settings.transcript, settings.language, settings.transcript_text = "Hello", "de", bpy.data.texts.new("Script")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    settings = bpy.context.scene.unitalker
    assert (settings.transcript, settings.language, settings.transcript_text.name) == ("Hello", "de", "Script")
