"""animate(): the whole path on the tiny model, through the true ONNX Runtime."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from engine import Cancelled, Delays, Gains, Life, ModelError, RegionSmooth, SettingError, Settings, Waveform, animate
from engine.model.encode import cache
from engine.model.folder import open_model
from engine.model.runtime import Graph
from engine.values.cache import forget_all
from tests.engine.conftest import make_syllables


@pytest.mark.parametrize("fps", [12.0, 23.976, 24.0, 25.0, 29.97, 30.0, 60.0, 120.0])
@pytest.mark.parametrize("n_samples", [16000, 21600, 25920, 54321])
def test_frame_count_is_round_of_seconds_times_rate(tiny, fps, n_samples):
    wave = Waveform(make_syllables(4).samples[:n_samples])
    assert len(animate(wave, replace(tiny, fps=fps)).motion.weights) == round(n_samples / 16000 * fps)


def test_windows_equal_the_whole(tiny, syllables, monkeypatch):
    """Six seconds in windows of two against one window that holds all."""
    parts = animate(syllables, replace(tiny, raw=True)).motion.weights
    model = open_model(tiny.model)
    whole_model = replace(model, encoder=replace(model.encoder, window_s=1000.0))
    monkeypatch.setattr("engine.pipeline.open_model", lambda *_: whole_model)
    whole = animate(syllables, replace(tiny, raw=True)).motion.weights
    assert parts.shape == whole.shape == (300, 52)
    assert np.abs(parts - whole).max() < 1e-5


@pytest.mark.parametrize("head", ["before", "after"])
def test_resampled_heads_have_the_reference_frame_count(tiny, head):
    wave = Waveform(make_syllables(2).samples[:21600])
    motion = animate(wave, replace(tiny, head=head, raw=True)).motion
    assert len(motion.weights) == round(21600 / 16000 * motion.fps)      # 40.5 rounds to the even 40 at 30 fps


def test_part_of_a_clip_moves_as_the_whole_does(tiny):
    # blinks are drawn one after the other from the start of a clip
    wave, tiny = make_syllables(20), replace(tiny, life=Life(blinks=0))
    whole = animate(wave, tiny).motion.weights
    part = animate(Waveform(wave.samples[5 * 16000:15 * 16000]), tiny).motion.weights
    assert np.abs(whole[150 + 15:450 - 15] - part[15:-15]).max() < 0.02


def test_second_style_does_not_run_the_encoder(tiny, syllables, monkeypatch):
    animate(syllables, tiny)
    ran = []
    run = Graph.run
    monkeypatch.setattr(Graph, "run", lambda graph, inputs: ran.append(graph.file.name) or run(graph, inputs))
    other = animate(Waveform(syllables.samples.copy()), replace(tiny, identity="wide", strength=1.5))
    assert set(ran) == {"decoder.onnx", "phones.onnx"}
    assert np.abs(other.motion.weights - animate(syllables, tiny).motion.weights).max() > 0.01


def test_other_sound_is_encoded_anew(tiny, syllables):
    first = animate(syllables, tiny).motion.weights
    second = animate(make_syllables(6.0, seed=1), tiny).motion.weights
    assert np.abs(first - second).max() > 0.01


def test_clip_larger_than_the_cache_is_not_kept(tiny, syllables, monkeypatch):
    monkeypatch.setattr("engine.model.encode.cache.limit_bytes", 100)
    animate(syllables, tiny)
    assert not len(cache)


def test_strength_runs_from_pivot_through_identity_and_beyond(tiny, syllables):
    def raw(**changes):
        return animate(syllables, replace(tiny, raw=True, **changes)).motion.weights

    pivot, full = raw(), raw(identity="wide")
    assert np.allclose(raw(identity="wide", strength=0), pivot)
    assert np.allclose(raw(identity="wide", strength=2), pivot + 2 * (full - pivot), atol=1e-5)
    assert np.abs(full - pivot).max() > 0.01


def test_identity_by_row_label_and_blend(tiny, syllables):
    def raw(identity):
        return animate(syllables, replace(tiny, raw=True, identity=identity)).motion.weights

    assert np.array_equal(raw("wide"), raw("#1"))
    assert np.array_equal(raw("wide"), raw("Wide"))
    assert np.allclose(raw("blend:wide=2,round=0"), raw("wide"), atol=1e-6)
    assert np.allclose(raw("blend:wide=1e308,round=1e308"), raw("blend:wide=1e-300,round=1e-300"), atol=1e-6)
    assert np.abs(raw("blend:wide=1,round=1") - raw("wide")).max() > 1e-3


@pytest.mark.parametrize(("identity", "message"), [
    ("nobody", "no identity 'nobody'. It has 3: pivot, wide, round"), ("#3", "rows #0 to #2"), ("#x", "rows #0 to #2"),
    ("#" + "9" * 5000, "rows #0 to #2"), ("blend:wide", "not NAME=WEIGHT"), ("blend:wide=-1", "weight of 0 or more"),
    ("blend:wide=0", "add up to 0"), ("blend:wide=nan", "0 or more"),
])
def test_wrong_identity_says_what_exists(tiny, syllables, identity, message):
    with pytest.raises(SettingError, match=message):
        animate(syllables, replace(tiny, identity=identity))


@pytest.mark.parametrize(("change", "message"), [
    ({"strength": 2.5}, "Strength must be from 0 to 2, got 2.5"), ({"smooth": -1}, "Smoothing must be from 0 to 1"),
    ({"fps": 0}, "Frame rate must be above 0"), ({"fps": float("nan")}, "Frame rate"),
    ({"max_error": 0}, "error must be above 0"),
    ({"articulation": 1.5}, "Articulation must be from -1 to 1, got 1.5"),
    ({"articulation": float("nan")}, "Articulation"),
    ({"anticipation_s": -0.1}, "Anticipation in seconds must be from 0 to 0.5"),
    ({"anticipation_s": 0.6}, "Anticipation"),
    ({"threads": -1}, "Threads"), ({"threads": 10**6}, "Threads must be 0 .* to 256"),
])
def test_settings_outside_their_range_are_refused(change, message):
    with pytest.raises(SettingError, match=message):
        Settings(**change)


def test_gain_outside_its_range_is_refused():
    with pytest.raises(SettingError, match="Gain of jaw must be from 0 to 2, got 3"):
        Gains(jaw=3)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Delays(lips=1.3), "Delay of lips must be from -1.25 to 1.25, got 1.3"),
    (lambda: Delays(jaw=-1.3), "Delay of jaw"),
    (lambda: RegionSmooth(brows=1.1), "Smoothing of brows must be from 0 to 1, got 1.1"),
    (lambda: Life(blinks=-1), "Amount of blinks must be from 0 to 2, got -1"),
    (lambda: Life(head=3), "Amount of head motion"),
    (lambda: Life(seed=2**31), "Seed must be from"),
])
def test_region_and_life_values_outside_their_range_are_refused(make, message):
    with pytest.raises(SettingError, match=message):
        make()


def test_silent_sound_closes_the_mouth_and_says_so(tiny):
    animation = animate(Waveform(np.zeros(16000, np.float32)), tiny)
    assert not any(
        animation.motion[name].any()
        for name in animation.motion.channels if name.startswith(("jaw", "mouth", "tongue"))
    )
    assert "silent for all of its 1.0 s" in animation.warnings[0]


def test_sound_below_the_silence_level_is_told(tiny, syllables):
    assert "quieter than -75 dBFS all along (at most -90)" in animate(
        Waveform(syllables.samples * np.float32(1e-4)), tiny
    ).warnings[0]
    assert not animate(syllables, tiny).warnings


def test_rate_that_leaves_no_frame_is_refused(tiny):
    with pytest.raises(SettingError, match=r"Frame rate 0\.5 leaves no frame for 0\.10 s of sound"):
        animate(make_syllables(0.1), replace(tiny, fps=0.5))


@pytest.mark.parametrize("fps", [8.0, 12.0, 23.976, 24.0, 30.0, 60.0])
@pytest.mark.parametrize("n_samples", [16000 * 3, 16000 * 3 + 640, 54321])
def test_clip_cut_in_mid_word_ends_at_rest_on_any_clock(tiny, fps, n_samples):
    """The last key holds on in the scene after the clip, so it must be closed at every rate."""
    wave = Waveform(np.random.default_rng(0).normal(scale=0.1, size=n_samples).astype(np.float32))
    weights = animate(wave, replace(tiny, fps=fps, smooth=0.5)).motion.weights
    assert weights[len(weights) // 2].any() and not weights[[0, -1]].any()


def test_pause_closes_the_mouth(tiny):
    wave = make_syllables(3)
    wave.samples[16000:32000] = 0
    assert not animate(wave, tiny).motion.weights[33:57].any()


def test_weights_are_between_0_and_1_unless_raw(tiny, syllables):
    weights = animate(syllables, replace(tiny, identity="wide", strength=2, gains=Gains(2, 2, 2, 2))).motion.weights
    assert weights.min() >= 0 and weights.max() <= 1
    assert animate(syllables, replace(tiny, raw=True)).motion.weights.min() < 0


def test_cancel_stops_before_the_next_window(tiny, syllables):
    asked = []
    with pytest.raises(Cancelled, match="nothing was written"):
        animate(syllables, tiny, cancelled=lambda: asked.append(1) or len(asked) > 2)
    assert len(asked) == 3


def test_progress_rises_to_1(tiny, syllables):
    seen = []
    animate(syllables, tiny, progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1.0 and len(seen) > 2


def test_graph_that_does_not_fit_is_a_model_error(tiny, tiny_copy, syllables):
    import json

    info = json.loads((tiny_copy / "model.json").read_text())
    (tiny_copy / "decoder.onnx").write_bytes((tiny_copy / "phones.onnx").read_bytes())
    info["sha256"]["decoder.onnx"] = info["sha256"]["phones.onnx"]
    (tiny_copy / "model.json").write_text(json.dumps(info))
    with pytest.raises(ModelError, match=r"decoder\.onnx of model .* failed"):
        animate(syllables, replace(tiny, model=str(tiny_copy)))


def test_values_that_overflow_are_a_model_error(tiny, syllables, monkeypatch):
    run = Graph.run
    monkeypatch.setattr(
        Graph, "run",
        lambda graph, inputs: run(graph, inputs) * np.float32(np.nan if graph.file.name == "decoder.onnx" else 1),
    )
    with pytest.raises(ModelError, match=r"head arkit52, gives values that are not finite\. Choose another device"):
        animate(syllables, tiny)


def test_phone_graph_that_does_not_fit_is_a_model_error(tiny, tiny_copy, syllables):
    import json

    info = json.loads((tiny_copy / "model.json").read_text())
    (tiny_copy / "model.json").write_text(json.dumps({**info, "phones": [*info["phones"], "M"]}))
    with pytest.raises(ModelError, match=r"phones\.onnx of model .* gives shape \(1, 100, 5\)"):
        animate(syllables, replace(tiny, model=str(tiny_copy)))


def test_encoder_of_another_rate_is_a_model_error(tiny, tiny_copy, syllables):
    import json

    info = json.loads((tiny_copy / "model.json").read_text())
    info["encoder"]["rate_hz"] = info["heads"][0]["fps"] = 25
    (tiny_copy / "model.json").write_text(json.dumps(info))
    with pytest.raises(ModelError, match=r"gives 100 features for 2 s, 25 Hz in model\.json means 50"):
        animate(syllables, replace(tiny, model=str(tiny_copy)))


def test_device_that_is_not_there_falls_back_with_a_warning(tiny, syllables):
    animation = animate(syllables, replace(tiny, device="coreml"))
    assert animation.device == "cpu" and "coreml" in animation.warnings[0]


def test_unknown_device_lists_the_devices(tiny, syllables):
    with pytest.raises(SettingError, match="Choose one of: auto, cpu, cuda"):
        animate(syllables, replace(tiny, device="tpu"))


def test_memory_grows_with_the_result_only(tiny):
    """Ten times the sound may not need ten times the working memory: what grows is the result, what the decoder said,
    which stays for the next change of a setting, and a few copies of them."""
    def peak_bytes(duration_s):
        wave = make_syllables(duration_s)
        forget_all()
        tracemalloc.start()
        result = animate(wave, tiny).motion.weights
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak, result.nbytes

    animate(make_syllables(1), tiny)
    (short, short_result), (long, long_result) = peak_bytes(60), peak_bytes(600)
    assert long - short < 10 * (long_result - short_result)
