"""The whole test suite: which tests run in which environment, two processes at a time, and one sum at the end.

Called by `build.py test`. Runs on any bare Python 3.10 or newer; the tests themselves run in the environments of
tests/environments.
"""

from __future__ import annotations

import ctypes.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
PROCESSES = 2
LIMIT_S = 600           # one process; the slowest takes about two minutes on a busy machine
TAIL_LINES = 60         # of a failed process's output
FILES_A_PROCESS = 20    # of the add-on: a crash of Blender costs these; each process installs the extension anew
OUTER, INNER = ("bpy42", "bpy53"), ("bpy45", "bpy50", "bpy52")      # the oldest and the newest run every add-on test
# what every Blender stores or names in its own way: these run on those between as well; all do when such a one is asked
# for by name
KEYS_AND_SOUND = frozenset({
    "test_actions.py", "test_animate.py", "test_bezier.py", "test_cast.py", "test_clear_after_changes.py",
    "test_destinations.py", "test_fcurves.py", "test_follow.py", "test_ranges.py", "test_register.py",
    "test_retimed.py", "test_review_survives.py", "test_strip_audio.py", "test_survive.py", "test_take.py",
    "test_takes.py", "test_vertex_head.py",
})
# a whole Rigify rig; texts, not Blender; 24 runs with pictures
NEWEST_ONLY = frozenset({"test_rigify.py", "test_translations.py", "test_killed_jobs.py"})
NEEDS_PILLOW = ("tests/engine/test_shape_match.py",)    # of the engine: only the development environment has Pillow
QUICK = ("learn", "newest", "bpy53")                    # environments of `build.py test quick`
# Tests that may be skipped in each environment: a few more than today's. 4.2 has no audaspace as a module and no slots.
MAX_SKIPPED = {
    "learn": 4, "oldest": 4, "newest": 4, "farm": 0, "bpy42": 240, "bpy45": 24, "bpy50": 24, "bpy52": 6, "bpy53": 6,
}
# word in the reason of a skip -> whether this computer has what it speaks of; a skip for what is absent is no fault
OUTSIDE: dict[str, Callable[[], object]] = {
    "espeak": lambda: ctypes.util.find_library("espeak-ng"),
    "flite": lambda: shutil.which("flite"),
    "jtalk": lambda: shutil.which("open_jtalk"),
    "hts-voice": lambda: False,
    "node": lambda: shutil.which("node"),
    "ffmpeg": lambda: shutil.which("ffprobe"),
    "OpenGL": lambda: ctypes.util.find_library("EGL"),
    "shared": (ROOT.parent / "shared").is_dir,
    "not in the repository": (ROOT.parent / "shared").is_dir,
}


@dataclass(frozen=True)
class Job:
    """One pytest process.

    Attributes:
        part: what the command line calls it: engine, farm, learn, build or addon.
        environment: name of a pin file.
        title: what it runs, for people.
        tests: paths of test files or folders, from the checkout's root.
    """

    part: str
    environment: str
    title: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What one process reported; log is its output, empty unless something failed. skipped holds one reason per skipped
    test."""

    passed: int
    failed: int
    skipped: tuple[str, ...]
    log: str = ""
    environment: str = ""


def run_suite(pythons: dict[str, Path], missing: list[str], archive: Path | None, only: list[str]) -> int:
    """Run every test that this machine can run.

    Args:
        pythons: environment name: its interpreter.
        missing: environments that could not be made, because their Python is not there.
        archive: the extension zip that the add-on tests install.
        only: parts or environments to run, or "quick"; empty runs all.
    Returns:
        0 when every test that ran passed, at least one did, and no environment skipped more than it may.
    """
    jobs = [job for job in _jobs(only) if _wanted(job, only)]
    left_out = [job for job in jobs if job.environment in missing]
    jobs = [job for job in jobs if job.environment in pythons]
    if not only:
        print(
            f"{', '.join(INNER)}: only keys and sound, for time; `build.py test {' '.join(INNER)}` runs every add-on "
            "test there", flush=True,
        )
    with ThreadPoolExecutor(PROCESSES) as pool:
        outcomes = list(pool.map(lambda job: _run(job, pythons[job.environment], archive), jobs))
    times = os.times()
    print(f"{(times.children_user + times.children_system) / 60:.1f} processor minutes", flush=True)
    return _report(outcomes, left_out)


def _wanted(job: Job, only: list[str]) -> bool:
    if "quick" in only and job.environment in QUICK and job.part != "build":
        return True
    return not only or job.part in only or job.environment in only


def _jobs(only: list[str]) -> Iterator[Job]:
    """Longest first. The add-on's files are dealt to several processes, so that a crash of Blender does not cost them
    all."""
    yield Job("learn", "learn", "tests/learn", ("tests/learn",))
    for environment in (*OUTER, *INNER):
        files = [f"tests/addon/{name}" for name in _addon_files(environment, asked=environment in only)]
        parts = -(-len(files) // FILES_A_PROCESS)
        for number in range(parts):
            yield Job("addon", environment, f"tests/addon, part {number + 1} of {parts}", tuple(files[number::parts]))
    yield Job("farm", "farm", "tests/farm", ("tests/farm",))
    for environment in ("oldest", "newest"):
        yield Job("engine", environment, "tests/engine", ("tests/engine",))
    yield Job("engine", "learn", "tests/engine, what needs Pillow", NEEDS_PILLOW)
    yield Job("build", "learn", "tests/build, tests/test_boundaries.py", ("tests/build", "tests/test_boundaries.py"))


def _addon_files(environment: str, asked: bool) -> list[str]:
    names = sorted(file.name for file in (ROOT / "tests" / "addon").glob("test_*.py"))
    if asked or environment == OUTER[-1]:
        return names
    if environment in INNER:
        return [name for name in names if name in KEYS_AND_SOUND]
    return [name for name in names if name not in NEWEST_ONLY]


def _run(job: Job, python: Path, archive: Path | None) -> Outcome:
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="unitalker-") as folder:
        report, log = Path(folder) / "report.xml", Path(folder) / "log.txt"
        variables = {**os.environ, "OMP_NUM_THREADS": "1", "UNITALKER_ENVIRONMENT": job.environment}
        variables |= {"UNITALKER_ZIP": str(archive)} if archive else {}
        command = [
            str(python), "-m", "pytest", "-p", "no:cacheprovider", *job.tests, f"--junitxml={report}", "--durations=5"
        ]
        with log.open("w") as output:
            status = _wait(
                subprocess.Popen(
                    command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
                )
            )
        outcome = _outcome(status, report, log.read_text(errors="replace"))
    counts = f"{outcome.passed} passed, {outcome.failed} failed, {len(outcome.skipped)} skipped"
    outcome = replace(outcome, environment=job.environment)
    print(f"{job.environment:8} {job.title:40} {counts:36} {time.monotonic() - start:5.0f} s", flush=True)
    if outcome.log:
        print(outcome.log, flush=True)
    return outcome


def _wait(process: subprocess.Popen[bytes]) -> str:
    """Why the process ended badly, or "" if it did not; one that hangs is killed with its children."""
    try:
        status = process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        return f"killed after {LIMIT_S} s"
    return "" if status in (0, 5) else f"exit status {status}"       # 5: pytest found no test


def _outcome(problem: str, report: Path, log: str) -> Outcome:
    tail = "\n".join(log.splitlines()[-TAIL_LINES:])
    if not report.exists():
        return Outcome(0, 1 if problem else 0, (), f"{tail}\n{problem}, no report" if problem else "")
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = tuple(skip.get("message", "no reason") for case in cases for skip in case.iter("skipped"))
    if problem and not failed:
        failed = 1                                                   # the tests passed, the process did not
    passed = max(len(cases) - failed - len(skipped), 0)
    return Outcome(passed, failed, skipped, f"{tail}\n{problem}" if failed else "")


def _report(outcomes: list[Outcome], left_out: list[Job]) -> int:
    reasons = Counter(reason for outcome in outcomes for reason in outcome.skipped)
    for name, files in Counter(job.environment for job in left_out).items():
        print(f"*** not run: {files} processes in {name}, its Python is missing (see above)")
    for reason, count in reasons.most_common():
        print(f"skipped {count}: {reason}")
    skipped = Counter(outcome.environment for outcome in outcomes for reason in outcome.skipped if not _outside(reason))
    too_many = {name: count for name, count in skipped.items() if count > MAX_SKIPPED.get(name, 0)}
    for name, count in too_many.items():
        print(f"*** {count} tests skipped in {name}, at most {MAX_SKIPPED.get(name, 0)} may be (MAX_SKIPPED)")
    passed, failed = sum(outcome.passed for outcome in outcomes), sum(outcome.failed for outcome in outcomes)
    sys.stdout.flush()
    print(f"{passed} passed, {failed} failed, {sum(reasons.values()) + len(left_out)} skipped", flush=True)
    return 0 if passed and not failed and not too_many else 1


def _outside(reason: str) -> bool:
    """Whether a test was skipped for something outside of this project that this computer lacks."""
    return any(word in reason and not present() for word, present in OUTSIDE.items())
