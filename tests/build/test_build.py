"""build.py's own work, without network: staging, the development link, environments, and the sum of the test suite."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest

import build
from tests import environments, suite

HANGS = "import time\ndef test_it():\n    time.sleep(60)\n"
DIES = "import os\ndef test_it():\n    os._exit(3)\n"
MIXED = (
    "import pytest\ndef test_good(): pass\ndef test_bad(): assert 1 == 2\ndef test_left_out(): pytest.skip('no moon "
    "tonight')\n"
)


def test_stage_writes_one_line_and_the_wheel_list(tmp_path):
    wheel = tmp_path / "x-1-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    build._stage(tmp_path / "stage", "windows-x64", [wheel])
    manifest = tomllib.loads((tmp_path / "stage" / "blender_manifest.toml").read_text())
    assert manifest["platforms"] == ["windows-x64"] and manifest["wheels"] == ["./wheels/x-1-py3-none-any.whl"]
    assert len((tmp_path / "stage" / "__init__.py").read_text().splitlines()) == 1
    assert not (tmp_path / "stage" / "engine" / "learn").exists()
    assert not (tmp_path / "stage" / "addon").is_symlink()


def test_manifest_of_the_checkout_names_no_platform_and_no_wheel():
    manifest = tomllib.loads((build.ROOT / "blender_manifest.toml").read_text())
    assert "wheels" not in manifest and "platforms" not in manifest and "build" not in manifest


def test_unknown_platform_is_refused_with_the_known_ones():
    with pytest.raises(build.BuildError, match=r"no wheels for amiga-x64.*linux-x64, windows-x64"):
        build.build_zip(Path(sys.executable), "amiga-x64")


@pytest.mark.parametrize(("wheel", "expected"), [
    (
        "onnxruntime_directml-1.23.0-cp313-cp313-win_amd64.whl",
        ["DirectML_LICENSE.txt", "DirectML_ThirdPartyNotices.txt"],
    ),
    ("onnxruntime-1.23.2-cp313-cp313-win_amd64.whl", []),
    ("espeakng_loader-0.2.4-py3-none-win_amd64.whl", ["espeak-ng_LICENSE.txt"]),
])
def test_licences_that_wheels_leave_out_lie_beside_them(tmp_path, wheel, expected):
    (tmp_path / wheel).write_bytes(b"")
    build._stage(tmp_path / "stage", "windows-x64", [tmp_path / wheel])
    staged = sorted((tmp_path / "stage").glob("licences/*"))
    assert [file.name for file in staged] == expected
    whose = {
        "DirectML_LICENSE.txt": "MICROSOFT DIRECTX MACHINE LEARNING", "espeak-ng_LICENSE.txt": "Jonathan Duddington",
    }
    assert not staged or whose[staged[0].name] in staged[0].read_text(encoding="utf-8")


def test_gpu_zip_for_another_system_is_refused_with_those_that_it_is_made_for():
    with pytest.raises(build.BuildError, match=r"no directml wheels for linux-x64.*only for windows-x64"):
        build.build_zip(Path(sys.executable), "linux-x64", gpu="directml")
    with pytest.raises(build.BuildError, match="--gpu and --python do not go together"):
        build.build_zip(Path(sys.executable), "linux-x64", "3.14", "cuda")


@pytest.mark.parametrize(("words", "made"), [
    (["--gpu", "directml"], [("windows-x64", "directml")]),
    (["--gpu", "cuda"], [("linux-x64", "cuda"), ("windows-x64", "cuda")]),
    (["--gpu", "cuda", "--platform", "windows-x64"], [("windows-x64", "cuda")]),
    (["--platform", "all"], [(name, None) for name in build.PLATFORMS]),
])
def test_package_builds_what_is_asked_for(monkeypatch, capsys, words, made):
    asked = []

    def build_zip(_blender, platform, _python, gpu):
        asked.append((platform, gpu))
        return build.ROOT / "build.py"

    monkeypatch.setattr(build, "any_blender", lambda: Path(sys.executable))
    monkeypatch.setattr(build, "build_zip", build_zip)
    options = build._parser().parse_args(["package", *words])
    assert options.run(options) == 0
    assert asked == made


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(build, "any_blender", lambda: Path(sys.executable))
    monkeypatch.setattr(build, "fetch_wheels", lambda _python, _platform: [])


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_link_follows_the_checkout_and_can_be_made_again(tmp_path, offline):
    options = argparse.Namespace(user_folder=tmp_path, blender=None)
    for _ in range(2):
        assert build.link(options) == 0
        target = tmp_path / "extensions" / "user_default" / "unitalker"
        assert (target / "addon").resolve() == build.ROOT / "addon"
        assert (target / "__init__.py").is_file()
    assert (build.ROOT / "addon" / "__init__.py").is_file()


def test_link_never_replaces_an_installed_extension(tmp_path, offline):
    installed = tmp_path / "extensions" / "user_default" / "unitalker" / "addon" / "__init__.py"
    installed.parent.mkdir(parents=True)
    installed.write_text("mine")
    with pytest.raises(build.BuildError, match="holds an installed extension"):
        build.link(argparse.Namespace(user_folder=tmp_path, blender=None))
    assert installed.read_text() == "mine"


@pytest.mark.parametrize("name", environments.ENVIRONMENTS)
def test_every_environment_pins_every_package(name):
    lines = [line for line in (environments.PINS / f"{name}.txt").read_text().splitlines() if not line.startswith("#")]
    assert lines and all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)


def test_missing_python_is_named_with_the_next_step():
    with pytest.raises(environments.BuildError, match=r"Python 9\.9 .* was not found.*uv python install 9\.9"):
        environments.find_python("9.9")


def test_environment_that_fails_leaves_nothing_behind(tmp_path):
    pins = tmp_path / "pins.txt"
    pins.write_text("./no-such-wheel-1-py3-none-any.whl\n")
    with pytest.raises(environments.BuildError, match="no-such-wheel"):
        environments._make_environment(tmp_path / "made" / "bad", sys.executable, pins)
    assert list((tmp_path / "made").iterdir()) == []


def test_every_add_on_test_runs_on_the_newest_blender_nearly_every_one_on_the_oldest_and_all_where_they_are_asked_for():
    files = {f"tests/addon/{path.name}" for path in (build.ROOT / "tests" / "addon").glob("test_*.py")}
    newest_only = {f"tests/addon/{name}" for name in suite.NEWEST_ONLY}
    runs = {
        name: {file for job in suite._jobs([]) if job.environment == name for file in job.tests}
        for name in (*suite.OUTER, *suite.INNER)
    }
    assert runs["bpy53"] == files and runs["bpy42"] == files - newest_only and len(newest_only) <= 3
    assert all(runs[name] == {f"tests/addon/{name}" for name in suite.KEYS_AND_SOUND} for name in suite.INNER)
    assert {file for job in suite._jobs(["bpy45"]) if job.environment == "bpy45" for file in job.tests} == files


def test_quick_runs_the_engine_learning_and_the_newest_blender_whole():
    jobs = [job for job in suite._jobs(["quick"]) if suite._wanted(job, ["quick"])]
    every = [job for job in suite._jobs([]) if job.environment in suite.QUICK and job.part != "build"]
    assert jobs == every and {job.part for job in jobs} == {"learn", "engine", "addon"}


@pytest.mark.parametrize(("code", "passed", "failed", "skipped"), [
    (MIXED, 1, 1, ("no moon tonight",)), (DIES, 0, 1, ()), (HANGS, 0, 1, ()),
], ids=["mixed", "dies", "hangs"])
def test_suite_counts_tests_and_dead_processes(tmp_path, monkeypatch, code, passed, failed, skipped):
    monkeypatch.setattr(suite, "LIMIT_S", 8)
    (tmp_path / "test_it.py").write_text(code)
    outcome = suite._run(
        suite.Job("build", "here", "one file", (str(tmp_path / "test_it.py"),)), Path(sys.executable), None
    )
    assert (outcome.passed, outcome.failed) == (passed, failed)
    assert tuple(reason.removeprefix("Skipped: ") for reason in outcome.skipped) == skipped
    assert outcome.log


@pytest.mark.parametrize(("outcomes", "status", "line"), [
    ([suite.Outcome(2, 0, ("why",)), suite.Outcome(3, 0, ())], 0, "5 passed, 0 failed, 1 skipped"),
    ([suite.Outcome(2, 1, ())], 1, "2 passed, 1 failed, 0 skipped"),
    ([], 1, "0 passed, 0 failed, 0 skipped"),
    ([suite.Outcome(2, 0, ("why",) * 4, "", "newest")], 1, "2 passed, 0 failed, 4 skipped"),
    ([suite.Outcome(2, 0, ("no moon tonight",) * 4, "", "newest")], 0, "2 passed, 0 failed, 4 skipped"),
])
def test_suite_ends_with_one_plain_line_and_too_many_skips_are_red(capsys, monkeypatch, outcomes, status, line):
    monkeypatch.setattr(suite, "MAX_SKIPPED", {"": 1, "newest": 3})
    monkeypatch.setattr(suite, "OUTSIDE", {"moon": lambda: False})
    assert suite._report(outcomes, []) == status
    assert capsys.readouterr().out.splitlines()[-1] == line


def test_permissions_say_what_is_read_and_written():
    """Blender shows them before installing: at most 64 characters, no full stop."""
    manifest = tomllib.loads((build.ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    source = "".join(file.read_text(encoding="utf-8") for file in (build.ROOT / "addon").rglob("*.py"))
    permissions = manifest["permissions"]
    assert set(permissions) == {"files", *(["clipboard"] if ".clipboard" in source else [])}
    assert {"Read", "write"} <= set(permissions["files"].split())
    assert all(len(text) <= 64 and text[-1].isalnum() for text in permissions.values())
