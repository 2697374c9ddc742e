"""docs/USER_GUIDE.md and its pictures: each is there, is small, and is made by a script that takes that screenshot."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "USER_GUIDE.md"
PICTURES = ROOT / "docs" / "pictures" / "guide"
TABLE = json.loads((ROOT / "tests" / "ui" / "pictures.json").read_text(encoding="utf-8"))
MAX_BYTES = 250_000
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def links(document: Path) -> list[str]:
    """Files that a document links to or shows."""
    found = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    return [link for link in found if "://" not in link]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(document):
    assert [link for link in links(document) if not (document.parent / link).exists()] == []


def test_the_guide_shows_exactly_the_pictures_of_the_table():
    shown = {Path(link).name for link in links(GUIDE) if "pictures/guide/" in link}
    assert shown == set(TABLE["pictures"]) == {path.name for path in PICTURES.iterdir()}


@pytest.mark.parametrize("name", sorted(TABLE["pictures"]))
def test_a_script_takes_the_screenshot_of_each_picture(name):
    picture = TABLE["pictures"][name]
    source = (ROOT / "tests" / "ui" / f"{picture['script']}.py").read_text(encoding="utf-8")
    taken = [
        re.sub(r"\\\{[^}]*\\\}", ".+", re.escape(shot)) for shot in re.findall(r'desk\.shot\(ui, f?"([^"]+)"\)', source)
    ]
    taken += [re.escape(shot) for shot in re.findall(r'"(\d_\w+)"', source)]        # names that a step is given
    assert any(re.fullmatch(shot, picture["shot"]) for shot in taken), taken
    assert picture["script"] in TABLE["scripts"]


@pytest.mark.parametrize("name", sorted(TABLE["pictures"]))
def test_pictures_are_small_and_as_large_as_their_part(name):
    data = (PICTURES / name).read_bytes()
    assert len(data) < MAX_BYTES
    left, top, right, bottom = TABLE["pictures"][name]["box"]
    assert (int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")) == (right - left, bottom - top)


def test_the_readme_leads_to_the_guide():
    assert "docs/USER_GUIDE.md" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", sorted(TABLE["scripts"]))
def test_files_that_scripts_need_are_named_as_they_are(script):
    for file in TABLE["scripts"][script]:
        assert (ROOT / file).exists() or file.startswith("../shared/")
