"""`build.py repository`, with a zip that stands in for the real ones: what Blender reads of it."""

from __future__ import annotations

import hashlib
import json
import tomllib
import zipfile
from pathlib import Path

import pytest

import build
from tests.environments import BLENDERS, cached


@pytest.fixture
def blender():
    found = next(filter(None, map(cached, BLENDERS)), None)
    if found is None:
        pytest.skip("no environment with Blender has been made")
    return found


def small_zip(tmp_path: Path, platform: str) -> Path:
    """An extension of this checkout's manifest and nothing else."""
    manifest = (build.ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    path = tmp_path / f"unitalker-{build.version()}-{platform.replace('-', '_')}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__init__.py", "def register(): pass\n")
        text = manifest.replace("[permissions]", f'platforms = ["{platform}"]\n\n[permissions]')
        archive.writestr("blender_manifest.toml", text)
    return path


def test_the_index_lists_every_platform_with_hash_and_size(blender, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "ROOT", fake_root(tmp_path))
    monkeypatch.setattr(build, "any_blender", lambda: blender)
    monkeypatch.setattr(build, "build_zip", lambda _blender, platform: small_zip(tmp_path, platform))
    (tmp_path / "root" / "dist" / "repository").mkdir(parents=True)
    (tmp_path / "root" / "dist" / "repository" / "unitalker-0.0.1-linux_x64.zip").write_bytes(b"old")
    assert build.repository(build._parser().parse_args(["repository"])) == 0
    folder = build.ROOT / "dist" / "repository"
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    assert [entry["platforms"] for entry in sorted(index["data"], key=lambda entry: entry["platforms"])] == sorted(
        [name] for name in build.PLATFORMS
    )
    for entry in index["data"]:
        archive = folder / entry["archive_url"]
        assert entry["id"] == "unitalker" and entry["version"] == build.version()
        assert entry["archive_size"] == archive.stat().st_size
        assert entry["archive_hash"] == f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
        assert entry["permissions"] == tomllib.loads((build.ROOT / "blender_manifest.toml").read_text())["permissions"]
    assert not list(folder.glob("*0.0.1*")) and (folder / "index.html").exists()
    assert not folder.with_name("repository.part").exists()


def fake_root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    (root / "blender_manifest.toml").write_text((build.ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    return root
