"""`farm`: pieces of a jobs file for Blenders, gathered into one journal and report; a program stands for Blender."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.__main__ import run
from engine.farm import FarmOptions, _pieces, read_shots
from engine.files.jobs_file import JobsError

ROOT = Path(__file__).resolve().parents[2]
BLENDER = f'''#!{sys.executable}
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from tests.engine.stand_in_blender import main
main(sys.argv)
'''


@pytest.fixture
def shots(tmp_path, monkeypatch) -> Path:
    """Four jobs in three files, and a `blender` that writes `made by N` into what it saves."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c"):
        Path(f"{name}.blend").write_text(name)
    Path("blender").write_text(BLENDER)
    Path("blender").chmod(0o755)
    jobs({"defaults": {"save": "{name}_out.blend"}}, {"blend": "a.blend", "id": "one"}, {"blend": "b.blend"},
         {"defaults": {"save": "{name}_out.blend", "smooth": 0.2}}, {"blend": "a.blend"}, {"blend": "c.blend"})
    return tmp_path


def jobs(*lines: dict) -> None:
    Path("shots.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def farm(*more: str) -> int:
    blender = os.path.abspath("blender")
    return run(["farm", "shots.jsonl", "--blender", blender, "--workers", "1", "--lines", "2", *more])


def report() -> dict[str, dict]:
    return {job["id"]: job for job in json.loads(Path("shots.jsonl.report.json").read_text("utf-8"))["jobs"]}


def calls() -> list[str]:
    return Path("calls.txt").read_text().splitlines()


def test_a_piece_has_whole_files_with_the_defaults_above_each_job(shots):
    options = FarmOptions("shots.jsonl", "blender", lines=2)
    found = list(_pieces(read_shots(options), options, "none"))
    assert [piece.ids for piece in found] == [("one", "3"), ("2", "4")]
    lines = [json.loads(line) for line in Path(found[0].jobs_file).read_text("utf-8").splitlines()]
    assert lines == [
        {"defaults": {"save": "{name}_out.blend"}}, {"blend": "a.blend", "id": "one"},
        {"defaults": {"save": "{name}_out.blend", "smooth": 0.2}}, {"blend": "a.blend", "id": "3"},
    ]


def test_all_shots_are_made_and_a_second_run_leaves_them(shots, capsys):
    assert farm() == 0 and "4 done" in capsys.readouterr().out
    assert {name: job["status"] for name, job in report().items()} == dict.fromkeys(("one", "2", "3", "4"), "done")
    assert report()["3"]["place"] == "line 5"
    assert sorted(path.name for path in shots.glob("*_out.blend")) == ["a_out.blend", "b_out.blend", "c_out.blend"]
    assert sorted(path.name for path in shots.glob("shots*")) == [
        "shots.jsonl", "shots.jsonl.report.journal.jsonl", "shots.jsonl.report.json"
    ]
    made = calls()
    assert farm("--resume") == 0 and [job["resumed"] for job in report().values()] == [True] * 4
    assert [call for call in calls()[len(made):] if call.startswith("made")] == []


def test_a_blender_that_crashes_goes_on_where_it_was(shots):
    Path("crash_at").write_text("3")
    assert farm() == 0
    assert [call for call in calls() if call.startswith("made")] == ["made one", "made 3", "made 2", "made 4"]


def test_a_blender_that_says_nothing_fails_its_jobs_alone(shots, capsys):
    Path("crash_always").write_text("2")
    assert farm() == 1
    assert {name: job["status"] for name, job in report().items()} == {
        "one": "done", "3": "done", "2": "failed", "4": "failed"
    }
    assert "Blender ended without a report, status 9: no memory" in report()["2"]["message"]


def test_what_the_blenders_of_a_killed_farm_made_is_taken_over(shots):
    options = FarmOptions("shots.jsonl", "blender", lines=2)
    first = next(iter(_pieces(read_shots(options), options, "none")))
    os.system(f"./blender -b --command unitalker --jobs {first.jobs_file} --report {first.report}")
    assert farm("--resume") == 0
    assert [call for call in calls() if call.startswith("made")] == ["made one", "made 3", "made 2", "made 4"]
    assert [job["resumed"] for job in report().values()] == [True, False, True, False]


@pytest.mark.parametrize(("lines", "says"), [
    ([{"blend": "a.blend", "save": "x.blend"}, {"blend": "b.blend", "save": "x.blend"}], "is written for"),
    ([{"blend": "a.blend", "save": "b.blend"}, {"blend": "b.blend", "save": "x.blend"}], "is also opened by a job"),
    ([{"blend": "a.blend"}], "save: is missing"),
    ([], "holds no job"),
])
def test_jobs_that_would_write_over_each_other_are_refused_before_any_work(shots, lines, says):
    jobs(*lines)
    with pytest.raises(JobsError, match=says):
        read_shots(FarmOptions("shots.jsonl", "blender"))


# a stand-in for the interface of Flamenco 3's Manager: what the job type uses of it
MANAGER = """
const tasks = [];
const author = {
    Task: (name, type) => ({name, type, commands: [], addCommand(command) { this.commands.push(command); }}),
    Command: (name, parameters) => ({name, parameters}),
};
const settings = Object.fromEntries(JOB_TYPE.settings.map(setting => [setting.key, setting.default]));
compileJob({settings: {...settings, ...GIVEN}, addTask: task => tasks.push(task)});
console.log(JSON.stringify({tasks, kinds: JOB_TYPE.settings.map(setting => setting.type), label: JOB_TYPE.label}));
"""


@pytest.mark.skipif(not shutil.which("node"), reason="there is no node to run the job type of Flamenco")
def test_the_job_type_of_flamenco_shares_the_shots_out(tmp_path):
    script = (ROOT / "docs" / "flamenco_unitalker.js").read_text("utf-8")
    given = json.dumps({"jobs_file": "/disk/shots.jsonl", "shares": 3})
    path = tmp_path / "manager.js"
    path.write_text(f"const GIVEN = {given};\n{script}\n{MANAGER}", "utf-8")
    made = json.loads(subprocess.run(["node", str(path)], capture_output=True, check=True).stdout)
    assert set(made["kinds"]) <= {"string", "int32", "float", "bool"} and made["label"]
    assert [(task["name"], task["type"], len(task["commands"])) for task in made["tasks"]] == [
        (f"lip-sync-{share}-of-3", "blender", 1) for share in (1, 2, 3)
    ]
    command = made["tasks"][1]["commands"][0]
    assert command == {"name": "exec", "parameters": {"exe": "{blender}", "args": [
        "-b", "--command", "unitalker", "--jobs", "/disk/shots.jsonl", "--shard", "2/3", "--resume"]}}
