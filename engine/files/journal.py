"""What became of each job of a batch, in a journal that only grows and is true at any moment, and a report at the end.

The journal has JSON lines, one for each thing that happened. A file is announced with its hash before it is put in
place: so what a killed run made is known as ours, and a job counts as done only where all of it is there. Knows jobs by
their ids and the files that they read and write; not what a job is. docs/BATCH.md explains the fields.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import IO, Any, ClassVar, Generic, Self, TypeVar

from ..values.errors import OutputError
from .whole_file import part_of, remove, same_name, sha256

SCHEMA = 1
ANY_NAME = "surrogateescape"        # a file name need not be UTF-8
# Of a job; made: not all of its files are there yet.
WAITING, MADE, DONE, FAILED, CHECKED = "waiting", "made", "done", "failed", "checked"
STATUSES = (DONE, FAILED, MADE, WAITING, CHECKED)       # in the order in which they are counted


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class JobEntry:
    """One job of a journal.

    Attributes:
        place: where it stands in the jobs file.
        recipe: hash of all that the job asks for.
        status: WAITING, MADE, DONE, FAILED, or CHECKED (dry run).
        resumed: done by an earlier run and left alone by this one.
        message: what was made, or why not. warnings: further sentences.
        seconds: that it took.
        inputs, outputs: path -> sha256 of the files that it read and wrote; empty where version 0.1 noted none.
    """

    id: str
    place: str = ""
    recipe: str = ""
    status: str = WAITING
    resumed: bool = False
    message: str = ""
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)

    SAID_BY_THE_JOB: ClassVar[tuple[str, ...]] = ("place", "resumed")       # fields that a journal need not hold

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """An entry of a journal or report, which a later version may have written with further fields."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    def to_json(self) -> dict[str, object]:
        """All fields, for the report."""
        return asdict(self)

    def differing(self) -> dict[str, object]:
        """Fields that are not as in a new entry, for the journal."""
        new, found = vars(type(self)(self.id)), {"id": self.id}
        own = {name: value for name, value in vars(self).items() if name not in self.SAID_BY_THE_JOB}
        return found | {name: value for name, value in own.items() if value != new[name]}

    def reads_the_same(self) -> bool:
        """Whether no file that it read has changed since."""
        return all(sha256(path) == known for path, known in self.inputs.items())

    def wrote(self, path: str) -> bool:
        """Whether a file is there as this job wrote it; a job that is done leaves its files to the artist."""
        if self.status == DONE:
            return path in self.outputs and os.path.isfile(path)
        return bool(self.outputs.get(path)) and sha256(path) == self.outputs[path]


Entry = TypeVar("Entry", bound=JobEntry)


class Journal(Generic[Entry]):
    """What earlier runs of a jobs file noted, and after `begin` what this one adds.

    Attributes:
        path: of the journal; it lies beside the report.
        entries: what is known of each job, by id.
        temporary: folder of a run that was killed, empty if none was.
    """

    def __init__(self, report: str, kind: type[Entry]) -> None:
        """Read the journal of a report; without one the report itself, as version 0.1 wrote it.

        Raises:
            OutputError: one of the files is something else.
        """
        self.path = f"{os.path.splitext(report)[0]}.journal.jsonl"
        self.entries: dict[str, Entry] = {}
        self.temporary = ""
        self._kind = kind
        self._made: dict[str, set[str]] = {}
        self._file: IO[str] | None = None
        reported = _read_report(report)
        if os.path.exists(self.path):
            self._read()
            return
        for entry in map(kind.from_json, reported):
            self._take_over(entry)

    def made(self, path: str) -> bool:
        """Whether a file is one that a run of this journal made, unchanged since."""
        versions = self._made.get(same_name(path), set())
        return "" in versions or (bool(versions) and sha256(path) in versions)

    def begin(self, **about: object) -> None:
        """Open the journal for this run. Raises OutputError."""
        start = {"journal": SCHEMA, "started": _now(), **about}
        part = part_of(self.path)
        try:
            if not os.path.exists(self.path):       # what a report of version 0.1 says comes with the first line
                known = [_text({"job": entry.differing()}) for entry in self.entries.values()]
                with open(part, "w", encoding="utf-8", errors=ANY_NAME) as file:
                    file.writelines([_text(start), *known])
                os.replace(part, self.path)
                start = {}
            self._file = open(self.path, "a", encoding="utf-8", errors=ANY_NAME)    # noqa: SIM115  through the run
        except OSError as error:
            remove(part)
            raise _unwritable(self.path, error) from error
        if start:
            self._file.write("\n")          # a killed run may have left a torn line
            self._append(start)

    def note(self, entry: Entry) -> None:
        """Write all that is known of a job."""
        self.entries[entry.id] = entry
        self._append({"job": entry.differing()})

    def status(self, entries: Sequence[Entry], status: str) -> None:
        """Give some jobs a status."""
        for entry in entries:
            entry.status = status
        self._append({"status": status, "jobs": [entry.id for entry in entries]})

    def put(self, part: str, path: str, entries: Sequence[Entry], digest: str = "") -> None:
        """Put a whole file in its place as the output of these jobs; digest is its sha256. Raises OutputError."""
        digest = digest or sha256(part)
        self._wrote(entries, path, digest)
        self._append({"file": path, "sha256": digest, "jobs": [entry.id for entry in entries]})
        try:
            os.replace(part, path)
        except OSError as error:
            remove(part)
            raise OutputError(f"Cannot write {path}: {error.strerror}. Choose another name or folder.") from error

    def add(self, events: Iterable[str]) -> None:
        """Take over lines of another journal. Raises OutputError."""
        for text in events:
            line = _line(text)
            self._replay(line)
            self._append(line)

    def end(self, state: str) -> None:
        """Say that this run adds no more."""
        self._append({"end": state, "at": _now()})
        if self._file is not None:
            self._file.close()
            self._file = None

    def _append(self, line: Mapping[str, object]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(_text(line))
            self._file.flush()
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _read(self) -> None:
        try:
            with open(self.path, encoding="utf-8", errors=ANY_NAME) as file:
                first = next(file, "")
                if _line(first).get("journal") != SCHEMA:
                    raise ValueError(f"its first line names no journal of schema {SCHEMA}")
                for text in (first, *file):
                    self._replay(_line(text))
        except (OSError, ValueError) as error:
            raise OutputError(
                f"{self.path} is no journal of an earlier run ({error}). Move it away, or name another one."
            ) from error

    def _replay(self, line: Mapping[str, Any]) -> None:
        """Take over one line; one that is damaged changes nothing, so its job is made again."""
        try:
            if "journal" in line:
                self.temporary = str(line.get("temporary", ""))
            if "end" in line:
                self.temporary = ""
            if "job" in line:
                self._take_over(self._kind.from_json(line["job"]))
            entries = [self.entries[name] for name in line.get("jobs", ()) if name in self.entries]
            for entry in entries:
                entry.status = line.get("status", entry.status)
            if "file" in line:
                self._wrote(entries, line["file"], line["sha256"])
        except (TypeError, KeyError, AttributeError):
            return

    def _take_over(self, entry: Entry) -> None:
        """Know a job of an earlier run, and that its files are ours."""
        self.entries[entry.id] = entry
        for path, digest in entry.outputs.items():
            self._made.setdefault(same_name(path), set()).add(digest)

    def _wrote(self, entries: Sequence[Entry], path: str, digest: str) -> None:
        for entry in entries:
            entry.outputs[path] = digest
            if path in entry.inputs:        # a job that writes over what it read: the next run reads what was written
                entry.inputs[path] = digest
        self._made.setdefault(same_name(path), set()).add(digest)


@dataclass
class Report(Generic[Entry]):
    """All jobs of one run. state: "running", "ended" or "stopped"."""

    path: str
    jobs_file: str
    shard: str
    program: Mapping[str, object]
    entries: Sequence[Entry]
    started: str = field(default_factory=_now)
    ended: str = ""
    state: str = "running"

    def end(self, state: str) -> None:
        """Say that nothing more comes, and list the jobs."""
        self.state, self.ended = state, _now()
        self.write()

    @property
    def good(self) -> bool:
        """Whether every job is done, or was found good by a dry run."""
        return all(entry.status in (DONE, CHECKED) for entry in self.entries)

    def counts(self) -> dict[str, int]:
        """Number of jobs by status."""
        found = [entry.status for entry in self.entries]
        return {status: found.count(status) for status in STATUSES if status in found}

    def write(self) -> None:
        """Write it, whole or not at all; the jobs are listed once the run is over. Raises OutputError."""
        head = {
            "schema": SCHEMA, "state": self.state, "counts": self.counts(), "jobs_file": self.jobs_file,
            "shard": self.shard, **self.program, "started": self.started, "ended": self.ended,
        }
        text = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
        jobs = self.entries if self.ended else ()
        lines = [json.dumps(entry.to_json(), ensure_ascii=False) for entry in jobs]
        part = part_of(self.path)
        try:
            with open(part, "w", encoding="utf-8", errors=ANY_NAME) as file:
                file.write(text + ',\n "jobs": [\n' + ",\n".join(lines) + "\n]}\n")
            os.replace(part, self.path)
        except OSError as error:
            remove(part)
            raise _unwritable(self.path, error) from error


def _read_report(path: str) -> list[Mapping[str, Any]]:
    """The jobs of a report; none where there is no report. Raises OutputError: the file is something else."""
    if not os.path.exists(path):
        return []
    try:
        with open(path, encoding="utf-8", errors=ANY_NAME) as file:
            content = json.load(file)
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']}, this version knows {SCHEMA}")
        return [job for job in content["jobs"] if job["status"] != WAITING]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OutputError(
            f"{path} is no report of an earlier run ({error}). Move it away, or name another one with --report."
        ) from error


def _text(line: Mapping[str, object]) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"


def _line(text: str) -> Mapping[str, Any]:
    """One line of a journal; nothing where a killed run tore it."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return line if isinstance(line, dict) else {}


def _unwritable(path: str, error: OSError) -> OutputError:
    return OutputError(
        f"Cannot write the report {path}: {error.strerror or error}. Name another one with --report."
    )
