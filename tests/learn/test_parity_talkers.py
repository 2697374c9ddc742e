"""FaceFormer and CodeTalker give the numbers of the released code, from its recorded fixtures."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.learn.export.talker_checkpoint import build_codebook, build_talker
from engine.nets.codebook import CodebookSizes, CodeTalker, Feedback, MotionCodebook
from engine.nets.faceformer import DecoderSizes, FaceFormer
from engine.nets.layers import resample
from engine.nets.transformer import periodic_bias, periodic_positions

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "baselines"
TOLERANCE = 1e-5
TINY_HEADS = 4          # of the recorded codebook

reference = pytest.mark.skipif(not FIXTURES.is_dir(), reason="../shared/fixtures/baselines is absent")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@cache
def recorded(name: str) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(FIXTURES / f"{name}.safetensors")


def faceformer(period: int = 30) -> FaceFormer:
    tensors = {**recorded("faceformer_tiny_state"), "PPE.pe": periodic_positions(period, 16).repeat(3, 1)[None]}
    talker, _ = build_talker(tensors, None, Path("tiny.pth"))
    assert isinstance(talker, FaceFormer)
    return talker


def codetalker() -> CodeTalker:
    talker, _ = build_talker(
        recorded("codetalker_stage2_tiny_state"), recorded("codetalker_vq_tiny_state"), Path("tiny.pth"), TINY_HEADS
    )
    assert isinstance(talker, CodeTalker)
    return talker


def style(talker: FaceFormer | CodeTalker, io: dict[str, Tensor]) -> Tensor:
    return talker.styles[io["one_hot"].argmax(1)]


def close(given: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(given, wanted, atol=TOLERANCE, rtol=0)


@reference
def test_faceformer_free_running():
    io, talker = recorded("faceformer_tiny_io"), faceformer()
    motion = talker(io["hidden"], style(talker, io), 45) + io["template"][:, None]
    close(motion, io["predict"])
    close(((motion - io["vertice"]) ** 2).mean()[None], io["loss_ar"])


@reference
def test_faceformer_with_teacher_forcing():
    io, talker = recorded("faceformer_tiny_io"), faceformer()
    template = io["template"][:, None]
    motion = talker.teacher_forced(io["hidden"], style(talker, io), io["vertice"] - template) + template
    close(((motion - io["vertice"]) ** 2).mean()[None], io["loss_tf"])


@reference
def test_faceformer_at_25_frames_has_two_rows_of_sound_for_each():
    io, talker = recorded("faceformer_tiny_io"), faceformer(period=25)
    assert talker.sizes.span == 2
    close(talker(io["biwi.hidden"], style(talker, io), 30) + io["template"][:, None], io["biwi.predict"])


@reference
@pytest.mark.parametrize(("period", "frames"), [(25, 60), (30, 70)])
def test_attention_bias(period, frames):
    numbers = torch.arange(frames)
    given, wanted = periodic_bias(numbers, numbers, period, 4), recorded("faceformer_tiny_io")[
        f"bias_h4_p{period}_{frames}x{frames}"
    ]
    assert torch.equal(given, wanted)


@reference
def test_position_code_and_resampling():
    io = recorded("faceformer_tiny_io")
    close(periodic_positions(30, 16).repeat(3, 1)[:70], io["ppe_period30_d16_first70"])
    close(resample(io["interp.in"], 29), io["interp.50to30"])
    close(resample(io["interp.in"], 31), io["interp.50to30_len31"])


@reference
def test_codebook_encodes_quantises_and_decodes():
    io = recorded("codetalker_tiny_io")
    codebook = build_codebook(recorded("codetalker_vq_tiny_state"), Path("tiny.pth"), TINY_HEADS)
    offsets = io["vertice"] - io["template"][:, None]
    motion, quantised = codebook(offsets)
    close(codebook.encode(offsets).flatten(2), io["encoder"])
    assert torch.equal(quantised.indices.flatten(), io["indices"].flatten())
    close(quantised.codes.flatten(1, 2).transpose(1, 2), io["quant_BCL"])
    close(quantised.loss[None], io["emb_loss"])
    close(motion + io["template"][:, None], io["recon"])
    close((motion - offsets).abs().mean()[None], io["loss_rec_l1"])
    close((motion - offsets).abs().mean()[None] + quantised.loss, io["loss_total"])


@reference
def test_codetalker_with_teacher_forcing():
    io, talker = recorded("codetalker_tiny_io"), codetalker()
    offsets = io["vertice"] - io["template"][:, None]
    motion, features = talker.teacher_forced(io["hidden"], style(talker, io), offsets)
    wanted = talker.codebook.quantise(talker.codebook.encode(offsets)).codes
    close(((motion - offsets) ** 2).mean()[None], io["s2.loss_motion"])
    close(((features - wanted) ** 2).mean()[None], io["s2.loss_reg"])


@reference
def test_codetalker_free_running():
    io, talker = recorded("codetalker_tiny_io"), codetalker()
    close(talker(io["hidden"], style(talker, io), 12) + io["template"][:, None], io["s2.predict"])


def talkers(frames: int) -> tuple[FaceFormer, CodeTalker, Tensor]:
    """Tiny networks with random weights everywhere, and features of `frames` frames."""
    torch.manual_seed(0)
    sizes = DecoderSizes(6, 8, layers=2, period=7)
    codebook = MotionCodebook(CodebookSizes(9, codes=2, code_dim=4, entries=16, width=8, layers=1, heads=2, inner=12))
    networks = FaceFormer(sizes, 9, 3), CodeTalker(sizes, codebook, 3)
    with torch.no_grad():
        for network in networks:
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
    return *(network.eval() for network in networks), torch.randn(2, frames, 6)


@torch.no_grad()
def naive(talker: FaceFormer, features: Tensor, style: Tensor, frames: int) -> Tensor:
    """As the reference does it: every frame recomputes all frames before, without a cache."""
    memory = talker.memory(features, frames)
    given = style[:, None]
    for frame in range(frames):
        hidden, _ = talker.decoder(given, memory[:, :frame + 1], talker.decoder.empty_cache(len(style)))
        motion = talker.motion_out(hidden)
        given = torch.cat([given, talker.motion_in(motion[:, -1:]) + style[:, None]], 1)
    return motion


def test_the_cache_gives_what_the_naive_loop_gives():
    talker, _, features = talkers(40)
    with torch.no_grad():
        cached = talker(features, talker.styles[:2], 40)
    assert cached.std() > 0.1
    close(cached, naive(talker, features, talker.styles[:2], 40))


def test_more_than_600_frames_run_and_begin_like_fewer():
    talker, _, features = talkers(610)
    with torch.no_grad():
        long = talker(features, talker.styles[:2], 610)
        short = talker(features[:, :90], talker.styles[:2], 90)
    assert long.shape == (2, 610, 9) and torch.isfinite(long).all()
    close(long[:, :90], short)


def test_later_sound_does_not_change_earlier_frames():
    talker, _, features = talkers(30)
    changed = features.clone()
    changed[:, 20:] += 1
    with torch.no_grad():
        before, after = (talker(given, talker.styles[:2], 30) for given in (features, changed))
    assert torch.equal(before[:, :20], after[:, :20]) and (before[:, 20:] - after[:, 20:]).abs().max() > 1e-3


def test_free_running_has_a_gradient_through_its_feedback():
    talker, _, features = talkers(5)
    features.requires_grad_()
    talker(features, talker.styles[:2], 5)[:, 4].sum().backward()
    assert features.grad[:, 0].abs().max() > 0


def test_a_window_as_long_as_the_clip_changes_nothing_and_a_shorter_one_does():
    _, talker, features = talkers(20)
    whole = talker(features, talker.styles[:2], 20)
    assert torch.equal(talker(features, talker.styles[:2], 20, Feedback(1, 20)), whole)
    assert not torch.equal(talker(features, talker.styles[:2], 20, Feedback(1, 6)), whole)
    assert talker(features, talker.styles[:2], 20, Feedback(4, 6)).shape == whole.shape


def test_stage_two_leaves_the_codebook_as_it_is():
    _, talker, features = talkers(8)
    before = {name: value.clone() for name, value in talker.codebook.state_dict().items()}
    optimizer = torch.optim.Adam([weight for weight in talker.parameters() if weight.requires_grad], lr=0.01)
    start = talker.map.weight.detach().clone()
    motion, wanted = talker.train().teacher_forced(features, talker.styles[:2], torch.randn(2, 8, 9))
    (motion.square().mean() + wanted.square().mean()).backward()
    optimizer.step()
    assert all(torch.equal(value, before[name]) for name, value in talker.codebook.state_dict().items())
    assert not torch.equal(talker.map.weight, start)


def test_positions_by_time_tell_equal_frames_apart():
    torch.manual_seed(1)
    sizes = CodebookSizes(9, codes=2, code_dim=4, entries=16, width=8, layers=1, heads=2, inner=12, position="time")
    still = torch.zeros(1, 6, 9)
    timed, constant = (MotionCodebook(s).eval()(still)[0][0] for s in (sizes, CodebookSizes(**{
        **vars(sizes), "position": "constant"
    })))
    assert (timed[0] - timed[3]).abs().max() > 1e-3 and (constant[0] - constant[3]).abs().max() < 1e-6
