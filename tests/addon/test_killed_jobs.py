"""A run of a jobs file that is killed goes on where it was: everything is there, and nothing is made twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from .conftest import ROOT

ALL = ["1.png", "2.png", "3.mp4", "3.png", "a.blend", "b.blend"]
# what stands after "." is renamed to its name by the n-th os.replace: report, .a.blend, a.blend, .1.png, 1.png, .2.png,
# 2.png, .b.blend, b.blend, .3.png, 3.png, .3.mp4, 3.mp4, report
PLACES = (
    "append-before-1", "line-after-2", "save-after-1", "replace-before-3", "replace-after-3", "draw-before-1",
    "frame-after-2", "replace-before-5", "replace-after-5", "replace-after-7", "replace-before-13", "replace-before-14",
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each run is a fork of one Blender, and this system has no fork")
def test_a_run_killed_at_twelve_places_goes_on_and_makes_nothing_twice(tmp_path):
    (tmp_path / "temporary").mkdir()
    variables = {**os.environ, "TMPDIR": str(tmp_path / "temporary"), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "tests.addon.killed_jobs", str(tmp_path), *PLACES]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    runs = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [run["place"] for run in runs] == list(PLACES)
    for run in runs:
        between, end = run["between"], run["end"]
        assert (run["first"], run["second"]) == (-9, 0), run
        assert (end["out"], end["statuses"], end["state"]) == (ALL, ["done"] * 3, "ended"), run
        assert end["beside"] == end["temporary"] == [], run
        whole = [name for name in between["out"] if not name.startswith(".")]
        later = end["done"][len(between["done"]):]
        made_again = [line for line in later if line.split()[1] in whole]
        lines_again = [line for line in later if line.startswith("line") and {"a.blend", "b.blend"} <= set(whole)]
        assert made_again == lines_again == [], run
