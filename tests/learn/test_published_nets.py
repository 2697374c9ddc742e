"""Published encoders, the transformer decoder and the adaptor, against torch's and transformers' own parts."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from engine.learn.faces.samples import BLENDSHAPES, Sample, Space, prepared
from engine.nets.encoders import make_encoder
from engine.nets.layers import resample
from engine.nets.pretrained import PUBLISHED, PretrainedEncoder, hf_config
from engine.nets.transformer import TransformerDecoder, periodic_positions
from engine.nets.unitalker import UniTalker, UniTalkerConfig, frame_count
from engine.values.errors import SettingError

SMALL = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 32, "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 4,
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", PUBLISHED)
def test_every_published_encoder_can_be_built_small_and_counts_frames(kind):
    encoder = make_encoder(kind, SMALL).eval()
    with torch.no_grad():
        counts = [encoder(torch.randn(2, n_samples)).shape for n_samples in (400, 12345, 16000, 32000)]
    assert counts == [(2, 1, 24), (2, 38, 24), (2, 49, 24), (2, 99, 24)]


@pytest.mark.parametrize("kind", PUBLISHED)
def test_encoder_equals_transformers_own_forward(kind):
    """Also where attention is ours: WavLM's gated bias, over its far buckets."""
    import transformers

    encoder = make_encoder(kind, SMALL).eval()
    classes = {
        "wavlm": transformers.WavLMModel, "wav2vec2": transformers.Wav2Vec2Model, "hubert": transformers.HubertModel
    }
    theirs = classes[PUBLISHED[kind].model_type](encoder.model.config).eval()
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "rel_attn_embed" in name or "gru_rel_pos" in name:
                parameter.normal_()
        theirs.load_state_dict(encoder.model.state_dict())
        wave = torch.randn(2, 300_000)      # 937 frames: beyond the last bucket of 800
        difference = (encoder(wave) - theirs(wave).last_hidden_state).abs().max()
    assert difference < 1e-5


def test_encoder_is_read_from_a_local_folder(tmp_path):
    from safetensors.torch import save_file

    encoder = make_encoder("hubert-base", SMALL).eval()
    fields = {
        **SMALL, "model_type": "hubert", "feat_extract_norm": "group", "conv_bias": False, "do_stable_layer_norm": False
    }
    (tmp_path / "config.json").write_text(json.dumps(fields))
    weights = {f"hubert.{name}": tensor.contiguous() for name, tensor in encoder.model.state_dict().items()}
    save_file({**weights, "lm_head.weight": torch.zeros(3)}, tmp_path / "model.safetensors")
    wave = torch.randn(1, 8000)
    with torch.no_grad():
        assert torch.equal(make_encoder("hubert-base", {"folder": tmp_path}).eval()(wave), encoder(wave))
    with pytest.raises(ValueError, match="holds a 'hubert', wavlm-base is a 'wavlm'"):
        make_encoder("wavlm-base", {"folder": tmp_path})
    weights.pop("hubert.encoder.layer_norm.bias")
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"lacks or misshapes 1 weights .*encoder\.layer_norm\.bias"):
        make_encoder("hubert-base", {"folder": tmp_path})


def test_dropout_and_masking_are_on_in_training_only():
    encoder = PretrainedEncoder(hf_config({"model_type": "wavlm", **SMALL}))
    wave = torch.randn(1, 32000)
    assert not torch.equal(encoder.train()(wave), encoder(wave))
    assert torch.equal(encoder.eval()(wave), encoder(wave))


def test_transformer_decoder_equals_torchs_layer_under_the_references_masks():
    dim, period, frames = 8, 5, 23
    decoder = TransformerDecoder(6, dim, period).eval()
    layer = nn.TransformerDecoderLayer(dim, 4, 2 * dim, batch_first=True).eval()
    parts = {"self_attention": layer.self_attn, "cross": layer.multihead_attn}
    with torch.no_grad():
        for name, part in parts.items():
            ours = getattr(decoder, name)
            part.in_proj_weight.copy_(ours.in_proj.weight)
            part.in_proj_bias.copy_(ours.in_proj.bias.normal_())
            part.out_proj.load_state_dict(ours.out_proj.state_dict())
        for name in ("linear1", "linear2", "norm1", "norm2", "norm3"):
            getattr(layer, name).load_state_dict(getattr(decoder, name).state_dict())
        features, style = torch.randn(1, frames, 6), torch.randn(1, dim)
        table = torch.zeros(period, dim)
        for row in range(period):
            for even in range(0, dim, 2):
                angle = row / 10000 ** (even / dim)
                table[row, even], table[row, even + 1] = np.sin(angle), np.cos(angle)
        back = torch.arange(frames)[:, None] - torch.arange(frames)[None]
        slopes = torch.tensor([1 / 4, 1 / 16, 1 / 64, 1 / 256])[:, None, None]
        mask = (-slopes * (back // period)).masked_fill(back < 0, -torch.inf)
        only_own = ~torch.eye(frames, dtype=torch.bool)
        query = (style + table[torch.arange(frames) % period])[None]
        expected = layer(query, decoder.map(features), tgt_mask=mask, memory_mask=only_own)
        assert (decoder(features, style) - expected).abs().max() < 1e-5
    assert (periodic_positions(period, dim) - table).abs().max() < 1e-6


@pytest.mark.parametrize(("rows", "frames"), [(49, 25), (49, 30), (62, 38), (10, 1), (1, 4), (5, 5)])
def test_adaptor_keeps_the_end_points(rows, frames):
    x = torch.randn(1, rows, 3)
    y = resample(x, frames)
    assert y.shape == (1, frames, 3) and torch.allclose(y[:, 0], x[:, 0])
    assert frames == 1 or torch.allclose(y[:, -1], x[:, -1], atol=1e-6)


@pytest.mark.parametrize(
    ("n_samples", "fps", "frames"), [(21600, 30, 40), (25920, 25, 40), (4000, 30, 8), (16000, 25, 25)]
)
def test_half_a_frame_goes_to_the_even_number(n_samples, fps, frames):
    assert frame_count(n_samples, fps) == frames


@pytest.mark.parametrize(("change", "message"), [
    ({"decoder_kind": "transformer", "style_dim": 8, "interpolate_pos": 2}, "interpolate_pos 0 or 1"),
    ({"decoder_kind": "transformer", "style_dim": 4}, "styles as wide as itself"),
    ({"decoder_kind": "lstm"}, "Known: tcn, transformer"),
    ({"interpolate_pos": 3}, "must be 0, 1 or 2"),
    ({"encoder_kind": "mel", "encoder": {}, "interpolate_pos": 0}, "cannot be resampled inside"),
])
def test_networks_that_cannot_work_are_refused(change, message):
    fields = {
        "encoder_kind": "wavlm-base", "decoder_dim": 8, "style_dim": 4, "identities": ("a",), "heads": {"face": 3},
        "encoder": SMALL,
    }
    with pytest.raises(ValueError, match=message):
        UniTalker(UniTalkerConfig(**{**fields, **change}))


def test_motion_of_an_unknown_rate_is_refused():
    silence, still = np.zeros(16000, np.float32), np.zeros((48, 3))
    with pytest.raises(SettingError, match="Motion has 48 fps, 25, 30, 50, 60, 100 can be used"):
        prepared(Sample(silence, still, still[0], Space("own", BLENDSHAPES, 3), 48, "one"), 1.0, normalise=False)
