"""The frozen front end: equal to the published network, on our clock, and packed without a change."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from engine.learn.export.graphs import write_graph
from engine.learn.export.packing import pack, round_to_half
from engine.model import runtime
from engine.nets import moonshine_weights
from engine.nets.encoders import make_encoder
from engine.nets.moonshine import CENTRE, HOP, RIGHT_PADDING, MoonshineFront
from engine.nets.moonshine_weights import installed_file, load_front_end
from engine.values.errors import SettingError

SMALL = {"layers": (1, 2), "bands": 16, "mel": 8, "channels": 16, "dilations": (1, 2), "norm_reach_s": 0.3}


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return make_encoder("moonshine", SMALL).eval()


def test_ear_equals_the_network_of_transformers():
    moonshine = pytest.importorskip("transformers.models.moonshine.modeling_moonshine")
    from transformers import MoonshineConfig

    torch.manual_seed(0)
    reference = moonshine.MoonshineEncoder(MoonshineConfig(attn_implementation="eager")).eval()
    front_end = MoonshineFront((2, 3)).eval()
    front_end.load_state_dict({name: reference.state_dict()[name] for name in front_end.state_dict()})
    wave = torch.randn(1, 16000) * 0.1
    with torch.no_grad():
        states = reference(
            torch.nn.functional.pad(wave, (CENTRE, RIGHT_PADDING)), output_hidden_states=True
        ).hidden_states
        ours = front_end(wave)[0, ::6]       # every sixth frame of 50 Hz is every fifth of the network's own
        wanted = torch.cat([torch.nn.functional.layer_norm(states[layer][0, ::5], (288,)) for layer in (2, 3)], dim=1)
    assert torch.allclose(ours, wanted[:len(ours)], atol=1e-4)


def test_frame_is_centred_on_its_second():
    torch.manual_seed(0)
    front_end = MoonshineFront((1,)).eval()
    with torch.no_grad():
        taps = front_end.conv1.weight.abs().sum()
        assert taps > 0 and HOP * 5 == 320 * 6
        wave = torch.zeros(1, 16000)
        wave[0, 320 * 24 - 40:320 * 24 + 40] = 1.0       # an event on frame 24, which is frame 20 of the network's own
        changed = (
            front_end.conv3(
                front_end.conv2(
                    torch.tanh(front_end.conv1(torch.nn.functional.pad(wave, (CENTRE, RIGHT_PADDING))[:, None]))
                )
            )[0]
        ).abs()
    moved = (changed - changed[:, :1]).abs().sum(dim=0)
    centre = float((moved * torch.arange(len(moved))).sum() / moved.sum())
    assert centre == pytest.approx(20, abs=0.3)


def test_any_length_gives_every_started_frame(encoder):
    with torch.no_grad():
        assert [encoder(torch.zeros(1, n)).shape[1] for n in (1, 320, 321, 16000, 16100)] == [1, 1, 2, 50, 51]


def test_ear_is_never_trained(encoder):
    assert not any(parameter.requires_grad for parameter in encoder.front_end.parameters())
    assert any(parameter.requires_grad for parameter in encoder.blocks.parameters())


def test_what_training_keeps_is_what_the_engine_hears(encoder):
    wave = torch.randn(2, 320 * 60) * 0.1
    with torch.no_grad():
        assert torch.allclose(encoder(wave), encoder.from_front_end(encoder.front_end(wave), wave), atol=1e-6)


def test_packed_graph_gives_the_same_and_is_a_third_as_large(encoder, tmp_path):
    with torch.no_grad():
        for name, parameter in encoder.front_end.named_parameters():
            if parameter.dim() == 2:
                steps = torch.round(parameter / parameter.abs().max() * 127).clamp(-127, 128)
                parameter.copy_(steps * 0.01)
                parameter.view(-1)[:2] = torch.tensor([-1.27, 1.28])
            elif name.startswith("conv"):
                parameter.copy_(parameter.half().float())
    round_to_half(encoder)
    plain, packed = tmp_path / "plain.onnx", tmp_path / "packed.onnx"
    wave = torch.randn(1, 320 * 90) * 0.1
    write_graph(encoder, (wave[:, :16000],), plain, {"wave": {1: "samples"}}, "features")
    packed.write_bytes(plain.read_bytes())
    pack(packed)
    a, b = (runtime.open_graph(path, "cpu", 1).run({"wave": wave.numpy()}) for path in (plain, packed))
    assert np.abs(a - b).max() < 1e-4
    assert packed.stat().st_size < 0.6 * plain.stat().st_size
    assert any(tensor.data_type == onnx.TensorProto.UINT8 for tensor in onnx.load(str(packed)).graph.initializer)


def test_weights_that_fp16_cannot_hold_stay_as_they_are(tmp_path):
    layer = torch.nn.Conv1d(40, 40, 3)
    write_graph(layer, (torch.zeros(1, 40, 9),), tmp_path / "g.onnx", {"x": {2: "frames"}}, "y")
    before = (tmp_path / "g.onnx").stat().st_size
    pack(tmp_path / "g.onnx")
    assert (tmp_path / "g.onnx").stat().st_size == pytest.approx(before, rel=0.1)


def test_another_file_is_refused_with_the_right_version(tmp_path):
    (tmp_path / "encoder_model.ort").write_bytes(b"something else")
    with pytest.raises(
        SettingError, match=r"SHA-256 .* is needed. Get the right version: pip install --no-deps moonshine-voice==0.0.4"
    ):
        load_front_end(MoonshineFront((1,)), tmp_path / "encoder_model.ort")


def test_missing_package_names_the_command(monkeypatch):
    monkeypatch.setattr(moonshine_weights, "PACKAGE", "no_such_package")
    with pytest.raises(SettingError, match=r"Install it: pip install --no-deps moonshine-voice==0\.0\.4"):
        installed_file()


def test_published_weights_load_and_lie_on_steps():
    try:
        installed_file()
    except SettingError as error:
        pytest.skip(str(error))
    front_end = MoonshineFront((4, 5))
    load_front_end(front_end)
    matrix = front_end.layers[0].mlp["fc1"].weight
    assert len(torch.unique(matrix)) <= 256 and float(matrix.std()) > 0
    assert torch.equal(front_end.conv2.weight, front_end.conv2.weight.half().float())
