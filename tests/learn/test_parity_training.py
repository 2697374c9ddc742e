"""Training gives the numbers of the released code: losses of two epochs step by step, gradients, weights, measures."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.learn.data.official import CHANNELS, FLAME_TYPES
from engine.learn.evaluate.face_metrics import largest_error, lip_vertex_error
from engine.learn.export.checkpoint import build, layout, read_tensors
from engine.learn.faces.samples import BLENDSHAPES, FLAME, VERTICES, Space
from engine.learn.systems.face_losses import FaceSpace, FaceWeights
from engine.nets.spaces import BlendshapeSpace, PcaSpace, read_flame

FIXTURE = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "unitalker" / "train_wavlm_conv"
RESOURCES = FIXTURE / "resources" / "binary_resources"
BASES = {"3DETF_blendshape_weight": "EmoTalk.npz", "inhouse_blendshape_weight": "inhouse_arkit.npz"}
LIPS = {
    "BIWI_23370_vertices": "04_BIWI_mouth_idx.npy", "FLAME_5023_vertices": "02_flame_mouth_idx.npy",
    "3DETF_blendshape_weight": "03_emo_talk_mouth_idx.npy",
    "flame_params_from_dadhead": "02_flame_mouth_idx.npy",
    "inhouse_blendshape_weight": "05_inhouse_arkit_mouth_idx.npy",
}
EPOCHS, LEARNING_RATE = 2, 1e-4
RELATIVE = 1e-5

pytestmark = pytest.mark.skipif(not FIXTURE.is_dir(), reason="../shared/fixtures/unitalker is absent")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@cache
def info() -> dict:
    return json.loads((FIXTURE / "config.json").read_text())


@cache
def recorded() -> dict[str, np.ndarray]:
    return dict(np.load(FIXTURE / "train_io.npz"))


def annotation_of(dataset: str) -> str:
    return info()["dataset_config"][dataset]["annot_type"]


@cache
def face_space(annotation: str, whole_face: bool = False) -> FaceSpace:
    """whole_face: FLAME measures are taken on the full mesh, its loss on the face alone."""
    facts = next(facts for facts in info()["dataset_config"].values() if facts["annot_type"] == annotation)
    width = facts["annot_dim"]
    if annotation in FLAME_TYPES:
        face = None if whole_face else torch.from_numpy(np.load(RESOURCES / "flame_humanface_index.npy"))
        return FaceSpace(Space(annotation, FLAME, width), None, read_flame(RESOURCES / "flame_arrays.npz"), face)
    if annotation in CHANNELS:
        arrays = np.load(RESOURCES / BASES[annotation])
        basis = BlendshapeSpace(torch.from_numpy(arrays["meanshape"]), torch.from_numpy(arrays["blendshape"]))
        return FaceSpace(Space(annotation, BLENDSHAPES, width), None, basis)
    arrays = np.load(FIXTURE / "data" / facts["dirname"] / "pca.npz")
    k = min(info()["unitalker"]["pca_dim"], width)
    pca = PcaSpace(torch.from_numpy(arrays["components_to_data"][:k]), torch.from_numpy(arrays["original_data_mean"]))
    return FaceSpace(Space(annotation, VERTICES, width), pca)


def start():
    """The fixture's network in training mode, every dropout 0; the convolutions of the encoder frozen."""
    tensors = read_tensors(FIXTURE / "model_init.safetensors")
    model = build(tensors, layout(tensors), info()["encoder_config"], 1, pivot=False)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model.train()


def item(number: int) -> tuple[str, list[torch.Tensor]]:
    dataset = info()["items"][number]["dataset"]
    arrays = [torch.from_numpy(recorded()[f"item{number}_{name}"]) for name in ("audio", "data", "template", "id")]
    return annotation_of(dataset), arrays


def step(model, number: int):
    annotation, (audio, truth, template, identity) = item(number)
    output = model.frames(audio[None], truth.shape[1], identity, annotation)
    error, coefficients = face_space(annotation).losses(output, truth, template, FaceWeights())
    return error, coefficients, error + 0.01 * coefficients


def trains(name: str, epoch: int) -> bool:
    return not name.startswith("encoder.") if epoch == 0 else ".feature_extractor." not in name


def fresh_adam(model, epoch: int):
    for name, weight in model.named_parameters():
        weight.requires_grad_(trains(name, epoch))
    chosen = [weight for weight in model.parameters() if weight.requires_grad]
    return torch.optim.AdamW(chosen, lr=LEARNING_RATE, weight_decay=0.0)


@cache
def trained() -> tuple[list[list[tuple[float, float]]], list[dict[str, torch.Tensor]]]:
    """(losses of each step of each epoch, weights after each epoch)."""
    model, losses, weights = start(), [], []
    for epoch in range(EPOCHS):
        optimizer = fresh_adam(model, epoch)
        losses.append([])
        for number in range(len(info()["items"])):
            error, coefficients, total = step(model, number)
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            losses[-1].append((error.item(), coefficients.item()))
        weights.append({name: value.detach().clone() for name, value in model.state_dict().items()})
    return losses, weights


@pytest.mark.parametrize("annotation", LIPS)
def test_loss_vertices_and_measures_of_an_annotation(annotation):
    arrays = {name: torch.from_numpy(np.atleast_1d(recorded()[f"loss/{annotation}/{name}"])) for name in "xy"}
    space = face_space(annotation)
    assert space.error(arrays["x"], arrays["y"], FaceWeights()).item() == pytest.approx(
        float(recorded()[f"loss/{annotation}/value"]), rel=RELATIVE
    )
    assert np.abs(space.vertices(arrays["x"])[0].numpy() - recorded()[f"loss/{annotation}/vertices"]).max() < 1e-5
    whole = face_space(annotation, whole_face=annotation in FLAME_TYPES)
    given, truth = (whole.vertices(arrays[name])[0].numpy() for name in "xy")
    lips = np.load(RESOURCES / LIPS[annotation])
    assert lip_vertex_error(truth, given, lips) == pytest.approx(float(recorded()[f"loss/{annotation}/LVE"]), rel=1e-5)
    assert largest_error(truth, given, lips) == pytest.approx(float(recorded()[f"loss/{annotation}/LVD"]), rel=1e-5)


def test_losses_of_every_step_are_the_references():
    for seen, wanted in zip(trained()[0], info()["per_step"]["train"], strict=True):
        assert [error for error, _ in seen] == pytest.approx(wanted["rec_L2_loss"], rel=RELATIVE)
        assert [coefficients for _, coefficients in seen] == pytest.approx(wanted["pca_loss"], rel=RELATIVE, abs=1e-12)


NAMES = {"decoder.learnable_style_emb.weight": "styles", "decoder.audio_feature_map.weight": "decoder.map.weight"}


def ours(name: str) -> str:
    return NAMES.get(name) or name.replace("audio_encoder.", "encoder.model.")


@pytest.mark.parametrize("epoch", range(EPOCHS))
def test_weights_after_an_epoch_are_the_references(epoch):
    prefix = f"epoch{epoch + 1}_param/"
    for key in [key for key in recorded() if key.startswith(prefix)]:
        seen = trained()[1][epoch][ours(key.removeprefix(prefix))]
        assert np.abs(seen.numpy() - recorded()[key]).max() < 1e-5, key


def test_gradients_of_the_first_item_are_the_references():
    """Of the whole network but the convolutions; the norm of each weight's gradient."""
    from engine.learn.export.checkpoint import _our_name

    model = start()
    fresh_adam(model, 1)
    _, _, total = step(model, 0)
    total.backward()
    assert total.item() == pytest.approx(float(recorded()["grad0_loss"]), rel=RELATIVE)
    gradients = {name: weight.grad for name, weight in model.named_parameters()}
    for key, wanted in zip(recorded()["grad0_keys"], recorded()["grad0_l2"], strict=True):
        if not str(key).endswith("k_proj.bias"):        # its true gradient is zero
            seen = gradients[_our_name(str(key))]
            assert float(seen.norm()) == pytest.approx(float(wanted), rel=RELATIVE, abs=1e-8), key


@pytest.mark.parametrize("epoch", range(EPOCHS))
def test_measures_after_an_epoch_are_the_references(epoch):
    model = start()
    model.load_state_dict(trained()[1][epoch])
    model.eval()
    wanted = info()["per_step"]["val"][epoch]
    for number in range(len(info()["items"])):
        annotation, (audio, truth, template, identity) = item(number)
        with torch.no_grad():
            output = model.frames(audio[None], truth.shape[1], identity, annotation)
        whole = face_space(annotation, whole_face=annotation in FLAME_TYPES)
        motion = whole.motion(output, template)
        given, recorded_face = (whole.vertices(value)[0].numpy() for value in (motion, truth))
        lips = np.load(RESOURCES / LIPS[annotation])
        assert face_space(annotation).error(motion, truth, FaceWeights()).item() == pytest.approx(
            wanted["rec_L2_loss"][number], rel=RELATIVE
        )
        assert lip_vertex_error(recorded_face, given, lips) == pytest.approx(wanted["LVE"][number], rel=2e-5)
        assert largest_error(recorded_face, given, lips) == pytest.approx(wanted["LVD"][number], rel=2e-5)
