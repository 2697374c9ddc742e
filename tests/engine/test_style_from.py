"""A style from a motion: whose manner the speech takes over, what is refused, what is said, how it is kept."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from engine import ModelError, Motion, OutputError, SettingError, Settings, animate, reference_of, style_file
from engine.files.motion import write_motion
from engine.model.folder import open_model
from engine.motion.smooth import ease_ends
from engine.systems.system import open_system
from engine.values.channels import ARKIT_52
from engine.values.settings import RegionGains

from .conftest import DATA

MODEL = str(DATA / "tiny_manner")
SETTINGS = Settings(model=MODEL, threads=1, fps=50)
SMILE, BROW, JAW = (ARKIT_52.index(name) for name in ("mouthSmileLeft", "browInnerUp", "jawOpen"))


def motion(seconds: float = 4.0, fps: float = 25.0, **means: float) -> Motion:
    """Waves round the given means, 0.2 high."""
    frames = np.arange(round(seconds * fps))
    weights = np.zeros((len(frames), len(ARKIT_52)), np.float32)
    for name, mean in means.items():
        weights[:, ARKIT_52.index(name)] = mean + 0.1 * np.sin(2 * np.pi * frames / fps)
    return Motion(weights, ARKIT_52, fps)


def style_of(*references, **changes) -> np.ndarray:
    settings = replace(SETTINGS, references=tuple(references), **changes)
    return open_system(open_model(MODEL), settings).track(settings).style.vector


def warnings_of(reference) -> tuple[str, ...]:
    settings = replace(SETTINGS, references=(reference,))
    return open_system(open_model(MODEL), settings).track(settings).warnings


def test_a_style_is_what_the_graph_sees_of_the_motion_at_its_own_rate():
    style = style_of(reference_of(motion(mouthSmileLeft=0.5, jawOpen=0.3), "take"))
    assert style == pytest.approx([0.5, 0.0, 0.3], abs=1e-3)
    faster = reference_of(motion(fps=60, mouthSmileLeft=0.5, jawOpen=0.3), "take")
    assert style_of(faster) == pytest.approx(style, abs=5e-3)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0, 2.0])
def test_strength_counts_from_the_null(strength):
    style = style_of(reference_of(motion(mouthSmileLeft=0.4), "take"), strength=strength)
    assert style[0] == pytest.approx(0.4 * strength, abs=2e-3)


def test_two_references_mix_by_their_shares():
    one, two = reference_of(motion(mouthSmileLeft=0.2), "one"), reference_of(motion(mouthSmileLeft=0.6), "two")
    style = style_of(replace(one, share=0.25), replace(two, share=0.75))
    assert style[0] == pytest.approx(0.5, abs=2e-3)


def test_files_are_read_in_their_range_and_mixed(tmp_path, syllables):
    both = np.concatenate([motion(2.0, mouthSmileLeft=0.2).weights, motion(2.0, mouthSmileLeft=0.8).weights])
    write_motion(Motion(both, ARKIT_52, 25.0), tmp_path / "a.csv", {})
    write_motion(motion(mouthSmileLeft=0.4), tmp_path / "b.npz", {})
    settings = replace(SETTINGS, reference=str(tmp_path / "a.csv"), reference_start_s=2.0)
    rest = animate(syllables, settings).motion["mouthSmileLeft"]
    assert rest.max() > 0.5
    style_file(replace(settings, reference_2=str(tmp_path / "b.npz"), reference_mix=0.5, reference_start_s=0.0,
                       reference_end_s=2.0), "mix", tmp_path / "mix.style.json")
    assert json.loads((tmp_path / "mix.style.json").read_text())["vector"][0] == pytest.approx(0.3, abs=0.01)


def test_a_saved_style_is_the_reference_it_was_saved_from(tmp_path, syllables):
    write_motion(motion(mouthSmileLeft=0.4, jawOpen=0.5), tmp_path / "take.npz", {})
    taken = replace(SETTINGS, reference=str(tmp_path / "take.npz"))
    style_file(taken, "take", tmp_path / "take.style.json")
    saved = replace(SETTINGS, reference=str(tmp_path / "take.style.json"))
    assert np.allclose(animate(syllables, saved).motion.weights, animate(syllables, taken).motion.weights, atol=1e-4)


@pytest.mark.parametrize(("content", "match"), [
    ("{", "cannot be read"), ('{"schema": 9}', "schema"), ('{"schema": 1, "vector": [1, NaN], "name": "a"}', "finite"),
])
def test_a_damaged_style_says_so(tmp_path, content, match):
    path = tmp_path / "bad.style.json"
    path.write_text(content)
    with pytest.raises(SettingError, match=match):
        animate_reference(path)


def animate_reference(path):
    return style_file(replace(SETTINGS, reference=str(path)), "again", path.with_name("again.style.json"))


def test_a_style_of_another_model_says_so(tmp_path):
    taken = replace(SETTINGS, references=(reference_of(motion(jawOpen=0.5), "take"),))
    style_file(taken, "a", tmp_path / "a.style.json")
    content = json.loads((tmp_path / "a.style.json").read_text())
    (tmp_path / "a.style.json").write_text(json.dumps({**content, "sha256": "0" * 64}))
    with pytest.raises(SettingError, match="another model"):
        animate_reference(tmp_path / "a.style.json")


def test_a_style_is_saved_under_its_own_ending_in_a_folder_that_is_there(tmp_path):
    settings = replace(SETTINGS, references=(reference_of(motion(jawOpen=0.5), "take"),))
    with pytest.raises(SettingError, match=r"must end in \.style\.json"):
        style_file(settings, "a", tmp_path / "a.txt")
    with pytest.raises(OutputError, match="does not exist"):
        style_file(settings, "a", tmp_path / "no" / "a.style.json")


# ---- references that cannot be used, or only in part

def changed(rows=None, **kept) -> Motion:
    whole = motion(jawOpen=0.4, mouthSmileLeft=0.2)
    return replace(whole, weights=whole.weights if rows is None else rows(whole.weights.copy()), **kept)


def with_nan(weights):
    weights[3, JAW] = np.nan
    return weights


@pytest.mark.parametrize(("given", "match"), [
    (changed(lambda weights: weights[:0]), "has 0 frames; at least 1 s"),
    (changed(lambda weights: weights[:10]), "has 10 frames; at least 1 s"),
    (changed(with_nan), r"not finite in 1 channel \(jawOpen\)"),
    (changed(lambda weights: weights * 100), r"reaches 49\.\d+; weights go from 0 to 1"),
    (changed(lambda weights: weights * 0 + 0.3), "does not move"),
    (changed(channels=tuple(f"CTRL_{number}" for number in range(52))), "has 0 of the face channels"),
])
def test_a_reference_that_holds_no_manner_says_why(given, match):
    with pytest.raises(SettingError, match=match):
        style_of(reference_of(given, "take"))


def test_twenty_minutes_are_looked_at_in_pieces():
    whole = motion(1200, mouthSmileLeft=0.3)
    whole.weights[:len(whole.weights) // 2, SMILE] += 0.4
    assert style_of(reference_of(whole, "long"))[0] == pytest.approx(0.5, abs=0.01)


def test_constant_channels_stand_where_they_are():
    whole = motion(jawOpen=0.4)
    whole.weights[:, SMILE] = 0.35
    assert style_of(reference_of(whole, "take"))[0] == pytest.approx(0.35, abs=1e-4)


def test_lacking_channels_count_as_at_rest_and_are_said():
    part = motion(jawOpen=0.4, mouthSmileLeft=0.2)
    columns = [column for column in range(52) if ARKIT_52[column].startswith(("jaw", "mouth"))]
    few = Motion(part.weights[:, columns], tuple(ARKIT_52[column] for column in columns), 25.0)
    assert style_of(reference_of(few, "take")) == pytest.approx([0.2, 0, 0.4], abs=1e-3)
    warning, = warnings_of(reference_of(few, "take", unread="Not read backwards: a."))[1:]
    assert "lacks 15 channels" in warning and "at rest" in warning and "eyeBlink" not in warning


def test_blinks_and_gaze_of_a_reference_do_not_count():
    blinking = motion(jawOpen=0.4, eyeBlinkLeft=0.9)
    blinking.weights[5, ARKIT_52.index("eyeBlinkRight")] = np.inf
    assert np.allclose(style_of(reference_of(blinking, "a")), style_of(reference_of(motion(jawOpen=0.4), "b")))


def test_a_model_without_manners_refuses_a_reference(tiny, syllables):
    with pytest.raises(SettingError, match="cannot take its style from a motion"):
        animate(syllables, replace(tiny, references=(reference_of(motion(jawOpen=0.4), "take"),)))


def test_a_folder_without_its_motion_graph_is_refused(tmp_path):
    shutil.copytree(DATA / "tiny", tmp_path / "tiny")
    folder = shutil.copytree(DATA / "tiny_manner", tmp_path / "tiny_manner")
    info = json.loads((folder / "model.json").read_text())
    del info["sha256"]["motion.onnx"]
    (folder / "model.json").write_text(json.dumps(info))
    with pytest.raises(ModelError, match=r"needs motion\.onnx"):
        open_model(str(folder))


# ---- what the face does with it

def test_a_face_rests_as_its_style_does(syllables):
    settings = replace(SETTINGS, references=(reference_of(motion(mouthSmileLeft=0.6), "take"),))
    smile = animate(syllables, settings).motion["mouthSmileLeft"]
    assert smile[0] == 0 and smile[-1] == 0 and smile.max() == pytest.approx(0.6, abs=1e-3)
    assert animate(syllables, SETTINGS).motion["mouthSmileLeft"].max() < 0.3


def test_a_resting_pose_comes_and_goes_slowly():
    pose = np.array([0.5], np.float32)
    eased = ease_ends(Motion(np.full((101, 1), 0.5, np.float32), ("mouthSmileLeft",), 50.0), rest=pose)
    assert eased.weights[[0, 10, 20, 50, 85, 100], 0] == pytest.approx([0, 0.25, 0.5, 0.5, 0.25, 0], abs=1e-6)


def test_what_is_said_beyond_the_resting_pose_ends_as_quickly_as_ever():
    pose, open_jaw = np.array([0.1], np.float32), Motion(np.full((101, 1), 0.8, np.float32), ("jawOpen",), 50.0)
    assert ease_ends(open_jaw, rest=pose).weights[3, 0] == pytest.approx(0.7, abs=0.02)


def test_a_finer_region_at_0_stays_still_and_others_move(tiny, syllables):
    plain = animate(syllables, tiny).motion
    still = animate(syllables, replace(tiny, regions=RegionGains(jaw=0))).motion
    assert plain["jawOpen"].max() > 0.1 and still["jawOpen"].max() < 0.05
    assert np.allclose(still["mouthSmileLeft"], plain["mouthSmileLeft"], atol=1e-6)


def test_raw_knows_no_rest():
    settings = replace(SETTINGS, references=(reference_of(motion(mouthSmileLeft=0.6), "take"),))
    system = open_system(open_model(MODEL), settings)
    assert system.track(settings).rest[SMILE] == pytest.approx(0.6, abs=1e-3)
    assert system.track(replace(settings, raw=True)).rest is None
