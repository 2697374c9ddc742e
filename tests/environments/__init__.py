"""The environments that this project builds, tests and shows itself in: the pins (the .txt files here) and the code
that installs them.

An environment lives in $UNITALKER_CACHE/environments (default ~/.cache/unitalker), named after a hash of its pins and
its Python's version: a second run finds it, a changed pin makes a new one. Runs on any bare Python 3.10 or newer.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CACHE = Path(os.environ.get("UNITALKER_CACHE") or Path.home() / ".cache" / "unitalker")
PINS = Path(__file__).resolve().parent
ENVIRONMENTS = {            # name of the pin file: the Python that it is for
    "learn": "3.11",        # development: torch, pytest, ruff, mypy
    "oldest": "3.11",       # engine on numpy 1.24 and ONNX Runtime 1.18, as Blender 4.2 on Windows has them
    "newest": "3.13",
    "farm": "3.11",         # Ray
    "bpy42": "3.11", "bpy45": "3.11", "bpy50": "3.11", "bpy52": "3.13", "bpy53": "3.13",   # Blender as a Python module
}
BLENDERS = ("bpy50", "bpy45", "bpy52", "bpy53", "bpy42")     # demo and package take the first that there can be
INSTALLS_AT_ONCE = 2


class BuildError(Exception):
    """What the user can fix; shown as one line."""


def environment(name: str) -> Path:
    """The python of one environment, made if it is not there.

    Raises:
        BuildError: its Python is missing, or pip failed.
    """
    base = find_python(ENVIRONMENTS[name])
    folder = _folder_of(name, base)
    if not _python_of(folder).exists():
        shutil.rmtree(folder, ignore_errors=True)       # there, but without its Python: that was uninstalled
        _make_environment(folder, base, PINS / f"{name}.txt")
    return _python_of(folder)


def cached(name: str) -> Path | None:
    """The python of one environment if it has been made already."""
    try:
        python = _python_of(_folder_of(name, find_python(ENVIRONMENTS[name])))
    except BuildError:
        return None
    return python if python.exists() else None


def environments(names: list[str]) -> dict[str, Path]:
    """The pythons of several environments; one whose Python this machine lacks is named loudly and left out."""
    missing = {}
    for version in sorted({ENVIRONMENTS[name] for name in names}):
        try:
            find_python(version)
        except BuildError as error:
            missing[version] = str(error)
    for version, message in missing.items():
        without = ", ".join(name for name in names if ENVIRONMENTS[name] == version)
        print(f"\n*** {message}\n*** Left out: {without}\n", flush=True)
    names = [name for name in names if ENVIRONMENTS[name] not in missing]
    with ThreadPoolExecutor(INSTALLS_AT_ONCE) as pool:
        return dict(zip(names, pool.map(environment, names), strict=True))


def find_python(version: str) -> str:
    """An interpreter of this version, from PATH, pyenv, uv or the Windows launcher."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local" / "share" / "uv" / "python")
    found = [[sys.executable], [shutil.which(name) or ""], ["py", f"-{version}"]]
    for folder, pattern in ((pyenv, f"{version}.*"), (uv, f"*-{version}.*")):
        found += [[str(home / "bin" / name)] for home in sorted(folder.glob(pattern))]
        found += [[str(home / "python.exe")] for home in sorted(folder.glob(pattern))]
    # a venv's own may go
    probe = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2], sys._base_executable)"
    for command in found:
        if shutil.which(command[0]):
            answer = subprocess.run([*command, "-c", probe], capture_output=True, text=True).stdout.strip()
            if answer.startswith(version + " "):
                return answer.split(" ", 1)[1]
    raise BuildError(
        f"Python {version} (with venv) was not found on PATH, in pyenv or in uv. Install it, for example: uv python "
        f"install {version}"
    )


def _folder_of(name: str, base: str) -> Path:
    version = subprocess.run([base, "-V"], capture_output=True, text=True).stdout
    key = hashlib.sha256((PINS / f"{name}.txt").read_bytes() + version.encode()).hexdigest()[:12]
    return CACHE / "environments" / f"{name}-{key}"


def _make_environment(folder: Path, base: str, pins: Path) -> None:
    """Under another name first: a folder with the right name is complete."""
    print(f"making environment {folder.name}", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f"draft-{folder.name}-", dir=folder.parent))
    try:
        for command in (
            [base, "-m", "venv", draft],
            [_python_of(draft), "-m", "pip", "install", "--quiet", "--no-compile", "-r", pins],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise BuildError(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
        for script in (draft / "bin").glob("*"):
            text = b"" if script.is_symlink() else script.read_bytes()
            if str(draft).encode() in text:
                script.write_bytes(text.replace(str(draft).encode(), str(folder).encode()))
        if not folder.exists():
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def any_blender() -> Path:
    """The python of the first environment with Blender that this machine can have."""
    reasons = []
    for name in BLENDERS:
        try:
            return environment(name)
        except BuildError as error:
            reasons.append(str(error))
    raise BuildError(reasons[0])
