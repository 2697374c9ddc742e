"""What a run of a jobs file will do: groups of jobs for each opened file, a farm node's share, what is done already.

Found out before any work. Knows files and jobs; opens no .blend file.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ...engine import EngineError, OutputError
from ...engine.files.jobs_file import JobsError
from ...engine.files.journal import DONE, MADE, Journal
from ...engine.files.whole_file import remove, same_name
from ...engine.files.whole_file import remove_parts as remove_parts_of
from ..keying.point_cache import SUFFIX
from .jobs_file import ShotJob
from .report import ShotEntry

NOT_DRAWN = ". Saved, but not drawn: "              # in a message, between what was made and why a picture was not
CACHE_PART = re.compile(r"\.pc2\.\d+\.part$")      # of a point cache that was not finished


@dataclass(frozen=True)
class RunOptions:
    """How to run a jobs file.

    Attributes:
        report: path of the report; empty lies beside the jobs file.
        shard: "I/N", this run's share of the files, from 1; empty runs all.
        resume: leave what the report says is done, if its inputs are as they were.
        dry_run: look, write nothing but a report of the look.
        overwrite: files that this jobs file did not make may be replaced.
        overwrite_input: files that its jobs open may be replaced too.
    """

    jobs_file: str
    report: str = ""
    shard: str = ""
    resume: bool = False
    dry_run: bool = False
    overwrite: bool = False
    overwrite_input: bool = False

    def report_path(self) -> str:
        """Beside the jobs file, one per shard; a dry run has its own, so that a true one stays."""
        stem = f"{self.jobs_file}.{self.shard.replace('/', '-of-')}" if self.shard else self.jobs_file
        path = os.path.abspath(self.report or f"{stem}.report.json")
        return f"{os.path.splitext(path)[0]}.check.json" if self.dry_run else path


@dataclass(frozen=True)
class JobGroup:
    """Jobs that share one opening: the same .blend file, saved to the same path."""

    blend: str
    save: str
    jobs: tuple[ShotJob, ...]


def groups(jobs: Iterable[ShotJob]) -> list[JobGroup]:
    """Jobs by file, in the order of the first of each. Raises JobsError: two files would be saved to one path."""
    found: dict[str, list[ShotJob]] = {}
    for job in jobs:
        same = found.setdefault(same_name(job.save), [])
        if same and same_name(same[0].blend) != same_name(job.blend):
            raise JobsError(
                f"Jobs at {same[0].place} and {job.place} open different files and save to one: {job.save}. "
                "Give each its own save."
            )
        same.append(job)
    return [JobGroup(same[0].blend, same[0].save, tuple(same)) for same in found.values()]


def entry_for(job: ShotJob) -> ShotEntry:
    """The report's line of a job that waits."""
    return ShotEntry(job.id, job.place, _recipe(job), blend=job.blend, save=job.save)


def carry_over(
    group: JobGroup, entries: dict[str, ShotEntry], journal: Journal[ShotEntry], options: RunOptions,
) -> bool:
    """Take over what an earlier run did, when it made all lines of a file, and the file still stands.

    Returns:
        Whether nothing is left to do. Jobs that lack a picture are MADE then: their lines are in the saved file.
    """
    found = []
    for job in group.jobs:
        old, new = journal.entries.get(job.id), entries[job.id]
        if old is None or old.recipe != new.recipe or not old.wrote(job.save) or not old.reads_the_same():
            return False
        is_done = old.status == DONE and all(map(old.wrote, job.pictures))
        found.append(replace(
            old, status=DONE if is_done else MADE, resumed=is_done, message=old.message.partition(NOT_DRAWN)[0],
            place=new.place, blend=job.blend, save=job.save,
        ))
    lacking = [entry for entry in found if entry.status == MADE]
    if lacking and (options.dry_run or not all(entry.wrote(group.save) for entry in lacking)):
        return False        # the file was changed since; or nothing may be drawn
    entries.update((entry.id, entry) for entry in found)
    return not lacking


def remove_parts(groups: Iterable[JobGroup], *own: str) -> None:
    """Remove what killed runs left of the files that these groups write, and of a run's own."""
    files = [*own]
    for group in groups:
        files += [group.save, *(path for job in group.jobs for path in job.pictures)]
        caches = os.path.splitext(group.save)[0] + SUFFIX
        for name in os.listdir(caches) if os.path.isdir(caches) else ():
            if CACHE_PART.search(name):
                remove(os.path.join(caches, name))
    remove_parts_of(files)


def obstacle(job: ShotJob) -> EngineError | None:
    """What stands in the way of one job, as far as can be seen from outside."""
    if not os.path.isfile(job.blend):
        return JobsError(f"Blend file not found: {job.blend}. Check blend at {job.place}.")
    audio = str(job.given.get("audio", ""))
    for name, path in (("audio", "" if audio.startswith("//") else audio), ("transcript_file", job.transcript_file)):
        if path and not os.path.isfile(path):
            return JobsError(f"File not found: {path}. Check {name} at {job.place}.")
    for folder in map(os.path.dirname, (job.save, *job.pictures)):
        if not os.path.isdir(folder):
            return OutputError(f"Folder not found: {folder}. Make it first.")
        if not os.access(folder, os.W_OK):
            return OutputError(f"You may not write to {folder}. Choose another folder at {job.place}.")
    return None


def refuse_overwriting(
    left: list[JobGroup], all_groups: list[JobGroup], journal: Journal[ShotEntry], options: RunOptions,
) -> None:
    """Check that no file is replaced without permission.

    Raises:
        OutputError: before anything is done.
    """
    inputs = {same_name(group.blend): group.jobs[0] for group in all_groups}
    for group in left:
        job = group.jobs[0]
        reader = inputs.get(same_name(group.save))
        if reader is not None:
            if options.overwrite_input:
                continue
            opener = "it" if reader.blend == job.blend else f"the job at {reader.place}"
            raise OutputError(
                f"save at {job.place} names the file that {opener} opens: {group.save}. "
                "Give a new name, or --overwrite-input if that is meant."
            )
        if not options.overwrite and os.path.lexists(group.save) and not journal.made(group.save):
            raise OutputError(
                f"save at {job.place} names a file that is there and was not made by an earlier run, "
                f"or was changed since: {group.save}. Give a new name, or --overwrite if it may go."
            )


def refuse_pictures(
    left: list[JobGroup], all_groups: list[JobGroup], journal: Journal[ShotEntry], options: RunOptions,
) -> None:
    """Check the pictures that will be drawn.

    Raises:
        JobsError: two jobs draw the same picture.
        OutputError: a picture would replace a file that an earlier run did not make.
    """
    owners: dict[str, ShotJob] = {}
    for job in (job for group in all_groups for job in group.jobs):
        for path in job.pictures:
            other = owners.setdefault(same_name(path), job)
            if other is not job:
                raise JobsError(
                    f"Jobs at {other.place} and {job.place} draw one picture: {path}. Put {{id}} into its name."
                )
    for job in (job for group in left for job in group.jobs):
        for path in job.pictures:
            if os.path.lexists(path) and not options.overwrite and not journal.made(path):
                raise OutputError(
                    f"A picture at {job.place} is there and was not made by an earlier run, "
                    f"or was changed since: {path}. "
                    "Give a new name, or --overwrite if it may go."
                )


def _recipe(job: ShotJob) -> str:
    given = dict(sorted(job.given.items()))
    wanted = [job.blend, job.save, job.scene, job.transcript_file, job.whole_list, given, *job.pictures]
    return hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
