"""`blender -b shot.blend --command unitalker --strip LINE --character HEAD --save OUT.blend`: the button without a window.
`blender -b --command unitalker --jobs SHOTS.jsonl`: many lines, characters and .blend files, with a report (docs/BATCH.md).

Options that are not given are what the file's own Lip Sync panel says. Exit status 0 done, 1 failed (one line on stderr), 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import bpy

from .take.properties import collect

if TYPE_CHECKING:
    import argparse

FAILED, WRONG_USAGE = 1, 2
PROGRAM = "blender -b FILE.blend --command unitalker"
PROGRAM_JOBS = "blender -b --command unitalker --jobs SHOTS.jsonl"
ONE_OF = (("strip", "audio", "speaker"), ("transcript", "transcript_file", "transcript_text"))
_handle: object = None


def run(arguments: list[str]) -> int:
    """Do what the command line asks; the exit status."""
    several = any(argument.partition("=")[0] == "--jobs" for argument in arguments)
    try:
        given = vars((_jobs_parser() if several else _parser()).parse_args(arguments))
    except SystemExit as end:           # argparse has said why
        return WRONG_USAGE if end.code else 0
    return _run_jobs(given) if several else _run_one(given)


def _run_one(given: dict[str, object]) -> int:
    """Make one lip sync in the open file and save it as a new file."""
    from .. import engine
    from .pictures import plan as preview_plan
    from .shots.choice_fields import with_switches
    from .shots.file import save_shot
    from .take import make

    save = os.path.abspath(given.pop("save"))
    sheet, film = given.pop("contact_sheet") or "", given.pop("playblast") or ""
    given = with_switches({name: value for name, value in given.items() if value is not None})
    try:
        _check_output(save)
        _read_transcript(given)
        request = make.gather(bpy.context, make.Options(**collect(bpy.context, given)))
        summary = make.write(request, make.compute(request))
        save_shot(save)
        pictures = preview_plan.draw_files(bpy.context, str(given["character"]), sheet, film)
    except engine.EngineError as error:
        sys.stderr.write(f"unitalker: {error}\n")
        return FAILED
    for warning in summary.warnings:
        sys.stderr.write(f"unitalker: {warning}\n")
    sys.stdout.write("\n".join([summary.line, save, *pictures]) + "\n")
    return 0


def _run_jobs(given: dict[str, object]) -> int:
    """Run a jobs file; one line per job on stdout."""
    from .. import engine
    from .shots.jobs import run_jobs
    from .shots.jobs_file import JobsError
    from .shots.plan import RunOptions

    try:
        options = RunOptions(**given)
        report = run_jobs(options, _tell)
    except (JobsError, engine.SettingError) as error:
        sys.stderr.write(f"unitalker: {error}\n")
        return WRONG_USAGE
    except engine.EngineError as error:
        sys.stderr.write(f"unitalker: {error}\n")
        return FAILED
    except KeyboardInterrupt:
        sys.stderr.write("unitalker: Stopped. Give --resume to go on.\n")
        return FAILED
    counts = ", ".join(f"{count} {status}" for status, count in report.counts().items())
    _tell(f"{counts}; {report.path}")
    return 0 if report.good else FAILED


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    """Every choice of the panel under its own name, plus what only a command line needs."""
    import argparse  # here, not at the top: Blender starts without it

    from .shots.choice_fields import add_options, fields

    parser = argparse.ArgumentParser(prog=PROGRAM, description="Speech to lip-sync keys on a character. Many at once: --jobs FILE (see --jobs --help).")
    choices = fields()
    for names in ONE_OF:
        group = parser.add_mutually_exclusive_group()
        add_options(group, (choices.pop(name) for name in names if name in choices))
        if "transcript" in names:
            group.add_argument("--transcript-file", help="what is said, from a text file (UTF-8)")
    parser.add_argument("--character", required=True, help="object to key, with all that belongs to it")
    parser.add_argument("--only-this-object", dest="with_related", action="store_false", default=None, help="leave related meshes alone")
    del choices["character"]
    add_options(parser, choices.values())
    parser.add_argument("--save", required=True, metavar="OUT.blend", help="new file to write")
    parser.add_argument("--contact-sheet", type=os.path.abspath, metavar="OUT.png", help="also draw the telling frames side by side")
    parser.add_argument("--playblast", type=os.path.abspath, metavar="OUT.mp4", help="also film it with sound, through the scene's camera, else one on the face")
    return parser


def _jobs_parser() -> argparse.ArgumentParser:
    import argparse

    parser = argparse.ArgumentParser(prog=PROGRAM_JOBS, description="Make the jobs of a file; its fields are the options of one job. See docs/BATCH.md.")
    parser.add_argument("--jobs", dest="jobs_file", required=True, metavar="FILE", help="JSON lines (.jsonl) or JSON (.json)")
    parser.add_argument("--report", default="", metavar="FILE", help="what became of each job, as JSON (default: beside the jobs file)")
    parser.add_argument("--resume", action="store_true", help="leave out what the report says is done, if its inputs are as they were")
    parser.add_argument("--dry-run", action="store_true", help="open every file and check every job; make and save nothing")
    parser.add_argument("--shard", default="", metavar="I/N", help="only every N-th file, from the I-th on: one call per farm node")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there and that this jobs file did not make")
    parser.add_argument("--overwrite-input", action="store_true", help="let save name the file that is opened")
    return parser


def _read_transcript(given: dict[str, object]) -> None:
    """Put the words in the place of their file's name."""
    from ..engine.speech.g2p import check_words, read_file

    if "transcript_file" in given:
        given["transcript"] = read_file(str(given.pop("transcript_file")))
    if "transcript" in given:
        check_words(str(given["transcript"]))       # an empty one is no "none": nothing is ignored silently


def _check_output(path: str) -> None:
    from ..engine import OutputError

    if bpy.data.filepath and os.path.realpath(path) == os.path.realpath(bpy.data.filepath):
        raise OutputError(f"--save names the open file: {path}. Give a new name, so that the original stays.")
    if not os.path.isdir(os.path.dirname(path)):
        raise OutputError(f"Folder not found: {os.path.dirname(path)}. Make it first.")


def register() -> None:
    """Offer the command."""
    global _handle  # noqa: PLW0603  Blender gives the handle once
    _handle = bpy.utils.register_cli_command("unitalker", run)


def unregister() -> None:
    """Take it back."""
    bpy.utils.unregister_cli_command(_handle)
