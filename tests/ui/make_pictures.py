"""The pictures of docs/USER_GUIDE.md, from the window scripts of this folder: `python -m tests.ui.make_pictures TOOLS
OUT [--only SCRIPT] [--shots]`.

pictures.json says which screenshot of which script is which picture, and which part of it. TOOLS is the folder with
run.sh, which opens a real Blender window on a virtual display; OUT gets a folder of screenshots per script. With
--shots the screenshots that are in OUT already are cut again. Needs pillow, Linux and root (for run.sh), and the zip:
python3 build.py package --platform linux-x64 --python 3.14
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TABLE = HERE / "pictures.json"
TARGET = ROOT / "docs" / "pictures" / "guide"
COLOURS = 256           # are enough for an interface, and make half of the file
SHARED = (HERE / "desk.py", HERE / "stage.py")      # which all scripts import
LIMIT_S = 1300          # for one script on a slow computer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", metavar="SCRIPT", help="one script and its pictures")
    parser.add_argument("--shots", action="store_true", help="cut what is there; open no window")
    options = parser.parse_args()
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    failed = []
    for script, files in table["scripts"].items():
        if options.only in (None, script) and not options.shots and not run(script, files, options):
            failed.append(script)
    for name, picture in table["pictures"].items():
        if options.only in (None, picture["script"]) and picture["script"] not in failed:
            cut(options.out / picture["script"] / f"{picture['shot']}.png", picture["box"], TARGET / name)
    if failed:
        print(f"Failed: {', '.join(failed)}. Their pictures are as they were.", file=sys.stderr)
    return int(bool(failed))


def run(script: str, files: list[str], options: argparse.Namespace) -> bool:
    """Run one script in a window; whether it ended well."""
    archive = next((ROOT / "dist").glob("unitalker-*py3.14-test.zip"))
    command = [
        "bash", options.tools / "run.sh", HERE / f"{script}.py", options.out / script, archive, *SHARED,
        *(ROOT / file for file in files),
    ]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "UI_TIMEOUT": str(LIMIT_S)}).returncode == 0


def cut(shot: Path, box: list[int], target: Path) -> None:
    """The part of a screenshot, in few colours; box: left, top, right, bottom in pixels."""
    with Image.open(shot) as picture:
        part = picture.convert("RGB").crop(tuple(box)).quantize(
            COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    part.save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}  {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(main())
