"""Run the jobs of a jobs file: open each .blend file once, make all its lines, save it once under its new name."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ...engine import Animation, EngineError, Waveform, animate, check_words, read_transcript
from ...engine.values.types import SAMPLE_RATE_HZ
from ..cast import rows as cast
from ..keying.point_cache import SUFFIX
from ..pictures import plan as pictures
from ..sound.clip import SoundClip
from ..sound.clip import read as read_sound
from ..take import make
from ..take.properties import collect
from . import plan
from .file import open_shot, save_shot, scene_named
from .jobs_file import JobsError, ShotJob, read_jobs
from .plan import JobGroup, RunOptions
from .report import CHECKED, DONE, FAILED, MADE, WAITING, JobEntry, Report, read_entries, sha256

TRIAL_S = 0.2           # of silence, on which a dry run tries all options: a moment of the true path

Tell = Callable[[str], None]        # takes one line for the person who watches


@dataclass(frozen=True)
class _Run:
    """What stays the same through a run."""

    report: Report
    entries: dict[str, JobEntry]
    dry_run: bool
    tell: Tell


def run_jobs(options: RunOptions, tell: Tell) -> Report:
    """Run (or check) a jobs file; the report, which is written too.

    Raises:
        JobsError, SettingError, OutputError: nothing was done, since the jobs file or an option is wrong or a file is
            in the way; or the report cannot be written any more.
    """
    everything = plan.groups(read_jobs(options.jobs_file))
    mine = plan.share(everything, options.shard)
    earlier = read_entries(replace(options, dry_run=False).report_path())
    plan.refuse_overwriting(mine, everything, earlier, options)
    plan.refuse_pictures(mine, everything, earlier, options)
    entries = {job.id: plan.entry_for(job) for group in mine for job in group.jobs}
    jobs_file = os.path.abspath(options.jobs_file)
    report = Report(options.report_path(), jobs_file, options.shard, bpy.app.version_string, list(entries.values()))
    left = [group for group in mine if not (options.resume and plan.carry_over(group, entries, earlier))]
    run = _Run(report, entries, options.dry_run, tell)
    try:
        _walk(run, left)
    except KeyboardInterrupt:
        report.end("stopped")
        raise
    report.end("ended")
    return report


def _walk(run: _Run, left: list[JobGroup]) -> None:
    for group in left:
        for job in group.jobs:
            problem = plan.obstacle(job)
            if problem is not None:
                _fail(run, job, str(problem))
    run.report.write()
    for group in left:
        _do_group(run, group, [job for job in group.jobs if run.entries[job.id].status == WAITING])


def _do_group(run: _Run, group: JobGroup, jobs: list[ShotJob]) -> None:
    """Open the file, make its lines, save it.

    After a bug, which may have left half a line, all but that line is made again from the file as it was.
    """
    if not jobs:
        return
    try:
        open_shot(group.blend)
    except EngineError as error:
        for job in jobs:
            _fail(run, job, str(error))
        run.report.write()
        return
    for job in jobs:
        try:
            _do_job(run, job)
        except Exception as error:  # noqa: BLE001  one bad job must not end a night's work; its traceback is shown
            _fail(run, job, f"A bug stopped this job: {type(error).__name__}: {error}. See the traceback in the log.")
            run.tell(traceback.format_exc())
            others = [other for other in jobs if other is not job and run.entries[other.id].status != FAILED]
            _do_group(run, group, others)
            return
    made = [job for job in jobs if run.entries[job.id].status == MADE]
    if made:
        _save(run, group, made)


def _do_job(run: _Run, job: ShotJob) -> None:
    entry, start = run.entries[job.id], time.monotonic()
    try:
        scene = scene_named(job.scene)
        with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
            requests = _list_of(job) if job.whole_list else [make.gather(bpy.context, make.Options(**_choices(job)))]
            entry.inputs = _inputs(job, [request.clip for request in requests])
            entry.sound = ", ".join(request.line for request in requests)
            entry.character = ", ".join(dict.fromkeys(_name(request) for request in requests))
            if run.dry_run:
                _try(requests)
                entry.status, entry.message = CHECKED, "Nothing is in the way."
            else:
                _make(requests, entry)
    except EngineError as error:
        _fail(run, job, str(error))
    else:
        run.tell(f"{job.id}: {entry.sound} -> {entry.character}: {entry.message}")
    entry.seconds = round(time.monotonic() - start, 3)
    run.report.write()


def _choices(job: ShotJob) -> dict[str, object]:
    """The file's own panel, under what the job gives."""
    given = dict(job.given)
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
    found = cast.gather(bpy.context, [row for row in lines.rows if row.use], job.given)
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


def _make(requests: Sequence[make.Request], entry: JobEntry) -> None:
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


def _try(requests: Iterable[make.Request]) -> None:
    """Read the sound, and walk the engine with all options on a moment of silence."""
    for request in requests:
        read_sound(request.clip)
        animate(Waveform(np.zeros(round(TRIAL_S * SAMPLE_RATE_HZ), np.float32)), request.settings, request.rig)


def _save(run: _Run, group: JobGroup, made: list[ShotJob]) -> None:
    try:
        save_shot(group.save)
    except EngineError as error:
        for job in made:
            _fail(run, job, str(error))
    else:
        output = sha256(group.save)
        for job in made:
            entry = run.entries[job.id]
            entry.status, entry.output_sha256 = DONE, output
            if group.save in entry.inputs:          # with --overwrite-input the next run reads what was written
                entry.inputs[group.save] = output
        run.tell(f"{group.save}: {len(made)} of {len(group.jobs)} lines")
        for job in made:
            _draw(run, job)
    run.report.write()


def _draw(run: _Run, job: ShotJob) -> None:
    """The pictures of a job, after its file was saved: the camera that is added for them is not in the file."""
    entry = run.entries[job.id]
    for sheet, film in ((job.contact_sheet, ""), ("", job.playblast)):
        path = sheet or film
        if not path:
            continue
        try:
            scene = scene_named(job.scene)
            with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]):
                lines = pictures.draw_files(bpy.context, entry.character, sheet, film, entry.sound)
        except EngineError as error:
            _fail(run, job, f"{entry.message}. Saved, but not drawn: {error}")
            return
        entry.pictures.append(path)
        entry.warnings += lines[1:]
        run.tell(f"{job.id}: {path}")
        run.report.write()


def _fail(run: _Run, job: ShotJob, message: str) -> None:
    run.entries[job.id].status, run.entries[job.id].message = FAILED, message
    run.tell(f"{job.id}: failed: {message}")
