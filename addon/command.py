"""`blender -b shot.blend --command unitalker --strip LINE --character HEAD --save OUT.blend`: the button without a window.

Options that are not given are what the file's own Lip Sync panel says. Exit status 0 done, 1 failed (one line on stderr), 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import bpy

from .choices import EXISTING, INTERPOLATIONS, VERTEX_MODES
from .properties import collect

if TYPE_CHECKING:
    import argparse

FAILED, WRONG_USAGE = 1, 2
_handle: object = None


def run(arguments: list[str]) -> int:
    """Make one lip sync in the open file and save it as a new file; the exit status."""
    try:
        given = vars(_parser().parse_args(arguments))
    except SystemExit as end:           # argparse has said why
        return WRONG_USAGE if end.code else 0
    from .. import engine
    from . import take

    save = os.path.abspath(given.pop("save"))
    given = {name: value for name, value in given.items() if value is not None}
    if "max_error" in given:
        given["reduce"] = True
    try:
        _check_output(save)
        _read_transcript(given)
        request = take.gather(bpy.context, take.Options(**collect(bpy.context, given)))
        summary = take.write(request, take.compute(request))
        _save(save)
    except engine.EngineError as error:
        sys.stderr.write(f"unitalker: {error}\n")
        return FAILED
    for warning in summary.warnings:
        sys.stderr.write(f"unitalker: {warning}\n")
    sys.stdout.write(f"{summary.line}\n{save}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    import argparse  # here, not at the top: Blender starts without it

    parser = argparse.ArgumentParser(prog="blender -b FILE.blend --command unitalker", description="Speech to lip-sync keys on a character.")
    sound = parser.add_mutually_exclusive_group()
    sound.add_argument("--strip", help="sound strip of the Video Sequencer (default: the active or only one)")
    sound.add_argument("--audio", type=os.path.abspath, help="sound file")
    sound.add_argument("--speaker", help="speaker object")
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--transcript", help="what is said: sharpens the mouth")
    words.add_argument("--transcript-file", help="the same from a text file (UTF-8)")
    words.add_argument("--transcript-text", help="name of a text data-block with it")
    parser.add_argument("--language", help="of the transcript, such as de or en-gb (default: by its script; Latin letters: en-us)")
    parser.add_argument("--start-frame", type=float, help="frame on which a sound file starts")
    parser.add_argument("--shift-frames", type=float, help="frames added to every key")
    parser.add_argument("--character", required=True, help="object to key, with all that belongs to it")
    parser.add_argument("--only-this-object", dest="with_related", action="store_false", default=None, help="leave related meshes alone")
    parser.add_argument("--preset", help="preset id, JSON file, or auto")
    parser.add_argument("--model", help="model id or folder")
    parser.add_argument("--head", help="which face of the model (default: its own choice, blendshapes where it has them)")
    parser.add_argument("--vertex-mode", type=str.upper, choices=[item[0] for item in VERTEX_MODES], help="how a head that gives vertices plays")
    parser.add_argument("--vertex-error", type=float, help="percent of the mesh's size that a vertex may be off with shape keys")
    parser.add_argument("--cache-folder", help="where point caches are written (default: beside the .blend file)")
    parser.add_argument("--identity", help="speaking style, for example pivot or blend:A=0.3,B=0.7")
    parser.add_argument("--strength", type=float, help="0 neutral, 1 the style, 2 twice as far")
    parser.add_argument("--smooth", type=float, help="0 to 1")
    for region in ("jaw", "lips", "cheeks", "brows"):
        parser.add_argument(f"--gain-{region}", type=float, help="0 to 2")
    parser.add_argument("--action", help="name of the Action")
    parser.add_argument("--interpolation", type=str.upper, choices=[item[0] for item in INTERPOLATIONS])
    parser.add_argument("--existing", type=str.upper, choices=[item[0] for item in EXISTING], help="what happens to channels that have keys")
    parser.add_argument("--max-error", type=float, help="leave out keys; the most by which a curve may move")
    parser.add_argument("--save", required=True, metavar="OUT.blend", help="new file to write")
    return parser


def _read_transcript(given: dict[str, object]) -> None:
    """Put the words in the place of their file's name."""
    from ..engine.g2p import check_words, read_file

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


def _save(path: str) -> None:
    """Save under another name and rename, so that nobody ever reads half a file."""
    from ..engine import OutputError

    part = f"{path}.{os.getpid()}.part.blend"
    try:
        bpy.ops.wm.save_as_mainfile(filepath=part, copy=True, check_existing=False)
        os.replace(part, path)
    except (OSError, RuntimeError) as error:
        if os.path.exists(part):
            os.remove(part)
        raise OutputError(f"Cannot write {path}: {error}. Choose a folder that you may write to.") from error


def register() -> None:
    """Offer the command."""
    global _handle  # noqa: PLW0603  Blender gives the handle once
    _handle = bpy.utils.register_cli_command("unitalker", run)


def unregister() -> None:
    """Take it back."""
    bpy.utils.unregister_cli_command(_handle)
