"""Two runs of the same jobs at once: the second is refused in one line; a killed run keeps nobody away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.files.run_lock import RunningError, alone, lock_of

ROOT = Path(__file__).resolve().parents[2]
KILLED = """
import os, signal, sys
from engine.files.run_lock import alone
with alone(sys.argv[1]):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_second_run_is_refused_and_told_who_holds_the_lock(tmp_path):
    report = str(tmp_path / "shots.report.json")
    with alone(report):
        said = rf"process {os.getpid()} on .+ since 20\d\d-.+shots\.report\.lock"
        with pytest.raises(RunningError, match=said), alone(report):
            pass
        assert os.path.exists(lock_of(report)), "the refused run leaves the lock"
    assert not list(tmp_path.iterdir())
    with alone(report):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_killed_run_leaves_a_lock_file_that_keeps_nobody_away(tmp_path):
    report = str(tmp_path / "shots.report.json")
    subprocess.run([sys.executable, "-c", KILLED, report], cwd=ROOT, check=False)
    assert "process" in Path(lock_of(report)).read_text("utf-8"), "it was killed while it had the lock"
    with alone(report):
        assert f"process {os.getpid()} " in Path(lock_of(report)).read_text("utf-8")
    assert not list(tmp_path.iterdir())


def test_a_lock_that_was_removed_while_it_was_opened_is_taken_anew(tmp_path, monkeypatch):
    from engine.files import run_lock

    report, taken = str(tmp_path / "shots.report.json"), []

    def removed_meanwhile(file: object) -> bool:
        taken.append(file)
        if len(taken) == 1:
            os.remove(lock_of(report))      # as the run does that ended just now
        return True

    monkeypatch.setattr(run_lock, "_lock", removed_meanwhile)
    with alone(report):
        assert len(taken) == 2 and os.path.exists(lock_of(report))


def test_shards_do_not_keep_each_other_away(tmp_path):
    with alone(str(tmp_path / "shots.1-of-2.report.json")), alone(str(tmp_path / "shots.2-of-2.report.json")):
        assert len(list(tmp_path.iterdir())) == 2
