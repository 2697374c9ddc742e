"""The network that describes a voice: read from a folder as transformers writes it, and its numbers become a style."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from engine.learn.systems.augmented2d import VoiceStyle
from engine.nets.pretrained import read_speaker_network

TINY = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
    "conv_dim": [8] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "classifier_proj_size": 12,
    "num_labels": 5,
}


def written(folder: Path, **fields: object) -> object:
    """A folder with random weights, and the network that wrote it."""
    import transformers

    torch.manual_seed(1)
    config = transformers.Wav2Vec2Config(**{**TINY, "use_weighted_layer_sum": True, **fields})
    source = transformers.Wav2Vec2ForSequenceClassification(config).eval()
    if config.use_weighted_layer_sum:
        torch.nn.init.normal_(source.layer_weights)
    source.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True}))
    return source


@pytest.mark.parametrize("weighted", [True, False])
def test_its_numbers_are_what_the_classifier_of_transformers_sees(tmp_path, weighted):
    source = written(tmp_path, use_weighted_layer_sum=weighted)
    wave = torch.randn(2, 4000)
    network = read_speaker_network(tmp_path)
    normal = (wave - wave.mean(1, keepdim=True)) / wave.std(1, correction=0, keepdim=True)
    with torch.no_grad():
        wanted = source(normal).logits
        given = source.classifier(network(wave))
    assert network(wave).shape == (2, network.numbers) == (2, 12)
    torch.testing.assert_close(given, wanted, atol=1e-5, rtol=1e-5)


def test_a_voice_becomes_a_style_that_only_its_map_learns(tmp_path):
    written(tmp_path)
    network = read_speaker_network(tmp_path)
    style = VoiceStyle(network.numbers, 64).eval()
    vector = style(network(torch.randn(3, 4000)))
    vector.sum().backward()
    assert vector.shape == (3, 64) and style.map.weight.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in network.parameters())


def test_a_folder_that_does_not_fit_is_refused(tmp_path):
    written(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "classifier_proj_size": 9}))
    with pytest.raises(ValueError, match=r"3 weights .* projector"):
        read_speaker_network(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="is no speaker network"):
        read_speaker_network(tmp_path)
