"""The main job as an animator does it, in Blender as a module: install the zip, add the test head, add a sound strip,
press the button.

`python -m tests.demo.make_demo EXTENSION.zip FOLDER [--model ID] [--video]` writes hello.blend, hello.png, hello.csv
(and hello.mp4). Called by `build.py demo`, in an environment that has bpy and pillow.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

import bpy
import mathutils

from tests.demo.contact_sheet import Shot, write_contact_sheet

DATA = Path(__file__).resolve().parent.parent / "data"
PACKAGE = "bl_ext.user_default.unitalker"
FPS = 30
START_FRAME = 1
PICTURE_PX = 480
AIM = 0.53              # height of the nose, as a share of the head with its neck
CAMERA_OFFSET = (-0.25, -2.0, 0.05)         # from there, in head heights
BACKGROUND = (0.72, 0.72, 0.70)             # linear
# phones on the contact sheet: (word, phone, which of them in that word), in the order of the sentence
SHOWN = (
    ("Maybe", "M", 0), ("Maybe", "EY", 0), ("Bob", "B", 0), ("Bob", "AA", 0), ("mother", "M", 0), ("new", "UW", 0),
    ("blue", "B", 0), ("Mama", "AA", 0), ("Mama", "M", 1), ("look", "UH", 0), ("popped", "AA", 0), ("popped", "P", 1),
)
LIPS_MEET = ("M", "B", "P")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("archive", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--video", action="store_true")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for old in options.folder.glob("hello.*"):
        old.unlink()
    sample = json.loads((DATA / "sample.json").read_text(encoding="utf-8"))

    bpy.ops.wm.read_homefile(use_factory_startup=True)
    install(options.archive)
    face = set_scene()
    add_sound()
    animate(face, options.model)
    look_through_camera()
    bpy.ops.wm.save_as_mainfile(filepath=str(options.folder / "hello.blend"), compress=True)
    write_csv(options.folder / "hello.csv", options.model)
    draw_contact_sheet(sample, options.folder / "hello.png")
    if options.video:
        render_video(options.folder / "hello.mp4")
    for path in sorted(options.folder.glob("hello.*")):
        print(f"{path}  {path.stat().st_size / 1e3:.0f} kB")


def install(archive: Path) -> None:
    """As Preferences > Add-ons > Install from Disk does it."""
    import addon_utils

    addon_utils.enable("bl_pkg")
    bpy.ops.extensions.package_install_files(filepath=str(archive), repo="user_default", enable_on_install=True)


def set_scene() -> bpy.types.Object:
    """The test head before a plain background, a camera on its face, three lights; the face mesh."""
    scene = bpy.context.scene
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)
    scene.render.fps = FPS
    bpy.ops.unitalker.add_test_head()
    face = bpy.context.view_layer.objects.active
    _add_camera(scene, face)
    for name, place, power, size in (
        ("Key", (-0.7, -1.1, 0.7), 26, 0.6), ("Fill", (0.9, -0.9, 0.2), 9, 1.0), ("Rim", (0.5, 0.8, 0.8), 18, 0.5)
    ):
        _add_light(scene, face, name, mathutils.Vector(place), power, size)
    world = scene.world or bpy.data.worlds.new("World")
    scene.world = world
    world.color = BACKGROUND
    if world.node_tree:
        world.node_tree.nodes["Background"].inputs["Color"].default_value = (*BACKGROUND, 1)
    return face


def _aim_at(face: bpy.types.Object) -> tuple[mathutils.Vector, float]:
    """The tip of the nose, about, and the height of the head with its neck, in metres."""
    corners = [face.matrix_world @ mathutils.Vector(corner) for corner in face.bound_box]
    low, high = (mathutils.Vector(pick(corner[axis] for corner in corners) for axis in range(3)) for pick in (min, max))
    size = high - low
    return mathutils.Vector((low.x + size.x / 2, low.y + 0.32 * size.y, low.z + AIM * size.z)), size.z


def _add_camera(scene: bpy.types.Scene, face: bpy.types.Object) -> None:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    aim, height = _aim_at(face)
    camera.data.lens = 100
    camera.location = aim + mathutils.Vector(CAMERA_OFFSET) * height
    camera.rotation_euler = (aim - camera.location).to_track_quat('-Z', 'Y').to_euler()
    scene.camera = camera


def _add_light(
    scene: bpy.types.Scene, face: bpy.types.Object, name: str, place: mathutils.Vector, power_w: float, size_m: float
) -> None:
    light = bpy.data.lights.new(name, 'AREA')
    light.energy, light.size = power_w, size_m
    obj = bpy.data.objects.new(name, light)
    obj.location = _aim_at(face)[0] + place
    obj.rotation_euler = (-place).to_track_quat('-Z', 'Y').to_euler()
    scene.collection.objects.link(obj)


def add_sound() -> None:
    """The sample as a sound strip, packed into the file so that the demo can be moved."""
    scene = bpy.context.scene
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_sound("hello", str(DATA / "sample.flac"), channel=1, frame_start=START_FRAME)
    strip.sound.pack()
    sample = json.loads((DATA / "sample.json").read_text(encoding="utf-8"))
    scene.frame_start, scene.frame_end = START_FRAME, START_FRAME + round(sample["phones"][-1]["end_s"] * FPS)
    for workspace in bpy.data.workspaces:
        if hasattr(workspace, "sequencer_scene"):
            workspace.sequencer_scene = scene


def look_through_camera() -> None:
    """So that the file opens on the face, in its colours, with the sidebar tab in reach."""
    for screen in bpy.data.screens:
        for space in (area.spaces.active for area in screen.areas if area.type == 'VIEW_3D'):
            space.region_3d.view_perspective = 'CAMERA'
            space.shading.color_type, space.show_region_ui = 'MATERIAL', True
            space.overlay.show_relationship_lines = space.overlay.show_extras = False


def animate(face: bpy.types.Object, model: str) -> None:
    """The button."""
    bpy.context.scene.unitalker.model = model
    bpy.context.scene.unitalker.character = face
    if bpy.ops.unitalker.animate(strip="hello") != {'FINISHED'}:
        raise RuntimeError(bpy.context.scene.unitalker.result)
    print(bpy.context.scene.unitalker.result)


def write_csv(path: Path, model: str) -> None:
    """The same motion as a Live Link Face take."""
    engine = importlib.import_module(f"{PACKAGE}.engine")
    wave = engine.read_audio(DATA / "sample.flac")
    animation = engine.animate(wave, engine.Settings(model=model, fps=FPS))
    importlib.import_module(f"{PACKAGE}.engine.files.motion").write_motion(animation.motion, path, {})


def draw_contact_sheet(sample: dict, path: Path) -> None:
    """Render the middle of each shown phone and label it."""
    scene = bpy.context.scene
    choose_renderer(scene)
    with tempfile.TemporaryDirectory() as folder:
        shots = []
        for word, phone, nth in SHOWN:
            spoken = [row for row in sample["phones"] if (row["word"], row["phone"]) == (word, phone)][nth]
            frame = START_FRAME + round((spoken["start_s"] + spoken["end_s"]) / 2 * FPS)
            picture = Path(folder) / f"{len(shots)}.png"
            render(scene, frame, picture)
            shots.append(Shot(picture, phone.lower(), word, frame, (frame - START_FRAME) / FPS, phone in LIPS_MEET))
        write_contact_sheet(shots, sample["text"], path)


def choose_renderer(scene: bpy.types.Scene) -> None:
    """Workbench where OpenGL can be had without a window, else Cycles with few samples."""
    scene.render.resolution_x = scene.render.resolution_y = PICTURE_PX
    scene.render.resolution_percentage = 100
    scene.render.use_sequencer = False
    scene.view_settings.view_transform = 'Standard'
    if _has_offscreen_opengl():
        scene.render.engine = 'BLENDER_WORKBENCH'
        shading = scene.display.shading
        shading.light, shading.color_type = 'STUDIO', 'MATERIAL'
        shading.studio_light = 'paint.sl'
        shading.show_cavity, shading.cavity_type = True, 'BOTH'
        shading.show_shadows = False
        shading.background_type = 'WORLD'
        scene.display.render_aa = '8'
    else:
        scene.render.engine = 'CYCLES'
        scene.cycles.samples = 16
        scene.cycles.use_denoising = False


def _has_offscreen_opengl() -> bool:
    if sys.platform != "linux":
        return True
    try:
        ctypes.CDLL("libEGL.so.1")
    except OSError:
        return False
    return True


def render(scene: bpy.types.Scene, frame: int, path: Path) -> None:
    scene.frame_set(frame)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def render_video(path: Path) -> None:
    """All frames with sound; `draw_contact_sheet` has chosen the renderer."""
    scene = bpy.context.scene
    scene.render.use_sequencer = True       # or the sound strip is silent
    scene.display.render_aa = 'FXAA'        # a third of the time
    if hasattr(scene.render.image_settings, "media_type"):
        scene.render.image_settings.media_type = 'VIDEO'
    scene.render.image_settings.file_format = 'FFMPEG'
    scene.render.ffmpeg.format, scene.render.ffmpeg.codec, scene.render.ffmpeg.audio_codec = 'MPEG4', 'H264', 'AAC'
    scene.render.filepath = str(path)
    bpy.ops.render.render(animation=True)


if __name__ == "__main__":
    status = 1
    try:
        main()
        status = 0
    finally:
        if status:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)        # at a normal end Blender as a module crashes or hangs
