"""The extension zip that `build.py package` made; UNITALKER_ZIP names it."""

from __future__ import annotations

import ast
import os
import subprocess
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

import build
from tests.environments import BLENDERS, cached

ARCHIVE = os.environ.get("UNITALKER_ZIP", "")
GPU = next((gpu for gpu in build.GPU_PLATFORMS if ARCHIVE.endswith(f"-{gpu}.zip")), None)
MAX_BYTES = 100e6       # what extensions.blender.org takes without a word
pytestmark = pytest.mark.skipif(not ARCHIVE, reason="UNITALKER_ZIP names no built zip")


@pytest.fixture(scope="module")
def archive():
    with zipfile.ZipFile(ARCHIVE) as opened:
        yield opened


@pytest.fixture(scope="module")
def names(archive) -> set[str]:
    return set(archive.namelist())


@pytest.fixture(scope="module")
def manifest(archive) -> dict:
    return tomllib.loads(archive.read("blender_manifest.toml").decode())


def test_blenders_own_builder_accepts_it():
    blender = next(filter(None, map(cached, BLENDERS)), None)
    if blender is None:
        pytest.skip("no environment with Blender has been made")
    done = subprocess.run([blender, build.extension_cli(blender), "validate", ARCHIVE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_holds_the_program_its_model_its_presets_and_its_licences(names):
    assert {
        "__init__.py", "addon/__init__.py", "addon/head/head.npz", "sample.flac", "engine/__init__.py",
        "engine/pipeline.py", "LICENSE", "THIRD_PARTY.md",
    } <= names
    assert {
        "weights/mini/model.json", "weights/mini/encoder.onnx", "presets/arkit52.json", "presets/schema.json"
    } <= names


def test_licences_that_wheels_lack_are_in_it(names):
    assert "licences/espeak-ng_LICENSE.txt" in names
    assert ("licences/DirectML_LICENSE.txt" in names) == (GPU == "directml")


def test_learning_code_tests_and_caches_stay_out(names):
    for name in names:
        path = PurePosixPath(name)
        assert not name.startswith(("engine/nets/", "engine/learn/", "tests/", "demo/")), name
        assert "__pycache__" not in path.parts and path.suffix != ".pyc", name
        assert not any(part.startswith(".") for part in path.parts), name


def test_no_code_in_it_needs_torch(archive, names):
    for name in (name for name in names if name.endswith(".py")):
        for node in ast.walk(ast.parse(archive.read(name))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {module.split(".")[0] for module in modules} & {"torch", "transformers", "onnx"}, name


def test_manifest_lists_exactly_the_wheels_of_the_lock(manifest, names):
    listed = {name.removeprefix("./") for name in manifest["wheels"]}
    assert listed == {name for name in names if name.endswith(".whl")}
    locked = {
        f"wheels/{wheel.file}" for wheel in build.read_lock(GPU) if wheel.platform in (*manifest["platforms"], "any")
    }
    assert listed == locked
    assert not any("numpy" in name for name in listed)


def test_wheels_are_the_locked_files(archive, tmp_path):
    for wheel in build.read_lock(GPU):
        if f"wheels/{wheel.file}" in archive.namelist():
            assert build._sha256(Path(archive.extract(f"wheels/{wheel.file}", tmp_path))) == wheel.sha256


def test_manifest_asks_for_files_and_clipboard_and_starts_at_blender_42(manifest):
    assert set(manifest["permissions"]) == {"files", "clipboard"}
    assert manifest["blender_version_min"] == "4.2.0"
    assert manifest["id"] == "unitalker" and manifest["version"] == build.version()
    assert len(manifest["tagline"]) <= 64 and manifest["tagline"][-1].isalnum()
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]


@pytest.mark.skipif(GPU == "cuda", reason="a zip with CUDA's kernels is handed out elsewhere")
def test_it_is_small_enough_for_the_extension_platform():
    assert Path(ARCHIVE).stat().st_size < MAX_BYTES
