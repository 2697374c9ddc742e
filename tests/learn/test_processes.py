"""One run on two processes, as accelerate launch and torchrun start them, equals the run on one; bfloat16; the log."""

from __future__ import annotations

import multiprocessing
import os
import socket
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed

from engine.learn.train import loop
from engine.learn.train.processes import Processes, join
from engine.learn.train.run import LAST
from engine.learn.train.run_log import LOG
from engine.values.errors import SettingError

from .test_stages import SETTINGS, Line, LineRecipe


class OddLine(Line):
    """Seven rows, which two processes cannot share equally."""

    def batch(self, step: int, seed: int) -> Tensor:
        return super().batch(step, seed)[:7]


def train_odd(folder: Path, **changes: object) -> dict:
    loop.train(LineRecipe(), OddLine(), replace(SETTINGS, **changes), folder)
    return torch.load(folder / LAST, weights_only=True)["model"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="new processes would load torch again")
def test_two_processes_that_share_a_batch_end_with_the_weights_of_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = [
        multiprocessing.get_context("fork").Process(target=train_as, args=(number, port, tmp_path / "two"))
        for number in range(2)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(200)
    assert [process.exitcode for process in started] == [0, 0]
    two = torch.load(tmp_path / "two" / LAST, weights_only=True)["model"]
    one = train_odd(tmp_path / "one")
    assert all(torch.allclose(value, two[name], atol=1e-6) for name, value in one.items())


def train_as(number: int, port: int, folder: Path) -> None:
    """One of two processes, with the variables of a launcher."""
    os.environ.update({
        "WORLD_SIZE": "2", "RANK": str(number), "LOCAL_RANK": str(number), "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    })
    train_odd(folder)
    distributed.destroy_process_group()


def test_a_part_has_its_clips_and_weighs_as_many():
    @dataclass(frozen=True)
    class Batch:
        name: str
        rows: Tensor

    batch = Batch("x", torch.arange(5))
    first, second = Processes(0, 2), Processes(1, 2)
    assert first.part(batch).rows.tolist() == [0, 2, 4] and second.part(batch).rows.tolist() == [1, 3]
    assert (first.share(batch), second.share(batch)) == (pytest.approx(6 / 5), pytest.approx(4 / 5))
    alone = Batch("x", torch.arange(1))
    assert second.part(alone).rows.tolist() == [0] and second.share(alone) == 1.0


def test_a_device_that_is_not_there_is_said():
    with pytest.raises(SettingError, match=r"'abacus' cannot be used"):
        join("abacus")


def test_a_run_in_bfloat16_ends_near_that_in_full_precision(tmp_path):
    full, half = (train_odd(tmp_path / str(low), bfloat16=low) for low in (False, True))
    assert any(not torch.equal(value, half[name]) for name, value in full.items())
    assert all(torch.allclose(value, half[name], atol=0.02) for name, value in full.items())


def test_the_log_of_a_run_that_was_stopped_has_every_row_once(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "LOG_STEPS", 1)
    train_odd(tmp_path, steps=4)
    with (tmp_path / LOG).open("a") as file:
        file.write("5,error,9\n")           # made after the last checkpoint, then it was stopped
    train_odd(tmp_path)
    rows = [line.split(",") for line in (tmp_path / LOG).read_text().splitlines()]
    assert rows[0] == ["step", "name", "value"]
    errors = [(int(step), float(value)) for step, name, value in rows[1:] if name == "error"]
    assert [step for step, _ in errors] == [1, 2, 3, 4, 5, 6] and max(value for _, value in errors) < 9 * 36

