"""Our Composite gives the released code's numbers, recorded in ../shared; the paper's variant differs as it says."""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.learn.data.paired_crops import paired_crops
from engine.nets.composite import Composite, CompositeConfig, reconstruction_loss

FIXTURES = Path(__file__).resolve().parents[2].parent / "shared" / "fixtures" / "composite"
TOLERANCE = 1e-5
SPARSITY, LEARNING_RATE = 1e-4, 1e-4        # of the released training
TINY = CompositeConfig(37 * 3, feature_dim=24, width=16, style_width=32)

reference = pytest.mark.skipif(not FIXTURES.is_dir(), reason="../shared/fixtures/composite is absent")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@cache
def recorded(name: str) -> dict[str, torch.Tensor]:
    return load_file(FIXTURES / f"composite_{name}.safetensors")


def tiny() -> Composite:
    network = Composite(TINY)
    network.load_state_dict(recorded("tiny_state"))
    return network


def flat(name: str, fixture: str = "tiny_io") -> torch.Tensor:
    return recorded(fixture)[name].flatten(-2)


def far(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found.detach() - wanted.reshape(found.shape)).abs().max())


def size(values: torch.Tensor) -> float:
    """Hidden values and gradients reach 10 and more, and single precision counts from the largest."""
    return max(1.0, float(values.abs().max()))


@reference
def test_motion_and_every_step_to_it_are_the_references():
    network, io = tiny().eval(), recorded("tiny_io")
    seen = {}
    for name in ("audio_linear_layer", "exp_layer", "exp_sigma_mu_layer", "fusion_layer"):
        network.get_submodule(name).register_forward_hook(
            lambda _, __, out, name=name: seen.__setitem__(name, out.clone())
        )
    network.exp_layer.body[0].register_forward_hook(lambda _, __, out: seen.__setitem__("exp_block0", out))
    with torch.no_grad():
        out = network(io["audio_feat"], flat("reference"), flat("template"), 20)
    assert len(seen) == 5
    for name, value in seen.items():
        assert far(value, io[f"eval.{name}"]) < TOLERANCE * size(io[f"eval.{name}"]), name
    assert far(out, io["eval.out"]) < TOLERANCE


@reference
def test_losses_gradients_and_a_step_of_training_are_the_references():
    network, io = tiny().train(), recorded("tiny_io")
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    out = network(io["audio_feat"], flat("target"), flat("template"), 20)
    recon, reg = reconstruction_loss(out, flat("target")), network.sparsity()
    assert far(out, io["train.out"]) < TOLERANCE
    assert recon.item() == pytest.approx(float(io["train.recon"]), rel=TOLERANCE)
    assert SPARSITY * reg.item() == pytest.approx(float(io["train.reg"]), rel=TOLERANCE)
    (recon + SPARSITY * reg).backward()
    for name, parameter in network.named_parameters():
        assert far(parameter.grad, io[f"grad.{name}"]) < TOLERANCE * size(io[f"grad.{name}"]), name
    optimizer.step()
    state = network.state_dict()
    stepped = [name for name in io if name.startswith("after_step.")]
    assert len(stepped) == 5
    for name in stepped:
        assert far(state[name.removeprefix("after_step.")], io[name]) < TOLERANCE, name


@reference
def test_real_sizes_give_the_references_motion():
    keys, io = json.loads((FIXTURES / "composite_full_keys.json").read_text()), recorded("full_io")
    network = Composite(CompositeConfig(11 * 3)).eval()
    network.load_state_dict({name: formula_weights(name, shape) for name, shape in keys.items()})
    with torch.no_grad():
        out = network(io["audio_feat"], flat("reference", "full_io"), flat("template", "full_io"), 16)
    assert far(out, io["eval.out"]) < TOLERANCE * size(io["eval.out"])     # 8 and more with these weights


def formula_weights(name: str, shape: list[int]) -> torch.Tensor:
    """As the specs of the fixture say: numbers drawn by the name, scaled by what they are."""
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    drawn = np.random.RandomState(zlib.crc32(name.encode()) & 0xFFFFFFFF).standard_normal(int(np.prod(shape)))
    x = drawn.astype(np.float32).reshape(shape)
    if name.endswith("running_var"):
        x = 0.5 + np.abs(x)
    elif name.endswith("running_mean"):
        x = 0.3 * x
    elif x.ndim >= 2:
        x = x / np.sqrt(np.prod(shape[1:]))
    elif name.endswith("res_layer.2.weight"):
        x = 0.25 + 0.1 * x
    else:
        x = 1 + 0.2 * x if name.endswith("weight") else 0.1 * x
    return torch.from_numpy(np.asarray(x, np.float32))


@reference
def test_crops_of_a_batch_are_the_references():
    known = json.loads((FIXTURES / "composite_collate.json").read_text())
    draws = iter(known["randint_calls[lo,hi,value]"])

    def draw(low: int, high: int) -> int:
        wanted_low, wanted_high, value = next(draws)
        assert (low, high) == (wanted_low, wanted_high)
        return value

    crops = paired_crops(known["mesh_len"], known["audio_len"], known["fps"], draw)
    assert (crops.samples, crops.frames) == (known["batch_audio_shape"][1], known["batch_mesh_shape"][1])
    assert list(crops.first_samples) == known["first_audio_sample"]
    assert list(crops.first_frames) == known["first_mesh_frame"]


def test_without_the_mean_face_the_paper_ignores_where_a_reference_lies():
    torch.manual_seed(0)
    reference, shift = torch.randn(2, 40, 6), torch.randn(6)
    neutral = torch.zeros(2, 6)
    paper, code = (
        Composite(CompositeConfig(6, feature_dim=4, width=8, style_width=8, paper=paper)).eval()
        for paper in (True, False)
    )
    with torch.no_grad():
        assert far(paper.style(reference + shift, neutral), paper.style(reference, neutral)) < TOLERANCE
        assert far(code.style(reference + shift, neutral), code.style(reference, neutral)) > 0.01
        assert far(code.style(reference + shift, neutral + shift), code.style(reference, neutral)) < TOLERANCE


def test_the_paper_normalises_the_sound_over_time():
    torch.manual_seed(0)
    network = Composite(CompositeConfig(6, feature_dim=4, width=8, style_width=8, paper=True)).eval()
    features, style, neutral = torch.randn(1, 50, 4), torch.randn(1, 16), torch.zeros(1, 6)
    with torch.no_grad():
        once = network.hidden(features, style, neutral, 50)
        assert far(network.hidden(3 * features + 1, style, neutral, 50), once) < 1e-4 * size(once)
        assert once.shape == (1, 50, 8)
