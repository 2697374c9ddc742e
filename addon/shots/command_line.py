"""What `blender --command unitalker` does: one lip sync in the open file, or the jobs of a file with a report.

Options that are not given are what the file's own Lip Sync panel says. Exit status 0 done, 1 failed (one line on
stderr), 2 wrong usage. docs/BATCH.md explains it for users.
"""

from __future__ import annotations

import argparse
import os
import sys

import bpy

from ...engine import EngineError, OutputError, SettingError, check_words, read_transcript
from ...engine.files.jobs_file import JobsError
from ..pictures import plan as pictures
from ..take import make
from ..take.options import OPTIONS, SOUNDS, WORDS, with_switches
from ..take.properties import collect, with_performance
from .choice_fields import add_options
from .file import save_shot
from .jobs import run_jobs
from .plan import RunOptions

FAILED, WRONG_USAGE = 1, 2
PROGRAM = "blender -b FILE.blend --command unitalker"
PROGRAM_JOBS = "blender -b --command unitalker --jobs SHOTS.jsonl"


def run(arguments: list[str]) -> int:
    """Do what the command line asks; the exit status."""
    several = any(argument.partition("=")[0] == "--jobs" for argument in arguments)
    try:
        given = vars((jobs_parser() if several else parser()).parse_args(arguments))
    except SystemExit as end:           # argparse has said why
        return WRONG_USAGE if end.code else 0
    return _run_jobs(given) if several else _run_one(given)


def _run_one(given: dict[str, object]) -> int:
    """Make one lip sync in the open file and save it as a new file."""
    save = os.path.abspath(given.pop("save"))
    sheet, film = given.pop("contact_sheet") or "", given.pop("playblast") or ""
    given = with_switches({name: value for name, value in given.items() if value is not None})
    try:
        _check_output(save)
        _read_transcript(given)
        chosen = collect(bpy.context, with_performance(bpy.context, given))
        request = make.gather(bpy.context, make.Options(**chosen))
        summary = make.write(request, make.compute(request))
        save_shot(save)
        drawn = pictures.draw_files(bpy.context, str(given["character"]), sheet, film)
    except EngineError as error:
        return _failed(error)
    for warning in summary.warnings:
        sys.stderr.write(f"unitalker: {warning}\n")
    sys.stdout.write("\n".join([summary.line, save, *drawn]) + "\n")
    return 0


def _run_jobs(given: dict[str, object]) -> int:
    """Run a jobs file; one line per job on stdout."""
    try:
        report = run_jobs(RunOptions(**given), _tell)
    except (JobsError, SettingError) as error:
        return _failed(error, WRONG_USAGE)
    except EngineError as error:
        return _failed(error)
    except KeyboardInterrupt:
        return _failed("Stopped. Give --resume to go on.")
    counts = ", ".join(f"{count} {status}" for status, count in report.counts().items())
    _tell(f"{counts}; {report.path}")
    return 0 if report.good else FAILED


def _failed(error: object, status: int = FAILED) -> int:
    sys.stderr.write(f"unitalker: {error}\n")
    return status


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def parser() -> argparse.ArgumentParser:
    """Every option of the panel under its own name, plus what only a command line needs."""
    made = argparse.ArgumentParser(prog=PROGRAM, description=(
        "Speech to lip-sync keys on a character. Many at once: --jobs FILE (see --jobs --help)."))
    for names in (SOUNDS, WORDS):
        group = made.add_mutually_exclusive_group()
        add_options(group, (option for option in OPTIONS if option.name in names))
        if names is WORDS:
            group.add_argument("--transcript-file", help="what is said, from a text file (UTF-8)")
    made.add_argument("--character", required=True, help="object to key, with all that belongs to it")
    made.add_argument("--only-this-object", dest="with_related", action="store_false", default=None, help=(
        "leave related meshes alone"))
    add_options(made, (option for option in OPTIONS if option.name not in (*SOUNDS, *WORDS, "character")))
    made.add_argument("--save", required=True, metavar="OUT.blend", help="new file to write")
    made.add_argument(
        "--contact-sheet", type=os.path.abspath, metavar="OUT.png", help="also draw the telling frames side by side",
    )
    made.add_argument("--playblast", type=os.path.abspath, metavar="OUT.mp4", help=(
        "also film it with sound, through the scene's camera, else one on the face"))
    return made


def jobs_parser() -> argparse.ArgumentParser:
    """What a run of a jobs file takes."""
    made = argparse.ArgumentParser(prog=PROGRAM_JOBS, description=(
        "Make the jobs of a file; its fields are the options of one job. See docs/BATCH.md."))
    made.add_argument(
        "--jobs", dest="jobs_file", required=True, metavar="FILE", help="JSON lines (.jsonl) or JSON (.json)",
    )
    made.add_argument("--report", default="", metavar="FILE", help=(
        "what became of each job, as JSON (default: beside the jobs file)"))
    made.add_argument("--resume", action="store_true", help=(
        "leave out what the report says is done, if its inputs are as they were"))
    made.add_argument("--dry-run", action="store_true", help=(
        "open every file and check every job; make and save nothing"))
    made.add_argument("--shard", default="", metavar="I/N", help=(
        "only every N-th file, from the I-th on: one call per farm node"))
    made.add_argument("--overwrite", action="store_true", help=(
        "replace files that are there and that this jobs file did not make"))
    made.add_argument("--overwrite-input", action="store_true", help="let save name the file that is opened")
    return made


def _read_transcript(given: dict[str, object]) -> None:
    """Put the words in the place of their file's name."""
    if "transcript_file" in given:
        given["transcript"] = read_transcript(str(given.pop("transcript_file")))
    if "transcript" in given:
        check_words(str(given["transcript"]))       # an empty one is no "none": nothing is ignored silently


def _check_output(path: str) -> None:
    if bpy.data.filepath and os.path.realpath(path) == os.path.realpath(bpy.data.filepath):
        raise OutputError(f"--save names the open file: {path}. Give a new name, so that the original stays.")
    if not os.path.isdir(os.path.dirname(path)):
        raise OutputError(f"Folder not found: {os.path.dirname(path)}. Make it first.")
