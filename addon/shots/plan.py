"""What a run of a jobs file will do: groups of jobs for each opened file, a farm node's share, what is done already.

Found out before any work. Knows files and jobs; opens no .blend file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from ...engine import EngineError, OutputError, SettingError
from .jobs_file import JobsError, ShotJob
from .report import JobEntry, sha256


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
        same = found.setdefault(_real(job.save), [])
        if same and _real(same[0].blend) != _real(job.blend):
            raise JobsError(
                f"Jobs at {same[0].place} and {job.place} open different files and save to one: {job.save}. "
                "Give each its own save."
            )
        same.append(job)
    return [JobGroup(same[0].blend, same[0].save, tuple(same)) for same in found.values()]


def share(all_groups: list[JobGroup], shard: str) -> list[JobGroup]:
    """Every N-th group from the I-th on; all without a shard. Raises SettingError."""
    if not shard:
        return all_groups
    number, _, count = shard.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise SettingError(f"--shard must be I/N with I from 1 to N, for example 2/4, got {shard!r}.")
    return all_groups[int(number) - 1::int(count)]


def entry_for(job: ShotJob) -> JobEntry:
    """The report's line of a job that waits."""
    return JobEntry(job.id, job.place, job.blend, job.save, _recipe(job))


def carry_over(group: JobGroup, entries: Mapping[str, JobEntry], earlier: Mapping[str, JobEntry]) -> bool:
    """Take over what an earlier run did, when all of a group was done and still stands. Returns whether that is so."""
    known = [earlier.get(job.id) for job in group.jobs]
    recipes = [entries[job.id].recipe for job in group.jobs]
    if not all(old and old.recipe == recipe and old.stands for old, recipe in zip(known, recipes, strict=True)):
        return False
    for old in known:
        entry = entries[old.id]
        place = entry.place
        entry.__dict__.update(asdict(old), resumed=True, place=place)
    return True


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
    mine: list[JobGroup], all_groups: list[JobGroup], earlier: Mapping[str, JobEntry], options: RunOptions,
) -> None:
    """Check that no file is replaced without permission.

    Raises:
        OutputError: before anything is done.
    """
    inputs = {_real(group.blend): group.jobs[0] for group in all_groups}
    made = {_real(old.save): old.output_sha256 for old in earlier.values() if old.output_sha256}
    for group in mine:
        job = group.jobs[0]
        reader = inputs.get(_real(group.save))
        if reader is not None:
            if options.overwrite_input:
                continue
            opener = "it" if reader.blend == job.blend else f"the job at {reader.place}"
            raise OutputError(
                f"save at {job.place} names the file that {opener} opens: {group.save}. "
                "Give a new name, or --overwrite-input if that is meant."
            )
        if options.overwrite or not os.path.lexists(group.save):
            continue
        if made.get(_real(group.save), "") != sha256(group.save):
            raise OutputError(
                f"save at {job.place} names a file that is there and was not made by an earlier run, "
                f"or was changed since: {group.save}. Give a new name, or --overwrite if it may go."
            )


def refuse_pictures(
    mine: list[JobGroup], all_groups: list[JobGroup], earlier: Mapping[str, JobEntry], options: RunOptions,
) -> None:
    """Check the pictures that will be drawn.

    Raises:
        JobsError: two jobs draw the same picture.
        OutputError: a picture would replace a file that an earlier run did not make.
    """
    owners: dict[str, ShotJob] = {}
    for job in (job for group in all_groups for job in group.jobs):
        for path in job.pictures:
            other = owners.setdefault(_real(path), job)
            if other is not job:
                raise JobsError(
                    f"Jobs at {other.place} and {job.place} draw one picture: {path}. Put {{id}} into its name."
                )
    made = {_real(path) for old in earlier.values() for path in old.pictures}
    for job in (job for group in mine for job in group.jobs):
        for path in job.pictures:
            if os.path.lexists(path) and not options.overwrite and _real(path) not in made:
                raise OutputError(
                    f"A picture at {job.place} is there and was not made by an earlier run: {path}. "
                    "Give a new name, or --overwrite if it may go."
                )


def _real(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))


def _recipe(job: ShotJob) -> str:
    given = dict(sorted(job.given.items()))
    wanted = [job.blend, job.save, job.scene, job.transcript_file, job.whole_list, given, *job.pictures]
    return hashlib.sha256(json.dumps(wanted).encode()).hexdigest()
