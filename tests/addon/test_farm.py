"""`farm` with a true Blender: the files of a jobs file, each made by a Blender of its own, as one run makes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from .conftest import RATE_HZ, TINY, Extension, bpy, write_wav


@pytest.fixture
def shots(ext: Extension, tmp_path):
    write_wav(tmp_path / "line.wav", 0.5 * np.sign(np.sin(np.arange(RATE_HZ // 4) / 20)))
    (tmp_path / "out").mkdir()
    for name in ("a", "b"):
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
        bpy.context.scene.unitalker.model = TINY
        bpy.ops.unitalker.add_test_head()
        bpy.context.view_layer.objects.active.name = "Anna"
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / f"{name}.blend"))
    lines = [
        {"defaults": {"save": "out/{name}.blend", "audio": "line.wav", "character": "Anna"}},
        {"blend": "a.blend"}, {"blend": "b.blend"}, {"blend": "a.blend", "start_frame": 50},
        {"blend": "b.blend", "character": "Nobody", "start_frame": 90},
    ]
    path = tmp_path / "shots.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_farm_makes_what_one_run_makes_and_either_goes_on_with_the_other(ext: Extension, shots):
    farm, local = ext.module("engine.farm"), ext.module("engine.workers.local")
    options = farm.FarmOptions(str(shots), sys.executable, lines=1)
    told: list[str] = []
    report = farm.run_farm(
        farm.read_shots(options), options, local.ThisProcess(), lambda entry: told.append(entry.id))
    assert told == ["1", "3", "2", "4"] and report.counts() == {"done": 3, "failed": 1}
    assert {path.name for path in (shots.parent / "out").iterdir()} == {"a.blend", "b.blend"}
    assert [path.name for path in shots.parent.glob("*.farm-*")] == []
    jobs = json.loads(Path(report.path).read_text("utf-8"))["jobs"]
    assert jobs[3]["message"].count("Nobody") and jobs[2]["place"] == "line 4" and jobs[0]["character"] == "Anna"
    before = (shots.parent / "out" / "a.blend").stat().st_mtime_ns
    assert ext.module("addon.command").run(["--jobs", str(shots), "--resume"]) == 1
    after = json.loads(Path(report.path).read_text("utf-8"))["jobs"]
    assert {job["id"]: job["resumed"] for job in after} == {"1": True, "3": True, "2": False, "4": False}
    assert (shots.parent / "out" / "a.blend").stat().st_mtime_ns == before
