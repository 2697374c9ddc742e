"""One training run on several processes, a graphics card each, or on one: each takes its part of every batch, their
gradients are averaged, the first process alone writes.

`accelerate launch` of Hugging Face and torchrun start the processes and tell each its number by the same variables:
accelerate launch --num_processes 2 -m engine train CONFIG.toml.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor, distributed, nn

from ...values.errors import SettingError

CPU, AUTO = "cpu", "auto"


@dataclass(frozen=True)
class Processes:
    """This process among those of a run: its number, how many there are, where it computes."""

    number: int = 0
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device(CPU))

    @property
    def writes(self) -> bool:
        """Whether it is the one that writes files and shows progress."""
        return self.number == 0

    def part(self, batch: Any) -> Any:  # noqa: ANN401  a recipe's own kind of batch
        """This process's clips of a batch, on its device; of fewer clips than processes each takes all."""
        return _each_tensor(batch, self._part_of)

    def share(self, batch: Any) -> float:  # noqa: ANN401
        """What the mean over this process's clips weighs in the mean over all, times the number of processes."""
        sizes = _sizes(batch)
        if self.count == 1 or not sizes or sizes[0] < self.count:
            return 1.0
        return len(range(self.number, sizes[0], self.count)) * self.count / sizes[0]

    def average_gradients(self, network: nn.Module) -> None:
        """Give every process the mean of the gradients; what no process had stays without one."""
        if self.count == 1:
            return
        for weight in network.parameters():
            if weight.grad is not None:
                distributed.all_reduce(weight.grad)
                weight.grad /= self.count

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """The first process does it, then the others, which find what it wrote."""
        if self.count > 1 and not self.writes:
            distributed.barrier()
        yield
        if self.count > 1 and self.writes:
            distributed.barrier()

    def _part_of(self, tensor: Tensor) -> Tensor:
        whole = self.count == 1 or not tensor.ndim or len(tensor) < self.count
        return (tensor if whole else tensor[self.number::self.count]).to(self.device)


def join(device: str) -> Processes:
    """This process, and the group that its launcher started it in.

    Args:
        device: "cpu", "cuda", "cuda:1", or "auto" for a card where there is one.
    Raises:
        SettingError: no such device.
    """
    count, number = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    chosen = _device(device, int(os.environ.get("LOCAL_RANK", "0")) if count > 1 else 0)
    if count > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    return Processes(number, count, chosen)


def _device(name: str, card: int) -> torch.device:
    if name == AUTO:
        name = "cuda" if torch.cuda.is_available() else CPU
    try:
        device = torch.device(f"cuda:{card}" if name == "cuda" else name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SettingError(f"Device {name!r} cannot be used ({reason}). Set device = \"auto\" or \"cpu\".") from error
    return device


def _each_tensor(value: Any, change: Callable[[Tensor], Tensor]) -> Any:  # noqa: ANN401
    if isinstance(value, Tensor):
        return change(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: _each_tensor(getattr(value, item.name), change) for item in fields(value)})
    if isinstance(value, dict):
        return {name: _each_tensor(one, change) for name, one in value.items()}
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(_each_tensor(one, change) for one in value)
    return value


def _sizes(value: Any) -> list[int]:  # noqa: ANN401
    """Lengths of the tensors of a batch."""
    found: list[int] = []

    def note(tensor: Tensor) -> Tensor:
        found.extend(tensor.shape[:1])
        return tensor

    _each_tensor(value, note)
    return found
