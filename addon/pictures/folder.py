"""Where pictures and films of Preview go."""

from __future__ import annotations

import os

import bpy


def folder_of(chosen: str) -> str:
    """Where files go: the chosen folder, else the one of the .blend file; "" when that is not saved yet."""
    if chosen:
        return os.path.abspath(bpy.path.abspath(chosen))
    return os.path.dirname(bpy.data.filepath)
