"""Intensity, performance and mood in Blender: the panel, Live, scripts, the command line and jobs mean the same."""

from __future__ import annotations

import json
from contextlib import nullcontext

import bpy
import numpy as np
import pytest

from . import drawn
from .conftest import TINY, curves, keys_of, make_face

CHOSEN = {"intensity": 1.25, "performance": "natural", "mood": "happy=0.5,surprised=0.25"}
NEUTRAL = "The identity is neutral: it has no style to add"
PARTS = ("use_blinks", "use_brow_raises", "use_head_motion", "use_eye_motion", "use_breath", "use_cheek_motion",
         "use_asymmetry")


@pytest.fixture
def settings(ext):
    """The panel as a new scene has it."""
    scene = bpy.data.scenes.new("New")
    bpy.context.window.scene = scene
    scene.render.fps = 24
    scene.unitalker.model = TINY
    return scene.unitalker


def keys() -> dict[str, np.ndarray]:
    return {path: keys_of(curve) for path, curve in curves(bpy.data.objects["Face"].data.shape_keys).items()}


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[path], second[path]) for path in first)


def test_a_new_scene_is_natural_with_all_parts_on(settings):
    assert settings.performance == "natural" and all(getattr(settings, name) for name in PARTS)
    assert settings.mood == "" and settings.intensity == 1


def test_lips_only_leaves_blinks_and_natural_brings_all_back(settings):
    settings.performance = "lips"
    assert [name for name in PARTS if getattr(settings, name)] == ["use_blinks"]
    settings.use_breath = True
    settings.performance = "lively"
    assert all(getattr(settings, name) for name in PARTS)


def test_panel_shows_intensity_performance_and_mood_before_the_model(settings):
    texts = list(drawn.draw(bpy.types.UNITALKER_PT_style).texts)
    assert texts.index("Intensity") < texts.index("Performance") < texts.index("Mood") < texts.index("Model")
    assert "Mood Amount" not in texts and NEUTRAL in " ".join(texts)
    settings.mood, settings.identity = "sad", "wide"
    texts = list(drawn.draw(bpy.types.UNITALKER_PT_style).texts)
    assert "Mood Amount" in texts and NEUTRAL not in " ".join(texts)


def test_mood_is_picked_by_name_and_a_mixture_is_shown_as_typed(settings):
    settings.mood_pick = "angry"
    assert settings.mood == "angry"
    settings.mood_pick = "neutral"
    assert settings.mood == ""
    settings.mood = CHOSEN["mood"]
    assert settings.mood_pick == CHOSEN["mood"]


def test_operator_asks_the_engine_for_what_is_chosen(ext, speech, settings, monkeypatch):
    engine, asked = ext.module("engine"), []
    true = engine.animate

    def noted(wave: object, wanted: object, *rest: object) -> object:
        asked.append(wanted)
        return true(wave, wanted, *rest)

    monkeypatch.setattr(engine, "animate", noted)
    make_face(ext, "Face")
    for given in ({}, {"performance": "lips"}, {**CHOSEN, "use_breath": False}):
        assert bpy.ops.unitalker.animate(audio=speech, character="Face", **given) == {'FINISHED'}
    life = engine.Life
    assert [wanted.life for wanted in asked] == [
        life(performance="natural"), life(performance="lips"), life(performance="natural", breath=0),
    ]
    assert (asked[2].intensity, asked[2].mood.kinds) == (1.25, CHOSEN["mood"])


def test_live_shows_mood_and_intensity_at_once(ext, speech, settings, monkeypatch):
    monkeypatch.setattr(ext.module("addon.take.live"), "_may_run", lambda: True)
    make_face(ext, "Face")
    settings.source, settings.audio, settings.character = 'FILE', speech, bpy.data.objects["Face"]
    bpy.ops.unitalker.animate()
    settings.live = True
    smile, jaw = 'key_blocks["mouthSmileLeft"].value', 'key_blocks["jawOpen"].value'
    before = keys()
    settings.mood_pick = "happy"
    happy = keys()
    assert settings.live_note == "" and happy[smile][:, 1].max() > before[smile][:, 1].max() + 0.2
    settings.intensity = 0.5
    assert keys()[jaw][:, 1].max() == pytest.approx(0.5 * happy[jaw][:, 1].max(), abs=0.05)


def test_command_line_and_jobs_give_the_keys_of_the_button(ext, speech, settings, tmp_path):
    run, shot = ext.module("addon.command").run, tmp_path / "shot.blend"
    make_face(ext, "Face")
    bpy.ops.wm.save_as_mainfile(filepath=str(shot))
    bpy.ops.unitalker.animate(audio=speech, character="Face", start_frame=1, **CHOSEN)
    button = keys()
    bpy.ops.wm.open_mainfile(filepath=str(shot))
    flags = [part for name, value in CHOSEN.items() for part in (f"--{name}", str(value))]
    assert run(["--audio", speech, "--character", "Face", "--save", str(tmp_path / "a.blend"), *flags]) == 0
    assert same(keys(), button)
    jobs = tmp_path / "jobs.json"
    jobs.write_text(json.dumps([{
        "blend": str(shot), "save": str(tmp_path / "b.blend"), "audio": speech, "character": "Face", **CHOSEN,
    }]))
    assert run(["--jobs", str(jobs)]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "b.blend"))
    assert same(keys(), button)


def test_the_engines_command_line_and_jobs_file_give_the_curves_of_the_panel(
    ext, speech, settings, tmp_path, monkeypatch,
):
    command, fps = ext.module("engine.__main__"), bpy.context.scene.render.fps
    run = command.run
    monkeypatch.setattr(command, "_line_counter", lambda _: nullcontext(lambda _: None))    # needs tqdm, not in Blender
    make_face(ext, "Face")
    settings.source, settings.audio, settings.character = 'FILE', speech, bpy.data.objects["Face"]
    for name, value in CHOSEN.items():
        setattr(settings, name, value)
    bpy.ops.unitalker.animate()
    panel = {path.split('"')[1]: points[:, 1] for path, points in keys().items()}
    flags = [part for name, value in CHOSEN.items() for part in (f"--{name}", str(value))]
    alone = tmp_path / "alone.npz"
    assert run(["animate", speech, "-o", str(alone), "--model", TINY, "--fps", str(fps), *flags]) == 0
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text(json.dumps({"audio": speech, "output": "job.npz", "model": TINY, "fps": fps, **CHOSEN}))
    assert run(["batch", str(jobs), "-o", str(tmp_path), "--workers", "1"]) == 0
    for path in (alone, tmp_path / "job.npz"):
        made = np.load(path)
        curves_ = dict(zip(made["channels"].tolist(), made["frames"].T, strict=True))
        assert len(panel) == 52 and panel.keys() <= curves_.keys()
        for channel, values in panel.items():
            np.testing.assert_allclose(values, curves_[channel], atol=1e-4, err_msg=f"{path.name}: {channel}")


def test_jobs_that_choose_no_performance_mean_what_they_meant(ext, settings):
    given = ext.module("addon.take.properties").with_performance(bpy.context, {"use_breath": True})
    assert given["performance"] == "lips"
    assert [name for name in PARTS if given[name]] == ["use_blinks", "use_breath"]
    settings.use_head_motion = True
    assert ext.module("addon.take.properties").with_performance(bpy.context, {})["use_head_motion"]
    settings.performance = "lively"
    assert "performance" not in ext.module("addon.take.properties").with_performance(bpy.context, {})


def test_a_take_of_0_1_is_made_again_without_a_performance(ext, speech, settings):
    from dataclasses import replace

    make_face(ext, "Face")
    bpy.ops.unitalker.animate(audio=speech, character="Face", performance="lips")
    takes = ext.module("addon.take.takes")
    take, = takes.takes_of(bpy.context, "Face")
    new = ("performance", "intensity", "mood", "mood_amount", "use_cheek_motion", "use_asymmetry")
    old = replace(take, choices={name: value for name, value in take.choices.items() if name not in new})
    settings.mood, settings.intensity = "sad", 2.0
    wanted = takes.request(bpy.context, old, {}).settings
    assert wanted.life == ext.module("engine").Life() and wanted.mood.kinds == "" and wanted.intensity == 1


def test_mood_keyed_on_the_character_is_read_frame_by_frame(ext, speech, settings):
    face = make_face(ext, "Face")
    for frame, value in ((1, 0.0), (20, 0.0), (25, 0.8)):
        face.unitalker_mood.sad = value
        face.unitalker_mood.keyframe_insert("sad", frame=frame)
    bpy.ops.unitalker.animate(audio=speech, character="Face", performance="lips", start_frame=1)
    brow = dict(map(tuple, keys()['key_blocks["browInnerUp"].value']))
    assert max(brow[frame] for frame in range(1, 20)) < 0.05
    assert brow[30] > 0.45


def test_an_nla_strip_of_a_keyed_mood_counts_where_it_lies(ext, settings):
    face = make_face(ext, "Face")
    for frame, value in ((1, 0.0), (10, 1.0)):
        face.unitalker_mood.happy = value
        face.unitalker_mood.keyframe_insert("happy", frame=frame)
    action, slot = face.animation_data.action, getattr(face.animation_data, "action_slot", None)
    face.animation_data.action = None
    strip = face.animation_data.nla_tracks.new().strips.new("Happy", 101, action)
    if slot is not None:
        strip.action_slot = slot
    amount, = ext.module("addon.take.character_mood").keyed_amounts(face, 101.0, 1.0, 24.0)
    assert amount.name == "happy" and amount.values[0] == 0 and amount.values[9] == pytest.approx(1)


def test_a_slider_of_the_character_counts_without_keys_and_live_follows(ext, speech, settings, monkeypatch):
    monkeypatch.setattr(ext.module("addon.take.live"), "_may_run", lambda: True)
    face = make_face(ext, "Face")
    settings.source, settings.audio, settings.character = 'FILE', speech, face
    bpy.ops.unitalker.animate()
    jaw = 'key_blocks["jawOpen"].value'
    before, settings.live = keys()[jaw][:, 1].max(), True
    face.unitalker_mood.intensity = 0.5
    assert settings.live_note == "" and keys()[jaw][:, 1].max() == pytest.approx(0.5 * before, abs=0.03)


def test_panel_says_before_generate_what_the_character_has_nothing_for(ext, settings):
    settings.character = make_face(ext, "Face")
    text = " ".join(drawn.draw(bpy.types.UNITALKER_PT_style).texts)
    assert "No key or bone for: Head Motion, Breath" in text
    settings.performance = "lips"
    assert "No key or bone" not in " ".join(drawn.draw(bpy.types.UNITALKER_PT_style).texts)


def test_eyes_look_at_an_object_and_follow_it(ext, speech, settings):
    make_face(ext, "Face")
    target = bpy.data.objects.new("Target", None)
    bpy.context.scene.collection.objects.link(target)
    for frame, x in ((1, -4.0), (48, 4.0)):       # from the right of who looks along -Y to the left
        target.location = (x, -10.0, 0.0)
        target.keyframe_insert("location", frame=frame)
    bpy.context.scene.frame_set(7)
    done = bpy.ops.unitalker.animate(
        audio=speech, character="Face", start_frame=1, performance="listening", use_head_motion=False, look_at="Target")
    assert done == {'FINISHED'} and bpy.context.scene.frame_current == 7
    found = {path: keys_of(curve) for path, curve in curves(bpy.data.objects["Face"].data.shape_keys).items()}
    into, out = (found[f'key_blocks["eyeLook{way}Left"].value'] for way in ("In", "Out"))
    assert into[10:20, 1].mean() > out[10:20, 1].mean() + 0.1
    assert out[30:40, 1].mean() > into[30:40, 1].mean() + 0.1


def test_a_target_that_is_gone_is_said(ext, speech, settings):
    make_face(ext, "Face")
    with pytest.raises(RuntimeError, match="there is no object 'Nobody'"):
        bpy.ops.unitalker.animate(audio=speech, character="Face", look_at="Nobody")
