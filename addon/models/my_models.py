"""The user's own models: folders that `convert` or `export` wrote, copied into the extension's user folder.

The user folder survives updates.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import bpy

from ...engine import ModelError, OutputError, close_graphs
from ...engine.model.folder import Model, forget_models, open_model
from ..host.preferences import EnginePreferences, user_folder

MODEL_FILE = "model.json"
FORBIDDEN = frozenset('<>:"/\\|?*')     # in file names of some system: the id becomes the folder's name


def add(path: str, preferences: EnginePreferences) -> Model:
    """Check a model folder and copy it to the user's folder, whole or not at all.

    Args:
        path: the folder, or the model.json in it.
    Returns:
        The copy, opened.
    Raises:
        ModelError: damaged, made for a newer version, or its name is taken. OutputError: it cannot be copied.
    """
    source = Path(bpy.path.abspath(path)).absolute()
    model = open_model(str(source.parent if source.name == MODEL_FILE else source))
    store = Path(user_folder("models", create=True))
    _check_name(model, store, preferences)
    try:
        with tempfile.TemporaryDirectory(dir=store.parent, prefix="adding-") as name:
            part = Path(name) / model.id
            _copy(model, part)
            part.rename(store / model.id)
    except OSError as error:
        raise OutputError(
            f"Model {model.id!r} cannot be copied to {store}: {error.strerror or error}. "
            "Free some space, or check who may write there."
        ) from error
    return open_model(str(store / model.id))


def remove(model_id: str) -> Path:
    """Remove a model from the user's folder; where it was.

    Raises:
        ModelError: it is not in the user's folder. OutputError: it cannot be removed.
    """
    folder = own_folder(model_id)
    if folder is None:
        store = user_folder("models")
        raise ModelError(
            f"Model {model_id!r} is none of those that you added: it stays. Only models of {store} can be removed here."
        )
    forget_models()         # these two let go of its files, which Windows would not remove else
    close_graphs(folder)
    try:
        beside = folder.parent.parent
        with tempfile.TemporaryDirectory(dir=beside, prefix="removing-", ignore_cleanup_errors=True) as name:
            folder.rename(Path(name) / "old")
    except OSError as error:
        raise OutputError(
            f"Model {model_id!r} cannot be removed from {folder}: {error.strerror or error}. "
            "Close other programs that use it."
        ) from error
    return folder


def own_folder(model_id: str) -> Path | None:
    """Where a model lies that the user added, usable or not; None for bundled ones and those of other folders."""
    folder = Path(user_folder("models")) / model_id
    return folder if model_id and Path(model_id).name == model_id and (folder / MODEL_FILE).is_file() else None


def _check_name(model: Model, store: Path, preferences: EnginePreferences) -> None:
    if not model.id or model.id.startswith(".") or model.id.rstrip(" .") != model.id or FORBIDDEN & set(model.id):
        raise ModelError(
            f"Model {model.folder} has the id {model.id!r}, which cannot be a folder's name. "
            "Convert it again, with a plain name after -o."
        )
    there = store / model.id
    step = "Remove it first (the arrow beside the model)"
    if not there.exists():
        try:
            there = open_model(model.id, preferences.model_folders).folder
        except ModelError:
            return          # nothing of this name
        step = "It stays"
    raise ModelError(
        f"A model named {model.id!r} is there already ({there}). {step}, "
        "or convert this one with another name after -o."
    )


def _copy(model: Model, folder: Path) -> None:
    """Copy what model.json names, and see that it arrived."""
    folder.mkdir()
    for name, expected in ((MODEL_FILE, ""), *model.own_hashes):
        shutil.copyfile(model.folder / name, folder / name)
        with (folder / name).open("rb") as content:
            if expected and hashlib.file_digest(content, "sha256").hexdigest() != expected:
                raise OutputError(
                    f"{name} of model {model.id!r} was not copied whole to {folder.parent}. "
                    "Check the disk, then add it again."
                )

