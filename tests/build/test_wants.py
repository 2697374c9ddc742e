"""docs/WANTS.md names only tests, scripts and pictures that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "WANTS.md").read_text(encoding="utf-8")
ROWS = [line for line in TEXT.splitlines() if re.match(r"\| \d+ \|", line)]


def test_all_twenty_five_are_there_and_each_says_how_it_stands():
    assert [int(row.split("|")[1]) for row in ROWS] == list(range(1, 26))
    assert all(cell.strip() for row in ROWS for cell in row.split("|")[2:5])


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(tests/[\w/.]+(?:::\w+)?)`", TEXT))))
def test_a_named_test_exists(name):
    path, _, test = name.partition("::")
    assert (ROOT / path).exists()
    assert not test or f"\ndef {test}(" in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\b((?:docs|tests/ui)/[\w/]+\.(?:md|jpg|png|py))", TEXT))))
def test_a_named_document_script_or_picture_exists(name):
    assert (ROOT / name).is_file()
