"""Lines: one sound and what is made of it, as the options of `animate` or a batch ask for it.

Reads jobs files, folders and lists of transcripts; makes nothing itself. docs/BATCH.md explains the fields of a job.
"""

from __future__ import annotations

import argparse
import copy
import csv
import difflib
import glob
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from . import arguments
from .batch import BatchLine, LineEntry
from .files import motion
from .files.jobs_file import JobsReader, RawJob, as_switch, as_text, looks_like_path
from .files.journal import FAILED
from .model import folder
from .rig import fitted_head_file
from .speech import g2p
from .values.errors import EngineError, OutputError, PresetError, SettingError
from .values.option_row import Option
from .values.types import Rig, Settings

BONE = "bone:"                      # marks a bone in a file of channels
INPUTS = (
    "audio", "channels", "preset", "template", "over", "transcript_file", "phones_in", "voice", "reference",
    "reference_2", "picture",
)
OWN_FIELDS = ("id", "audio", "output", "transcript_file", "phones", "phones_in", "preset", "channels")
UNSEEN = ("id", "output", "threads")                # fields that change nothing in a result
OF_A_LINE = ("id", "audio", "output", "transcript", "transcript_file", "phones")   # differ line by line
OWN_PATHS = (
    "audio", "transcript_file", "phones_in", "channels", "template", "over", "reference", "reference_2", "picture",
)
SOUNDS = (".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".w64", ".rf64", ".au", ".caf")     # of a folder
TEXT_ENDING = ".txt"                # of a transcript beside its sound
CSV_TITLES = ("name", "file", "audio", "id")        # of the first column of a list of transcripts that has titles
NO_FILE_NAME = re.compile(r'[<>:"/\\|?*\x00-\x1f]+')


def line_of(options: argparse.Namespace, outputs: Sequence[str], name: str = "", place: str = "") -> BatchLine:
    """What `animate` was asked for.

    Args:
        options: as arguments.add_animate gives them. outputs: files to write, one for each format.
    Raises:
        EngineError: a kind of it for an option that is wrong, before any work.
    """
    paths = [motion.check_output(output) for output in outputs]
    transcript = _transcript(options)
    if not options.audio and transcript is None:
        raise SettingError("There is no sound and no transcript. Give AUDIO, or --transcript for a placeholder.")
    asked = _asked(options)
    wanted = asked.wanted
    if transcript is not None:
        wanted = tuple(replace(settings, transcript=transcript) for settings in wanted)
    inputs = [getattr(options, field) for field in INPUTS]
    files = _output_files(paths, wanted, inputs)
    _check_phones(options, files)
    given = {field: getattr(options, field) for field in ("preset", "transcript", "transcript_file", "language")}
    count = len(paths)
    return BatchLine(
        name, place, _recipe(options, transcript, asked), options.audio, wanted,
        tuple(tuple(map(str, files[count * index:count * (index + 1)])) for index in range(len(wanted))),
        tuple({**described, **given} for described in asked.described), asked.rig,
        phones=options.phones or "", reads=tuple(path for path in inputs[1:] if path and os.path.isfile(path)),
    )


@dataclass(frozen=True)
class _Asked:
    """What many lines of a batch have in common: their settings without a transcript, as they are described beside the
    motion, the rig, and the fields that decide the result as a text."""

    wanted: tuple[Settings, ...]
    described: tuple[Mapping[str, object], ...]
    rig: Rig | None
    fields: str


@dataclass(frozen=True)
class _Common:
    """Options by their values; what lines have each for themselves is left out."""

    values: str
    options: argparse.Namespace = field(compare=False)


def _asked(options: argparse.Namespace) -> _Asked:
    """The same object for all lines with the same options; what is read from files is read each time."""
    if options.channels or options.preset or options.phones_in:
        return _read_asked(options)
    values = {name: value for name, value in vars(options).items() if name not in OF_A_LINE}
    return _recent_asked(_Common(repr(values), options))


@lru_cache(maxsize=64)
def _recent_asked(common: _Common) -> _Asked:
    return _read_asked(common.options)


def _read_asked(options: argparse.Namespace) -> _Asked:
    wanted = tuple(_wanted(options, arguments.settings_of(options, None)))
    names = {*arguments.by_name(), *OWN_FIELDS} - {*UNSEEN, *OF_A_LINE}
    fields = json.dumps({name: getattr(options, name) for name in names}, sort_keys=True, default=str)
    return _Asked(wanted, tuple(map(arguments.described, wanted)), _rig(options), fields)


def _recipe(options: argparse.Namespace, transcript: str | None, asked: _Asked) -> str:
    """Hash of all that decides the result, apart from what files hold."""
    own = [getattr(options, name) for name in OF_A_LINE if name not in UNSEEN and hasattr(options, name)]
    content = [asked.fields, own, transcript, _model_hashes(options.model)]
    return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()


@lru_cache(maxsize=64)
def _model_hashes(model: str) -> str:
    return str(folder.open_model(model).hashes)


def _wanted(options: argparse.Namespace, common: Settings) -> list[Settings]:
    """One Settings per head and identity that is asked for."""
    heads, identities = [options.head], dict.fromkeys(options.identity or [Settings.identity])
    if options.head == "all":
        heads = [head.id for head in folder.open_model(options.model).heads]
        if options.template and len(heads) > 1:
            raise SettingError(f"--template fits one head, --head all asks for {len(heads)}. Name the head.")
    return [replace(common, head=head, identity=identity) for head in heads for identity in identities]


def _transcript(options: argparse.Namespace) -> str | None:
    """The given text; None without one."""
    if options.language and options.transcript is None and options.transcript_file is None:
        raise SettingError(
            f"--language {options.language} is that of a transcript, and none is given. "
            "Add --transcript or --transcript-file."
        )
    if options.transcript_file is not None:
        return g2p.read_file(options.transcript_file)
    return str(options.transcript) if options.transcript is not None else None


def _check_phones(options: argparse.Namespace, files: Sequence[Path]) -> None:
    """Before the work: phones can be written, and not over another result or what is read."""
    if options.phones is None:
        return
    file = motion.check_output(options.phones, motion.PHONE_SUFFIXES)
    others = [*files, options.audio, options.transcript_file, options.phones_in]
    if any(other and os.path.realpath(other) == os.path.realpath(file) for other in others):
        raise OutputError(f"Phones {file} would be written over another file of this command. Give another file name.")
    if not folder.open_model(options.model).phones:
        raise SettingError(
            f"Model {options.model} does not hear phones, so --phones has nothing to write. Choose another model."
        )


def _output_files(outputs: Sequence[Path], wanted: Sequence[Settings], inputs: Sequence[str | None]) -> list[Path]:
    """The files of each result, checked before the work: none is written twice, and none over what is read."""
    every = [_output_file(output, settings, wanted) for settings in wanted for output in outputs]
    files = [motion.check_output(file) for file in every]
    names = [str(file).casefold() for file in files]
    for file, name in zip(files, names, strict=True):
        if names.count(name) > 1:
            raise SettingError(
                f"Two results would both be written to {file}. Ask for them one by one, with another -o each."
            )
        if any(given and _is_same_file(given, file) for given in inputs):
            raise OutputError(f"Output {file} is also read by this command. Give another file name.")
    return files


def _is_same_file(given: str, file: Path) -> bool:
    return os.path.exists(given) and os.path.exists(file) and os.path.samefile(given, file)


def _output_file(output: Path, settings: Settings, wanted: Sequence[Settings]) -> Path:
    """OUT.npz; with HEAD, IDENTITY or HEAD.IDENTITY before the ending where several of them are asked for."""
    parts = [
        *([settings.head] if len({other.head for other in wanted}) > 1 else []),
        *([settings.identity] if len({other.identity for other in wanted}) > 1 else []),
    ]
    plain = [re.sub(r"[^\w.+-]+", "_", part).strip("_") for part in parts]
    return output.with_name(".".join([output.stem, *filter(None, plain)]) + output.suffix)


def _rig(options: argparse.Namespace) -> Rig | None:
    if options.preset.lower().endswith(".npz") and not options.channels:
        return fitted_head_file.rig_of(options.preset)
    if bool(options.preset) != bool(options.channels):
        raise PresetError(
            "--preset and --channels belong together: "
            "give the preset's name (or auto), and a file with the rig's shape key names."
        )
    if not options.preset:
        return None
    try:
        names = Path(options.channels).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise PresetError(
            f"Channel file {options.channels} cannot be read ({error}). "
            "Give a text file with one shape key name per line."
        ) from error
    given = {name.strip() for name in names if name.strip()}
    bones = frozenset(name for name in given if name.startswith(BONE))
    return Rig(frozenset(given - bones), frozenset(name.removeprefix(BONE) for name in bones), preset=options.preset)


class Lines:
    """The lines of a batch, and those that could not be understood.

    Attributes:
        wrong: as failed lines of the report.
        unused: names in the list of transcripts that no sound has.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        """Find them as the command line of `batch` asks. Raises EngineError: there is none, or a list is damaged."""
        self.wrong: list[LineEntry] = []
        self._options = options
        self._texts = _read_texts(options.transcripts) if options.transcripts else {}
        self._used: set[str] = set()
        self._folders: set[str] = set()
        source = options.source
        is_jobs = source.lower().endswith((".jsonl", ".ndjson", ".json")) and not os.path.isdir(source)
        self.found = list(self._of_jobs(source) if is_jobs else self._of_sounds(source))
        if not self.found and not self.wrong:
            raise SettingError(f"No sound in {source}. Give a folder or pattern of sounds, or a jobs file (.jsonl).")
        self.unused = sorted(set(self._texts) - self._used)

    def _of_jobs(self, source: str) -> Iterator[BatchLine]:
        reader = _LineReader(os.path.abspath(source), self._options, self._line)
        yield from filter(None, reader.jobs(lambda place, error: self._note(place, place, "", error)))

    def _of_sounds(self, source: str) -> Iterator[BatchLine]:
        if os.path.isdir(source):
            base, sounds = source, [os.path.join(at, name) for at, _, names in os.walk(source) for name in names]
            sounds = [path for path in sounds if path.lower().endswith(SOUNDS)]
        else:
            base, sounds = _without_pattern(source), glob.glob(source, recursive=True)
            sounds = [path for path in sounds if os.path.isfile(path) and not path.lower().endswith(TEXT_ENDING)]
        for path in sorted(sounds):
            options = copy.copy(self._options)
            options.audio = path
            name = os.path.relpath(path, base)
            line = self._line(options, "", name, name, base)
            if line is not None:
                yield line

    def _line(
        self, options: argparse.Namespace, pattern: str, name: str, place: str, base: str,
    ) -> BatchLine | None:
        """A line with its words and the names of its files; one that is wrong is noted."""
        try:
            self._find_words(options, base)
            options.phones = options.phones and self._output(options.phones, options.audio, name, base)
            output = self._output(pattern or options.name, options.audio, name, base)
            has_ending = output.lower().endswith(motion.SUFFIXES)
            outputs = [output] if has_ending else [f"{output}.{ending}" for ending in options.format or ["npz"]]
            return line_of(options, outputs, name, place)
        except EngineError as error:
            self._note(name, place, options.audio, error)
        return None

    def _find_words(self, options: argparse.Namespace, base: str) -> None:
        """The transcript of a list, or of a text beside the sound."""
        if options.transcript is None and options.transcript_file is None:
            stem = os.path.splitext(options.audio)[0]
            path = os.path.relpath(options.audio, base)
            names = (path, os.path.splitext(path)[0], os.path.basename(options.audio), os.path.basename(stem))
            known = next((name for name in names if name in self._texts), None)
            if known is not None:
                self._used.add(known)
                options.transcript = self._texts[known]
            elif not options.no_transcripts and os.path.isfile(stem + TEXT_ENDING):
                options.transcript_file = stem + TEXT_ENDING
            else:
                options.language = ""       # it is that of the lines that have a transcript

    def _output(self, pattern: str, audio: str, name: str, base: str) -> str:
        """A file of a line, in a folder that is there."""
        stem = os.path.splitext(os.path.relpath(audio, base))[0] if audio else NO_FILE_NAME.sub("_", name)
        inside = stem if not stem.startswith(os.pardir) and not os.path.isabs(stem) else os.path.basename(stem)
        marks = {"{path}": inside, "{name}": os.path.basename(stem), "{id}": NO_FILE_NAME.sub("_", name)}
        for mark, value in marks.items():
            pattern = pattern.replace(mark, value)
        path = os.path.abspath(os.path.join(self._options.output, pattern))
        at = os.path.dirname(path)
        if at not in self._folders:
            try:
                os.makedirs(at, exist_ok=True)
            except OSError as error:
                raise OutputError(f"Folder {at} cannot be made: {error.strerror}. Write somewhere else.") from error
            self._folders.add(at)
        return path

    def _note(self, name: str, place: str, audio: str, error: EngineError) -> None:
        self.wrong.append(LineEntry(name, place, status=FAILED, message=str(error), audio=audio))


class _LineReader(JobsReader[BatchLine | None]):
    """Jobs of a batch: a sound, and every option of `animate` under its own name, with _ for -."""

    RIVALS = (("transcript", "transcript_file"),)

    def __init__(
        self, path: str, options: argparse.Namespace,
        line: Callable[[argparse.Namespace, str, str, str, str], BatchLine | None],
    ) -> None:
        super().__init__(path)
        self._options, self._line = options, line

    def job(self, raw: RawJob, own: Mapping[str, object], defaults: Mapping[str, object]) -> BatchLine | None:
        """A job of its own fields over the defaults, and those over the command line. Raises JobsError."""
        values = {**defaults, **own}
        if not values.get("audio"):
            raise self.error(raw, "audio", "is missing. Every job names its sound")
        options = copy.copy(self._options)
        for rivals in self.RIVALS:
            if any(name in values for name in rivals):
                vars(options).update(dict.fromkeys(rivals))
        name = self.id_of(raw, values)
        vars(options).update({field: value for field, value in values.items() if field not in ("id", "output")})
        return self._line(options, str(values.get("output", "")), name, raw.place, self._folder)

    def value(self, raw: RawJob, name: str, value: object) -> object:
        """The value of a field as it is meant. Raises JobsError."""
        option = arguments.by_name().get(name)
        if option is None and name not in OWN_FIELDS:
            near = difflib.get_close_matches(name, [*OWN_FIELDS, *arguments.by_name()], 1, 0.5)
            hint = f"Did you mean {near[0]}?" if near else "docs/BATCH.md lists all fields"
            raise self.error(raw, name, f"is no field. {hint}")
        try:
            read = _value(option, value) if option else as_text(value)
        except ValueError as error:
            raise self.error(raw, name, str(error)) from error
        is_path = name in OWN_PATHS or (name in ("model", "preset", "voice") and looks_like_path(str(read)))
        return self.absolute(str(read)) if is_path else read


def _value(option: Option, value: object) -> object:
    """A value from JSON as the option's flag gives it; ranges are checked with all others. Raises ValueError."""
    if option.kind == "BOOLEAN":
        return as_switch(value)
    if option.kind in ("INT", "FLOAT"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError("is no number. Write a number, without quotes")
        if option.kind == "INT" and value != int(value):
            raise ValueError("is no whole number. Write a whole number")
        return int(value) if option.kind == "INT" else float(value)
    if option.flag and option.flag.repeats:
        return [as_text(one) for one in value] if isinstance(value, list) else [as_text(value)]
    text = as_text(value)
    names = [item for item, _, _ in option.items]
    if names and text not in names:
        raise ValueError(f"is none of its values. Write one of {', '.join(names)}")
    return text


def _without_pattern(pattern: str) -> str:
    """The folder from which the files of a pattern count."""
    at = Path(pattern)
    while glob.has_magic(str(at)) and at != at.parent:
        at = at.parent
    return str(at if os.path.isdir(at) else at.parent)


def _read_texts(path: str) -> dict[str, str]:
    """Transcripts by the name of their sound, of a csv of names and texts. Raises SettingError."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file, "excel-tab" if path.lower().endswith(".tsv") else "excel") if row]
    except (OSError, ValueError, csv.Error) as error:
        raise SettingError(f"The list of transcripts {path} cannot be read ({error}). Give a csv in UTF-8.") from error
    if rows and rows[0][0].strip().lower() in CSV_TITLES:
        rows = rows[1:]
    short = next((row for row in rows if len(row) < 2), None)
    if short is not None:
        raise SettingError(f"The list of transcripts {path} has a row without a text: {short[0]!r}. Write name,text.")
    return {os.path.normpath(row[0].strip()): row[1] for row in rows if row[1].strip()}
