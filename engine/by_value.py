"""Lines for workers that share no disk with the driver: their files go with them, and what was made comes back.

Sits on the batch, whose `work` it calls in a folder of its own; knows nothing of clusters.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from .batch import BatchLine, LineDone, work
from .files.whole_file import part_of
from .values.types import Rig, Settings
from .workers.executor import Executor, Work

Given = TypeVar("Given", Settings, Rig)


@dataclass(frozen=True)
class SentLine:
    """A line with what it reads: path on the driver -> bytes. One that cannot be read is left out, and then missed."""

    line: BatchLine
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class ReturnedLine:
    """What became of a line, and the bytes of each output."""

    done: LineDone
    contents: Mapping[str, bytes]


class ByValue:
    """Lines done by other workers, with files sent there and back."""

    def __init__(self, workers: Executor) -> None:
        self._workers = workers

    def results(
        self, work: Work[BatchLine, LineDone], tasks: Sequence[BatchLine],
    ) -> Generator[LineDone, None, None]:
        """As LineWorkers."""
        sent = Work(work_sent, lambda line: ReturnedLine(work.lost(line), {}), work.size, send)
        for returned in self._workers.results(sent, tasks):
            yield _received(returned)


def send(line: BatchLine) -> SentLine:
    """The line with the bytes of its sound and of all that it reads."""
    files = {}
    for path in (line.audio, *line.reads):
        try:
            files[path] = Path(path).read_bytes()
        except OSError:
            continue
    return SentLine(line, files)


def work_sent(sent: SentLine) -> ReturnedLine:
    """On a worker: the line, made from files in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="unitalker-line-") as folder:
        there = {
            path: _inside(folder, number, path) for number, path in enumerate((*sent.files, *sent.line.outputs))
        }
        for path, content in sent.files.items():
            Path(there[path]).write_bytes(content)
        done = work(_moved(sent.line, there))
        back = {there[path]: path for path in there}
        contents = {back[path]: Path(part).read_bytes() for part, path, _ in done.parts}
        parts = tuple(("", back[path], digest) for _, path, digest in done.parts)
        inputs = {back.get(path, path): digest for path, digest in (done.inputs or {}).items()}
        problem, warnings = done.problem, done.warnings
        for path, own in back.items():
            problem = problem.replace(path, own)
            warnings = tuple(text.replace(path, own) for text in warnings)
        return ReturnedLine(replace(done, parts=parts, inputs=inputs, problem=problem, warnings=warnings), contents)


def _inside(folder: str, number: int, path: str) -> str:
    """Where a file lies on the worker; it keeps its name, which results may tell."""
    place = os.path.join(folder, str(number))
    os.mkdir(place)
    return os.path.join(place, os.path.basename(path))


def _moved(line: BatchLine, there: Mapping[str, str]) -> BatchLine:
    """The line with the worker's paths for all that it reads and writes."""
    files = tuple(tuple(there[path] for path in paths) for paths in line.files)
    rig = line.rig and _with_paths(line.rig, there)
    return replace(
        line, audio=there.get(line.audio, line.audio), files=files, rig=rig, phones=there.get(line.phones, ""),
        wanted=tuple(_with_paths(settings, there) for settings in line.wanted),
        reads=tuple(there.get(path, path) for path in line.reads),
    )


def _with_paths(given: Given, there: Mapping[str, str]) -> Given:
    values = {field.name: getattr(given, field.name) for field in fields(given)}
    moved: dict[str, Any] = {
        name: there[value] for name, value in values.items() if isinstance(value, str) and value in there
    }
    return replace(given, **moved)


def _received(returned: ReturnedLine) -> LineDone:
    """On the driver: the outputs as parts beside their places."""
    done = returned.done
    for path, content in returned.contents.items():
        try:
            Path(part_of(path)).write_bytes(content)
        except OSError as error:
            return replace(done, parts=(), problem=f"Cannot write {path}: {error.strerror}. Write somewhere else.")
    return replace(done, parts=tuple((part_of(path), path, digest) for _, path, digest in done.parts))
