"""`convert` on our own tiny golden checkpoints: what it writes, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from safetensors.torch import load_file, save_file

from engine import InstallError, ModelError, OutputError, SettingError, Settings, Waveform, animate, animate_all
from engine.__main__ import run
from engine.learn.data.official import DATASETS, name_rows
from engine.learn.export import graphs
from engine.learn.export.checkpoint import build, layout, read_tensors
from engine.learn.export.convert import Sources, convert
from engine.learn.export.precision import shrink
from engine.model import encode
from engine.model import folder as models
from engine.values.channels import ARKIT_51, ETF_52, FLAME_413
from tests import make_golden

GOLDEN = Path(__file__).resolve().parent.parent / "data" / "golden"
HEAD = "3DETF_blendshape_weight"


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    torch.set_num_threads(1)


def sources(place: Path) -> Sources:
    return Sources(place / "checkpoint.safetensors", place, place / "data", place / "official.yaml")


@pytest.fixture(scope="module")
def wavlm(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "wavlm"
    convert(sources(GOLDEN / "wavlm"), folder)
    return folder


@pytest.fixture(scope="module")
def wav2vec2(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "wav2vec2"
    convert(sources(GOLDEN / "wav2vec2"), folder)
    return folder


@pytest.fixture
def copy(tmp_path) -> Path:
    """The wavlm checkpoint and its files, to be damaged."""
    return Path(shutil.copytree(GOLDEN / "wavlm", tmp_path / "copy"))


def refuse(place: Path, message: str, error: type[Exception] = ModelError, **changes: object) -> None:
    """Converting says `message` and leaves nothing behind."""
    before = sorted(file.name for file in place.parent.iterdir())
    with pytest.raises(error, match=message) as refusal:
        convert(replace(sources(place), **changes), place.parent / "out")
    assert "\n" not in str(refusal.value)
    assert sorted(file.name for file in place.parent.iterdir()) == before


# --- what is written --------------------------------------------------------------------------------------------------

def test_heads_have_annotation_names_channels_and_rates(wavlm, wav2vec2):
    heads = {head.id: head for path in (wavlm, wav2vec2) for head in models.open_model(str(path)).heads}
    assert {name: (head.space, head.fps) for name, head in heads.items()} == {
        "BIWI_23370_vertices": ("vertices", 25), "FLAME_5023_vertices": ("vertices", 30), HEAD: ("blendshapes", 30),
        "inhouse_blendshape_weight": ("blendshapes", 30), "flame_params_from_dadhead": ("flame", 30),
    }
    assert heads[HEAD].channels == ETF_52 and heads["inhouse_blendshape_weight"].channels == ARKIT_51
    assert heads["flame_params_from_dadhead"].channels == FLAME_413
    assert models.open_model(str(wavlm)).default_head == HEAD


def test_template_is_scaled_and_of_the_row_that_the_demo_takes(wavlm):
    head = models.open_model(str(wavlm)).head("BIWI_23370_vertices")
    rows = np.load(GOLDEN / "wavlm" / "data" / "D0_BIWI" / "id_template.npy")
    assert np.array_equal(head.template, (rows[3] * 0.2).astype(np.float32))


def test_vertex_basis_is_mapped_from_disk_and_cut_to_the_head(wavlm):
    basis = models.open_model(str(wavlm)).head("BIWI_23370_vertices").basis
    assert isinstance(basis.components, np.memmap) and basis.components.shape == (make_golden.PCA_WIDTH, 12)


def test_identities_are_named_after_their_data_sets_with_the_pivot_last(wavlm):
    model = models.open_model(str(wavlm))
    assert [identity.id for identity in model.identities] == [
        "D0_0", "D0_1", "D1_0", "D1_1", "D3_0", "D3_1", "D6_0", "D6_1", "pivot"
    ]
    assert (
        model.identities[6].group == "D6 Chinese speech" and model.identities[8].label == "Neutral (pivot)"
        and model.pivot == 8
    )


def test_table_without_a_pivot_says_so(wav2vec2, caplog):
    model = models.open_model(str(wav2vec2))
    assert model.pivot is None and len(model.identities) == 4
    _, pivot, note = name_rows(tuple(replace(DATASETS[name], subjects=2) for name in ("D1", "D5")), 4, None)
    assert not pivot and "4 rows and no pivot" in note
    animation = animate(Waveform(make_golden.wave()), Settings(str(wav2vec2), "flame_params_from_dadhead", threads=1))
    assert "no neutral style: D5_1 is used" in animation.warnings[0]


def test_official_identities_have_the_released_rows():
    rows, pivot, note = name_rows(tuple(DATASETS.values()), 935, None)
    assert pivot and not note and len(rows) == 935
    assert [rows[row].id for row in (0, 5, 6, 18, 31, 172, 196, 915, 923, 934)] == [
        "D0_0", "D0_5", "D1_0", "D2_0", "D3_0", "D4_0", "D5_0", "D6_0", "D7_0", "pivot"]


def test_speakers_get_their_names_where_the_data_are(tmp_path):
    (tmp_path / "D1_vocaset").mkdir()
    (tmp_path / "D1_vocaset" / "train.json").write_text(json.dumps({"info": {"id_list": ["Ann", "Bob"]}}))
    rows, *_ = name_rows((replace(DATASETS["D1"], subjects=2),), 3, tmp_path)
    assert [row.label for row in rows] == ["D1 vocaset Ann", "D1 vocaset Bob", "Neutral (pivot)"]


def test_a_table_of_another_length_is_numbered(copy, caplog):
    convert(replace(sources(copy), config=None), copy / "out")
    model = models.open_model(str(copy / "out"))
    assert "9 rows" in caplog.text and "dataset_config" in caplog.text
    assert model.identities[0].label == "Row 0" and model.pivot == 8


def test_pt_with_either_spelling_gives_the_same_folder(copy, wavlm):
    tensors = load_file(copy / "checkpoint.safetensors")
    assert any(name.endswith("weight_g") for name in tensors)
    modern = {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): tensor
        for name, tensor in tensors.items()
    }
    torch.save(modern, copy / "020.pt")
    torch.save(tensors, copy / "old.pt", _use_new_zipfile_serialization=False)
    for number, name in enumerate(("020.pt", "old.pt")):
        convert(replace(sources(copy), checkpoint=copy / name), copy / f"out{number}")
        for file in ("encoder.onnx", "decoder.onnx", "identities.npy"):
            assert models.open_model(str(copy / f"out{number}")).hashes == models.open_model(str(wavlm)).hashes or (
                copy / f"out{number}" / file).read_bytes() == (wavlm / file).read_bytes()


def with_deep_heads(tensors) -> None:
    """One more layer with tanh in each head."""
    generator = torch.Generator().manual_seed(5)
    for name in [name for name in tensors if name.startswith("out_head_dict.")]:
        _, head, kind = name.split(".")
        last = tensors.pop(name)
        tensors[f"out_head_dict.{head}.head_layer.2.{kind}"] = last
        size = (8, 8) if kind == "weight" else (8,)
        tensors[f"out_head_dict.{head}.head_layer.0.{kind}"] = torch.randn(size, generator=generator)


def test_deep_heads_get_frames_before_their_first_layer(copy):
    fields = json.loads((copy / "official.yaml").read_text())
    fields["MODEL"]["interpolate_pos"] = 2
    (copy / "official.yaml").write_text(json.dumps(fields))
    convert(replace(sources(copy), checkpoint=changed(copy, with_deep_heads)), copy / "out")
    tensors = read_tensors(copy / "changed.safetensors")
    sizes, config = layout(tensors), json.loads((copy / "config.json").read_text())
    network, wave = build(tensors, sizes, config, 2, pivot=True), make_golden.wave()
    with torch.no_grad():
        expected = network.frames(torch.from_numpy(wave)[None], round(len(wave) / 16000 * 30), torch.tensor([8]), HEAD)
    template = models.open_model(str(copy / "out")).head(HEAD).template
    for strength in (1, 0):
        settings = Settings(str(copy / "out"), HEAD, "#8", strength=strength, raw=True, threads=1)
        weights = animate(Waveform(wave), settings).motion.weights
        assert np.abs(weights - template - expected[0].numpy()).max() < 1e-4


def test_without_pca_vertex_heads_are_left_out_and_named(copy, caplog):
    convert(replace(sources(copy), data=None), copy / "out")
    assert [head.id for head in models.open_model(str(copy / "out")).heads] == [HEAD, "inhouse_blendshape_weight"]
    assert "BIWI_23370_vertices, FLAME_5023_vertices" in caplog.text


@pytest.mark.parametrize(("precision", "limit"), [("fp16", 0.02), ("int8", 0.7)])
def test_smaller_encoders_stay_near(copy, caplog, wavlm, precision, limit):
    caplog.set_level("INFO")
    convert(sources(copy), copy / "out", precision)
    assert (
        f"{precision}: encoder" in caplog.text and "largest error" in caplog.text and "Quantization" not in caplog.text
    )
    assert f"encoder {precision}, largest error" in json.loads((copy / "out" / "model.json").read_text())["made"]
    wave = Waveform(make_golden.wave())
    exact, small = (
        animate(wave, Settings(str(folder), raw=True, threads=1)).motion.weights for folder in (wavlm, copy / "out")
    )
    assert 0 < np.abs(exact - small).max() < limit


def test_weights_of_a_large_encoder_lie_beside_it_and_give_the_same(copy, monkeypatch, wavlm):
    monkeypatch.setattr(graphs, "SPLIT_FROM_BYTES", 1)
    wave = Waveform(make_golden.wave())
    whole = animate(wave, Settings(str(wavlm), raw=True, threads=1)).motion.weights
    for precision in ("fp32", "fp16"):
        convert(sources(copy), copy / precision, precision)
        assert (copy / precision / "encoder.onnx.data").stat().st_size > 10_000
        split = animate(wave, Settings(str(copy / precision), raw=True, threads=1)).motion.weights
        assert np.abs(split - whole).max() < (1e-5 if precision == "fp32" else 0.02)


def test_split_encoders_that_differ_only_in_their_weights_do_not_share_features(copy, monkeypatch):
    monkeypatch.setattr(graphs, "SPLIT_FROM_BYTES", 1)
    wave = Waveform(make_golden.wave())
    convert(sources(copy), copy / "one")
    tensors = load_file(copy / "checkpoint.safetensors")
    name = "audio_encoder.encoder.layers.0.feed_forward.output_dense.weight"
    save_file({**tensors, name: tensors[name] + 1.0}, copy / "checkpoint.safetensors")
    convert(sources(copy), copy / "two")
    one, two = (models.open_model(str(copy / folder)) for folder in ("one", "two"))
    assert dict(one.hashes)["encoder.onnx"] == dict(two.hashes)["encoder.onnx"]
    assert encode.clip_key(wave, one) != encode.clip_key(wave, two)


def test_layout_comes_from_the_tensors():
    sizes = layout(read_tensors(GOLDEN / "wav2vec2" / "checkpoint.safetensors"))
    assert (sizes.decoder_kind, sizes.period, sizes.head_layers, sizes.layers, sizes.hidden) == (
        "transformer", make_golden.PERIOD, 2, 2, 16
    )
    assert (
        sizes.heads == {"FLAME_5023_vertices": make_golden.PCA_WIDTH, "flame_params_from_dadhead": 413}
        and sizes.rows == 4
    )


# --- on the command line ----------------------------------------------------------------------------------------------

def test_command_converts_and_animates_all_heads_and_two_identities(tmp_path, monkeypatch, capsys):
    import soundfile

    place = GOLDEN / "wavlm"
    assert run(["convert", str(place / "checkpoint.safetensors"), "--encoder", str(place), "--pca", str(place / "data"),
                "--config", str(place / "official.yaml"), "-o", str(tmp_path / "model")]) == 0
    soundfile.write(tmp_path / "a.wav", make_golden.wave(), 16000, subtype="FLOAT")
    arguments = [
        "animate", str(tmp_path / "a.wav"), "-o", str(tmp_path / "a.npz"), "--model", str(tmp_path / "model"), "--raw"
    ]
    assert run([*arguments, "--head", "all", "--identity", "#0", "--identity", "#8"]) == 0
    expected = np.load(place / "expected.npz")
    for key in expected.files:
        head, row = key.split("|")
        assert np.abs(np.load(tmp_path / f"a.{head}.{row}.npz")["frames"] - expected[key]).max() < 1e-4


def test_damaged_checkpoint_is_one_line_and_status_1(copy, capsys):
    (copy / "checkpoint.safetensors").write_bytes(b"\x00" * 100)
    assert run(["convert", str(copy / "checkpoint.safetensors"), "--encoder", str(copy), "-o", str(copy / "out")]) == 1
    error = capsys.readouterr().err
    assert "cannot be read" in error and error.count("\n") == 1 and not (copy / "out").exists()


# --- what is refused --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_truncated_file(copy, share, suffix):
    file = copy / f"part.{suffix}"
    tensors = load_file(copy / "checkpoint.safetensors")
    torch.save(tensors, file) if suffix == "pt" else save_file(tensors, file)
    content = file.read_bytes()
    file.write_bytes(content[:round(share * len(content))])
    refuse(copy, "cannot be read", checkpoint=file)


class Trap:
    """Unpickling one would make a folder."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self):
        return os.mkdir, (self.place,)


@pytest.mark.parametrize("new", [True, False])
def test_pickle_with_code_is_not_run(copy, new):
    torch.save({"audio_encoder.x": Trap(str(copy / "ran"))}, copy / "trap.pt", _use_new_zipfile_serialization=new)
    refuse(
        copy, r"\(it asks for posix\.mkdir\)\. It is damaged, no torch file, or holds code; nothing of it was run",
        checkpoint=copy / "trap.pt",
    )
    assert not (copy / "ran").exists()


def test_wrapped_state_dict(copy):
    torch.save({"state_dict": load_file(copy / "checkpoint.safetensors"), "epoch": 3}, copy / "a.pt")
    refuse(copy, "flat dict of names and tensors, it holds dict, int", checkpoint=copy / "a.pt")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that cannot be written")
def test_folder_that_cannot_be_written(copy):
    copy.chmod(0o500)
    with pytest.raises(OutputError, match="Cannot write"):
        convert(sources(copy), copy / "out")


def test_model_that_is_there_is_replaced_but_nothing_else_is_lost(copy, wavlm):
    shutil.copytree(wavlm, copy / "out")
    (copy / "out" / "identities.npy").write_bytes(b"old")
    convert(sources(copy), copy / "out")
    assert models.open_model(str(copy / "out")).styles.shape == (9, 64)
    (copy / "out" / "notes.txt").write_text("precious")
    for content in ((copy / "out" / "model.json").read_text(), "{}", "[]", "no json"):
        (copy / "out" / "model.json").write_text(content)
        with pytest.raises(OutputError, match=r"holds a model and more \(notes\.txt\)|is there and no model folder"):
            convert(sources(copy), copy / "out")
    assert (copy / "out" / "notes.txt").read_text() == "precious"


@pytest.mark.parametrize(("largest", "kind"), [(6e4, TensorProto.FLOAT16), (7e4, TensorProto.FLOAT)])
def test_weights_that_half_precision_cannot_hold_stay_whole(tmp_path, largest, kind):
    graphs.write_graph(
        torch.nn.Linear(64, 64, bias=False).eval(), (torch.zeros(1, 2, 64),), tmp_path / "a.onnx", {"x": {1: "frames"}},
        "y",
    )
    model = onnx.load(str(tmp_path / "a.onnx"))
    weight = onnx.numpy_helper.to_array(model.graph.initializer[0]).copy()
    weight[3, 4] = largest
    model.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weight, model.graph.initializer[0].name))
    onnx.save(model, str(tmp_path / "a.onnx"))
    shrink(tmp_path / "a.onnx", "fp16")
    assert [tensor.data_type for tensor in onnx.load(str(tmp_path / "a.onnx")).graph.initializer] == [kind]


def test_output_below_a_file_is_refused(copy):
    with pytest.raises(OutputError, match="Cannot write"):
        convert(sources(copy), copy / "config.json" / "out")


def changed(copy: Path, change) -> Path:
    tensors = load_file(copy / "checkpoint.safetensors")
    change(tensors)
    save_file(tensors, copy / "changed.safetensors")
    return copy / "changed.safetensors"


@pytest.mark.parametrize(("change", "message"), [
    (lambda t: t.update({"decoder.extra.weight": torch.zeros(1)}), r"1 unknown tensor: decoder\.extra\.weight"),
    (lambda t: t.update({"out_head_dict.../x.weight": torch.zeros(1)}), r"1 unknown tensor: out_head_dict\.\.\./x"),
    (
        lambda t: t.update({"audio_encoder.encoder.layers.0.extra": torch.zeros(1)}),
        r"1 unknown \(encoder\.model\.encoder\.layers\.0\.extra",
    ),
    (
        lambda t: t.pop("decoder.tcn.first_net.conv_layers.1.norm.bias"),
        r"1 missing \(decoder\.blocks\.1\.norm\.norm\.bias",
    ),
    (
        lambda t: t.update({
            "audio_encoder.encoder.pos_conv_embed.conv.parametrizations.weight.original0": torch.ones(1, 1, 16)
        }), "both spellings",
    ),
    (lambda t: t.pop("decoder.audio_feature_map.weight"), r"lacks decoder\.map\.weight"),
    (
        lambda t: t.update({"decoder.audio_feature_map.bias": torch.zeros(3)}),
        r"misshapen \(decoder\.map\.bias \(3,\) instead of \(8,\)",
    ),
    (
        lambda t: t["decoder.audio_feature_map.weight"].fill_(float("nan")),
        r"decoder\.audio_feature_map\.weight hold values that are not finite",
    ),
    (
        lambda t: t.update({"decoder.learnable_style_emb.weight": torch.full((9, 4), 1e300, dtype=torch.float64)}),
        "decoder.learnable_style_emb.weight hold values that are not finite",
    ),
    (lambda t: t.update({"decoder.learnable_style_emb.weight": torch.zeros(4)}), r"too few axes: styles \(4,\)"),
    (
        lambda t: t.update({"decoder.audio_feature_map.weight": torch.tensor(1.0)}),
        r"too few axes: decoder\.map\.weight \(\)",
    ),
    (lambda t: t.update({"decoder.PPE.pe": torch.zeros(8)}), r"too few axes: decoder\.PPE\.pe \(8,\)"),
    (lambda t: t.update({"decoder.PPE.pe": torch.zeros(0, 30, 8)}), r"decoder\.PPE\.pe is no periodic"),
    (
        lambda t: t.update({"decoder.audio_feature_map.bias": torch.zeros(8, dtype=torch.int64)}),
        r"decoder\.audio_feature_map\.bias hold no plain floating",
    ),
    (
        lambda t: t.update({
            "out_head_dict.my_face.weight": torch.zeros(4, 8), "out_head_dict.my_face.bias": torch.zeros(4)
        }), "unknown head my_face",
    ),
])
def test_unknown_missing_and_misshapen_tensors_are_named(copy, change, message):
    refuse(copy, message, checkpoint=changed(copy, change))


@pytest.mark.parametrize(("change", "message"), [
    (lambda fields: fields.update(hidden_size=32), "32 channels and 2 layers, the checkpoint has WavLM with 16 and 2"),
    (lambda fields: fields.update(num_hidden_layers=3), "16 channels and 3 layers"),
    (
        lambda fields: fields.update(model_type="wav2vec2"),
        "a 'wav2vec2' of 16 channels and 2 layers, the checkpoint has WavLM",
    ),
    (lambda fields: fields.update(model_type="bert"), "a 'bert'"),
    (
        lambda fields: fields.update(conv_bias=True),
        r"missing \(encoder\.model\.feature_extractor\.conv_layers\.0\.conv\.bias",
    ),
    (
        lambda fields: fields.update(intermediate_size=48),
        r"misshapen \(encoder\.model\.encoder\.layers\.0\.feed_forward",
    ),
    (lambda fields: fields.update(conv_dim=[8]), "cannot be built"),
    (lambda fields: fields.update(num_attention_heads=0), "cannot be built: .*zero"),
    (lambda fields: fields.update(num_buckets=-1), "negative dimension"),
    (lambda fields: fields.update(conv_stride=[0] * 7), "has conv_stride .* must be 320"),
    (lambda fields: fields.update(conv_stride=[-5, -64]), "has conv_stride .* must be 320"),
    (lambda fields: fields.update(conv_stride=[1] * 7), "has conv_stride .* must be 320"),
    (lambda fields: fields.update(conv_stride=[320] + [1] * 1000), "has conv_stride .* must be 320"),
    (lambda fields: fields.update(conv_stride="5"), "has conv_stride 5, whose"),
    (lambda fields: fields.update(max_bucket_distance=0), "network cannot be run: "),
    (lambda fields: fields.update(hidden_act="swoosh"), "cannot be built: 'swoosh'"),
    (
        lambda fields: fields.update(layer_norm_eps="small"),
        r"'layer_norm_eps' expected float, got str \(value: 'small'\)\. Give the encoder's own",
    ),
])
def test_wrong_encoder_folder(copy, change, message):
    fields = json.loads((copy / "config.json").read_text())
    change(fields)
    (copy / "config.json").write_text(json.dumps(fields))
    refuse(copy, message)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_encoder_folder_without_a_file_that_can_be_read(copy, name, content):
    (copy / name).unlink() if content is None else (copy / name).write_bytes(content)
    refuse(copy, f"{name} cannot be read")


def test_sparse_tensor_in_a_pt_is_refused(copy):
    tensors = load_file(copy / "checkpoint.safetensors")
    torch.save({**tensors, "decoder.audio_feature_map.bias": torch.zeros(8).to_sparse()}, copy / "a.pt")
    refuse(copy, r"decoder\.audio_feature_map\.bias hold no plain floating point numbers", checkpoint=copy / "a.pt")


def test_tensors_that_repeat_a_few_numbers_are_not_unfolded(copy):
    tensors = load_file(copy / "checkpoint.safetensors")
    tensors["decoder.audio_feature_map.weight"] = torch.zeros(1, 1).expand(300_000, 300_000)
    torch.save(tensors, copy / "a.pt")
    refuse(copy, r"promises 360,000,\d+,\d+ bytes of tensors", checkpoint=copy / "a.pt")


def test_pt_whose_parts_are_packed_is_refused(copy):
    torch.save(load_file(copy / "checkpoint.safetensors"), copy / "a.pt")
    with zipfile.ZipFile(copy / "a.pt") as plain, zipfile.ZipFile(copy / "b.pt", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    refuse(copy, "its parts are packed", checkpoint=copy / "b.pt")


@pytest.mark.parametrize("version", ["2.5.1+cpu", "1.13.0", "2.0.0a0+git", "unknown"])
def test_torch_that_may_run_what_a_file_holds_is_refused(copy, monkeypatch, version):
    monkeypatch.setattr(torch, "__version__", version)
    refuse(copy, f"PyTorch {re.escape(version)} is installed, 2.6 or newer", InstallError)


def test_yaml_that_names_one_section_in_many_places_is_walked_once(copy):
    lines = ["a0: &a0 {dataset: D0}"]
    lines += [f"a{n}: &a{n} {{x: *a{n - 1}, y: *a{n - 1}, z: *a{n - 1}}}" for n in range(1, 40)]
    (copy / "official.yaml").write_text("\n".join(lines))
    refuse(copy, f"unknown head {HEAD}|unknown head")


@pytest.mark.parametrize(("arrays", "message"), [
    (
        {"components_to_data": np.zeros((2, 12)), "original_data_mean": np.zeros(12)},
        r"components \(2, 12\) .* gives 3 coefficients",
    ),
    (
        {"components_to_data": np.zeros((4, 15)), "original_data_mean": np.zeros(12)},
        r"components \(4, 15\) and mean \(12,\)",
    ),
    (
        {"components_to_data": np.zeros((4, 15)), "original_data_mean": np.zeros(15)},
        "has 12 numbers per face, BIWI_23370_vertices has 15",
    ),
    ({"components_to_data": np.zeros((4, 12))}, "original_data_mean"),
    ({"components_to_data": np.array([{}], dtype=object), "original_data_mean": np.zeros(12)}, "cannot be read"),
    (
        {"components_to_data": np.full((4, 12), np.nan), "original_data_mean": np.zeros(12)},
        r"cannot be read \(it does not hold finite numbers\)",
    ),
    ({"components_to_data": np.full((4, 12), 1e300), "original_data_mean": np.zeros(12)}, "not hold finite numbers"),
])
def test_pca_of_another_size(copy, arrays, message):
    np.savez(copy / "data" / "D0_BIWI" / "pca.npz", **arrays)
    refuse(copy, message)


@pytest.mark.parametrize(("change", "message"), [
    ({"scale": -1.0}, "D0 has scale -1"), ({"scale": float("nan")}, "D0 has scale nan"),
    ({"subjects": 10 ** 9}, "1000000000 subjects"),
    ({"fps": 0}, "0 fps"), ({"demo_row": -1}, "demo_row -1"), ({"annot_type": None, "subjects": "many"}, "'many'"),
])
def test_data_set_that_cannot_be_is_named(copy, change, message):
    spec = {
        "dirname": "D0_BIWI", "annot_type": "BIWI_23370_vertices", "scale": 0.2, "subjects": 2, "pca": True, **change
    }
    (copy / "own.yaml").write_text(json.dumps({"DATA": {"dataset_config": {"D0": spec}}}))
    refuse(copy, message, SettingError, config=copy / "own.yaml")


@pytest.mark.parametrize(("content", "message"), [
    (np.full((6, 12), np.nan), "not hold finite numbers"), (np.zeros((0, 12)), "0 numbers per face"),
    (np.float32(1.0), "1 numbers per face"),
    (np.array(["a"]), "not hold finite"), (b"", "cannot be read"), (b"PK\3\4 no zip", "cannot be read"),
    ({"a": np.zeros(12)}, "cannot be read"),
])
def test_neutral_face_that_is_none(copy, content, message):
    path = copy / "data" / "D0_BIWI" / "id_template.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        with path.open("wb") as file:
            np.savez(file, **content)
    else:
        np.save(path, content)
    refuse(copy, message)


def test_missing_pca_file_and_template(copy):
    (copy / "data" / "D0_BIWI" / "id_template.npy").unlink()
    refuse(copy, "no neutral face")
    (copy / "data" / "D0_BIWI" / "pca.npz").unlink()
    refuse(copy, r"pca\.npz cannot be read")


@pytest.mark.parametrize(("change", "error", "message"), [
    ({"decoder_type": "transformer"}, SettingError, "says decoder transformer, the checkpoint holds a tcn"),
    ({"decoder_type": "lstm"}, SettingError, "cannot be used"),
    ({"interpolate_pos": 7}, ModelError, "interpolate_pos is 7"),
    ({"dataset": "D0,D1"}, ModelError, f"unknown head {HEAD}"),
    ({"dataset": "D0,D1,D2,D3,D6"}, ModelError, "no head meshtalk_6172_vertices"),
    ({"dataset": "D99"}, SettingError, "D99"), ({"pca_dim": 2}, ModelError, "2 were expected"),
])
def test_config_that_does_not_fit(copy, change, error, message):
    fields = json.loads((copy / "official.yaml").read_text())
    fields["MODEL"].update(change)
    (copy / "official.yaml").write_text(json.dumps(fields))
    refuse(copy, message, error)


def test_folder_with_other_things_is_not_replaced(copy):
    (copy / "mine").mkdir()
    (copy / "mine" / "diary.txt").write_text("dear")
    with pytest.raises(OutputError, match="no model folder"):
        convert(sources(copy), copy / "mine")
    assert (copy / "mine" / "diary.txt").read_text() == "dear"


# --- long clips -------------------------------------------------------------------------------------------------------

def test_no_seam_is_seen_where_windows_join(wavlm):
    """Second differences of the curves around the joins are no larger than in the rest of the clip."""
    seconds = np.arange(47 * 16000) / 16000
    wave = Waveform(
        (
            0.2 * np.sin(2 * np.pi * (150 + 40 * np.sin(seconds)) * seconds) * (0.5 + 0.5 * np.sin(9 * seconds))
        ).astype(np.float32)
    )
    settings = Settings(str(wavlm), raw=False, threads=1, fps=30)
    model = models.open_model(str(wavlm))
    from engine.model.decode import Track
    from engine.model.encode import encode
    from engine.model.style import resolve
    from engine.systems.system import open_system

    system = open_system(model, replace(settings, device="cpu"))
    tracks = [Track(model.head(HEAD), resolve(settings, model), exact=exact) for exact in (False, True)]
    results = system.decode(encode(wave, model, system.encoder), tracks, len(wave.samples))
    smooth, straight = (result.motion.weights for result in results)
    bends = np.abs(np.diff(smooth, 2, axis=0)).max(axis=1)
    joins = np.zeros(len(bends), bool)
    for second in (20, 40):
        joins[second * 30 - 2:(second + 5) * 30 + 2] = True
    assert bends[joins].max() <= 1.05 * bends[~joins].max()
    assert np.abs(smooth - straight)[~np.pad(joins, 1, mode="edge")].max() < 1e-6


def test_encoder_runs_once_for_all_heads_and_styles(wavlm, monkeypatch):
    from engine.model.runtime import Graph
    from engine.values.cache import forget_all

    forget_all()
    ran = []
    original = Graph.run
    monkeypatch.setattr(Graph, "run", lambda graph, inputs: ran.append(graph.file.name) or original(graph, inputs))
    base = Settings(str(wavlm), raw=True, threads=1)
    wanted = [
        replace(base, head=head.id, identity=identity)
        for head in models.open_model(str(wavlm)).heads for identity in ("#0", "#1")
    ]
    assert len(animate_all(Waveform(make_golden.wave()), wanted)) == 8
    assert ran.count("encoder.onnx") == 1 and ran.count("decoder.onnx") == 4      # two rates, two styles
