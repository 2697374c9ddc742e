"""Jobs files: which sound goes on which character of which .blend file. Read and checked before anything is done.

Two forms by the file's ending: JSON lines (.jsonl, .ndjson; one job per line, a line {"defaults": {...}} counts for
those below it) and JSON ({"defaults": {...}, "jobs": [...]}, or a plain list of jobs). docs/BATCH.md explains every
field.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...engine import EngineError
from ...engine.rig.strict_json import line_of
from ..take.options import BY_NAME, SOUNDS, WORDS, with_switches
from .choice_fields import ID_OR_PATH, as_switch, as_text, read

LINE_ENDINGS = (".jsonl", ".ndjson")
MAX_FILE_BYTES = 64_000_000     # a job is about 200 bytes
PICTURES = {"contact_sheet": ".png", "playblast": ".mp4"}   # fields that name a picture to draw, and their endings
OWN_FIELDS = ("id", "blend", "save", "scene", "transcript_file", "list", *PICTURES)
OWN_PATHS = ("blend", "save", "transcript_file", *PICTURES)
RIVALS = (tuple(SOUNDS), WORDS)          # one of each group is given: a job's own replaces the default
# What the rows of a scene's list say themselves.
OF_A_ROW = (*SOUNDS, *WORDS, "character", "start_frame", "use_range", "range_start", "range_end")
NAME_MARK = "{name}"            # in "save" and pictures: the .blend file's name without its ending
ID_MARK = "{id}"                # in pictures: the job's id, with _ for what no file name takes
NO_FILE_NAME = r'[<>:"/\\|?*\x00-\x1f]+'
MAX_SHOWN_CHARACTERS = 60       # of a value, in a message
MAX_DIGITS = 20                 # of a whole number; Python refuses far longer ones with a less clear message


class JobsError(EngineError):
    """A jobs file cannot be used: missing, not JSON, a field that is wrong."""


@dataclass(frozen=True)
class ShotJob:
    """One line of sound on one character of one .blend file.

    Attributes:
        id: its name in the report, unique. place: where it stands, for messages.
        blend, save: absolute paths of the file to open and the file to write.
        scene: name, or empty for the file's active scene.
        transcript_file: absolute path, or empty.
        whole_list: all lines of the scene's own list, as Generate All makes them.
        given: choices that the job or its defaults give; the file's own panel says the rest.
        contact_sheet, playblast: absolute paths of the pictures to draw, or empty.
    """

    id: str
    place: str
    blend: str
    save: str
    scene: str
    transcript_file: str
    whole_list: bool
    given: Mapping[str, object]
    contact_sheet: str = ""
    playblast: str = ""

    @property
    def pictures(self) -> tuple[str, ...]:
        """Paths of all pictures of the job."""
        return tuple(filter(None, (self.contact_sheet, self.playblast)))


@dataclass(frozen=True)
class _Raw:
    """A job as it is written.

    Attributes:
        text: the piece of JSON that it stands in. field: its name there. first_line: line of that piece in the file.
    """

    values: Mapping[str, object]
    text: str
    field: str
    first_line: int


def read_jobs(path: str) -> list[ShotJob]:
    """Every job of a file.

    Args:
        path: the jobs file; relative paths in it count from its folder.
    Raises:
        JobsError: the first thing that is wrong, with its line, field, value, and what would be right.
    """
    reader = _Reader(os.path.abspath(path))
    jobs = list(reader.jobs())
    if not jobs:
        raise JobsError(
            f"Jobs file {path} holds no job. Write one per line, for example "
            '{"blend": "shot.blend", "strip": "line", "save": "out.blend"}.'
        )
    return jobs


class _Reader:
    """Walks one file; knows where it is, for messages."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._folder = os.path.dirname(path)
        self._places: dict[str, str] = {}       # job id: where it stands

    def jobs(self) -> Iterator[ShotJob]:
        """Jobs in the order of the file."""
        text = _read_text(self._path)
        defaults: dict[str, object] = {}
        for raw in self._lines(text) if self._path.lower().endswith(LINE_ENDINGS) else self._document(text):
            if "defaults" in raw.values:
                defaults = self._defaults(raw)
            else:
                yield self._job(raw, defaults)

    def _lines(self, text: str) -> Iterator[_Raw]:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield self._raw(self._parse(line, number), line, "", number)

    def _document(self, text: str) -> Iterator[_Raw]:
        document = self._parse(text, 1)
        if isinstance(document, list):
            yield from (self._raw(job, text, f"[{index}]") for index, job in enumerate(document))
            return
        outer = self._raw(document, text, "")
        for name in outer.values:
            if name not in ("defaults", "jobs"):
                hint = _ending_hint(self._path)
                raise self._error(outer, name, f'is not known here. At the top stand "defaults" and "jobs"{hint}')
        jobs = outer.values.get("jobs")
        if not isinstance(jobs, list):
            raise self._error(outer, "jobs", "is no list. Write the jobs between [ and ]")
        if "defaults" in outer.values:
            yield _Raw({"defaults": outer.values["defaults"]}, text, "", 1)
        yield from (self._raw(job, text, f"jobs[{index}]") for index, job in enumerate(jobs))

    def _raw(self, value: object, text: str, field: str, first_line: int = 1) -> _Raw:
        return _Raw(self._object(value, _Raw({}, text, field, first_line)), text, field, first_line)

    def _defaults(self, raw: _Raw) -> dict[str, object]:
        if len(raw.values) > 1:
            raise self._error(raw, "defaults", 'stands in a job. Give it a line of its own: {"defaults": {...}}')
        field = f"{raw.field}.defaults" if raw.field else "defaults"
        inner = self._raw(raw.values["defaults"], raw.text, field, raw.first_line)
        if "id" in inner.values:
            raise self._error(inner, "id", "is a default. Every job has its own id: give it there")
        return self._checked(inner)

    def _job(self, raw: _Raw, defaults: Mapping[str, object]) -> ShotJob:
        own = self._checked(raw)
        values = self._as_list(raw, own, {**_without_rivals(defaults, own), **own})
        for name in ("blend", "save"):
            if not values.get(name):
                problem = "is missing. Every job names the .blend file to open (blend) and the one to write (save)"
                raise self._error(raw, name, problem)
        blend = str(values["blend"])
        save = str(values["save"]).replace(NAME_MARK, Path(blend).stem)
        if not save.lower().endswith(".blend"):
            raise self._error(raw, "save", "does not end in .blend. Name the .blend file to write")
        name = self._id(raw, values)
        job = ShotJob(
            id=name,
            place=f"line {self._line(raw, '')}",
            blend=blend,
            save=save,
            scene=str(values.get("scene", "")),
            transcript_file=str(values.get("transcript_file", "")),
            whole_list=bool(values.get("list")),
            given=with_switches({name: value for name, value in values.items() if name not in OWN_FIELDS}),
            **self._pictures(raw, values, Path(blend).stem, name),
        )
        self._places[job.id] = job.place
        return job

    def _as_list(self, raw: _Raw, own: Mapping[str, object], values: dict[str, object]) -> dict[str, object]:
        """The values of a job; a job for a scene's list has none of what the rows of that list say themselves."""
        if not values.get("list"):
            return values
        of_a_row = next((name for name in OF_A_ROW if name in own), None)
        if of_a_row is None:
            return {name: value for name, value in values.items() if name not in OF_A_ROW}
        if own.get("list"):
            problem = "stands beside list. The lines of the list say that themselves: leave one of both out"
            raise self._error(raw, of_a_row, problem)
        return {**values, "list": False}        # a job of one line, under defaults for lists

    def _pictures(self, raw: _Raw, values: Mapping[str, object], stem: str, name: str) -> dict[str, str]:
        """The pictures of a job by field, with their marks filled."""
        found: dict[str, str] = {}
        for field, ending in PICTURES.items():
            path = str(values.get(field, ""))
            if not path or (values.get("list") and field not in raw.values):
                continue
            if values.get("list"):
                problem = "stands beside list. A picture shows one take: give it to jobs of one line"
                raise self._error(raw, field, problem)
            if not path.lower().endswith(ending):
                raise self._error(raw, field, f"does not end in {ending}. Name the file to write")
            found[field] = path.replace(NAME_MARK, stem).replace(ID_MARK, re.sub(NO_FILE_NAME, "_", name))
        return found

    def _id(self, raw: _Raw, values: Mapping[str, object]) -> str:
        name = str(values.get("id", "")) or str(len(self._places) + 1)
        if name in self._places:
            raise self._error(raw, "id", f"is the id of the job at {self._places[name]} too. Give every job its own")
        return name

    def _checked(self, raw: _Raw) -> dict[str, object]:
        """The fields of a job or of defaults, each as it is meant, paths absolute."""
        for rivals in RIVALS:
            given = [name for name in rivals if raw.values.get(name)]
            if len(given) > 1:
                raise self._error(raw, given[1], f"stands beside {given[0]}. Give one of {', '.join(rivals)}")
        return {name: self._value(raw, name, value) for name, value in raw.values.items()}

    def _value(self, raw: _Raw, name: str, value: object) -> object:
        field = BY_NAME.get(name)
        if field is None and name not in OWN_FIELDS:
            near = difflib.get_close_matches(name, [*OWN_FIELDS, *BY_NAME], 1, 0.5)
            hint = f"Did you mean {near[0]}?" if near else "docs/BATCH.md lists all fields"
            raise self._error(raw, name, f"is no field. {hint}")
        try:
            value = read(field, value) if field is not None else as_switch(value) if name == "list" else as_text(value)
        except ValueError as error:
            raise self._error(raw, name, str(error)) from error
        is_path = name in OWN_PATHS or (field is not None and field.is_path)
        is_path = is_path or (name in ID_OR_PATH and _looks_like_path(str(value)))
        return self._absolute(str(value)) if is_path else value

    def _absolute(self, path: str) -> str:
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

    def _object(self, value: object, raw: _Raw) -> dict[str, Any]:
        if not isinstance(value, dict):
            line = self._line(raw, "")
            raise JobsError(
                f'Jobs file {self._path}, line {line}: {_shown(value)} is no object. Write {{"field": value, ...}}.'
            )
        return value

    def _line(self, raw: _Raw, name: str) -> int:
        field = f"{raw.field}.{name}" if raw.field and name else raw.field or name
        return raw.first_line + line_of(raw.text, field) - 1

    def _error(self, raw: _Raw, name: str, problem: str) -> JobsError:
        value = f" {_shown(raw.values[name])}" if name in raw.values else ""
        line = f"Jobs file {self._path}, line {self._line(raw, name)}, {name}:{value} {problem}."
        return JobsError(line.replace("?.", "?"))


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


def _without_rivals(defaults: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Defaults, without a sound or words where the job has its own."""
    rivals = {name for group in RIVALS if any(own.get(name) for name in group) for name in group}
    return {name: value for name, value in defaults.items() if name not in rivals}


def _looks_like_path(value: str) -> bool:
    return "/" in value or "\\" in value or value.lower().endswith((".json", ".npz"))


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
