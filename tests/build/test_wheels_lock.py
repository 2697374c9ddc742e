"""The wheels that are shipped: complete for every platform and Python, and nothing that must not be there."""

from __future__ import annotations

import re

import pytest

import build

LOCK = build.read_lock()
PAIRS = [(platform, python) for platform in build.PLATFORMS for python in build.BUNDLED_PYTHONS]
GPU = [(gpu, platform) for gpu, platforms in build.GPU_PLATFORMS.items() for platform in platforms]
EVERY_LINE = list(dict.fromkeys(wheel for gpu in (None, *build.GPU_PLATFORMS) for wheel in build.read_lock(gpu)))
NEEDED = {"onnxruntime", "soxr", "soundfile", "cffi", "pycparser", "fastjsonschema", "espeakng-loader"}


def wheels_for(platform: str, python: str, gpu: str | None = None) -> dict[str, build.Wheel]:
    return {
        wheel.name: wheel
        for wheel in build.read_lock(gpu) if wheel.platform in (platform, "any") and wheel.python in (python, "any")
    }


@pytest.mark.parametrize("wheel", EVERY_LINE, ids=lambda wheel: wheel.file)
def test_line_agrees_with_its_file_name(wheel):
    name, version, python, _abi, platform = wheel.file.removesuffix(".whl").split("-")
    assert (name.replace("_", "-"), version) == (wheel.name, wheel.version)
    assert re.fullmatch("[0-9a-f]{64}", wheel.sha256)
    assert (platform == "any") == (wheel.platform == "any")
    assert python.startswith("py") == (wheel.python == "any")
    if wheel.platform != "any":
        system = {"linux": "manylinux", "windows": "win_amd64", "macos": "macosx"}[wheel.platform.split("-")[0]]
        assert platform.startswith(system)
        assert ("arm64" in platform) == wheel.platform.endswith("arm64")


@pytest.mark.parametrize(("platform", "python"), PAIRS)
def test_every_platform_and_python_has_each_package_once(platform, python):
    chosen = [wheel.name for wheel in LOCK if wheel.platform in (platform, "any") and wheel.python in (python, "any")]
    assert sorted(chosen) == sorted(NEEDED)


@pytest.mark.parametrize("python", build.BUNDLED_PYTHONS)
@pytest.mark.parametrize(("gpu", "platform"), GPU)
def test_gpu_zip_has_its_own_onnxruntime_once_and_not_the_usual_one(gpu, platform, python):
    chosen = [
        wheel.name
        for wheel in build.read_lock(gpu) if wheel.platform in (platform, "any") and wheel.python in (python, "any")
    ]
    runtime = {"cuda": "onnxruntime-gpu", "directml": "onnxruntime-directml"}[gpu]
    assert sorted(chosen) == sorted((NEEDED - {"onnxruntime"}) | {runtime})


def test_gpu_zips_are_made_for_the_platforms_that_have_such_cards():
    assert set(GPU) == {("directml", "windows-x64"), ("cuda", "linux-x64"), ("cuda", "windows-x64")}


@pytest.mark.parametrize(
    ("gpu", "platform", "python"),
    [(None, *pair) for pair in PAIRS] + [(*pair, python) for pair in GPU for python in build.BUNDLED_PYTHONS],
)
def test_wheel_installs_on_the_python_it_is_listed_for(gpu, platform, python):
    tag = "cp" + python.replace(".", "")
    for wheel in wheels_for(platform, python, gpu).values():
        wheel_python, abi = wheel.file.split("-")[2:4]
        stable = abi == "abi3" and int(wheel_python[3:]) <= int(tag[3:])
        assert wheel_python.startswith("py") or wheel_python == tag or stable, wheel.file


@pytest.mark.parametrize("forbidden", ["numpy", "torch", "tqdm", "transformers", "protobuf", "typing_extensions"])
def test_what_blender_has_and_what_only_learning_needs_is_not_bundled(forbidden):
    assert forbidden not in {wheel.name for wheel in LOCK}


@pytest.mark.parametrize(
    ("gpu", "name"), [(None, "onnxruntime"), ("directml", "onnxruntime-directml"), ("cuda", "onnxruntime-gpu")]
)
def test_windows_with_python_311_gets_the_onnxruntime_that_its_cpp_runtime_loads(gpu, name):
    assert wheels_for("windows-x64", "3.11", gpu)[name].version == "1.18.1"
    assert wheels_for("windows-x64", "3.13", gpu)[name].version != "1.18.1"


@pytest.mark.parametrize("platform", ["macos-arm64", "macos-x64"])
def test_macos_wheels_do_not_ask_for_macos_14(platform):
    for python in build.BUNDLED_PYTHONS:
        for wheel in wheels_for(platform, python).values():
            needed = re.search(r"macosx_(\d+)_", wheel.file)
            assert needed is None or int(needed[1]) <= 13, wheel.file


def test_every_bundled_package_is_credited():
    text = (build.ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    manifest = (build.ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    for wheel in EVERY_LINE:
        assert wheel.name in text and wheel.version in text, wheel.name
        assert wheel.name.removesuffix("-gpu").removesuffix("-directml") in manifest, wheel.name
