"""Heads beyond plain channels: vertices through a PCA on disk, neutral faces, hidden layers; several heads and styles
in one pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine import Delays, Gains, Life, ModelError, SettingError, Settings, animate, animate_all, read_audio
from engine.__main__ import run
from engine.files import motion
from engine.model.decode import _fade
from engine.model.folder import open_model
from tests.engine.conftest import make_syllables
from tests.engine.test_models import edit

N_COORDINATES = 12


@pytest.fixture
def face(tiny_copy) -> Path:
    """The tiny model with a vertex head of 5 coefficients at 25 fps, made of jawOpen's and other weights, and a
    FLAME-like head."""
    random = np.random.default_rng(2)
    arrays = dict(np.load(tiny_copy / "heads.npz"))
    arrays["face/W"], arrays["face/b"] = arrays["before/W"][:, 15:20], np.arange(5, dtype=np.float32)
    arrays["face/mean"], arrays["face/template"] = random.normal(size=(2, N_COORDINATES)).astype(np.float32)
    arrays["deep/W0"], arrays["deep/b0"] = random.normal(size=(6, 6)).astype(np.float32), np.ones(6, np.float32)
    arrays["deep/W"], arrays["deep/b"] = arrays["after/W"][:, :2] * 9, np.float32([2, -3])
    np.savez(tiny_copy / "heads.npz", **arrays)
    np.save(tiny_copy / "face.pca.npy", random.normal(size=(5, N_COORDINATES)).astype(np.float32))
    where = {"where": "features", "align_corners": True}
    edit(tiny_copy, lambda info: (
        info["heads"].append({"id": "face", "space": "vertices", "pca": "face.pca.npy", "fps": 25, "resample": where}),
        info["heads"].append({
            "id": "deep", "space": "flame", "channels": ["expression000", "jawX"], "fps": 30, "resample": where
        }),
        info["sha256"].update({"face.pca.npy": ""}),
    ))
    return tiny_copy


@pytest.fixture
def settings(tiny, face):
    return replace(tiny, model=str(face), head="face", raw=True)


def test_vertices_are_coefficients_times_basis_plus_mean_and_template(settings, face, syllables):
    animation = animate(syllables, settings)
    arrays, components = np.load(face / "heads.npz"), np.load(face / "face.pca.npy")
    coefficients = animation.coefficients
    assert coefficients.channels == ("pca000", "pca001", "pca002", "pca003", "pca004") and coefficients.fps == 25
    expected = coefficients.weights @ components + arrays["face/mean"] + arrays["face/template"]
    assert (
        animation.motion.weights.shape == (150, N_COORDINATES)
        and animation.motion.channels[:4] == ("v0.x", "v0.y", "v0.z", "v1.x")
    )
    assert np.abs(animation.motion.weights - expected).max() < 1e-6
    plain = animate(syllables, replace(settings, head="before")).motion.weights[:, 15:20]
    assert np.abs(coefficients.weights - np.arange(5) - plain).max() < 1e-5


def test_vertices_follow_the_scene_clock_and_nothing_else_unless_raw(settings, syllables):
    raw = animate(syllables, settings).motion.weights
    scene = animate(syllables, replace(settings, raw=False, fps=25)).motion.weights
    assert np.allclose(raw, scene, atol=1e-6) and np.abs(scene).max() > 1
    assert len(animate(syllables, replace(settings, raw=False, fps=60)).motion.weights) == 360


def test_coefficients_alone_leave_the_vertices_out(settings, syllables, monkeypatch):
    whole = animate(syllables, replace(settings, raw=False))
    monkeypatch.setattr("engine.pipeline.to_vertices", lambda *_: pytest.fail("vertices were made"))
    alone = animate(syllables, replace(settings, raw=False, vertices=False))
    assert alone.motion is alone.coefficients and np.array_equal(alone.motion.weights, whole.coefficients.weights)


def test_basis_stays_on_disk(face):
    assert isinstance(open_model(str(face)).head("face").basis.components, np.memmap)


def test_own_template_takes_the_place_of_the_models(settings, face, syllables, tmp_path):
    np.save(tmp_path / "mine.npy", np.full((1, N_COORDINATES), 7.0))
    mine = animate(syllables, replace(settings, template=str(tmp_path / "mine.npy"))).motion.weights
    difference = mine - animate(syllables, settings).motion.weights
    assert np.allclose(difference, 7 - np.load(face / "heads.npz")["face/template"], atol=1e-5)
    np.save(tmp_path / "weights.npy", np.full(52, 0.25))
    blendshapes = replace(settings, head="before")
    moved = animate(syllables, replace(blendshapes, template=str(tmp_path / "weights.npy"))).motion.weights
    assert np.allclose(moved - animate(syllables, blendshapes).motion.weights, 0.25, atol=1e-5)


@pytest.mark.parametrize(("content", "message"), [
    (np.zeros(13), "has 13 numbers, head face needs 12"), (np.full(12, np.nan), "12 finite ones"),
    (np.array([{}]), "cannot be read"),
    (None, r"none\.npy cannot be read"), (np.zeros(12, complex), "not hold one array of numbers"),
    (b"PK\3\4 no zip", r"t\.npy cannot be read"),
])
def test_wrong_template_is_refused(settings, syllables, tmp_path, content, message):
    path = tmp_path / ("none.npy" if content is None else "t.npy")
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(SettingError, match=message):
        animate(syllables, replace(settings, template=str(path)))


def test_hidden_layers_come_before_strength(settings, syllables):
    def raw(**changes):
        return animate(syllables, replace(settings, head="deep", **changes)).motion.weights

    pivot, wide = raw(), raw(identity="wide")
    assert (
        np.allclose(raw(identity="wide", strength=2), pivot + 2 * (wide - pivot), atol=1e-4)
        and np.abs(wide - pivot).max() > 1e-3
    )
    assert np.all(
        np.abs(pivot - [2, -3]) < 9 * np.abs(
            np.load(Path(settings.model) / "heads.npz")["after/W"][:, :2]
        ).sum(axis=0) + 1e-6
    )
    unlimited = animate(syllables, replace(settings, head="deep", raw=False, fps=30)).motion.weights
    assert np.allclose(unlimited, pivot, atol=1e-5)     # parameters are not clipped to 0..1


@pytest.mark.parametrize(("damage", "message"), [
    (lambda info: info["heads"][3].update(pca="other.npy"), r"PCA file other\.npy is not among the files"),
    (lambda info: info["heads"][3].update(pca="identities.npy"), r"components \(3, 3\) float32 and mean \(12,\)"),
    (lambda info: info["heads"][3].update(space="faces"), "space 'faces'"),
    (lambda info: info["heads"][4].pop("channels"), "KeyError"),
])
def test_head_that_does_not_fit_is_named(face, damage, message):
    edit(face, damage)
    with pytest.raises(ModelError, match=message):
        open_model(str(face))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_basis_that_is_not_finite_is_named(face, value):
    np.save(face / "face.pca.npy", np.full((5, N_COORDINATES), value, np.float32))
    edit(face, lambda info: None)
    with pytest.raises(ModelError, match="PCA of head face holds values that are not finite"):
        open_model(str(face))


@pytest.mark.parametrize(("name", "array", "message"), [
    ("face/template", np.zeros(5), r"template of head face has shape \(5,\), must be \(12,\)"),
    ("deep/W0", np.zeros((6, 5)), "hidden layers that are not 6 wide"), ("face/mean", np.zeros(10), r"mean \(10,\)"),
    ("face/mean", np.zeros((1, 12)), r"mean \(1, 12\)"),
])
def test_array_of_another_size_is_named(face, name, array, message):
    np.savez(face / "heads.npz", **{**np.load(face / "heads.npz"), name: array.astype(np.float32)})
    edit(face, lambda info: None)
    with pytest.raises(ModelError, match=message):
        open_model(str(face))


def test_one_pass_gives_what_single_calls_give(settings, syllables):
    wanted = [
        replace(settings, head=head, identity=identity)
        for head in ("face", "deep", "arkit52") for identity in ("pivot", "wide")
    ]
    for one, together in zip(wanted, animate_all(syllables, wanted), strict=True):
        assert np.array_equal(animate(syllables, one).motion.weights, together.motion.weights)


def test_one_pass_is_for_one_model(settings, tiny, syllables):
    with pytest.raises(SettingError, match="must agree in model"):
        animate_all(syllables, [settings, replace(settings, model=tiny.model)])


def test_model_without_a_pivot_takes_the_last_row_and_says_so(settings, face, syllables):
    edit(face, lambda info: info.update(pivot=None))
    animation = animate(syllables, settings)
    assert "no neutral style: round is used" in animation.warnings[0]
    assert np.array_equal(animation.motion.weights, animate(syllables, replace(settings, identity="#2")).motion.weights)
    assert animate(syllables, replace(settings, identity="wide")).warnings == ()


def test_exact_fade_is_the_references_line_and_the_other_has_no_corners():
    assert np.allclose(_fade(5, exact=True), [0, 0.25, 0.5, 0.75, 1])
    curve = _fade(150, exact=False)
    assert curve[:15].max() == 0 and curve[-15:].min() == 1 and np.all(np.diff(curve) >= 0)
    assert np.abs(np.diff(curve, 2)).max() < 0.001      # the line bends by 0.0067 at its ends


FLAME_RIG = [*(f"Exp{number}" for number in range(1, 101)), "bone:jaw"]


def preset_arguments(face, tmp_path, head: str, names: list[str]) -> list[str]:
    import soundfile

    soundfile.write(tmp_path / "a.wav", make_syllables(1.0).samples, 16000)
    (tmp_path / "rig.txt").write_text("\n".join(names))
    return [
        "animate", str(tmp_path / "a.wav"), "-o", str(tmp_path / "a.npz"), "--model", str(face), "--head", head,
        "--preset", "auto", "--channels", str(tmp_path / "rig.txt"),
    ]


def test_command_line_finds_the_preset_of_a_flame_rig(face, tmp_path):
    assert run(preset_arguments(face, tmp_path, "deep", FLAME_RIG)) == 0
    written = motion.read_motion(tmp_path / "a.npz")
    expected = animate(read_audio(tmp_path / "a.wav"), Settings(model=str(face), head="deep")).motion
    assert written.channels == ("jaw.rotation_euler[0]", "Exp1")
    assert np.allclose(written.weights, expected.weights[:, ::-1], atol=1e-6) and np.abs(expected.weights).max() > 1


@pytest.mark.parametrize(("head", "names", "message"), [
    ("deep", ["jawOpen", "mouthClose"], (
        "No preset fits this character: it has 2 shape keys (jawOpen, mouthClose), no bones, no custom properties. "
        "In Blender's sidebar: Map It Yourself lets you choose its controls, Teach learns from keys of your own. Or "
        "name its shape keys as FLAME rigs do (Exp1, Exp2, ...; a bone named jaw)"
    )),
    ("before", FLAME_RIG, "name its shape keys as ARKit does"),
    (
        "face", FLAME_RIG,
        "Head face gives vertices, which no preset reads. Choose another head, or leave the preset out",
    ),
    ("all", FLAME_RIG, "Head face gives vertices"),
])
def test_head_that_does_not_fit_the_rig_is_told_before_the_work(
    face, tmp_path, capsys, monkeypatch, head, names, message
):
    monkeypatch.setattr("engine.pipeline.encode", lambda *_: pytest.fail("it was encoded"))
    assert run(preset_arguments(face, tmp_path, head, names)) == 1
    assert message in capsys.readouterr().err and not (tmp_path / "a.npz").exists()


def test_command_line_writes_one_file_per_head_and_identity(face, tmp_path, capsys):
    import soundfile

    soundfile.write(tmp_path / "a.wav", make_syllables(1.0).samples, 16000)
    arguments = ["animate", str(tmp_path / "a.wav"), "-o", str(tmp_path / "a.npz"), "--model", str(face), "--raw"]
    assert run([*arguments, "--head", "all", "--identity", "wide", "--identity", "blend:wide=1,round=1"]) == 0
    names = {file.name for file in tmp_path.glob("*.npz")}
    assert names == {f"a.{head}.{identity}.npz" for head in ("arkit52", "before", "after", "face", "deep")
                     for identity in ("wide", "blend_wide_1_round_1")}
    assert motion.read_motion(tmp_path / "a.face.wide.npz").weights.shape == (25, N_COORDINATES)
    assert run([*arguments, "--head", "all", "--template", "t.npy"]) == 1
    assert "Name the head" in capsys.readouterr().err


@pytest.mark.parametrize(("change", "chosen"), [
    ({"articulation": 0.5}, "Articulation"), ({"gains": Gains(jaw=2), "delays": Delays(lips=0.1)}, "Gains, delays"),
    ({"life": Life(head=1)}, "Life"),
])
def test_a_head_without_face_shapes_says_what_has_no_effect(settings, syllables, change, chosen):
    plain = replace(settings, raw=False, vertices=False)
    assert animate(syllables, plain).warnings == ()
    animation = animate(syllables, replace(plain, **change))
    assert animation.warnings == (f"{chosen}: no effect on head {settings.head}, which gives no face shapes.",)
    assert np.array_equal(animation.motion.weights, animate(syllables, plain).motion.weights)


def test_who_changes_vertices_changes_nothing_that_is_kept(settings, syllables):
    plain = replace(settings, raw=False, vertices=False, fps=25.0)
    first = animate(syllables, plain).motion.weights
    before = first.copy()
    first[:] = 0
    assert np.array_equal(animate(syllables, plain).motion.weights, before)
