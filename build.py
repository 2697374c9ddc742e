#!/usr/bin/env python3
"""The one door of this project: python3 build.py setup | demo | test | check | package | repository | link | bench.

Runs on any bare Python 3.10 or newer. What needs packages runs in the environments of tests/environments, which live in
a cache outside the checkout. Nothing is written into the checkout but .venv (a link to the development environment),
demo/ and dist/.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.environments import BLENDERS, CACHE, ENVIRONMENTS, BuildError, any_blender, environment, environments

ROOT = Path(__file__).resolve().parent
BUNDLED_PYTHONS = ("3.11", "3.13")                  # Blender 4.2 to 5.0, and from 5.1 on
PLATFORMS = {               # name in wheels.lock: platform tags that pip may resolve, widest last
    "linux-x64": ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
    "windows-x64": ("win_amd64",),
    "macos-arm64": ("macosx_13_0_arm64",),
    "macos-x64": ("macosx_13_0_x86_64",),
}
# zips of their own; CoreML is in the usual macOS wheel
GPU_PLATFORMS = {"directml": ("windows-x64",), "cuda": ("linux-x64", "windows-x64")}
# how a wheel that leaves its licence out begins -> the texts in docs/licences that go beside it
LICENCES = {"onnxruntime_directml-": "DirectML_*", "espeakng_loader-": "espeak-ng_*"}
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "nets", "learn", "*.toml", ".*")


def main() -> int:
    options = _parser().parse_args()
    try:
        return options.run(options)
    except BuildError as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="build.py", description="Set up, try, test and package UniTalker Lip Sync.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.set_defaults(run=run)
        return sub

    command("setup", setup, "Make all environments now, and .venv as a link to the development one.")
    demo_options = command(
        "demo", demo, "Animate the sample clip on the test head: demo/hello.blend, hello.png, hello.csv."
    )
    demo_options.add_argument(
        "--video", action="store_true", help="also render demo/hello.mp4 with sound (about two minutes)"
    )
    demo_options.add_argument("--model", default="mini", help="model id or folder; default: %(default)s")
    test_options = command("test", test, "Run every test that this machine can run, and say what was skipped and why.")
    test_options.add_argument(
        "only", nargs="*", metavar="PART", help=(
        "engine, farm, learn, build, addon, an environment such as bpy50, or quick: engine, learning, newest Blender"
    )
    )
    command("check", check, "ruff on everything, mypy --strict on engine/.")
    package_options = command("package", package, "Build the extension zip into dist/.")
    package_options.add_argument(
        "--platform", choices=[*PLATFORMS, "all"],
        help=f"default: {this_platform()}, with --gpu all that it is made for",
    )
    package_options.add_argument(
        "--gpu", choices=[*GPU_PLATFORMS],
        help="an ONNX Runtime for graphics cards: directml (Windows, any card) or cuda (NVIDIA)",
    )
    package_options.add_argument(
        "--python", metavar="3.14", help="for tests only: wheels for this Python, which wheels.lock does not have"
    )
    repository_options = command(
        "repository", repository,
        "Make dist/repository, a folder for any web server: Blender installs and updates the extension from it.",
    )
    repository_options.add_argument(
        "--platform", choices=[*PLATFORMS], nargs="+", default=[*PLATFORMS], help="which zips; default: all",
    )
    link_options = command(
        "link", link, "Install this checkout into your Blender as a development extension: edits are live."
    )
    link_options.add_argument(
        "--blender", metavar="5.3", help="Blender version; default: the newest in your user folder"
    )
    link_options.add_argument(
        "--user-folder", type=Path, help="Blender's user folder of that version, if it is not the usual one"
    )
    bench_options = command("bench", bench, "Print speeds; never fails on one.")
    bench_options.add_argument(
        "--models", action="store_true",
        help="UniTalker at real sizes beside the released code's way (Linux, 30 minutes, 4 GB of disk)",
    )
    bench_options.add_argument(
        "--threads", type=int, nargs="+", metavar="N",
        help="with --models: how many, one after the other; default: 1 and all",
    )
    return parser


# ---- commands ----

def setup(options: argparse.Namespace) -> int:
    made = environments(list(ENVIRONMENTS))
    if "learn" in made:
        _point_venv_to(made["learn"].parent.parent)
    return 0 if len(made) == len(ENVIRONMENTS) else 1


def demo(options: argparse.Namespace) -> int:
    blender = any_blender()
    archive = build_zip(blender, this_platform())
    return run_in_blender(
        blender, "tests.demo.make_demo",
        [archive, ROOT / "demo", "--model", options.model] + ["--video"] * options.video,
    )


def test(options: argparse.Namespace) -> int:
    sys.path.insert(0, str(ROOT))
    from tests.suite import QUICK, run_suite
    wanted = [name for name in ENVIRONMENTS if options.only != ["quick"] or name in QUICK]
    made = environments(wanted)
    blender = next((made[name] for name in BLENDERS if name in made), None)
    archive = build_zip(blender, this_platform()) if blender else None
    return run_suite(made, [name for name in wanted if name not in made], archive, options.only)


def check(options: argparse.Namespace) -> int:
    python = environment("learn")
    lint = subprocess.run([python, "-m", "ruff", "check", "."], cwd=ROOT).returncode
    types = subprocess.run([python, "-m", "mypy"], cwd=ROOT).returncode
    return int(bool(lint or types))


def package(options: argparse.Namespace) -> int:
    blender = any_blender()
    fitting = GPU_PLATFORMS[options.gpu] if options.gpu else tuple(PLATFORMS)
    platform_name = options.platform or ("all" if options.gpu else this_platform())
    for name in fitting if platform_name == "all" else [platform_name]:
        archive = build_zip(blender, name, options.python, options.gpu)
        print(f"{archive.relative_to(ROOT)}  {archive.stat().st_size / 1e6:.1f} MB")
    return 0


def repository(options: argparse.Namespace) -> int:
    """The zips of this version, the index.json of Blender's own program, and a page for people: all or nothing."""
    blender, folder = any_blender(), ROOT / "dist" / "repository"
    draft = folder.with_name("repository.part")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name in options.platform:
        shutil.copy(build_zip(blender, name), draft)
    command = [blender, extension_cli(blender), "server-generate", "--repo-dir", draft, "--html"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not (draft / "index.json").exists():
        raise BuildError(f"Blender's extension program made no repository:\n{done.stdout}{done.stderr}")
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    print(
        f"{folder.relative_to(ROOT)}  version {version()}, {len(options.platform)} zips, {size:.0f} MB. Serve the "
        "folder, and give the address of its index.json in Preferences > Get Extensions > Repositories > Add Remote "
        "Repository."
    )
    return 0


def link(options: argparse.Namespace) -> int:
    user = options.user_folder or _blender_user_folder(options.blender)
    target = user / "extensions" / "user_default" / "unitalker"
    if target.exists() and not (target / "addon").is_symlink():
        raise BuildError(
            f"{target} holds an installed extension, not a link. Remove it in Blender (Preferences > Add-ons), then "
            "link again."
        )
    if target.exists():
        shutil.rmtree(target)       # removes the links in it, not what they point to
    wheels = fetch_wheels(any_blender(), this_platform())
    try:
        _stage(target, this_platform(), wheels, linked=True)
    except OSError as error:
        shutil.rmtree(target, ignore_errors=True)
        raise BuildError(f"No links in {target}: {error}. On Windows, switch on developer mode.") from error
    print(
        f"{target} now follows {ROOT}. Start Blender and enable UniTalker Lip Sync in Preferences > Add-ons; restart "
        "it after an edit."
    )
    return 0


def bench(options: argparse.Namespace) -> int:
    if options.models:
        threads = ["--threads", *map(str, options.threads)] if options.threads else []
        return subprocess.run(
            [environment("learn"), "-m", "tests.bench.unitalker", CACHE / "bench", *threads], cwd=ROOT
        ).returncode
    made = environments(["newest", "oldest", *BLENDERS])
    archive = build_zip(any_blender(), this_platform())
    for name in ("oldest", "newest"):
        if name in made:
            subprocess.run([made[name], "-m", "tests.bench.engine"], cwd=ROOT)
    if "newest" in made:
        subprocess.run([made["newest"], "-m", "tests.bench.teach"], cwd=ROOT)
    subprocess.run([any_blender(), "-m", "tests.bench.shapes"], cwd=ROOT)
    for name in BLENDERS:
        if name in made:
            run_in_blender(made[name], "tests.bench.addon", [archive])
    return 0


# ---- helpers of the commands ----

def _point_venv_to(folder: Path) -> None:
    venv = ROOT / ".venv"
    if venv.exists() and not venv.is_symlink():
        print(f"{venv} is not a link; left as it is. The development environment is {folder}")
        return
    venv.unlink(missing_ok=True)
    try:
        venv.symlink_to(folder, target_is_directory=True)
    except OSError as error:        # Windows without developer mode
        print(f"No link .venv ({error}). The development environment is {folder}")


def run_in_blender(blender: Path, module: str, arguments: list[object], limit_s: float = 900) -> int:
    """Run a module of this checkout in a bpy environment, with a private user folder and a hard limit: Blender as a
    module may hang."""
    with tempfile.TemporaryDirectory(prefix="unitalker-") as user:
        variables = {**os.environ, "BLENDER_USER_RESOURCES": user, "OMP_NUM_THREADS": "1"}
        try:
            return subprocess.run(
                [blender, "-m", module, *map(str, arguments)], cwd=ROOT, env=variables, timeout=limit_s
            ).returncode
        except subprocess.TimeoutExpired:
            raise BuildError(f"{module} did not end within {limit_s:.0f} s.") from None


# ---- the extension zip ----

@dataclass(frozen=True)
class Wheel:
    """One line of wheels.lock; platform and python may be "any"."""

    name: str
    version: str
    file: str
    sha256: str
    platform: str
    python: str


def read_lock(gpu: str | None = None) -> list[Wheel]:
    """The lines of wheels.lock for the usual zips; with `gpu` its section's ONNX Runtime takes the place of the usual
    one."""
    sections: dict[str, list[Wheel]] = {"": []}
    section = ""
    for line in (ROOT / "wheels.lock").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            sections[section] = []
        elif line and not line.startswith("#"):
            sections[section].append(Wheel(*line.split()))
    instead = sections[gpu] if gpu else []
    return [wheel for wheel in sections[""] if not (gpu and wheel.name == "onnxruntime")] + instead


def this_platform() -> str:
    system = {"Darwin": "macos", "Windows": "windows"}.get(platform.system(), "linux")
    return f"{system}-{'arm64' if platform.machine().lower() in ('arm64', 'aarch64') else 'x64'}"


def build_zip(blender: Path, platform_name: str, extra_python: str | None = None, gpu: str | None = None) -> Path:
    """Stage a copy, build it with Blender's own builder, validate it, and put it into dist/. Needs a python that has
    bpy."""
    fitting = GPU_PLATFORMS[gpu] if gpu else tuple(PLATFORMS)
    if platform_name not in fitting:
        raise BuildError(
            f"There are no {gpu + ' ' if gpu else ''}wheels for {platform_name} in wheels.lock, only for "
            f"{', '.join(fitting)}."
        )
    if gpu and extra_python:
        raise BuildError(
            "--gpu and --python do not go together: wheels for graphics cards are only known for the Pythons of "
            "wheels.lock."
        )
    wheels = (
        resolve_wheels(blender, platform_name, extra_python) if extra_python
        else fetch_wheels(blender, platform_name, gpu)
    )
    suffix = f"-py{extra_python}-test" if extra_python else f"-{gpu}" if gpu else ""
    archive = ROOT / "dist" / f"unitalker-{version()}-{platform_name.replace('-', '_')}{suffix}.zip"
    archive.parent.mkdir(exist_ok=True)
    cli = extension_cli(blender)
    with tempfile.TemporaryDirectory(prefix="unitalker-") as temporary:
        stage, draft = Path(temporary) / "unitalker", Path(temporary) / archive.name
        _stage(stage, platform_name, wheels)
        for arguments in (["build", "--source-dir", stage, "--output-filepath", draft], ["validate", draft]):
            done = subprocess.run([blender, cli, *arguments], capture_output=True, text=True)
            if done.returncode:
                raise BuildError(
                    f"Blender's extension builder refused to {arguments[0]} the extension:\n{done.stdout}{done.stderr}"
                )
        shutil.move(draft, archive)
    return archive


def extension_cli(blender: Path) -> Path:
    """Blender's own extension program, in the environment of this python."""
    return next(
        blender.parent.parent.glob("[lL]ib/**/site-packages/bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    )


def version() -> str:
    found = re.search(
        r'^version = "([^"]+)"', (ROOT / "blender_manifest.toml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert found, "blender_manifest.toml has no version"
    return found[1]


def fetch_wheels(python: Path, platform_name: str, gpu: str | None = None) -> list[Path]:
    """The locked wheels of one platform, from the cache or by pip, which checks the hashes."""
    folder = CACHE / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [wheel for wheel in read_lock(gpu) if wheel.platform in (platform_name, "any")]
    for tag in BUNDLED_PYTHONS:
        missing = [
            wheel for wheel in wanted if wheel.python in (tag, "any") and _sha256(folder / wheel.file) != wheel.sha256
        ]
        requirements = "".join(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in missing)
        if missing:
            _pip_download(python, folder, (platform_name, tag), requirements, ["--require-hashes"])
    return [folder / wheel.file for wheel in wanted]


def resolve_wheels(python: Path, platform_name: str, tag: str) -> list[Path]:
    """Wheels for a Python that wheels.lock does not have: the newest of those made for one Python; not pinned, so only
    for tests."""
    folder = CACHE / f"wheels-{platform_name}-{tag}"
    shutil.rmtree(folder, ignore_errors=True)
    names = {wheel.name if wheel.python != "any" else f"{wheel.name}=={wheel.version}" for wheel in read_lock()}
    _pip_download(python, folder, (platform_name, tag), "\n".join(sorted(names)), [])
    return sorted(folder.glob("*.whl"))


def _pip_download(python: Path, folder: Path, target: tuple[str, str], requirements: str, extra: list[str]) -> None:
    platform_name, tag = target
    tags = [word for name in PLATFORMS[platform_name] for word in ("--platform", name)]
    with tempfile.TemporaryDirectory(prefix="unitalker-") as temporary:
        listed = Path(temporary) / "requirements.txt"
        listed.write_text(requirements)
        command = [
            python, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--python-version", tag,
            *tags, *extra,
        ]
        done = subprocess.run([*command, "-r", listed, "-d", temporary], capture_output=True, text=True)
        if done.returncode:
            raise BuildError(f"pip could not fetch the wheels for {platform_name}, Python {tag}:\n{done.stderr}")
        folder.mkdir(parents=True, exist_ok=True)
        for wheel in Path(temporary).glob("*.whl"):
            shutil.move(wheel, folder / wheel.name)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _stage(folder: Path, platform_name: str, wheels: list[Path], linked: bool = False) -> None:
    """Lay out an extension: what this checkout ships, its one-line __init__.py, and the wheels with their list in the
    manifest."""
    (folder / "wheels").mkdir(parents=True)
    for name in ("addon", "engine", "weights", "presets", "LICENSE", "THIRD_PARTY.md", "tests/data/sample.flac"):
        source = ROOT / name
        target = folder / source.name
        if linked:
            target.symlink_to(source, target_is_directory=source.is_dir())
        elif source.is_dir():
            shutil.copytree(source, target, ignore=NOT_SHIPPED)
        else:
            shutil.copy(source, target)
    for wheel in wheels:
        shutil.copy(wheel, folder / "wheels" / wheel.name)
    for start, texts in LICENCES.items():
        if any(wheel.name.startswith(start) for wheel in wheels):
            (folder / "licences").mkdir(exist_ok=True)
            for text in (ROOT / "docs" / "licences").glob(texts):
                shutil.copy(text, folder / "licences" / text.name)
    listed = "".join(f'    "./wheels/{wheel.name}",\n' for wheel in wheels)
    generated = f'platforms = ["{platform_name}"]\nwheels = [\n{listed}]\n\n'
    manifest = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    (folder / "blender_manifest.toml").write_text(
        manifest.replace("[permissions]", generated + "[permissions]"), encoding="utf-8"
    )
    (folder / "__init__.py").write_text("from .addon import register, unregister  # noqa: F401\n", encoding="utf-8")


def _blender_user_folder(wanted: str | None) -> Path:
    home = {"Darwin": Path.home() / "Library/Application Support/Blender",
            "Windows": Path(os.environ.get("APPDATA", "")) / "Blender Foundation/Blender"}.get(platform.system())
    home = home or Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "blender"
    if wanted:
        return home / wanted
    versions = sorted(
        (path for path in home.glob("[0-9]*.[0-9]*")), key=lambda path: [int(part) for part in path.name.split(".")]
    )
    if not versions:
        raise BuildError(
            f"No Blender user folder in {home}. Start Blender once, or name it: build.py link --user-folder PATH"
        )
    return versions[-1]


if __name__ == "__main__":
    sys.exit(main())
