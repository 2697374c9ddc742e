"""Many sounds at once: each becomes its files, whole or not at all, and a journal says what is done.

Sits on the pipeline. Knows lines, workers and the journal; nothing of command lines and nothing of Blender. A worker
only makes parts of files and says what it made; the one process that has the journal puts them in place.
"""

from __future__ import annotations

import hashlib
import os
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from .audio.read import read_audio
from .files import motion
from .files.jobs_file import share
from .files.journal import DONE, FAILED, MADE, JobEntry, Journal, Report
from .files.run_lock import alone
from .files.whole_file import part_of, remove, remove_parts, sha256, without_parts
from .model.folder import open_model
from .model.runtime import build
from .pipeline import animate_all
from .rig.retarget import on_frames
from .speech.placeholder import PLACEHOLDER, speak
from .values.cache import little_kept
from .values.errors import EngineError
from .values.types import Progress, Rig, Settings, Waveform, no_progress
from .workers.executor import Work


@dataclass(frozen=True)
class BatchLine:
    """One sound and what is made of it.

    Attributes:
        id, place, recipe: as in the journal.
        wanted: settings of each result; they agree in model, device and transcript.
        files: of each result the files to write, each in the format of its ending.
        meta: of each result what is written beside the motion, as plain values.
        rig: what the character can move; None gives the model's own channels.
        phones: file for the phones of the first result, or empty.
        reads: files beside the sound that decide the result.
    """

    id: str
    place: str
    recipe: str
    audio: str
    wanted: tuple[Settings, ...]
    files: tuple[tuple[str, ...], ...]
    meta: tuple[Mapping[str, object], ...]
    rig: Rig | None = None
    phones: str = ""
    reads: tuple[str, ...] = ()

    @property
    def outputs(self) -> tuple[str, ...]:
        """All files that it writes."""
        return (*(path for files in self.files for path in files), *filter(None, (self.phones,)))


@dataclass(frozen=True)
class MotionFile:
    """One written file of motion, the warnings of its result, and what was heard in a voice that gave the style."""

    path: str
    frames: int
    channels: int
    fps: float
    warnings: tuple[str, ...]
    heard: str = ""


@dataclass(frozen=True)
class LineDone:
    """What a worker says of a line.

    Attributes:
        parts: of each output the name under which it lies, its own name, and its sha256.
        inputs: path -> sha256 of the files that were read.
        problem: why it failed, or empty. trace: of a bug.
    """

    id: str
    parts: tuple[tuple[str, str, str], ...] = ()
    inputs: Mapping[str, str] | None = None
    warnings: tuple[str, ...] = ()
    sound_s: float = 0.0
    seconds: float = 0.0
    processor_s: float = 0.0
    problem: str = ""
    trace: str = ""


class LineWorkers(Protocol):
    """Workers for lines: every Executor, or one that does more with lines."""

    def results(self, work: Work[BatchLine, LineDone], tasks: Sequence[BatchLine]) -> Generator[LineDone, None, None]:
        """As Executor."""


@dataclass
class LineEntry(JobEntry):
    """One line of the report. sound_s: seconds of sound. processor_s: seconds of a processor that it took."""

    audio: str = ""
    sound_s: float = 0.0
    processor_s: float = 0.0


@dataclass(frozen=True)
class BatchOptions:
    """How to run a batch. source, shard, resume, overwrite: as on the command line. folder: for journal and report."""

    source: str
    folder: str
    shard: str = ""
    resume: bool = False
    overwrite: bool = False

    @property
    def report(self) -> str:
        """Path of the report; each shard has its own."""
        part = f".{self.shard.replace('/', '-of-')}" if self.shard else ""
        return os.path.join(self.folder, f"batch{part}.report.json")


def make_line(
    line: BatchLine, name: Callable[[str], str] = str, progress: Progress = no_progress,
) -> tuple[float, list[MotionFile]]:
    """Make all files of a line: `animate` on the command line, and each line of a batch.

    Args:
        name: under which name a file is written.
    Returns:
        Seconds of sound, and what was written. Raises EngineError kinds.
    """
    wave, doubts = _sound(line)
    with little_kept():
        animations = animate_all(wave, line.wanted, line.rig, progress)
    if line.phones:
        motion.write_phones(animations[0].phones, name(line.phones))
    sound = {"audio": Path(line.audio).name, "duration_s": wave.duration_s, "first_key_s": 0.0}
    written = []
    for meta, animation, files in zip(line.meta, animations, line.files, strict=True):
        made = on_frames(animation.curves, animation.motion) if animation.curves else animation.motion
        for path in files:
            motion.write_motion(made, name(path), {**sound, **meta})
            size = len(made.weights), len(made.channels)
            warnings = (*doubts, *animation.warnings)
            written.append(MotionFile(path, *size, made.fps, warnings, animation.heard))
    return wave.duration_s, written


def _sound(line: BatchLine) -> tuple[Waveform, tuple[str, ...]]:
    """The sound of a line, with a warning where it is none that somebody said."""
    if line.audio:
        return read_audio(line.audio), ()
    wanted = line.wanted[0]
    return speak(wanted.transcript or "", wanted.language, wanted.speaking_rate), (PLACEHOLDER,)


def work(line: BatchLine) -> LineDone:
    """Make the parts of a line's files, on one thread. Whatever goes wrong is said, not raised."""
    start, processor = time.monotonic(), time.process_time()
    problem = trace = ""
    try:
        inputs = {path: sha256(path) for path in (line.audio, *line.reads) if path}
        wanted = tuple(replace(settings, threads=settings.threads or 1) for settings in line.wanted)
        sound_s, written = make_line(replace(line, wanted=wanted), part_of)
        parts = tuple((part_of(path), path, sha256(part_of(path))) for path in line.outputs)
        warnings = dict.fromkeys(text for file in written for text in file.warnings)
        spent = time.monotonic() - start, time.process_time() - processor
        return LineDone(line.id, parts, inputs, tuple(warnings), sound_s, *spent)
    except EngineError as error:
        problem = without_parts(str(error))
    except Exception as error:  # noqa: BLE001  one bad line must not end a night's work; its traceback is shown
        problem = f"A bug stopped this line: {type(error).__name__}: {error}. See the traceback in the log."
        trace = traceback.format_exc()
    for path in line.outputs:
        remove(part_of(path))
    return LineDone(line.id, problem=problem, trace=trace)


def died(line: BatchLine) -> LineDone:
    """What is said of a line whose workers died."""
    return LineDone(line.id, problem="The process that made this line died, again and again. Is memory short?")


def fingerprint(models: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    """What has to be the same on two computers that are to give the same results: name -> version or hash.

    Args:
        models: id or folder of each, and the folders in which it is looked for.
    """
    about = {"the engine": _source_hash(), "NumPy": np.__version__, "ONNX Runtime": build().split()[0]}
    for model, folders in models:
        try:
            about[f"model {model}"] = hashlib.sha256(str(open_model(model, folders).hashes).encode()).hexdigest()[:12]
        except EngineError as error:
            about[f"model {model}"] = f"not there ({error})"
    return about


def _source_hash() -> str:
    """Of the engine's own program."""
    found = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        if "learn" not in path.parts and "nets" not in path.parts:
            found.update(path.read_bytes())
    return found.hexdigest()[:12]


def run_batch(
    lines: Sequence[BatchLine], wrong: Sequence[LineEntry], options: BatchOptions, workers: LineWorkers,
    tell: Callable[[LineEntry], None],
) -> Report[LineEntry]:
    """Make the lines, the longest sounds first.

    Args:
        wrong: lines that could not be understood; they are failed ones of the report.
        tell: gets each line that has ended.
    Returns:
        The report, which is written too.
    Raises:
        OutputError: journal or report is something else, or cannot be written; another run of them is at work.
        SettingError: a wrong shard.
    """
    with alone(options.report):
        return _run_alone(lines, wrong, options, workers, tell)


def _run_alone(
    lines: Sequence[BatchLine], wrong: Sequence[LineEntry], options: BatchOptions, workers: LineWorkers,
    tell: Callable[[LineEntry], None],
) -> Report[LineEntry]:
    journal = Journal(options.report, LineEntry)
    mine = share([*lines], options.shard)
    entries = {line.id: LineEntry(line.id, line.place, line.recipe, audio=line.audio) for line in mine}
    failed = [] if options.shard and not options.shard.startswith("1/") else wrong
    report = Report(options.report, options.source, options.shard, {}, [*entries.values(), *failed])
    left = [line for line in mine if not (options.resume and _is_done(line, entries[line.id], journal))]
    outputs = [path for line in left for path in line.outputs]
    remove_parts([*outputs, options.report, journal.path])
    journal.begin()
    report.write()
    try:
        _refuse_outputs(mine, entries, journal, options)
        for entry in report.entries:
            if entry.status in (FAILED, DONE):
                tell(entry)
        _make(left, entries, journal, workers, tell)
    except KeyboardInterrupt:
        _end(journal, report, "stopped")
        raise
    finally:
        remove_parts(outputs)
    _end(journal, report, "ended")
    return report


def _is_done(line: BatchLine, entry: LineEntry, journal: Journal[LineEntry]) -> bool:
    """Whether an earlier run made a line, and its files still stand; then its entry is taken over."""
    old = journal.entries.get(line.id)
    if old is None or old.recipe != line.recipe or old.status not in (DONE, MADE) or not old.reads_the_same():
        return False
    if not all(map(old.wrote, line.outputs)):
        return False
    vars(entry).update(vars(replace(old, place=line.place, status=DONE, resumed=True)))
    return True


def _refuse_outputs(
    lines: Iterable[BatchLine], entries: Mapping[str, LineEntry], journal: Journal[LineEntry], options: BatchOptions,
) -> None:
    """Fail the lines that would write over another line's file, or over one that this batch did not make."""
    owners: dict[str, str] = {}
    for line in lines:
        for path in line.outputs:
            owner = owners.setdefault(os.path.normcase(path), line.id)
            problem = ""
            if owner != line.id:
                problem = f"Line {owner} writes {path} too. Give each its own name."
            elif entries[line.id].status != DONE and not options.overwrite and os.path.lexists(path):
                problem = "" if journal.made(path) else (
                    f"{path} is there and was not made by an earlier run, or was changed since. "
                    "Write somewhere else, or give --overwrite if it may go."
                )
            if problem:
                _fail(entries[line.id], problem, journal)


def _make(
    left: Iterable[BatchLine], entries: Mapping[str, LineEntry], journal: Journal[LineEntry], workers: LineWorkers,
    tell: Callable[[LineEntry], None],
) -> None:
    lines = [line for line in left if entries[line.id].status != FAILED]
    work_of_lines = Work(work, died, _size)
    with closing(workers.results(work_of_lines, sorted(lines, key=_size, reverse=True))) as results:
        for done in results:
            _put(done, entries[done.id], journal)
            tell(entries[done.id])


def _put(done: LineDone, entry: LineEntry, journal: Journal[LineEntry]) -> None:
    """Note what became of a line, and put its files in place."""
    entry.seconds, entry.processor_s = round(done.seconds, 3), round(done.processor_s, 3)
    entry.sound_s, entry.warnings, entry.inputs = done.sound_s, [*done.warnings], {**(done.inputs or {})}
    if done.problem:
        _fail(entry, done.problem, journal)
        entry.warnings += filter(None, [done.trace])
        return
    entry.status, entry.message = MADE, f"{done.sound_s:.2f} s of sound"
    journal.note(entry)
    try:
        for part, path, digest in done.parts:
            journal.put(part, path, [entry], digest)
    except EngineError as error:
        _fail(entry, str(error), journal)
        return
    journal.status([entry], DONE)


def _size(line: BatchLine) -> int:
    """Bytes of the sound, which say well enough how long it is."""
    try:
        return os.path.getsize(line.audio)
    except OSError:
        return 0


def _fail(entry: LineEntry, problem: str, journal: Journal[LineEntry]) -> None:
    entry.status, entry.message = FAILED, problem
    journal.note(entry)


def _end(journal: Journal[LineEntry], report: Report[LineEntry], state: str) -> None:
    journal.end(state)
    report.program = {
        "reasons": reasons(report.entries), "sound_s": round(sum(entry.sound_s for entry in report.entries), 2),
        "processor_s": round(sum(entry.processor_s for entry in report.entries), 2),
    }
    report.end(state)


def reasons(entries: Iterable[LineEntry]) -> dict[str, int]:
    """Number of failed lines by reason, the most frequent first; names of sounds are left out of the reason."""
    counts: dict[str, int] = {}
    for entry in entries:
        if entry.status == FAILED:
            reason = entry.message.replace(entry.audio, "SOUND") if entry.audio else entry.message
            counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))
