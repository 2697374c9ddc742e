"""Words of a transcript as timeline markers: stressed by capitals or a number, kept by Generate, jobs and the panel."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest

from tests.needs import needs_espeak_in_blender

from .conftest import ROOT, curves, jaw, keys_of

pytestmark = needs_espeak_in_blender
SOUND = str(ROOT / "tests" / "data" / "sample.flac")
TEXT = json.loads((ROOT / "tests" / "data" / "sample.json").read_text(encoding="utf-8"))["text"]
STRESSED = TEXT.replace("Mama", "*Mama=1.5*")


@pytest.fixture
def spoken(ext, face):
    """The sample sentence by its words, from frame 1 on, with its words shown."""
    settings = bpy.context.scene.unitalker
    settings.model, settings.transcript, settings.source, settings.audio = "mini", TEXT, 'FILE', SOUND
    bpy.ops.unitalker.animate(character="Face")
    assert bpy.ops.unitalker.phones_show() == {'FINISHED'}
    return face


def marker(name):
    return bpy.context.scene.timeline_markers[name]


def keys(face):
    return {path: keys_of(curve) for path, curve in curves(face.data.shape_keys).items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for path in one:
        np.testing.assert_allclose(one[path], other[path], atol=1e-5, err_msg=path)


def apply():
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}


def test_words_stand_where_they_begin_beside_the_phonemes(ext, spoken):
    names = [one.name for one in bpy.context.scene.timeline_markers]
    assert [name for name in names if name in TEXT.replace("!", "").replace(".", "").replace(",", "").split()][:3] == [
        "Maybe", "Bob", "bought"
    ]
    assert marker("Maybe").frame == pytest.approx(1 + 0.242 * 24, abs=1) and "AA" in names
    bpy.context.scene.unitalker_phones.tracks = {'WORDS'}
    assert {"Maybe", "popped"} <= {one.name for one in bpy.context.scene.timeline_markers}
    assert "AA" not in bpy.context.scene.timeline_markers


def test_a_number_on_a_marker_widens_its_word_and_changes_no_key_elsewhere(ext, spoken):
    before, at = keys(spoken), marker("Mama").frame
    marker("Mama").name = "Mama 1.5"
    apply()
    after = keys(spoken)
    path = 'key_blocks["jawOpen"].value'
    near = slice(at, at + 12)
    assert after[path][near, 1].max() > 1.2 * before[path][near, 1].max()
    for name in before:
        np.testing.assert_array_equal(after[name][:at - 20], before[name][:at - 20])
    assert marker("Mama 1.5").frame == at
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}        # nothing differs any more
    assert_same(keys(spoken), after)


def test_the_panel_follows_and_generate_again_keeps_the_emphasis(ext, spoken):
    marker("Mama").name = "Mama 1.5"
    apply()
    assert bpy.context.scene.unitalker.transcript == STRESSED
    after = keys(spoken)
    bpy.ops.unitalker.animate(character="Face")
    assert_same(keys(spoken), after)


def test_words_of_a_text_block_keep_their_emphasis_there(ext, spoken):
    block = bpy.data.texts.new("Script")
    block.write(TEXT)
    bpy.context.scene.unitalker.transcript_text = block
    bpy.ops.unitalker.animate(character="Face")
    bpy.ops.unitalker.phones_show()
    marker("Mama").name = "Mama 1.5"
    apply()
    after = keys(spoken)
    assert block.as_string() == STRESSED
    bpy.ops.unitalker.animate(character="Face")
    assert_same(keys(spoken), after)


def test_capitals_stress_and_small_letters_take_it_back(ext, spoken):
    before = keys(spoken)
    marker("Bob").name = "BOB"
    apply()
    assert np.abs(keys(spoken)['key_blocks["jawOpen"].value'] - before['key_blocks["jawOpen"].value']).max() > 0.03
    marker("BOB").name = "Bob"
    apply()
    assert_same(keys(spoken), before)


def test_a_moved_word_takes_its_phonemes_along(ext, spoken):
    shown = bpy.context.scene.unitalker_phones.takes[0]
    word = next(word for word in shown.words if word.text == "look")
    own = [row.uid for row in shown.rows if word.start_s - 0.001 <= row.start_s < word.end_s - 0.001]
    before = {row.uid: row.start_s for row in shown.rows}
    marker("look").frame += 2
    ext.module("addon.phones.markers").sync(bpy.context.scene)
    moved = [row.uid for row in shown.rows if row.start_s != pytest.approx(before[row.uid], abs=1e-4)]
    assert moved == own and len(own) == 3


def test_too_much_emphasis_is_one_line(ext, spoken):
    marker("Bob").name = "Bob 5"
    with pytest.raises(RuntimeError, match="Marker 'Bob 5' asks for more emphasis than 2"):
        bpy.ops.unitalker.phones_apply()


def test_words_in_a_job_are_stressed_as_in_the_panel(ext, face, tmp_path):
    bpy.context.scene.unitalker.model = "mini"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    job = {"blend": "a.blend", "save": "out.blend", "audio": SOUND, "character": "Face", "transcript": STRESSED}
    (tmp_path / "jobs.jsonl").write_text(json.dumps(job))
    assert ext.module("addon.command").run(["--jobs", str(tmp_path / "jobs.jsonl")]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out.blend"))
    made = jaw(bpy.data.objects["Face"])
    bpy.ops.unitalker.animate(audio=SOUND, character="Face", transcript=TEXT)
    plain = jaw(bpy.data.objects["Face"])
    bpy.ops.unitalker.animate(audio=SOUND, character="Face", transcript=STRESSED)
    np.testing.assert_allclose(made, jaw(bpy.data.objects["Face"]), atol=1e-5)
    assert np.abs(made - plain).max() > 0.03
