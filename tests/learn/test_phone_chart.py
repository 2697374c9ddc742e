"""The charts of mouths: drawn with numpy alone, and showing what the phones look like."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PIL", reason="the charts are written with Pillow")

from engine.learn.synth.phones import PHONES
from engine.values.channels import ARKIT_52
from tests.demo.chart_heads import Head, test_head
from tests.demo.phone_chart import FRONT, SIDE, WIDTH_MM, mouth_of
from tests.demo.raster import Mesh, View, draw

test_head.__test__ = False      # a head for tests, not a test


@pytest.fixture(scope="module")
def head() -> Head:
    return test_head()


def picture(head: Head, phone: str, yaw: float = FRONT) -> np.ndarray:
    weights = mouth_of(phone).astype(np.float64)
    return np.asarray(draw(head.posed(weights, ARKIT_52), View(head.mouth, yaw, WIDTH_MM, 60)), np.float64)


def test_a_square_is_drawn_where_it_is_and_the_nearer_one_hides_the_farther():
    corners = np.array([[-10, 0, -10], [10, 0, -10], [10, 0, 10], [-10, 0, 10]], float)
    far = corners * 2 + (0, 5, 0)
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    mesh = Mesh(
        np.concatenate([corners, far]), triangles, np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]], float)
    )
    pixels = np.asarray(draw(mesh, View(np.zeros(3), 0.0, 80.0, 80)), int)
    red, blue = (pixels[..., i] > pixels[..., 2 - i] + 50 for i in (0, 2))
    assert red.sum() == pytest.approx(20 * 20, abs=90)
    assert blue.sum() == pytest.approx(40 * 40 - 20 * 20, abs=170)
    assert red[40, 40] and blue[40, 23] and not blue[40, 40]


def test_open_vowels_show_the_inside_of_the_mouth_and_p_b_m_do_not(head):
    dark = {phone: int((picture(head, phone).max(axis=-1) < 70).sum()) for phone in ("AA", "P", "B", "M", "SIL")}
    assert dark["AA"] > 60
    assert max(dark["P"], dark["B"], dark["M"]) <= dark["SIL"] + 10 < dark["AA"] / 2


def test_round_phones_reach_further_forward_in_the_side_view(head):
    def foremost_lip(phone: str) -> int:
        rows = picture(head, phone, SIDE)[24:44]
        return int(np.flatnonzero((rows.min(axis=-1) < 200).any(axis=0))[0])

    assert foremost_lip("UW") < foremost_lip("IY")


def test_every_phone_has_a_mouth():
    assert all(np.isfinite(mouth_of(phone)).all() and mouth_of(phone).shape == (52,) for phone in PHONES)
