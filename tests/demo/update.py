"""By hand, before a release: Blender updates the extension from one version to the next through a repository on this
computer, and what belongs to the user stays. Preferences, favourites, style presets, rig presets, a taught head, takes.

    python -m tests.demo.update unitalker-0.1.0-linux_x64.zip unitalker-0.2.0-linux_x64.zip

with a python that has bpy 4.2 or later. Each step is a Blender of its own, as for a user who closes and opens it.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
import wave
import zipfile
from pathlib import Path

import numpy as np

from build import extension_cli

REPOSITORY, PACKAGE = "loopback", "bl_ext.loopback.unitalker"
LIMIT_S = 900
RATE_HZ = 16000
SHAPES = (
    "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft",
    "mouthStretchRight", "mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "mouthRollLower", "mouthRollUpper", "eyeBlinkLeft", "eyeBlinkRight",
    "browInnerUp", "cheekPuff", "jawForward", "mouthShrugLower",
)


def main() -> int:
    old, new = map(Path, sys.argv[1:3])
    with tempfile.TemporaryDirectory(prefix="unitalker-update-") as temporary:
        folder = Path(temporary)
        served, user = folder / "served", folder / "user"
        served.mkdir()
        user.mkdir()
        server = serve(served)
        url = f"http://127.0.0.1:{server.server_port}/index.json"
        offer(served, old)
        for step, archive in (("update", new), ("look", new)):
            done = subprocess.run(
                [sys.executable, "-m", "tests.demo.update", "--step", step, url, folder, archive],
                timeout=LIMIT_S, env={**os.environ, "BLENDER_USER_RESOURCES": str(user)}, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
            said = [line for line in done.stdout.splitlines() if not line.startswith("PROGRESS")]
            print("\n".join(said if done.returncode else said[-1:]))
            if done.returncode:
                return 1
        server.shutdown()
    print(f"Updated {version_of(old)} to {version_of(new)}: all of the user's is there.")
    return 0


def serve(folder: Path) -> http.server.ThreadingHTTPServer:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def offer(served: Path, archive: Path) -> None:
    """Let the repository hold one zip."""
    for file in served.iterdir():
        file.unlink()
    shutil.copy(archive, served)
    command = [sys.executable, extension_cli(Path(sys.executable)), "server-generate", "--repo-dir", served]
    subprocess.run(command, check=True, capture_output=True)


def version_of(archive: Path) -> str:
    with zipfile.ZipFile(archive) as opened:
        return tomllib.loads(opened.read("blender_manifest.toml").decode())["version"]


# ---- in Blender

def step(name: str, url: str, folder: Path, new: Path) -> None:
    """Install, make things, update and look at them; or look again after Blender was closed."""
    import bpy
    import addon_utils  # isort: skip  (found only after bpy)

    if name == "look" and bpy.app.version < (4, 3):
        print("4.2 as a module ends when it reads its preferences: looked at in the process that updated.")
        return
    if name == "look":
        bpy.ops.wm.read_userpref()              # which Blender as a module does not do by itself
    addon_utils.enable("bl_pkg", default_set=True)
    if name == "look":
        addon_utils.extensions_refresh(ensure_wheels=True)
        addon_utils.enable(PACKAGE, default_set=True)
    bpy.context.preferences.system.use_online_access = True
    repositories = bpy.context.preferences.extensions.repos
    if name == "update":
        repositories.new(name="Loopback", module=REPOSITORY, remote_url=url).use_sync_on_startup = False
    index = [entry.module for entry in repositories].index(REPOSITORY)
    if name == "update":
        bpy.ops.extensions.repo_sync(repo_index=index)
        bpy.ops.extensions.package_install(repo_index=index, pkg_id="unitalker", enable_on_install=True)
        before = installed(repositories[index])
        make_things(folder)
        offer(folder / "served", new)
        bpy.ops.extensions.repo_sync(repo_index=index)
        bpy.ops.extensions.package_upgrade_all()
        print(f"{before} became {installed(repositories[index])}")
    assert installed(repositories[index]) == version_of(new)
    check_things(folder)
    bpy.ops.wm.save_userpref()
    print(f"{bpy.app.version_string} {name}: version {installed(repositories[index])}")


def installed(repository: object) -> str:
    manifest = Path(repository.directory, "unitalker", "blender_manifest.toml")
    return tomllib.loads(manifest.read_text(encoding="utf-8"))["version"]


def make_things(folder: Path) -> None:
    """What a user of the old version has."""
    import bpy

    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    preferences.threads, preferences.generate_on_drop = 3, False
    make_face()
    settings = bpy.context.scene.unitalker
    bpy.ops.unitalker.favourite(identity=identity())
    settings.strength = 1.5
    bpy.ops.unitalker.style_preset_add(name="Studio A")
    settings.strength = 1.0
    bpy.ops.unitalker.preset_save(name="My Rig")
    settings.preset = "auto"
    sound = write_sound(folder / "line.wav")
    assert bpy.ops.unitalker.animate(audio=sound, character="Face") == {'FINISHED'}
    make_flap("Other")
    make_own_keys(make_flap("Own"))
    assert bpy.ops.unitalker.teach(audio=sound, character="Own", name="My Head") == {'FINISHED'}
    settings.preset = "auto"
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    shutil.copytree(Path(sys.modules[PACKAGE].__file__).parent / "weights" / "mini", folder / "models" / "mini before")
    (folder / "keys.json").write_text(json.dumps(keys()))
    (folder / "heads.json").write_text(json.dumps(own_files()))


def check_things(folder: Path) -> None:
    """All of it is there, and can be used."""
    import bpy

    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    assert preferences.threads == 3 and not preferences.generate_on_drop, "preferences"
    assert identity() in preferences.favourites, "favourites"
    assert own_files() == json.loads((folder / "heads.json").read_text()), "rig presets and taught heads"
    bpy.ops.wm.open_mainfile(filepath=str(folder / "shot.blend"))
    assert keys() == json.loads((folder / "keys.json").read_text()), "keys of the take"
    settings = bpy.context.scene.unitalker
    style = Path(bpy.utils.user_resource('SCRIPTS', path="presets/unitalker/style"), "Studio_A.py")
    bpy.ops.script.execute_preset(filepath=str(style), menu_idname="UNITALKER_MT_style_presets")
    assert settings.strength == 1.5, "style preset"
    settings.strength = 1.0
    settings.preset, sound = "my_rig", str(folder / "line.wav")
    assert bpy.ops.unitalker.animate(audio=sound, character="Face") == {'FINISHED'}, "rig preset"
    check_head(folder, sound)
    settings.preset = "auto"
    takes = sys.modules[f"{PACKAGE}.addon.take.takes"]
    found = takes.takes_of(bpy.context, "Face")
    assert [take.known for take in found] == [True], "the take is known"
    takes.remake(bpy.context, found[0], {})
    takes.clear(bpy.context, found[0])
    assert not keys(), "the old take can be made again and cleared"


def check_head(folder: Path, sound: str) -> None:
    """The taught head is listed and plays on the model that it was taught on; on other weights it says what to do."""
    import bpy

    settings, old = bpy.context.scene.unitalker, folder / "models" / "mini before"
    name, = own_files("*.npz")
    settings.preset = name
    given = {"audio": sound, "character": "Other"}
    try:
        bpy.ops.unitalker.animate(**given)
    except RuntimeError as error:
        assert "teach again from your take" in str(error), error
    assert bpy.ops.unitalker.animate(**given, model=str(old)) == {'FINISHED'}, "taught head with its own model"


def own_files(pattern: str = "*") -> list[str]:
    import bpy

    folder = bpy.utils.extension_path_user(PACKAGE, path="presets", create=True)
    return sorted(file.name for file in Path(folder).glob(pattern))


def identity() -> str:
    """One of the bundled model's."""
    folder = Path(sys.modules[PACKAGE].__file__).parent / "weights" / "mini" / "model.json"
    return json.loads(folder.read_text(encoding="utf-8"))["identities"][1]["id"]


def keys() -> dict[str, list[float]]:
    """All keys of the face: path -> frames and values."""
    import bpy

    animation = bpy.data.objects["Face"].data.shape_keys.animation_data
    action = animation.action if animation is not None else None
    if action is None:
        return {}
    if hasattr(action, "layers") and action.layers:
        curves = action.layers[0].strips[0].channelbag(animation.action_slot).fcurves
    else:
        curves = getattr(action, "fcurves", ())
    return {curve.data_path: [value for key in curve.keyframe_points for value in key.co] for curve in curves}


def make_face() -> None:
    """A mesh with shape keys that any version knows."""
    import bpy

    bpy.ops.mesh.primitive_uv_sphere_add(segments=12, ring_count=8)
    face = bpy.context.object
    face.name = "Face"
    face.shape_key_add(name="Basis")
    for number, name in enumerate(SHAPES):
        block = face.shape_key_add(name=name)
        block.data[number % len(block.data)].co.z += 0.1


def make_flap(name: str) -> object:
    """A mesh with one shape key, which it returns."""
    import bpy

    bpy.ops.mesh.primitive_cube_add(location=(9, len(bpy.data.objects), 0))
    flap = bpy.context.object
    flap.name = name
    flap.shape_key_add(name="Basis")
    block = flap.shape_key_add(name="flap")
    block.data[0].co.z += 1
    return block


def make_own_keys(block: object) -> None:
    """A shape key that is keyed by hand to open with the buzz, to learn from."""
    for frame in range(1, 145, 2):
        block.value = float(loud(np.array((frame - 1) / 24)))
        block.keyframe_insert("value", frame=frame)


def loud(seconds: np.ndarray) -> np.ndarray:
    """When the buzz is heard."""
    return np.sin(2 * np.pi * 3 * seconds) > -0.3


def write_sound(path: Path) -> str:
    """Six seconds of a buzz that opens and closes, as speech does."""
    seconds = np.arange(6 * RATE_HZ) / RATE_HZ
    buzz = np.sign(np.sin(2 * np.pi * 120 * seconds)) * loud(seconds) * 0.3
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes((buzz * 32767).astype("<i2").tobytes())
    return str(path)


if __name__ == "__main__":
    if sys.argv[1:2] != ["--step"]:
        sys.exit(main())
    status = 1
    try:
        step(sys.argv[2], sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]))
        status = 0
    except Exception:  # noqa: BLE001  whatever it is, it is said
        import traceback
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)        # Blender as a module may crash or hang at its end
