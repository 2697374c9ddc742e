"""Shots on many computers: the jobs of a jobs file, each .blend file's together, by Blenders that run elsewhere.

Each Blender gets a piece of the jobs file and keeps a journal of its own; this process gathers those into the journal
and report that a run on one computer would have written, so that either can go on where the other stopped. All
computers see the same disk. Knows no Blender beyond its command line, and of jobs only what they open and save.
"""

from __future__ import annotations

import ctypes
import glob
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from .files.jobs_file import JobsError, JobsReader, RawJob
from .files.journal import FAILED, JobEntry, Journal, Report
from .files.run_lock import RunningError, alone
from .files.whole_file import part_of, remove, same_name
from .values.errors import SettingError
from .workers.executor import Executor, Work

LINES_A_BLENDER = 50        # that its start is worth; a .blend file with more is not cut
TRIES = 3                   # of a piece whose Blender ends without a report; it goes on where the last one stopped
TAIL_CHARACTERS = 300       # of what a Blender said last, in a message
PR_SET_PDEATHSIG = 1        # Linux: a signal for a process whose parent died (sys/prctl.h)
ADDON = "unitalker"
# What a Python with Blender as a module runs: the extension that is enabled for this user, else the usual place. The
# module of 4.2 crashes when it reads preferences.
IN_A_MODULE = f"""
import importlib, os, sys, bpy, addon_utils
if bpy.app.version >= (4, 5):
    bpy.ops.wm.read_userpref()
names = [name for name in bpy.context.preferences.addons.keys() if name.rpartition(".")[2] == "{ADDON}"]
name = names[0] if names else "bl_ext.user_default.{ADDON}"
addon_utils.enable(name)
status = importlib.import_module(name + ".addon.command").run(sys.argv[1:])
sys.stdout.flush()
os._exit(status)
"""


@dataclass(frozen=True)
class FarmJob:
    """One job: its text in the jobs file, the defaults above it, and the files that it opens and saves."""

    id: str
    place: str
    own: Mapping[str, object]
    defaults: Mapping[str, object]
    blend: str
    save: str


@dataclass(frozen=True)
class FarmOptions:
    """How to run. Paths as given; lines: of sound for each Blender at the least. more: options for each Blender."""

    jobs_file: str
    blender: str
    report: str = ""
    lines: int = LINES_A_BLENDER
    resume: bool = False
    more: tuple[str, ...] = ()

    @property
    def report_path(self) -> str:
        """Where a run on one computer would write it."""
        return os.path.abspath(self.report or f"{self.jobs_file}.report.json")


@dataclass(frozen=True)
class Piece:
    """What one Blender does: the jobs file of its own, and the arguments after it."""

    blender: str
    jobs_file: str
    arguments: tuple[str, ...]
    ids: tuple[str, ...]

    @property
    def report(self) -> str:
        """Of the piece alone, beside its jobs file."""
        return f"{self.jobs_file}.report.json"


@dataclass(frozen=True)
class PieceDone:
    """How a piece ended. problem: why no report came of it, or empty."""

    piece: Piece
    problem: str = ""


@dataclass
class FarmEntry(JobEntry):
    """A job of the report as the Blender that made it tells; `told` has all fields."""

    told: dict[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """As it was told, at its place in the whole jobs file."""
        own = {"id": self.id, "place": self.place, "status": self.status, "message": self.message}
        return {**super().to_json(), **self.told, **own, "resumed": self.resumed} | {"told": None}


class _FarmReader(JobsReader[FarmJob]):
    """Jobs with their fields as they are written; what each field means, Blender says."""

    def job(self, raw: RawJob, own: Mapping[str, object], defaults: Mapping[str, object]) -> FarmJob:
        """A job of its own fields over the defaults. Raises JobsError."""
        values = {**defaults, **own}
        for name in ("blend", "save"):
            if not isinstance(values.get(name), str) or not values[name]:
                raise self.error(raw, name, "is missing. Every job names the .blend file to open and the one to write")
        blend = self.absolute(str(values["blend"]))
        save = self.absolute(str(values["save"]).replace("{name}", Path(blend).stem))
        return FarmJob(self.id_of(raw, values), raw.place, own, defaults, blend, save)

    def value(self, raw: RawJob, name: str, value: object) -> object:
        """As it is written."""
        return value


def read_shots(options: FarmOptions) -> list[FarmJob]:
    """The jobs of a jobs file. Raises JobsError; SettingError: there is no such Blender."""
    jobs = list(_FarmReader(os.path.abspath(options.jobs_file)).jobs())
    if not jobs:
        raise JobsError(f"Jobs file {options.jobs_file} holds no job. docs/BATCH.md shows some.")
    _check_saves(jobs, options)
    if not os.path.exists(options.blender):
        raise SettingError(f"--blender {options.blender} is not there. Give the path of Blender on the nodes.")
    return jobs


def run_farm(
    jobs: Sequence[FarmJob], options: FarmOptions, workers: Executor, tell: Callable[[FarmEntry], None],
) -> Report[FarmEntry]:
    """Make shots.

    Args:
        tell: gets each job that has ended.
    Raises:
        OutputError: nothing was done, or journal and report cannot be written.
    """
    with alone(options.report_path):
        return _run_alone(jobs, options, workers, tell)


def _check_saves(jobs: Sequence[FarmJob], options: FarmOptions) -> None:
    """Blenders do not know of each other's files. Raises JobsError."""
    opened = {same_name(job.blend) for job in jobs}
    owners: dict[str, str] = {}
    for job in jobs:
        if same_name(job.save) in opened and "--overwrite-input" not in options.more:
            raise JobsError(
                f"Jobs file {options.jobs_file}, {job.place}: {job.save} is also opened by a job. Save under another "
                "name, or give --overwrite-input."
            )
        if owners.setdefault(same_name(job.save), job.blend) != job.blend:
            raise JobsError(
                f"Jobs file {options.jobs_file}, {job.place}: {job.save} is written for {owners[same_name(job.save)]} "
                "too. Give every .blend file its own name to save."
            )


def _run_alone(
    jobs: Sequence[FarmJob], options: FarmOptions, workers: Executor, tell: Callable[[FarmEntry], None],
) -> Report[FarmEntry]:
    entries = {job.id: FarmEntry(job.id, job.place) for job in jobs}
    journal = Journal(options.report_path, FarmEntry)
    report = Report(options.report_path, os.path.abspath(options.jobs_file), "", {}, [*entries.values()])
    journal.begin()
    report.write()
    state = "stopped"
    try:
        _gather_left_pieces(options, journal)
        pieces = list(_pieces(jobs, options, journal.path))
        with closing(workers.results(Work(run_piece, _lost, _size_of), pieces)) as results:
            for done in results:
                _gather(done.piece.jobs_file, journal)
                for entry in _told(done, entries):
                    tell(entry)
                _remove_piece(done.piece.jobs_file)
        state = "ended"
    finally:
        journal.end(state)
        report.end(state)
    return report


def _size_of(piece: Piece) -> float:
    return float(len(piece.ids))


def _lost(piece: Piece) -> PieceDone:
    return PieceDone(piece, "The computers that made this job were lost, again and again.")


def _pieces(jobs: Sequence[FarmJob], options: FarmOptions, journal: str) -> Iterator[Piece]:
    """Jobs files for the Blenders, each with what the journal says of its jobs."""
    files: dict[str, list[FarmJob]] = {}
    for job in jobs:
        files.setdefault(same_name(job.blend), []).append(job)
    waiting: list[FarmJob] = []
    count = 0
    for number, group in enumerate(files.values(), 1):
        waiting += group
        if len(waiting) >= options.lines or number == len(files):
            count += 1
            yield _write_piece(f"{_stem(options)}{count:05}.jsonl", waiting, options, journal)
            waiting = []


def _stem(options: FarmOptions) -> str:
    """How the names of pieces begin, beside the jobs file: its relative paths count from there."""
    return f"{os.path.abspath(options.jobs_file)}.farm-"


def _write_piece(path: str, jobs: Sequence[FarmJob], options: FarmOptions, journal: str) -> Piece:
    lines: list[Mapping[str, object]] = []
    defaults: Mapping[str, object] = {}
    for job in jobs:
        if job.defaults != defaults:
            defaults = job.defaults
            lines.append({"defaults": defaults})
        lines.append({**job.own, "id": job.id})
    _write(path, (json.dumps(line, ensure_ascii=False) for line in lines))
    piece = Piece(options.blender, path, (*options.more, *["--resume"] * options.resume), tuple(job.id for job in jobs))
    known = _events(journal, {*piece.ids})
    if known:
        _write(_journal_of(path), ['{"journal": 1}', *known])
    return piece


def _journal_of(jobs_file: str) -> str:
    return f"{jobs_file}.report.journal.jsonl"


def _write(path: str, lines: Iterable[str]) -> None:
    part = part_of(path)
    with open(part, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.writelines(f"{line}\n" for line in lines)
    os.replace(part, path)


def _events(journal: str, ids: set[str] | None = None) -> list[str]:
    """The lines of a journal that speak of these jobs, or of any."""
    try:
        text = Path(journal).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue        # torn by a killed run
        named = {event["job"]["id"]} if "job" in event else {*event.get("jobs", ())}
        if named and (ids is None or named & ids):
            found.append(line)
    return found


def run_piece(piece: Piece) -> PieceDone:
    """On a worker: one Blender for a piece, which goes on where it stopped if it crashes."""
    is_python = os.path.basename(piece.blender).lower().startswith("python")
    program = [piece.blender, "-c", IN_A_MODULE] if is_python else [piece.blender, "-b", "--command", ADDON]
    command = [*program, "--jobs", piece.jobs_file, "--report", piece.report, *piece.arguments]
    said = ""
    for number in range(TRIES):
        again = ["--resume"] if number and "--resume" not in command else []
        done = subprocess.run(
            [*command, *again], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            check=False, preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )
        if _ended(piece.report):
            return PieceDone(piece)
        said = f"status {done.returncode}: {done.stdout.strip()[-TAIL_CHARACTERS:]}"
    return PieceDone(piece, f"Blender ended without a report, {said}")


def _end_with_parent() -> None:
    """A Blender whose worker was killed would go on alone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _ended(report: str) -> bool:
    try:
        return bool(json.loads(Path(report).read_text("utf-8", "surrogateescape"))["state"] == "ended")
    except (OSError, ValueError, KeyError):
        return False


def _gather(jobs_file: str, journal: Journal[FarmEntry]) -> None:
    """Take the events of a piece over; those that it was given are there twice, and say the same."""
    journal.add(_events(_journal_of(jobs_file)))


def _gather_left_pieces(options: FarmOptions, journal: Journal[FarmEntry]) -> None:
    """What the Blenders of a killed run noted. Raises RunningError: one of them is still at work."""
    for path in sorted(glob.glob(f"{glob.escape(_stem(options))}*.jsonl")):
        if path.endswith(".journal.jsonl"):
            continue
        try:
            with alone(f"{path}.report.json"):
                _gather(path, journal)
        except RunningError as error:
            raise RunningError(f"A Blender of an earlier run is still at work. {error}") from error
        _remove_piece(path)


def _told(done: PieceDone, entries: Mapping[str, FarmEntry]) -> Iterator[FarmEntry]:
    """The entries of a piece's jobs, with what its report says."""
    found: dict[str, dict[str, object]] = {}
    if not done.problem:
        content = json.loads(Path(done.piece.report).read_text(encoding="utf-8", errors="surrogateescape"))
        found = {str(job["id"]): job for job in content["jobs"]}
    for name in done.piece.ids:
        entry = entries[name]
        entry.told = found.get(name, {})
        entry.status = str(entry.told.get("status", FAILED))
        entry.message = str(entry.told.get("message", done.problem))
        entry.resumed = bool(entry.told.get("resumed"))
        yield entry


def _remove_piece(jobs_file: str) -> None:
    for path in (jobs_file, f"{jobs_file}.report.json", _journal_of(jobs_file), f"{jobs_file}.report.lock"):
        remove(path)


def about_blender(blender: str) -> dict[str, str]:
    """What has to be the same on all nodes: the version that their Blender says."""
    try:
        answer = subprocess.run([blender, "--version"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {f"Blender at {blender}": f"not to be started ({error})"}
    return {f"Blender at {blender}": (answer.stdout.strip().splitlines() or ["silent"])[0]}
