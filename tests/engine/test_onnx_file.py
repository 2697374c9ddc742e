"""Graphs that take their weights from elsewhere are refused before ONNX Runtime opens them."""

from __future__ import annotations

import struct

import pytest

from engine import ModelError
from engine.model.folder import open_model
from engine.model.onnx_file import refuse_endless, weight_files
from tests.engine.test_models import edit

EXTERNAL = b"\x70\x01"      # data_location of a tensor


def part(field: int, content: bytes) -> bytes:
    """A field of a message, with bytes in it."""
    size, length = b"", len(content)
    while length >= 128:
        size, length = size + bytes([length & 127 | 128]), length >> 7
    number = field << 3 | 2
    tag = bytes([number]) if number < 128 else bytes([number & 127 | 128, number >> 7])
    return tag + size + bytes([length]) + content


def tensor(location: str, key: str = "location") -> bytes:
    return part(8, b"w") + part(13, part(1, key.encode()) + part(2, location.encode())) + EXTERNAL


def graph(content: bytes) -> bytes:
    return part(7, content)


ways = pytest.mark.parametrize("way", [
    lambda weights: graph(part(5, weights)),
    lambda weights: graph(part(15, part(1, weights))),
    lambda weights: graph(part(15, part(2, weights))),
    lambda weights: graph(part(1, part(5, part(5, weights)))),
    lambda weights: graph(part(1, part(5, part(10, weights)))),
    lambda weights: graph(part(1, part(5, part(22, part(1, weights))))),
    lambda weights: graph(part(1, part(5, part(6, part(5, weights))))),
    lambda weights: graph(part(1, part(5, part(11, part(1, part(5, part(5, weights))))))),
    lambda weights: part(25, part(7, part(5, part(5, weights)))),
    lambda weights: part(25, part(11, part(5, weights))),
    lambda weights: part(20, part(1, part(5, weights))),
    lambda weights: graph(part(2, b"first")) + graph(part(5, weights)),
])


@ways
def test_weights_are_found_wherever_a_graph_may_have_them(tmp_path, way):
    (tmp_path / "a.onnx").write_bytes(b"\x08\x08" + way(tensor("elsewhere.bin")))
    assert weight_files(tmp_path / "a.onnx") == {"elsewhere.bin"}


@pytest.mark.parametrize(("weights", "found"), [
    (tensor("a.bin", key="offset"), set()), (part(8, b"w") + EXTERNAL, {""}),
    (part(8, b"w") + part(9, b"\x6a\x02xx\x70\x01" * 50), set()),
    (part(13, part(1, b"location") + part(2, b"a") + part(2, b"b")), {"a", "b"}),
    (part(13, part(1, b"location")), {""}),
])
def test_only_what_names_a_file_counts(tmp_path, weights, found):
    (tmp_path / "a.onnx").write_bytes(graph(part(5, weights)))
    assert weight_files(tmp_path / "a.onnx") == found


@pytest.mark.parametrize("content", [
    b"", b"\x00" * 3 + b"\x0b", b"\x3a\xff\xff\xff\xff\x0f", b"\xff" * 20, b"\x3a", part(7, b"\x0a\x05abc"),
    b"\x08\x01" * 1_000_001, b"\xba\x80\x80\x80\x10\x00",       # field 7 for a reader that counts 32 bits
])
def test_what_is_no_graph_is_a_value_error(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged|empty"):
        weight_files(tmp_path / "a.onnx")


def test_graphs_in_graphs_in_graphs_end_somewhere(tmp_path):
    content = b""
    for _ in range(200):
        content = part(1, part(5, part(6, content)))
    (tmp_path / "a.onnx").write_bytes(graph(content))
    with pytest.raises(ValueError, match="nested too deeply"):
        weight_files(tmp_path / "a.onnx")


@pytest.mark.parametrize("name", [
    "../secret.bin", "/etc/passwd", "beside.bin", "", "*/_ORT_MEM_ADDR_/*", "decoder.onnx/../beside.bin",
    "DECODER.ONNX",
])
@pytest.mark.parametrize("file", ["encoder.onnx", "decoder.onnx", "phones.onnx"])
def test_weights_of_files_that_nobody_checked_are_refused_before_opening(tiny_copy, name, file):
    (tiny_copy / "beside.bin").write_bytes(bytes(64))
    with (tiny_copy / file).open("ab") as graph_file:       # parts of a message that come later are added to the first
        graph_file.write(graph(part(5, tensor(name))))
    edit(tiny_copy, lambda info: None)
    with pytest.raises(ModelError, match=rf"{file} names weights in .*which is not among the files of model\.json"):
        open_model(str(tiny_copy))


def test_weights_of_a_checked_file_are_allowed(tiny_copy):
    (tiny_copy / "beside.bin").write_bytes(bytes(64))
    with (tiny_copy / "encoder.onnx").open("ab") as graph_file:
        graph_file.write(graph(part(5, tensor("beside.bin"))))
    edit(tiny_copy, lambda info: info["sha256"].update({"beside.bin": ""}))
    assert "beside.bin" in dict(open_model(str(tiny_copy)).hashes)


def shape(*sizes: int, raw: bool = True) -> bytes:
    """A tensor of 64-bit whole numbers; written as bytes, or number by number."""
    if raw:
        return b"\x10\x07" + part(9, struct.pack(f"<{len(sizes)}q", *sizes))
    return b"\x10\x07" + part(7, b"".join(bytes(_varint(size)) for size in sizes))


def _varint(number: int) -> list[int]:
    return [number] if number < 128 else [number & 127 | 128, *_varint(number >> 7)]


def node(operation: str, *inputs: str, more: bytes = b"") -> bytes:
    return part(1, b"".join(part(1, name.encode()) for name in inputs) + part(4, operation.encode()) + more)


HUGE = 2**16, 2**16
ENDLESS = {
    "made from weights": node("ConstantOfShape", "s") + part(5, shape(*HUGE) + part(8, b"s")),
    "number by number": node("Expand", "x", "s") + part(5, shape(*HUGE, raw=False) + part(8, b"s")),
    "made from a constant":
        node("Constant", more=part(2, b"s") + part(5, part(5, shape(*HUGE)))) + node("Tile", "x", "s"),
    "in a branch":
        node("If", more=part(5, part(6, node("ConstantOfShape", "s")))) + part(5, shape(*HUGE) + part(8, b"s")),
    "in circles": node("Loop", "n", "c"),
}


@pytest.mark.parametrize("case", ENDLESS)
def test_a_graph_that_asks_for_endless_memory_or_time_is_refused(tmp_path, case):
    (tmp_path / "a.onnx").write_bytes(graph(ENDLESS[case]))
    with pytest.raises(ValueError, match=r"makes an array of 4,294,967,296, at most|may never end"):
        refuse_endless(tmp_path / "a.onnx")


@pytest.mark.parametrize("content", [
    node("ConstantOfShape", "s") + part(5, shape(2**15, 2**16) + part(8, b"s")),
    node("Reshape", "x", "s") + part(5, shape(*HUGE) + part(8, b"s")),
    node("Gather", "x", "s") + part(5, shape(*range(1, 40)) + part(8, b"s")),
])
def test_sizes_that_fit_and_numbers_that_are_no_sizes_pass(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(graph(content))
    refuse_endless(tmp_path / "a.onnx")


def test_a_model_folder_with_such_a_graph_is_one_clear_error(tiny_copy):
    with (tiny_copy / "decoder.onnx").open("ab") as file:
        file.write(graph(ENDLESS["made from weights"]))
    edit(tiny_copy, lambda info: None)
    with pytest.raises(ModelError, match=r"decoder\.onnx cannot be used \(ConstantOfShape makes"):
        open_model(str(tiny_copy))
