"""An option is one row of the table: what is made from the row is there without another line of code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import bpy

from .conftest import ROOT, TINY

ROW = """    Option(
        "sparkle", 0.25, "Sparkle", "Made up", 0, 1, unit="factor", live=True, preset="style", section="style",
        sets="Settings.sparkle", flag=Flag("sparkle", "made up (default: 0.25)"),
    ),
"""

# A process of its own: what is made from the table is made when its modules are loaded.
LOOK = """
import bpy, addon_utils, importlib, json, os, sys
from tests.addon import drawn
package, tiny, speech, folder = sys.argv[1:]
addon_utils.extensions_refresh(addon_modules_pending=[package])
addon_utils.enable(package, default_set=True)
module = lambda name: importlib.import_module(f"{package}.{name}")

settings = bpy.context.scene.unitalker
settings.model = tiny
mesh = bpy.data.meshes.new("Face")
mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
face = bpy.data.objects.new("Face", mesh)
bpy.context.scene.collection.objects.link(face)
for name in ("Basis", *module("engine.values.channels").ARKIT_52):
    face.shape_key_add(name=name, from_mix=False).data[0].co.z = 0.0 if name == "Basis" else 0.1

engine_given = module("engine.__main__")._parser().parse_args(["animate", speech, "-o", "a.npz", "--sparkle", "0.5"])
blender = module("addon.shots.command_line").parser()
blender_given = blender.parse_args(["--character", "Face", "--save", "a.blend", "--sparkle", "0.75"])
with open(folder + "/jobs.json", "w") as file:
    json.dump([{"blend": "a.blend", "save": "b.blend", "sparkle": 0.125}], file)
bpy.ops.unitalker.animate(audio=speech, character="Face", sparkle=1.0)
take, = module("addon.take.takes").takes_of(bpy.context, "Face")
print("\\nFOUND", json.dumps({
    "panel": drawn.draw(bpy.types.UNITALKER_PT_style).texts.count("Sparkle"),
    "engine": module("engine.arguments").settings_of(engine_given, None).sparkle,
    "beside its motion": module("engine.arguments").described(module("engine").Settings(sparkle=0.5))["sparkle"],
    "blender": blender_given.sparkle,
    "job": module("addon.shots.jobs_file").read_jobs(folder + "/jobs.json")[0].given["sparkle"],
    "note": take.choices["sparkle"],
    "made again": module("addon.take.takes").request(bpy.context, take, {}).settings.sparkle,
    "preset": "settings.sparkle" in bpy.types.UNITALKER_OT_style_preset_add.preset_values,
    "live": "sparkle" in module("addon.take.options").LIVE,
}), flush=True)
os._exit(0)
"""


def test_a_row_of_the_table_is_an_option_everywhere(ext, package, speech, tmp_path):
    here = Path(ext.module("addon").__file__).parents[1]
    copy = tmp_path / "extensions" / "user_default" / "unitalker"
    left_out = shutil.ignore_patterns("wheels", "weights", "__pycache__", "blender_manifest.toml")
    shutil.copytree(here, copy, ignore=left_out)
    shutil.copy(ROOT / "blender_manifest.toml", copy)       # without the wheels, which this process has unpacked
    (copy / "weights").symlink_to(here / "weights")
    _insert(copy / "engine" / "values" / "options.py", "_SHAPING = (\n", ROW)
    _insert(copy / "engine" / "values" / "settings.py", "    strength: float = 1.0\n", "    sparkle: float = 0.25\n")

    unpacked = [path for path in sys.path if path.endswith("site-packages")]
    environment = {"BLENDER_USER_RESOURCES": str(tmp_path), "PYTHONPATH": os.pathsep.join([str(ROOT), *unpacked])}
    run = subprocess.run(
        [sys.executable, "-c", LOOK, package, TINY, speech, str(tmp_path)],
        capture_output=True, text=True, timeout=120, env={**os.environ, **environment},
    )
    assert run.returncode == 0 and "FOUND" in run.stdout, run.stderr
    assert json.loads(run.stdout.split("FOUND")[1].splitlines()[0]) == {
        "panel": 1, "engine": 0.5, "beside its motion": 0.5, "blender": 0.75, "job": 0.125, "note": 1.0,
        "made again": 1.0, "preset": True, "live": True,
    }


def _insert(file: Path, after: str, text: str) -> None:
    source = file.read_text(encoding="utf-8")
    assert source.count(after) == 1
    file.write_text(source.replace(after, after + text), encoding="utf-8")


def test_names_of_options_are_unique_and_each_sets_a_field_of_its_own(ext):
    options = ext.module("addon.take.options").OPTIONS
    sets = [option.sets for option in options if option.sets]
    assert len({option.name for option in options}) == len(options) and len(set(sets)) == len(sets)
    switches = {option.switch for option in options if option.switch}
    assert switches and all(option.kind == 'BOOLEAN' for option in options if option.name in switches)


def test_every_option_has_its_default_in_the_panel(ext):
    settings = bpy.data.scenes.new("New").unitalker
    for option in ext.module("addon.take.options").OPTIONS:
        shown = getattr(settings, option.name)
        assert shown is None if option.points_to else shown == option.default or abs(shown - option.default) < 1e-6


def test_no_property_has_a_callback_of_none(ext):
    """Blender calls search=None while somebody types, and ends."""
    properties = ext.module("addon.take.choices").Choices.__annotations__
    assert [name for name, made in properties.items() if None in made.keywords.values()] == [] and len(properties) > 50
