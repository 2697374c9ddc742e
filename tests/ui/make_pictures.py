"""Run the window scripts of this folder, and cut the pictures of docs/USER_GUIDE.md from their screenshots:
`python -m tests.ui.make_pictures TOOLS OUT [--only SCRIPT ...] [--shots]`.

pictures.json names the scripts with the files that they need, and says which part of which screenshot is which picture.
TOOLS is the folder with run.sh, which opens a real Blender window on a virtual display; OUT gets a folder of
screenshots per script. With --shots the screenshots that are in OUT already are cut again. Needs pillow, Linux and root
(for run.sh), and the zip: python3 build.py package --platform linux-x64 --python 3.14
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TABLE = HERE / "pictures.json"
TARGET = ROOT / "docs" / "pictures" / "guide"
COLOURS = 192           # are enough for an interface, and make half of the file
SHARED = (HERE / "desk.py", HERE / "stage.py")      # which all scripts import
LIMIT_S = 2500          # for one script on a slow computer, and more than the script gives itself


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tools", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", metavar="SCRIPT", nargs="+", help="some scripts and their pictures")
    parser.add_argument("--shots", action="store_true", help="cut what is there; open no window")
    options = parser.parse_args()
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    wanted = [script for script in table["scripts"] if options.only is None or script in options.only]
    failed = [
        script for script in wanted if not options.shots and not run(script, table["scripts"][script], options)
    ]
    for name, picture in table["pictures"].items():
        if picture["script"] in wanted and picture["script"] not in failed:
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
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "UI_TIMEOUT": str(LIMIT_S)}).returncode == 0
    print(f"{script}: {'passed' if done else 'failed'} in {time.monotonic() - start:.0f} s", flush=True)
    return done


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
