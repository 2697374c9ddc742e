"""What became of every job: a JSON file that is true at any moment, also when the run is killed.

docs/BATCH.md explains its fields.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime

from ...engine import OutputError

SCHEMA = 1
# Of a job; made: it is keyed, and its file is not saved yet.
WAITING, MADE, DONE, FAILED, CHECKED = "waiting", "made", "done", "failed", "checked"
HASH_BLOCK_BYTES = 2**20


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class JobEntry:
    """One job of the report.

    Attributes:
        status: WAITING, MADE, DONE, FAILED, or CHECKED (dry run).
        resumed: done by an earlier run and left alone by this one.
        message: what was made, or why not. warnings, missing: as the panel shows them.
        channels: face channels that drive something on the character. frames: of the line.
        pictures: paths of those that were drawn.
        recipe: hash of all that the job asks for. inputs: path -> sha256 of the files that it read.
        output_sha256: of `save` once written.
    """

    id: str
    place: str
    blend: str
    save: str
    recipe: str
    status: str = WAITING
    resumed: bool = False
    message: str = ""
    warnings: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    character: str = ""
    sound: str = ""
    channels: int = 0
    frames: int = 0
    seconds: float = 0.0
    inputs: dict[str, str] = field(default_factory=dict)
    output_sha256: str = ""
    pictures: list[str] = field(default_factory=list)

    @property
    def stands(self) -> bool:
        """Whether it was done, its outputs are there, and no file that it read has changed since."""
        is_there = all(map(os.path.isfile, (self.save, *self.pictures)))
        return self.status == DONE and is_there and all(sha256(path) == known for path, known in self.inputs.items())


@dataclass
class Report:
    """All jobs of one run; `write` after every change. state: "running", "ended" or "stopped"."""

    path: str
    jobs_file: str
    shard: str
    blender: str
    entries: list[JobEntry]
    started: str = field(default_factory=_now)
    ended: str = ""
    state: str = "running"

    def end(self, state: str) -> None:
        """Say that nothing more comes."""
        self.state, self.ended = state, _now()
        self.write()

    @property
    def good(self) -> bool:
        """Whether every job is done, or was found good by a dry run."""
        return all(entry.status in (DONE, CHECKED) for entry in self.entries)

    def counts(self) -> dict[str, int]:
        """Number of jobs by status."""
        found = [entry.status for entry in self.entries]
        return {status: found.count(status) for status in (DONE, FAILED, MADE, WAITING, CHECKED) if status in found}

    def write(self) -> None:
        """Write it, whole or not at all. Raises OutputError."""
        content = {
            "schema": SCHEMA, "state": self.state, "counts": self.counts(), "jobs_file": self.jobs_file,
            "shard": self.shard, "blender": self.blender, "started": self.started, "ended": self.ended,
            "jobs": [asdict(entry) for entry in self.entries],
        }
        part = f"{self.path}.{os.getpid()}.part"
        try:
            with open(part, "w", encoding="utf-8") as file:
                json.dump(content, file, ensure_ascii=False, indent=1)
            os.replace(part, self.path)
        except OSError as error:
            if os.path.exists(part):
                os.remove(part)
            reason = error.strerror or error
            raise OutputError(
                f"Cannot write the report {self.path}: {reason}. Name another one with --report."
            ) from error


def read_entries(path: str) -> dict[str, JobEntry]:
    """The jobs of an earlier report by id; none where there is no report.

    Raises:
        OutputError: the file is something else.
    """
    if not os.path.exists(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']}, this version knows {SCHEMA}")
        return {job["id"]: _entry(job) for job in content["jobs"]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OutputError(
            f"{path} is no report of an earlier run ({error}). Move it away, or name another one with --report."
        ) from error


def _entry(job: Mapping[str, object]) -> JobEntry:
    """An entry of a report, which a later version may have written with further fields."""
    known = {field.name for field in fields(JobEntry)}
    return JobEntry(**{name: value for name, value in job.items() if name in known})


def sha256(path: str) -> str:
    """Hash of a file's bytes; empty when it cannot be read."""
    found = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while block := file.read(HASH_BLOCK_BYTES):
                found.update(block)
    except OSError:
        return ""
    return found.hexdigest()
