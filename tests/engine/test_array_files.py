"""Arrays from strangers: sizes before unfolding, and one kind of error for every damage."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from engine.values.array_files import ArrayFileError, map_array, read_array, read_arrays


def npy(values) -> bytes:
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


def header(text: str, version: int = 1) -> bytes:
    size = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + text.encode("latin-1")


def write_zip(path, members: dict[str, bytes], method: int = zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("values", [
    np.arange(6, dtype=np.float32).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(4, dtype=">i2"), np.array(["jaw", "lips"]), np.float64(29.97), np.zeros((0, 3), np.float32),
    np.array([True, False]), np.zeros((2, 0), "U4"),
])
@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(tmp_path, values, write):
    np.save(tmp_path / "a.npy", values)
    write(tmp_path / "a.npz", one=values, other=np.ones(2))
    for read in (read_array(tmp_path / "a.npy"), read_arrays(tmp_path / "a.npz")["one"]):
        assert read.dtype == values.dtype and np.array_equal(read, values)


def test_a_mapped_array_is_that_of_the_file(tmp_path):
    values = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    assert isinstance(map_array(tmp_path / "a.npy"), np.memmap)
    assert np.array_equal(map_array(tmp_path / "a.npy"), values)


def test_a_zip_that_unfolds_to_more_than_may_be_is_not_unfolded(tmp_path):
    path = tmp_path / "bomb.npz"
    archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open("a.npy", "w") as member:
        member.write(header("{'descr': '<f4', 'fortran_order': False, 'shape': (75497472,)}"))
        for _ in range(72):
            member.write(bytes(4 * 2**20))
    assert path.stat().st_size < 3 * 2**20
    with pytest.raises(ArrayFileError, match=r"unfolds to 301,989,\d+ bytes, at most 268,435,456"):
        read_arrays(path)


def test_small_numbers_count_as_the_float32_that_is_made_of_them(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", one=np.zeros(400, np.int8), two=np.zeros(400, np.int8))
    assert set(read_arrays(tmp_path / "a.npz", 3200)) == {"one", "two"}
    with pytest.raises(ArrayFileError, match="takes 1,600 bytes"):
        read_arrays(tmp_path / "a.npz", 3199)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_packed_in_another_way_is_refused(tmp_path, method):
    write_zip(tmp_path / "a.npz", {"a.npy": npy(np.ones(3))}, method)
    with pytest.raises(ArrayFileError, match="packed in a way that NumPy does not use"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize(("field", "value", "message"), [
    (6, 1, "encrypted"), (8, 99, "packed in a way"), (8, 14, "packed in a way"), (8, 12, "packed in a way"),
])
def test_flags_and_methods_of_a_zip_are_read_before_its_content(tmp_path, field, value, message):
    write_zip(tmp_path / "a.npz", {"a.npy": npy(np.ones(3))})
    content = bytearray((tmp_path / "a.npz").read_bytes())
    local, central = content.index(b"PK\x03\x04"), content.index(b"PK\x01\x02")
    content[local + field] = content[central + field + 2] = value
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ArrayFileError, match=message):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("text", [
    "", "{", "(" * 9000, "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': '<f3', 'fortran_order': False, 'shape': (1,)}", "{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 99999999999999999999)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 5000 + ",)}",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1)}",
    "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "\x00'''\\",
    "{'descr': '<U0', 'fortran_order': False, 'shape': (99999999999,)}",
])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_header_that_cannot_be_is_one_kind_of_error(tmp_path, text, version):
    (tmp_path / "a.npy").write_bytes(header(text, version) + bytes(8))
    write_zip(tmp_path / "a.npz", {"a.npy": header(text, version) + bytes(8)})
    for read, name in ((read_array, "a.npy"), (read_arrays, "a.npz")):
        with pytest.raises(ArrayFileError):
            read(tmp_path / name)


@pytest.mark.parametrize("members", [{"a.txt": b"text"}, {"a.npy": b""}, {"a.npy": npy(np.ones(9))[:-1]}])
def test_what_is_no_array_is_refused(tmp_path, members):
    with pytest.raises(ArrayFileError):
        read_arrays(write_zip(tmp_path / "a.npz", members))
