"""What stands on the stage of the window scripts: heads, sounds, and the keys that are made. run.sh copies it beside
the script, with desk.py."""

import importlib
import wave
from pathlib import Path

import bpy
import desk

HOME = Path("/root/ui")                     # where run.sh puts the files
# of tests/data/sample.flac and of the eleven seconds of speech, at 24 frames per second
SAMPLE_FRAMES, SPEECH_FRAMES = 116, 264
LONG = str(HOME / "long.wav")
LONG_S = 1800                               # long enough to see progress, and to find Cancel meanwhile


def module(name):
    return importlib.import_module(f"{desk.PACKAGE}.addon.{name}")


def engine():
    return importlib.import_module(f"{desk.PACKAGE}.engine")


def job():
    return module("host.job").Job.current


def settings():
    return bpy.context.scene.unitalker


def empty():
    for obj in list(bpy.data.objects):
        bpy.data.objects.remove(obj)


def add_test_head(name=None):
    """The test head as active object; its name."""
    bpy.ops.unitalker.add_test_head()
    head = bpy.context.view_layer.objects.active
    head.name = name or head.name
    return head.name


def add_head(path):
    """A head from a glTF file as active object and as character; its name."""
    bpy.ops.import_scene.gltf(filepath=str(path))
    head = next(obj for obj in bpy.data.objects if obj.type == 'MESH' and obj.data.shape_keys)
    bpy.context.view_layer.objects.active = settings().character = head
    return head.name


def look_at_front():
    """Selected objects in front view, as large as the 3D view is."""
    with desk.over(desk.largest()):
        bpy.ops.view3d.view_axis(type='FRONT')
        bpy.ops.view3d.view_selected()


def write_long_speech(path):
    """The sound again and again, as LONG."""
    import aud
    import numpy as np

    once = aud.Sound.file(str(path))
    rate_hz, channels = once.specs
    samples = once.data().reshape(-1, int(channels)).mean(1)
    samples = np.tile(samples, round(LONG_S * rate_hz / len(samples)))
    with wave.open(LONG, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(int(rate_hz))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def shape_keys(face):
    """The shape keys of a head, None where there is none."""
    head = bpy.data.objects.get(face)
    return head and head.data.shape_keys


def channelbag(owner):
    """What holds the curves of a data-block, None without an Action."""
    animation = owner and owner.animation_data
    action = animation and animation.action
    return action.layers[0].strips[0].channelbag(animation.action_slot) if action else None


def keys(face):
    """Keys of all curves of a face as the floats are: path -> ((frame, value, handles, interpolation), ...)."""
    bag = channelbag(shape_keys(face))
    return {
        curve.data_path: tuple(
            (*key.co, *key.handle_left, *key.handle_right, key.interpolation) for key in curve.keyframe_points
        )
        for curve in (bag.fcurves if bag else ())
    }


def jaw_keys(face):
    """Frames and values of jawOpen, None without keys."""
    bag = channelbag(shape_keys(face))
    return bag and [tuple(key.co) for key in bag.fcurves.find('key_blocks["jawOpen"].value').keyframe_points]


def changed(before, after):
    """Frames on which any curve has another key, or has one only before or after."""
    found = set()
    for path in before.keys() | after.keys():
        old, new = ({key[0]: key for key in made.get(path, ())} for made in (before, after))
        found.update(frame for frame in old.keys() | new.keys() if old.get(frame) != new.get(frame))
    return sorted(found)


def widest(face, frames=None):
    """The frame on which the jaw is widest open; frames: a range to look in."""
    inside = [key for key in jaw_keys(face) if frames is None or round(key[0]) in frames]
    return round(max(inside, key=lambda key: key[1])[0])


def show_curves(face, editor, names):
    """A few curves of a face in a Graph Editor, all of their length."""
    for curve in channelbag(shape_keys(face)).fcurves:
        curve.hide = curve.data_path.split('"')[1] not in names
        curve.select = not curve.hide
    with desk.over(editor):
        bpy.ops.graph.view_all()


def presets_folder():
    return Path(bpy.utils.extension_path_user(desk.PACKAGE, path="presets", create=True))
