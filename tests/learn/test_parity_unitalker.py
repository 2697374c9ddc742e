"""Our UniTalker gives the numbers of the released code: its recorded fixtures where ../shared holds them, our own
golden files everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import Settings, Waveform, animate, animate_all
from engine.learn.data.official import DATASETS
from engine.learn.export.checkpoint import build, layout, read_tensors
from engine.learn.export.convert import Sources, convert
from engine.learn.faces.samples import BLENDSHAPES, Sample, Space, prepared
from engine.model import decode
from engine.model.encode import _mean_and_deviation, _normalised
from engine.nets import unitalker
from engine.nets.layers import resample
from engine.nets.spaces import BlendshapeSpace, FlameSpace, PcaSpace, read_flame
from engine.systems import unitalker as unitalker_system
from engine.values.channels import FLAME_413
from tests import make_golden

ROOT = Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT.parent / "shared" / "fixtures" / "unitalker"
GOLDEN = ROOT / "tests" / "data" / "golden"
TOLERANCE = 1e-4        # of motion, absolute
FORWARD = ("wavlm_conv_full_ids", "wav2vec2_conv")

reference = pytest.mark.skipif(not FIXTURES.is_dir(), reason="../shared/fixtures/unitalker is absent")


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@cache
def info(name: str) -> dict:
    return json.loads((FIXTURES / name / "config.json").read_text())


@cache
def io(name: str) -> dict[str, np.ndarray]:
    return dict(np.load(FIXTURES / name / "io.npz"))


def runs(name: str) -> list:
    return (
        [pytest.param(name, run, id=f"{name}-{run['index']}") for run in info(name)["runs"]] if FIXTURES.is_dir()
        else []
    )


def network(name: str, place: int = 1, **changes):
    """The fixture's network; `changes` replace fields of the encoder's config."""
    tensors = read_tensors(FIXTURES / name / "model.safetensors")
    return build(tensors, layout(tensors), {**info(name)["encoder_config"], **changes}, place, pivot=True)


cached_network = cache(network)


def sound(name: str, clip: str) -> np.ndarray:
    samples = np.load(FIXTURES / "audio.npz")[clip]
    return (
        _normalised(samples, *_mean_and_deviation(samples)) if info(name)["preprocessor"]["do_normalize"] else samples
    )


def template(name: str, run: dict) -> np.ndarray:
    path = FIXTURES / name / "data" / info(name)["dataset_config"][run["dataset"]]["dirname"] / "id_template.npy"
    return np.asarray(np.load(path)[run["template_id"]].reshape(-1) * run["template_scale"], np.float32)


def pca(name: str, dataset: str, width: int) -> PcaSpace:
    arrays = np.load(FIXTURES / name / "data" / info(name)["dataset_config"][dataset]["dirname"] / "pca.npz")
    return PcaSpace(
        torch.from_numpy(arrays["components_to_data"][:width]), torch.from_numpy(arrays["original_data_mean"])
    )


def head_output(model, name: str, run: dict, samples: np.ndarray):
    row = model.pivot_index if run["style_idx"] is None else run["style_idx"]
    with torch.no_grad():
        return model.frames(torch.from_numpy(samples)[None], run["frames"], torch.tensor([row]), run["annot_type"])


def motion(model, name: str, run: dict, samples: np.ndarray | None = None) -> np.ndarray:
    output = head_output(model, name, run, sound(name, run["audio"]) if samples is None else samples)
    neutral = torch.from_numpy(template(name, run))
    if info(name)["dataset_config"][run["dataset"]]["pca"]:
        return pca(name, run["dataset"], output.shape[2]).decode(output, neutral).numpy()
    return (output + neutral).numpy()


# --- forward ----------------------------------------------------------------------------------------------------------

@reference
@pytest.mark.parametrize(("name", "run"), [param for name in FORWARD for param in runs(name)])
def test_motion_is_the_references(name, run):
    model, recorded, i = cached_network(name, run["interpolate_pos"]), io(name), run["index"]
    assert np.abs(motion(model, name, run) - recorded[f"run{i}_out_motion"]).max() < TOLERANCE
    if f"run{i}_out_pca" in recorded:
        output = head_output(model, name, run, sound(name, run["audio"]))
        assert np.abs(output.numpy() - recorded[f"run{i}_out_pca"]).max() < TOLERANCE
    if f"run{i}_gt_pca" in recorded:
        space = pca(name, run["dataset"], recorded[f"run{i}_gt_pca"].shape[2])
        encoded = space.encode(torch.from_numpy(recorded[f"run{i}_face_motion"]), torch.from_numpy(template(name, run)))
        assert np.abs(encoded.numpy() - recorded[f"run{i}_gt_pca"]).max() < TOLERANCE
    if f"run{i}_decoder_out" in recorded:
        with torch.no_grad():
            features = model.features(torch.from_numpy(sound(name, run["audio"]))[None], run["frames"])
            row = model.pivot_index if run["style_idx"] is None else run["style_idx"]
            hidden = model.hidden(features, run["frames"], model.styles[[row]])
        assert np.abs(features.numpy() - recorded[f"run{i}_enc_last_post"]).max() < TOLERANCE
        assert np.abs(hidden.numpy() - recorded[f"run{i}_decoder_out"]).max() < TOLERANCE


@reference
@pytest.mark.parametrize("name", FORWARD)
def test_every_stage_is_the_references(name):
    model, recorded = cached_network(name), io(name)
    samples = sound(name, "a")
    assert np.abs(samples[:256] - recorded["audio_a_processed_head"]).max() < 1e-5
    with torch.no_grad():
        front = model.encoder.front(torch.from_numpy(samples)[None])
        states = model.encoder.context(front)
        x = model.decoder.map(resample(states, 25))
        stages = {"conv_features": front.transpose(1, 2), "enc_last_pre": states, "audio_feature_map": x}
        x = torch.cat([x.transpose(1, 2), model.styles[[-1]][:, :, None].expand(-1, -1, 25)], dim=1)
        for number, block in enumerate(model.decoder.blocks):
            stages[f"tcn{number}"] = x = block(x)
    for stage, value in stages.items():
        assert np.abs(value.numpy() - recorded[f"run0_{stage}"]).max() < TOLERANCE, stage


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize(("n_rows", "wanted"), [(1249, 750), (1249, 624), (1249, 625), (99, 59), (1, 30), (40, 1)])
def test_rows_between_rows_are_torchs_at_the_end_of_a_window_too(n_rows, wanted, align_corners):
    rows = np.cumsum(np.random.default_rng(1).normal(size=(n_rows, 3)) * 10, axis=0).astype(np.float32)
    expected = resample(torch.from_numpy(rows)[None], wanted, align_corners)[0].numpy()
    given = decode.resample(rows, wanted, align_corners)
    assert np.abs(given - expected).max() <= 4 * np.spacing(np.abs(rows).max())


# --- what the comparison must see -------------------------------------------------------------------------------------

def with_edge_padding(name: str, patch):
    model = network(name)
    for block in model.decoder.blocks:
        block.conv.padding_mode = "replicate"
        block.conv._reversed_padding_repeated_twice = [1, 1]
    return model


def without_align_corners(name: str, patch):
    patch.setattr(unitalker, "resample", lambda x, n_frames: resample(x, n_frames, align_corners=False))
    return network(name)


MISTAKES = {
    "padding of the decoder": with_edge_padding,
    "align_corners": without_align_corners,
    "gelu by tanh in the convolutions": lambda name, patch: network(name, feat_extract_activation="gelu_new"),
    "gelu by tanh in the layers": lambda name, patch: network(name, hidden_act="gelu_new"),
    "epsilon of the norms": lambda name, patch: network(name, layer_norm_eps=1e-2),
}


@reference
@pytest.mark.parametrize("name", FORWARD)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_network_is_seen(name, mistake, monkeypatch):
    run = info(name)["runs"][0]
    wrong = motion(MISTAKES[mistake](name, monkeypatch), name, run)
    assert np.abs(wrong - io(name)["run0_out_motion"]).max() > 2 * TOLERANCE


@reference
@pytest.mark.parametrize("change", [{"do_stable_layer_norm": False}, {"feat_extract_norm": "group"}])
def test_another_norm_is_seen(change):
    name = "wav2vec2_conv"
    tensors = read_tensors(FIXTURES / name / "model.safetensors")
    if "feat_extract_norm" in change:
        tensors = {
            key: value
            for key,
            value in tensors.items() if not ("conv_layers" in key and ".layer_norm." in key and "layers.0." not in key)
        }
    wrong = build(tensors, layout(tensors), {**info(name)["encoder_config"], **change}, 1, pivot=True)
    assert np.abs(motion(wrong, name, info(name)["runs"][0]) - io(name)["run0_out_motion"]).max() > 100 * TOLERANCE


@reference
@pytest.mark.parametrize("name", FORWARD)
@pytest.mark.parametrize("mistake", [lambda x: np.pad(x, (160, 160)), lambda x: (x - x.mean()) / x.std() * 0.5])
def test_sound_prepared_otherwise_is_seen(name, mistake):
    """Padded sound, and sound of another level."""
    run = info(name)["runs"][0]
    samples = mistake(np.load(FIXTURES / "audio.npz")["a"]).astype(np.float32)
    assert np.abs(motion(cached_network(name), name, run, samples) - io(name)["run0_out_motion"]).max() > 2 * TOLERANCE


# --- the demo ---------------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def demo_model(tmp_path_factory) -> str:
    """The demo fixture's checkpoint, converted."""
    return converted("demo_wavlm_common", tmp_path_factory.mktemp("demo"))


def converted(name: str, work: Path, suffix: str = "safetensors", place: int = 1) -> str:
    fixture = {**info(name), "unitalker": {**info(name)["unitalker"], "interpolate_pos": place}}
    (work / "config.json").write_text(json.dumps(fixture["encoder_config"]))
    (work / "preprocessor_config.json").write_text(json.dumps(fixture["preprocessor"]))
    (work / "official.yaml").write_text(
        json.dumps({"MODEL": fixture["unitalker"], "dataset_config": fixture["dataset_config"]})
    )
    checkpoint = FIXTURES / name / "model.safetensors"
    if suffix == "pt":
        from safetensors.torch import load_file

        torch.save(load_file(checkpoint), work / "010.pt")
        checkpoint = work / "010.pt"
    convert(Sources(checkpoint, work, FIXTURES / name / "data", work / "official.yaml"), work / "out")
    return str(work / "out")


def vertices(name: str, annotation: str, values: np.ndarray) -> np.ndarray:
    """What the reference's get_vertices makes of a head's output."""
    resources = FIXTURES / name / "resources" / "binary_resources"
    rows = torch.from_numpy(values)
    if annotation.endswith("vertices"):
        return values.reshape(len(values), -1, 3)
    if annotation == "flame_params_from_dadhead":
        face = np.load(resources / "flame_humanface_index.npy")
        return read_flame(resources / "flame_arrays.npz").vertices(rows).numpy()[:, face]
    arrays = np.load(resources / ("EmoTalk.npz" if annotation.startswith("3DETF") else "inhouse_arkit.npz"))
    return BlendshapeSpace(
        torch.from_numpy(arrays["meanshape"]), torch.from_numpy(arrays["blendshape"])
    ).vertices(rows).numpy()


@reference
def test_demo_of_a_short_clip_is_the_references_for_every_data_set(demo_model, tmp_path):
    name, recorded = "demo_wavlm_common", np.load(FIXTURES / "demo_wavlm_common" / "demo_io.npz")
    wave = Waveform((recorded["wav_short"] / 32768).astype(np.float32))
    for dataset, facts in info(name)["dataset_config"].items():
        templates = np.load(FIXTURES / name / "data" / facts["dirname"] / "id_template.npy")
        row = info(name)["condition_local"].get(dataset, info(name)["condition_local"]["others"])
        np.save(tmp_path / "neutral.npy", (templates[row].reshape(-1) * facts["scale"]).astype(np.float32))
        settings = Settings(
            demo_model, facts["annot_type"], raw=True, threads=1, template=str(tmp_path / "neutral.npy")
        )
        seen = vertices(name, facts["annot_type"], animate(wave, settings).motion.weights)
        assert np.abs(seen - recorded[f"short|sub/s.wav|{dataset}"]).max() < TOLERANCE, dataset


@reference
def test_demo_of_a_long_clip_joins_windows_as_the_reference_does(demo_model):
    """26.5 s: a window of 25 s, and one of 6.5 s that starts at 20 s."""
    name, recorded = "demo_wavlm_common", np.load(FIXTURES / "demo_wavlm_common" / "demo_io.npz")
    wave = Waveform((recorded["wav_long"] / 32768).astype(np.float32))
    common = Settings(demo_model, "inhouse_blendshape_weight", raw=True, threads=1)
    seen = vertices(name, common.head, animate(wave, common).motion.weights)
    assert seen.shape == (796, 12, 3)
    assert np.abs(seen - recorded["long|l.wav|D6"]).max() < TOLERANCE


@reference
def test_windows_of_a_normalising_encoder_are_normalised_twice(tmp_path):
    """The file, and then each window with its own mean and deviation, compared with torch step by step."""
    model_folder = converted("wav2vec2_conv", tmp_path)
    rng = np.random.default_rng(3)
    samples = (rng.normal(size=27 * 16000) * np.linspace(0.01, 0.3, 27 * 16000) + 0.02).astype(np.float32)
    raw = animate(
        Waveform(samples), Settings(model_folder, "3DETF_blendshape_weight", raw=True, threads=1)
    ).motion.weights
    once = (samples - samples.mean()) / np.sqrt(samples.var() + 1e-7)
    last = once[20 * 16000:]
    twice = (last - last.mean()) / np.sqrt(last.var() + 1e-7)
    model = cached_network("wav2vec2_conv")
    with torch.no_grad():
        expected = model.frames(
            torch.from_numpy(twice.astype(np.float32))[None], 210, torch.tensor([74]), "3DETF_blendshape_weight"
        )[0].numpy()
    neutral = np.load(FIXTURES / "wav2vec2_conv" / "data" / "D3D4_3DETF" / "D3_HDTF" / "id_template.npy")[0]
    assert np.abs(raw[750:] - (expected + neutral)[150:]).max() < TOLERANCE


# --- the model folder -------------------------------------------------------------------------------------------------

@reference
@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
@pytest.mark.parametrize("name", FORWARD)
def test_converted_checkpoint_gives_the_recorded_motion(name, suffix, tmp_path, monkeypatch):
    folder = converted(name, tmp_path, suffix)
    clips = np.load(FIXTURES / "audio.npz")
    checked = set()
    for run in info(name)["runs"]:
        if run["interpolate_pos"] != 1:
            continue        # another adaptor than the checkpoint's config: the test below
        if run["has_face_motion"]:
            # that of the annotation, not of the sound
            for module in (decode, unitalker_system):
                monkeypatch.setattr(module, "frame_count", lambda *_, n_frames=run["frames"]: n_frames)
        neutral = tmp_path / "neutral.npy"
        np.save(neutral, template(name, run))
        identity = "pivot" if run["style_idx"] is None else f"#{run['style_idx']}"
        settings = Settings(folder, run["annot_type"], identity, raw=True, threads=1, template=str(neutral))
        result = animate(Waveform(clips[run["audio"]]), settings).motion
        assert result.fps == run["fps"] and len(result.weights) == run["frames"]
        assert np.abs(result.weights - io(name)[f"run{run['index']}_out_motion"][0]).max() < TOLERANCE
        monkeypatch.undo()
        checked.add((run["annot_type"], run["style_idx"]))
    assert checked == {(run["annot_type"], run["style_idx"]) for run in info(name)["runs"]}


@reference
@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("name", FORWARD)
def test_converted_checkpoint_with_the_adaptor_elsewhere(name, place, tmp_path):
    run, = (run for run in info(name)["runs"] if run["interpolate_pos"] == place)
    settings = Settings(
        converted(name, tmp_path, place=place), run["annot_type"], f"#{run['style_idx']}", raw=True, threads=1
    )
    # its template is the demo's
    result = animate(Waveform(np.load(FIXTURES / "audio.npz")[run["audio"]]), settings).motion.weights
    assert np.abs(result - io(name)[f"run{run['index']}_out_motion"][0]).max() < TOLERANCE


# --- data items and spaces --------------------------------------------------------------------------------------------

@reference
@pytest.mark.parametrize("number", range(5))
def test_data_item_is_prepared_as_the_reference_does(number):
    facts, arrays = json.loads((FIXTURES / "dataitem.json").read_text())[number], np.load(FIXTURES / "dataitem.npz")
    audio, motion, neutral = (arrays[f"{number}_in_{part}"] for part in ("audio", "annot", "template"))
    space = Space(facts["dataset"], BLENDSHAPES, neutral.size)
    given = Sample(audio, motion, neutral, space, facts["in_fps"], "one")
    item = prepared(given, DATASETS[facts["dataset"]].scale, facts["do_normalize"])
    assert (item.fps, len(item.wave), len(item.motion)) == (facts["out_fps"], facts["audio_len"], facts["frames"])
    assert np.abs(item.motion - arrays[f"{number}_out_data"]).max() < 1e-6
    assert np.abs(item.template - arrays[f"{number}_out_template"].reshape(-1)).max() < 1e-6
    assert np.abs(
        np.concatenate([item.wave[:64], item.wave[-64:]]) - arrays[f"{number}_out_audio_head_tail"]
    ).max() < 1e-5


@reference
@pytest.mark.parametrize(
    "annotation",
    ["3DETF_blendshape_weight", "inhouse_blendshape_weight", "flame_params_from_dadhead", "BIWI_23370_vertices"],
)
def test_vertices_of_a_space_are_the_references(annotation):
    recorded = np.load(FIXTURES / "train_wavlm_conv" / "train_io.npz")
    seen = vertices("train_wavlm_conv", annotation, recorded[f"loss/{annotation}/x"][0])
    assert np.abs(seen - recorded[f"loss/{annotation}/vertices"]).max() < 1e-5


def test_flame_vertices_can_be_differentiated():
    rng = np.random.default_rng(0)
    arrays = {
        "v_template": rng.normal(size=(6, 3)), "shapedirs": rng.normal(size=(6, 3, 400)),
        "posedirs": rng.normal(size=(6, 3, 36)), "J_regressor": rng.random((5, 6)),
        "kintree_table": np.array([[-1, 0, 1, 1, 1], range(5)]), "weights": rng.dirichlet(np.ones(5), 6),
    }
    parameters = torch.zeros(2, 413, requires_grad=True)
    FlameSpace(arrays).vertices(parameters).square().sum().backward()
    moved = {FLAME_413[i].rstrip("0123456789") for i in torch.nonzero(parameters.grad.abs().sum(0)).flatten().tolist()}
    assert torch.isfinite(parameters.grad).all()
    assert moved == {"shape", "expression", "jawX", "jawY", "jawZ"}


# --- our own golden files ---------------------------------------------------------------------------------------------

def golden_folder(name: str, work: Path) -> str:
    place = GOLDEN / name
    convert(Sources(place / "checkpoint.safetensors", place, place / "data", place / "official.yaml"), work / name)
    return str(work / name)


@pytest.mark.parametrize("name", make_golden.GOLDENS)
def test_golden_checkpoint_gives_its_recorded_motion(name, tmp_path):
    folder, expected = golden_folder(name, tmp_path), np.load(GOLDEN / name / "expected.npz")
    base = Settings(folder, raw=True, threads=1)
    wanted = {key: replace(base, head=key.split("|")[0], identity=f"#{key.split('|')[1]}") for key in expected.files}
    for key, animation in zip(wanted, animate_all(Waveform(make_golden.wave()), list(wanted.values())), strict=True):
        assert np.abs(animation.motion.weights - expected[key]).max() < TOLERANCE, key
