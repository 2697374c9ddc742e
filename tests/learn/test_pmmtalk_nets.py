"""PMMTalk's network: Wav2Lip as published, causality, losses on hand numbers, what learns and what stays frozen."""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.learn.systems.cue_alignment import (
    CueWeights,
    alignment_losses,
    motion_losses,
    semantic_loss,
    temporal_loss,
    weighted,
)
from engine.nets.pmmtalk import (
    AUDIO,
    CUES,
    PICTURE,
    TEXT,
    Fusion,
    FusionConfig,
    Given,
    PictureEncoder,
    PmmTalk,
    Recogniser,
)
from engine.nets.pretrained import make_pretrained
from engine.nets.wav2lip import Wav2Lip, face_input, log_mel, slaney_filters, windows
from engine.values.channels import ARKIT_32, ARKIT_52

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures" / "wav2lip"
SMALL = FusionConfig({AUDIO: 6, TEXT: 5, PICTURE: 4}, ("a", "b"), cue_dim=8, style_dim=8, period=7, align_dim=16)
TINY_ENCODER = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2, "layerdrop": 0.0, "apply_spec_augment": False,
}


def formula_weights(network: torch.nn.Module) -> None:
    """The weights with which the published network was recorded, from the names of its tensors."""
    for name, tensor in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        draw = np.random.RandomState(zlib.crc32(name.encode()) & 0xffffffff).standard_normal(tensor.numel())
        values = torch.from_numpy(draw.astype(np.float32)).reshape(tensor.shape)
        if name.endswith("running_var"):
            values = 0.5 + values.abs()
        elif name.endswith("running_mean"):
            values = 0.3 * values
        elif values.ndim >= 2:
            values = values / math.sqrt(values[0].numel())
        else:
            values = 1 + 0.2 * values if name.endswith("weight") else 0.1 * values
        tensor.copy_(values)


@pytest.mark.skipif(not FIXTURES.exists(), reason="the fixtures are not beside the checkout")
def test_wav2lip_gives_what_the_published_network_gives():
    from safetensors.torch import load_file

    network = Wav2Lip().eval()
    keys = json.loads((FIXTURES / "wav2lip_keys.json").read_text(encoding="utf-8"))
    assert {name: list(tensor.shape) for name, tensor in network.state_dict().items()} == keys
    formula_weights(network)
    recorded = load_file(FIXTURES / "wav2lip_io.safetensors")
    with torch.no_grad():
        given = network(recorded["mel"], recorded["face_uint8"].float() / 255)
    assert float((given - recorded["out"]).abs().max()) < 1e-4


def test_mel_windows_are_200_ms_and_the_last_ones_end_with_the_sound():
    mel = log_mel(torch.randn(16000, generator=torch.Generator().manual_seed(0)) * 0.1)
    assert mel.shape == (80, 81)
    cut = windows(mel, 30, 30.0)
    assert cut.shape == (30, 1, 80, 16)
    assert torch.equal(cut[3, 0], mel[:, 8:24]) and torch.equal(cut[29, 0], mel[:, 65:])


def test_a_tone_falls_into_its_band_and_silence_is_the_least():
    tone = torch.sin(2 * math.pi * 1000 * torch.arange(16000) / 16000)
    band = int(log_mel(tone)[:, 40].argmax())
    peak_hz = float((slaney_filters()[band].argmax()) * 16000 / 800)
    assert abs(peak_hz - 1000) < 60
    assert float(log_mel(torch.zeros(1600)).max()) == -4


def test_the_upper_half_alone_comes_first():
    face = face_input(torch.rand(3, 96, 96))
    assert face.shape == (1, 6, 96, 96)
    assert float(face[0, :3, 48:].abs().max()) == 0 and torch.equal(face[0, :3, :48], face[0, 3:, :48])


def small_cues(frames: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {cue: torch.randn(1, frames, SMALL.widths[cue], generator=generator) for cue in CUES}


def small_fusion(**changed: int) -> Fusion:
    torch.manual_seed(1)
    fusion = Fusion(replace(SMALL, **changed)).eval()
    torch.nn.init.normal_(fusion.heads["arkit32"].weight)
    return fusion


def run(fusion: Fusion, cues: dict[str, torch.Tensor]) -> torch.Tensor:
    projected = {cue: fusion.projected(cue, rows) for cue, rows in cues.items()}
    with torch.no_grad():
        return fusion(projected, fusion.styles[:1], "arkit32")


def test_what_comes_later_changes_no_earlier_frame():
    fusion, cues = small_fusion(), small_cues(40)
    later = {cue: torch.cat([rows[:, :25], rows[:, 25:] + 1], 1) for cue, rows in cues.items()}
    before, after = run(fusion, cues), run(fusion, later)
    assert torch.equal(before[:, :25], after[:, :25])
    assert not torch.allclose(before[:, 25:], after[:, 25:])


@pytest.mark.parametrize("reach", [None, 12])
def test_pieces_with_a_cache_equal_the_whole(reach):
    fusion, cues = small_fusion(reach_frames=reach), small_cues(50)
    projected = {cue: fusion.projected(cue, rows) for cue, rows in cues.items()}
    style, pieces, past = fusion.styles[:1], [], None
    with torch.no_grad():
        for start, stop in ((0, 1), (1, 20), (20, 33), (33, 50)):
            piece = {cue: rows[:, start:stop] for cue, rows in projected.items()}
            hidden, own = fusion.hidden(piece, style, torch.tensor([start]), past)
            past = own if past is None else torch.cat([past, own], 1)
            past = past if reach is None else past[:, -(reach - 1):]
            pieces.append(hidden)
        whole, _ = fusion.hidden(projected, style)
    assert torch.allclose(torch.cat(pieces, 1), whole, atol=1e-5)


def test_a_reach_hides_what_lies_further_back():
    fusion, cues = small_fusion(reach_frames=5, layers=1), small_cues(20)
    far = {cue: torch.cat([rows[:, :1] + 3, rows[:, 1:]], 1) for cue, rows in cues.items()}
    assert torch.equal(run(fusion, cues)[:, 5:], run(fusion, far)[:, 5:])
    assert not torch.equal(run(fusion, cues)[:, 4], run(fusion, far)[:, 4])


def test_a_missing_cue_is_its_null_vector():
    fusion, cues = small_fusion(), small_cues(10)
    projected = {cue: fusion.projected(cue, rows) for cue, rows in cues.items()}
    dropped = {**projected, TEXT: fusion.projected(TEXT, cues[TEXT], torch.tensor([True]))}
    without = {cue: rows for cue, rows in projected.items() if cue != TEXT}
    with torch.no_grad():
        assert torch.equal(fusion.hidden(dropped, fusion.styles[:1])[0], fusion.hidden(without, fusion.styles[:1])[0])


def test_the_paper_decoder_is_832_wide_and_has_11_million_weights():
    config = FusionConfig({AUDIO: 1024, TEXT: 3503, PICTURE: 512}, ("a",))
    assert config.dim == 832
    assert sum(p.numel() for p in Fusion(config).layers.parameters()) == pytest.approx(11.1e6, rel=0.01)


def test_32_channels_are_those_of_mouth_jaw_cheeks_and_nose():
    assert len(ARKIT_32) == len(set(ARKIT_32)) == 32 and set(ARKIT_32) < set(ARKIT_52)
    sides = {name.replace("Left", "*").replace("Right", "*") for name in ARKIT_32}
    for name in ARKIT_32:
        other = name.replace("Left", "\0").replace("Right", "Left").replace("\0", "Right")
        assert other in ARKIT_32, name
    assert not any(name.startswith(("eye", "brow", "tongue")) for name in ARKIT_32) and len(sides) == 21


def test_losses_of_hand_numbers():
    output, target = torch.tensor([[[0.0, 1.0], [1.0, 1.0]]]), torch.zeros(1, 2, 2)
    losses = motion_losses(output, target)
    assert float(losses["position"]) == 0.75 and float(losses["motion"]) == 0.5
    assert float(weighted(losses, CueWeights())) == pytest.approx(0.75 + 10 * 0.5)
    assert float(weighted({"temporal": torch.tensor(2.0)}, CueWeights())) == pytest.approx(2e-4)


def normed(rows: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.layer_norm(rows, rows.shape[-1:])


def test_cues_that_agree_cost_little_and_random_ones_much():
    """T = 100, d = 256: the figures with which the label's gain was chosen."""
    generator = torch.Generator().manual_seed(0)
    one, other = (normed(torch.randn(1, 100, 256, generator=generator)) for _ in range(2))
    assert float(temporal_loss(one, one)) == pytest.approx(0.02, abs=0.02)
    assert float(temporal_loss(one, other)) == pytest.approx(4.94, abs=0.3)
    assert float(temporal_loss(one, one, 1.0)) > 5      # the plain identity would drive them apart


def test_two_frames_by_hand():
    one = torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]])
    similar = 2 / math.sqrt(2)
    p, q = 1 / (1 + math.exp(-10)), 1 / (1 + math.exp(-2 * similar))
    wanted = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    assert float(temporal_loss(one, one)) == pytest.approx(wanted, rel=1e-4)
    assert float(semantic_loss(one + 1, one + 1)) == pytest.approx(0, abs=1e-6)
    assert float(semantic_loss(torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 1.0]]]))) == pytest.approx(1)


def test_a_cue_that_is_left_out_takes_its_pairs_with_it():
    cues = {cue: normed(torch.randn(1, 10, 16)) for cue in CUES}
    assert alignment_losses({AUDIO: cues[AUDIO]}) == {}
    two = alignment_losses({AUDIO: cues[AUDIO], TEXT: cues[TEXT]})
    assert float(two["temporal"]) == pytest.approx(float(temporal_loss(cues[TEXT], cues[AUDIO])))


@pytest.fixture(scope="module")
def whole() -> PmmTalk:
    """The paper's network in tiny."""
    torch.manual_seed(0)
    encoder = make_pretrained("wav2vec2-large-xlsr-53", TINY_ENCODER)
    recogniser = Recogniser(make_pretrained("wav2vec2-large-xlsr-53", TINY_ENCODER), 11)
    recogniser.encoder.model.feature_extractor.load_state_dict(encoder.model.feature_extractor.state_dict())
    config = FusionConfig({AUDIO: 16, TEXT: 11, PICTURE: 16}, ("a", "b"), cue_dim=16, style_dim=16, dropout=0.0)
    return PmmTalk(config, encoder, recogniser, Wav2Lip(1), PictureEncoder((8, 16), 1))


def a_clip(network: PmmTalk, frames: int) -> tuple[torch.Tensor, Given]:
    wave = 0.1 * torch.randn(1, frames * 16000 // 30, generator=torch.Generator().manual_seed(2))
    face = torch.rand(3, 96, 96, generator=torch.Generator().manual_seed(3))
    return wave, Given(face, frames, 30.0, network.fusion.styles[:1])


def test_equal_front_ends_are_shared_and_others_are_not(whole):
    assert whole.shares_front
    assert whole.recogniser.encoder.model.feature_extractor is whole.encoder.model.feature_extractor
    encoder = make_pretrained("wav2vec2-large-xlsr-53", TINY_ENCODER)
    recogniser = Recogniser(make_pretrained("wav2vec2-large-xlsr-53", TINY_ENCODER), 11)
    assert not PmmTalk(whole.fusion.config, encoder, recogniser, Wav2Lip(1), PictureEncoder((8, 16), 1)).shares_front


def test_gradients_reach_what_the_paper_trains_and_nothing_else(whole):
    whole.train()
    torch.nn.init.normal_(whole.fusion.heads["arkit32"].weight)
    wave, given = a_clip(whole, 6)
    cues = whole.cues(wave, given)
    output = whole(wave, given)
    assert output.shape == (1, 6, 32)
    losses = {**motion_losses(output, torch.rand(1, 6, 32)), **alignment_losses(whole.fusion.aligned(cues))}
    weighted(losses, CueWeights()).backward()
    moved = {name.split(".")[0] for name, p in whole.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert moved == {"encoder", "pictures", "fusion"}
    frozen = (whole.lips, whole.recogniser, whole.encoder.model.feature_extractor)
    assert all(weights.grad is None for part in frozen for weights in part.parameters())
    assert not whole.lips.training and whole.pictures.training
    whole.zero_grad()


def test_it_learns_one_clip_by_heart():
    """To below 1 % of the variance of its motion, by the paper's losses."""
    torch.manual_seed(1)
    fusion, cues = Fusion(replace(SMALL, cue_dim=16, style_dim=16, period=30, dropout=0.0)), small_cues(24)
    seconds = torch.arange(24) / 30
    target = torch.stack([0.5 + 0.4 * torch.sin(2 * math.pi * (1 + k / 16) * seconds + k) for k in range(32)], 1)[None]
    optimizer = torch.optim.Adam(fusion.parameters(), 3e-3)
    for _ in range(100):
        projected = {cue: fusion.projected(cue, rows) for cue, rows in cues.items()}
        output = fusion(projected, fusion.styles[:1], "arkit32")
        losses = {**motion_losses(output, target), **alignment_losses(fusion.aligned(cues))}
        optimizer.zero_grad()
        weighted(losses, CueWeights()).backward()
        optimizer.step()
    left = float(((output - target) ** 2).mean().detach() / target.var(dim=1).mean())
    assert left < 0.01
