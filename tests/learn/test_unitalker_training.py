"""UniTalker from data sets to a model folder: bases, batches, stages, resume, fine-tuning, measures."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import Settings, Waveform, animate
from engine.learn.data.official import Dataset
from engine.learn.export.from_run import export
from engine.learn.faces.prepared import fit_pca
from engine.learn.systems.unitalker import SetSpec, UniTalkerRecipe
from engine.learn.train import loop
from engine.learn.train.command import export_run
from engine.learn.train.finetune import FineTuning, finetune
from engine.learn.train.measure import measure, table
from engine.learn.train.run import TrainConfig, load_run, read_config
from engine.model.folder import open_model
from engine.values.channels import ARKIT_51
from engine.values.errors import SettingError

from .faces import make_set, syllables

SPACES = (
    (Dataset("A", "A", "mesh_vertices", 1.0, 2, True), 18, 25),
    (Dataset("B", "B", "inhouse_blendshape_weight", 1.0, 2), 51, 60),
)
SETTINGS = TrainConfig(
    recipe="unitalker", epochs=2, learning_rate=3e-3, weight_decay=0.0, warmup_steps=0, decay=False, ema=0.0,
    checkpoint_steps=0,
)
RECIPE = UniTalkerRecipe(
    sets=(SetSpec("a2f", "A", repeat=2), SetSpec("a2f", "B")), pca_dim=4, encoder_kind="bundled",
    encoder={"model": "mini", "dilations": (1,)}, decoder_dim=16, style_dim=8, batch_size=2, crop_s=0.6,
)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sets")
    for number, (facts, width, fps) in enumerate(SPACES):
        make_set(folder, facts, width, fps, seed=number)
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


def weights(path: Path, kind: str = "model") -> dict[str, torch.Tensor]:
    return torch.load(path / "last.pt", weights_only=True)[kind]


# --- bases ------------------------------------------------------------------------------------------------------------

def test_a_basis_learned_in_blocks_is_that_of_all_frames(monkeypatch):
    rng = np.random.default_rng(1)
    frames = (rng.normal(size=(300, 5)) * [9, 5, 3, 0.1, 0.1]) @ rng.normal(size=(5, 24)) + 2.0
    monkeypatch.setattr("engine.learn.faces.prepared.BLOCK_FRAMES", 70)
    basis, shares = fit_pca(lambda: iter(np.split(frames, 3)), 3)
    values = np.linalg.svd(frames - frames.mean(0), full_matrices=False)
    assert np.allclose(np.abs(basis.components @ values[2][:3].T), np.eye(3), atol=2e-3)
    assert np.allclose(shares, values[1][:3] ** 2 / (values[1] ** 2).sum(), rtol=2e-3)
    assert np.allclose(basis.mean, frames.mean(0), atol=1e-5)


def test_a_complete_basis_gives_the_frames_back():
    frames = np.random.default_rng(2).normal(size=(40, 6))
    basis, _ = fit_pca(lambda: iter([frames]), 512)
    assert basis.components.shape == (6, 6)
    again = (frames - basis.mean) @ basis.components.T @ basis.components + basis.mean
    assert np.allclose(again, frames, atol=1e-5)


def test_the_basis_that_a_set_was_released_with_is_taken_over(tmp_path, work):
    folder = make_set(tmp_path, Dataset("R", "R", "released_mesh", 1.0, 2, True), 18, 25, seed=4)
    rotated, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(18, 6)))
    released = {"components_to_data": rotated.T.astype(np.float32), "original_data_mean": np.full(18, 0.5, np.float32)}
    np.savez(folder / "pca.npz", **released)
    opened = replace(RECIPE, sets=(SetSpec("a2f", "R"),)).prepare(work, tmp_path)
    pca = opened.spaces["released_mesh"].pca
    assert np.array_equal(pca.components.numpy(), released["components_to_data"][:4])
    assert np.array_equal(pca.mean.numpy(), released["original_data_mean"])
    np.savez(folder / "pca.npz", components_to_data=np.eye(12), original_data_mean=np.zeros(12))
    with pytest.raises(SettingError, match=r"pca\.npz is a basis of 12 numbers, released_mesh has 18"):
        replace(RECIPE, sets=(SetSpec("a2f", "R"),), pca_dim=3, balance=True).prepare(work, tmp_path)


def test_with_balance_a_set_in_other_units_weighs_and_learns_the_same(tmp_path, work):
    for name, scale in (("L", 1.0), ("S", 0.001)):
        make_set(tmp_path, Dataset(name, name, f"mesh_{name}", scale, 2, True), 18, 25, seed=4)
    sets = tuple(SetSpec("a2f", name) for name in "LS")
    opened = replace(RECIPE, sets=sets, balance=True, batch_size=1, crop_s=0.0, pivot_share=0.0).prepare(work, tmp_path)
    network = opened.recipe.build().eval()
    network.heads["mesh_S"].load_state_dict(network.heads["mesh_L"].state_dict())
    for head in network.heads.values():
        torch.nn.init.constant_(head.weight, 0.02)
    large, small = (opened._stacked([(one, one.items[0])], None) for one in opened.train)
    losses = [
        opened.losses(network, replace(batch, identity=torch.tensor([0]))).total.item() for batch in (large, small)
    ]
    assert losses[0] > 0.1 and losses[1] == pytest.approx(losses[0], rel=1e-2)


# --- batches ----------------------------------------------------------------------------------------------------------

def test_an_epoch_visits_every_clip_as_often_as_its_set_says(training):
    names = [item.name for batch in training._batches(5) for _, item in batch]
    assert sorted(names) == sorted([f"train{i}.npy" for i in range(4)] * 3)
    assert training.epoch_steps == 6


def test_a_batch_has_one_annotation_and_crops_of_one_length(training):
    for step in range(training.epoch_steps):
        batch = training.batch(step, 7 + step)
        fps = 25 if batch.head == "mesh_vertices" else 30
        assert batch.motion.shape[:2] == (2, round(0.6 * fps)) and batch.front.shape[:2] == (2, 29)


def test_a_crop_of_the_front_is_of_the_same_time_as_that_of_the_motion(training):
    """Where a clip has the crop's motion, it has the crop's front."""
    whole = replace(training, recipe=replace(RECIPE, crop_s=0.0, batch_size=1, sets=RECIPE.sets))
    batch = training.batch(0, 3)
    clips = [whole._stacked([pair], None) for group in training._batches(3) for pair in group]
    for motion, front in zip(batch.motion, batch.front, strict=True):
        found = []
        for clip in clips:
            if clip.head != batch.head:
                continue
            n, rows = len(motion), len(front)
            fps = 25 if batch.head == "mesh_vertices" else 30
            for first in range(clip.motion.shape[1] - n + 1):
                if torch.equal(clip.motion[0, first:first + n], motion):
                    begin = round(first / fps * 50)
                    found.append(torch.equal(clip.front[0, begin:begin + rows], front))
        assert any(found)       # the motion may come again in a clip, with another sound


def test_the_pivot_replaces_one_speaker_in_ten(training):
    rows = torch.cat([training.batch(step, step).identity for step in range(300)])
    assert 0.06 < float((rows == len(training.recipe.identities)).float().mean()) < 0.15


def test_the_same_seed_gives_the_same_batch(training):
    one, same, other = (training.batch(2, seed) for seed in (9, 9, 10))
    assert torch.equal(one.motion, same.motion) and torch.equal(one.identity, same.identity)
    assert one.head != other.head or not torch.equal(one.motion, other.motion)


def test_the_encoder_stays_for_the_warm_up_and_moves_after_it(training, tmp_path):
    for epochs in (1, 2):
        loop.train(RECIPE, training, replace(SETTINGS, epochs=epochs), tmp_path / str(epochs))
    first, second = (weights(tmp_path / str(epochs)) for epochs in (1, 2))
    encoder = [name for name in first if name.startswith("encoder.") and name.endswith("weight")]
    assert any(not torch.equal(first[name], second[name]) for name in encoder)
    assert all(float(first[name].abs().sum()) == 0.0 for name in encoder if name.endswith("conv.weight"))


# --- runs -------------------------------------------------------------------------------------------------------------

def test_training_lowers_the_error_of_clips_that_were_not_learned(run, training):
    recipe, network = load_run(run)
    fresh = replace(recipe, start_from="").build().eval()
    assert training.score(network).value > training.score(fresh).value + 0.05


def test_an_interrupted_run_equals_an_uninterrupted_one_to_the_bit(training, run, work):
    loop.train(RECIPE, training, replace(SETTINGS, epochs=1), work / "parts")
    loop.train(RECIPE, training, SETTINGS, work / "parts")
    whole, parts = weights(run), weights(work / "parts")
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


def test_prepared_items_are_heard_once(root, work, training, monkeypatch):
    monkeypatch.setattr("engine.learn.faces.prepared._write", lambda *_: pytest.fail("heard again"))
    RECIPE.prepare(work, root)


def test_a_run_becomes_a_model_folder_with_all_heads_and_speakers(run, tmp_path):
    export_run(run, tmp_path / "model")
    model = open_model(str(tmp_path / "model"))
    assert {head.id for head in model.heads} == {"mesh_vertices", "inhouse_blendshape_weight"}
    assert [identity.id for identity in model.identities] == ["A_Ann", "A_Ben", "B_Ann", "B_Ben", "pivot"]
    _, sound = syllables(np.random.default_rng(4), 1.0)
    given = animate(Waveform(sound), Settings(str(model.folder), "mesh_vertices", raw=True, threads=1)).motion
    assert given.weights.shape == (25, 18)
    known = Settings(str(model.folder), "inhouse_blendshape_weight", raw=True, threads=1)
    assert animate(Waveform(sound), known).motion.channels == ARKIT_51


def test_measures_have_a_row_for_each_speaker_and_one_for_the_set(run, root):
    (root / "A" / "regions.json").write_text(json.dumps({"lips": [0, 1], "upper": [5]}))
    rows = measure(run, root / "A", "a2f")
    assert [(row.name, row.clips) for row in rows] == [("Ann", 1), ("Ben", 1), ("A", 2)]
    assert {"LVE", "LVD", "MVE", "UFVE", "FDD", "F-DTW"} <= set(rows[-1].measures)
    assert rows[-1].measures["MVE"] == pytest.approx(np.mean([row.measures["MVE"] for row in rows[:2]]), rel=1e-6)
    assert len(table(rows).splitlines()) == 4


# --- fine-tuning ------------------------------------------------------------------------------------------------------

def test_fine_tuning_keeps_the_head_of_a_known_annotation(run, root, work):
    tuned = finetune(str(run), SetSpec("a2f", "A"), root, FineTuning(epochs=1), work)
    recipe, network = load_run(tuned)
    _, before = load_run(run)
    assert recipe.identities[:4] == ("A/Ann", "A/Ben", "B/Ann", "B/Ben")
    moved = (network.heads["mesh_vertices"].weight - before.heads["mesh_vertices"].weight).detach().abs().max()
    assert 0 < float(moved) < 0.05


def test_the_basis_of_a_known_head_stays_whatever_clips_it_is_tuned_on(run, root, work):
    """In a basis learned anew from one clip the head's old weights would mean other motion."""
    tuned = finetune(str(run), SetSpec("a2f", "A"), root, FineTuning(epochs=1, clips=1), work)
    before, after = (load_run(path)[0] for path in (run, tuned))
    kept, now = (np.load(Path(recipe.assets) / "mesh_vertices.npz")["components"] for recipe in (before, after))
    assert before.assets != after.assets and np.array_equal(kept, now)


def test_speakers_who_are_new_begin_as_the_pivot(run, root, work, tmp_path):
    make_set(tmp_path, Dataset("C", "C", "mesh_vertices", 1.0, 2, True), 18, 25, seed=8)
    recipe, source = load_run(run)
    fresh = replace(recipe, sets=(SetSpec("a2f", "C"),), identities=("A/Ann", "C/Ann"), start_from=str(run))
    network = fresh.build()
    fresh.load_published(network)
    assert torch.equal(network.styles[0], source.styles[0])
    assert torch.equal(network.styles[1], source.styles[-1]) and torch.equal(network.styles[2], source.styles[-1])


def test_an_unseen_annotation_gets_a_fresh_head_and_decoder(run, tmp_path, work):
    make_set(tmp_path, Dataset("D", "D", "other_mesh", 1.0, 2, True), 24, 30, seed=9)
    tuned = finetune(str(run), SetSpec("a2f", "D"), tmp_path, FineTuning(epochs=1, clips=1, fresh_decoder=True), work)
    recipe, network = load_run(tuned)
    assert list(network.heads) == ["other_mesh"] and recipe.identities == ("D/Ann", "D/Ben")


def test_decoder_only_leaves_the_encoder_as_it_is(run, root, work):
    tuned = finetune(str(run), SetSpec("a2f", "B"), root, FineTuning(epochs=2, decoder_only=True), work)
    before, after = load_run(run)[1].state_dict(), load_run(tuned)[1].state_dict()
    kept = [name for name in before if name.startswith("encoder.") and not name.endswith(("_mean", "_var", "tracked"))]
    assert kept and all(torch.equal(before[name], after[name]) for name in kept)
    assert any(not torch.equal(before[name], after[name]) for name in before if name.startswith("decoder."))


def test_the_bundled_model_is_gone_on_with_and_keeps_its_phones(root, work, tmp_path):
    """What it said before any training is what the bundled model says."""
    tuned = finetune("mini", SetSpec("a2f", "B"), root, FineTuning(epochs=1), work)
    export_run(tuned, tmp_path / "mine")
    model, mini = open_model(str(tmp_path / "mine")), open_model("mini")
    assert model.encoder_folder == mini.encoder_folder and model.phones == mini.phones
    assert {identity.id for identity in mini.identities} <= {identity.id for identity in model.identities}
    recipe, network = load_run(tuned)
    recipe.load_published(network)
    assert np.allclose(network.styles[-1].detach().numpy(), mini.styles[mini.pivot])


def test_pictures_of_vertices_join_the_losses_and_change_what_is_learned(run, root, work):
    """Triangles of both windings, so that each shows itself from one side."""
    corners = np.array(list(itertools.permutations(range(6), 3)))
    folder = make_set(root, Dataset("S", "S", "small_vertices", 1.0, 2, True), 18, 25, seed=3, size=0.01)
    np.savez(folder / "mesh.npz", triangles=corners, up=np.array("y"))
    weight = 1e-6
    recipe = replace(RECIPE, sets=(SetSpec("a2f", "S"),), weights=replace(RECIPE.weights, pictures=weight))
    training = recipe.prepare(work, root)
    with torch.no_grad():
        losses = training.losses(training.recipe.build(), training.batch(0, 3))
    pictures, plain = losses.parts["pictures"], losses.parts["motion"] + recipe.weights.pca * losses.parts["pca"]
    assert float(pictures) > 0 and float(losses.total) == pytest.approx(float(plain + weight * pictures))
    tuned = [
        finetune(str(run), SetSpec("a2f", "S"), root, FineTuning(epochs=1, photometric=share), work)
        for share in (0.0, weight)
    ]
    heads = [load_run(one)[1].heads["small_vertices"].weight for one in tuned]
    assert tuned[0] != tuned[1] and not torch.equal(heads[0], heads[1])


@pytest.mark.parametrize(("folder", "weight", "words"), [
    ("A", 1e-7, "mesh.npz does not give them"), ("B", 1e-7, "no data set has any"), ("A", -1.0, "must be 0 or more"),
])
def test_pictures_without_vertices_or_triangles_are_refused(run, root, work, folder, weight, words):
    with pytest.raises(SettingError, match=words):
        finetune(str(run), SetSpec("a2f", folder), root, FineTuning(epochs=1, photometric=weight), work)


def test_whole_clips_in_batches_are_refused(root, work):
    with pytest.raises(SettingError, match="crop_s"):
        replace(RECIPE, crop_s=0.0).prepare(work, root)


def test_sizes_that_do_not_fit_the_source_are_refused(run):
    wrong = replace(load_run(run)[0], decoder_dim=24, start_from=str(run))
    with pytest.raises(SettingError, match="misshapes"):
        wrong.load_published(wrong.build())


def test_the_recipe_of_the_made_sets_can_be_read():
    file = Path(__file__).parents[2] / "engine" / "learn" / "recipes" / "a2f_small.toml"
    settings, recipe = read_config(file)
    assert settings.epochs and len(recipe.sets) == 8 and recipe.made


def test_a_moved_work_folder_is_said(run, tmp_path):
    recipe, network = load_run(run)
    with pytest.raises(SettingError, match="same work folder"):
        export(replace(recipe, assets=str(tmp_path)), network, tmp_path / "out")
