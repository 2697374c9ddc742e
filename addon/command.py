"""The command `unitalker` of Blender: the button without a window, and many shots with a report.

    blender -b shot.blend --command unitalker --strip LINE --character HEAD --save OUT.blend
    blender -b --command unitalker --jobs SHOTS.jsonl
"""

from __future__ import annotations

import bpy

_handle: object = None


def run(arguments: list[str]) -> int:
    """Do what the command line asks; the exit status."""
    from .shots import command_line  # loads the engine, NumPy and argparse, which Blender's start must not

    return command_line.run(arguments)


def register() -> None:
    """Offer the command."""
    global _handle  # noqa: PLW0603  Blender gives the handle once
    _handle = bpy.utils.register_cli_command("unitalker", run)


def unregister() -> None:
    """Take it back."""
    bpy.utils.unregister_cli_command(_handle)
