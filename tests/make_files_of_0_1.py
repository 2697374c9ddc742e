"""Make tests/data/files_of_0_1: what version 0.1 saved, which every later version must open, list, make again and
clear.

Run once, with a built zip of 0.1.0 and never with a later one:

    UNITALKER_ZIP=unitalker-0.1.0-linux_x64.zip python tests/make_files_of_0_1.py FOLDER

in a Blender module of 4.2 (one_take.blend, nla_edited_phones.blend: every version opens them, and from 4.4 on their
Actions get slots) and in one of 4.5 with sound strips (two_followed_strips.blend: Actions with slots). FOLDER is where
the files are made; it takes speech.wav too, and its path is part of the notes, so take one that tells nothing. Then
copy the .blend files here. The tiny test model is installed among the user's models.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import addon_utils
import bpy

from tests.addon import conftest, strips

KEYS = ("jawOpen", "mouthClose", "mouthPucker", "mouthPressLeft", "mouthRollLower", "mouthSmileLeft")


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    addon_utils.enable("bl_pkg")
    bpy.ops.extensions.package_install_files(
        filepath=os.environ["UNITALKER_ZIP"], repo="user_default", enable_on_install=True
    )
    ext = conftest.Extension("bl_ext.user_default.unitalker")
    models = Path(ext.module("addon.preferences").user_folder("models", create=True))
    shutil.copytree(conftest.TINY, models / "tiny")
    conftest.write_buzz(folder / "speech.wav")
    if not getattr(bpy.app.build_options, "audaspace", False):
        one_take(ext, folder / "one_take.blend")
        nla_edited_phones(ext, folder / "nla_edited_phones.blend")
    else:
        two_followed_strips(ext, folder / "two_followed_strips.blend")


def one_take(ext: conftest.Extension, path: Path) -> None:
    """A face with one take, and a shape key that the artist had posed."""
    new_file(path)
    face = conftest.make_face(ext, "Face", KEYS)
    face.data.shape_keys.key_blocks["mouthSmileLeft"].value = 0.25
    bpy.ops.unitalker.animate(audio="//speech.wav", character="Face", start_frame=11, gain_jaw=2.0, strength=1.5)
    save(path)


def nla_edited_phones(ext: conftest.Extension, path: Path) -> None:
    """A strip of the NLA above keys of the artist; one phone was edited and applied, another one edited only; the
    markers are shown."""
    new_file(path)
    face = conftest.make_face(ext, "Face", KEYS)
    conftest.own_action(face.data.shape_keys, {'key_blocks["mouthSmileLeft"].value': [(1, 0.0), (40, 1.0)]})
    bpy.ops.unitalker.animate(
        audio="//speech.wav", character="Face", destination='NLA', nla_blend='REPLACE', nla_influence=0.75
    )
    bpy.ops.unitalker.phones_show(
        character="Face", line=next(iter(ext.module("addon.takes.takes").takes_of(bpy.context, "Face"))).line
    )
    bpy.ops.unitalker.phone_add(label="M")
    assert bpy.ops.unitalker.phones_apply() == {'FINISHED'}
    bpy.ops.unitalker.phone_add(label="F")
    save(path)


def two_followed_strips(ext: conftest.Extension, path: Path) -> None:
    """Two characters of the list of lines; afterwards one strip was moved and the other one trimmed, and their takes
    followed."""
    new_file(path)
    for number, name in enumerate(("Anna", "Ben")):
        conftest.make_face(ext, name, KEYS).location.x = 10 * number
        strips.add_strip("//speech.wav", frame=1 + 100 * number, channel=1 + number, name=f"{name} line")
    bpy.context.view_layer.update()
    bpy.ops.unitalker.cast_add(what='ALL')
    assert bpy.ops.unitalker.cast_generate() == {'FINISHED'}
    every = bpy.context.scene.sequence_editor.strips_all
    strips.move(every["Anna line"], 21)
    strips.set_handles(every["Ben line"], left=12)
    assert ext.module("addon.follow.follow").update().moved == 2
    save(path)


def new_file(path: Path) -> None:
    bpy.ops.wm.read_homefile(use_factory_startup=True, use_empty=True, load_ui=False)
    bpy.context.scene.render.fps = 24
    bpy.context.scene.unitalker.model = "tiny"
    save(path)          # so that "//" means its folder


def save(path: Path) -> None:
    """Without what only the window of Blender needs, which would be most of the file."""
    bpy.data.batch_remove([space for space in bpy.data.workspaces if space != bpy.context.workspace])
    bpy.data.batch_remove([*bpy.data.brushes, *bpy.data.linestyles, *bpy.data.worlds, *bpy.data.palettes])
    bpy.context.preferences.filepaths.save_version, bpy.context.preferences.filepaths.file_preview_type = 0, 'NONE'
    bpy.ops.wm.save_as_mainfile(filepath=str(path), compress=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(0)         # the module may crash at a normal end
