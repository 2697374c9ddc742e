"""Run the jobs of a jobs file: open each .blend file once, make all its lines, save it once under its new name."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from uuid import uuid4

import bpy
import numpy as np

from ...engine import Animation, EngineError, Rig, RigChannel, Settings, Waveform, animate, check_words, read_transcript
from ...engine.files.jobs_file import JobsError, share
from ...engine.files.journal import CHECKED, DONE, FAILED, MADE, WAITING, Journal, Report
from ...engine.files.run_lock import alone
from ...engine.files.whole_file import part_of, remove, sha256
from ...engine.values.cache import little_kept
from ...engine.values.types import SAMPLE_RATE_HZ
from ..cast import rows as cast
from ..keying import obstacles, overlaps
from ..keying.parts import Line
from ..keying.point_cache import SUFFIX
from ..pictures import plan as pictures
from ..sound.clip import SoundClip
from ..sound.clip import read as read_sound
from ..take import make, overlap
from ..take.properties import collect, with_performance
from . import plan
from .file import open_shot, save_shot, scene_named
from .jobs_file import ShotJob, read_jobs
from .plan import JobGroup, RunOptions
from .report import ShotEntry

TRIAL_S = 0.2           # of silence, on which a dry run tries all options: a moment of the true path
TEMPORARY = "lipsync_"  # how the folder of a run's pictures begins, in the system's folder for such

Tell = Callable[[str], None]        # takes one line for the person who watches


@dataclass(frozen=True)
class _Run:
    """What stays the same through a run.

    Attributes:
        tried: rigs by the settings that a dry run has walked the engine with, and what was keyed. read: seconds of the
            sounds that it has read. planned: lines of the open file that would be keyed by now, and the data-blocks.
    """

    journal: Journal[ShotEntry]
    entries: dict[str, ShotEntry]
    dry_run: bool
    tell: Tell
    tried: dict[Settings, list[tuple[Rig | None, frozenset[RigChannel]]]] = field(default_factory=dict)
    read: dict[SoundClip, float] = field(default_factory=dict)
    planned: list[tuple[Line, frozenset[int]]] = field(default_factory=list)


def run_jobs(options: RunOptions, tell: Tell) -> Report[ShotEntry]:
    """Run (or check) a jobs file; the report, which is written too.

    Raises:
        JobsError, SettingError, OutputError: nothing was done, since the jobs file or an option is wrong, a file is in
            the way or another run is at work; or the journal or the report cannot be written any more.
    """
    if options.dry_run:         # writes nothing but a report of its own
        return _run_jobs(options, tell)
    with alone(options.report_path()):
        return _run_jobs(options, tell)


def _run_jobs(options: RunOptions, tell: Tell) -> Report[ShotEntry]:
    everything = plan.groups(read_jobs(options.jobs_file))
    mine = share(everything, options.shard)
    journal = Journal(replace(options, dry_run=False).report_path(), ShotEntry)
    entries = {job.id: plan.entry_for(job) for group in mine for job in group.jobs}
    left = [group for group in mine if not (options.resume and plan.carry_over(group, entries, journal, options))]
    plan.refuse_overwriting(left, everything, journal, options)
    plan.refuse_pictures(left, everything, journal, options)
    program = {"blender": bpy.app.version_string}
    jobs_file = os.path.abspath(options.jobs_file)
    report = Report(options.report_path(), jobs_file, options.shard, program, list(entries.values()))
    run = _Run(journal, entries, options.dry_run, tell)
    try:
        if options.dry_run:
            _walk(run, left)
        else:
            _make_all(run, report, left)
    except KeyboardInterrupt:
        journal.end("stopped")
        report.end("stopped")
        raise
    journal.end("ended")
    report.end("ended")
    return report


def _make_all(run: _Run, report: Report[ShotEntry], left: list[JobGroup]) -> None:
    plan.remove_parts(left, report.path, run.journal.path)
    _remove_temporary(run.journal.temporary)
    folder = os.path.join(tempfile.gettempdir(), TEMPORARY + uuid4().hex)
    run.journal.begin(temporary=folder, **report.program)
    report.write()
    with _frames_of_pictures_in(folder), little_kept():
        _walk(run, left)


@contextmanager
def _frames_of_pictures_in(folder: str) -> Iterator[None]:
    """A folder of this run for what pictures are put together of; if it is killed, the next one removes it."""
    os.mkdir(folder, 0o700)
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)


def _remove_temporary(folder: str) -> None:
    """Remove the folder of a killed run; a journal from somewhere else names none that is removed here."""
    place, name = os.path.split(folder)
    if name.startswith(TEMPORARY) and place == tempfile.gettempdir():
        shutil.rmtree(folder, ignore_errors=True)


def _walk(run: _Run, left: list[JobGroup]) -> None:
    for group in left:
        entries = [run.entries[job.id] for job in group.jobs]
        if all(entry.wrote(group.save) for entry in entries):
            _draw_what_lacks(run, group)
            continue
        for job in group.jobs:
            problem = plan.obstacle(job)
            if problem is not None:
                _fail(run, job, str(problem))
        _do_group(run, group, [job for job in group.jobs if run.entries[job.id].status == WAITING])


def _draw_what_lacks(run: _Run, group: JobGroup) -> None:
    """The pictures of a file that a run saved before it was stopped."""
    jobs = [job for job in group.jobs if run.entries[job.id].status != DONE]
    if _open(run, group.save, jobs):
        for job in jobs:
            _draw(run, job)


def _do_group(run: _Run, group: JobGroup, jobs: list[ShotJob]) -> None:
    """Open the file, make its lines, save it.

    After a bug, which may have left half a line, all but that line is made again from the file as it was.
    """
    had_a_bug = True
    while had_a_bug:
        jobs = [job for job in jobs if run.entries[job.id].status != FAILED]
        if not jobs or not _open(run, group.blend, jobs):
            return
        had_a_bug = not all(_did_job(run, job) for job in jobs)
    made = [job for job in jobs if run.entries[job.id].status == MADE]
    if made:
        _save(run, group, made)


def _did_job(run: _Run, job: ShotJob) -> bool:
    """Make the line of a job, or fail it; False after a bug that may have left half a line (a dry run leaves none)."""
    try:
        _do_job(run, job)
    except Exception as error:  # noqa: BLE001  one bad job must not end a night's work; its traceback is shown
        _fail(run, job, f"A bug stopped this job: {type(error).__name__}: {error}. See the traceback in the log.")
        run.tell(traceback.format_exc())
        return run.dry_run
    return True


def _open(run: _Run, path: str, jobs: Iterable[ShotJob]) -> bool:
    """Open a file; where it cannot be opened, its jobs have failed."""
    run.planned.clear()
    try:
        open_shot(path)
    except EngineError as error:
        for job in jobs:
            _fail(run, job, str(error))
        return False
    return True


def _do_job(run: _Run, job: ShotJob) -> None:
    entry, start, problem = run.entries[job.id], time.monotonic(), ""
    try:
        scene = scene_named(job.scene)
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            requests = _list_of(job) if job.whole_list else [make.gather(bpy.context, make.Options(**_choices(job)))]
            entry.inputs = _inputs(job, [request.clip for request in requests])
            entry.sound = ", ".join(request.line for request in requests)
            entry.character = ", ".join(dict.fromkeys(_name(request) for request in requests))
            if run.dry_run:
                entry.warnings = list(dict.fromkeys(_try(run, requests)))
                entry.status, entry.message = CHECKED, "Nothing is in the way."
            else:
                _make(requests, entry)
    except EngineError as error:
        problem = str(error)
    entry.seconds = round(time.monotonic() - start, 3)
    if problem:
        _fail(run, job, problem)
        return
    run.journal.note(entry)
    run.tell(f"{job.id}: {entry.sound} -> {entry.character}: {entry.message}")


def _choices(job: ShotJob) -> dict[str, object]:
    """The file's own panel, under what the job gives."""
    given = with_performance(bpy.context, job.given)
    if job.transcript_file:
        given["transcript"] = read_transcript(job.transcript_file)
    if given.get("transcript"):
        check_words(str(given["transcript"]))
    values = collect(bpy.context, given)
    beside_output = os.path.splitext(job.save)[0] + SUFFIX      # where the file that plays it will lie
    values["cache_folder"] = values["cache_folder"] or beside_output
    return values


def _list_of(job: ShotJob) -> list[make.Request]:
    """The lines of the scene's list that are in use. Raises JobsError: there is none, or a line lacks something."""
    lines = bpy.context.scene.unitalker_cast
    lines.follow_names()
    found = cast.gather(bpy.context, [row for row in lines.rows if row.use], with_performance(bpy.context, job.given))
    wrong = [f"{entry.title}: {entry.problem}" for entry in found if entry.request is None]
    if wrong:
        raise JobsError("; ".join(wrong))
    if not found:
        raise JobsError(
            f"Scene {bpy.context.scene.name!r} has no list of lines. "
            "Make one in the Scene panel, or name strip and character."
        )
    return [entry.request for entry in found]


def _name(request: make.Request) -> str:
    return request.character.name if request.character else request.vertices.object_name


def _inputs(job: ShotJob, clips: Iterable[SoundClip]) -> dict[str, str]:
    """Hashes of the files that decide the result."""
    sounds = [clip.path for clip in clips if clip.packed is None]
    return {path: sha256(path) for path in (job.blend, *sounds, job.transcript_file) if path}


def _make(requests: Sequence[make.Request], entry: ShotEntry) -> None:
    """All lines of a job are computed before the first is written: what fails then has changed nothing."""
    results = [make.compute(request) for request in requests]
    summaries = [make.write(request, result) for request, result in zip(requests, results, strict=True)]
    animations = [make.animation_of(result) for result in results]
    entry.frames = sum(len(animation.motion.weights) for animation in animations)
    entry.channels = max(map(_channels, animations))
    entry.status, entry.message = MADE, "; ".join(summary.line for summary in summaries)
    entry.warnings = list(dict.fromkeys(text for summary in summaries for text in summary.warnings))
    entry.missing = list(dict.fromkeys(name for summary in summaries for name in summary.missing))


def _channels(animation: Animation) -> int:
    return len(animation.curves.mapped) if animation.curves else animation.motion.weights.shape[1]


def _try(run: _Run, requests: Iterable[make.Request]) -> Iterator[str]:
    """Read the sound, and walk the engine with all options on a moment of silence; nothing is tried twice.

    Gives what keeps keys from showing, and whose keys they would replace.
    """
    for request in requests:
        if request.clip not in run.read:
            run.read[request.clip] = read_sound(request.clip).duration_s
        tried = run.tried.setdefault(request.settings, [])
        keyed = next((channels for rig, channels in tried if rig == request.rig), None)
        if keyed is None:
            silence = Waveform(np.zeros(round(TRIAL_S * SAMPLE_RATE_HZ), np.float32))
            curves = animate(silence, request.settings, request.rig).curves
            keyed = frozenset(curves.curves) if curves else frozenset()
            tried.append((request.rig, keyed))
        if request.character is not None:
            yield from obstacles.before(obstacles.keyed_by(request.character, keyed))
            yield from _over_others(run, request)


def _over_others(run: _Run, request: make.Request) -> Iterator[str]:
    """A sentence for each line on the same frames: one in the file, or one of a job before this."""
    frames = round(run.read[request.clip] * request.fps)
    yield from overlap.of_request(request, frames)
    line = overlap.line_of(request, frames)
    blocks = frozenset(target.find().session_uid for target in request.character.targets)
    for earlier, keyed in run.planned:
        meets = earlier.first_frame <= line.last_frame and line.first_frame <= earlier.last_frame
        if blocks & keyed and meets and (earlier.name, earlier.note) != (line.name, line.note):
            yield overlaps.sentence(repr(earlier.name))
    run.planned.append((line, blocks))


def _save(run: _Run, group: JobGroup, made: list[ShotJob]) -> None:
    part, entries = part_of(group.save), [run.entries[job.id] for job in made]
    try:
        save_shot(part)
        run.journal.put(part, group.save, entries)
    except EngineError as error:
        for job in made:
            _fail(run, job, str(error).replace(part, group.save))
        return
    run.tell(f"{group.save}: {len(made)} of {len(group.jobs)} lines")
    drawn = [job for job in made if job.pictures]
    run.journal.status([run.entries[job.id] for job in made if not job.pictures], DONE)
    for job in drawn:
        _draw(run, job)


def _draw(run: _Run, job: ShotJob) -> None:
    """The pictures that a job lacks, after its file was saved: the camera that is added for them is not in the file."""
    entry = run.entries[job.id]
    for path in (path for path in job.pictures if not entry.wrote(path)):
        part = part_of(path)
        sheet, film = (part, "") if path == job.contact_sheet else ("", part)
        try:
            scene = scene_named(job.scene)
            with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
                lines = pictures.draw_files(bpy.context, entry.character, sheet, film, entry.sound)
            run.journal.put(part, path, [entry])
        except EngineError as error:
            remove(part)
            _fail(run, job, f"{entry.message}{plan.NOT_DRAWN}{str(error).replace(part, path)}")
            return
        entry.warnings += lines[1:]
        run.tell(f"{job.id}: {path}")
    run.journal.status([entry], DONE)


def _fail(run: _Run, job: ShotJob, message: str) -> None:
    entry = run.entries[job.id]
    entry.status, entry.message = FAILED, message
    run.journal.note(entry)
    run.tell(f"{job.id}: failed: {message}")
