"""Frames of the scene as picture files; afterwards its settings, and what it rendered, are as they were."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import bpy

from ...engine import OutputError, RigError
from ..host.borrowed import Change, borrowed
from .complete_file import is_whole_png
from .render_slots import own_slot

MAX_SIDE_PX = 65_536                    # what Blender renders at most
GRAPHICS = "libEGL.so.1"                # Blender on Linux without a window draws with it, and ends where it is missing
DRAWN_SHARE = 0.9                       # of the work of a sheet or film; the rest is to put them together
BEHIND = (0.70, 0.70, 0.69)             # as shown on a screen, where a picture shows nothing

Part = tuple[float, float, float, float]        # left, bottom, right, top, as shares of the camera's picture
Crop = Callable[[], Part]                       # the part to draw on the current frame


@dataclass(frozen=True)
class PictureLook:
    """How frames are drawn.

    Attributes:
        width_px, height_px: of the picture.
        solid: as the 3D view's Solid mode draws it, with textures; False takes the scene's own renderer.
        crop: gives the part of the camera's picture to draw on the current frame; None draws all.
        fast: for many frames: edges are smoothed in the picture, and where there is a window the 3D view may draw.
            Else edges are as they fall: what shows them draws twice as large and halves.
    """

    width_px: int
    height_px: int
    solid: bool = True
    crop: Crop | None = None
    fast: bool = False


def check_graphics(scene: bpy.types.Scene, solid: bool) -> None:
    """Raises OutputError where Blender would be ended by the first picture."""
    if not bpy.app.background or sys.platform != "linux" or (not solid and scene.render.engine == 'CYCLES'):
        return
    try:
        ctypes.CDLL(GRAPHICS)
    except OSError as error:
        raise OutputError(
            f"Pictures without a window need {GRAPHICS}, which this computer lacks: nothing was drawn. "
            "Install it (Debian and Ubuntu: libegl1 libgl1-mesa-dri), "
            "or draw with the scene's own renderer and choose Cycles for it."
        ) from error


def draw_frames(
    scene_name: str, view_layer: str, frames: Sequence[int], look: PictureLook, folder: str,
) -> Generator[float, None, list[str]]:
    """Draw frames of a scene step by step; gives the finished part, and at its end the paths of the PNG files.

    The scene goes back to its frame. Raises as draw(), and OutputError when the scene is gone.
    """
    scene = scene_named(scene_name)
    now, subframe = scene.frame_current, scene.frame_subframe
    paths: list[str] = []
    try:
        for frame in frames:
            yield DRAWN_SHARE * len(paths) / len(frames)       # before drawing: what follows needs the picture's slot
            scene = scene_named(scene_name)
            scene.frame_set(frame)
            paths.append(os.path.join(folder, f"frame{len(paths):06}.png"))
            draw(scene, view_layer, look, paths[-1])
    finally:
        scene = bpy.data.scenes.get(scene_name)
        if scene is not None and (scene.frame_current, scene.frame_subframe) != (now, subframe):
            scene.frame_set(now, subframe=subframe)
    return paths


def scene_named(name: str) -> bpy.types.Scene:
    """The scene, looked up again: undo makes new ones. Raises OutputError when it is gone."""
    scene = bpy.data.scenes.get(name)
    if scene is None:
        raise OutputError(f"Scene {name!r} was removed or renamed meanwhile. Start again.")
    return scene


def cannot_write(path: str, why: object) -> OutputError:
    """The error for a file that could not be written."""
    return OutputError(
        f"Cannot write {path}: {str(why).strip()}. Choose another folder in Preview, or make room on the disk."
    )


def draw(scene: bpy.types.Scene, view_layer: str, look: PictureLook, path: str) -> None:
    """Draw the current frame through the scene's camera into a PNG file; where it shows nothing, it is transparent.

    Raises:
        RigError: the scene has no camera. OutputError: the picture cannot be written.
    """
    if scene.camera is None:
        where = f"Scene {scene.name!r} has no camera on frame {scene.frame_current}."
        raise RigError(f"{where} Press Camera on Face, or add one.")
    viewport = look.fast and look.solid and look.crop is None and not bpy.app.background and bpy.context.scene == scene
    changes = _format(scene, path) + _size(scene.render, look) + _plain_picture(scene.render)
    if look.solid:
        changes += _solid(scene, look.fast)
    try:
        with own_slot(), borrowed(changes):
            if not (viewport and _draw_as_viewport(path)):
                bpy.ops.render.render(write_still=True, scene=scene.name, layer=view_layer)
    except RuntimeError as error:
        raise OutputError(f"Frame {scene.frame_current} cannot be drawn to {path}: {str(error).strip()}") from error
    if not is_whole_png(path):
        raise OutputError(f"Frame {scene.frame_current} was not written whole to {path}. Make room on the disk.")


def _draw_as_viewport(path: str) -> bool:
    """The quick way; False where Blender cannot go it, for example without a 3D view's graphics context."""
    try:
        bpy.ops.render.opengl(write_still=True, view_context=False)
    except RuntimeError:
        return False
    return is_whole_png(path)


def _format(scene: bpy.types.Scene, path: str) -> list[Change]:
    render, image = scene.render, scene.render.image_settings
    return [
        (render, "filepath", path), (render, "use_file_extension", True), (render, "use_overwrite", True),
        (render, "use_placeholder", False), (image, "media_type", 'IMAGE'), (image, "file_format", 'PNG'),
        (image, "color_mode", 'RGBA'), (image, "color_depth", '8'),
        (image, "compression", 15), (image, "color_management", 'FOLLOW_SCENE'),
    ]


def _size(render: bpy.types.RenderSettings, look: PictureLook) -> list[Change]:
    """The resolution; with a crop the one of the whole picture, of which Blender draws the part."""
    left, bottom, right, top = look.crop() if look.crop else (0.0, 0.0, 1.0, 1.0)
    return [
        (render, "resolution_x", min(MAX_SIDE_PX, round(look.width_px / (right - left)))),
        (render, "resolution_y", min(MAX_SIDE_PX, round(look.height_px / (top - bottom)))),
        (render, "resolution_percentage", 100), (render, "use_border", look.crop is not None),
        (render, "use_crop_to_border", True), (render, "border_min_x", left), (render, "border_max_x", right),
        (render, "border_min_y", bottom), (render, "border_max_y", top),
    ]


def _plain_picture(render: bpy.types.RenderSettings) -> list[Change]:
    """The 3D scene alone: no compositor, which may write files of its own, and no strips over it."""
    return [(render, name, False) for name in ("use_compositing", "use_sequencer", "use_multiview", "use_stamp")]


def _solid(scene: bpy.types.Scene, fast: bool) -> list[Change]:
    """As Solid mode. Blender's own smoothing draws everything up to eight times over: most of the time of a picture
    where the processor draws. Hollows seen by rays are grainy without it."""
    shading, view = scene.display.shading, scene.view_settings
    edges, hollows = ('FXAA', 'SCREEN') if fast else ('OFF', 'BOTH')
    return [
        (scene.render, "engine", 'BLENDER_WORKBENCH'), (scene.render, "film_transparent", True),
        (scene.render, "use_freestyle", False), (scene.render, "use_motion_blur", False),
        (view, "view_transform", _neutral(view)), (view, "look", 'None'), (view, "exposure", 0.0), (view, "gamma", 1.0),
        (view, "use_curve_mapping", False), (scene.display, "render_aa", edges),
        (shading, "type", 'SOLID'), (shading, "light", 'STUDIO'), (shading, "color_type", 'TEXTURE'),
        (shading, "show_xray", False), (shading, "show_shadows", False), (shading, "show_object_outline", False),
        (shading, "show_specular_highlight", True), (shading, "show_cavity", True), (shading, "cavity_type", hollows),
    ]


def _neutral(view: bpy.types.ColorManagedViewSettings) -> str:
    """The view transform that leaves colours alone; the scene's own where the colour configuration has none."""
    before = view.view_transform
    for name in ('Standard', before):
        try:
            view.view_transform = name
        except TypeError:
            continue
        view.view_transform = before
        return name
    return before
