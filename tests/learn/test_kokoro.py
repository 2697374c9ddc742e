"""Kokoro's text and its graph as plain numbers; the network itself is not needed."""

import random

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from engine.learn.synth.kokoro import _japanese, _mandarin, _respelt
from engine.learn.synth.kokoro_graph import as_float
from engine.learn.synth.phones import PHONES
from engine.learn.synth.read_voices import is_reported, plain


def test_syllables_are_made_of_known_phones():
    rng = random.Random(0)
    made = [syllable(rng) for syllable in (_mandarin, _japanese) for _ in range(300)]
    assert {label for _, classes in made for label in classes.split()} <= set(PHONES)
    assert {spelt[-1] for spelt, _ in made[:300]} == set("→↗↓↘")


def test_english_symbols_become_kokoros():
    assert _respelt("tʃˈeɪndʒ", "en-us") == "ʧˈAnʤ"
    assert _respelt("fˈɑːðɚ", "en-us") == "fˈɑðəɹ"
    assert _respelt("ʧiːts", "de") == "ʧiːʦ"


def test_a_quantised_product_becomes_a_plain_one():
    """y = x W with W in 8 bits: steps of .5 round 128."""
    steps = np.array([[128, 130], [126, 128], [129, 127]], np.uint8)
    matrix = (steps.astype(np.float32) - 128) * 0.5
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("MatMulInteger", ["q", "w", "z", "w_zero"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["s", "w_step"], ["both"]),
        helper.make_node("Mul", ["f", "both"], ["y"]),
    ]
    stored = [
        numpy_helper.from_array(steps, "w"), numpy_helper.from_array(np.array(128, np.uint8), "w_zero"),
        numpy_helper.from_array(np.array(0.5, np.float32), "w_step"),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n]) for name, n in (("x", 3), ("y", 2)))
    graph = helper.make_graph(nodes, "product", [x], [y], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    plain_model = onnx.load_from_string(as_float(model.SerializeToString()))
    assert [node.op_type for node in plain_model.graph.node] == ["MatMul"]
    session = onnxruntime.InferenceSession(plain_model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = np.array([[0.3, -1.0, 2.0]], np.float32)
    np.testing.assert_allclose(session.run(None, {"x": given})[0], given @ matrix, atol=1e-6)


def test_a_sentence_read_twice_is_on_one_side_of_the_split():
    first, second = plain("Author of the danger trail, etc."), plain("author of the danger trail -- etc")
    assert first == second and is_reported(first) == is_reported(second)
    shares = [is_reported(f"sentence {word}") for word in map(str, range(2000))]
    assert 0.07 < np.mean(shares) < 0.13
