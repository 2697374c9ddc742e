"""Joint training: a codebook of clean motion that pseudo labels never touch, and a folder that plays."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import Settings, Waveform, animate
from engine.learn.data.official import Dataset
from engine.learn.manners.real_sets import open_any_set
from engine.learn.systems.joint_talker import JointTalker
from engine.learn.systems.unitalker import SetSpec, UniTalkerRecipe
from engine.learn.train import loop
from engine.learn.train.command import export_run
from engine.learn.train.run import TrainConfig, load_run, read_config
from engine.model.folder import open_model
from engine.values.channels import ARKIT_51, ARKIT_52
from engine.values.errors import SettingError

from .faces import make_set, syllables

RECIPES = Path(__file__).parents[2] / "engine" / "learn" / "recipes"
ANNOTATION = "inhouse_blendshape_weight"
SETTINGS = TrainConfig(
    recipe="joint_talker", steps=6, learning_rate=3e-3, weight_decay=0.0, warmup_steps=0, decay=False, ema=0.0,
    checkpoint_steps=6,
)
RECIPE = JointTalker(
    clean=(SetSpec("a2f", "clean"),), pseudo=(SetSpec("a2f", "films"),), wrong_rest=0.5, code_steps=3, batch_size=4,
    crop_frames=12, dim=8, codebook={"width": 16, "inner": 16, "entries": 8, "code_dim": 4, "layers": 1},
)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("sets")
    make_set(folder, Dataset("clean", "clean", ANNOTATION, 1.0, 2), 51, 30, seed=1)
    make_set(folder, Dataset("films", "films", ANNOTATION, 1.0, 2), 51, 30, seed=2)
    return folder


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def training(root, work):
    return RECIPE.prepare(work, root)


@pytest.fixture(scope="module")
def run(training, work) -> Path:
    loop.train(RECIPE, training, SETTINGS, work / "run")
    return work / "run"


def codebook_of(path: Path) -> dict[str, torch.Tensor]:
    model = torch.load(path / "last.pt", weights_only=True)["model"]
    return {name: value for name, value in model.items() if name.startswith("codebook.")}


def test_the_codebook_learns_clean_motion_alone_and_stays_in_the_second_stage(training, run, work):
    loop.train(RECIPE, training, replace(SETTINGS, steps=3, checkpoint_steps=3), work / "first")
    alone = replace(training, pseudo=())
    loop.train(RECIPE, alone, replace(SETTINGS, steps=3, checkpoint_steps=3), work / "alone")
    after, first, without = (codebook_of(work / name) for name in ("run", "first", "alone"))
    assert all(torch.equal(value, first[name]) for name, value in after.items())
    assert all(torch.equal(value, without[name]) for name, value in first.items())


def test_half_of_a_batch_is_pseudo_after_the_first_stage(training):
    first, second = training.batch(0, 1), training.batch(3, 1)
    assert first.learns_codes and not first.is_pseudo.any()
    assert not second.learns_codes and second.is_pseudo.tolist() == [False, False, True, True]
    joint = replace(training, recipe=replace(training.recipe, joint_codebook=True)).batch(0, 1)
    assert joint.learns_codes and joint.is_pseudo.sum() == 2


def test_made_pseudo_labels_have_one_wrong_neutral_face_for_each_speaker(training, root, work):
    true = {id(clip.front): clip for clip in replace(RECIPE, wrong_rest=0.0).prepare(work, root).pseudo}
    shifts = {}
    for spoiled, clip in zip(training.pseudo, true.values(), strict=True):
        shift = spoiled.offsets - clip.offsets
        assert torch.allclose(shift, shift[:1].expand_as(shift), atol=1e-5) and float(shift.std()) > 0.2
        shifts.setdefault(spoiled.identity, []).append(shift[0])
    assert len(shifts) == 2
    assert all(torch.allclose(one, same[0], atol=1e-5) for same in shifts.values() for one in same)


def test_projected_pseudo_labels_are_what_the_codebook_can_say(training, run):
    network = load_run(run)[1]
    batch = training.batch(3, 5)
    projected = training.losses(network, batch).parts["motion"]
    plain = replace(training, recipe=replace(training.recipe, project_pseudo=False)).losses(network, batch)
    assert float(projected.detach()) < float(plain.parts["motion"].detach())


def test_weights_of_a_tracked_set_say_how_often_its_films_are_drawn(root, work, tmp_path):
    folder = make_set(tmp_path, Dataset("clean", "clean", ANNOTATION, 1.0, 2), 51, 30, seed=1)
    assert folder.is_dir()
    (tmp_path / "films").symlink_to(root / "films")
    quality = {f"train{number}": {"weight": 0.0 if number else 1.0} for number in range(4)}
    (root / "films" / "quality.json").write_text(json.dumps(quality))
    try:
        training = RECIPE.prepare(work, tmp_path)
    finally:
        (root / "films" / "quality.json").unlink()
    drawn = {row for step in range(4, 12) for row in training.batch(step, step).identity[2:].tolist()}
    assert drawn <= {training.recipe.row("films/Ann"), len(training.recipe.identities)}


def test_a_run_becomes_a_folder_that_speaks_with_the_bundled_models_phones(run, tmp_path):
    export_run(run, tmp_path / "joint")
    model, mini = open_model(str(tmp_path / "joint")), open_model("mini")
    assert model.system == "autoregressive" and model.phones == mini.phones
    assert model.encoder_folder == mini.encoder_folder and model.identities[model.pivot].id == "pivot"
    _, sound = syllables(np.random.default_rng(4), 1.0)
    given = animate(Waveform(sound), Settings(str(model.folder), raw=True, threads=1)).motion
    assert given.channels == ARKIT_51 and given.weights.shape == (30, 51)


def test_sets_that_do_not_go_together_and_odd_batches_are_refused(root, work):
    with pytest.raises(SettingError, match="must be even"):
        replace(RECIPE, batch_size=3).prepare(work, root)
    other = replace(RECIPE, pseudo=(SetSpec("a2f", "films", head="films"),))
    with pytest.raises(SettingError, match=r"films at 30 .* one kind of motion"):
        other.prepare(work, root)


def test_a_set_with_a_head_of_its_own_does_not_share_the_clean_one(root, work):
    recipe = UniTalkerRecipe(
        sets=(SetSpec("a2f", "clean"), SetSpec("a2f", "films", head="films")), encoder_kind="bundled",
        encoder={"model": "mini"}, decoder_dim=8, style_dim=4, batch_size=2, crop_s=0.6,
    )
    training = recipe.prepare(work, root)
    assert training.recipe.heads == {ANNOTATION: 51, "films": 51}
    assert {batch.head for batch in (training.batch(step, step) for step in range(4))} == {ANNOTATION, "films"}


@pytest.mark.parametrize("name", ["joint_codebook", "joint_own_head"])
def test_the_recipes_can_be_read(name):
    settings, recipe = read_config(RECIPES / f"{name}.toml")
    sets = recipe.sets if isinstance(recipe, UniTalkerRecipe) else (*recipe.clean, *recipe.pseudo)
    assert settings.recipe in ("joint_talker", "unitalker") and [one.reader for one in sets][-1] == "filmed"


def test_films_are_read_as_they_were_tracked(tmp_path):
    make_film(tmp_path)
    films = open_any_set("filmed", tmp_path)
    assert [item.split for item in films.recordings] == ["test", "train", "train", "val", "train"]
    sample = films.recordings[1].read()
    assert sample.fps == 25 and sample.motion.shape == (25, 52)
    assert np.allclose(sample.motion[:, ARKIT_52.index("jawOpen")], 0.1) and sample.motion.sum() == pytest.approx(2.5)
    with pytest.raises(SettingError, match=r"words\.json"):
        open_any_set("filmed", tmp_path / "sound")


def make_film(folder: Path) -> None:
    """Five clips of a second; jawOpen of clip n is n / 10."""
    import soundfile

    (folder / "sound").mkdir()
    names = [f"clip{number}" for number in range(5)]
    for name in names:
        soundfile.write(folder / "sound" / f"{name}.opus", np.zeros(16000), 16000, format="OGG", subtype="OPUS")
    np.savez(
        folder / "motion.npz", clips=np.array(names), start=25 * np.arange(5), frames=np.full(5, 25), fps=25.0,
        names=np.array(["_neutral", "jawOpen"]), curves=np.repeat(np.arange(5) / 10, 25)[:, None] * [0, 1],
    )
    (folder / "words.json").write_text("{}")
