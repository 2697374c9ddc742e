"""Teach: what is learned from a take, what is said of it, and what is refused. The tiny model hears loudness, so its
jaw can be learned well."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from engine import Cancelled, ModelError, PresetError, Rig, RigChannel, TeachError, animate
from engine.__main__ import run
from engine.fit_head.fit import FitResult, KeyedTake, fit_again, fit_take
from engine.fit_head.take_csv import read_take
from engine.model.folder import open_model
from engine.rig.fitted_head_file import load_fitted_head, renamed, save_fitted_head, scan_fitted_heads
from engine.rig.preset_file import check_preset, save_preset
from engine.speech.coverage import unheard_sounds
from engine.values.channels import ARKIT_52
from engine.values.phones import Phone

from .conftest import make_syllables

JAW = RigChannel("bone", "Kiefer", "rotation_euler", 0)
SLIDER = RigChannel("property", 'pose.bones["Regler"]["Mund"]')
KEY = RigChannel("shape_key", "Auf")
RIG = Rig(shape_keys=frozenset(["Auf"]), bones=frozenset(["Kiefer"]), properties=frozenset([SLIDER.name]))
FPS = 24


def jaw_of(wave, settings):
    return animate(wave, replace(settings, fps=FPS)).motion["jawOpen"].astype(np.float64)


def take_of(wave, settings, seconds=12.0, late_s=0.0, **more):
    """Three controls that follow the model's jaw, with foreign units, keyed late_s after it."""
    jaw = jaw_of(wave, settings)
    clock = np.arange(len(jaw)) / FPS
    jaw = np.interp(clock - late_s, clock, jaw)
    inside = clock <= seconds
    values = np.stack([-0.4 * jaw, 5 + 10 * jaw, jaw], axis=1)[inside]
    return replace(KeyedTake((JAW, SLIDER, KEY), clock[inside], values), **more)


@pytest.fixture
def speech():
    return make_syllables(16.0)


def play(result, wave, settings, folder, rig=RIG):
    path = save_fitted_head(renamed(result.fitted, "Mine"), folder)
    return animate(wave, replace(settings, fps=FPS), replace(rig, preset=path.name, preset_folders=(str(folder),)))


def r_of(first, second):
    return float(np.corrcoef(first, second)[0, 1])


# ---- other weights

@pytest.mark.parametrize("with_prior", [False, True])
def test_a_head_of_other_weights_is_taught_again_from_its_own_file(tiny, speech, tmp_path, with_prior):
    prior = check_preset({"schema": 1, "name": "P", "source": "arkit52", "targets": [
        {"to": {"kind": "shape_key", "name": "Auf"}, "from": {"jawOpen": 0.5}}]}, "P")
    start = replace(RIG, preset=str(save_preset(prior, tmp_path))) if with_prior else None
    taught = renamed(fit_take(speech, take_of(speech, tiny, start=start), tiny).fitted, "Mine")
    path = save_fitted_head(replace(taught, mark="0.1"), tmp_path)
    other = make_syllables(8.0, seed=3)
    rig = replace(RIG, preset=path.name, preset_folders=(str(tmp_path),))
    with pytest.raises(ModelError, match=r"another version of model .*here\. Press Teach Again in Tools > Teach"):
        animate(other, tiny, rig)
    again = fit_again(load_fitted_head(path), tiny).fitted
    assert save_fitted_head(again, tmp_path) == path and again.name == "Mine"
    made = animate(other, replace(tiny, fps=FPS), rig).curves
    wanted = play(FitResult(taught, ()), other, tiny, tmp_path)
    for control, curve in wanted.curves.curves.items():
        np.testing.assert_allclose(made.curves[control].values, curve.values, atol=0.02 * max(1, np.ptp(curve.values)))


def test_a_head_of_0_1_without_examples_says_the_next_step(tiny, speech, tmp_path):
    taught = renamed(fit_take(speech, take_of(speech, tiny), tiny).fitted, "Mine")
    path = save_fitted_head(replace(taught, mark="0.1", examples=None), tmp_path)
    assert load_fitted_head(path).examples is None
    with pytest.raises(ModelError, match="Choose the character and the sound with your keys, then press Teach Again"):
        animate(speech, tiny, replace(RIG, preset=path.name, preset_folders=(str(tmp_path),)))


# ---- what is learned

def test_bones_properties_and_keys_follow_other_speech_as_in_the_take(tiny, speech, tmp_path):
    result = fit_take(speech, take_of(speech, tiny), tiny)
    other = make_syllables(8.0, seed=3)
    curves = play(result, other, tiny, tmp_path).curves
    jaw = jaw_of(other, tiny)
    assert set(curves.curves) == {JAW, SLIDER, KEY}
    for control, gain in ((JAW, -0.4), (SLIDER, 10), (KEY, 1)):
        values = curves.curves[control].values
        assert r_of(values, gain * jaw) > 0.95
        assert np.ptp(values) == pytest.approx(abs(gain) * np.ptp(jaw), rel=0.25)
    # the rest of the take, not 0
    assert curves.curves[SLIDER].values[0] == pytest.approx(result.fitted.rest[1], abs=1e-4)
    assert 4.5 < result.fitted.rest[1] < 8
    assert all(score.learned and score.r > 0.9 and score.rms < score.rms_mean for score in result.fitted.scores)


@pytest.mark.parametrize("late_s", [-0.06, 0.08])
def test_keys_that_lead_or_lag_the_sound_are_reported_and_played_so(tiny, speech, tmp_path, late_s):
    result = fit_take(speech, take_of(speech, tiny, late_s=late_s), tiny)
    assert result.fitted.lag_s == pytest.approx(late_s, abs=0.021)
    jaw = jaw_of(speech, tiny)
    clock = np.arange(len(jaw)) / FPS
    played = play(result, speech, tiny, tmp_path).curves.curves[KEY].values
    assert r_of(played[10:-10], np.interp(clock - late_s, clock, jaw)[10:-10]) > 0.95


def test_a_file_gives_the_same_head_back(tiny, speech, tmp_path):
    taught = renamed(fit_take(speech, take_of(speech, tiny), tiny).fitted, "Ärger mit Kiefer")
    path = save_fitted_head(taught, tmp_path)
    again = load_fitted_head(path)
    for name in taught.__dataclass_fields__:
        if name not in ("path", "examples"):
            np.testing.assert_array_equal(getattr(again, name), getattr(taught, name), err_msg=name)
    assert again.path == str(path)
    assert save_fitted_head(taught, tmp_path) == path        # the same name again: the same file
    other = save_fitted_head(renamed(taught, "Ärger_mit-Kiefer!"), tmp_path)
    assert other != path                                # another name, never another's file
    assert (
        [one.name for one in scan_fitted_heads([str(tmp_path)])[0]] == ["Ärger mit Kiefer", "Ärger_mit-Kiefer!"]
        or len(scan_fitted_heads([str(tmp_path)])[0]) == 2
    )
    np.testing.assert_array_equal(again.examples.values, taught.examples.values)
    np.testing.assert_allclose(again.examples.sound, taught.examples.sound, atol=1e-3)


def test_a_preset_to_start_from_is_corrected_and_keeps_what_was_not_taught(tiny, speech, tmp_path):
    document = {"schema": 1, "name": "Old", "source": "arkit52", "targets": [
        {"to": {"kind": "shape_key", "name": "Auf"}, "from": {"jawOpen": 0.5}},
        {"to": {"kind": "shape_key", "name": "Kuss"}, "from": {"mouthPucker": 1.0}},
    ]}
    folder = tmp_path / "presets"
    preset = save_preset(check_preset(document, "old"), folder)
    rig = replace(RIG, shape_keys=frozenset(["Auf", "Kuss"]), preset=str(preset))
    take = take_of(speech, tiny, start=rig)
    take = replace(take, controls=(KEY,), values=take.values[:, 2:])
    result = fit_take(speech, take, tiny)
    score = result.fitted.scores[0]
    assert score.learned
    assert score.rms < 0.5 * score.rms_prior        # the preset opens only half as far
    assert score.r_prior > 0.9
    other = make_syllables(8.0, seed=4)
    curves = play(result, other, tiny, folder, rig).curves.curves
    alone = animate(other, replace(tiny, fps=FPS), rig).curves.curves
    np.testing.assert_array_equal(
        curves[RigChannel("shape_key", "Kuss")].values, alone[RigChannel("shape_key", "Kuss")].values
    )
    jaw = jaw_of(other, tiny)
    assert np.abs(curves[KEY].values - jaw).mean() < 0.5 * np.abs(alone[KEY].values - jaw).mean()


def test_reduced_keys_and_silence_come_as_from_any_head(tiny, speech, tmp_path):
    result = fit_take(speech, take_of(speech, tiny), tiny)
    samples = speech.samples.copy()
    samples[-4 * 16000:] = 0
    path = save_fitted_head(renamed(result.fitted, "Mine"), tmp_path)
    curves = animate(
        replace(speech, samples=samples), replace(tiny, fps=FPS, max_error=0.02), replace(RIG, preset=str(path))
    ).curves.curves
    assert len(curves[KEY].values) < 0.8 * 16 * FPS
    late = np.interp(np.arange(13, 16, 0.1), curves[SLIDER].seconds, curves[SLIDER].values)
    assert late == pytest.approx(result.fitted.rest[1], abs=0.05)


def test_a_phone_that_the_take_hardly_has_does_not_throw_the_controls_about(tiny, speech):
    taught = fit_take(speech, take_of(speech, tiny), tiny).fitted
    n_hidden = len(open_model(tiny.model).head("").weight)
    assert len(taught.scale) >= n_hidden
    assert len(set(taught.scale[:n_hidden].tolist())) == 1      # one deviation for all: a still feature is not blown up
    assert len(set(taught.scale[n_hidden:].tolist())) <= 1


def test_a_control_stops_where_it_rests_in_the_take(tiny, speech, tmp_path):
    take = take_of(speech, tiny)
    result = fit_take(
        speech,
        replace(
            take, values=take.values - [np.max(take.values[:, 0]), np.min(take.values[:, 1]), np.min(take.values[:, 2])]
        ), tiny,
    )
    curves = play(result, make_syllables(8.0, seed=5), tiny, tmp_path).curves.curves
    assert curves[JAW].values.max() <= 0.02 * np.ptp(take.values[:, 0])       # the jaw turns one way only
    assert curves[KEY].values.min() >= -0.02 * np.ptp(take.values[:, 2])
    assert curves[KEY].values.max() > 0.5 * np.ptp(take.values[:, 2])


# ---- what is said

def test_a_control_that_the_sound_does_not_tell_is_named_and_hardly_moves(tiny, speech, tmp_path):
    take = take_of(speech, tiny)
    noise = np.repeat(np.random.default_rng(0).normal(size=len(take.seconds) // 6 + 1), 6)[:len(take.seconds)]
    take = replace(take, values=np.column_stack([take.values[:, :2], noise]))
    result = fit_take(speech, take, tiny)
    assert [score.learned for score in result.fitted.scores] == [True, True, False]
    assert any("no better than the mean: Auf; they will move little" in warning for warning in result.warnings)
    assert play(result, speech, tiny, tmp_path).curves.curves[KEY].values[24:-24].std() < 0.2 * noise.std()


def test_short_takes_still_controls_and_unheard_sounds_are_told(tiny, speech):
    take = take_of(speech, tiny, seconds=7.0)
    values = take.values.copy()
    values[:, 1] = 3.0
    result = fit_take(speech, replace(take, values=values), tiny)
    assert result.fitted.controls == (JAW, KEY)
    assert any("short (7.0 s, 10 s and more are better)" in warning for warning in result.warnings)
    assert any("Never moves in the take, so not taught: Mund" in warning for warning in result.warnings)


def test_sounds_that_look_alike_count_as_one():
    phones = [Phone("SIL", 0, 1), Phone("B", 1, 1.1), Phone("AA", 1.1, 2), Phone("F", 2, 2.01), Phone("IY", 8, 9)]
    assert unheard_sounds(phones, ("SIL", "P", "B", "F", "V", "AA", "IY", "UW"), 0, 5) == (
        "f v", "ee (see)", "oo (too)"
    )


def test_a_taught_character_blinks_where_it_has_lids_and_says_where_it_has_none(tiny, speech, tmp_path):
    result = fit_take(speech, take_of(speech, tiny), tiny)
    lid = RigChannel("shape_key", "eyeBlinkLeft")
    bare = play(result, speech, tiny, tmp_path)
    assert (
        [text for text in bare.warnings if "no key or bone with a usual name for blinks" in text]
        and lid not in bare.curves.curves
    )
    whole = play(result, speech, tiny, tmp_path, replace(RIG, shape_keys=RIG.shape_keys | set(ARKIT_52)))
    assert whole.warnings == () and whole.curves.curves[lid].values.max() > 0.8 and lid in whole.curves.life
    assert RigChannel("shape_key", "mouthFunnel") not in whole.curves.curves
    for place, curve in bare.curves.curves.items():
        assert np.array_equal(whole.curves.curves[place].values, curve.values)


def test_another_style_than_that_of_the_take_is_told(tiny, speech, tmp_path):
    result = fit_take(speech, take_of(speech, tiny), tiny)
    assert [text for text in play(result, speech, tiny, tmp_path).warnings if not text.startswith("Life")] == []
    assert any(
        "taught in style pivot at strength 1; in wide at 2 it guesses" in one
        for one in play(result, speech, replace(tiny, identity="wide", strength=2), tmp_path).warnings
    )


# ---- what is refused

@pytest.mark.parametrize(("change", "message"), [
    (
        lambda take: replace(take, seconds=take.seconds[:72], values=take.values[:72]),
        r"covers 3\.0 s of the sound, at least 5 s are needed",
    ),
    (lambda take: replace(take, seconds=take.seconds + 20), r"covers 0\.0 s of the sound"),
    (lambda take: replace(take, seconds=take.seconds[::-1]), "times that do not rise"),
    (lambda take: replace(take, values=take.values * np.nan), "not finite"),
    (
        lambda take: replace(take, values=take.values * 0),
        r"None of the 3 keyed controls moves in the take \(Kiefer rotation_euler X, Mund, ",
    ),
    (lambda take: replace(take, controls=(), values=take.values[:, :0]), "Key at least one control"),
    (lambda take: replace(take, controls=(JAW, JAW, KEY)), "'Kiefer rotation_euler X' comes twice"),
])
def test_a_take_that_cannot_be_taught_is_refused_with_its_value(tiny, speech, change, message):
    with pytest.raises(TeachError, match=message):
        fit_take(speech, change(take_of(speech, tiny)), tiny)


def test_a_take_longer_than_the_limit_is_refused(tiny):
    wave = make_syllables(185.0)
    with pytest.raises(TeachError, match=r"covers 184 s, at most 180 s"):
        fit_take(wave, KeyedTake((KEY,), np.array([0.0, 184.0]), np.array([[0.0], [1.0]])), tiny)


def test_teaching_can_be_stopped(tiny, speech):
    take = take_of(speech, tiny)
    from engine.values.cache import forget_all

    forget_all()
    with pytest.raises(Cancelled):
        fit_take(speech, take, tiny, cancelled=lambda: True)


def test_a_head_of_another_model_says_so_with_the_next_step(tiny, tiny_copy, speech, tmp_path):
    result = fit_take(speech, take_of(speech, tiny), tiny)
    info = json.loads((tiny_copy / "model.json").read_text())
    import hashlib

    with np.load(tiny_copy / "heads.npz") as arrays:
        np.savez(tiny_copy / "heads.npz", **{name: values * 0.5 for name, values in arrays.items()})
    info["sha256"]["heads.npz"] = hashlib.sha256((tiny_copy / "heads.npz").read_bytes()).hexdigest()
    (tiny_copy / "model.json").write_text(json.dumps(info))
    with pytest.raises(
        ModelError, match=r"'Mine' was taught on another version of model tiny.*Press Teach Again"
    ):
        play(result, speech, replace(tiny, model=str(tiny_copy)), tmp_path)


def test_a_character_without_the_controls_is_refused(tiny, speech, tmp_path):
    result = fit_take(speech, take_of(speech, tiny), tiny)
    with pytest.raises(PresetError, match=r"'Mine' finds nothing on this character: it moves Kiefer"):
        play(result, speech, tiny, tmp_path, Rig(shape_keys=frozenset(["jawOpen"])))


def test_a_missing_file_is_one_line(tiny, speech, tmp_path):
    with pytest.raises(TeachError, match=r"nothing\.npz does not exist"):
        animate(speech, tiny, replace(RIG, preset="nothing.npz", preset_folders=(str(tmp_path),)))


def _edit(path, change):
    with np.load(path) as arrays:
        members = dict(arrays)
    info = json.loads(members["info"].tobytes())
    change(info, members)
    members["info"] = np.frombuffer(json.dumps(info).encode(), np.uint8)
    np.savez(path, **members)


@pytest.mark.parametrize(("change", "message"), [
    (lambda info, arrays: info.update(schema=9), r"is of schema 9; this version reads up to 2\. Update"),
    (lambda info, arrays: info.update(schema=1), r"is of schema 1, which this version hears differently\. Teach again"),
    (lambda info, arrays: info.update(schema="1"), "schema 2 is missing"),
    (lambda info, arrays: arrays.update(weight=arrays["weight"][:-1]), r"weight has shape .* must be"),
    (lambda info, arrays: arrays.update(bias=arrays["bias"] * np.inf), "bias does not hold finite numbers"),
    (lambda info, arrays: arrays.update(scale=arrays["scale"] * 0), "cannot be used"),
    (lambda info, arrays: arrays.pop("rest"), "needed are info, centre"),
    (lambda info, arrays: info["controls"][0].update(kind="python"), "control .* is none"),
    (lambda info, arrays: info["controls"][0].update(index=7), "index is 7"),
    (lambda info, arrays: info["offsets"].append(10**9), "offset is 1000000000"),
    (lambda info, arrays: info.pop("lag_s"), "'lag_s' is missing"),
    (lambda info, arrays: info.update(name=5), "must be texts"),
    (lambda info, arrays: info["scores"].pop(), "2 scores for 3 controls"),
    (
        lambda info, arrays: info.update(prior={"schema": 1, "name": "x", "source": "arkit52", "targets": "all"}),
        "targets",
    ),
    (lambda info, arrays: arrays.update(bias=np.array([{}], object)), "damaged"),
])
def test_a_damaged_file_is_one_error_that_names_it(tiny, speech, tmp_path, change, message):
    path = save_fitted_head(renamed(fit_take(speech, take_of(speech, tiny), tiny).fitted, "Mine"), tmp_path)
    _edit(path, change)
    with pytest.raises(TeachError, match=message) as error:
        load_fitted_head(path)
    assert "mine.npz" in str(error.value)
    found, broken = scan_fitted_heads([str(tmp_path)])
    assert (len(found), len(broken)) == (0, 1)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"no archive at all" * 100])
def test_what_is_no_archive_is_one_error(tmp_path, content):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(TeachError, match=r"mine\.npz is damaged"):
        load_fitted_head(path)


def test_an_archive_that_unpacks_to_too_much_is_not_read(tmp_path):
    path = tmp_path / "mine.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bias.npy", "w") as member:
        for _ in range(300):
            member.write(bytes(2**20))
    with pytest.raises(TeachError, match=r"at most 268,435,456 are read"):
        load_fitted_head(path)


def test_a_head_without_a_name_is_refused(tiny, speech):
    with pytest.raises(TeachError, match="has no name"):
        renamed(fit_take(speech, take_of(speech, tiny), tiny).fitted, "  ")




# ---- command line

def write_inputs(folder, wave, settings):
    import soundfile

    take = take_of(wave, settings)
    soundfile.write(folder / "take.wav", wave.samples, 16000, subtype="FLOAT")
    lines = ['time,bone:Kiefer.rotation_euler[0],"property:' + SLIDER.name.replace('"', '""') + '",Auf']
    lines += [",".join(map(str, (second, *row))) for second, row in zip(take.seconds, take.values, strict=True)]
    (folder / "take.csv").write_text("\n".join(lines), encoding="utf-8")


def test_a_take_is_taught_and_played_from_the_command_line(tiny, speech, tmp_path, capsys):
    write_inputs(tmp_path, speech, tiny)
    assert run([
        "teach", str(tmp_path / "take.wav"), str(tmp_path / "take.csv"), "-o", str(tmp_path / "mine.npz"), "--model",
        tiny.model,
    ]) == 0
    assert "mine.npz: 3 controls from 12.0 s" in capsys.readouterr().out
    out = tmp_path / "out.npz"
    assert run([
        "animate", str(tmp_path / "take.wav"), "--preset", str(tmp_path / "mine.npz"), "--model", tiny.model, "--fps",
        "24", "-o", str(out),
    ]) == 0
    with np.load(out) as arrays:
        column = list(arrays["channels"]).index("Auf")
        assert r_of(arrays["frames"][:, column], jaw_of(speech, tiny)) > 0.95


@pytest.mark.parametrize(("text", "message"), [
    ("", "has no header line"), ("time,Auf\n0,1\n1,x\n", r"line 3: '1, x' are not 2 numbers"),
    ("time,Auf,Zu\n0,1,1\n0.1", r"line 3: '0.1' are not 3 numbers"),
    ("time,Auf\n0,1,1\n", r"line 2: .* are not 2 numbers"),
    ("time,bone:Jaw\n0,1\n", r"'bone:Jaw' names no part of a bone"),
    ("time,bone:Jaw.rotation_euler[3]\n0,1\n", "names no part of a bone"),
])
def test_a_take_file_that_cannot_be_read_names_the_place(tmp_path, text, message):
    (tmp_path / "take.csv").write_text(text)
    with pytest.raises(TeachError, match=message):
        read_take(tmp_path / "take.csv")
