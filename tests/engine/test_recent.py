"""What is kept of recent clips: bounded, found by content, and never changed by who uses it."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest

from engine import Cancelled, Gains, Waveform, animate, pipeline
from engine.model.runtime import Graph
from engine.values.cache import LITTLE_BYTES, Cache, forget_all, little_kept
from tests.engine.conftest import make_syllables


def test_the_oldest_goes_first_and_what_was_used_stays():
    recent: Cache[str] = Cache(10)
    for key in "abc":
        recent.put(key, key.upper(), 3)
    assert recent.get("a") == "A"
    recent.put("d", "D", 3)
    assert [recent.get(key) for key in "abcd"] == ["A", None, "C", "D"] and recent.n_bytes == 9


def test_a_value_larger_than_the_limit_drops_nothing():
    recent: Cache[str] = Cache(10)
    recent.put("a", "A", 3)
    recent.put("huge", "H", 11)
    assert recent.get("huge") is None and recent.get("a") == "A"


def test_many_lines_leave_little_behind_and_single_ones_stay_as_long_as_before():
    recent: Cache[str] = Cache(100 * LITTLE_BYTES)
    recent.put("a", "A", 2 * LITTLE_BYTES)
    with little_kept():
        recent.put("b", "B", LITTLE_BYTES)
        assert recent.get("a") is None and recent.get("b") == "B"
    recent.put("c", "C", 2 * LITTLE_BYTES)
    assert recent.get("b") == "B" and recent.get("c") == "C"


def test_many_threads_may_use_it_at_once():
    recent: Cache[int] = Cache(50)
    failed = []

    def work(number):
        for step in range(500):
            key = str((number * 7 + step) % 40)
            recent.put(key, int(key), 5)
            if recent.get(key) not in (None, int(key)):
                failed.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and recent.n_bytes <= 50


@pytest.fixture
def ran(monkeypatch) -> list[str]:
    files: list[str] = []
    run = Graph.run
    monkeypatch.setattr(Graph, "run", lambda graph, inputs: files.append(graph.file.name) or run(graph, inputs))
    return files


def test_another_finish_runs_no_network_and_gives_what_a_fresh_run_gives(tiny, syllables, ran):
    animate(syllables, tiny)
    ran.clear()
    changed = replace(tiny, fps=24, smooth=0.4, gains=Gains(jaw=1.5), articulation=0.7, anticipation_s=0.05)
    kept = animate(Waveform(syllables.samples.copy()), changed).motion
    assert not ran
    forget_all()
    assert np.array_equal(animate(syllables, changed).motion.weights, kept.weights)


def test_another_sound_or_style_is_not_taken_for_the_one_that_is_kept(tiny, syllables, ran):
    first = animate(syllables, tiny).motion.weights
    for wave, settings in (
        (make_syllables(6.0, seed=1), tiny), (syllables, replace(tiny, identity="wide")),
        (syllables, replace(tiny, strength=0.5, identity="wide")),
    ):
        ran.clear()
        assert np.abs(animate(wave, settings).motion.weights - first).max() > 1e-3
        assert "decoder.onnx" in ran


def test_a_model_with_the_same_files_and_another_frame_rate_is_another_one(tiny, tiny_copy, syllables):
    file = tiny_copy / "model.json"
    info = json.loads(file.read_text())
    info["heads"][0] |= {"fps": 25, "resample": {"where": "output", "align_corners": True}}
    file.write_text(json.dumps(info))
    n_frames = [
        len(animate(syllables, replace(tiny, model=str(folder), raw=True)).motion.weights)
        for folder in (tiny.model, tiny_copy)
    ]
    assert n_frames == [300, 150]


def test_who_changes_a_raw_result_changes_nothing_that_is_kept(tiny, syllables):
    raw = replace(tiny, raw=True)
    first = animate(syllables, raw).motion.weights
    before = first.copy()
    first[:] = 0
    assert np.array_equal(animate(syllables, raw).motion.weights, before)


def test_a_kept_clip_can_be_cancelled_and_tells_its_progress(tiny, syllables):
    animate(syllables, tiny)
    seen = []
    animate(syllables, tiny, progress=seen.append)
    assert seen == [1.0]
    with pytest.raises(Cancelled):
        animate(syllables, tiny, cancelled=lambda: True)


def test_kept_motion_stays_within_its_bytes(tiny, monkeypatch):
    monkeypatch.setattr(pipeline._decoded_clips, "limit_bytes", 200_000)
    for seed in range(4):
        animate(make_syllables(6.0, seed=seed), tiny)
    assert 0 < pipeline._decoded_clips.n_bytes <= 200_000
