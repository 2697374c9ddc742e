"""A run of a jobs file with pictures, killed by SIGKILL where it may hurt, and gone on with: for test_killed_jobs.py.

`python -m tests.addon.killed_jobs FOLDER PLACE...` prints a JSON line for each place. Each run is a child process
without a goodbye: nothing is cleaned up, no `finally` runs.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from .conftest import RATE_HZ, TINY, Extension, bpy, package, write_wav

JOBS = (
    {"blend": "a.blend", "character": "Anna", "contact_sheet": "out/{id}.png"},
    {"blend": "a.blend", "character": "Ben", "contact_sheet": "out/{id}.png", "start_frame": 101},
    {"blend": "b.blend", "character": "Anna", "contact_sheet": "out/{id}.png", "playblast": "out/{id}.mp4"},
)


def main(folder: str, *places: str) -> None:
    ext = Extension(package.__wrapped__())
    source = Path(folder) / "source"
    source.mkdir()
    _make_shots(source)
    for place in places:
        at = Path(folder) / place
        shutil.copytree(source, at)
        first = _in_child(partial(_run, ext, at, place))
        between = _seen(at)
        second = _in_child(partial(_run, ext, at, "", "--resume"))
        found = {"place": place, "first": first, "between": between, "second": second, "end": _seen(at)}
        sys.stdout.write(f"{json.dumps(found)}\n")
        sys.stdout.flush()


def _make_shots(folder: Path) -> None:
    write_wav(folder / "line.wav", 0.5 * np.sign(np.sin(np.arange(RATE_HZ // 4) / 20)))
    (folder / "out").mkdir()
    for name, heads in (("a", ("Anna", "Ben")), ("b", ("Anna",))):
        bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
        scene = bpy.context.scene
        scene.render.fps, scene.unitalker.model = 24, TINY
        for number, head in enumerate(heads):
            bpy.ops.unitalker.add_test_head()
            bpy.context.view_layer.objects.active.name = head
            bpy.data.objects[head].location.x = number
        scene.unitalker_preview.pick, scene.unitalker_preview.count, scene.unitalker_preview.tile_px = 'EVEN', 2, 48
        scene.unitalker_preview.percentage = 100
        scene.render.resolution_x = scene.render.resolution_y = 48
        bpy.ops.wm.save_as_mainfile(filepath=str(folder / f"{name}.blend"))
    lines = [{"audio": "line.wav", "save": "out/{name}.blend", **job} for job in JOBS]
    (folder / "jobs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _in_child(action) -> int:
    """Exit status of what runs in a fork of this process; minus the signal that killed it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 99
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            status = action()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(ext: Extension, folder: Path, place: str, *more: str) -> int:
    done = folder / "done.txt"

    def noted(name: str, what: str) -> None:
        with done.open("a") as file:
            file.write(f"{name} {what}\n")

    jobs, plan = ext.module("addon.shots.jobs"), ext.module("addon.pictures.plan")
    _count(jobs, "save_shot", lambda path: noted("save", Path(path).name.partition("part.")[2]), place, "save")
    _count(jobs.make, "write", lambda request, _: noted("line", request.line), place, "line")
    _count(plan, "draw_files", lambda *given: noted("draw", Path(given[2] or given[3]).name.partition("part.")[2]),
           place, "draw")
    _count(ext.module("engine.files.journal").Journal, "_append", lambda *_: None, place, "append")
    _count(os, "replace", lambda *_: None, place, "replace")
    _count(ext.module("addon.pictures.picture"), "draw", lambda *_: None, place, "frame")
    return ext.module("addon.command").run(["--jobs", str(folder / "jobs.jsonl"), *more])


def _count(owner: object, name: str, seen, place: str, label: str) -> None:
    """Kill this process before or after the n-th call, where `place` is "LABEL-before-N" or "LABEL-after-N"."""
    true, calls = getattr(owner, name), Counter()

    def counted(*given, **named):
        calls["all"] += 1
        here = f"{label}-{{}}-{calls['all']}"
        if place == here.format("before"):
            os.kill(os.getpid(), signal.SIGKILL)
        result = true(*given, **named)
        seen(*given)
        if place == here.format("after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, counted)


def _seen(folder: Path) -> dict[str, object]:
    report = folder / "jobs.jsonl.report.json"
    content = json.loads(report.read_text()) if report.exists() else {}
    done = folder / "done.txt"
    return {
        "out": sorted(path.name for path in (folder / "out").iterdir()),
        "beside": sorted(path.name for path in folder.iterdir() if "part" in path.name),
        "temporary": [str(path) for path in Path(os.environ["TMPDIR"]).glob("lipsync_*")],
        "statuses": [job["status"] for job in content.get("jobs", ())], "state": content.get("state"),
        "done": done.read_text().splitlines() if done.exists() else [],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)
