"""Jobs files: which work is to be done with which options. Read and checked before anything is done.

Two forms by the file's ending: JSON lines (.jsonl, .ndjson; one job per line, a line {"defaults": {...}} counts for
those below it) and JSON ({"defaults": {...}, "jobs": [...]}, or a plain list of jobs). What a job is, and which fields
it has, says a subclass of JobsReader. docs/BATCH.md explains both kinds.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from ..rig.strict_json import line_of, spots
from ..values.errors import EngineError, SettingError

LINE_ENDINGS = (".jsonl", ".ndjson")
MAX_FILE_BYTES = 64_000_000     # a job is about 200 bytes
MAX_SHOWN_CHARACTERS = 60       # of a value, in a message
MAX_DIGITS = 20                 # of a whole number; Python refuses far longer ones with a less clear message

Job = TypeVar("Job")


class JobsError(EngineError):
    """A jobs file cannot be used: missing, not JSON, a field that is wrong."""


@dataclass(frozen=True)
class RawJob:
    """A job as it is written.

    Attributes:
        text: the piece of JSON that it stands in. field: its name there. first_line: line of that piece in the file.
        line: its own line in the file.
    """

    values: Mapping[str, object]
    text: str
    field: str
    first_line: int
    line: int

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"line {self.line}"


@dataclass(frozen=True)
class _Piece:
    """What a RawJob is made of: a value, or a line of text that is still to be parsed."""

    value: object
    text: str
    field: str
    first_line: int
    line: int
    is_parsed: bool = True


class JobsReader(ABC, Generic[Job]):
    """Walks one file; knows where it is, for messages. Relative paths count from the file's folder."""

    RIVALS: ClassVar[tuple[tuple[str, ...], ...]] = ()      # one of each group is given; a job's own replaces a default

    def __init__(self, path: str) -> None:
        self._path = path
        self._folder = os.path.dirname(path)
        self._places: dict[str, str] = {}       # job id: where it stands

    @abstractmethod
    def job(self, raw: RawJob, own: Mapping[str, object], defaults: Mapping[str, object]) -> Job:
        """A job of its own fields over the defaults. Raises JobsError."""

    @abstractmethod
    def value(self, raw: RawJob, name: str, value: object) -> object:
        """The value of a field as it is meant. Raises JobsError."""

    def jobs(self, wrong: Callable[[str, JobsError], None] | None = None) -> Iterator[Job]:
        """Jobs in the order of the file.

        Args:
            wrong: gets the place and the error of a job that is wrong, and the others are read; None raises it.
        """
        text = _read_text(self._path)
        defaults: dict[str, object] = {}
        pieces = self._lines(text) if self._path.lower().endswith(LINE_ENDINGS) else self._document(text)
        for piece in pieces:
            try:
                raw = self._raw(piece.value if piece.is_parsed else self._parse(piece.text, piece.line), piece)
                if "defaults" in raw.values:
                    defaults = self._defaults(raw)
                    continue
                own = self._checked(raw)
                found = self.job(raw, own, self._without_rivals(defaults, own))
            except JobsError as error:
                if wrong is None or '"defaults"' in piece.text[:MAX_SHOWN_CHARACTERS]:
                    raise       # the jobs below would be without them
                wrong(f"line {piece.line}", error)
                continue
            yield found

    def _lines(self, text: str) -> Iterator[_Piece]:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield _Piece(None, line, "", number, number, is_parsed=False)

    def _document(self, text: str) -> Iterator[_Piece]:
        document = self._parse(text, 1)
        if isinstance(document, list):
            yield from _entries(document, text, "")
            return
        outer = self._raw(document, _Piece(document, text, "", 1, 1))
        for name in outer.values:
            if name not in ("defaults", "jobs"):
                hint = _ending_hint(self._path)
                raise self.error(outer, name, f'is not known here. At the top stand "defaults" and "jobs"{hint}')
        jobs = outer.values.get("jobs")
        if not isinstance(jobs, list):
            raise self.error(outer, "jobs", "is no list. Write the jobs between [ and ]")
        if "defaults" in outer.values:
            yield _Piece({"defaults": outer.values["defaults"]}, text, "", 1, 1)
        yield from _entries(jobs, text, "jobs")

    def _raw(self, value: object, piece: _Piece) -> RawJob:
        if not isinstance(value, dict):
            line = piece.first_line + line_of(piece.text, piece.field) - 1
            raise JobsError(
                f'Jobs file {self._path}, line {line}: {_shown(value)} is no object. Write {{"field": value, ...}}.'
            )
        return RawJob(value, piece.text, piece.field, piece.first_line, piece.line)

    def _defaults(self, raw: RawJob) -> dict[str, object]:
        if len(raw.values) > 1:
            raise self.error(raw, "defaults", 'stands in a job. Give it a line of its own: {"defaults": {...}}')
        field = f"{raw.field}.defaults" if raw.field else "defaults"
        inner = self._raw(raw.values["defaults"], _Piece(None, raw.text, field, raw.first_line, raw.line))
        if "id" in inner.values:
            raise self.error(inner, "id", "is a default. Every job has its own id: give it there")
        return self._checked(inner)

    def id_of(self, raw: RawJob, values: Mapping[str, object]) -> str:
        """The job's own id, else its number. Raises JobsError: another job has it."""
        name = str(values.get("id", "")) or str(len(self._places) + 1)
        if name in self._places:
            raise self.error(raw, "id", f"is the id of the job at {self._places[name]} too. Give every job its own")
        self._places[name] = raw.place
        return name

    def _checked(self, raw: RawJob) -> dict[str, object]:
        """The fields of a job or of defaults, each as it is meant, paths absolute."""
        for rivals in self.RIVALS:
            given = [name for name in rivals if raw.values.get(name)]
            if len(given) > 1:
                raise self.error(raw, given[1], f"stands beside {given[0]}. Give one of {', '.join(rivals)}")
        return {name: self.value(raw, name, value) for name, value in raw.values.items()}

    def absolute(self, path: str) -> str:
        """Counts from the jobs file's folder; Blender's own "//" counts from the .blend file and stays."""
        if not path or path.startswith("//"):
            return path
        return os.path.normpath(os.path.join(self._folder, os.path.expanduser(path)))

    def _parse(self, text: str, first_line: int) -> object:
        try:
            return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_integer)
        except json.JSONDecodeError as error:
            line = first_line + error.lineno - 1
            hint = _ending_hint(self._path) if error.msg == "Extra data" else ""
            raise JobsError(
                f"Jobs file {self._path}, line {line}, column {error.colno} is not valid JSON: {error.msg}. "
                f"Fix that line{hint}."
            ) from error
        except RecursionError as error:
            raise JobsError(
                f"Jobs file {self._path}, line {first_line} is nested too deeply. A job is one flat object."
            ) from error
        except _Refused as error:
            line = first_line + line_of(text, error.key) - 1 if error.key else first_line
            raise JobsError(f"Jobs file {self._path}, line {line}: {error}.") from error

    def error(self, raw: RawJob, name: str, problem: str) -> JobsError:
        """What is wrong with a field of a job."""
        value = f" {_shown(raw.values[name])}" if name in raw.values else ""
        field = f"{raw.field}.{name}" if raw.field else name
        number = raw.first_line + line_of(raw.text, field) - 1
        line = f"Jobs file {self._path}, line {number}, {name}:{value} {problem}."
        return JobsError(line.replace("?.", "?"))

    def _without_rivals(self, defaults: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
        """Defaults, without a sound or words where the job has its own."""
        rivals = {name for group in self.RIVALS if any(own.get(name) for name in group) for name in group}
        return {name: value for name, value in defaults.items() if name not in rivals}


class _Refused(ValueError):
    """Something that JSON allows, or Python, and that hides a mistake; key is the field where it stands, or empty."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def _read_text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise JobsError(f"Jobs file {path} cannot be read: {reason}. Check the path.") from error
    if len(content) > MAX_FILE_BYTES:
        raise JobsError(f"Jobs file {path} is larger than {MAX_FILE_BYTES:,} bytes, the limit. Is it a jobs file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise JobsError(
            f"Jobs file {path}, line {line} is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        ) from error


def _entries(jobs: list[object], text: str, field: str) -> Iterator[_Piece]:
    """The jobs of a document with their lines, which are found in one walk over it."""
    wanted = {f"{field}[{index}]" for index in range(len(jobs))}
    lines = {spot.field: spot.line for spot in spots(text) if not spot.is_key and spot.field in wanted}
    for index, job in enumerate(jobs):
        place = f"{field}[{index}]"
        yield _Piece(job, text, place, 1, lines.get(place, 1))


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if any("\ud800" <= character <= "\udfff" for character in text):       # no terminal takes them
        text = json.dumps(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[:MAX_SHOWN_CHARACTERS] + "..."


def _ending_hint(path: str) -> str:
    return "" if path.lower().endswith(LINE_ENDINGS) else "; a file with one job per line ends in .jsonl"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Refused(f"{key} stands twice in one object. Leave one of them out", key)
        found[key] = value
    return found


def _no_constant(text: str) -> float:
    raise _Refused(f"{text} is no number that JSON allows. Write a finite number")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _Refused(f"the number {text[:MAX_DIGITS]}... has {len(text)} digits. Write a shorter one")
    return int(text)


def as_text(value: object) -> str:
    """A text that a file name or a name in Blender may hold. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("is no text. Write a text in double quotes")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("holds a zero byte or half a character, which no name can hold. Write another text")
    return value


def as_switch(value: object) -> bool:
    """True or false. Raises ValueError."""
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false. Write true or false, without quotes")
    return value


def share(things: list[Job], shard: str) -> list[Job]:
    """Every N-th thing from the I-th on, "I/N"; all without a shard. Raises SettingError."""
    if not shard:
        return things
    number, _, count = shard.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise SettingError(f"--shard must be I/N with I from 1 to N, for example 2/4, got {shard!r}.")
    return things[int(number) - 1::int(count)]


def looks_like_path(value: str) -> bool:
    """Whether a value that may be an id or a path is a path."""
    return "/" in value or "\\" in value or value.lower().endswith((".json", ".npz"))
